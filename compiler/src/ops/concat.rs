//! `concat`: joins maps along channels, or vectors end to end.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Joins maps along channels, or vectors end to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Concat;

impl OpRules for Concat {
    const DEF: OpDef = OpDef {
        name: "concat",
        callable: true,
        summary: "joins maps along channels, or vectors end to end",
        inputs: &[InputDef::many("values", "maps of one size, or vectors")],
        params: &[],
        outputs: &["out"],
        example: "concat(x, skip)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            Fact::Vector { .. } => {
                let mut channels = 0usize;
                for at in 0..inputs.operands.len() {
                    channels = channels.saturating_add(inputs.vector(at)?);
                }
                Ok(vec![Fact::Vector { channels }])
            }
            _ => {
                let (mut channels, height, width) = inputs.map(0)?;
                for at in 1..inputs.operands.len() {
                    let (c, h, w) = inputs.map(at)?;
                    inputs.equal("height", (&height, 0), (&h, at))?;
                    inputs.equal("width", (&width, 0), (&w, at))?;
                    channels = channels.saturating_add(c);
                }
                Ok(vec![Fact::Map { channels, height, width }])
            }
        }
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        if at.operand_count() == 1 {
            at.give(vec![at.input(0)]);
        } else {
            at.emit_like(Instr::Concat { axis: 1 });
        }
    }

    fn describe(&self) -> String {
        String::new()
    }
}
