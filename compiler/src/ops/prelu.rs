//! `prelu`: the rectifier with a learned slope below zero.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// `x` where positive, `slope * x` elsewhere; the slope is learned, for each channel or one for all (He et al. 2015).
#[derive(Clone, Debug, PartialEq)]
pub struct Prelu {
    /// One slope for all channels.
    pub shared: bool,
    /// First value of the slopes.
    pub init: f32,
}

impl OpRules for Prelu {
    const DEF: OpDef = OpDef {
        name: "prelu",
        callable: true,
        summary: "the rectifier with a learned slope below zero",
        inputs: &[InputDef::one("x", "a map or vector")],
        params: &[
            ParamDef::with(
                "shared",
                ParamType::Bool,
                "false",
                "one slope for all channels, not one for each",
            ),
            ParamDef::with("init", ParamType::Float, "0.25", "first value of the slopes"),
        ],
        outputs: &["out"],
        example: "x |> prelu",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { shared: args.bool("shared"), init: args.float("init") as f32 })
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
        let slopes = if self.shared { 1 } else { *channels };
        vec![WeightDecl {
            suffix: "slope",
            shape: vec![slopes],
            init: Init::Constant(self.init),
            trainable: true,
        }]
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let slope = at.weight("slope");
        at.emit_like(Instr::Prelu { slope });
    }

    fn describe(&self) -> String {
        format!("init: {}{}", self.init, if self.shared { ", shared" } else { "" })
    }
}
