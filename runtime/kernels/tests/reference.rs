//! Every kernel against the sum that defines it, in 64-bit floats, on random shapes.

use phg_kernels::{Shape, Window, convolve, resize, softmax};
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
    fn the_gradient_of_resizing_is_its_transpose(
        shape in (1..=2_usize, 1..=3_usize, 1..=9_usize, 1..=9_usize), to in (1..=20_usize, 1..=20_usize),
    ) {
        let (shape, to) = ([shape.0, shape.1, shape.2, shape.3], [to.0, to.1]);
        let (x, dy) = (values(shape, 1), values([shape[0], shape[1], to[0], to[1]], 2));
        let (y, dx) = (resize::forward(&x, shape, to), resize::gradient(&dy, shape, to));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        prop_assert!((dot(&y, &dy) - dot(&x, &dx)).abs() < 1e-4, "{} {}", dot(&y, &dy), dot(&x, &dx));
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
