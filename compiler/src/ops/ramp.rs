//! `ramp`: a loss's weight that grows over the first steps of training.

use super::{Args, Infer, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Mode;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// `min((s + 1) / steps, 1)` at step `s`: the warm-up of a divergence (Bowman et al. 2016; Sønderby et al. 2016). A
/// function of the step alone, so that a resumed run goes on as an uninterrupted one; 1 outside training.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    /// Steps until the weight is 1; none: it is 1 from the start.
    pub steps: usize,
}

impl OpRules for Ramp {
    const DEF: OpDef = OpDef {
        name: "ramp",
        callable: true,
        summary: "a loss's weight that grows evenly to 1 over the first steps of training",
        inputs: &[],
        params: &[ParamDef::required(
            "steps",
            ParamType::Whole,
            "updates of the parameters until the weight is 1; 0: it is 1 from the start",
        )],
        outputs: &["out"],
        example: "0.4 * ramp(steps: 500) * kl(q, p)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { steps: args.int("steps") })
    }

    fn infer(&self, _inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        Ok(vec![Fact::LossWeight])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        // Losses of a validation are those of the objective that training arrives at.
        let steps = if at.mode() == Mode::Train { self.steps } else { 0 };
        at.emit_like(Instr::Ramp { steps });
    }

    fn describe(&self) -> String {
        format!("steps: {}", self.steps)
    }
}
