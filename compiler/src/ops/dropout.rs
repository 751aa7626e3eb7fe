//! `dropout`: sets elements to zero at random while training.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::diag::codes;
use crate::ir::fact::Fact;
use crate::plan::Mode;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Sets elements, or whole channels, to zero while training and scales the rest by `1 / (1 - rate)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// Probability.
    pub rate: f32,
    /// Whole channels.
    pub channels: bool,
}

impl OpRules for Dropout {
    const DEF: OpDef = OpDef {
        name: "dropout",
        callable: true,
        summary: "sets elements to zero at random while training",
        inputs: &[InputDef::one("x", "a map, vector or tensor")],
        params: &[
            ParamDef::with("rate", ParamType::Float, "0.5", "probability in [0, 1)"),
            ParamDef::with("channels", ParamType::Bool, "false", "drop whole channels"),
        ],
        outputs: &["out"],
        example: "x |> dropout(0.1)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let rate = args.float("rate") as f32;
        if !(0.0..1.0).contains(&rate) {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                format!("a dropout rate is a probability in [0, 1), not {rate}"),
                args.span("rate"),
                "out of range",
            ));
        }
        Ok(Self { rate, channels: args.bool("channels") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.elementwise(0).map(|fact| vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        if at.mode() == Mode::Train && self.rate > 0.0 {
            at.emit_like(Instr::Dropout { rate: self.rate, channels: self.channels });
        } else {
            at.give(vec![at.input(0)]);
        }
    }

    fn describe(&self) -> String {
        if self.channels { format!("{}, channels", self.rate) } else { format!("{}", self.rate) }
    }
}
