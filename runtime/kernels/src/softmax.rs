//! Softmax over the channels of a map, its logarithm, and their gradients, without moving the channels.

use pulp::Arch;
use rayon::prelude::*;

use crate::Shape;
use crate::window::fills;

/// Positions that are worked on at once: their sums stay in the first-level cache.
pub(crate) const WIDTH: usize = 256;

/// `e^x` for `x <= 0`, within 2 units in the last place; zero where the result is below the smallest normal
/// number. A polynomial, which vectorises; the standard library's is a call for each element.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // x = (k + f) ln 2 with f in [-1/2, 1/2]: adding 1.5 * 2^23 leaves the integer k in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    // ln 2 in two parts, so that the difference is exact.
    let r = (x - k * 0.693_359_4) - k * -2.121_944_4e-4;
    // The Taylor series of e^r for |r| <= ln(2) / 2, to where a term no longer counts.
    let series = 1.0
        + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    if x < -87.0 { 0.0 } else { series * f32::from_bits(exponent << 23) }
}

/// `e^x / sum(e^x)` over the channels of `x [n, c, h, w]`, or its logarithm, without overflow.
pub fn forward(x: &[f32], shape: Shape, log: bool) -> Vec<f32> {
    fills(x, shape);
    let mut y = x.to_vec();
    let [_, c, rows, columns] = shape;
    let positions = rows * columns;
    if y.is_empty() {
        return y;
    }
    y.par_chunks_exact_mut(c * positions).for_each(|y| {
        for start in (0..positions).step_by(WIDTH) {
            let width = WIDTH.min(positions - start);
            Arch::new().dispatch(|| {
                block(y, start, width, positions, log);
            });
        }
    });
    y
}

/// The largest operand of each position of a block, and the sum of `e^(x - largest)`.
pub(crate) struct Totals {
    pub(crate) most: [f32; WIDTH],
    pub(crate) sums: [f32; WIDTH],
}

/// Softmax in place, or its logarithm, of one block of positions of one image `y [c, positions]`.
#[inline(always)]
pub(crate) fn block(y: &mut [f32], start: usize, width: usize, positions: usize, log: bool) -> Totals {
    let mut totals = Totals { most: [f32::NEG_INFINITY; WIDTH], sums: [0.0; WIDTH] };
    let (most, sums) = (&mut totals.most[..width], &mut totals.sums[..width]);
    for y in y.chunks_exact(positions) {
        // `max` drops a NaN, which the sum below brings back.
        most.iter_mut().zip(&y[start..start + width]).for_each(|(most, y)| *most = most.max(*y));
    }
    for y in y.chunks_exact_mut(positions) {
        let y = &mut y[start..start + width];
        for ((y, most), sum) in y.iter_mut().zip(most.iter()).zip(sums.iter_mut()) {
            let below = *y - most;
            let power = exp(below);
            *sum += power;
            *y = if log { below } else { power };
        }
    }
    let mut last = [0.0_f32; WIDTH];
    let last = &mut last[..width];
    last.iter_mut().zip(sums.iter()).for_each(|(last, sum)| *last = if log { sum.ln() } else { 1.0 / sum });
    for y in y.chunks_exact_mut(positions) {
        let y = &mut y[start..start + width];
        y.iter_mut().zip(last.iter()).for_each(|(y, last)| if log { *y -= last } else { *y *= last });
    }
    totals
}

/// The gradient with respect to the operand, given the result `y` and the gradient `dy` with respect to it.
pub fn gradient(y: &[f32], dy: &[f32], shape: Shape, log: bool) -> Vec<f32> {
    fills(y, shape);
    fills(dy, shape);
    let [_, c, rows, columns] = shape;
    let positions = rows * columns;
    let mut dx = dy.to_vec();
    if dx.is_empty() {
        return dx;
    }
    dx.par_chunks_exact_mut(c * positions).zip(y.par_chunks_exact(c * positions)).for_each(|(dx, y)| {
        for start in (0..positions).step_by(WIDTH) {
            let width = WIDTH.min(positions - start);
            Arch::new().dispatch(|| block_gradient(dx, y, start, width, positions, log));
        }
    });
    dx
}

/// `y (dy - sum(y dy))`; for the logarithm `dy - e^y sum(dy)`.
#[inline(always)]
fn block_gradient(dx: &mut [f32], y: &[f32], start: usize, width: usize, positions: usize, log: bool) {
    let mut sums = [0.0_f32; WIDTH];
    let sums = &mut sums[..width];
    for (dy, y) in dx.chunks_exact(positions).zip(y.chunks_exact(positions)) {
        let (dy, y) = (&dy[start..start + width], &y[start..start + width]);
        for ((sum, dy), y) in sums.iter_mut().zip(dy).zip(y) {
            *sum += if log { *dy } else { dy * y };
        }
    }
    for (dx, y) in dx.chunks_exact_mut(positions).zip(y.chunks_exact(positions)) {
        let (dx, y) = (&mut dx[start..start + width], &y[start..start + width]);
        for ((dx, y), sum) in dx.iter_mut().zip(y).zip(sums.iter()) {
            *dx = if log { *dx - exp(*y) * sum } else { y * (*dx - sum) };
        }
    }
}
