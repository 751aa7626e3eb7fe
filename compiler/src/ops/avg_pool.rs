//! `avg_pool`: the mean of each window.

use super::pooling::{CEIL, KERNEL, PADDING, STRIDE, Windows};
use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::PoolKind;
use crate::plan::lower::Lower;

/// The mean of each window.
#[derive(Clone, Debug, PartialEq)]
pub struct AvgPool {
    /// Where it looks.
    pub windows: Windows,
    /// Padded positions count in the denominator.
    pub count_padding: bool,
}

impl OpRules for AvgPool {
    const DEF: OpDef = OpDef {
        name: "avg_pool",
        callable: true,
        summary: "the mean of each window",
        inputs: &[InputDef::one("x", "the map")],
        params: &[
            KERNEL,
            STRIDE,
            PADDING,
            CEIL,
            ParamDef::with(
                "count_padding",
                ParamType::Bool,
                "true",
                "padded positions count in the denominator",
            ),
        ],
        outputs: &["out"],
        example: "x |> avg_pool(kernel: 3, stride: 2, padding: same)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { windows: Windows::from_args(args)?, count_padding: args.bool("count_padding") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = self.windows.sizes(inputs)?;
        Ok(vec![Fact::Map { channels, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(self.windows.instr(PoolKind::Average, self.count_padding, false));
    }

    fn describe(&self) -> String {
        self.windows.describe()
    }
}
