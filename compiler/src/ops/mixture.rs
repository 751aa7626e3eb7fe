//! `mixture`: a mixture of diagonal gaussians from means, log-variances and logits.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, Unary};
use crate::plan::lower::Lower;

/// A mixture of diagonal gaussians for each image; weights are the softmax of the logits, log-variances
/// are clamped to `[-clamp, clamp]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// Number of gaussians.
    pub components: usize,
    /// Bound of the log-variances.
    pub clamp: f32,
}

impl OpRules for Mixture {
    const DEF: OpDef = OpDef {
        name: "mixture",
        callable: true,
        summary: "a mixture of diagonal gaussians from means, log-variances and logits",
        inputs: &[
            InputDef::named("mean", "all means, end to end"),
            InputDef::named("log_variance", "all log-variances, end to end"),
            InputDef::named("logit", "a logit for each component"),
        ],
        params: &[
            ParamDef::required("components", ParamType::Count, "number of gaussians"),
            ParamDef::with("clamp", ParamType::Float, "10", "bound of the log-variances, either way"),
        ],
        outputs: &["out"],
        example: "mixture(mean: m, log_variance: v, logit: l, components: 12)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { components: args.int("components"), clamp: args.float("clamp") as f32 })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (mean, variance, logit) = (inputs.vector(0)?, inputs.vector(1)?, inputs.vector(2)?);
        if mean != variance {
            return Err(inputs.mismatch("size", &mean.to_string(), 0, &variance.to_string(), 1));
        }
        if logit != self.components {
            return Err(inputs.mismatch(
                "number of components",
                &self.components.to_string(),
                0,
                &logit.to_string(),
                2,
            ));
        }
        if mean % self.components != 0 {
            return Err(inputs.bad_parameter(
                format!("{mean} means cannot be split among {} components", self.components),
                "not a multiple",
            ));
        }
        Ok(vec![Fact::Mixture { components: self.components, dim: mean / self.components }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let tensors = at.result().tensors();
        let [weights, each, _] = tensors.as_slice() else { return };
        let log_weights = at.emit(Instr::Softmax { axis: 1, log: true }, vec![at.input(2)], weights.clone());
        let means = at.emit(Instr::Reshape { dims: each.clone() }, vec![at.input(0)], each.clone());
        let bounded = at.emit_one(Instr::Unary(Unary::Clamp(-self.clamp, self.clamp)), vec![at.input(1)]);
        let variances = at.emit(Instr::Reshape { dims: each.clone() }, vec![bounded], each.clone());
        at.give(vec![log_weights, means, variances]);
    }

    fn describe(&self) -> String {
        format!("{} components, clamp: {}", self.components, self.clamp)
    }
}
