//! Divergences against numerical integration, hand-computed bounds and each other.

use phg_compiler::plan::Instr;
use phg_compiler::plan::instr::{KlMethod, KlReduce};

use super::{Array, Case, close};

/// Density of a gaussian.
fn density(x: f64, mean: f64, log_variance: f64) -> f64 {
    (-(x - mean).powi(2) / (2.0 * log_variance.exp())).exp()
        / (std::f64::consts::TAU * log_variance.exp()).sqrt()
}

/// A one-dimensional mixture: log-weight, mean and log-variance of each component.
type Line = Vec<(f64, f64, f64)>;

/// The integral of `q log(q / p)` by the trapezoid rule, which is exact to machine precision here.
fn integral(q: &Line, p: &Line) -> f64 {
    let value = |of: &Line, x: f64| of.iter().map(|(w, m, v)| w.exp() * density(x, *m, *v)).sum::<f64>();
    let (low, high, steps) = (-40.0, 40.0, 400_000);
    let width = (high - low) / f64::from(steps);
    (0..=steps)
        .map(|at| {
            let x = low + width * f64::from(at);
            let (a, b) = (value(q, x), value(p, x));
            if a < 1e-300 { 0.0 } else { a * (a / b.max(1e-300)).ln() * width }
        })
        .sum()
}

/// The closed form, by one-dimensional gaussians.
fn closed(m1: f64, v1: f64, m2: f64, v2: f64) -> f64 {
    0.5 * ((v1 - v2).exp() + (m1 - m2).powi(2) / v2.exp() - 1.0 + v2 - v1)
}

#[test]
fn gaussians_agree_with_the_integral() {
    for (m1, v1, m2, v2) in
        [(0.5, 0.25, -1.0, 0.5), (0.0, 0.0, 0.0, 0.0), (1.5, -1.0, 0.0, 0.0), (-0.25, 1.0, 0.5, -0.5)]
    {
        let one = |x: f64| Array::new(&[1, 1], vec![x]);
        let expected = integral(&vec![(0.0, m1, v1)], &vec![(0.0, m2, v2)]);
        let instr = Instr::KlGaussian { standard: false, reduce: KlReduce::Sum, free_bits: 0.0 };
        let found = Case::new(instr, vec![one(m1), one(v1), one(m2), one(v2)]).result();
        assert!((found.data[0] - expected).abs() < 1e-5 * (1.0 + expected), "{} {expected}", found.data[0]);
    }
}

#[test]
fn gaussians_of_a_batch() {
    let reads = |count: u64| (0..count).map(|seed| Array::random(&[3, 4], seed)).collect::<Vec<_>>();
    for (reduce, by) in [(KlReduce::Sum, 3.0), (KlReduce::Mean, 12.0)] {
        Case::new(Instr::KlGaussian { standard: false, reduce, free_bits: 0.0 }, reads(4)).check(|x, _| {
            let sum = (0..12)
                .map(|at| closed(x[0].data[at], x[1].data[at], x[2].data[at], x[3].data[at]))
                .sum::<f64>();
            Array::new(&[1], vec![sum / by])
        });
        Case::new(Instr::KlGaussian { standard: true, reduce, free_bits: 0.0 }, reads(2)).check(|x, _| {
            let sum = (0..12).map(|at| closed(x[0].data[at], x[1].data[at], 0.0, 0.0)).sum::<f64>();
            Array::new(&[1], vec![sum / by])
        });
    }
}

/// A softmax's logarithm, so that weights sum to 1.
fn log_weights(shape: &[usize], seed: u64) -> Array {
    let mut x = Array::random(shape, seed);
    for row in x.data.chunks_mut(shape[1]) {
        let sum = row.iter().map(|x| x.exp()).sum::<f64>().ln();
        row.iter_mut().for_each(|x| *x -= sum);
    }
    x.map(|x| f64::from(x as f32))
}

fn mixtures(n: usize, k: [usize; 2], d: usize) -> Vec<Array> {
    vec![
        log_weights(&[n, k[0]], 1),
        Array::random(&[n, k[0], d], 2),
        Array::random(&[n, k[0], d], 3),
        log_weights(&[n, k[1]], 4),
        Array::random(&[n, k[1], d], 5),
        Array::random(&[n, k[1], d], 6),
    ]
}

/// KL of component `a` of `q` and `b` of `p`, for image `n`.
fn pair(x: &[Array], from: usize, to: usize, [n, a, b]: [usize; 3]) -> f64 {
    let d = x[1].shape[2];
    let place = |of: usize, k: usize, at: usize| (n * x[of].shape[1] + k) * d + at;
    (0..d)
        .map(|at| {
            closed(
                x[from + 1].data[place(from + 1, a, at)],
                x[from + 2].data[place(from + 2, a, at)],
                x[to + 1].data[place(to + 1, b, at)],
                x[to + 2].data[place(to + 2, b, at)],
            )
        })
        .sum()
}

#[test]
fn matched_mixtures() {
    let instr = Instr::KlMixture { by: KlMethod::Matched, reduce: KlReduce::Mean, free_bits: 0.0 };
    Case::new(instr, mixtures(2, [3, 3], 2)).check(|x, _| {
        let mut sum = 0.0;
        for n in 0..2 {
            for k in 0..3 {
                let (w, v) = (x[0].data[n * 3 + k], x[3].data[n * 3 + k]);
                sum += w.exp() * (w - v + pair(x, 0, 3, [n, k, k]));
            }
        }
        Array::new(&[1], vec![sum / 4.0])
    });
}

/// Hershey and Olsen 2007, equation 20.
#[test]
fn variational_mixtures() {
    let instr = Instr::KlMixture { by: KlMethod::Variational, reduce: KlReduce::Sum, free_bits: 0.0 };
    Case::new(instr, mixtures(2, [3, 2], 2)).check(|x, _| {
        let mut sum = 0.0;
        for n in 0..2 {
            for a in 0..3 {
                let over: f64 =
                    (0..3).map(|b| x[0].data[n * 3 + b].exp() * (-pair(x, 0, 0, [n, a, b])).exp()).sum();
                let under: f64 =
                    (0..2).map(|b| x[3].data[n * 2 + b].exp() * (-pair(x, 0, 3, [n, a, b])).exp()).sum();
                sum += x[0].data[n * 3 + a].exp() * (over / under).ln();
            }
        }
        Array::new(&[1], vec![sum / 2.0])
    });
}

fn lines() -> (Line, Line) {
    let q = vec![(0.25f64.ln(), -2.0, -0.5), (0.75f64.ln(), 1.0, 0.25)];
    let p = vec![(0.5f64.ln(), -1.5, 0.5), (0.5f64.ln(), 0.5, 0.75)];
    (q, p)
}

fn operands(line: &Line) -> [Array; 3] {
    let part = |f: fn(&(f64, f64, f64)) -> f64| line.iter().map(f).collect::<Vec<f64>>();
    let k = line.len();
    [
        Array::new(&[1, k], part(|x| x.0)),
        Array::new(&[1, k, 1], part(|x| x.1)),
        Array::new(&[1, k, 1], part(|x| x.2)),
    ]
}

fn divergence(by: KlMethod, q: &Line, p: &Line) -> f64 {
    let reads = operands(q).into_iter().chain(operands(p)).collect();
    Case::new(Instr::KlMixture { by, reduce: KlReduce::Sum, free_bits: 0.0 }, reads).result().data[0]
}

#[test]
fn draws_estimate_the_integral_and_matching_bounds_it() {
    let (q, p) = lines();
    let exact = integral(&q, &p);
    let drawn = divergence(KlMethod::MonteCarlo { samples: 40_000 }, &q, &p);
    assert!((drawn - exact).abs() < 0.01, "drawn {drawn}, exact {exact}");
    let matched = divergence(KlMethod::Matched, &q, &p);
    assert!(matched >= exact, "matched {matched}, exact {exact}");
}

/// With one component the approximations are the gaussians' divergence.
#[test]
fn one_component_is_a_gaussian() {
    let (q, p) = (vec![(0.0, 0.5, 0.25)], vec![(0.0, -1.0, 0.5)]);
    let exact = integral(&q, &p);
    for by in [KlMethod::Matched, KlMethod::Variational] {
        assert!((divergence(by, &q, &p) - exact).abs() < 1e-5);
    }
}

#[test]
fn equal_mixtures_do_not_diverge() {
    let (q, _) = lines();
    for by in [KlMethod::Matched, KlMethod::Variational, KlMethod::MonteCarlo { samples: 5 }] {
        assert!(divergence(by, &q, &q).abs() < 1e-6);
    }
}

/// Draws are reparameterised: gradients reach means and variances, and are those of the same draws.
#[test]
fn draws_differentiate() {
    let instr =
        Instr::KlMixture { by: KlMethod::MonteCarlo { samples: 3 }, reduce: KlReduce::Mean, free_bits: 0.0 };
    let (n, k, d, samples) = (2, 2, 3, 3);
    let mut stream =
        crate::random::Stream::new(5, crate::random::Purpose::Node, [0, crate::random::counter("node")]);
    let noise: Vec<f64> = (0..n * k * samples * d).map(|_| f64::from(stream.normal())).collect();
    Case::new(instr, mixtures(n, [k, 3], d)).check(|x, _| {
        let log_mixture = |of: usize, image: usize, at: &[f64]| {
            let count = x[of].shape[1];
            let sum: f64 = (0..count)
                .map(|c| {
                    let place = (image * count + c) * d;
                    let part: f64 = (0..d)
                        .map(|i| density(at[i], x[of + 1].data[place + i], x[of + 2].data[place + i]))
                        .product();
                    x[of].data[image * count + c].exp() * part
                })
                .sum();
            sum.ln()
        };
        let mut sum = 0.0;
        for image in 0..n {
            for c in 0..k {
                for s in 0..samples {
                    let at: Vec<f64> = (0..d)
                        .map(|i| {
                            let place = (image * k + c) * d + i;
                            let draw = noise[((image * k + c) * samples + s) * d + i];
                            x[1].data[place] + (0.5 * x[2].data[place]).exp() * draw
                        })
                        .collect();
                    let difference = log_mixture(0, image, &at) - log_mixture(3, image, &at);
                    sum += x[0].data[image * k + c].exp() * difference / samples as f64;
                }
            }
        }
        Array::new(&[1], vec![sum / (n * d) as f64])
    });
}

/// Variances at the clamp's ends and weights at zero: finite values, finite gradients.
#[test]
fn extremes_stay_finite() {
    let d = 4;
    for zero in [-90.0, -1e4, f64::NEG_INFINITY] {
        for (v1, v2) in [(-10.0, 10.0), (10.0, -10.0), (-10.0, -10.0), (10.0, 10.0)] {
            for by in [KlMethod::Matched, KlMethod::Variational, KlMethod::MonteCarlo { samples: 2 }] {
                let side = |v: f64, mean: f64, weights: [f64; 2]| {
                    vec![
                        Array::new(&[1, 2], weights.to_vec()),
                        Array::new(&[1, 2, d], vec![mean; 2 * d]),
                        Array::new(&[1, 2, d], vec![v; 2 * d]),
                    ]
                };
                let mut reads = side(v1, 3.0, [0.0, zero]);
                reads.extend(side(v2, -3.0, [zero, 0.0]));
                let case = Case::new(Instr::KlMixture { by, reduce: KlReduce::Mean, free_bits: 0.0 }, reads);
                let ran = case.execute().unwrap();
                assert!(ran.results[0].is_finite().unwrap(), "{by:?} {v1} {v2} {zero}");
                let gradients = ran.gradients(vec![1.0]).unwrap().unwrap();
                for (at, gradient) in gradients.reads.iter().enumerate() {
                    assert!(
                        gradient.as_ref().unwrap().is_finite().unwrap(),
                        "gradient {at}: {by:?} {v1} {v2} {zero}"
                    );
                }
            }
        }
    }
    let reads = vec![Array::new(&[1, 2], vec![1e3, -1e3]), Array::new(&[1, 2], vec![10.0, -10.0])];
    let y = Case::new(Instr::KlGaussian { standard: true, reduce: KlReduce::Mean, free_bits: 0.0 }, reads)
        .result();
    close("divergence", &y, &Array::new(&[1], vec![0.25 * (2e6 + 10f64.exp() + (-10f64).exp() - 2.0)]), 1e-6);
}
