//! The two inner loops of convolution, on planes in which every tap reads consecutive values (`planes`).
//!
//! Sums stay in registers: a block of channels by three vectors of positions, or by three taps. So nothing is
//! unfolded, and a value that was loaded is used as often as there are channels in the block.

use pulp::{Arch, Simd, WithSimd};

use crate::matrix::MatrixMut;

/// Vectors of positions, or taps, in a block.
const WIDE: usize = 3;

/// Elements that a reader may touch behind the last one that counts: a block of the widest vectors.
pub(crate) const SLACK: usize = WIDE * 16;

/// Output channels in a block: as many as there are registers for, with the fewest left over.
pub(crate) fn block(channels: usize) -> usize {
    struct Registers;
    impl WithSimd for Registers {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::REGISTER_COUNT
        }
    }
    if Arch::new().dispatch(Registers) < 32 {
        return 4;
    }
    [8, 6, 4].into_iter().min_by_key(|block| channels.next_multiple_of(*block)).unwrap_or(4)
}

/// `weight [channels, depth]` as blocks of channels, `[channels / block, depth, block]`; zeros fill the last.
pub(crate) fn pack(weight: &[f32], channels: usize, block: usize) -> Vec<f32> {
    let depth = weight.len() / channels.max(1);
    let mut packed = vec![0.0; channels.next_multiple_of(block) * depth];
    for (channel, weight) in weight.chunks_exact(depth.max(1)).enumerate() {
        let to = &mut packed[channel / block * block * depth..][..block * depth];
        to.iter_mut().skip(channel % block).step_by(block).zip(weight).for_each(|(to, from)| *to = *from);
    }
    packed
}

/// Sums of taps times weights for `len` consecutive positions.
pub(crate) struct Positions<'a> {
    pub(crate) planes: &'a [f32],
    pub(crate) offsets: &'a [usize],
    /// What [`pack`] returned.
    pub(crate) weight: &'a [f32],
    pub(crate) block: usize,
    /// What a channel's sums begin with; one for each channel of every block.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) len: usize,
}

impl Positions<'_> {
    /// Calls `store` for every block of channels with its first channel and its sums, in rows of [`stride`] of
    /// the length; `sums` is the room for them.
    pub(crate) fn run(self, sums: &mut Vec<f32>, store: impl FnMut(usize, &[f32])) {
        sums.resize(self.block * stride(self.len), 0.0);
        Arch::new().dispatch(PositionsOf { task: self, sums, store });
    }
}

/// The length that rows of a result need for `len` positions.
pub(crate) fn stride(len: usize) -> usize {
    len.next_multiple_of(SLACK)
}

struct PositionsOf<'a, 'b, F> {
    task: Positions<'a>,
    sums: &'b mut [f32],
    store: F,
}

impl<F: FnMut(usize, &[f32])> WithSimd for PositionsOf<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.task.block {
            8 => self.blocks::<S, 8>(simd),
            6 => self.blocks::<S, 6>(simd),
            _ => self.blocks::<S, 4>(simd),
        }
    }
}

impl<F: FnMut(usize, &[f32])> PositionsOf<'_, '_, F> {
    #[inline(always)]
    fn blocks<S: Simd, const BLOCK: usize>(mut self, simd: S) {
        let Positions { planes, offsets, weight, bias, len, .. } = self.task;
        let (step, stride) = (WIDE * S::F32_LANES, stride(len));
        let weights = weight.chunks_exact(BLOCK * offsets.len());
        for (at, weight) in weights.enumerate() {
            let mut first = [0.0; BLOCK];
            if let Some(bias) = bias {
                first.copy_from_slice(&bias[at * BLOCK..][..BLOCK]);
            }
            for position in (0..len).step_by(step) {
                let sums = tile::<S, BLOCK>(simd, &planes[position..], offsets, weight, first);
                for (sums, row) in sums.iter().zip(self.sums.chunks_exact_mut(stride)) {
                    let (to, _) = S::as_mut_simd_f32s(&mut row[position..position + step]);
                    to.copy_from_slice(sums);
                }
            }
            (self.store)(at * BLOCK, self.sums);
        }
    }
}

/// One block of channels at `WIDE` vectors of positions.
#[inline(always)]
fn tile<S: Simd, const BLOCK: usize>(
    simd: S,
    planes: &[f32],
    offsets: &[usize],
    weight: &[f32],
    first: [f32; BLOCK],
) -> [[S::f32s; WIDE]; BLOCK] {
    let mut sums = first.map(|first| [simd.splat_f32s(first); WIDE]);
    let (weight, _) = weight.as_chunks::<BLOCK>();
    for (offset, weight) in offsets.iter().zip(weight) {
        let (x, _) = S::as_simd_f32s(&planes[*offset..*offset + WIDE * S::F32_LANES]);
        let x = [x[0], x[1], x[2]];
        for (sums, weight) in sums.iter_mut().zip(weight) {
            let weight = simd.splat_f32s(*weight);
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = simd.mul_add_f32s(weight, x, *sum);
            }
        }
    }
    sums
}

/// Sums over positions of each channel's gradient times what each tap reads.
pub(crate) struct Taps<'a> {
    pub(crate) planes: &'a [f32],
    pub(crate) offsets: &'a [usize],
    /// `[channels of whole blocks, stride]`, zero at positions that do not count.
    pub(crate) dy: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) block: usize,
}

impl Taps<'_> {
    /// Adds to `dw [channels, offsets]`.
    pub(crate) fn run(self, dw: &mut MatrixMut<'_>) {
        Arch::new().dispatch(TapsOf { task: self, dw });
    }
}

struct TapsOf<'a, 'b, 'c> {
    task: Taps<'a>,
    dw: &'b mut MatrixMut<'c>,
}

impl WithSimd for TapsOf<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.task.block {
            8 => self.blocks::<S, 8>(simd),
            6 => self.blocks::<S, 6>(simd),
            _ => self.blocks::<S, 4>(simd),
        }
    }
}

impl TapsOf<'_, '_, '_> {
    #[inline(always)]
    fn blocks<S: Simd, const BLOCK: usize>(self, simd: S) {
        let Taps { planes, offsets, dy, stride, .. } = self.task;
        // The block's vectors at one position side by side, so that the loop follows one pointer.
        let mut columns = vec![simd.splat_f32s(0.0); BLOCK * stride / S::F32_LANES];
        for (first, dy) in dy.chunks_exact(BLOCK * stride).enumerate() {
            for (row, dy) in dy.chunks_exact(stride).enumerate() {
                let to = columns.iter_mut().skip(row).step_by(BLOCK);
                to.zip(S::as_simd_f32s(dy).0).for_each(|(to, dy)| *to = *dy);
            }
            let (columns, _) = columns.as_chunks::<BLOCK>();
            let rows = first * BLOCK..self.dw.rows().min((first + 1) * BLOCK);
            for (at, taps) in offsets.chunks(WIDE).enumerate() {
                // A block of fewer taps repeats the last; its sums are not looked at.
                let last = taps.len() - 1;
                let x = std::array::from_fn(|tap| &planes[taps[tap.min(last)]..][..stride]);
                let sums = cross::<S, BLOCK>(simd, columns, x);
                for (row, sums) in rows.clone().zip(sums) {
                    let dw = &mut self.dw.row(row)[at * WIDE..][..taps.len()];
                    dw.iter_mut().zip(sums).for_each(|(dw, sum)| *dw += simd.reduce_sum_f32s(sum));
                }
            }
        }
    }
}

/// Products of a block of channels with a block of taps, summed over positions lane by lane.
#[inline(always)]
fn cross<S: Simd, const BLOCK: usize>(
    simd: S,
    dy: &[[S::f32s; BLOCK]],
    x: [&[f32]; WIDE],
) -> [[S::f32s; WIDE]; BLOCK] {
    let mut sums = [[simd.splat_f32s(0.0); WIDE]; BLOCK];
    let [a, b, c] = x.map(|x| S::as_simd_f32s(x).0);
    for (dy, ((a, b), c)) in dy.iter().zip(a.iter().zip(b).zip(c)) {
        let x = [*a, *b, *c];
        for (sums, dy) in sums.iter_mut().zip(dy) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = simd.mul_add_f32s(*dy, x, *sum);
            }
        }
    }
    sums
}
