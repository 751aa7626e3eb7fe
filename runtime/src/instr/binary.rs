//! Elementwise functions of two operands of one rank; axes of size 1 are broadcast.

use burn::tensor::Tensor;
use phg_compiler::plan::instr::Binary;

use crate::error::Result;
use crate::tensor::{Value, unfit};

/// Applies `binary` to floats of one rank.
pub(super) fn apply(binary: Binary, a: Value, b: Value) -> Result<Value> {
    let broadcast = |(a, b): (&usize, &usize)| a == b || *a == 1 || *b == 1;
    let (left, right) = (a.shape(), b.shape());
    if left.len() != right.len() || !left.iter().zip(&right).all(broadcast) {
        return Err(unfit(format!("{} and {} do not go together", a.describe(), b.describe())));
    }
    Ok(match left.len() {
        1 => by_rank(binary, a.f1()?, b.f1()?).into(),
        2 => by_rank(binary, a.f2()?, b.f2()?).into(),
        3 => by_rank(binary, a.f3()?, b.f3()?).into(),
        4 => by_rank(binary, a.f4()?, b.f4()?).into(),
        _ => by_rank(binary, a.f5()?, b.f5()?).into(),
    })
}

fn by_rank<const D: usize>(binary: Binary, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    match binary {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Max => a.max_pair(b),
    }
}
