//! `expand`: spreads a vector over a map: the same value at every pixel.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Spreads a vector over a map of another's size: the same value at every pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Expand;

impl OpRules for Expand {
    const DEF: OpDef = OpDef {
        name: "expand",
        callable: true,
        summary: "spreads a vector over a map: the same value at every pixel",
        inputs: &[
            InputDef::one("x", "a vector, or a map of one pixel"),
            InputDef::named("like", "the map whose size it takes"),
        ],
        params: &[],
        outputs: &["out"],
        example: "v |> expand(like: x4)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (height, width) = inputs.spatial(1)?;
        let channels = match inputs.fact(0) {
            Fact::Map { channels, height, width }
                if height.as_constant() == Some(1) && width.as_constant() == Some(1) =>
            {
                *channels
            }
            _ => inputs.vector(0)?,
        };
        Ok(vec![Fact::Map { channels, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let dims = at.result_dims();
        let mut pixel = dims.clone();
        pixel[2] = 1.into();
        pixel[3] = 1.into();
        let column = at.emit(Instr::Reshape { dims: pixel.clone() }, vec![at.input(0)], pixel);
        let value = at.emit(Instr::Expand { dims: dims.clone() }, vec![column], dims);
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
