//! Linear layers and matrix products.

use burn::tensor::Tensor;
use phg_compiler::plan::WeightId;

use super::Context;
use crate::error::Result;
use crate::tensor::{Value, unfit};

/// `x * weight^T + bias` over the last axis.
pub(super) fn linear(
    x: Value,
    weight: WeightId,
    bias: Option<WeightId>,
    context: &Context<'_>,
) -> Result<Value> {
    let weight = context.weight(weight)?.f2()?;
    let [outputs, inputs] = weight.dims();
    let mut shape = x.shape();
    let rows = shape.iter().product::<usize>() / inputs.max(1);
    let x = x.reshape(&[rows, inputs])?.f2()?;
    let mut y = x.matmul(weight.transpose());
    if let Some(bias) = context.optional(bias)? {
        y = y + bias.reshape([1, outputs]);
    }
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    Value::from(y).reshape(&shape)
}

/// The product of the last two axes.
pub(super) fn matmul(a: Value, b: Value) -> Result<Value> {
    fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        a.matmul(b)
    }
    Ok(match (a.shape().len(), b.shape().len()) {
        (2, 2) => product(a.f2()?, b.f2()?).into(),
        (3, 3) => product(a.f3()?, b.f3()?).into(),
        (4, 4) => product(a.f4()?, b.f4()?).into(),
        (5, 5) => product(a.f5()?, b.f5()?).into(),
        _ => return Err(unfit(format!("no product of {} and {}", a.describe(), b.describe()))),
    })
}
