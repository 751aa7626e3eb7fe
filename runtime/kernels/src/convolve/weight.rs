//! The gradient with respect to the weight.

use std::ops::Range;

use rayon::prelude::*;

use super::{PARTS, ranges, tile_rows, tile_width};
use crate::direct::{self, SLACK, Taps};
use crate::matrix::{Matrix, MatrixMut};
use crate::planes::Layout;
use crate::unfold::unfold;
use crate::window::{check, fills};
use crate::{Shape, Window, depthwise};

/// Most elements that the partial sums may take together.
const PARTIALS: usize = 1 << 21;

/// Fewest positions of a map that are summed lane by lane: below, adding up the lanes takes longer.
const LONG: usize = 256;

/// The gradient with respect to the weight, given the gradient `dy` with respect to the output.
///
/// # Panics
/// Operands that do not fit each other.
pub fn weight_gradient(
    x: &[f32],
    x_shape: Shape,
    dy: &[f32],
    weight_shape: Shape,
    window: &Window,
) -> Vec<f32> {
    let y_shape @ [n, _, rows, columns] = check(x_shape, weight_shape, window);
    fills(x, x_shape);
    fills(dy, y_shape);
    if depthwise::fits(weight_shape, window) {
        return depthwise::weight_gradient(x, x_shape, dy, y_shape, window);
    }
    let mut dw = vec![0.0; weight_shape.iter().product()];
    if dw.is_empty() || n * rows * columns == 0 {
        return dw;
    }
    let sum = Sum { x, x_shape, dy, y_shape, window };
    if window.is_pointwise() || rows * columns < LONG {
        sum.unfolded(&mut dw);
    } else {
        sum.direct(&mut dw);
    }
    dw
}

/// The operands of the sum over images and positions.
struct Sum<'a> {
    x: &'a [f32],
    x_shape: Shape,
    dy: &'a [f32],
    y_shape: Shape,
    window: &'a Window,
}

/// A part of the sum: some places, for some input channels of a group.
struct Task<'a> {
    /// Images, and lines within them.
    places: &'a [(usize, Range<usize>)],
    group: usize,
    /// Input channels of the group.
    channels: Range<usize>,
    /// `[outputs, channels * taps]`.
    dw: MatrixMut<'a>,
}

impl Sum<'_> {
    /// Input and output channels of a group.
    fn parts(&self) -> (usize, usize) {
        (self.x_shape[1] / self.window.groups, self.y_shape[1] / self.window.groups)
    }

    /// Input channels of a group that a task sums for: all where there are few, so that partial sums are made
    /// over positions instead.
    fn channels(&self) -> usize {
        let (inputs, _) = self.parts();
        inputs.div_ceil((inputs * self.window.taps() / 128).clamp(1, PARTS))
    }

    /// Runs tasks that together are the sum over `places`, and adds up their results.
    fn split(
        &self,
        dw: &mut [f32],
        places: &[(usize, Range<usize>)],
        run: impl Fn(&mut (Vec<f32>, Vec<f32>), Task<'_>) + Send + Sync,
    ) {
        let (inputs, outputs) = self.parts();
        let (channels, taps, groups) = (self.channels(), self.window.taps(), self.window.groups);
        let blocks = inputs.div_ceil(channels) * groups;
        let parts = (PARTS / blocks).clamp(1, places.len()).min((PARTIALS / dw.len()).max(1));
        let share = places.len().div_ceil(parts);
        let mut partials = vec![0.0; places.len().div_ceil(share) * dw.len()];
        let tasks: Vec<_> = partials
            .chunks_exact_mut(outputs * inputs * taps)
            .enumerate()
            .flat_map(|(at, dw)| {
                let (part, group) = (at / groups, at % groups);
                let places = &places[part * share..places.len().min((part + 1) * share)];
                let columns = MatrixMut::new(dw, outputs, inputs * taps).split_columns(channels * taps);
                let blocks = columns.zip(ranges(inputs, channels));
                blocks.map(move |(dw, channels)| Task { places, group, channels, dw })
            })
            .collect();
        tasks.into_par_iter().for_each_init(Default::default, run);
        let len = dw.len();
        for partial in partials.chunks_exact(len) {
            dw.iter_mut().zip(partial).for_each(|(dw, partial)| *dw += partial);
        }
    }

    /// As products with the unfolded map.
    fn unfolded(&self, dw: &mut [f32]) {
        let ([n, _, h, w], [_, _, rows, columns]) = (self.x_shape, self.y_shape);
        let ((inputs, outputs), taps) = (self.parts(), self.window.taps());
        let positions = rows * columns;
        let width = tile_width(self.channels() * taps, positions);
        let places: Vec<_> =
            (0..n).flat_map(|image| ranges(positions, width).map(move |tile| (image, tile))).collect();
        self.split(dw, &places, |(buffer, _), Task { places, group, channels, mut dw }| {
            for (image, tile) in places {
                let map = image * self.window.groups + group;
                let x = &self.x[(map * inputs + channels.start) * h * w..][..channels.len() * h * w];
                let unfolded = if self.window.is_pointwise() {
                    Matrix::new(&x[tile.start..], channels.len(), tile.len(), positions)
                } else {
                    let depth = channels.len() * taps;
                    buffer.resize(depth * tile.len(), 0.0);
                    unfold(x, [h, w], self.window, tile, buffer);
                    Matrix::new(buffer, depth, tile.len(), tile.len())
                };
                let dy = &self.dy[map * outputs * positions..][..outputs * positions];
                let dy = Matrix::new(&dy[tile.start..], outputs, tile.len(), positions);
                dw.multiply(dy, unfolded.transposed(), true);
            }
        });
    }

    /// Lane by lane in registers.
    fn direct(&self, dw: &mut [f32]) {
        let ([n, _, h, w], [_, _, rows, columns]) = (self.x_shape, self.y_shape);
        let (inputs, outputs) = self.parts();
        let (channels, block) = (self.channels(), direct::block(outputs));
        let depth = channels * Layout::new(self.window, [h, w], 1).depth();
        let tile = tile_rows(depth.max(outputs * columns), rows, n);
        let layout = Layout::new(self.window, [h, w], tile);
        let offsets = layout.offsets(channels);
        let places: Vec<_> =
            (0..n).flat_map(|image| ranges(rows, tile).map(move |tile| (image, tile))).collect();
        self.split(dw, &places, |(planes, lines), Task { places, group, channels, mut dw }| {
            for (image, range) in places {
                let map = image * self.window.groups + group;
                let x = &self.x[(map * inputs + channels.start) * h * w..][..channels.len() * h * w];
                layout.room(channels.len(), SLACK, planes);
                layout.fill(x, range, planes);
                let stride = direct::stride((range.len() - 1) * layout.pitch + columns);
                lines.clear();
                lines.resize(outputs.next_multiple_of(block) * stride, 0.0);
                for (output, lines) in lines.chunks_exact_mut(stride).take(outputs).enumerate() {
                    let dy = &self.dy[(map * outputs + output) * rows * columns..][..rows * columns];
                    let dy = &dy[range.start * columns..range.end * columns];
                    let lines = lines.chunks_mut(layout.pitch);
                    dy.chunks_exact(columns)
                        .zip(lines)
                        .for_each(|(dy, to)| to[..columns].copy_from_slice(dy));
                }
                let offsets = &offsets[..channels.len() * self.window.taps()];
                Taps { planes, offsets, dy: lines, stride, block }.run(&mut dw);
            }
        });
    }
}
