//! Signatures of ops: what a call may say. The reference and the did-you-mean messages are made from them.

/// An op's signature.
#[derive(Debug)]
pub struct OpDef {
    /// What the language calls it.
    pub name: &'static str,
    /// May specs call it by name? (`input` and the arithmetic behind operators may not.)
    pub callable: bool,
    /// One line.
    pub summary: &'static str,
    /// What flows in, in order.
    pub inputs: &'static [InputDef],
    /// Parameters, in the order in which positional arguments are taken.
    pub params: &'static [ParamDef],
    /// Names of its results.
    pub outputs: &'static [&'static str],
    /// A complete example of a call.
    pub example: &'static str,
}

/// One input.
#[derive(Debug)]
pub struct InputDef {
    /// Its name.
    pub name: &'static str,
    /// Takes any number of values, or a list of them.
    pub variadic: bool,
    /// May be left out.
    pub optional: bool,
    /// Must be named in a call (`like: x4`).
    pub named: bool,
    /// What it is, for the reference.
    pub doc: &'static str,
}

impl InputDef {
    /// One value.
    pub const fn one(name: &'static str, doc: &'static str) -> Self {
        Self { name, variadic: false, optional: false, named: false, doc }
    }

    /// Any number of values.
    pub const fn many(name: &'static str, doc: &'static str) -> Self {
        Self { name, variadic: true, optional: false, named: false, doc }
    }

    /// A value that is named in the call.
    pub const fn named(name: &'static str, doc: &'static str) -> Self {
        Self { name, variadic: false, optional: false, named: true, doc }
    }

    /// A value that is named in the call or left out.
    pub const fn maybe(name: &'static str, doc: &'static str) -> Self {
        Self { name, variadic: false, optional: true, named: true, doc }
    }
}

/// One parameter.
#[derive(Debug)]
pub struct ParamDef {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: ParamType,
    /// Its default, as it would be written; none: the call must give it.
    pub default: Option<&'static str>,
    /// What it means, with its unit.
    pub doc: &'static str,
}

impl ParamDef {
    /// A parameter that a call must give.
    pub const fn required(name: &'static str, ty: ParamType, doc: &'static str) -> Self {
        Self { name, ty, default: None, doc }
    }

    /// A parameter with a default.
    pub const fn with(name: &'static str, ty: ParamType, default: &'static str, doc: &'static str) -> Self {
        Self { name, ty, default: Some(default), doc }
    }
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// A whole number of at least 1.
    Count,
    /// A whole number of at least 0.
    Whole,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// `3` or `[3, 5]` (rows, columns), each at least 1.
    Pair,
    /// `1`, `[1, 2]` (rows, columns), each at least 0, or one of these words.
    PairOr(&'static [&'static str]),
    /// A list of numbers, or one of these words.
    Weights(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl ParamType {
    /// What it takes, in words.
    pub fn describe(self) -> String {
        match self {
            Self::Count => "a whole number of at least 1".into(),
            Self::Whole => "a whole number of at least 0".into(),
            Self::Float => "a number".into(),
            Self::Bool => "`true` or `false`".into(),
            Self::Pair => "a whole number of at least 1, or two of them, `[rows, columns]`".into(),
            Self::PairOr(words) => format!("{}, a whole number, or `[rows, columns]`", one_of(words)),
            Self::Weights(words) => format!("a list of numbers, or {}", one_of(words)),
            Self::Choice(words) => one_of(words),
        }
    }

    /// The words that it takes.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::PairOr(words) | Self::Weights(words) | Self::Choice(words) => words,
            Self::Count | Self::Whole | Self::Float | Self::Bool | Self::Pair => &[],
        }
    }
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [init @ .., last] => {
            let init: Vec<String> = init.iter().map(|w| format!("`{w}`")).collect();
            format!("{} or `{last}`", init.join(", "))
        }
    }
}
