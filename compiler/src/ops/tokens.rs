//! `tokens`: the pixels of a map as rows of a matrix, for matrix products.

use super::grouping::{BLOCK, GROUP, Grouping};
use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::lower::Lower;

/// The pixels of a map `[N, c, h, w]` as rows of a matrix, `[N, h * w, c]`; in groups, `[N, groups, pixels, c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// How pixels are put into groups.
    pub groups: Option<Grouping>,
}

impl OpRules for Tokens {
    const DEF: OpDef = OpDef {
        name: "tokens",
        callable: true,
        summary: "the pixels of a map as rows of a matrix, `tensor[N, h * w, channels]`, or of one for each group",
        inputs: &[InputDef::one("x", "the map")],
        params: &[BLOCK, GROUP],
        outputs: &["out"],
        example: "matmul(tokens(q), tokens(k), transpose: second)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { groups: Grouping::from_args(args)? })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let mut dims = vec![Dim::n()];
        match self.groups {
            Some(groups) => dims.extend(groups.sizes(inputs, &height, &width)?),
            None => dims.push(height.times(&width)),
        }
        dims.push(channels.into());
        Ok(vec![Fact::Tensor { dims }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let (x, to) = (at.input(0), at.result_dims());
        let value = at.permuted(x, &[0, 2, 3, 1]);
        let value = match self.groups {
            Some(groups) => groups.split(at, value, to),
            None => at.reshaped(value, to),
        };
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        self.groups.map(Grouping::describe).unwrap_or_default()
    }
}
