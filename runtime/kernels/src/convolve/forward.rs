//! Cross-correlation.

use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use super::{ranges, tile_rows};
use crate::direct::{self, Positions, SLACK};
use crate::matrix::{Matrix, MatrixMut};
use crate::planes::Layout;
use crate::window::{check, fills};
use crate::{Joined, Shape, Window, depthwise};

/// Positions of a pointwise convolution that are multiplied at once.
const POINTS: usize = 1024;

/// What is done to a result while it is at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish<'a> {
    /// Added to it; of its shape.
    pub addend: Option<&'a [f32]>,
    /// `max(_, 0)`, last.
    pub rectify: bool,
}

impl Finish<'_> {
    /// Finishes the elements of the result from `at` on.
    fn apply(&self, y: &mut [f32], at: usize) {
        // The comparison that rectify makes: NaN stays.
        let rectified = |y: f32| if y < 0.0 { 0.0 } else { y };
        Arch::new().dispatch(|| match (self.addend, self.rectify) {
            (None, false) => {}
            (None, true) => y.iter_mut().for_each(|y| *y = rectified(*y)),
            (Some(addend), false) => y.iter_mut().zip(&addend[at..]).for_each(|(y, a)| *y += a),
            (Some(addend), true) => {
                y.iter_mut().zip(&addend[at..]).for_each(|(y, a)| *y = rectified(*y + a));
            }
        });
    }
}

/// Cross-correlation of `x` with `weight`, plus `bias [o]`.
///
/// # Panics
/// Operands that do not fit each other.
pub fn forward(
    x: &[f32],
    [n, c, h, w]: Shape,
    weight: &[f32],
    weight_shape: Shape,
    bias: Option<&[f32]>,
    window: &Window,
) -> Vec<f32> {
    let x = Joined { n, size: [h, w], parts: &[(x, c)] };
    fused(&x, weight, weight_shape, bias, window, Finish::default())
}

/// Cross-correlation of maps that are read as one, plus `bias [o]`, and what comes right after it.
///
/// # Panics
/// Operands that do not fit each other; several maps and groups.
pub fn fused(
    x: &Joined<'_>,
    weight: &[f32],
    weight_shape: Shape,
    bias: Option<&[f32]>,
    window: &Window,
    finish: Finish<'_>,
) -> Vec<f32> {
    let y_shape @ [n, o, rows, columns] = check(x.shape(), weight_shape, window);
    x.check();
    fills(weight, weight_shape);
    assert!(x.parts.len() == 1 || window.groups == 1, "joined maps have no groups");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), o, "a bias for each channel");
    }
    if let Some(addend) = finish.addend {
        fills(addend, y_shape);
    }
    let mut y = vec![0.0; n * o * rows * columns];
    if y.is_empty() {
        return y;
    }
    match x.parts {
        [(values, _)] if depthwise::fits(weight_shape, window) => {
            depthwise::forward(values, x.shape(), weight, bias, window, &mut y, y_shape);
            let positions = rows * columns;
            let maps = y.par_chunks_exact_mut(positions).enumerate();
            maps.for_each(|(at, y)| finish.apply(y, at * positions));
        }
        _ if window.is_pointwise() => pointwise(x, weight, bias, window.groups, &mut y, o, finish),
        _ => dense(x, weight, bias, window, &mut y, y_shape, finish),
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
    x: &Joined<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    groups: usize,
    y: &mut [f32],
    o: usize,
    finish: Finish<'_>,
) {
    let [_, c, h, w] = x.shape();
    let (inputs, outputs, positions) = (c / groups, o / groups, h * w);
    tasks(y, outputs, positions, 1, POINTS).into_par_iter().for_each(|Task { map, range, mut y }| {
        let group = map % groups;
        let first = group * outputs;
        let weight = &weight[first * inputs..][..outputs * inputs];
        if let Some(bias) = bias {
            (0..outputs).for_each(|o| y.row(o).fill(bias[first + o]));
        }
        let mut add = bias.is_some();
        for (channel, x) in x.runs(map / groups, group * inputs..(group + 1) * inputs) {
            let x = Matrix::new(&x[range.start..], x.len() / positions, range.len(), positions);
            y.multiply(Matrix::new(&weight[channel..], outputs, x.rows(), inputs), x, add);
            add = true;
        }
        for o in 0..outputs {
            finish.apply(y.row(o), (map * outputs + o) * positions + range.start);
        }
    });
}

fn dense(
    x: &Joined<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    y: &mut [f32],
    [n, o, rows, columns]: Shape,
    finish: Finish<'_>,
) {
    let [_, c, h, w] = x.shape();
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
            let group = map % groups;
            layout.room(inputs, SLACK, planes);
            for (channel, x) in x.runs(map / groups, group * inputs..(group + 1) * inputs) {
                layout.fill(x, &range, &mut planes[channel * layout.depth()..]);
            }
            let (weight, bias) = &packed[group];
            let bias = bias.as_deref();
            let len = (range.len() - 1) * layout.pitch + columns;
            let positions = Positions { planes, offsets: &offsets, weight, block, bias, len };
            positions.run(sums, |first, sums| {
                for (row, sums) in (first..outputs).zip(sums.chunks_exact(direct::stride(len))) {
                    let at = ((map * outputs + row) * rows + range.start) * columns;
                    let y = y.row(row);
                    let lines = y.chunks_exact_mut(columns).zip(sums.chunks(layout.pitch));
                    lines.for_each(|(to, from)| to.copy_from_slice(&from[..columns]));
                    finish.apply(y, at);
                }
            });
        },
    );
}
