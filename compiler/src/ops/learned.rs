//! `learned`: a learned number.

use super::{Args, Infer, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// A learned number, such as the weight of a residual branch.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// Its first value.
    pub init: f32,
}

impl OpRules for Learned {
    const DEF: OpDef = OpDef {
        name: "learned",
        callable: true,
        summary: "a learned number",
        inputs: &[],
        params: &[ParamDef::with("init", ParamType::Float, "0", "its first value")],
        outputs: &["out"],
        example: "x + learned(init: 0) * y",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { init: args.float("init") as f32 })
    }

    fn infer(&self, _inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        Ok(vec![Fact::Scalar])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        vec![WeightDecl { suffix: "value", shape: vec![1], init: Init::Constant(self.init), trainable: true }]
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let weight = at.weight("value");
        at.emit_like(Instr::Learned { weight });
    }

    fn describe(&self) -> String {
        format!("init: {}", self.init)
    }
}
