//! `log`: the natural logarithm.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Unary;
use crate::plan::lower::Lower;

/// The natural logarithm; of 0 and below it is no finite number.
#[derive(Clone, Debug, PartialEq)]
pub struct Log;

impl OpRules for Log {
    const DEF: OpDef = OpDef {
        name: "log",
        callable: true,
        summary: "the natural logarithm, of numbers above 0",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[],
        outputs: &["out"],
        example: "x |> clamp(1e-12, 1) |> log",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.elementwise(0).map(|fact| vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.unary(Unary::Log);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
