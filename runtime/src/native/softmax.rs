//! Softmax over the channels of a map.

use burn::tensor::Tensor;
use phg_kernels::softmax;

use super::{Kernel, View, apply};
use crate::error::Result;
use crate::tensor::Value;

/// Softmax over axis 1, or its logarithm.
#[derive(Clone, Debug)]
struct Softmax {
    log: bool,
}

impl Kernel<1> for Softmax {
    const READS: [bool; 1] = [false];
    const READS_RESULT: bool = true;

    fn forward(&mut self, [x]: [View<'_>; 1]) -> (Vec<f32>, Vec<usize>) {
        (softmax::forward(&x.values, x.map(), self.log), x.shape.to_vec())
    }

    fn gradients(
        &self,
        [x]: [View<'_>; 1],
        result: View<'_>,
        gradient: &[f32],
        wanted: [bool; 1],
    ) -> [Option<Vec<f32>>; 1] {
        [wanted[0].then(|| softmax::gradient(&result.values, gradient, x.map(), self.log))]
    }
}

/// `exp(x) / sum(exp(x))` over the channels of `x [n, c, h, w]`, or its logarithm; nothing where it is not on
/// the processor.
pub(crate) fn softmax(x: &Value, log: bool) -> Result<Option<Tensor<4>>> {
    apply(&mut Softmax { log }, [x])
}
