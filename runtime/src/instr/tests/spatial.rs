//! Convolutions, pooling, resizing.

use phg_compiler::plan::instr::{Convolve, ConvolveTransposed, Pool, PoolKind, ResizeMode, Unary};
use phg_compiler::plan::{Instr, Mode, WeightId};
use phg_kernels::Window;

use super::{Array, Case, Operand, close, to_array};
use crate::parity::shapes::{CONVOLUTIONS, POOLINGS, RESIZES, TRANSPOSED};

/// Cross-correlation by its definition.
fn convolution(x: &Array, weight: &Array, bias: Option<&Array>, by: &Window) -> Array {
    let [n, inputs, h, w] = [x.shape[0], x.shape[1], x.shape[2], x.shape[3]];
    let outputs = weight.shape[0];
    let size = |axis: usize, len: usize| {
        (len + 2 * by.padding[axis] - by.dilation[axis] * (by.kernel[axis] - 1) - 1) / by.stride[axis] + 1
    };
    let mut y = Array::zeros(&[n, outputs, size(0, h), size(1, w)]);
    let (per_in, per_out) = (inputs / by.groups, outputs / by.groups);
    for b in 0..n {
        for o in 0..outputs {
            for r in 0..y.shape[2] {
                for c in 0..y.shape[3] {
                    let mut sum = bias.map_or(0.0, |bias| bias.data[o]);
                    for i in 0..per_in {
                        for kr in 0..by.kernel[0] {
                            for kc in 0..by.kernel[1] {
                                let row =
                                    (r * by.stride[0] + kr * by.dilation[0]).wrapping_sub(by.padding[0]);
                                let column =
                                    (c * by.stride[1] + kc * by.dilation[1]).wrapping_sub(by.padding[1]);
                                if row < h && column < w {
                                    let from = (o / per_out) * per_in + i;
                                    sum += x.at4([b, from, row, column]) * weight.at4([o, i, kr, kc]);
                                }
                            }
                        }
                    }
                    *y.at4_mut([b, o, r, c]) = sum;
                }
            }
        }
    }
    y
}

/// Each element of the operand adds its multiple of the kernel to the result.
fn transposed(
    x: &Array,
    weight: &Array,
    bias: Option<&Array>,
    by: &Window,
    output_padding: [usize; 2],
) -> Array {
    let [n, inputs, h, w] = [x.shape[0], x.shape[1], x.shape[2], x.shape[3]];
    let per_out = weight.shape[1];
    let per_in = inputs / by.groups;
    let size = |axis: usize, len: usize| {
        (len - 1) * by.stride[axis] + by.dilation[axis] * (by.kernel[axis] - 1) + output_padding[axis] + 1
            - 2 * by.padding[axis]
    };
    let mut y = Array::zeros(&[n, per_out * by.groups, size(0, h), size(1, w)]);
    for b in 0..n {
        for o in 0..y.shape[1] {
            for r in 0..y.shape[2] {
                for c in 0..y.shape[3] {
                    *y.at4_mut([b, o, r, c]) = bias.map_or(0.0, |bias| bias.data[o]);
                }
            }
        }
        for i in 0..inputs {
            for r in 0..h {
                for c in 0..w {
                    for o in 0..per_out {
                        for kr in 0..by.kernel[0] {
                            for kc in 0..by.kernel[1] {
                                let row =
                                    (r * by.stride[0] + kr * by.dilation[0]).wrapping_sub(by.padding[0]);
                                let column =
                                    (c * by.stride[1] + kc * by.dilation[1]).wrapping_sub(by.padding[1]);
                                if row < y.shape[2] && column < y.shape[3] {
                                    let to = (i / per_in) * per_out + o;
                                    *y.at4_mut([b, to, row, column]) +=
                                        x.at4([b, i, r, c]) * weight.at4([i, o, kr, kc]);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    y
}

#[test]
fn convolutions() {
    for ([n, i, o, h, w], by) in &CONVOLUTIONS {
        for biased in [false, true] {
            let mut weights = vec![Array::random(&[*o, i / by.groups, by.kernel[0], by.kernel[1]], 2)];
            if biased {
                weights.push(Array::random(&[*o], 3));
            }
            let instr = Instr::Convolve(Convolve {
                weight: WeightId(0),
                bias: biased.then_some(WeightId(1)),
                kernel: by.kernel,
                stride: by.stride,
                padding: by.padding,
                dilation: by.dilation,
                groups: by.groups,
                adds: false,
                activation: None,
            });
            Case::new(instr, vec![Array::random(&[*n, *i, *h, *w], 1)])
                .weights(weights)
                .check(|x, weights| convolution(&x[0], &weights[0], weights.get(1), by));
        }
    }
}

#[test]
fn a_folded_activation_is_applied() {
    let (shape, by) = &CONVOLUTIONS[0];
    let [n, i, o, h, w] = *shape;
    let instr = Instr::Convolve(Convolve {
        weight: WeightId(0),
        bias: None,
        kernel: by.kernel,
        stride: by.stride,
        padding: by.padding,
        dilation: by.dilation,
        groups: 1,
        adds: false,
        activation: Some(Unary::LeakyRelu(0.25)),
    });
    Case::new(instr, vec![Array::random(&[n, i, h, w], 1)])
        .weights(vec![Array::random(&[o, i, 3, 3], 2)])
        .check(|x, weights| {
            convolution(&x[0], &weights[0], None, by).map(|y| if y > 0.0 { y } else { 0.25 * y })
        });
}

/// Maps end to end along their channels.
fn joined(maps: &[&Array]) -> Array {
    let [n, _, h, w] = [0, 1, 2, 3].map(|axis| maps[0].shape[axis]);
    let channels = maps.iter().map(|map| map.shape[1]).sum();
    let images = (0..n).flat_map(|image| maps.iter().map(move |map| (image, map)));
    let data = images.flat_map(|(image, map)| {
        let len = map.data.len() / n;
        map.data[image * len..][..len].iter().copied()
    });
    Array::new(&[n, channels, h, w], data.collect())
}

/// A convolution that reads several maps, adds another, and rectifies; with a graph, by separate operations.
#[test]
fn a_convolution_with_what_passes_put_into_it() {
    let windows = [
        Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 },
        Window { kernel: [1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 },
        Window { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2], groups: 1 },
    ];
    for by in &windows {
        for parts in [vec![3], vec![1, 2], vec![2, 1, 4]] {
            for adds in [false, true] {
                let inputs: usize = parts.iter().sum();
                let weights =
                    vec![Array::random(&[3, inputs, by.kernel[0], by.kernel[1]], 2), Array::random(&[3], 3)];
                let maps = parts.iter().enumerate();
                let mut reads: Vec<Array> =
                    maps.map(|(at, c)| Array::random(&[2, *c, 5, 6], 10 + at as u64)).collect();
                let all = joined(&reads.iter().collect::<Vec<_>>());
                let result = convolution(&all, &weights[0], None, by);
                if adds {
                    reads.push(Array::random(&result.shape, 4));
                }
                let instr = |activation: Option<Unary>| {
                    Instr::Convolve(Convolve {
                        weight: WeightId(0),
                        bias: Some(WeightId(1)),
                        kernel: by.kernel,
                        stride: by.stride,
                        padding: by.padding,
                        dilation: by.dilation,
                        groups: 1,
                        adds,
                        activation,
                    })
                };
                let sum = |x: &[Array], weights: &[Array]| {
                    let (maps, addend) = x.split_at(parts.len());
                    let maps = joined(&maps.iter().collect::<Vec<_>>());
                    let mut y = convolution(&maps, &weights[0], Some(&weights[1]), by);
                    if let [addend] = addend {
                        y.data.iter_mut().zip(&addend.data).for_each(|(y, a)| *y += a);
                    }
                    y
                };
                let case = |activation| Case::new(instr(activation), reads.clone()).weights(weights.clone());
                case(Some(Unary::Relu))
                    .mode(Mode::Infer)
                    .check(|x, weights| sum(x, weights).map(|y| y.max(0.0)));
                // Without the kink, which differences would step over.
                case(None).check(sum);
            }
        }
    }
}

#[test]
fn transposed_convolutions() {
    for case in &TRANSPOSED {
        let ([n, i, o, h, w], by, output_padding) = (case.shape, &case.window, case.output_padding);
        let Window { kernel, stride, padding, dilation, groups } = *by;
        let instr = Instr::ConvolveTransposed(ConvolveTransposed {
            weight: WeightId(0),
            bias: Some(WeightId(1)),
            kernel,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
        });
        let weights = vec![Array::random(&[i, o / groups, kernel[0], kernel[1]], 2), Array::random(&[o], 3)];
        Case::new(instr, vec![Array::random(&[n, i, h, w], 1)])
            .weights(weights)
            .check(|x, weights| transposed(&x[0], &weights[0], Some(&weights[1]), by, output_padding));
    }
}

/// PyTorch's size of a pooled axis: rounding up drops a window that would start past the padded left part.
fn pooled(len: usize, kernel: usize, stride: usize, padding: usize, ceil: bool) -> usize {
    let span = len + 2 * padding - kernel;
    let size = if ceil { span.div_ceil(stride) } else { span / stride } + 1;
    if ceil && (size - 1) * stride >= len + padding { size - 1 } else { size }
}

/// Pooling by its definition: `(values, positions)`.
fn pool(x: &Array, by: &Pool) -> (Array, Array) {
    let [n, c, h, w] = [x.shape[0], x.shape[1], x.shape[2], x.shape[3]];
    let rows = pooled(h, by.kernel[0], by.stride[0], by.padding[0], by.ceil);
    let columns = pooled(w, by.kernel[1], by.stride[1], by.padding[1], by.ceil);
    let (mut y, mut at) = (Array::zeros(&[n, c, rows, columns]), Array::zeros(&[n, c, rows, columns]));
    for b in 0..n {
        for k in 0..c {
            for r in 0..rows {
                for q in 0..columns {
                    let start = [r * by.stride[0], q * by.stride[1]];
                    // Padded coordinates: the image lies at padding..padding + len.
                    let end = [
                        (start[0] + by.kernel[0]).min(h + 2 * by.padding[0]),
                        (start[1] + by.kernel[1]).min(w + 2 * by.padding[1]),
                    ];
                    let (mut best, mut place, mut sum, mut inside) = (f64::NEG_INFINITY, 0, 0.0, 0);
                    for row in start[0]..end[0] {
                        for column in start[1]..end[1] {
                            let (row, column) =
                                (row.wrapping_sub(by.padding[0]), column.wrapping_sub(by.padding[1]));
                            if row < h && column < w {
                                let value = x.at4([b, k, row, column]);
                                inside += 1;
                                sum += value;
                                if value > best {
                                    (best, place) = (value, row * w + column);
                                }
                            }
                        }
                    }
                    let area =
                        if by.count_padding { (end[0] - start[0]) * (end[1] - start[1]) } else { inside };
                    *y.at4_mut([b, k, r, q]) = match by.kind {
                        PoolKind::Max => best,
                        PoolKind::Average => sum / area as f64,
                    };
                    *at.at4_mut([b, k, r, q]) = place as f64;
                }
            }
        }
    }
    (y, at)
}

#[test]
fn pooling() {
    for kind in [PoolKind::Max, PoolKind::Average] {
        for (kernel, stride, padding) in POOLINGS {
            for (ceil, count_padding) in [(false, true), (false, false), (true, true), (true, false)] {
                let by = Pool { kind, kernel, stride, padding, ceil, count_padding, indices: false };
                for shape in [[1, 2, 7, 5], [2, 1, 6, 8]] {
                    Case::new(Instr::Pool(by.clone()), vec![Array::random(&shape, 4)])
                        .check(|x, _| pool(&x[0], &by).0);
                }
            }
        }
    }
}

/// PyTorch's `adaptive_avg_pool2d` by its definition: cell `i` of `to` reaches from `floor(i * len / to)` up to
/// `ceil((i + 1) * len / to)`.
#[test]
fn pooling_over_cells() {
    for (shape, to) in
        [([2, 2, 7, 5], [2, 3]), ([1, 1, 6, 8], [2, 4]), ([1, 2, 2, 3], [3, 4]), ([1, 1, 5, 5], [1, 1])]
    {
        let [_, c, h, w] = shape;
        let cell = |at: usize, len: usize, to: usize| at * len / to..((at + 1) * len).div_ceil(to);
        Case::new(Instr::PoolCells { to }, vec![Array::random(&shape, 4)]).check(|x, _| {
            let mut y = Array::zeros(&[shape[0], c, to[0], to[1]]);
            for (at, y) in y.data.iter_mut().enumerate() {
                let (plane, row, column) = (at / (to[0] * to[1]), at / to[1] % to[0], at % to[1]);
                let (rows, columns) = (cell(row, h, to[0]), cell(column, w, to[1]));
                let count = (rows.len() * columns.len()) as f64;
                let values = rows.flat_map(|r| columns.clone().map(move |q| (plane * h + r) * w + q));
                *y = values.map(|place| x[0].data[place]).sum::<f64>() / count;
            }
            y
        });
    }
}

#[test]
fn pooling_indices_and_unpooling() {
    let by = Pool {
        kind: PoolKind::Max,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        ceil: false,
        count_padding: true,
        indices: true,
    };
    let x = Array::random(&[2, 2, 7, 5], 4);
    let case = Case::new(Instr::Pool(by.clone()), vec![x.clone()]);
    case.check(|x, _| pool(&x[0], &by).0);
    let ran = case.execute().unwrap();
    let (values, places) = pool(&x, &by);
    close("indices", &to_array(&ran.results[1]), &places, 0.0);

    let mut case = Case::new(Instr::Unpool { to: [7.into(), 5.into()] }, vec![values]);
    let indices: Vec<i64> = places.data.iter().map(|at| *at as i64).collect();
    case.reads.push(Operand::Int(indices, places.shape.clone()));
    case.check(|x, _| {
        let mut y = Array::zeros(&[2, 2, 7, 5]);
        for (at, (value, place)) in x[0].data.iter().zip(&places.data).enumerate() {
            y.data[at / 6 * 35 + *place as usize] = *value;
        }
        y
    });
}

/// PyTorch's `interpolate(mode="bilinear", align_corners=False)` by its formula.
fn bilinear(x: &Array, rows: usize, columns: usize) -> Array {
    let [n, c, h, w] = [x.shape[0], x.shape[1], x.shape[2], x.shape[3]];
    let source = |at: usize, from: usize, to: usize| {
        let place = ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
        let low = place.floor() as usize;
        (low, (low + 1).min(from - 1), place - low as f64)
    };
    let mut y = Array::zeros(&[n, c, rows, columns]);
    for b in 0..n {
        for k in 0..c {
            for r in 0..rows {
                for q in 0..columns {
                    let (top, bottom, down) = source(r, h, rows);
                    let (left, right, along) = source(q, w, columns);
                    let row =
                        |row| (1.0 - along) * x.at4([b, k, row, left]) + along * x.at4([b, k, row, right]);
                    *y.at4_mut([b, k, r, q]) = (1.0 - down) * row(top) + down * row(bottom);
                }
            }
        }
    }
    y
}

#[test]
fn bilinear_resize() {
    for (shape, [rows, columns]) in RESIZES {
        let instr = Instr::Resize { mode: ResizeMode::Bilinear, to: [rows.into(), columns.into()] };
        Case::new(instr, vec![Array::random(&shape, 6)]).check(|x, _| bilinear(&x[0], rows, columns));
    }
}

/// The example in the documentation of `torch.nn.Upsample`.
#[test]
fn bilinear_resize_is_pytorchs() {
    let instr = Instr::Resize { mode: ResizeMode::Bilinear, to: [4.into(), 4.into()] };
    let y = Case::new(instr, vec![Array::new(&[1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0])]).result();
    let expected = [1.0, 1.25, 1.75, 2.0, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3.0, 3.25, 3.75, 4.0];
    close("upsampled", &y, &Array::new(&[1, 1, 4, 4], expected.to_vec()), 1e-6);
}

#[test]
fn nearest_resize() {
    for (shape, [rows, columns]) in RESIZES.into_iter().chain([([1, 1, 2, 1], [98, 3])]) {
        let instr = Instr::Resize { mode: ResizeMode::Nearest, to: [rows.into(), columns.into()] };
        Case::new(instr, vec![Array::random(&shape, 6)]).check(|x, _| {
            let x = &x[0];
            let mut y = Array::zeros(&[shape[0], shape[1], rows, columns]);
            for b in 0..shape[0] {
                for k in 0..shape[1] {
                    for r in 0..rows {
                        for c in 0..columns {
                            *y.at4_mut([b, k, r, c]) =
                                x.at4([b, k, r * shape[2] / rows, c * shape[3] / columns]);
                        }
                    }
                }
            }
            y
        });
    }
}
