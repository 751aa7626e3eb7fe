//! `global_pool`: the mean (or maximum, or sum) of each channel over the whole map.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, Reduction};
use crate::plan::lower::Lower;

/// The mean, maximum or sum of each channel over the whole map: a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalPool {
    /// Mean, max or sum.
    pub by: Reduction,
}

impl OpRules for GlobalPool {
    const DEF: OpDef = OpDef {
        name: "global_pool",
        callable: true,
        summary: "the mean (or maximum, or sum) of each channel over the whole map",
        inputs: &[InputDef::one("x", "the map")],
        params: &[ParamDef::with(
            "by",
            ParamType::Choice(&["mean", "max", "sum"]),
            "mean",
            "what is taken of each channel",
        )],
        outputs: &["out"],
        example: "x |> global_pool",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let by = match args.word("by") {
            "max" => Reduction::Max,
            "sum" => Reduction::Sum,
            _ => Reduction::Mean,
        };
        Ok(Self { by })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, _, _) = inputs.map(0)?;
        Ok(vec![Fact::Vector { channels }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::Reduce { by: self.by, axes: vec![2, 3], keep: false });
    }

    fn describe(&self) -> String {
        match self.by {
            Reduction::Mean => String::new(),
            Reduction::Max => "max".to_string(),
            Reduction::Sum => "sum".to_string(),
        }
    }
}
