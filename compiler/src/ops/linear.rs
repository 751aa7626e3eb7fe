//! `linear`: a fully connected layer on a vector.

use super::conv::ConvInit;
use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// `x W^T + b` on a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Size of the result.
    pub channels: usize,
    /// Adds a learned offset.
    pub bias: bool,
    /// First values.
    pub init: ConvInit,
}

impl OpRules for Linear {
    const DEF: OpDef = OpDef {
        name: "linear",
        callable: true,
        summary: "a fully connected layer on a vector",
        inputs: &[InputDef::one("x", "the vector")],
        params: &[
            ParamDef::required("channels", ParamType::Count, "size of the result"),
            ParamDef::with("bias", ParamType::Bool, "true", "add a learned offset"),
            ParamDef::with(
                "init",
                ParamType::Choice(ConvInit::WORDS),
                "default",
                "first values: PyTorch's, He's (fan out), Glorot's, or 0",
            ),
        ],
        outputs: &["out"],
        example: "v |> linear(256)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self {
            channels: args.int("channels"),
            bias: args.bool("bias"),
            init: ConvInit::from_word(args.word("init")),
        })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.vector(0)?;
        Ok(vec![Fact::Vector { channels: self.channels }])
    }

    fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl> {
        let Some(Fact::Vector { channels }) = inputs.first() else { return Vec::new() };
        let (weight, bias) = self.init.values(*channels, self.channels);
        let mut list = vec![WeightDecl {
            suffix: "weight",
            shape: vec![self.channels, *channels],
            init: weight,
            trainable: true,
        }];
        if self.bias {
            list.push(WeightDecl { suffix: "bias", shape: vec![self.channels], init: bias, trainable: true });
        }
        list
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let weight = at.weight("weight");
        let bias = self.bias.then(|| at.weight("bias"));
        at.emit_like(Instr::Linear { weight, bias });
    }

    fn describe(&self) -> String {
        if self.bias { format!("{}", self.channels) } else { format!("{}, no bias", self.channels) }
    }
}
