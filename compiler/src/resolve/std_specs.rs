//! The standard library: blocks written in the language itself, compiled into the program.

macro_rules! library {
    ($($name:literal),* $(,)?) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../specs/std/", $name, ".phg")))),*];
    };
}

library! {
    "aspp",
    "attention",
    "fcn",
    "hrnet",
    "latent",
    "layers",
    "preactivation",
    "resnet",
    "vgg",
}

/// The text of a module of the standard library.
pub fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The module that defines a block.
pub fn with_block(name: &str) -> Option<&'static str> {
    let header = format!("\nblock {name}(");
    FILES.iter().find(|(_, text)| text.contains(&header)).map(|(module, _)| *module)
}

/// Every module's name.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}
