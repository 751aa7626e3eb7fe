//! `soft_iou`: 1 minus the soft intersection over union, void left out.

use super::cross_entropy::pixels;
use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// `1 - mean over the classes present of sum(y p) / sum(y + p - y p)`, `p = softmax(logits)`, over the labelled
/// pixels of the batch (after Rahman and Wang 2016).
#[derive(Clone, Debug, PartialEq)]
pub struct SoftIou;

impl OpRules for SoftIou {
    const DEF: OpDef = OpDef {
        name: "soft_iou",
        callable: true,
        summary: "1 minus the soft intersection over union, void left out",
        inputs: &[
            InputDef::one("logits", "a map with a channel for each class"),
            InputDef::one("labels", "the class labels"),
        ],
        params: &[],
        outputs: &["out"],
        example: "soft_iou(logits, labels)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        pixels(inputs)?;
        Ok(vec![Fact::Loss])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::SoftIou);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
