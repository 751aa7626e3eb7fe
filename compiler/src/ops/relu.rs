//! `relu`: the rectifier, `max(x, 0)`.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Unary;
use crate::plan::lower::Lower;

/// `max(x, 0)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Relu;

impl OpRules for Relu {
    const DEF: OpDef = OpDef {
        name: "relu",
        callable: true,
        summary: "the rectifier, `max(x, 0)`",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[],
        outputs: &["out"],
        example: "x |> relu",
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
        at.unary(Unary::Relu);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
