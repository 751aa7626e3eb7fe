//! `standard_normal`: the standard normal, of whatever size its partner in `kl` has.

use super::{Args, Infer, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::lower::Lower;

/// The standard normal; it takes the kind and size of its partner.
#[derive(Clone, Debug, PartialEq)]
pub struct StandardNormal;

impl OpRules for StandardNormal {
    const DEF: OpDef = OpDef {
        name: "standard_normal",
        callable: true,
        summary: "the standard normal, of whatever size its partner in `kl` has",
        inputs: &[],
        params: &[],
        outputs: &["out"],
        example: "kl(q, standard_normal)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, _inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        Ok(vec![Fact::StandardNormal])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.give(Vec::new());
    }

    fn describe(&self) -> String {
        String::new()
    }
}
