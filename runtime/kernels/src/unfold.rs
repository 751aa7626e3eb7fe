//! A map as a matrix with a row for each tap and a column for each output position ("im2col"), and back.

use std::ops::Range;

use crate::window::Window;

/// Outputs in one row of the map that a tap reads from the input.
struct Run {
    /// The first output, counted from the tile's start.
    at: usize,
    len: usize,
    /// What the first output reads, in the input's plane.
    from: usize,
}

/// Calls `f` for every run of a tile that one tap reads inside the input; outside it reads padding.
#[inline(always)]
fn runs(
    window: &Window,
    [rows, columns]: [usize; 2],
    tap: [usize; 2],
    tile: &Range<usize>,
    mut f: impl FnMut(Run),
) {
    let [_, width] = window.output([rows, columns]);
    let reach = tap[1] * window.dilation[1];
    let inside = window.inside(1, reach, columns);
    let (first, last) = (inside.start, inside.end.min(width));
    let mut position = tile.start;
    while position < tile.end {
        let (y, x) = (position / width, position % width);
        let end = (x + tile.end - position).min(width);
        let row = (y * window.stride[0] + tap[0] * window.dilation[0]).checked_sub(window.padding[0]);
        if let Some(row) = row.filter(|row| *row < rows) {
            let (start, stop) = (x.max(first), end.min(last));
            if start < stop {
                f(Run {
                    at: position - tile.start + start - x,
                    len: stop - start,
                    from: row * columns + start * window.stride[1] + reach - window.padding[1],
                });
            }
        }
        position += end - x;
    }
}

/// Writes the taps of `channels` planes for the output positions of `tile` to `to`: a row of `tile.len()` for
/// each channel and tap.
pub(crate) fn unfold(x: &[f32], size: [usize; 2], window: &Window, tile: &Range<usize>, to: &mut [f32]) {
    let [kh, kw] = window.kernel;
    let taps = to.chunks_exact_mut(tile.len());
    let planes = x.chunks_exact(size[0] * size[1]);
    let names = planes.flat_map(|plane| (0..kh).flat_map(move |i| (0..kw).map(move |j| (plane, [i, j]))));
    for (to, (plane, tap)) in taps.zip(names) {
        let mut written = 0;
        runs(window, size, tap, tile, |run| {
            to[written..run.at].fill(0.0);
            written = run.at + run.len;
            let to = &mut to[run.at..written];
            match window.stride[1] {
                1 => to.copy_from_slice(&plane[run.from..run.from + run.len]),
                stride => {
                    let from = plane[run.from..].iter().step_by(stride);
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        });
        to[written..].fill(0.0);
    }
}

/// Adds a matrix of taps to the planes that they were read from: the transpose of [`unfold`].
pub(crate) fn fold(taps: &[f32], size: [usize; 2], window: &Window, tile: &Range<usize>, to: &mut [f32]) {
    let [kh, kw] = window.kernel;
    let mut taps = taps.chunks_exact(tile.len());
    for plane in to.chunks_exact_mut(size[0] * size[1]) {
        for tap in (0..kh).flat_map(|i| (0..kw).map(move |j| [i, j])) {
            let Some(from) = taps.next() else { return };
            runs(window, size, tap, tile, |run| {
                let from = &from[run.at..run.at + run.len];
                match window.stride[1] {
                    1 => {
                        let to = &mut plane[run.from..run.from + run.len];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
                    }
                    stride => {
                        let to = plane[run.from..].iter_mut().step_by(stride);
                        to.zip(from).for_each(|(to, from)| *to += *from);
                    }
                }
            });
        }
    }
}
