//! `leaky_relu`: the rectifier with a slope below zero.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Unary;
use crate::plan::lower::Lower;

/// `x` where positive, `slope * x` elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct LeakyRelu {
    /// Factor below zero.
    pub slope: f32,
}

impl OpRules for LeakyRelu {
    const DEF: OpDef = OpDef {
        name: "leaky_relu",
        callable: true,
        summary: "the rectifier with a slope below zero",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[ParamDef::with("slope", ParamType::Float, "0.01", "factor below zero")],
        outputs: &["out"],
        example: "x |> leaky_relu(0.1)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { slope: args.float("slope") as f32 })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.elementwise(0).map(|fact| vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.unary(Unary::LeakyRelu(self.slope));
    }

    fn describe(&self) -> String {
        format!("{}", self.slope)
    }
}
