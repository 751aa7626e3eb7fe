//! What must hold of the free sizes: equalities that the algebra cannot decide, divisions that must be exact.

use crate::ir::dim::{Dim, Sizes};
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

impl Constraint {
    /// Does it hold? Overflow counts as no.
    pub fn holds(&self, sizes: &Sizes) -> bool {
        match &self.kind {
            ConstraintKind::Equal(a, b) => {
                matches!((a.eval(sizes), b.eval(sizes)), (Some(a), Some(b)) if a == b)
            }
            ConstraintKind::Multiple(dim, by) => dim.eval(sizes).is_some_and(|v| v % by == 0),
            ConstraintKind::AtLeast(dim, least) => dim.eval(sizes).is_some_and(|v| v >= *least),
        }
    }

    /// What it demands, as a formula.
    pub fn formula(&self) -> String {
        match &self.kind {
            ConstraintKind::Equal(a, b) => format!("{a} = {b}"),
            ConstraintKind::Multiple(dim, by) => format!("{dim} is a multiple of {by}"),
            ConstraintKind::AtLeast(dim, least) => format!("{dim} >= {least}"),
        }
    }
}

/// The sizes nearest to `sizes` (rows and columns within 128 of them) at which every constraint holds.
pub fn nearest(constraints: &[Constraint], sizes: &Sizes) -> Option<Sizes> {
    // Rows and columns rarely meet in one constraint: search each alone first, then the pair.
    let ring = |from: usize| {
        (0..=128usize).flat_map(move |d| {
            let below = from.checked_sub(d).filter(|v| *v > 0 && d > 0);
            std::iter::once(from + d).chain(below)
        })
    };
    let broken = |s: &Sizes| constraints.iter().filter(|c| !c.holds(s)).count();
    let mut best = *sizes;
    for h in ring(sizes.h) {
        let candidate = Sizes { h, ..best };
        if broken(&candidate) < broken(&best) {
            best = candidate;
        }
    }
    for w in ring(sizes.w) {
        let candidate = Sizes { w, ..best };
        if broken(&candidate) < broken(&best) {
            best = candidate;
        }
    }
    (broken(&best) == 0).then_some(best)
}
