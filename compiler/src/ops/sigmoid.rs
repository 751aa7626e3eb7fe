//! `sigmoid`: the logistic function, `1 / (1 + e^-x)`.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Unary;
use crate::plan::lower::Lower;

/// `1 / (1 + e^-x)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sigmoid;

impl OpRules for Sigmoid {
    const DEF: OpDef = OpDef {
        name: "sigmoid",
        callable: true,
        summary: "the logistic function, `1 / (1 + e^-x)`",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[],
        outputs: &["out"],
        example: "x |> sigmoid",
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
        at.unary(Unary::Sigmoid);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
