//! The gradient with respect to the input.

use rayon::prelude::*;

use super::{PARTS, forward, ranges, tile_width};
use crate::matrix::{Matrix, MatrixMut};
use crate::unfold::fold;
use crate::window::{check, fills};
use crate::{Shape, Window, depthwise};

/// The gradient with respect to `x`, given the gradient `dy` with respect to the output.
///
/// # Panics
/// Operands that do not fit each other.
pub fn input_gradient(
    dy: &[f32],
    weight: &[f32],
    weight_shape: Shape,
    x_shape: Shape,
    window: &Window,
) -> Vec<f32> {
    let y_shape = check(x_shape, weight_shape, window);
    fills(dy, y_shape);
    fills(weight, weight_shape);
    if depthwise::fits(weight_shape, window) {
        return depthwise::input_gradient(dy, y_shape, weight, x_shape, window);
    }
    match mirrored(window) {
        Some(mirror) => {
            let weight = mirror_weight(weight, weight_shape, window.groups);
            let [o, part, kh, kw] = weight_shape;
            let shape = [part * window.groups, o / window.groups, kh, kw];
            forward(dy, y_shape, &weight, shape, None, &mirror)
        }
        None => folded(dy, y_shape, weight, x_shape, window),
    }
}

/// The window by which the gradient of a dense convolution is itself a convolution of `dy`.
fn mirrored(window: &Window) -> Option<Window> {
    if window.stride != [1, 1] {
        return None;
    }
    let mut padding = [0; 2];
    for axis in [0, 1] {
        let reach = window.dilation[axis] * (window.kernel[axis] - 1);
        padding[axis] = reach.checked_sub(window.padding[axis])?;
    }
    Some(Window { padding, ..*window })
}

/// `weight` with inputs for outputs and its taps in reverse.
fn mirror_weight(weight: &[f32], [o, part, kh, kw]: Shape, groups: usize) -> Vec<f32> {
    let (outputs, taps) = (o / groups, kh * kw);
    let mut mirror = Vec::with_capacity(weight.len());
    for group in weight.chunks_exact((outputs * part * taps).max(1)) {
        for input in 0..part {
            for output in group.chunks_exact(part * taps) {
                mirror.extend(output[input * taps..][..taps].iter().rev());
            }
        }
    }
    mirror
}

/// The gradient of a strided convolution: products of tiles, added to where their taps were read.
fn folded(dy: &[f32], y_shape: Shape, weight: &[f32], x_shape: Shape, window: &Window) -> Vec<f32> {
    let ([n, c, h, w], [_, o, rows, columns]) = (x_shape, y_shape);
    let (inputs, outputs) = (c / window.groups, o / window.groups);
    let (positions, depth) = (rows * columns, inputs * window.taps());
    let mut dx = vec![0.0; n * c * h * w];
    if dx.is_empty() || positions == 0 {
        return dx;
    }
    let blocks = PARTS.div_ceil(n * window.groups).min(inputs);
    let channels = inputs.div_ceil(blocks);
    let width = tile_width(channels * window.taps(), positions);
    let tasks: Vec<_> = dx
        .chunks_exact_mut(inputs * h * w)
        .enumerate()
        .flat_map(|(at, dx)| {
            dx.chunks_mut(channels * h * w).enumerate().map(move |(block, dx)| (at, block, dx))
        })
        .collect();
    tasks.into_par_iter().for_each_init(Vec::new, |buffer, (at, block, dx)| {
        let dy = &dy[at * outputs * positions..][..outputs * positions];
        let part = (dx.len() / (h * w)) * window.taps();
        let first = (at % window.groups) * outputs * depth + block * channels * window.taps();
        let weight = Matrix::new(&weight[first..], outputs, part, depth).transposed();
        for tile in ranges(positions, width) {
            buffer.resize(part * tile.len(), 0.0);
            let dy = Matrix::new(&dy[tile.start..], outputs, tile.len(), positions);
            MatrixMut::new(buffer, part, tile.len()).multiply(weight, dy, false);
            fold(buffer, [h, w], window, &tile, dx);
        }
    });
    dx
}
