//! Sums, means and maxima over axes.

use burn::tensor::Tensor;
use phg_compiler::plan::instr::Reduction;

use crate::error::Result;
use crate::tensor::{Value, each_float, unfit};

/// Reduces `axes` (ascending); they keep size 1 or vanish. A tensor whose axes all vanish has shape `[1]`.
pub(super) fn reduce(x: Value, by: Reduction, axes: &[usize], keep: bool) -> Result<Value> {
    let shape = x.shape();
    if !axes.windows(2).all(|pair| pair[0] < pair[1]) || axes.iter().any(|axis| *axis >= shape.len()) {
        return Err(unfit(format!("{} cannot be reduced over axes {axes:?}", x.describe())));
    }
    if axes.is_empty() {
        return Ok(x);
    }
    // Neighbouring axes are reduced as one: one pass instead of several.
    let (first, last) = (axes[0], axes[axes.len() - 1]);
    let (mut x, mut over) = (x, axes.to_vec());
    if last - first + 1 == axes.len() && axes.len() > 1 {
        let mut merged = shape[..first].to_vec();
        merged.push(shape[first..=last].iter().product());
        merged.extend_from_slice(&shape[last + 1..]);
        x = x.reshape(&merged)?;
        over = vec![first];
    }
    for axis in over {
        x = each_float!(x, "a reduction", x => match by {
            Reduction::Sum => x.sum_dim(axis).into(),
            Reduction::Mean => x.mean_dim(axis).into(),
            Reduction::Max => x.max_dim(axis).into(),
        });
    }
    let kept = shape.iter().enumerate().map(|(at, size)| if axes.contains(&at) { 1 } else { *size });
    let mut result: Vec<usize> = if keep {
        kept.collect()
    } else {
        shape.iter().enumerate().filter(|(at, _)| !axes.contains(at)).map(|(_, size)| *size).collect()
    };
    if result.is_empty() {
        result.push(1);
    }
    x.reshape(&result)
}

/// The number of the largest entry of axis 1, the first of equal ones, as a float `[n, 1, h, w]`.
pub(super) fn argmax(x: Tensor<4>) -> Value {
    x.argmax(1).float().into()
}
