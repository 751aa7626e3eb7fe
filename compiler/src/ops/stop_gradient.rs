//! `stop_gradient`: the same value, through which no gradient flows.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// The same value, through which no gradient flows.
#[derive(Clone, Debug, PartialEq)]
pub struct StopGradient;

impl OpRules for StopGradient {
    const DEF: OpDef = OpDef {
        name: "stop_gradient",
        callable: true,
        summary: "the same value, through which no gradient flows",
        inputs: &[InputDef::one("x", "any value")],
        params: &[],
        outputs: &["out"],
        example: "stop_gradient(postnet.p)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        Ok(vec![inputs.fact(0).clone()])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let mut values = Vec::new();
        for value in at.inputs(0).to_vec() {
            values.push(at.emit_one(Instr::StopGradient, vec![value]));
        }
        at.give(values);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
