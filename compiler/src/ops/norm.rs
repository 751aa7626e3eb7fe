//! `norm`: batch normalisation.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::instr::{Instr, Normalise};
use crate::plan::lower::Lower;

/// Batch normalisation (Ioffe and Szegedy 2015): batch statistics while training, running ones otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Added to the variance.
    pub epsilon: f32,
    /// Share of new statistics in the running ones.
    pub momentum: f32,
    /// First value of the scale.
    pub scale: f32,
}

impl OpRules for Norm {
    const DEF: OpDef = OpDef {
        name: "norm",
        callable: true,
        summary: "batch normalisation",
        inputs: &[InputDef::one("x", "a map or vector")],
        params: &[
            ParamDef::with("epsilon", ParamType::Float, "1e-5", "added to the variance"),
            ParamDef::with(
                "momentum",
                ParamType::Float,
                "0.1",
                "share of new statistics in the running ones",
            ),
            ParamDef::with("scale", ParamType::Float, "1", "first value of the learned scale"),
        ],
        outputs: &["out"],
        example: "x |> norm",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self {
            epsilon: args.float("epsilon") as f32,
            momentum: args.float("momentum") as f32,
            scale: args.float("scale") as f32,
        })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match inputs.fact(0) {
            fact @ (Fact::Map { .. } | Fact::Vector { .. }) => Ok(vec![fact.clone()]),
            _ => Err(inputs.wrong_kind(0, "a map")),
        }
    }

    fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl> {
        let Some(Fact::Map { channels, .. } | Fact::Vector { channels }) = inputs.first() else {
            return Vec::new();
        };
        let decl = |suffix, value, trainable| WeightDecl {
            suffix,
            shape: vec![*channels],
            init: Init::Constant(value),
            trainable,
        };
        vec![
            decl("scale", self.scale, true),
            decl("offset", 0.0, true),
            decl("mean", 0.0, false),
            decl("variance", 1.0, false),
        ]
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let (scale, offset) = (at.weight("scale"), at.weight("offset"));
        let (mean, variance) = (at.weight("mean"), at.weight("variance"));
        at.emit_like(Instr::Normalise(Normalise {
            scale,
            offset,
            mean,
            variance,
            epsilon: self.epsilon,
            momentum: self.momentum,
        }));
    }

    fn describe(&self) -> String {
        let mut parts = Vec::new();
        for (name, value, neutral) in
            [("epsilon", self.epsilon, 1e-5), ("momentum", self.momentum, 0.1), ("scale", self.scale, 1.0)]
        {
            if value != neutral {
                parts.push(format!("{name}: {value}"));
            }
        }
        parts.join(", ")
    }
}
