//! `flatten`: a map of fixed size as a vector.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// A map of fixed size as a vector, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Flatten;

impl OpRules for Flatten {
    const DEF: OpDef = OpDef {
        name: "flatten",
        callable: true,
        summary: "a map of fixed size as a vector",
        inputs: &[InputDef::one("x", "a map whose rows and columns are fixed")],
        params: &[],
        outputs: &["out"],
        example: "x |> flatten",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let (Some(h), Some(w)) = (height.as_constant(), width.as_constant()) else {
            return Err(inputs
                .bad_parameter(
                    format!("`flatten` needs a map of fixed size, not {}", inputs.fact(0)),
                    "its size depends on the input's",
                )
                .help("pool it to a fixed size first: `|> global_pool`"));
        };
        let size = channels as i64 * h * w;
        Ok(vec![Fact::Vector { channels: usize::try_from(size).unwrap_or(usize::MAX) }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let dims = at.result_dims();
        at.emit_like(Instr::Reshape { dims });
    }

    fn describe(&self) -> String {
        String::new()
    }
}
