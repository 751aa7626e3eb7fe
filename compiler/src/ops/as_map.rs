//! `as_map`: the rows of a matrix as the pixels of a map: what `tokens` does, undone.

use super::grouping::{BLOCK, GROUP, Grouping};
use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::lower::Lower;

/// The rows of a matrix `[N, h * w, c]`, or of one for each group, as the pixels of a map `[N, c, h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AsMap {
    /// Rows and columns of the map, without `like`.
    pub size: Option<[usize; 2]>,
    /// How pixels are put into groups.
    pub groups: Option<Grouping>,
}

impl OpRules for AsMap {
    const DEF: OpDef = OpDef {
        name: "as_map",
        callable: true,
        summary: "the rows of a matrix as the pixels of a map: what `tokens` does, undone",
        inputs: &[
            InputDef::one("x", "a tensor of one row for each pixel"),
            InputDef::maybe("like", "the map or labels whose size it takes"),
        ],
        params: &[
            ParamDef::with("size", ParamType::PairOr(&["none"]), "none", "rows and columns of the map"),
            BLOCK,
            GROUP,
        ],
        outputs: &["out"],
        example: "matmul(softmax(scores), tokens(v)) |> as_map(like: x)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { size: args.maybe_pair("size"), groups: Grouping::from_args(args)? })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let Fact::Tensor { dims } = inputs.fact(0).clone() else {
            return Err(inputs.wrong_kind(0, "a tensor"));
        };
        let like = (inputs.operands.len() > 1).then(|| inputs.spatial(1)).transpose()?;
        let (height, width): (Dim, Dim) = match (like, self.size) {
            (Some(like), None) => like,
            (None, Some([rows, columns])) if rows > 0 && columns > 0 => (rows.into(), columns.into()),
            _ => {
                return Err(inputs
                    .bad_parameter("`as_map` takes one of `like` and `size`", "which size?")
                    .help("write `as_map(like: x)` or `as_map(size: [12, 1])`"));
            }
        };
        let wanted = match self.groups {
            Some(groups) => groups.sizes(inputs, &height, &width)?.to_vec(),
            None => vec![height.times(&width)],
        };
        let [_, pixels @ .., channels] = dims.as_slice() else {
            return Err(inputs.wrong_kind(0, "a tensor of one row for each pixel"));
        };
        let channels = channels.as_constant().and_then(|size| usize::try_from(size).ok());
        let Some(channels) = channels.filter(|_| pixels.len() == wanted.len()) else {
            let kind =
                if self.groups.is_some() { "[N, groups, pixels, channels]" } else { "[N, pixels, channels]" };
            return Err(inputs.wrong_kind(0, &format!("a tensor{kind}")));
        };
        let names: &[&str] = if self.groups.is_some() { &["groups", "pixels"] } else { &["pixels"] };
        // Without `like` there is no second operand to point at.
        let second = if inputs.operands.len() > 1 { 1 } else { usize::MAX };
        for (name, (found, wanted)) in names.iter().zip(pixels.iter().zip(&wanted)) {
            inputs.equal(name, (found, 0), (wanted, second))?;
        }
        Ok(vec![Fact::Map { channels, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let to = at.result_dims();
        let last = [0, 2, 3, 1].map(|axis: usize| to[axis].clone()).to_vec();
        let x = at.input(0);
        let value = match self.groups {
            Some(groups) => groups.join(at, x, last),
            None => at.reshaped(x, last),
        };
        let value = at.permuted(value, &[0, 3, 1, 2]);
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        let size = self.size.map(|[rows, columns]| format!("size: {rows}x{columns}"));
        size.into_iter().chain(self.groups.map(Grouping::describe)).collect::<Vec<_>>().join(", ")
    }
}
