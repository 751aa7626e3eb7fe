//! `max_pool`: the largest value of each window.

use super::pooling::{CEIL, KERNEL, PADDING, STRIDE, Windows};
use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::PoolKind;
use crate::plan::lower::Lower;

/// The largest value of each window.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPool {
    /// Where it looks.
    pub windows: Windows,
}

impl OpRules for MaxPool {
    const DEF: OpDef = OpDef {
        name: "max_pool",
        callable: true,
        summary: "the largest value of each window",
        inputs: &[InputDef::one("x", "the map")],
        params: &[KERNEL, STRIDE, PADDING, CEIL],
        outputs: &["out"],
        example: "x |> max_pool(kernel: 3, stride: 2, padding: same)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { windows: Windows::from_args(args)? })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = self.windows.sizes(inputs)?;
        Ok(vec![Fact::Map { channels, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(self.windows.instr(PoolKind::Max, false, false));
    }

    fn describe(&self) -> String {
        self.windows.describe()
    }
}
