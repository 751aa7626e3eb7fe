//! `one_hot`: labels as channels of zeros and ones.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Labels as a map with a channel for each class, void included.
#[derive(Clone, Debug, PartialEq)]
pub struct OneHot;

impl OpRules for OneHot {
    const DEF: OpDef = OpDef {
        name: "one_hot",
        callable: true,
        summary: "labels as channels of zeros and ones",
        inputs: &[InputDef::one("labels", "the class labels")],
        params: &[],
        outputs: &["out"],
        example: "one_hot(labels)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (classes, height, width) = inputs.labels(0)?;
        Ok(vec![Fact::Map { channels: classes, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let Fact::Labels { classes, .. } = *at.input_fact(0) else { return };
        at.emit_like(Instr::OneHot { classes });
    }

    fn describe(&self) -> String {
        String::new()
    }
}
