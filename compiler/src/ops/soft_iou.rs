//! `soft_iou`: 1 minus the soft intersection over union, void left out.

use super::cross_entropy::pixels;
use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{AbsentClasses, Instr};
use crate::plan::lower::Lower;

/// `1 - mean over classes of sum(y p) / sum(y + p - y p)`, `p = softmax(logits)`, over the labelled pixels of the
/// batch (after Rahman and Wang 2016). A class that no label shows has no `y`: it is left out of the mean, or counted.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftIou {
    /// What becomes of classes that the batch does not show.
    pub absent: AbsentClasses,
}

impl OpRules for SoftIou {
    const DEF: OpDef = OpDef {
        name: "soft_iou",
        callable: true,
        summary: "1 minus the soft intersection over union, void left out",
        inputs: &[
            InputDef::one("logits", "a map with a channel for each class"),
            InputDef::one("labels", "the class labels"),
        ],
        params: &[ParamDef::with(
            "absent",
            ParamType::Choice(&["skip", "count"]),
            "skip",
            "classes that no label of the batch shows: left out of the mean, or counted with an intersection of 0",
        )],
        outputs: &["out"],
        example: "soft_iou(logits, labels)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let absent = if args.word("absent") == "count" { AbsentClasses::Count } else { AbsentClasses::Skip };
        Ok(Self { absent })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        pixels(inputs)?;
        Ok(vec![Fact::Loss])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::SoftIou { absent: self.absent });
    }

    fn describe(&self) -> String {
        match self.absent {
            AbsentClasses::Skip => String::new(),
            AbsentClasses::Count => "absent: count".to_string(),
        }
    }
}
