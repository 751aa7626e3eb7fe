//! Constants and random values: fills, normal draws, dropout.
//!
//! Draws are functions of the seed, the step counter and the node's path, made in host memory: the same on
//! every device and with every number of threads.

use burn::tensor::{Tensor, TensorData};

use super::Context;
use crate::error::Result;
use crate::tensor::{Value, each_float, unfit};

/// A tensor of one value.
pub(super) fn fill(value: f32, shape: &[usize], context: &Context<'_>) -> Result<Value> {
    Value::full(value, shape, context.device)
}

/// A square matrix of zeros with `value` on its diagonal.
pub(super) fn diagonal(value: f32, size: usize, context: &Context<'_>) -> Result<Value> {
    let data = (0..size * size).map(|at| if at % (size + 1) == 0 { value } else { 0.0 });
    Value::float(data.collect(), &[size, size], context.device)
}

/// `min((s + 1) / steps, 1)` while training, `s` being the updates that lie behind; 1 for no steps, and otherwise.
pub(super) fn ramp(steps: usize, context: &Context<'_>) -> Result<Value> {
    let done = context.bindings.update.saturating_add(1) as f64;
    let share = if context.training() && steps > 0 { (done / steps as f64).min(1.0) } else { 1.0 };
    fill(share as f32, &[1], context)
}

/// Standard normal values.
pub(super) fn normal(shape: &[usize], context: &Context<'_>) -> Result<Value> {
    let mut stream = context.stream();
    let data = (0..shape.iter().product()).map(|_| stream.normal()).collect();
    Value::float(data, shape, context.device)
}

/// Zeroes elements or channels with probability `rate` and scales the rest by `1 / (1 - rate)` while training
/// (Srivastava et al. 2014, inverted); the identity otherwise.
pub(super) fn dropout(x: Value, rate: f32, channels: bool, context: &Context<'_>) -> Result<Value> {
    if !context.training() || rate <= 0.0 {
        return Ok(x);
    }
    Ok(each_float!(x, "dropout", x => masked(x, rate, channels, context)?.into()))
}

fn masked<const D: usize>(
    x: Tensor<D>,
    rate: f32,
    channels: bool,
    context: &Context<'_>,
) -> Result<Tensor<D>> {
    let mut shape = x.dims();
    if channels {
        if D < 2 {
            return Err(unfit("no channels to drop"));
        }
        shape.iter_mut().skip(2).for_each(|size| *size = 1);
    }
    let scale = 1.0 / (1.0 - rate);
    let mut stream = context.stream();
    let mask = (0..shape.iter().product()).map(|_| if stream.chance(rate) { 0.0 } else { scale });
    let mask = Tensor::<D>::from_data(TensorData::new(mask.collect::<Vec<f32>>(), shape), context.device);
    Ok(x.clone() * mask.cast(x.dtype()))
}
