//! `arithmetic`: the operators `+ - * /` on values.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::diag::codes;
use crate::ir::fact::Fact;
use crate::plan::instr::{Binary, Instr, Unary};
use crate::plan::lower::Lower;

/// An operator on two values, or on a value and a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic {
    /// The operator.
    pub by: Binary,
    /// The left side, when it is a number.
    pub left: Option<f32>,
    /// The right side, when it is a number.
    pub right: Option<f32>,
}

/// Channels of both sides are equal, or one side has a single channel.
fn fit(inputs: &Infer<'_>, a: usize, first: usize, b: usize, second: usize) -> Result<(), Diag> {
    if a == b || b == 1 {
        return Ok(());
    }
    Err(inputs.mismatch("channels", &a.to_string(), first, &b.to_string(), second))
}

impl Arithmetic {
    /// How it is written.
    pub fn sign(&self) -> &'static str {
        match self.by {
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Max => "max",
        }
    }

    /// What paths call it.
    pub fn word(&self) -> &'static str {
        match self.by {
            Binary::Add => "add",
            Binary::Subtract => "subtract",
            Binary::Multiply => "multiply",
            Binary::Divide => "divide",
            Binary::Max => "max",
        }
    }

    fn maps(&self, inputs: &mut Infer<'_>) -> Result<(), Diag> {
        let ((c0, h0, w0), (c1, h1, w1)) = (inputs.map(0)?, inputs.map(1)?);
        if c0 != 1 {
            fit(inputs, c0, 0, c1, 1)?;
        }
        inputs.equal("height", (&h0, 0), (&h1, 1))?;
        inputs.equal("width", (&w0, 0), (&w1, 1))
    }

    fn with_number(&self, inputs: &Infer<'_>) -> Result<Vec<Fact>, Diag> {
        if matches!(inputs.fact(0), Fact::Loss) {
            return match (self.by, self.left) {
                (Binary::Divide, Some(_)) => Err(self.losses(inputs)),
                _ => Ok(vec![Fact::Loss]),
            };
        }
        // `0.4 * ramp(steps: 500)`; what else is done with a loss's weight would not be plain to a reader.
        if matches!((inputs.fact(0), self.by), (Fact::LossWeight, Binary::Multiply)) {
            return Ok(vec![Fact::LossWeight]);
        }
        inputs.elementwise(0).map(|fact| vec![fact])
    }

    fn losses(&self, inputs: &Infer<'_>) -> Diag {
        Diag::new(
            &codes::TYPE_OPERAND,
            "losses are added and weighted by numbers, not multiplied with one another",
            inputs.call,
            "not a weighted sum",
        )
    }

    fn unlike(&self, inputs: &Infer<'_>) -> Diag {
        let mut diag = Diag::new(
            &codes::TYPE_OPERAND,
            format!("`{}` does not join {} and {}", inputs.name, inputs.fact(0), inputs.fact(1)),
            inputs.call,
            "these do not go together",
        );
        for operand in inputs.operands.iter().take(2) {
            diag = diag.because(operand.made, format!("this is {}", operand.fact));
        }
        let weight = inputs.operands.iter().any(|operand| operand.fact == Fact::LossWeight);
        diag.maybe_help(
            weight.then(|| "a loss is multiplied with it: `0.4 * ramp(steps: 500) * kl(q, p)`".into()),
        )
    }
}

impl OpRules for Arithmetic {
    const DEF: OpDef = OpDef {
        name: "arithmetic",
        callable: false,
        summary: "the operators `+ - * /` on values",
        inputs: &[InputDef::many("values", "one or two values")],
        params: &[],
        outputs: &["out"],
        example: "a + b",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let number = |name: &str| args.floats(name).and_then(|list| list.first().copied());
        Ok(Self {
            by: match args.word("by") {
                "-" => Binary::Subtract,
                "*" => Binary::Multiply,
                "/" => Binary::Divide,
                "max" => Binary::Max,
                _ => Binary::Add,
            },
            left: number("left"),
            right: number("right"),
        })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        if inputs.operands.len() < 2 {
            return self.with_number(inputs);
        }
        let fact = match (inputs.fact(0).clone(), inputs.fact(1).clone()) {
            (a @ Fact::Map { .. }, Fact::Map { .. }) => {
                self.maps(inputs)?;
                a.widest(inputs.fact(1))
            }
            (Fact::Map { channels: a, .. }, Fact::Vector { channels: b }) => {
                fit(inputs, a, 0, b, 1)?;
                inputs.fact(0).clone()
            }
            (Fact::Vector { channels: a }, Fact::Map { channels: b, .. }) => {
                fit(inputs, a, 0, b, 1)?;
                inputs.fact(1).clone()
            }
            (Fact::Vector { channels: a }, Fact::Vector { channels: b }) => {
                if a != 1 {
                    fit(inputs, a, 0, b, 1)?;
                }
                Fact::Vector { channels: a.max(b) }
            }
            (Fact::Tensor { dims: a }, Fact::Tensor { dims: b }) => {
                if a.len() != b.len() {
                    return Err(inputs.mismatch("rank", &a.len().to_string(), 0, &b.len().to_string(), 1));
                }
                for (axis, (x, y)) in a.iter().zip(&b).enumerate() {
                    inputs.equal(&format!("size on axis {axis}"), (x, 0), (y, 1))?;
                }
                Fact::Tensor { dims: a }
            }
            (Fact::Loss, Fact::Loss | Fact::Scalar) | (Fact::Scalar, Fact::Loss) => match self.by {
                Binary::Add | Binary::Subtract | Binary::Max => Fact::Loss,
                Binary::Multiply | Binary::Divide => return Err(self.losses(inputs)),
            },
            (Fact::LossWeight, Fact::Loss) | (Fact::Loss, Fact::LossWeight)
                if self.by == Binary::Multiply =>
            {
                Fact::Loss
            }
            (Fact::Scalar, other) => {
                inputs.elementwise(1)?;
                other
            }
            (other, Fact::Scalar) => {
                inputs.elementwise(0)?;
                other
            }
            _ => return Err(self.unlike(inputs)),
        };
        Ok(vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let float = |at: &mut Lower<'_>, instr| at.unary(instr);
        match (self.left, self.right) {
            (Some(left), _) => match self.by {
                Binary::Add => float(at, Unary::Offset(left)),
                Binary::Multiply => float(at, Unary::Scale(left)),
                Binary::Subtract => {
                    let negative = at.emit_one(Instr::Unary(Unary::Negate), vec![at.input(0)]);
                    at.give_emitted(Instr::Unary(Unary::Offset(left)), vec![negative]);
                }
                Binary::Divide | Binary::Max => at.number_first(self.by, left),
            },
            (_, Some(right)) => match self.by {
                Binary::Add => float(at, Unary::Offset(right)),
                Binary::Subtract => float(at, Unary::Offset(-right)),
                Binary::Multiply => float(at, Unary::Scale(right)),
                Binary::Divide => float(at, Unary::Scale(1.0 / right)),
                Binary::Max => float(at, Unary::Clamp(right, f32::INFINITY)),
            },
            (None, None) => at.binary(self.by),
        }
    }

    fn describe(&self) -> String {
        let sign = self.sign();
        match (self.left, self.right) {
            (Some(left), _) => format!("{left} {sign} x"),
            (_, Some(right)) => format!("x {sign} {right}"),
            (None, None) => sign.to_string(),
        }
    }
}
