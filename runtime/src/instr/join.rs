//! Joining, cutting, reordering and repeating axes.

use burn::tensor::ops::PadMode;
use burn::tensor::{Int, Tensor};

use crate::error::Result;
use crate::tensor::{Value, unfit};

/// Joins operands of one rank along an axis.
pub(super) fn concat(reads: Vec<Value>, axis: usize) -> Result<Value> {
    fn join<const D: usize, T>(
        reads: Vec<Value>,
        axis: usize,
        open: impl Fn(Value) -> Result<T>,
        cat: impl Fn(Vec<T>, usize) -> Value,
    ) -> Result<Value> {
        if axis >= D {
            return Err(unfit(format!("no axis {axis}")));
        }
        Ok(cat(reads.into_iter().map(open).collect::<Result<_>>()?, axis))
    }
    let Some(first) = reads.first() else {
        return Err(unfit("nothing to join"));
    };
    match (first.is_int(), first.shape().len()) {
        (false, 1) => join::<1, _>(reads, axis, Value::f1, |all, axis| Tensor::cat(all, axis).into()),
        (false, 2) => join::<2, _>(reads, axis, Value::f2, |all, axis| Tensor::cat(all, axis).into()),
        (false, 3) => join::<3, _>(reads, axis, Value::f3, |all, axis| Tensor::cat(all, axis).into()),
        (false, 4) => join::<4, _>(reads, axis, Value::f4, |all, axis| Tensor::cat(all, axis).into()),
        (false, 5) => join::<5, _>(reads, axis, Value::f5, |all, axis| Tensor::cat(all, axis).into()),
        (true, 3) => join::<3, _>(reads, axis, Value::i3, |all: Vec<Tensor<3, Int>>, axis| {
            Tensor::cat(all, axis).into()
        }),
        (true, 4) => join::<4, _>(reads, axis, Value::i4, |all: Vec<Tensor<4, Int>>, axis| {
            Tensor::cat(all, axis).into()
        }),
        _ => Err(unfit(format!("{} cannot be joined", first.describe()))),
    }
}

/// `len` entries of an axis from `start`.
pub(super) fn slice(x: Value, axis: usize, start: usize, len: usize) -> Result<Value> {
    if x.shape().get(axis).is_none_or(|size| start + len > *size) {
        return Err(unfit(format!(
            "{} has no entries {start}..{} of axis {axis}",
            x.describe(),
            start + len
        )));
    }
    Ok(crate::tensor::each!(x, x => x.narrow(axis, start, len).into()))
}

/// Zeros before and after the entries of each axis.
pub(super) fn pad(x: Value, before: &[usize], after: &[usize]) -> Result<Value> {
    let rank = x.shape().len();
    if before.len() != rank || after.len() != rank {
        return Err(unfit(format!("{} is padded along {} axes", x.describe(), before.len())));
    }
    let sides: Vec<(usize, usize)> = before.iter().copied().zip(after.iter().copied()).collect();
    Ok(crate::tensor::each_float!(x, "padding", x => x.pad(sides, PadMode::Constant(0.0)).into()))
}

/// Result axis `i` is operand axis `axes[i]`.
pub(super) fn permute(x: Value, axes: &[usize]) -> Result<Value> {
    fn order<const D: usize>(axes: &[usize]) -> Result<[isize; D]> {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..D) {
            return Err(unfit(format!("{axes:?} is no order of {D} axes")));
        }
        Ok(std::array::from_fn(|at| axes[at] as isize))
    }
    Ok(crate::tensor::each!(x, x => {
        let order = order(axes)?;
        x.permute(order).into()
    }))
}

/// Repeats axes of size 1.
pub(super) fn expand(x: Value, shape: &[usize]) -> Result<Value> {
    fn target<const D: usize>(from: [usize; D], shape: &[usize]) -> Result<[usize; D]> {
        let to: [usize; D] = shape.try_into().map_err(|_| unfit("another rank"))?;
        if from.iter().zip(&to).all(|(a, b)| a == b || *a == 1) {
            Ok(to)
        } else {
            Err(unfit(format!("{from:?} cannot be repeated to {to:?}")))
        }
    }
    Ok(crate::tensor::each!(x, x => {
        let to = target(x.dims(), shape)?;
        x.expand(to).into()
    }))
}
