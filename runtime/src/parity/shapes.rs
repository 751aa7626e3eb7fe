//! Sizes and windows at which spatial instructions are compared, on devices and in tests: odd sizes, batches of
//! one, windows that are not square, steps that leave a rest.

use phg_kernels::Window;

const fn window(
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
) -> Window {
    Window { kernel, stride, padding, dilation, groups }
}

/// Batch, channels in and out, rows, columns; and the window.
pub(crate) const CONVOLUTIONS: [([usize; 5], Window); 9] = [
    ([2, 3, 4, 7, 5], window([3, 3], [1, 1], [1, 1], [1, 1], 1)),
    ([1, 2, 3, 7, 6], window([3, 3], [2, 2], [1, 1], [1, 1], 1)),
    ([1, 3, 2, 5, 5], window([1, 1], [1, 1], [0, 0], [1, 1], 1)),
    ([2, 3, 2, 5, 8], window([1, 1], [2, 2], [0, 0], [1, 1], 1)),
    ([1, 2, 2, 9, 9], window([3, 3], [1, 1], [2, 2], [2, 2], 1)),
    ([1, 3, 3, 6, 7], window([3, 3], [1, 1], [1, 1], [1, 1], 3)),
    ([1, 4, 6, 5, 5], window([3, 3], [2, 2], [1, 1], [1, 1], 2)),
    ([1, 2, 3, 8, 9], window([1, 5], [1, 2], [0, 2], [1, 1], 1)),
    ([1, 1, 2, 11, 13], window([7, 7], [3, 2], [3, 3], [1, 1], 1)),
];

/// Maps as wide as the networks that this project is for see them: the first layer, a whole-size 3x3, narrow
/// heads, dilation, channels by themselves, a bottleneck, and a step over odd sizes.
pub(crate) const WIDE_CONVOLUTIONS: [([usize; 5], Window); 10] = [
    ([1, 3, 16, 384, 768], window([7, 7], [2, 2], [3, 3], [1, 1], 1)),
    ([1, 8, 8, 384, 768], window([3, 3], [1, 1], [1, 1], [1, 1], 1)),
    ([1, 36, 12, 384, 768], window([1, 1], [1, 1], [0, 0], [1, 1], 1)),
    ([1, 8, 1, 384, 768], window([1, 1], [1, 1], [0, 0], [1, 1], 1)),
    ([1, 5, 7, 383, 767], window([3, 3], [2, 2], [1, 1], [1, 1], 1)),
    ([1, 36, 36, 96, 192], window([3, 3], [1, 1], [1, 1], [1, 1], 1)),
    ([1, 32, 32, 96, 192], window([3, 3], [1, 1], [1, 1], [1, 1], 32)),
    ([2, 64, 64, 48, 96], window([3, 3], [1, 1], [2, 2], [2, 2], 1)),
    ([2, 256, 64, 48, 96], window([1, 1], [1, 1], [0, 0], [1, 1], 1)),
    ([1, 128, 256, 24, 48], window([1, 1], [2, 2], [0, 0], [1, 1], 1)),
];

/// A transposed convolution.
pub(crate) struct Transposed {
    /// Batch, channels in and out, rows, columns.
    pub(crate) shape: [usize; 5],
    pub(crate) window: Window,
    pub(crate) output_padding: [usize; 2],
}

const fn transposed(shape: [usize; 5], window: Window, output_padding: [usize; 2]) -> Transposed {
    Transposed { shape, window, output_padding }
}

/// Transposed convolutions.
pub(crate) const TRANSPOSED: [Transposed; 5] = [
    transposed([1, 2, 3, 3, 4], window([2, 2], [2, 2], [0, 0], [1, 1], 1), [0, 0]),
    transposed([2, 3, 2, 3, 3], window([3, 3], [2, 2], [1, 1], [1, 1], 1), [1, 1]),
    transposed([1, 2, 2, 4, 3], window([4, 4], [2, 2], [1, 1], [1, 1], 2), [0, 0]),
    transposed([1, 1, 2, 3, 5], window([3, 3], [1, 1], [1, 1], [2, 2], 1), [0, 0]),
    transposed([1, 2, 1, 3, 2], window([5, 3], [3, 2], [2, 0], [1, 1], 1), [2, 1]),
];

/// Transposed convolutions to wide maps.
pub(crate) const WIDE_TRANSPOSED: [Transposed; 2] = [
    transposed([1, 12, 12, 96, 192], window([4, 4], [2, 2], [1, 1], [1, 1], 1), [0, 0]),
    transposed([1, 16, 8, 191, 383], window([2, 2], [2, 2], [0, 0], [1, 1], 1), [0, 0]),
];

/// Kernel, stride and padding of a pooling.
pub(crate) const POOLINGS: [([usize; 2], [usize; 2], [usize; 2]); 4] =
    [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1]), ([3, 2], [1, 3], [1, 0]), ([5, 5], [3, 3], [2, 2])];

/// Maps, and the rows and columns that they are resized to.
pub(crate) const RESIZES: [([usize; 4], [usize; 2]); 8] = [
    ([1, 2, 5, 7], [10, 14]),
    ([2, 1, 5, 7], [11, 13]),
    ([1, 1, 12, 15], [5, 4]),
    ([1, 3, 1, 1], [4, 3]),
    ([1, 1, 6, 5], [6, 9]),
    ([1, 1, 7, 3], [1, 1]),
    ([1, 2, 3, 4], [3, 4]),
    ([3, 1, 9, 2], [23, 5]),
];
