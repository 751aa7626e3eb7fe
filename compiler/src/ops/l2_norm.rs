//! `l2_norm`: the channels of each pixel as a vector of length 1.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::fact::Fact;
use crate::plan::instr::{Binary, Instr, Reduction, Unary};
use crate::plan::lower::Lower;

/// `x / sqrt(sum over channels of x^2 + epsilon)`, at each pixel (Liu et al. 2016, ParseNet).
#[derive(Clone, Debug, PartialEq)]
pub struct L2Norm {
    /// Added to the sum of squares.
    pub epsilon: f32,
}

impl OpRules for L2Norm {
    const DEF: OpDef = OpDef {
        name: "l2_norm",
        callable: true,
        summary: "the channels of each pixel as a vector of length 1",
        inputs: &[InputDef::one("x", "a map or vector")],
        params: &[ParamDef::with("epsilon", ParamType::Float, "1e-10", "added to the sum of squares")],
        outputs: &["out"],
        example: "x |> l2_norm |> scale(init: 10)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let epsilon = args.float("epsilon") as f32;
        if epsilon <= 0.0 {
            let message = "`epsilon` of `l2_norm` is above 0, or pixels of zeros would be divided by 0";
            return Err(Diag::new(&codes::PARAM_VALUE, message, args.span("epsilon"), "not above 0"));
        }
        Ok(Self { epsilon })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            fact @ (Fact::Map { .. } | Fact::Vector { .. }) => Ok(vec![fact.clone()]),
            _ => Err(inputs.wrong_kind(0, "a map or vector")),
        }
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let x = at.input(0);
        let mut dims = at.result_dims();
        dims[1] = 1.into();
        let squares = at.emit_one(Instr::Binary(Binary::Multiply), vec![x, x]);
        let sum = Instr::Reduce { by: Reduction::Sum, axes: vec![1], keep: true };
        let sum = at.emit(sum, vec![squares], dims);
        let sum = at.emit_one(Instr::Unary(Unary::Offset(self.epsilon)), vec![sum]);
        let length = at.emit_one(Instr::Unary(Unary::Sqrt), vec![sum]);
        at.give_emitted(Instr::Binary(Binary::Divide), vec![x, length]);
    }

    fn describe(&self) -> String {
        format!("epsilon: {:e}", self.epsilon)
    }
}
