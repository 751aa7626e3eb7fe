//! Batch normalisation by the batch's own statistics.

use burn::tensor::{Device, Tensor, TensorData};
use phg_kernels::normalise;

use super::{Kernel, View, apply};
use crate::error::Result;
use crate::tensor::Value;

#[derive(Clone, Debug)]
struct Normalise {
    epsilon: f32,
    /// Of each channel, found by the forward pass.
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Kernel<3> for Normalise {
    const READS: [bool; 3] = [true, true, false];

    fn forward(&mut self, [x, scale, offset]: [View<'_>; 3]) -> (Vec<f32>, Vec<usize>) {
        let images = x.shape.first().copied().unwrap_or(1);
        let found = normalise::forward(&x.values, images, &scale.values, &offset.values, self.epsilon);
        (self.mean, self.variance) = (found.mean, found.variance);
        (found.y, x.shape.to_vec())
    }

    fn gradients(
        &self,
        [x, scale, _]: [View<'_>; 3],
        _: View<'_>,
        gradient: &[f32],
        wanted: [bool; 3],
    ) -> [Option<Vec<f32>>; 3] {
        let images = x.shape.first().copied().unwrap_or(1);
        let statistics = (self.mean.as_slice(), self.variance.as_slice());
        let found =
            normalise::gradients(&x.values, images, &scale.values, statistics, self.epsilon, gradient);
        [wanted[0].then_some(found.x), wanted[1].then_some(found.scale), wanted[2].then_some(found.offset)]
    }
}

/// A normalised map, and the mean and the biased variance `[c]` of the batch.
pub(crate) struct Normalised<const D: usize> {
    pub(crate) y: Tensor<D>,
    pub(crate) mean: Tensor<1>,
    pub(crate) variance: Tensor<1>,
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + offset` by the statistics of each channel (axis 1); nothing
/// where the operands are not on the processor.
pub(crate) fn normalise<const D: usize>(
    x: &Value,
    scale: &Value,
    offset: &Value,
    epsilon: f32,
) -> Result<Option<Normalised<D>>> {
    let mut kernel = Normalise { epsilon, mean: Vec::new(), variance: Vec::new() };
    let Some(y) = apply(&mut kernel, [x, scale, offset])? else { return Ok(None) };
    let vector = |values: Vec<f32>| {
        let len = values.len();
        Tensor::from_data(TensorData::new(values, [len]), &Device::flex())
    };
    Ok(Some(Normalised { y, mean: vector(kernel.mean), variance: vector(kernel.variance) }))
}
