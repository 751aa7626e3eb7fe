//! Elementwise functions of one operand.

use burn::tensor::{Tensor, activation};
use phg_compiler::plan::instr::Unary;

use crate::error::Result;
use crate::native;
use crate::tensor::{Value, each_float};

/// Applies `unary` to floats of any rank.
pub(super) fn apply(unary: Unary, x: Value) -> Result<Value> {
    if unary == Unary::Relu
        && let Some(y) = native::rectify(&x)?
    {
        return Ok(y);
    }
    Ok(each_float!(x, "an elementwise function", x => by_rank(unary, x).into()))
}

fn by_rank<const D: usize>(unary: Unary, x: Tensor<D>) -> Tensor<D> {
    match unary {
        Unary::Relu => activation::relu(x),
        Unary::Relu6 => x.clamp(0.0, 6.0),
        Unary::LeakyRelu(slope) => activation::leaky_relu(x, f64::from(slope)),
        Unary::Sigmoid => activation::sigmoid(x),
        Unary::Tanh => x.tanh(),
        Unary::Exp => x.exp(),
        Unary::Log => x.log(),
        Unary::Sqrt => x.sqrt(),
        Unary::Negate => x.neg(),
        Unary::Scale(factor) => x.mul_scalar(factor),
        Unary::Offset(shift) => x.add_scalar(shift),
        Unary::Clamp(low, high) => x.clamp(low, high),
    }
}
