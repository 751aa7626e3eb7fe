//! `above`: 1 where a value is above a threshold, 0 elsewhere.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, Unary};
use crate::plan::lower::Lower;

/// 1 where a value is above a threshold, 0 elsewhere. No gradient flows.
#[derive(Clone, Debug, PartialEq)]
pub struct Above {
    /// The threshold, itself not above.
    pub threshold: f32,
}

impl OpRules for Above {
    const DEF: OpDef = OpDef {
        name: "above",
        callable: true,
        summary: "1 where a value is above a threshold, 0 elsewhere; no gradient flows",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[ParamDef::required("threshold", ParamType::Float, "the threshold, itself not above")],
        outputs: &["out"],
        example: "p |> above(0.5)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { threshold: args.float("threshold") as f32 })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.elementwise(0).map(|fact| vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let x = at.input(0);
        let constant = at.emit_one(Instr::StopGradient, vec![x]);
        at.give_emitted(Instr::Unary(Unary::Above(self.threshold)), vec![constant]);
    }

    fn describe(&self) -> String {
        format!("{}", self.threshold)
    }
}
