//! Convolution with one input channel a group, and its gradients: too thin for matrix products.
//!
//! Every tap adds a scaled run of one row to another, which the compiler turns into vector instructions.

use pulp::Arch;
use rayon::prelude::*;

use crate::lanes::sum_by;
use crate::{Shape, Window};

/// True for a convolution that this module computes.
pub(crate) fn fits([_, part, _, _]: Shape, window: &Window) -> bool {
    part == 1 && window.groups > 1
}

/// Columns of a run that one tap reads.
struct Span {
    y: usize,
    x: usize,
    len: usize,
}

/// Calls `f` with each tap's index and each pair of a row of `y` and a row of `x` that it joins.
#[inline(always)]
fn taps(window: &Window, x: [usize; 2], y: [usize; 2], mut f: impl FnMut(usize, Span)) {
    let [kh, kw] = window.kernel;
    for row in 0..y[0] {
        for i in 0..kh {
            let Some(from) = (row * window.stride[0] + i * window.dilation[0]).checked_sub(window.padding[0])
            else {
                continue;
            };
            if from >= x[0] {
                continue;
            }
            for j in 0..kw {
                let reach = j * window.dilation[1];
                let inside = window.inside(1, reach, x[1]);
                let (first, last) = (inside.start, inside.end.min(y[1]));
                if first < last {
                    let at = from * x[1] + first * window.stride[1] + reach - window.padding[1];
                    f(i * kw + j, Span { y: row * y[1] + first, x: at, len: last - first });
                }
            }
        }
    }
}

pub(crate) fn forward(
    x: &[f32],
    [_, c, h, w]: Shape,
    weight: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    y: &mut [f32],
    [_, o, rows, columns]: Shape,
) {
    let (many, count) = (o / c, window.taps());
    y.par_chunks_exact_mut(rows * columns).enumerate().for_each(|(at, y)| {
        let (image, output) = (at / o, at % o);
        let x = &x[(image * c + output / many) * h * w..][..h * w];
        let weight = &weight[output * count..][..count];
        y.fill(bias.map_or(0.0, |bias| bias[output]));
        Arch::new().dispatch(|| {
            taps(window, [h, w], [rows, columns], |tap, Span { y: to, x: from, len }| {
                let (to, by) = (&mut y[to..to + len], weight[tap]);
                match window.stride[1] {
                    1 => to.iter_mut().zip(&x[from..from + len]).for_each(|(y, x)| *y += by * x),
                    stride => {
                        to.iter_mut().zip(x[from..].iter().step_by(stride)).for_each(|(y, x)| *y += by * x)
                    }
                }
            });
        });
    });
}

pub(crate) fn input_gradient(
    dy: &[f32],
    [_, o, rows, columns]: Shape,
    weight: &[f32],
    [n, c, h, w]: Shape,
    window: &Window,
) -> Vec<f32> {
    let (many, count) = (o / c, window.taps());
    let mut dx = vec![0.0; n * c * h * w];
    dx.par_chunks_exact_mut((h * w).max(1)).enumerate().for_each(|(at, dx)| {
        for output in at * many..(at + 1) * many {
            let dy = &dy[output * rows * columns..][..rows * columns];
            let weight = &weight[output % o * count..][..count];
            Arch::new().dispatch(|| {
                taps(window, [h, w], [rows, columns], |tap, Span { y: from, x: to, len }| {
                    let (from, by) = (&dy[from..from + len], weight[tap]);
                    match window.stride[1] {
                        1 => dx[to..to + len].iter_mut().zip(from).for_each(|(dx, dy)| *dx += by * dy),
                        stride => {
                            dx[to..].iter_mut().step_by(stride).zip(from).for_each(|(dx, dy)| *dx += by * dy)
                        }
                    }
                });
            });
        }
    });
    dx
}

pub(crate) fn weight_gradient(
    x: &[f32],
    [n, c, h, w]: Shape,
    dy: &[f32],
    [_, o, rows, columns]: Shape,
    window: &Window,
) -> Vec<f32> {
    let (many, count) = (o / c, window.taps());
    let mut dw = vec![0.0; o * count];
    dw.par_chunks_exact_mut(count).enumerate().for_each(|(output, dw)| {
        for image in 0..n {
            let x = &x[(image * c + output / many) * h * w..][..h * w];
            let dy = &dy[(image * o + output) * rows * columns..][..rows * columns];
            Arch::new().dispatch(|| {
                taps(window, [h, w], [rows, columns], |tap, Span { y, x: from, len }| {
                    let dy = &dy[y..y + len];
                    dw[tap] += match window.stride[1] {
                        1 => {
                            let x = &x[from..from + len];
                            sum_by(len, |at| x[at] * dy[at])
                        }
                        stride => x[from..].iter().step_by(stride).zip(dy).map(|(x, dy)| x * dy).sum(),
                    };
                });
            });
        }
    });
    dw
}
