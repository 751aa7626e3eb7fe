//! `slice`: some of the channels of a map, or of the numbers of a vector.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// `count` channels of a map, or numbers of a vector, from `from` on.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The first, counted from 0.
    pub from: usize,
    /// How many.
    pub count: usize,
}

impl OpRules for Slice {
    const DEF: OpDef = OpDef {
        name: "slice",
        callable: true,
        summary: "some of the channels of a map, or of the numbers of a vector",
        inputs: &[InputDef::one("x", "a map or vector")],
        params: &[
            ParamDef::required("from", ParamType::Whole, "the first channel, counted from 0"),
            ParamDef::with("count", ParamType::Count, "1", "how many channels"),
        ],
        outputs: &["out"],
        example: "weights |> slice(from: 2)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { from: args.int("from"), count: args.int("count") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (there, fact) = match inputs.fact(0).clone() {
            Fact::Map { channels, height, width } => {
                (channels, Fact::Map { channels: self.count, height, width })
            }
            Fact::Vector { channels } => (channels, Fact::Vector { channels: self.count }),
            _ => return Err(inputs.wrong_kind(0, "a map or vector")),
        };
        let end = self.from.saturating_add(self.count);
        if end > there {
            return Err(inputs
                .bad_parameter(
                    format!("`slice` takes channels {}..{end} of {there}", self.from),
                    "not so many channels",
                )
                .help(format!("channels count from 0: the last one is {}", there.saturating_sub(1))));
        }
        Ok(vec![fact])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::Slice { axis: 1, start: self.from.into(), len: self.count.into() });
    }

    fn describe(&self) -> String {
        format!("{}..{}", self.from, self.from + self.count)
    }
}
