//! What an op sees of its operands, and how it says that they do not fit.

use crate::diag::{Diag, codes};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::source::Span;

/// One operand: what is known of it and where it was made.
#[derive(Clone, Debug)]
pub struct Operand {
    /// What is known.
    pub fact: Fact,
    /// Where it was made.
    pub made: Span,
}

/// The operands of one call, and the constraints that it adds.
pub struct Infer<'a> {
    /// What the language calls the op.
    pub name: &'static str,
    /// The call or operator.
    pub call: Span,
    /// In order.
    pub operands: &'a [Operand],
    /// Equalities that the algebra cannot decide are left here, for the moment when sizes are bound.
    pub constraints: &'a mut Vec<Constraint>,
}

impl Infer<'_> {
    /// The fact of an operand; binding guarantees that required ones are there.
    pub fn fact(&self, at: usize) -> &Fact {
        const NOTHING: Fact = Fact::Scalar;
        self.operands.get(at).map_or(&NOTHING, |operand| &operand.fact)
    }

    /// A map's channels, rows and columns.
    ///
    /// # Errors
    /// `phg::type::operand` for any other kind.
    pub fn map(&self, at: usize) -> Result<(usize, Dim, Dim), Diag> {
        if let Fact::Map { channels, height, width } = self.fact(at) {
            return Ok((*channels, height.clone(), width.clone()));
        }
        Err(self.wrong_kind(at, "a map"))
    }

    /// A vector's size.
    ///
    /// # Errors
    /// `phg::type::operand` for any other kind.
    pub fn vector(&self, at: usize) -> Result<usize, Diag> {
        if let Fact::Vector { channels } = self.fact(at) {
            return Ok(*channels);
        }
        Err(self.wrong_kind(at, "a vector"))
    }

    /// Labels' classes, rows and columns.
    ///
    /// # Errors
    /// `phg::type::operand` for any other kind.
    pub fn labels(&self, at: usize) -> Result<(usize, Dim, Dim), Diag> {
        if let Fact::Labels { classes, height, width } = self.fact(at) {
            return Ok((*classes, height.clone(), width.clone()));
        }
        Err(self.wrong_kind(at, "class labels"))
    }

    /// `conv takes a map, not a vector`.
    pub fn wrong_kind(&self, at: usize, wanted: &str) -> Diag {
        let fact = self.fact(at);
        let diag = Diag::new(
            &codes::TYPE_OPERAND,
            format!("`{}` takes {wanted}, not {}", self.name, with_article(fact)),
            self.call,
            format!("takes {wanted}"),
        );
        let diag = match self.operands.get(at) {
            Some(operand) => diag.because(operand.made, format!("this is {fact}")),
            None => diag,
        };
        diag.maybe_help(self.conversion(fact, wanted))
    }

    fn conversion(&self, fact: &Fact, wanted: &str) -> Option<String> {
        let edit = match (fact, wanted) {
            (Fact::Map { .. }, "a vector") => "pool it first: `|> global_pool`",
            (Fact::Vector { .. }, "a map") => "spread it over a map first: `|> expand(like: x)`",
            (Fact::Labels { .. }, "a map") => "turn labels into channels first: `one_hot(labels)`",
            (Fact::Gaussian { .. }, "a vector") => "take its mean: `q.mean`",
            (Fact::Mixture { .. }, "a vector") => "take one component: `q.mean[0]`",
            (Fact::Map { .. }, "class labels") => "labels are an input: `input labels: class(12)[N, H, W]`",
            (Fact::Vector { .. }, "two distributions") => {
                "make one of it: `use std.latent (gaussian_head)`, `let q = x |> gaussian_head(dim: 16)`"
            }
            (Fact::Map { .. }, "two distributions") => {
                "make one of it: `use std.latent (gaussian_head)`, `let q = x |> global_pool |> gaussian_head(dim: 16)`"
            }
            (Fact::Map { .. }, "a tensor") => "take its pixels as rows of a matrix: `tokens(x)`",
            (Fact::Tensor { .. }, "a map") => "make its rows the pixels of a map: `|> as_map(like: x)`",
            (Fact::StandardNormal, "two distributions") => "it stands second: `kl(q, standard_normal)`",
            (Fact::Labels { .. }, "logits before labels") => {
                "the prediction comes first: `cross_entropy(logits, labels)`, `soft_iou(logits, labels)`"
            }
            _ => return None,
        };
        Some(edit.into())
    }

    /// Two sizes that must be equal: at once if the algebra decides, otherwise when sizes are bound.
    ///
    /// # Errors
    /// `phg::shape::mismatch` when they differ for every input.
    pub fn equal(
        &mut self,
        axis: &str,
        (a, first): (&Dim, usize),
        (b, second): (&Dim, usize),
    ) -> Result<(), Diag> {
        if a == b {
            return Ok(());
        }
        if a.minus(b).as_constant().is_some() {
            return Err(self.mismatch(axis, &a.to_string(), first, &b.to_string(), second));
        }
        self.constraints.push(Constraint {
            kind: ConstraintKind::Equal(a.clone(), b.clone()),
            span: self.call,
            because: format!("the operands of `{}` have one {axis}", self.name),
            stated: false,
        });
        Ok(())
    }

    /// `channels 64 and 48 disagree`, with a label at each operand.
    pub fn mismatch(&self, axis: &str, a: &str, first: usize, b: &str, second: usize) -> Diag {
        let mut diag = Diag::new(
            &codes::SHAPE_MISMATCH,
            format!("the operands of `{}` disagree: {axis} {a} and {b}", self.name),
            self.call,
            format!("{axis} {a} meets {axis} {b}"),
        );
        for at in [first, second] {
            if let Some(operand) = self.operands.get(at) {
                diag = diag.because(operand.made, format!("{}", operand.fact));
            }
        }
        let spatial = axis == "height" || axis == "width";
        diag.maybe_help(if spatial {
            Some("bring one to the other's size: `|> resize(like: x)`".into())
        } else if axis == "channels" {
            Some(format!("bring one to the other's channels: `|> conv({a}, kernel: 1)`"))
        } else {
            None
        })
    }

    /// A size formula that must give at least 1 pixel.
    pub fn at_least_one(&mut self, dim: &Dim) -> Result<(), Diag> {
        match dim.as_constant() {
            Some(value) if value >= 1 => Ok(()),
            Some(value) => Err(Diag::new(
                &codes::SHAPE_EMPTY,
                format!("the result of `{}` would have {value} rows or columns", self.name),
                self.call,
                "nothing is left of the map here",
            )),
            None => {
                self.constraints.push(Constraint {
                    kind: ConstraintKind::AtLeast(dim.clone(), 1),
                    span: self.call,
                    because: format!("the result of `{}` must have at least one row and column", self.name),
                    stated: false,
                });
                Ok(())
            }
        }
    }

    /// An error about a parameter of this call.
    pub fn bad_parameter(&self, message: impl Into<String>, text: impl Into<String>) -> Diag {
        Diag::new(&codes::PARAM_VALUE, message, self.call, text)
    }
}

/// `a map`, `class labels`.
fn with_article(fact: &Fact) -> String {
    match fact {
        Fact::Labels { .. } => "class labels".into(),
        Fact::Indices { .. } => "pooling indices".into(),
        Fact::StandardNormal => "the standard normal".into(),
        Fact::Map { .. }
        | Fact::Vector { .. }
        | Fact::Tensor { .. }
        | Fact::Gaussian { .. }
        | Fact::Mixture { .. }
        | Fact::Scalar
        | Fact::LossWeight
        | Fact::Loss => format!("a {}", fact.kind()),
    }
}

impl Infer<'_> {
    /// The fact of an operand that elementwise functions take: a map, vector, tensor or scalar.
    ///
    /// # Errors
    /// `phg::type::operand` for labels, indices, distributions and losses.
    pub fn elementwise(&self, at: usize) -> Result<Fact, Diag> {
        match self.fact(at) {
            fact @ (Fact::Map { .. } | Fact::Vector { .. } | Fact::Tensor { .. } | Fact::Scalar) => {
                Ok(fact.clone())
            }
            Fact::Indices { .. }
            | Fact::Labels { .. }
            | Fact::Gaussian { .. }
            | Fact::Mixture { .. }
            | Fact::StandardNormal
            | Fact::LossWeight
            | Fact::Loss => Err(self.wrong_kind(at, "a map, vector or tensor")),
        }
    }

    /// Rows and columns of a map or of labels, for `like:`.
    ///
    /// # Errors
    /// `phg::type::operand` for any other kind.
    pub fn spatial(&self, at: usize) -> Result<(Dim, Dim), Diag> {
        match self.fact(at) {
            Fact::Map { height, width, .. }
            | Fact::Labels { height, width, .. }
            | Fact::Indices { height, width, .. } => Ok((height.clone(), width.clone())),
            Fact::Vector { .. }
            | Fact::Tensor { .. }
            | Fact::Gaussian { .. }
            | Fact::Mixture { .. }
            | Fact::StandardNormal
            | Fact::Scalar
            | Fact::LossWeight
            | Fact::Loss => Err(self.wrong_kind(at, "a map")),
        }
    }
}
