//! Every kernel against the sum that defines it, in 64-bit floats, on random shapes.

use phg_kernels::convolve::Finish;
use phg_kernels::loss::{CrossEntropy, Pixels, soft_iou, soft_iou_gradient};
use phg_kernels::{Joined, Shape, Window, convolve, normalise, rectify, resize, softmax};
use proptest::prelude::*;

/// A convolution to try: its geometry and the operands' shapes.
#[derive(Clone, Debug)]
struct Case {
    window: Window,
    x: Shape,
    weight: Shape,
}

impl Case {
    fn y(&self) -> Shape {
        let [rows, columns] = self.window.output([self.x[2], self.x[3]]);
        [self.x[0], self.weight[0], rows, columns]
    }

    /// Calls `f` with the flat indices of `y`, `x` and `weight` that meet in one product.
    fn products(&self, mut f: impl FnMut(usize, usize, usize)) {
        let Window { stride, padding, dilation, groups, .. } = self.window;
        let ([n, c, h, w], [o, part, kh, kw], [_, _, rows, columns]) = (self.x, self.weight, self.y());
        for image in 0..n {
            for output in 0..o {
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    for input in 0..part {
                        for (i, j) in (0..kh).flat_map(|i| (0..kw).map(move |j| (i, j))) {
                            let y = (row * stride[0] + i * dilation[0]).checked_sub(padding[0]);
                            let x = (column * stride[1] + j * dilation[1]).checked_sub(padding[1]);
                            let (Some(y), Some(x)) = (y, x) else { continue };
                            if y >= h || x >= w {
                                continue;
                            }
                            let channel = output / (o / groups) * part + input;
                            f(
                                ((image * o + output) * rows + row) * columns + column,
                                ((image * c + channel) * h + y) * w + x,
                                ((output * part + input) * kh + i) * kw + j,
                            );
                        }
                    }
                }
            }
        }
    }
}

fn values(shape: Shape, seed: u64) -> Vec<f32> {
    let len: usize = shape.iter().product();
    (0..len as u64)
        .map(|i| {
            let mixed = (i ^ seed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

fn close(found: &[f32], expected: &[f64], scale: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        prop_assert!((f64::from(*found) - expected).abs() <= 1e-5 * scale, "{at}: {found} is not {expected}");
    }
    Ok(())
}

fn case() -> impl Strategy<Value = Case> {
    let pair = |range: std::ops::RangeInclusive<usize>| [range.clone(), range];
    (
        pair(1..=4),
        pair(1..=3),
        pair(0..=3),
        pair(1..=3),
        1..=4_usize,
        1..=5_usize,
        1..=5_usize,
        1..=3_usize,
        pair(0..=14),
        any::<bool>(),
    )
        .prop_map(|(kernel, stride, padding, dilation, groups, part, outputs, n, more, dense)| {
            let stride = if dense { [1, 1] } else { stride };
            let window = Window { kernel, stride, padding, dilation, groups };
            // The smallest input that the window fits into, and more.
            let size = [0, 1].map(|axis| {
                (dilation[axis] * (kernel[axis] - 1) + 1).saturating_sub(2 * padding[axis]).max(1)
                    + more[axis]
            });
            let x = [n, part * groups, size[0], size[1]];
            Case { window, x, weight: [outputs * groups, part, kernel[0], kernel[1]] }
        })
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let Case { window, x: x_shape, weight: weight_shape } = case.clone();
    let (x, weight, dy) = (values(x_shape, 1), values(weight_shape, 2), values(case.y(), 3));
    let bias = values([1, 1, 1, weight_shape[0]], 4);
    let [n, o, rows, columns] = case.y();
    let plane = rows * columns;

    let mut y: Vec<f64> = (0..n * o * plane).map(|at| f64::from(bias[at / plane % o])).collect();
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
    case.products(|to, from, tap| {
        y[to] += f64::from(x[from]) * f64::from(weight[tap]);
        dx[from] += f64::from(dy[to]) * f64::from(weight[tap]);
        dw[tap] += f64::from(dy[to]) * f64::from(x[from]);
    });
    let scale = |terms: usize| (terms as f64).sqrt().max(1.0);
    let depth = weight_shape[1] * window.kernel[0] * window.kernel[1];
    close(&convolve::forward(&x, x_shape, &weight, weight_shape, Some(&bias), &window), &y, scale(depth))?;
    close(&convolve::input_gradient(&dy, &weight, weight_shape, x_shape, &window), &dx, scale(depth * o))?;
    close(&convolve::weight_gradient(&x, x_shape, &dy, weight_shape, &window), &dw, scale(n * plane))?;

    let sums: Vec<f64> = (0..o)
        .map(|channel| (0..dy.len()).filter(|at| at / plane % o == channel).map(|at| f64::from(dy[at])).sum())
        .collect();
    close(&convolve::bias_gradient(&dy, case.y()), &sums, scale(n * plane))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_and_gradients_are_their_sums(case in case()) {
        check(&case)?;
    }

    /// Several maps read as one, another added, and the sign cut off are what they are one after the other.
    #[test]
    fn a_fused_convolution_is_its_parts(
        case in case(), cuts in [0..=5_usize, 0..=5], adds in any::<bool>(), rectify in any::<bool>(),
    ) {
        let Case { window, x: x_shape @ [n, c, h, w], weight: weight_shape } = case.clone();
        let (x, weight, addend) = (values(x_shape, 1), values(weight_shape, 2), values(case.y(), 3));
        let bias = values([1, 1, 1, weight_shape[0]], 4);
        let mut cuts = if window.groups == 1 { cuts.map(|cut| cut.min(c)) } else { [0, c] };
        cuts.sort_unstable();
        let parts: Vec<(Vec<f32>, usize)> = [0..cuts[0], cuts[0]..cuts[1], cuts[1]..c]
            .into_iter()
            .filter(|channels| !channels.is_empty())
            .map(|channels| {
                let part = |image: usize| &x[(image * c + channels.start) * h * w..(image * c + channels.end) * h * w];
                ((0..n).flat_map(part).copied().collect(), channels.len())
            })
            .collect();
        let parts: Vec<(&[f32], usize)> = parts.iter().map(|(x, channels)| (x.as_slice(), *channels)).collect();
        let whole = convolve::forward(&x, x_shape, &weight, weight_shape, Some(&bias), &window);
        let expected: Vec<f64> = whole
            .iter()
            .zip(&addend)
            .map(|(y, addend)| f64::from(*y) + if adds { f64::from(*addend) } else { 0.0 })
            .map(|y| if rectify { y.max(0.0) } else { y })
            .collect();
        let joined = Joined { n, size: [h, w], parts: &parts };
        let finish = Finish { addend: adds.then_some(&addend), rectify };
        let fused = convolve::fused(&joined, &weight, weight_shape, Some(&bias), &window, finish);
        close(&fused, &expected, 4.0)?;
    }

    /// One input channel a group.
    #[test]
    fn so_are_depthwise_ones(case in case(), groups in 2..=5_usize) {
        let mut case = case;
        let outputs = case.weight[0] / case.window.groups;
        case.window.groups = groups;
        case.x[1] = groups;
        case.weight[0] = outputs * groups;
        case.weight[1] = 1;
        check(&case)?;
    }

    /// The gradient of a linear map is its transpose: `<resize(x), dy> = <x, gradient(dy)>`; and a resized
    /// constant stays one.
    #[test]
    fn resizing_is_its_definition_and_its_gradient_the_transpose(
        shape in (1..=2_usize, 1..=3_usize, 1..=9_usize, 1..=9_usize), to in (1..=20_usize, 1..=20_usize),
    ) {
        let (shape, to) = ([shape.0, shape.1, shape.2, shape.3], [to.0, to.1]);
        let (x, dy) = (values(shape, 1), values([shape[0], shape[1], to[0], to[1]], 2));
        let (y, dx) = (resize::forward(&x, shape, to), resize::gradient(&dy, shape, to));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        prop_assert!((dot(&y, &dy) - dot(&x, &dx)).abs() < 1e-4, "{} {}", dot(&y, &dy), dot(&x, &dx));
        // Where an output reads: half-pixel centres, kept within the map.
        let at = |i: usize, from: usize, to: usize| {
            let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
            (at as usize, (at as usize + 1).min(from - 1), at.fract())
        };
        let [_, _, h, w] = shape;
        let expected: Vec<f64> = (0..y.len()).map(|i| {
            let (plane, row, column) = (i / (to[0] * to[1]), i / to[1] % to[0], i % to[1]);
            let (low, high, down) = at(row, h, to[0]);
            let (left, right, along) = at(column, w, to[1]);
            let x = |row: usize, column: usize| f64::from(x[(plane * h + row) * w + column]);
            let mix = |row: usize| x(row, left) * (1.0 - along) + x(row, right) * along;
            mix(low) * (1.0 - down) + mix(high) * down
        }).collect();
        close(&y, &expected, 1.0)?;
        let ones = resize::forward(&vec![1.0; x.len()], shape, to);
        prop_assert!(ones.iter().all(|one| *one == 1.0));
    }

    #[test]
    fn softmax_is_its_definition(
        shape in (1..=2_usize, 1..=13_usize, 1..=20_usize, 1..=20_usize), spread in 0.1_f32..40.0,
    ) {
        let shape = [shape.0, shape.1, shape.2, shape.3];
        let x: Vec<f32> = values(shape, 5).iter().map(|x| x * spread).collect();
        let dy = values(shape, 6);
        let [_, c, rows, columns] = shape;
        let plane = rows * columns;
        let channels = |at: usize| {
            let first = at / (c * plane) * c * plane + at % plane;
            (0..c).map(move |channel| first + channel * plane)
        };
        let sums: Vec<f64> = (0..x.len()).map(|at| channels(at).map(|at| f64::from(x[at]).exp()).sum()).collect();
        let share: Vec<f64> = (0..x.len()).map(|at| f64::from(x[at]).exp() / sums[at]).collect();
        let log: Vec<f64> = share.iter().map(|share| share.ln()).collect();
        let y = softmax::forward(&x, shape, false);
        close(&y, &share, 0.1)?;
        let y_log = softmax::forward(&x, shape, true);
        close(&y_log, &log, f64::from(spread).max(1.0))?;

        let dot = |at: usize, f: &dyn Fn(usize) -> f64| channels(at).map(|at| f(at) * f64::from(dy[at])).sum::<f64>();
        let dx: Vec<f64> =
            (0..x.len()).map(|at| share[at] * (f64::from(dy[at]) - dot(at, &|at| share[at]))).collect();
        close(&softmax::gradient(&y, &dy, shape, false), &dx, 1.0)?;
        let dx: Vec<f64> = (0..x.len()).map(|at| f64::from(dy[at]) - share[at] * dot(at, &|_| 1.0)).collect();
        close(&softmax::gradient(&y_log, &dy, shape, true), &dx, 1.0 + f64::from(spread) * 0.1)?;
    }
}

/// The definition of [`CrossEntropy`], pixel by pixel.
fn cross_entropy(rule: &CrossEntropy, x: &[f64], [n, c, h, w]: Shape, classes: &[u32]) -> f64 {
    let (plane, smoothing) = (h * w, f64::from(rule.smoothing));
    let (mut sum, mut total) = (0.0, 0.0);
    for (pixel, class) in (0..n * plane).zip(classes) {
        let score = |class: usize| x[(pixel / plane * c + class) * plane + pixel % plane];
        let log_sum = (0..c).map(|class| score(class).exp()).sum::<f64>().ln();
        let Some(weight) = rule.weights.get(*class as usize).map(|weight| f64::from(*weight)) else {
            continue;
        };
        let nll = |class: usize| log_sum - score(class);
        let all: f64 =
            rule.weights.iter().enumerate().map(|(class, weight)| f64::from(*weight) * nll(class)).sum();
        sum += (1.0 - smoothing) * weight * nll(*class as usize) + smoothing / c as f64 * all;
        total += weight;
    }
    if total == 0.0 { 0.0 } else { sum / total }
}

/// The definition of [`soft_iou`].
fn iou_loss(x: &[f64], [n, c, h, w]: Shape, classes: &[u32], all: Option<usize>) -> f64 {
    let plane = h * w;
    let score = |pixel: usize, class: usize| x[(pixel / plane * c + class) * plane + pixel % plane];
    let share = |pixel: usize, class: usize| {
        score(pixel, class).exp() / (0..c).map(|class| score(pixel, class).exp()).sum::<f64>()
    };
    let counted = || (0..n * plane).filter(|pixel| (classes[*pixel] as usize) < c);
    let (mut sum, mut present) = (0.0, 0_usize);
    for class in 0..c {
        let own = || counted().filter(|pixel| classes[*pixel] as usize == class);
        let intersection: f64 = own().map(|pixel| share(pixel, class)).sum();
        let mass: f64 = counted().map(|pixel| share(pixel, class)).sum();
        if own().count() > 0 {
            sum += intersection / (own().count() as f64 + mass - intersection);
            present += 1;
        }
    }
    1.0 - sum / all.unwrap_or(present).max(1) as f64
}

/// Central differences of `f` at `x`.
fn slopes(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let at = |at: usize, by: f64| {
        let mut x = x.to_vec();
        x[at] += by;
        f(&x)
    };
    (0..x.len()).map(|i| (at(i, STEP) - at(i, -STEP)) / (2.0 * STEP)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn losses_and_gradients_are_their_definitions(
        shape in (1..=2_usize, 2..=5_usize, 1..=4_usize, 1..=5_usize), seed in any::<u64>(), smoothing in 0.0_f32..0.5,
    ) {
        let shape = [shape.0, shape.1, shape.2, shape.3];
        let scores: Vec<f32> = values(shape, seed).iter().map(|x| x * 3.0).collect();
        let exact: Vec<f64> = scores.iter().map(|x| f64::from(*x)).collect();
        // One number beyond the classes: such a pixel does not count.
        let pixels = values([shape[0], 1, shape[2], shape[3]], seed ^ 1);
        let classes: Vec<u32> = pixels.iter().map(|x| ((x + 1.0) / 2.0 * (shape[1] + 1) as f32) as u32).collect();
        let weights = values([1, 1, 1, shape[1]], seed ^ 2).iter().map(|x| x + 1.5).collect();
        let (rule, pixels) = (CrossEntropy { weights, smoothing }, Pixels { scores: &scores, shape, classes: &classes });

        let entropy = |x: &[f64]| cross_entropy(&rule, x, shape, &classes);
        close(&[rule.forward(&pixels)], &[entropy(&exact)], 1.0)?;
        let expected: Vec<f64> = slopes(&exact, entropy).iter().map(|slope| 0.7 * slope).collect();
        close(&rule.gradient(&pixels, 0.7), &expected, 1.0)?;

        for all in [None, Some(shape[1])] {
            let iou = |x: &[f64]| iou_loss(x, shape, &classes, all);
            close(&[soft_iou(&pixels, all)], &[iou(&exact)], 1.0)?;
            let expected: Vec<f64> = slopes(&exact, iou).iter().map(|slope| 0.7 * slope).collect();
            close(&soft_iou_gradient(&pixels, all, 0.7), &expected, 1.0)?;
        }
    }

    #[test]
    fn batch_norm_and_its_gradients_are_their_definitions(
        shape in (1..=3_usize, 1..=4_usize, 1..=5_usize, 2..=9_usize), seed in any::<u64>(),
    ) {
        let shape = [shape.0, shape.1, shape.2, shape.3];
        let [n, c, h, w] = shape;
        let (plane, count) = (h * w, (n * h * w) as f64);
        let (x, dy) = (values(shape, seed), values(shape, seed ^ 1));
        let (scale, offset) = (values([1, 1, 1, c], seed ^ 2), values([1, 1, 1, c], seed ^ 3));
        let exact: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let norm = |x: &[f64]| -> (Vec<f64>, Vec<f64>, Vec<f64>) {
            let channel = |at: usize| at / plane % c;
            let mean: Vec<f64> = (0..c)
                .map(|wanted| (0..x.len()).filter(|at| channel(*at) == wanted).map(|at| x[at]).sum::<f64>() / count)
                .collect();
            let square = |at: usize| (x[at] - mean[channel(at)]).powi(2);
            let variance: Vec<f64> = (0..c)
                .map(|wanted| (0..x.len()).filter(|at| channel(*at) == wanted).map(square).sum::<f64>() / count)
                .collect();
            let y = (0..x.len()).map(|at| {
                let (to, by) = (f64::from(offset[channel(at)]), f64::from(scale[channel(at)]));
                (x[at] - mean[channel(at)]) / (variance[channel(at)] + 1e-3).sqrt() * by + to
            });
            (y.collect(), mean, variance)
        };
        let (y, mean, variance) = norm(&exact);
        let found = normalise::forward(&x, n, &scale, &offset, 1e-3);
        close(&found.y, &y, 10.0)?;
        close(&found.mean, &mean, 1.0)?;
        close(&found.variance, &variance, 1.0)?;
        let statistics = (found.mean.as_slice(), found.variance.as_slice());
        let found = normalise::gradients(&x, n, &scale, statistics, 1e-3, &dy);
        let total = |x: &[f64]| norm(x).0.iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy)).sum::<f64>();
        close(&found.x, &slopes(&exact, total), 100.0)?;
        for channel in 0..c {
            let of = |f: &dyn Fn(usize) -> f64| {
                (0..x.len()).filter(|at| at / plane % c == channel).map(|at| f(at) * f64::from(dy[at])).sum::<f64>()
            };
            let by = |at: usize| (exact[at] - mean[channel]) / (variance[channel] + 1e-3).sqrt();
            close(&found.offset[channel..=channel], &[of(&|_| 1.0)], 10.0)?;
            close(&found.scale[channel..=channel], &[of(&by)], 100.0)?;
        }
    }
}

#[test]
fn the_rectified_linear_unit_by_hand() {
    let y = rectify::forward(&[-1.0, 0.0, 2.0, f32::NAN]);
    assert!(y[..3] == [0.0, 0.0, 2.0] && y[3].is_nan());
    assert_eq!(rectify::gradient(&y[..3], &[5.0, 6.0, 7.0]), [0.0, 0.0, 7.0]);
}

/// A pixel without a class, and none with one.
#[test]
fn nothing_to_score_is_no_loss() {
    let rule = CrossEntropy { weights: vec![1.0; 3], smoothing: 0.1 };
    let pixels = Pixels { scores: &[1.0; 6], shape: [1, 3, 1, 2], classes: &[u32::MAX; 2] };
    assert_eq!((rule.forward(&pixels), rule.gradient(&pixels, 1.0)), (0.0, vec![0.0; 6]));
    assert_eq!((soft_iou(&pixels, None), soft_iou_gradient(&pixels, None, 1.0)), (1.0, vec![0.0; 6]));
}

/// Larger than one tile, with channels in several blocks and sums in several parts.
#[test]
fn large_maps_are_their_sums() {
    let cases = [
        ([1, 1], [1, 8, 150, 170], 12, 1),
        ([3, 3], [2, 20, 61, 67], 12, 1),
        ([3, 3], [1, 40, 30, 33], 16, 2),
        ([3, 3], [3, 72, 9, 11], 24, 2),
    ];
    for (kernel, x, outputs, stride) in cases {
        let window =
            Window { kernel, stride: [stride; 2], padding: [kernel[0] / 2; 2], dilation: [1; 2], groups: 1 };
        check(&Case { window, x, weight: [outputs, x[1], kernel[0], kernel[1]] }).unwrap();
    }
}

/// The same bits whatever the number of threads.
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let window = Window { kernel: [3, 3], stride: [2, 1], padding: [1, 1], dilation: [1, 1], groups: 2 };
    let case = Case { window, x: [2, 24, 65, 71], weight: [16, 12, 3, 3] };
    let (x, weight, dy) = (values(case.x, 1), values(case.weight, 2), values(case.y(), 3));
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [
                convolve::forward(&x, case.x, &weight, case.weight, None, &window),
                convolve::input_gradient(&dy, &weight, case.weight, case.x, &window),
                convolve::weight_gradient(&x, case.x, &dy, case.weight, &window),
                convolve::bias_gradient(&dy, case.y()),
            ]
        })
    };
    let one = all(1);
    assert!(all(2) == one && all(5) == one);
}
