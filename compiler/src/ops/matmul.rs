//! `matmul`: the matrix product of the last two axes of two tensors.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::ValueId;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// The matrix product of the last two axes of two tensors, whose other axes are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Matmul {
    /// Which one's last two axes are swapped before.
    pub transpose: Option<Side>,
}

/// An operand of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The left one.
    First,
    /// The right one.
    Second,
}

impl Matmul {
    /// The other axes, and rows and columns as they are multiplied.
    fn matrix(&self, inputs: &Infer<'_>, at: usize) -> Result<(Vec<Dim>, Dim, Dim), Diag> {
        let Fact::Tensor { dims } = inputs.fact(at) else { return Err(inputs.wrong_kind(at, "a tensor")) };
        let [others @ .., rows, columns] = dims.as_slice() else {
            return Err(inputs.wrong_kind(at, "a tensor of matrices"));
        };
        let side = if at == 0 { Side::First } else { Side::Second };
        let (rows, columns) = if self.transpose == Some(side) { (columns, rows) } else { (rows, columns) };
        Ok((others.to_vec(), rows.clone(), columns.clone()))
    }
}

impl OpRules for Matmul {
    const DEF: OpDef = OpDef {
        name: "matmul",
        callable: true,
        summary: "the matrix product of the last two axes of two tensors",
        inputs: &[
            InputDef::one("a", "a tensor, such as the `tokens` of a map"),
            InputDef::one("b", "a tensor whose first axes are those of `a`"),
        ],
        params: &[ParamDef::with(
            "transpose",
            ParamType::Choice(&["none", "first", "second"]),
            "none",
            "the operand whose last two axes are swapped before",
        )],
        outputs: &["out"],
        example: "matmul(tokens(q), tokens(k), transpose: second)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let transpose = match args.word("transpose") {
            "first" => Some(Side::First),
            "second" => Some(Side::Second),
            _ => None,
        };
        Ok(Self { transpose })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (mut dims, rows, inner) = self.matrix(inputs, 0)?;
        let (others, along, columns) = self.matrix(inputs, 1)?;
        if dims.len() != others.len() {
            let rank = |dims: &[Dim]| (dims.len() + 2).to_string();
            return Err(inputs.mismatch("rank", &rank(&dims), 0, &rank(&others), 1));
        }
        for (axis, (a, b)) in dims.iter().zip(&others).enumerate() {
            inputs.equal(&format!("size on axis {axis}"), (a, 0), (b, 1))?;
        }
        inputs.equal("inner size", (&inner, 0), (&along, 1))?;
        dims.extend([rows, columns]);
        Ok(vec![Fact::Tensor { dims }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let mut reads = vec![at.input(0), at.input(1)];
        let which = match self.transpose {
            Some(Side::First) => reads.first_mut(),
            Some(Side::Second) => reads.last_mut(),
            None => None,
        };
        if let Some(value) = which {
            *value = transposed(at, *value);
        }
        at.give_emitted(Instr::MatMul, reads);
    }

    fn describe(&self) -> String {
        match self.transpose {
            Some(Side::First) => "transpose: first".to_string(),
            Some(Side::Second) => "transpose: second".to_string(),
            None => String::new(),
        }
    }
}

/// The last two axes swapped.
fn transposed(at: &mut Lower<'_>, value: ValueId) -> ValueId {
    let rank = at.dims_of(value).len();
    let mut axes: Vec<usize> = (0..rank).collect();
    if let [.., a, b] = axes.as_mut_slice() {
        std::mem::swap(a, b);
    }
    at.permuted(value, &axes)
}
