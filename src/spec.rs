//! Specs from files: the compiler itself opens none.

use std::path::Path;

use phg_compiler::bundle;
use phg_compiler::elaborate::Limits;
use phg_compiler::parse::{NotText, decode};
use phg_compiler::source::{Provider, SourceMap};
use phg_compiler::{Compilation, Mode, Network, Request, compile};
use phg_runtime::error::{Error, Kind};

use crate::args::{Compile, ModeName};
use crate::failure::{self, Failure};

/// Reads imported files from the disk, relative to the importing one.
struct Files;

impl Provider for Files {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let name = bundle::join(from, path);
        match std::fs::read(&name) {
            Ok(bytes) => match decode(&name, bytes) {
                Ok(text) => Ok((name, text)),
                Err(not_text) => Err(not_text.diag.message),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(format!("there is no file `{name}`"))
            }
            Err(error) => Err(format!("`{name}`: {error}")),
        }
    }
}

/// Specs that the program has with it, for checks that need no file.
struct Shipped;

const SHIPPED: [(&str, &str); 3] = [
    ("phgmm.phg", include_str!("../specs/phgmm.phg")),
    ("phgmm-small.phg", include_str!("../specs/phgmm-small.phg")),
    ("unet-small.phg", include_str!("../specs/unet-small.phg")),
];

impl Provider for Shipped {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let name = bundle::join(from, path);
        let found = SHIPPED.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, text)| (name.clone(), (*text).to_owned()))
            .ok_or_else(|| format!("there is no `{name}`"))
    }
}

/// The network of a spec that the program has with it, such as `unet-small.phg`.
pub(crate) fn shipped(name: &str) -> Result<Network, Failure> {
    let text = SHIPPED.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| *text);
    let Compilation { sources, diags, network } =
        compile(&Request { provider: &Shipped, ..Request::new(name, text) });
    network.ok_or(Failure::Spec { sources, diags })
}

/// A network and the files that it was compiled from.
pub(crate) struct Compiled {
    pub(crate) network: Network,
    pub(crate) sources: SourceMap,
}

/// The text of a spec's file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        let code = phg_compiler::diag::codes::IMPORT_MISSING.id;
        let why = if error.kind() == std::io::ErrorKind::NotFound {
            "there is no such spec".to_owned()
        } else {
            format!("the spec cannot be read: {error}")
        };
        Error::new(code, Kind::Usage, why)
            .at(path.display())
            .help("specs that are shipped lie in `specs/`, such as `specs/unet-small.phg`")
    })?;
    decode(&path.to_string_lossy(), bytes).map_err(|not_text| {
        let NotText { sources, diag } = *not_text;
        Failure::Spec { sources, diags: vec![diag] }
    })
}

/// Compiles whatever the outcome, also with each bool parameter turned: what `phgc check` proves.
pub(crate) fn prove(path: &Path, options: &Compile) -> Result<Compilation, Failure> {
    try_compile(path, &options.sets, &options.limits, true)
}

fn try_compile(
    path: &Path,
    sets: &[(String, String)],
    limits: &[(String, String)],
    both_ways: bool,
) -> Result<Compilation, Failure> {
    let text = read(path)?;
    let name = path.to_string_lossy().replace('\\', "/");
    let limits = read_limits(limits)?;
    Ok(compile(&Request { sets, provider: &Files, limits, both_ways, ..Request::new(&name, &text) }))
}

/// Compiles; lints go to standard error, errors are a failure.
pub(crate) fn load(path: &Path, options: &Compile) -> Result<Compiled, Failure> {
    load_with(path, &options.sets, &options.limits)
}

/// As [`load`], with settings at hand.
pub(crate) fn load_with(
    path: &Path,
    sets: &[(String, String)],
    limits: &[(String, String)],
) -> Result<Compiled, Failure> {
    let Compilation { sources, diags, network } = try_compile(path, sets, limits, false)?;
    match network {
        Some(network) => {
            if !diags.is_empty() {
                eprint!("{}", failure::draw(&diags, &sources));
            }
            Ok(Compiled { network, sources })
        }
        None => Err(Failure::Spec { sources, diags }),
    }
}

fn read_limits(pairs: &[(String, String)]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for (name, value) in pairs {
        let wrong = |why: String| {
            Failure::from(
                Error::new("phg::param::unknown", Kind::Usage, why)
                    .at("--limit")
                    .help("write `--limit nodes=500000`"),
            )
        };
        let number: u64 = value.parse().map_err(|_| wrong(format!("`{value}` is not a whole number")))?;
        match name.as_str() {
            "nodes" => limits.nodes = usize::try_from(number).unwrap_or(usize::MAX),
            "depth" => limits.depth = usize::try_from(number).unwrap_or(usize::MAX).min(256),
            "steps" => limits.steps = number,
            "parameters" => limits.parameters = number,
            "tensor" => limits.tensor = number,
            _ => {
                return Err(wrong(format!(
                    "there is no limit `{name}`; there are nodes, depth, steps, parameters and tensor"
                )));
            }
        }
    }
    Ok(limits)
}

/// The compiler's mode.
pub(crate) fn mode(name: ModeName) -> Mode {
    match name {
        ModeName::Train => Mode::Train,
        ModeName::Eval => Mode::Eval,
        ModeName::Infer => Mode::Infer,
    }
}
