//! Resizing of `[n, c, h, w]`, half-pixel centres.

use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Int, Tensor, TensorData};
use phg_compiler::plan::instr::ResizeMode;

use crate::error::Result;
use crate::native;

/// Resizes to the given rows and columns; the same size is the identity.
pub(crate) fn resize(x: Tensor<4>, mode: ResizeMode, to: [usize; 2]) -> Result<Tensor<4>> {
    let [_, _, rows, columns] = x.dims();
    if [rows, columns] == to {
        return Ok(x);
    }
    Ok(match mode {
        ResizeMode::Bilinear => {
            if let Some(y) = native::bilinear(&x.clone().into(), to)? {
                return Ok(y);
            }
            // Burn's default is align_corners = true; the field's networks use false.
            let options = InterpolateOptions::new(InterpolateMode::Bilinear)
                .with_align_corners(false)
                .with_output_size(to);
            interpolate(x, options)
        }
        // By index rather than by Burn's nearest, which rounds `i * (in / out)` and can miss by one.
        ResizeMode::Nearest => {
            let device = x.device();
            x.select(2, nearest(rows, to[0], &device)).select(3, nearest(columns, to[1], &device))
        }
    })
}

/// Labels at the given rows and columns: row `i` is row `floor(i * from / to)`, columns likewise.
pub(super) fn labels(x: Tensor<3, Int>, to: [usize; 2]) -> Tensor<3, Int> {
    let ([_, rows, columns], device) = (x.dims(), x.device());
    x.select(1, nearest(rows, to[0], &device)).select(2, nearest(columns, to[1], &device))
}

/// `floor(i * from / to)` for each `i` in `0..to`.
fn nearest(from: usize, to: usize, device: &burn::tensor::Device) -> Tensor<1, Int> {
    let at: Vec<i64> = (0..to).map(|i| i64::try_from(i * from / to).unwrap_or(0)).collect();
    Tensor::from_data(TensorData::new(at, [to]), device)
}
