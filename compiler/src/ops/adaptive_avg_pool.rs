//! `adaptive_avg_pool`: the mean of each channel over each cell of a grid.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// The mean of each channel over each cell of a grid laid over the map, whatever the map's size; cells as in
/// PyTorch, overlapping by a pixel where sizes do not divide.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveAvgPool {
    /// Rows and columns of the grid.
    pub size: [usize; 2],
}

impl OpRules for AdaptiveAvgPool {
    const DEF: OpDef = OpDef {
        name: "adaptive_avg_pool",
        callable: true,
        summary: "the mean of each channel over each cell of a grid, whatever the map's size",
        inputs: &[InputDef::one("x", "the map")],
        params: &[ParamDef::required("size", ParamType::Pair, "rows and columns of the grid")],
        outputs: &["out"],
        example: "x |> adaptive_avg_pool(size: [2, 4])",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { size: args.pair("size") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, _, _) = inputs.map(0)?;
        let [rows, columns] = self.size;
        Ok(vec![Fact::Map { channels, height: rows.into(), width: columns.into() }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::PoolCells { to: self.size });
    }

    fn describe(&self) -> String {
        format!("{}x{}", self.size[0], self.size[1])
    }
}
