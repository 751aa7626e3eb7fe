//! Bilinear resizing.

use burn::tensor::Tensor;
use phg_kernels::resize;

use super::{Kernel, View, apply};
use crate::error::Result;
use crate::tensor::Value;

/// Bilinear resizing to so many rows and columns.
#[derive(Clone, Debug)]
struct Bilinear([usize; 2]);

impl Kernel<1> for Bilinear {
    const READS: [bool; 1] = [false];

    fn forward(&mut self, [x]: [View<'_>; 1]) -> (Vec<f32>, Vec<usize>) {
        let [n, c, ..] = x.map();
        (resize::forward(&x.values, x.map(), self.0), vec![n, c, self.0[0], self.0[1]])
    }

    fn gradients(
        &self,
        [x]: [View<'_>; 1],
        _: View<'_>,
        gradient: &[f32],
        wanted: [bool; 1],
    ) -> [Option<Vec<f32>>; 1] {
        [wanted[0].then(|| resize::gradient(gradient, x.map(), self.0))]
    }
}

/// Resizes `x [n, c, h, w]`, half-pixel centres; nothing where it is not on the processor.
pub(crate) fn bilinear(x: &Value, to: [usize; 2]) -> Result<Option<Tensor<4>>> {
    apply(&mut Bilinear(to), [x])
}
