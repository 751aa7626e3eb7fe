//! `sample`: a distribution whose means are reparameterised draws while training.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Mode;
use crate::plan::instr::{Binary, Instr, Unary};
use crate::plan::lower::Lower;

/// `mean + exp(log_variance / 2) * normal` in place of the mean while training (Kingma and Welling 2014); the
/// distribution itself otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample;

impl OpRules for Sample {
    const DEF: OpDef = OpDef {
        name: "sample",
        callable: true,
        summary: "a distribution whose means are reparameterised draws while training",
        inputs: &[InputDef::one("q", "a gaussian or mixture")],
        params: &[],
        outputs: &["out"],
        example: "sample(q)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            fact @ (Fact::Gaussian { .. } | Fact::Mixture { .. }) => Ok(vec![fact.clone()]),
            _ => Err(inputs.wrong_kind(0, "a gaussian or mixture")),
        }
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let mut tensors = at.inputs(0).to_vec();
        let [.., mean, log_variance] = tensors.as_slice() else { return };
        let (mean, log_variance) = (*mean, *log_variance);
        if at.mode() == Mode::Train {
            let dims = at.dims_of(mean);
            let half = at.emit_one(Instr::Unary(Unary::Scale(0.5)), vec![log_variance]);
            let deviation = at.emit_one(Instr::Unary(Unary::Exp), vec![half]);
            let noise = at.emit(Instr::Normal { dims: dims.clone() }, vec![], dims);
            let scaled = at.emit_one(Instr::Binary(Binary::Multiply), vec![deviation, noise]);
            let drawn = at.emit_one(Instr::Binary(Binary::Add), vec![mean, scaled]);
            let place = tensors.len() - 2;
            tensors[place] = drawn;
        }
        at.give(tensors);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
