//! The rectified linear unit and its gradient.

use pulp::Arch;
use rayon::prelude::*;

/// Elements that one task works on.
const CHUNK: usize = 1 << 15;

/// `max(x, 0)`; not a number stays one.
pub fn forward(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        Arch::new().dispatch(|| y.iter_mut().zip(x).for_each(|(y, x)| *y = if *x < 0.0 { 0.0 } else { *x }));
    });
    y
}

/// The gradient with respect to the operand, given the result `y` and the gradient `dy` with respect to it; 0
/// where the operand was 0, as in PyTorch.
///
/// # Panics
/// Slices of different lengths.
pub fn gradient(y: &[f32], dy: &[f32]) -> Vec<f32> {
    assert_eq!(y.len(), dy.len(), "a gradient for each element");
    let mut dx = vec![0.0; y.len()];
    dx.par_chunks_mut(CHUNK).zip(y.par_chunks(CHUNK).zip(dy.par_chunks(CHUNK))).for_each(|(dx, (y, dy))| {
        Arch::new().dispatch(|| {
            for (dx, (y, dy)) in dx.iter_mut().zip(y.iter().zip(dy)) {
                *dx = if *y > 0.0 { *dy } else { 0.0 };
            }
        });
    });
    dx
}
