//! Cross-correlation.

use std::ops::Range;

use rayon::prelude::*;

use super::{ranges, tile_rows};
use crate::direct::{self, Positions, SLACK};
use crate::matrix::{Matrix, MatrixMut};
use crate::planes::Layout;
use crate::window::{check, fills};
use crate::{Shape, Window, depthwise};

/// Positions of a pointwise convolution that are multiplied at once.
const POINTS: usize = 1024;

/// Cross-correlation of `x` with `weight`, plus `bias [o]`.
///
/// # Panics
/// Operands that do not fit each other.
pub fn forward(
    x: &[f32],
    x_shape: Shape,
    weight: &[f32],
    weight_shape: Shape,
    bias: Option<&[f32]>,
    window: &Window,
) -> Vec<f32> {
    let y_shape @ [n, o, rows, columns] = check(x_shape, weight_shape, window);
    fills(x, x_shape);
    fills(weight, weight_shape);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), o, "a bias for each channel");
    }
    let mut y = vec![0.0; n * o * rows * columns];
    if y.is_empty() {
        return y;
    }
    if depthwise::fits(weight_shape, window) {
        depthwise::forward(x, x_shape, weight, bias, window, &mut y, y_shape);
    } else if window.is_pointwise() {
        pointwise(x, weight, bias, window.groups, &mut y, x_shape, o);
    } else {
        dense(x, x_shape, weight, bias, window, &mut y, y_shape);
    }
    y
}

/// A group's outputs of one image, tile by tile.
struct Task<'a> {
    /// Image times groups plus group.
    map: usize,
    /// Rows, or positions.
    range: Range<usize>,
    y: MatrixMut<'a>,
}

/// Cuts `y`, whose maps have `lines` lines of `width` elements, into tiles of up to `tile` lines.
fn tasks<'a>(y: &'a mut [f32], outputs: usize, lines: usize, width: usize, tile: usize) -> Vec<Task<'a>> {
    y.chunks_exact_mut(outputs * lines * width)
        .enumerate()
        .flat_map(|(map, y)| {
            let blocks = MatrixMut::new(y, outputs, lines * width).split_columns(tile * width);
            blocks.zip(ranges(lines, tile)).map(move |(y, range)| Task { map, range, y })
        })
        .collect()
}

fn pointwise(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    groups: usize,
    y: &mut [f32],
    [_, c, h, w]: Shape,
    o: usize,
) {
    let (inputs, outputs, positions) = (c / groups, o / groups, h * w);
    tasks(y, outputs, positions, 1, POINTS).into_par_iter().for_each(|Task { map, range, mut y }| {
        let first = map % groups * outputs;
        let x = &x[map * inputs * positions..][..inputs * positions];
        let weight = &weight[first * inputs..][..outputs * inputs];
        if let Some(bias) = bias {
            (0..outputs).for_each(|o| y.row(o).fill(bias[first + o]));
        }
        let x = Matrix::new(&x[range.start..], inputs, range.len(), positions);
        y.multiply(Matrix::new(weight, outputs, inputs, inputs), x, bias.is_some());
    });
}

fn dense(
    x: &[f32],
    [_, c, h, w]: Shape,
    weight: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    y: &mut [f32],
    [n, o, rows, columns]: Shape,
) {
    let groups = window.groups;
    let (inputs, outputs) = (c / groups, o / groups);
    let tile = tile_rows(inputs * Layout::new(window, [h, w], 1).depth(), rows, n * groups);
    let layout = Layout::new(window, [h, w], tile);
    let offsets = layout.offsets(inputs);
    let block = direct::block(outputs);
    let pack = |(group, weight): (usize, &[f32])| {
        let bias = bias.map(|bias| {
            let mut bias = bias[group * outputs..][..outputs].to_vec();
            bias.resize(outputs.next_multiple_of(block), 0.0);
            bias
        });
        (direct::pack(weight, outputs, block), bias)
    };
    let packed: Vec<_> = weight.chunks_exact(weight.len() / groups).enumerate().map(pack).collect();
    let tasks = tasks(y, outputs, rows, columns, tile);
    tasks.into_par_iter().for_each_init(
        || (Vec::new(), Vec::new()),
        |(planes, sums), Task { map, range, mut y }| {
            layout.fill(&x[map * inputs * h * w..][..inputs * h * w], &range, SLACK, planes);
            let (weight, bias) = &packed[map % groups];
            let bias = bias.as_deref();
            let len = (range.len() - 1) * layout.pitch + columns;
            let positions = Positions { planes, offsets: &offsets, weight, block, bias, len };
            positions.run(sums, |first, sums| {
                for (row, sums) in (first..outputs).zip(sums.chunks_exact(direct::stride(len))) {
                    let lines = y.row(row).chunks_exact_mut(columns);
                    let sums = sums.chunks(layout.pitch);
                    lines.zip(sums).for_each(|(to, from)| to.copy_from_slice(&from[..columns]));
                }
            });
        },
    );
}
