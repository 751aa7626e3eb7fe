//! A call's parameters after binding: every one present, every one of its type.

use crate::source::Span;

/// A parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// Of a `Count` or `Whole`.
    Int(usize),
    /// Of a `Float`.
    Float(f64),
    /// Of a `Bool`.
    Bool(bool),
    /// Of a `Pair` or `PairOr`.
    Pair([usize; 2]),
    /// Of a `Choice`, and the words of `PairOr` and `Weights`.
    Word(&'static str),
    /// Of `Weights`.
    Floats(Vec<f32>),
}

/// The parameters of one call. The getters return the neutral value for a name or type that is not there,
/// which binding rules out: every parameter of the signature is present with its type.
#[derive(Clone, Debug)]
pub struct Args {
    /// The whole call.
    pub call: Span,
    values: Vec<(&'static str, Const, Span)>,
}

impl Args {
    /// Parameters by name, each with the place where it was given (the call, for a default).
    pub fn new(call: Span, values: Vec<(&'static str, Const, Span)>) -> Self {
        Self { call, values }
    }

    fn get(&self, name: &str) -> Option<&Const> {
        self.values.iter().find(|(n, _, _)| *n == name).map(|(_, value, _)| value)
    }

    /// Where a parameter was given.
    pub fn span(&self, name: &str) -> Span {
        self.values.iter().find(|(n, _, _)| *n == name).map_or(self.call, |(_, _, span)| *span)
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> usize {
        if let Some(Const::Int(value)) = self.get(name) { *value } else { 0 }
    }

    /// A number.
    pub fn float(&self, name: &str) -> f64 {
        if let Some(Const::Float(value)) = self.get(name) { *value } else { 0.0 }
    }

    /// A truth value.
    pub fn bool(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Const::Bool(true)))
    }

    /// Rows and columns.
    pub fn pair(&self, name: &str) -> [usize; 2] {
        if let Some(Const::Pair(value)) = self.get(name) { *value } else { [1, 1] }
    }

    /// Rows and columns, or `None` for a word such as `same`.
    pub fn maybe_pair(&self, name: &str) -> Option<[usize; 2]> {
        if let Some(Const::Pair(value)) = self.get(name) { Some(*value) } else { None }
    }

    /// A word.
    pub fn word(&self, name: &str) -> &'static str {
        if let Some(Const::Word(value)) = self.get(name) { value } else { "" }
    }

    /// A list of numbers, or `None` for a word.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        if let Some(Const::Floats(value)) = self.get(name) { Some(value) } else { None }
    }
}
