//! `unflatten`: a vector as a map of fixed size.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// A vector as a map of fixed size, row-major: what `flatten` does, undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Unflatten {
    /// Rows and columns of the map.
    pub size: [usize; 2],
}

impl OpRules for Unflatten {
    const DEF: OpDef = OpDef {
        name: "unflatten",
        callable: true,
        summary: "a vector as a map of fixed size",
        inputs: &[InputDef::one("x", "a vector of so many channels times rows times columns")],
        params: &[ParamDef::required("size", ParamType::Pair, "rows and columns of the map")],
        outputs: &["out"],
        example: "v |> linear(32 * 12 * 24) |> unflatten(size: [12, 24])",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { size: args.pair("size") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let size = inputs.vector(0)?;
        let [rows, columns] = self.size;
        let pixels = rows.saturating_mul(columns).max(1);
        if size % pixels != 0 || size == 0 {
            let message = format!("a vector of {size} cannot be split among {rows} x {columns} pixels");
            return Err(inputs.bad_parameter(message, "not a multiple").help(format!(
                "give it a multiple of {pixels}: `|> linear({} * {rows} * {columns})`",
                (size / pixels).max(1)
            )));
        }
        Ok(vec![Fact::Map { channels: size / pixels, height: rows.into(), width: columns.into() }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let dims = at.result_dims();
        at.emit_like(Instr::Reshape { dims });
    }

    fn describe(&self) -> String {
        format!("{}x{}", self.size[0], self.size[1])
    }
}
