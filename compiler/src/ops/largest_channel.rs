//! `largest_channel`: the channel with the largest value, at each pixel.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// The number of the channel with the largest value, at each pixel, as a map of one channel; the first of equal
/// ones. No gradient flows.
#[derive(Clone, Debug, PartialEq)]
pub struct LargestChannel;

impl OpRules for LargestChannel {
    const DEF: OpDef = OpDef {
        name: "largest_channel",
        callable: true,
        summary: "the number of the channel with the largest value, at each pixel; no gradient flows",
        inputs: &[InputDef::one("x", "the map")],
        params: &[],
        outputs: &["out"],
        example: "largest_channel(logits)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (_, height, width) = inputs.map(0)?;
        Ok(vec![Fact::Map { channels: 1, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let x = at.input(0);
        let constant = at.emit_one(Instr::StopGradient, vec![x]);
        at.give_emitted(Instr::Argmax, vec![constant]);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
