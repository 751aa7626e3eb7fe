//! Rows of a map copied with their padding, so that every tap of a window reads a run of consecutive values.
//!
//! The input of output rows `start..end` is copied into planes, one for each channel and each phase of the
//! stride: what outputs `(y, x)` read through tap `(i, j)` begins at the tap's offset and advances by one for
//! `x + 1` and by the pitch for `y + 1`. The last columns of a pitch are the window's overhang: sums there mean
//! nothing, and nobody reads them.

use std::ops::Range;

use crate::window::Window;

/// Where the planes' values are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    window: Window,
    /// Rows and columns of the map.
    size: [usize; 2],
    /// From one row to the next.
    pub(crate) pitch: usize,
    /// From one plane to the next.
    plane: usize,
    /// Phases of the stride that some tap reads, rows and columns.
    phases: [usize; 2],
}

impl Layout {
    /// For up to `rows` output rows at once of a map of `size`.
    pub(crate) fn new(window: &Window, size: [usize; 2], rows: usize) -> Self {
        let [_, columns] = window.output(size);
        let last = |axis: usize| (window.kernel[axis] - 1) * window.dilation[axis];
        // One tap reads one phase; two next to each other read as many as the stride has.
        let phases = [0, 1].map(|axis| if last(axis) == 0 { 1 } else { window.stride[axis] });
        let pitch = columns + last(1) / window.stride[1];
        let plane = (rows + last(0) / window.stride[0]) * pitch;
        Self { window: *window, size, pitch, plane, phases }
    }

    /// Elements that one channel takes.
    pub(crate) fn depth(&self) -> usize {
        self.phases[0] * self.phases[1] * self.plane
    }

    /// Where each tap of each channel begins, in the weight's order.
    pub(crate) fn offsets(&self, channels: usize) -> Vec<usize> {
        let Window { kernel: [kh, kw], stride, dilation, .. } = self.window;
        let taps = (0..kh).flat_map(|i| (0..kw).map(move |j| [i * dilation[0], j * dilation[1]]));
        let taps: Vec<usize> = taps
            .map(|[i, j]| {
                let phase = (i % stride[0]) * self.phases[1] + j % stride[1];
                phase * self.plane + i / stride[0] * self.pitch + j / stride[1]
            })
            .collect();
        (0..channels).flat_map(|channel| taps.iter().map(move |tap| channel * self.depth() + tap)).collect()
    }

    /// Room for the planes of `channels` and, behind them, `slack` more elements that a reader may touch.
    pub(crate) fn room(&self, channels: usize, slack: usize, to: &mut Vec<f32>) {
        to.resize(channels * self.depth() + slack, 0.0);
    }

    /// Copies what output rows `rows` read of the channels in `x` to the planes `to`.
    pub(crate) fn fill(&self, x: &[f32], rows: &Range<usize>, to: &mut [f32]) {
        let [h, w] = self.size;
        let Window { stride, padding, .. } = self.window;
        for (from, to) in x.chunks_exact(h * w).zip(to.chunks_exact_mut(self.depth())) {
            for (phase, to) in to.chunks_exact_mut(self.plane).enumerate() {
                let (a, b) = (phase / self.phases[1], phase % self.phases[1]);
                let inside = self.window.inside(1, b, w);
                let (first, last) = (inside.start.min(self.pitch), inside.end.min(self.pitch));
                for (at, to) in to.chunks_exact_mut(self.pitch).enumerate() {
                    let row = ((rows.start + at) * stride[0] + a).checked_sub(padding[0]);
                    let Some(row) = row.filter(|row| *row < h && first < last) else {
                        to.fill(0.0);
                        continue;
                    };
                    let from = &from[row * w + first * stride[1] + b - padding[1]..];
                    to[..first].fill(0.0);
                    to[last..].fill(0.0);
                    match stride[1] {
                        1 => to[first..last].copy_from_slice(&from[..last - first]),
                        stride => to[first..last]
                            .iter_mut()
                            .zip(from.iter().step_by(stride))
                            .for_each(|(to, from)| *to = *from),
                    }
                }
            }
        }
    }
}
