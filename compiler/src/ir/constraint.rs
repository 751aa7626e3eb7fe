//! What must hold of the free sizes: equalities that the algebra cannot decide, divisions that must be exact.

use crate::ir::dim::{Dim, Sizes, Symbol};
use crate::source::Span;

/// One constraint on `N`, `H`, `W`.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// What must hold.
    pub kind: ConstraintKind,
    /// Who asks for it.
    pub span: Span,
    /// In words: `x and skip are added, so their heights are equal`.
    pub because: String,
    /// The spec states it, in an assertion or as an exact division; otherwise an operation asks for it.
    pub stated: bool,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// Two sizes are equal.
    Equal(Dim, Dim),
    /// A size is a multiple of a number.
    Multiple(Dim, i64),
    /// A size is at least so much.
    AtLeast(Dim, i64),
}

impl ConstraintKind {
    /// The free sizes that it speaks of, sorted.
    pub fn symbols(&self) -> Vec<Symbol> {
        match self {
            Self::Equal(a, b) => {
                let mut symbols = [a.symbols(), b.symbols()].concat();
                symbols.sort_unstable();
                symbols.dedup();
                symbols
            }
            Self::Multiple(dim, _) | Self::AtLeast(dim, _) => dim.symbols(),
        }
    }

    /// Does it hold? Overflow counts as no.
    pub fn holds(&self, sizes: &Sizes) -> bool {
        match self {
            Self::Equal(a, b) => {
                matches!((a.eval(sizes), b.eval(sizes)), (Some(a), Some(b)) if a == b)
            }
            Self::Multiple(dim, by) => dim.eval(sizes).is_some_and(|v| v % by == 0),
            Self::AtLeast(dim, least) => dim.eval(sizes).is_some_and(|v| v >= *least),
        }
    }
}

impl Constraint {
    /// Does it hold? Overflow counts as no.
    pub fn holds(&self, sizes: &Sizes) -> bool {
        self.kind.holds(sizes)
    }

    /// What it demands, as a formula.
    pub fn formula(&self) -> String {
        match &self.kind {
            ConstraintKind::Equal(a, b) => format!("{a} = {b}"),
            ConstraintKind::Multiple(dim, by) => format!("{dim} is a multiple of {by}"),
            ConstraintKind::AtLeast(dim, least) => {
                let text = dim.to_string();
                if text.starts_with('-') {
                    format!("{} <= {}", dim.scale(-1), least.saturating_neg())
                } else {
                    format!("{text} >= {least}")
                }
            }
        }
    }

    /// What it demands, and what for: `asks that H = W (the operands of "+" have one height)`.
    pub fn asks(&self) -> String {
        format!("asks that {} ({})", self.formula(), self.because)
    }
}
