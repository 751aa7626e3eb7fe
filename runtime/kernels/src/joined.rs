//! Several maps that are read as one.

use std::ops::Range;

use crate::Shape;
use crate::window::fills;

/// Maps `[n, c_i, h, w]` that count as one map of all their channels, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    /// Images.
    pub n: usize,
    /// Rows and columns.
    pub size: [usize; 2],
    /// Values and channels of each.
    pub parts: &'a [(&'a [f32], usize)],
}

impl<'a> Joined<'a> {
    /// The shape of the whole.
    pub fn shape(&self) -> Shape {
        [self.n, self.parts.iter().map(|(_, channels)| channels).sum(), self.size[0], self.size[1]]
    }

    /// # Panics
    /// Parts that do not fill their shapes.
    pub(crate) fn check(&self) {
        self.parts.iter().for_each(|(x, channels)| fills(x, [self.n, *channels, self.size[0], self.size[1]]));
    }

    /// The values of `channels` of an image: runs of whole channels, each with its first channel within `channels`.
    pub(crate) fn runs(
        &self,
        image: usize,
        channels: Range<usize>,
    ) -> impl Iterator<Item = (usize, &'a [f32])> {
        let positions = self.size[0] * self.size[1];
        let mut before = 0;
        self.parts.iter().filter_map(move |(x, count)| {
            let first = channels.start.max(before);
            let last = channels.end.min(before + count);
            let start = image * count + first.saturating_sub(before);
            before += count;
            let run = (first < last).then(|| &x[start * positions..(start + last - first) * positions]);
            run.map(|run| (first - channels.start, run))
        })
    }
}
