//! Padding, blurring, choosing: what changes the borders of a map, or picks from it; hard pixels of a loss.

use phg_compiler::plan::instr::{ClassWeights, CrossEntropy, HardPixels, Unary};
use phg_compiler::plan::{Instr, WeightId};

use super::{Array, Case, close};
use crate::codes;

#[test]
fn padding() {
    for (before, after) in [([0, 1, 2, 0], [1, 0, 1, 3]), ([0; 4], [0; 4]), ([0, 0, 5, 4], [0, 3, 0, 0])] {
        let sides = |side: [usize; 4]| side.map(Into::into).to_vec();
        let instr = Instr::Pad { before: sides(before), after: sides(after) };
        Case::new(instr, vec![Array::random(&[2, 3, 4, 5], 1)]).check(|x, _| {
            let shape: Vec<usize> =
                (0..4).map(|axis| x[0].shape[axis] + before[axis] + after[axis]).collect();
            let mut y = Array::zeros(&shape);
            for n in 0..2 {
                for c in 0..3 {
                    for h in 0..4 {
                        for w in 0..5 {
                            let [a, b, d, e] = before;
                            *y.at4_mut([n + a, c + b, h + d, w + e]) = x[0].at4([n, c, h, w]);
                        }
                    }
                }
            }
            y
        });
    }
    let rows = Instr::Pad { before: vec![1.into()], after: vec![0.into()] };
    let error = Case::new(rows, vec![Array::zeros(&[2, 3])]).execute().err().unwrap();
    assert_eq!(error.code, codes::EXEC_PLAN);
}

#[test]
fn learned_slopes() {
    for (shape, slopes) in [
        (vec![2, 3, 4, 5], 3),
        (vec![2, 3, 4, 5], 1),
        (vec![4, 7], 7),
        (vec![1, 1, 1, 1], 1),
        (vec![2, 5, 3], 5),
    ] {
        Case::new(Instr::Prelu { slope: WeightId(0) }, vec![Array::random(&shape, 1)])
            .weights(vec![Array::random(&[slopes], 2)])
            .check(|x, weights| {
                let (channels, area) = (shape[1], shape.iter().skip(2).product::<usize>());
                let slope = |at: usize| weights[0].data[if slopes == 1 { 0 } else { at / area % channels }];
                let data = x[0].data.iter().enumerate();
                Array::new(&shape, data.map(|(at, x)| if *x < 0.0 { x * slope(at) } else { *x }).collect())
            });
    }
    let case = Case::new(Instr::Prelu { slope: WeightId(0) }, vec![Array::zeros(&[2, 3])]);
    let error = case.weights(vec![Array::zeros(&[2])]).execute().err().unwrap();
    assert_eq!(error.code, codes::EXEC_PLAN);
}

#[test]
fn a_diagonal() {
    for size in [1, 2, 5] {
        let found = Case::new(Instr::Diagonal { value: -1e30, size: size.into() }, vec![]).result();
        assert_eq!(found.shape, [size, size]);
        for (at, value) in found.data.iter().enumerate() {
            let expected = if at / size == at % size { f64::from(-1e30f32) } else { 0.0 };
            assert_eq!(*value, expected);
        }
    }
}

#[test]
fn the_largest_channel_is_the_first_of_equal_ones() {
    // Channels 0 to 2 of two pixels: 1, 3, 3 and 5, -1, 5.
    let x = Array::new(&[1, 3, 1, 2], vec![1.0, 5.0, 3.0, -1.0, 3.0, 5.0]);
    assert_eq!(Case::new(Instr::Argmax, vec![x]).result().data, [1.0, 0.0]);
    let x = Array::random(&[2, 5, 3, 4], 3);
    Case::new(Instr::Argmax, vec![x]).check(|x, _| {
        let mut y = Array::zeros(&[2, 1, 3, 4]);
        for (at, y) in y.data.iter_mut().enumerate() {
            let value = |c: usize| x[0].data[(at / 12 * 5 + c) * 12 + at % 12];
            *y = (0..5).fold(0, |best, c| if value(c) > value(best) { c } else { best }) as f64;
        }
        y
    });
}

#[test]
fn a_threshold_is_not_above_itself() {
    let x = Array::new(&[4], vec![0.25, 0.2500001, -3.0, 7.0]);
    assert_eq!(Case::new(Instr::Unary(Unary::Above(0.25)), vec![x]).result().data, [0.0, 1.0, 0.0, 1.0]);
}

/// The filter as one window of products, not rows and then columns.
#[test]
fn a_gaussian_filter() {
    for (kernel, sigma, shape) in [(3, 0.8f32, [2, 3, 5, 4]), (7, 5.0, [1, 2, 4, 9]), (1, 2.0, [1, 1, 3, 2])]
    {
        Case::new(Instr::GaussianBlur { kernel, sigma }, vec![Array::random(&shape, 5)]).check(|x, _| {
            let half = (kernel / 2) as i64;
            let weight = |row: i64, column: i64| {
                (-((row * row + column * column) as f64) / (2.0 * f64::from(sigma).powi(2))).exp()
            };
            let window = || (-half..=half).flat_map(|row| (-half..=half).map(move |column| (row, column)));
            let total: f64 = window().map(|(row, column)| weight(row, column)).sum();
            let [n, c, h, w] = shape;
            let mut y = Array::zeros(&shape);
            for (at, y) in y.data.iter_mut().enumerate().take(n * c * h * w) {
                for (row, column) in window() {
                    let (r, q) = ((at / w % h) as i64 + row, (at % w) as i64 + column);
                    if (0..h as i64).contains(&r) && (0..w as i64).contains(&q) {
                        let place = at / (h * w) * h * w + r as usize * w + q as usize;
                        *y += weight(row, column) / total * x[0].data[place];
                    }
                }
            }
            y
        });
    }
}

#[test]
fn the_nearest_label() {
    let labels: Vec<i64> = (0..12).collect();
    for (to, expected) in [
        ([2, 2], vec![0, 2, 4, 6]),
        ([3, 4], labels.clone()),
        ([4, 3], vec![0, 1, 2, 0, 1, 2, 4, 5, 6, 8, 9, 10]),
        ([1, 1], vec![0]),
    ] {
        let instr = Instr::ResizeLabels { to: to.map(Into::into) };
        let found = Case::new(instr, vec![]).labels(labels.clone(), &[1, 3, 4]).result();
        assert_eq!(found.data, expected.into_iter().map(|label| label as f64).collect::<Vec<_>>());
    }
}

/// Labels of `[2, 3, 4]` with void (3) and a number that is no class.
fn labels() -> Vec<i64> {
    (0..24).map(|at| if at == 7 { 255 } else { (at * 7 + at / 5) % 4 }).collect()
}

/// The mean over the pixels that `hard` chooses of `-log softmax`, weighted; sorted rather than selected.
fn reference(x: &Array, hard: HardPixels, weights: [f64; 4]) -> Array {
    let area = 12;
    let mut of_class: Vec<(f64, f64)> = vec![];
    for (pixel, label) in labels().into_iter().enumerate() {
        if !(0..3).contains(&label) {
            continue;
        }
        let score = |c: usize| x.data[(pixel / area * 4 + c) * area + pixel % area];
        let log_sum = (0..4).map(|c| score(c).exp()).sum::<f64>().ln();
        of_class.push((log_sum - score(label as usize), weights[label as usize]));
    }
    of_class.sort_by(|a, b| b.0.total_cmp(&a.0));
    let least = (f64::from(hard.at_least) * of_class.len() as f64).floor() as usize;
    let below = of_class.iter().filter(|(nll, _)| *nll > -f64::from(hard.below).ln()).count();
    of_class.truncate(below.max(least));
    let total: f64 = of_class.iter().map(|(_, weight)| weight).sum();
    let sum: f64 = of_class.iter().map(|(nll, weight)| nll * weight).sum();
    Array::new(&[1], vec![if total > 0.0 { sum / total } else { 0.0 }])
}

#[test]
fn hard_pixels() {
    let some = [0.5, 2.0, 1.25, 3.0];
    for (below, at_least) in [(0.2, 0.0), (0.5, 0.25), (0.05, 0.5), (1e-6, 0.0), (0.01, 1.0)] {
        for weights in [[1.0; 4], some] {
            let hard = HardPixels { below, at_least };
            let list = ClassWeights::List(weights.iter().map(|weight| *weight as f32).collect());
            let instr = Instr::CrossEntropy(CrossEntropy { weights: list, smoothing: 0.0, hard: Some(hard) });
            Case::new(instr, vec![Array::random(&[2, 4, 3, 4], 8).map(|x| 3.0 * x)])
                .labels(labels(), &[2, 3, 4])
                .void(3)
                .check(|x, _| reference(&x[0], hard, weights));
        }
    }
}

/// Pixels that are as hard as the last of those that must be kept are kept too: no order of pixels decides.
#[test]
fn equally_hard_pixels_count_together() {
    let mut x = Array::zeros(&[1, 2, 1, 4]);
    x.data[0] = -1.0;
    let hard = HardPixels { below: 0.1, at_least: 0.5 };
    let instr = Instr::CrossEntropy(CrossEntropy {
        weights: ClassWeights::Uniform,
        smoothing: 0.0,
        hard: Some(hard),
    });
    let found = Case::new(instr, vec![x]).labels(vec![0; 4], &[1, 1, 4]).result();
    // Two are asked for: the one at e^-1 : 1, and three at 1 : 1.
    let expected = (1.0 + 1f64.exp()).ln() + 3.0 * 2f64.ln();
    close("loss", &found, &Array::new(&[1], vec![expected / 4.0]), 1e-6);
}
