//! `input`: a declared input of the network.

use super::{Args, Infer, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::lower::Lower;

/// A declared input of the network; its fact is its declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What it is.
    pub fact: Fact,
}

impl OpRules for Input {
    const DEF: OpDef = OpDef {
        name: "input",
        callable: false,
        summary: "a declared input of the network",
        inputs: &[],
        params: &[],
        outputs: &["out"],
        example: "input image: float[N, 3, H, W]",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self { name: String::new(), fact: Fact::Scalar })
    }

    fn infer(&self, _inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        Ok(vec![self.fact.clone()])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.bind(&self.name);
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}
