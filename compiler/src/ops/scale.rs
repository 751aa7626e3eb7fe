//! `scale`: each channel times a learned number.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::instr::{Binary, Instr};
use crate::plan::lower::Lower;

/// Each channel times a learned number.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// First value of the numbers.
    pub init: f32,
}

impl OpRules for Scale {
    const DEF: OpDef = OpDef {
        name: "scale",
        callable: true,
        summary: "each channel times a learned number",
        inputs: &[InputDef::one("x", "a map or vector")],
        params: &[ParamDef::with("init", ParamType::Float, "1", "first value of the numbers")],
        outputs: &["out"],
        example: "x |> l2_norm |> scale(init: 10)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { init: args.float("init") as f32 })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            fact @ (Fact::Map { .. } | Fact::Vector { .. }) => Ok(vec![fact.clone()]),
            _ => Err(inputs.wrong_kind(0, "a map or vector")),
        }
    }

    fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl> {
        let Some(Fact::Map { channels, .. } | Fact::Vector { channels }) = inputs.first() else {
            return Vec::new();
        };
        let init = Init::Constant(self.init);
        vec![WeightDecl { suffix: "scale", shape: vec![*channels], init, trainable: true }]
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let weight = at.weight("scale");
        let mut dims = at.result_dims();
        let channels = dims[1].clone();
        for (axis, dim) in dims.iter_mut().enumerate() {
            *dim = if axis == 1 { channels.clone() } else { 1.into() };
        }
        let numbers = at.emit(Instr::Learned { weight }, vec![], vec![channels]);
        let spread = at.emit(Instr::Reshape { dims: dims.clone() }, vec![numbers], dims);
        at.give_emitted(Instr::Binary(Binary::Multiply), vec![at.input(0), spread]);
    }

    fn describe(&self) -> String {
        format!("init: {}", self.init)
    }
}
