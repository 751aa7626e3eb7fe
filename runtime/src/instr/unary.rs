//! Elementwise functions of one operand.

use burn::tensor::{Tensor, activation};
use phg_compiler::plan::instr::Unary;

use crate::error::Result;
use crate::native;
use crate::tensor::{Value, each_float, unfit};

/// Applies `unary` to floats of any rank.
pub(super) fn apply(unary: Unary, x: Value) -> Result<Value> {
    if unary == Unary::Relu
        && let Some(y) = native::rectify(&x)?
    {
        return Ok(y);
    }
    Ok(each_float!(x, "an elementwise function", x => by_rank(unary, x).into()))
}

/// `x` where positive, `slope * x` elsewhere; `slope` is `[1]`, or `[c]` for the entries of axis 1.
pub(super) fn prelu(x: Value, slope: Tensor<1>) -> Result<Value> {
    let [slopes] = slope.dims();
    if slopes != 1 && x.shape().get(1) != Some(&slopes) {
        return Err(unfit(format!("{slopes} slopes for {}", x.describe())));
    }
    Ok(each_float!(x, "an elementwise function", x => activation::prelu(x, slope).into()))
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
        Unary::Above(threshold) => x.greater_scalar(threshold).float(),
        Unary::Clamp(low, high) => x.clamp(low, high),
    }
}
