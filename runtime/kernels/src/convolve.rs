//! Convolution and its gradients.
//!
//! Work is cut into tiles of output rows whose operands stay in a core's cache. A pointwise convolution is a
//! matrix product of the map itself; one channel a group needs no products (`depthwise`); the others
//! sum in registers over planes (`planes`, `direct`). What those loops are too long for, small
//! maps and the input of a strided convolution, goes through the unfolded map (`unfold`).
//!
//! Shapes: `x [n, c, h, w]`, `weight [o, c / groups, kh, kw]`, `y [n, o, h', w']`.

mod forward;
mod input;
mod weight;

use std::ops::Range;

use rayon::prelude::*;

use crate::window::fills;
use crate::{Shape, lanes};

pub use forward::{Finish, forward, fused};
pub use input::input_gradient;
pub use weight::weight_gradient;

/// Elements of a tile's operand: a quarter of a megabyte, which leaves room in a second-level cache.
const TILE: usize = 1 << 16;

/// Parts that work is divided into where it does not fall apart by itself. It does not depend on the number of
/// threads, so neither do the sums.
const PARTS: usize = 16;

/// Consecutive ranges of up to `width`.
fn ranges(len: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(width).map(move |start| start..(start + width).min(len))
}

/// Positions of a map that are unfolded at once when each takes `depth` elements.
fn tile_width(depth: usize, positions: usize) -> usize {
    (TILE / depth.max(1)).next_multiple_of(64).min(positions).max(1)
}

/// Output rows that are computed at once when each takes `depth` elements of planes, and `maps` maps of `rows`
/// rows are to be computed.
fn tile_rows(depth: usize, rows: usize, maps: usize) -> usize {
    let shares = (rows * maps).div_ceil(PARTS).max(4);
    (TILE / depth.max(1)).min(shares).clamp(1, rows.max(1))
}

/// The gradient with respect to the bias: sums over images and positions.
pub fn bias_gradient(dy: &[f32], [n, o, rows, columns]: Shape) -> Vec<f32> {
    fills(dy, [n, o, rows, columns]);
    let positions = rows * columns;
    (0..o)
        .into_par_iter()
        .map(|channel| {
            (0..n).map(|image| lanes::sum(&dy[(image * o + channel) * positions..][..positions])).sum()
        })
        .collect()
}
