//! `softmax`: exponentials that add up to 1 along channels.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Exponentials that add up to 1 along channels, at each pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// Write the logarithm.
    pub log: bool,
}

impl OpRules for Softmax {
    const DEF: OpDef = OpDef {
        name: "softmax",
        callable: true,
        summary: "exponentials that add up to 1 along channels",
        inputs: &[InputDef::one("x", "a map or vector")],
        params: &[ParamDef::with("log", ParamType::Bool, "false", "write the logarithm")],
        outputs: &["out"],
        example: "softmax(logits)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { log: args.bool("log") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            fact @ (Fact::Map { .. } | Fact::Vector { .. }) => Ok(vec![fact.clone()]),
            _ => Err(inputs.wrong_kind(0, "a map or vector")),
        }
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::Softmax { axis: 1, log: self.log });
    }

    fn describe(&self) -> String {
        if self.log { "log".to_string() } else { String::new() }
    }
}
