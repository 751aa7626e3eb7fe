//! Convolution and its two gradients, as products with the unfolded map, tile by tile.
//!
//! A tile of output positions is unfolded into a buffer that stays in a core's cache and multiplied at once, so
//! the unfolded map never exists as a whole. A pointwise convolution multiplies the map itself; one channel a
//! group goes without products ([`crate::depthwise`]).
//!
//! Shapes: `x [n, c, h, w]`, `weight [o, c / groups, kh, kw]`, `y [n, o, h', w']`.

use std::ops::Range;

use rayon::prelude::*;

use crate::depthwise;
use crate::matrix::{Matrix, MatrixMut};
use crate::unfold::{fold, unfold};
use crate::window::{check, fills};
use crate::{Shape, Window};

/// Elements of an unfolded tile: a quarter of a megabyte, which leaves room in a second-level cache.
const TILE: usize = 1 << 16;

/// Parts that work is divided into where it does not fall apart by itself. It does not depend on the number of
/// threads, so neither do the sums.
const PARTS: usize = 16;

/// Most elements that the partial sums of a weight's gradient may take together.
const PARTIALS: usize = 1 << 21;

/// Positions of a map that are unfolded at once when each takes `depth` elements.
fn tile_width(depth: usize, positions: usize) -> usize {
    (TILE / depth.max(1)).next_multiple_of(64).min(positions).max(1)
}

fn tiles(positions: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    (0..positions).step_by(width).map(move |start| start..(start + width).min(positions))
}

/// Cross-correlation of `x` with `weight`, plus `bias [o]`.
pub fn forward(
    x: &[f32],
    x_shape: Shape,
    weight: &[f32],
    weight_shape: Shape,
    bias: Option<&[f32]>,
    window: &Window,
) -> Vec<f32> {
    let [n, o, rows, columns] = check(x_shape, weight_shape, window);
    let [_, c, h, w] = x_shape;
    fills(x, x_shape);
    fills(weight, weight_shape);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), o, "a bias for each channel");
    }
    let positions = rows * columns;
    let mut y = vec![0.0; n * o * positions];
    if y.is_empty() {
        return y;
    }
    if depthwise::fits(weight_shape, window) {
        depthwise::forward(x, x_shape, weight, bias, window, &mut y, [n, o, rows, columns]);
        return y;
    }
    let (inputs, outputs) = (c / window.groups, o / window.groups);
    let depth = inputs * window.taps();
    let width = if window.is_pointwise() { positions.min(1024) } else { tile_width(depth, positions) };
    let tasks: Vec<_> = y
        .chunks_exact_mut(outputs * positions)
        .enumerate()
        .flat_map(|(at, y)| {
            let blocks = MatrixMut::new(y, outputs, positions).split_columns(width);
            blocks.zip(tiles(positions, width)).map(move |(y, tile)| (at, tile, y))
        })
        .collect();
    tasks.into_par_iter().for_each_init(Vec::new, |buffer, (at, tile, mut y)| {
        let group = at % window.groups;
        let x = &x[at * inputs * h * w..][..inputs * h * w];
        let weight = &weight[group * outputs * depth..][..outputs * depth];
        if let Some(bias) = bias {
            (0..outputs).for_each(|o| y.row(o).fill(bias[group * outputs + o]));
        }
        let taps = if window.is_pointwise() {
            Matrix::new(&x[tile.start..], depth, tile.len(), positions)
        } else {
            buffer.resize(depth * tile.len(), 0.0);
            unfold(x, [h, w], window, &tile, buffer);
            Matrix::new(buffer, depth, tile.len(), tile.len())
        };
        y.multiply(Matrix::new(weight, outputs, depth, depth), taps, bias.is_some());
    });
    y
}

/// The gradient with respect to `x`, given the gradient `dy` with respect to the output.
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
        for tile in tiles(positions, width) {
            buffer.resize(part * tile.len(), 0.0);
            let dy = Matrix::new(&dy[tile.start..], outputs, tile.len(), positions);
            MatrixMut::new(buffer, part, tile.len()).multiply(weight, dy, false);
            fold(buffer, [h, w], window, &tile, dx);
        }
    });
    dx
}

/// The gradient with respect to the weight, given the gradient `dy` with respect to the output.
pub fn weight_gradient(
    x: &[f32],
    x_shape: Shape,
    dy: &[f32],
    weight_shape: Shape,
    window: &Window,
) -> Vec<f32> {
    let y_shape = check(x_shape, weight_shape, window);
    fills(x, x_shape);
    fills(dy, y_shape);
    if depthwise::fits(weight_shape, window) {
        return depthwise::weight_gradient(x, x_shape, dy, y_shape, window);
    }
    let mut dw = vec![0.0; weight_shape.iter().product()];
    let ([n, c, h, w], [_, o, rows, columns]) = (x_shape, y_shape);
    let (inputs, outputs, taps) = (c / window.groups, o / window.groups, window.taps());
    let (positions, depth) = (rows * columns, inputs * taps);
    if dw.is_empty() || n * positions == 0 {
        return dw;
    }
    // By channels where there are many, and by positions where there are few: the sums of those are added up.
    let channels = inputs.div_ceil((depth / 128).clamp(1, PARTS));
    let blocks = inputs.div_ceil(channels) * window.groups;
    let width = tile_width(channels * taps, positions);
    let places: Vec<_> =
        (0..n).flat_map(|image| tiles(positions, width).map(move |tile| (image, tile))).collect();
    let parts = (PARTS / blocks).clamp(1, places.len()).min((PARTIALS / dw.len()).max(1));
    let share = places.len().div_ceil(parts);
    let mut partials = vec![0.0; places.len().div_ceil(share) * dw.len()];
    let tasks: Vec<_> = partials
        .chunks_exact_mut(outputs * depth)
        .enumerate()
        .flat_map(|(at, dw)| {
            let (part, group) = (at / window.groups, at % window.groups);
            let places = &places[part * share..places.len().min((part + 1) * share)];
            let columns = MatrixMut::new(dw, outputs, depth).split_columns(channels * taps);
            columns.enumerate().map(move |(block, dw)| (places, group, block * channels, dw))
        })
        .collect();
    tasks.into_par_iter().for_each_init(Vec::new, |buffer, (places, group, first, mut dw)| {
        let count = channels.min(inputs - first);
        for (image, tile) in places {
            let at = image * window.groups + group;
            let x = &x[(at * inputs + first) * h * w..][..count * h * w];
            let taps = if window.is_pointwise() {
                Matrix::new(&x[tile.start..], count, tile.len(), positions)
            } else {
                buffer.resize(count * taps * tile.len(), 0.0);
                unfold(x, [h, w], window, tile, buffer);
                Matrix::new(buffer, count * taps, tile.len(), tile.len())
            };
            let dy = &dy[at * outputs * positions..][..outputs * positions];
            let dy = Matrix::new(&dy[tile.start..], outputs, tile.len(), positions);
            dw.multiply(dy, taps.transposed(), true);
        }
    });
    let len = dw.len();
    for partial in partials.chunks_exact(len) {
        dw.iter_mut().zip(partial).for_each(|(dw, partial)| *dw += partial);
    }
    dw
}

/// The gradient with respect to the bias: sums over images and positions.
pub fn bias_gradient(dy: &[f32], [n, o, rows, columns]: Shape) -> Vec<f32> {
    fills(dy, [n, o, rows, columns]);
    let positions = rows * columns;
    (0..o)
        .into_par_iter()
        .map(|channel| {
            (0..n).map(|image| depthwise::sum(&dy[(image * o + channel) * positions..][..positions])).sum()
        })
        .collect()
}
