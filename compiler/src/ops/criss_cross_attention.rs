//! `criss_cross_attention`: each pixel attends to its row and its column.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::ValueId;
use crate::plan::instr::{Binary, Instr};
use crate::plan::lower::Lower;

/// At each pixel the values of its row and column, weighted by one softmax over the products of its query with
/// their keys; the pixel itself counts once, in its row (Huang et al. 2019, CCNet).
#[derive(Clone, Debug, PartialEq)]
pub struct CrissCrossAttention;

/// What a pixel's score with itself in its column is lowered by: finite, so that nothing becomes not a number, and
/// so large that its exponential is 0.
const NEVER: f32 = -1e30;

impl OpRules for CrissCrossAttention {
    const DEF: OpDef = OpDef {
        name: "criss_cross_attention",
        callable: true,
        summary: "each pixel attends to its row and its column",
        inputs: &[
            InputDef::one("queries", "a map"),
            InputDef::one("keys", "a map of as many channels as the queries"),
            InputDef::one("values", "the map whose pixels are weighted and added up"),
        ],
        params: &[],
        outputs: &["out"],
        example: "criss_cross_attention(q, k, v)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (queries, height, width) = inputs.map(0)?;
        for at in [1, 2] {
            let (channels, h, w) = inputs.map(at)?;
            if at == 1 && channels != queries {
                return Err(inputs.mismatch("channels", &queries.to_string(), 0, &channels.to_string(), 1));
            }
            inputs.equal("height", (&height, 0), (&h, at))?;
            inputs.equal("width", (&width, 0), (&w, at))?;
        }
        let (channels, _, _) = inputs.map(2)?;
        Ok(vec![Fact::Map { channels, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let [q, k, v] = [0, 1, 2].map(|operand| at.input(operand));
        let dims = at.result_dims();
        let [n, c, h, w] = [0, 1, 2, 3].map(|axis| dims[axis].clone());
        let product = |at: &mut Lower<'_>, a: ValueId, b: ValueId, dims: [&Dim; 4]| {
            at.emit(Instr::MatMul, vec![a, b], dims.map(Dim::clone).to_vec())
        };
        // Scores of each pixel with its row, `[n, h, w, w]`, and with its column, `[n, w, h, h]`.
        let (a, b) = (at.permuted(q, &[0, 2, 3, 1]), at.permuted(k, &[0, 2, 1, 3]));
        let rows = product(at, a, b, [&n, &h, &w, &w]);
        let (a, b) = (at.permuted(q, &[0, 3, 2, 1]), at.permuted(k, &[0, 3, 1, 2]));
        let columns = product(at, a, b, [&n, &w, &h, &h]);
        let square = vec![h.clone(), h.clone()];
        let itself = at.emit(Instr::Diagonal { value: NEVER, size: h.clone() }, vec![], square);
        let itself = at.reshaped(itself, vec![1.into(), 1.into(), h.clone(), h.clone()]);
        let columns = at.emit_one(Instr::Binary(Binary::Add), vec![columns, itself]);
        let columns = at.permuted(columns, &[0, 2, 1, 3]);
        // One softmax over both.
        let both = vec![n.clone(), h.clone(), w.clone(), h.plus(&w)];
        let scores = at.emit(Instr::Concat { axis: 3 }, vec![columns, rows], both);
        let shares = at.emit_one(Instr::Softmax { axis: 3, log: false }, vec![scores]);
        let mut share = |start: Dim, len: &Dim| {
            let dims = vec![n.clone(), h.clone(), w.clone(), len.clone()];
            at.emit(Instr::Slice { axis: 3, start, len: len.clone() }, vec![shares], dims)
        };
        let (columns, rows) = (share(Dim::default(), &h), share(h.clone(), &w));
        // What they weigh, added up.
        let (a, b) = (at.permuted(columns, &[0, 2, 1, 3]), at.permuted(v, &[0, 3, 2, 1]));
        let columns = product(at, a, b, [&n, &w, &h, &c]);
        let columns = at.permuted(columns, &[0, 3, 2, 1]);
        let b = at.permuted(v, &[0, 2, 3, 1]);
        let rows = product(at, rows, b, [&n, &h, &w, &c]);
        let rows = at.permuted(rows, &[0, 3, 1, 2]);
        at.give_emitted(Instr::Binary(Binary::Add), vec![columns, rows]);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
