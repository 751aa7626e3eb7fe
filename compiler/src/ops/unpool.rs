//! `unpool`: puts values back where their maxima stood.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Puts pooled values back where their maxima stood, zero elsewhere, on a map of another's size.
#[derive(Clone, Debug, PartialEq)]
pub struct Unpool;

impl OpRules for Unpool {
    const DEF: OpDef = OpDef {
        name: "unpool",
        callable: true,
        summary: "puts values back where their maxima stood",
        inputs: &[
            InputDef::one("x", "the values"),
            InputDef::one("indices", "the second result of `max_pool_indices`"),
            InputDef::named("like", "the map that was pooled"),
        ],
        params: &[],
        outputs: &["out"],
        example: "unpool(y, indices, like: x)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let Fact::Indices { channels: c, height: h, width: w } = inputs.fact(1).clone() else {
            return Err(inputs.wrong_kind(1, "pooling indices"));
        };
        if channels != c {
            return Err(inputs.mismatch("channels", &channels.to_string(), 0, &c.to_string(), 1));
        }
        inputs.equal("height", (&height, 0), (&h, 1))?;
        inputs.equal("width", (&width, 0), (&w, 1))?;
        let (h, w) = inputs.spatial(2)?;
        Ok(vec![Fact::Map { channels, height: h, width: w }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let dims = at.result_dims();
        let to = [dims[2].clone(), dims[3].clone()];
        let value = at.emit(Instr::Unpool { to }, vec![at.input(0), at.input(1)], dims);
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
