//! `softmax`: exponentials that add up to 1 along channels, over the pixels of a map, or along a tensor's last axis.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Exponentials that add up to 1 along channels, at each pixel; or over the pixels, for each channel. The channels
/// of a tensor are its last axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// Write the logarithm.
    pub log: bool,
    /// Add up over the pixels of a map.
    pub pixels: bool,
}

impl OpRules for Softmax {
    const DEF: OpDef = OpDef {
        name: "softmax",
        callable: true,
        summary: "exponentials that add up to 1 along channels (of a tensor, its last axis), or over the pixels of a map",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[
            ParamDef::with("log", ParamType::Bool, "false", "write the logarithm"),
            ParamDef::with(
                "over",
                ParamType::Choice(&["channels", "pixels"]),
                "channels",
                "what adds up to 1: the channels of each pixel, or the pixels of each channel",
            ),
        ],
        outputs: &["out"],
        example: "softmax(logits)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { log: args.bool("log"), pixels: args.word("over") == "pixels" })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            Fact::Vector { .. } | Fact::Tensor { .. } if self.pixels => Err(inputs.wrong_kind(0, "a map")),
            fact @ (Fact::Map { .. } | Fact::Vector { .. } | Fact::Tensor { .. }) => Ok(vec![fact.clone()]),
            _ => Err(inputs.wrong_kind(0, "a map, vector or tensor")),
        }
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        if !self.pixels {
            let axis = match at.result() {
                Fact::Tensor { dims } => dims.len().saturating_sub(1),
                _ => 1,
            };
            return at.emit_like(Instr::Softmax { axis, log: self.log });
        }
        let dims = at.result_dims();
        let flat = vec![dims[0].clone(), dims[1].clone(), dims[2].times(&dims[3])];
        let rows = at.emit(Instr::Reshape { dims: flat.clone() }, vec![at.input(0)], flat);
        let shares = at.emit_one(Instr::Softmax { axis: 2, log: self.log }, vec![rows]);
        at.give_emitted(Instr::Reshape { dims }, vec![shares]);
    }

    fn describe(&self) -> String {
        let words = [(self.log, "log"), (self.pixels, "over pixels")];
        words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }
}
