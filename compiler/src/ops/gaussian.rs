//! `gaussian`: a diagonal gaussian from its mean and log-variance.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, Unary};
use crate::plan::lower::Lower;

/// A diagonal gaussian for each image; the log-variance is clamped to `[-clamp, clamp]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// Bound of the log-variance.
    pub clamp: f32,
}

impl OpRules for Gaussian {
    const DEF: OpDef = OpDef {
        name: "gaussian",
        callable: true,
        summary: "a diagonal gaussian from its mean and log-variance",
        inputs: &[
            InputDef::named("mean", "the mean"),
            InputDef::named("log_variance", "the logarithm of the variance"),
        ],
        params: &[ParamDef::with("clamp", ParamType::Float, "10", "bound of the log-variance, either way")],
        outputs: &["out"],
        example: "gaussian(mean: m, log_variance: v)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { clamp: args.float("clamp") as f32 })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (mean, variance) = (inputs.vector(0)?, inputs.vector(1)?);
        if mean != variance {
            return Err(inputs.mismatch("size", &mean.to_string(), 0, &variance.to_string(), 1));
        }
        Ok(vec![Fact::Gaussian { dim: mean }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let (mean, variance) = (at.input(0), at.input(1));
        let bounded = at.emit_one(Instr::Unary(Unary::Clamp(-self.clamp, self.clamp)), vec![variance]);
        at.give(vec![mean, bounded]);
    }

    fn describe(&self) -> String {
        format!("clamp: {}", self.clamp)
    }
}
