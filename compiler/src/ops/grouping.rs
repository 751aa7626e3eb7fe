//! What `tokens` and `as_map` share: how the pixels of a map are put into groups, and back.
//!
//! Comes in: maps whose rows and columns are multiples of a block's. Goes out: their pixels by block, or by place
//! within the block (interlaced, Huang et al. 2019). Guaranteed: one is the other's inverse; no tensor on the way
//! has more than five axes.

use super::{Args, Infer, ParamDef, ParamType};
use crate::diag::{Diag, codes};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::Dim;
use crate::plan::ValueId;
use crate::plan::lower::Lower;

pub(super) const BLOCK: ParamDef = ParamDef::with(
    "block",
    ParamType::PairOr(&["none"]),
    "none",
    "rows and columns of a block; with it, pixels are put into groups, a further axis",
);
pub(super) const GROUP: ParamDef = ParamDef::with(
    "group",
    ParamType::Choice(&["block", "offset"]),
    "block",
    "a group is the pixels of one block, or those with one place within their blocks",
);

/// Groups of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// Rows and columns of a block.
    pub block: [usize; 2],
    /// A group is the pixels with one place within their blocks, not those of a block.
    pub offset: bool,
}

impl Grouping {
    /// Takes [`BLOCK`] and [`GROUP`] from a call; none without a block.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Diag> {
        let Some(block) = args.maybe_pair("block") else { return Ok(None) };
        if block.contains(&0) {
            let message = "a block has at least one row and column";
            return Err(Diag::new(&codes::PARAM_VALUE, message, args.span("block"), "is 0"));
        }
        Ok(Some(Self { block, offset: args.word("group") == "offset" }))
    }

    /// Number of groups and of pixels in each, of a map of this size; blocks must fill it.
    pub(super) fn sizes(self, inputs: &mut Infer<'_>, height: &Dim, width: &Dim) -> Result<[Dim; 2], Diag> {
        for (what, size, by) in [("rows", height, self.block[0]), ("columns", width, self.block[1])] {
            let by = by as i64;
            let whole = size.floor_div(by).scale(by);
            if whole == *size {
                continue;
            }
            if size.as_constant().is_some() {
                return Err(inputs
                    .bad_parameter(format!("blocks of {by} {what} do not fill {size}"), "not a multiple")
                    .help(format!("bring the map to a multiple first: `|> pad(multiple: {by})`")));
            }
            inputs.constraints.push(Constraint {
                kind: ConstraintKind::Multiple(size.clone(), by),
                span: inputs.call,
                because: format!("blocks of {by} {what} fill the map"),
                stated: false,
            });
        }
        let blocks = self.blocks(height, width);
        let (many, each) = (blocks[0].times(&blocks[1]), Dim::from(self.block[0] * self.block[1]));
        Ok(if self.offset { [each, many] } else { [many, each] })
    }

    /// Rows and columns of blocks.
    fn blocks(self, height: &Dim, width: &Dim) -> [Dim; 2] {
        [height.floor_div(self.block[0] as i64), width.floor_div(self.block[1] as i64)]
    }

    /// `[n, h, w, c]` to `[n, groups, pixels, c]`, which is `to`.
    pub(super) fn split(self, at: &mut Lower<'_>, value: ValueId, to: Vec<Dim>) -> ValueId {
        let (dims, [bh, bw]) = (at.dims_of(value), self.block.map(Dim::from));
        let [n, h, w, c] = [0, 1, 2, 3].map(|axis| dims[axis].clone());
        let [gh, gw] = self.blocks(&h, &w);
        let mut value = value;
        if self.offset {
            value = at.reshaped(value, vec![n.clone(), gh.clone(), bh.clone(), w.times(&c)]);
            value = at.permuted(value, &[0, 2, 1, 3]);
            value = at.reshaped(value, vec![n.clone(), bh.times(&gh), gw.clone(), bw.clone(), c.clone()]);
            value = at.permuted(value, &[0, 1, 3, 2, 4]);
            value = at.reshaped(value, vec![n, bh, gh, bw, gw.times(&c)]);
        } else {
            value = at.reshaped(value, vec![n, gh, bh, gw, bw.times(&c)]);
        }
        value = at.permuted(value, &[0, 1, 3, 2, 4]);
        at.reshaped(value, to)
    }

    /// `[n, groups, pixels, c]` to `[n, h, w, c]`, which is `to`.
    pub(super) fn join(self, at: &mut Lower<'_>, value: ValueId, to: Vec<Dim>) -> ValueId {
        let [n, h, w, c] = [0, 1, 2, 3].map(|axis| to[axis].clone());
        let ([bh, bw], [gh, gw]) = (self.block.map(Dim::from), self.blocks(&h, &w));
        let mut value = value;
        if self.offset {
            value = at.reshaped(value, vec![n.clone(), bh.clone(), bw.clone(), gh.clone(), gw.times(&c)]);
            value = at.permuted(value, &[0, 1, 3, 2, 4]);
            value = at.reshaped(value, vec![n.clone(), bh.times(&gh), bw, gw, c.clone()]);
            value = at.permuted(value, &[0, 1, 3, 2, 4]);
            value = at.reshaped(value, vec![n, bh, gh, w.times(&c)]);
            value = at.permuted(value, &[0, 2, 1, 3]);
        } else {
            value = at.reshaped(value, vec![n, gh, gw, bh, bw.times(&c)]);
            value = at.permuted(value, &[0, 1, 3, 2, 4]);
        }
        at.reshaped(value, to)
    }

    pub(super) fn describe(self) -> String {
        let by = if self.offset { "offset" } else { "block" };
        format!("block: {}x{}, group: {by}", self.block[0], self.block[1])
    }
}
