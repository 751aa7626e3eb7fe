//! `tanh`: the hyperbolic tangent.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Unary;
use crate::plan::lower::Lower;

/// The hyperbolic tangent.
#[derive(Clone, Debug, PartialEq)]
pub struct Tanh;

impl OpRules for Tanh {
    const DEF: OpDef = OpDef {
        name: "tanh",
        callable: true,
        summary: "the hyperbolic tangent",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[],
        outputs: &["out"],
        example: "x |> tanh",
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
        at.unary(Unary::Tanh);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
