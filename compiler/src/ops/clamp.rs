//! `clamp`: keeps values between two bounds.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::fact::Fact;
use crate::plan::instr::Unary;
use crate::plan::lower::Lower;

/// `min(max(x, low), high)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Clamp {
    /// Lower bound.
    pub low: f32,
    /// Upper bound.
    pub high: f32,
}

impl OpRules for Clamp {
    const DEF: OpDef = OpDef {
        name: "clamp",
        callable: true,
        summary: "keeps values between two bounds, `min(max(x, low), high)`",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[
            ParamDef::required("low", ParamType::Float, "lower bound"),
            ParamDef::required("high", ParamType::Float, "upper bound"),
        ],
        outputs: &["out"],
        example: "x |> clamp(-10, 10)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let (low, high) = (args.float("low") as f32, args.float("high") as f32);
        if low > high {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                format!("`clamp` from {low} to {high} leaves no value"),
                args.span("low"),
                "larger than `high`",
            )
            .help(format!("write `clamp({high}, {low})`")));
        }
        Ok(Self { low, high })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.elementwise(0).map(|fact| vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.unary(Unary::Clamp(self.low, self.high));
    }

    fn describe(&self) -> String {
        format!("{}, {}", self.low, self.high)
    }
}
