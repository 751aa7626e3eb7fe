//! Where the window of a convolution reads.

use crate::Shape;

/// Geometry of a convolution, rows before columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps.
    pub kernel: [usize; 2],
    /// Distance between two outputs, in input positions.
    pub stride: [usize; 2],
    /// Zeros before and after the input.
    pub padding: [usize; 2],
    /// Distance between two taps.
    pub dilation: [usize; 2],
    /// Parts that the channels are divided into; each part of the output reads its part of the input.
    pub groups: usize,
}

impl Window {
    /// Rows and columns of the output for an input of `size`; zero where the window does not fit.
    pub fn output(&self, size: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            match (size[axis] + 2 * self.padding[axis]).checked_sub(reach) {
                Some(free) => free / self.stride[axis] + 1,
                None => 0,
            }
        })
    }

    /// Outputs along an axis, of any number, whose tap `reach` behind the window's start reads inside an input of
    /// `size`.
    #[inline(always)]
    pub(crate) fn inside(&self, axis: usize, reach: usize, size: usize) -> std::ops::Range<usize> {
        let from =
            |edge: usize| (edge + self.padding[axis]).saturating_sub(reach).div_ceil(self.stride[axis]);
        from(0)..from(size)
    }

    /// Number of taps of one channel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// True when every output reads just the input at its own position.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }
}

/// Checks operands of a convolution against each other and returns the output's shape.
pub(crate) fn check(x: Shape, weight: Shape, window: &Window) -> Shape {
    let [n, c, h, w] = x;
    let [o, part, kh, kw] = weight;
    assert!(
        window.groups > 0 && c == part * window.groups && o % window.groups == 0,
        "groups divide channels"
    );
    assert_eq!([kh, kw], window.kernel, "the weight has the window's taps");
    assert!(kh > 0 && kw > 0 && window.stride.iter().chain(&window.dilation).all(|by| *by > 0), "window");
    let [rows, columns] = window.output([h, w]);
    [n, o, rows, columns]
}

/// Checks that a slice fills a shape.
pub(crate) fn fills(data: &[f32], shape: Shape) {
    assert_eq!(data.len(), shape.iter().product::<usize>(), "the slice fills {shape:?}");
}
