//! Divergences against values that were computed elsewhere: PyTorch 2.15 (`torch.distributions`, autograd) and SciPy
//! 1.17 (`integrate.quad`, `logsumexp`), all in double precision; and the inequalities that must hold.

use phg_compiler::plan::Instr;
use phg_compiler::plan::instr::{KlMethod, KlReduce};

use super::{Array, Case, close, to_array};

fn mixture(by: KlMethod, reads: Vec<Array>) -> Case {
    Case::new(Instr::KlMixture { by, reduce: KlReduce::Sum, free_bits: 0.0 }, reads)
}

fn value(by: KlMethod, reads: &[Array]) -> f64 {
    mixture(by, reads.to_vec()).result().data[0]
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-2), "{found}, not {expected}");
}

#[test]
fn gaussians_are_those_of_pytorch() {
    let row = |data: [f64; 4]| Array::new(&[1, 4], data.to_vec());
    let reads = vec![
        row([0.5, -1.25, 2.0, 0.0]),
        row([0.25, -1.5, 1.0, 0.0]),
        row([-0.75, 0.5, 1.5, 3.0]),
        row([1.0, 0.5, -0.75, -0.25]),
    ];
    let kl = |standard, reads: &[Array]| {
        let instr = Instr::KlGaussian { standard, reduce: KlReduce::Sum, free_bits: 0.0 };
        Case::new(instr, reads.to_vec()).result().data[0]
    };
    near(kl(false, &reads), 9.457_060_227_607_13, 1e-6);
    near(kl(true, &reads[..2]), 3.643_968_702_647_608_6, 1e-6);
}

/// Weights, means, log-variances of gaussians on a line.
fn line(weights: &[f64], means: &[f64], log_variances: &[f64]) -> Vec<Array> {
    let k = weights.len();
    vec![
        Array::new(&[1, k], weights.iter().map(|w| w.ln()).collect()),
        Array::new(&[1, k, 1], means.to_vec()),
        Array::new(&[1, k, 1], log_variances.to_vec()),
    ]
}

/// Draws come as close to the integral as their number allows, whatever the number of components.
#[test]
fn draws_converge_to_the_integral() {
    let q = || line(&[0.2, 0.5, 0.3], &[-3.0, 0.0, 2.5], &[-0.5, 0.0, 0.75]);
    let p = line(&[0.4, 0.35, 0.25], &[-2.0, 0.5, 2.0], &[0.5, -0.25, 1.0]);
    let four = line(&[0.1, 0.2, 0.3, 0.4], &[-4.0, -1.0, 1.0, 4.0], &[0.0, 0.5, -0.5, 0.25]);
    let to = |p: Vec<Array>| [q(), p].concat();
    for (reads, exact) in [
        (to(p.clone()), 0.035_158_145_171_135_476),
        (to(four.clone()), 0.223_658_011_847_905_54),
        ([p.clone(), q()].concat(), 0.037_581_546_877_341_1),
    ] {
        // The spread of one draw is below 1 here: that of the mean of 3 n draws below 1 / sqrt(3 n).
        for samples in [300, 30_000] {
            let drawn = value(KlMethod::MonteCarlo { samples }, &reads);
            let allowed = 3.0 / (3.0 * samples as f64).sqrt();
            assert!((drawn - exact).abs() < allowed, "{samples} draws: {drawn}, not {exact}");
        }
    }
    near(value(KlMethod::Matched, &to(p.clone())), 0.298_719_052_203_530_2, 1e-5);
    near(value(KlMethod::Variational, &to(p.clone())), 0.081_747_241_739_367_29, 1e-5);
    near(value(KlMethod::Variational, &to(four)), 0.673_124_632_063_959_9, 1e-5);
    near(value(KlMethod::Matched, &[p, q()].concat()), 0.648_047_641_375_388_2, 1e-5);
}

/// Mixtures of `k` components over `d` dimensions by formulas that any language evaluates.
fn waves(k: usize, d: usize) -> Vec<Array> {
    let rows = |f: &dyn Fn(f64) -> f64| {
        let logits: Vec<f64> = (0..k).map(|at| f(at as f64)).collect();
        let sum = logits.iter().map(|x| x.exp()).sum::<f64>().ln();
        Array::new(&[1, k], logits.iter().map(|x| x - sum).collect())
    };
    let each = |f: &dyn Fn(f64, f64) -> f64| {
        Array::new(&[1, k, d], (0..k * d).map(|at| f((at / d) as f64, (at % d) as f64)).collect())
    };
    vec![
        rows(&f64::sin),
        each(&|k, j| (0.7 * k + 0.3 * j).sin()),
        each(&|k, j| 0.5 * (k + 0.2 * j).cos()),
        rows(&|k| (2.0 * k).cos()),
        each(&|k, j| (0.5 * k + 0.3 * j).cos()),
        each(&|k, j| 0.5 * (0.4 * k - 0.1 * j).sin()),
    ]
}

/// Any number of components, any size; one component is a gaussian; no approximation is above the bound.
#[test]
fn any_number_of_components_and_dimensions() {
    for (k, d, matched, variational) in [
        (1, 1, 0.574_360_635_350_064_1, 0.574_360_635_350_064_1),
        (2, 3, 1.008_862_176_118_793, 0.211_952_766_721_899_5),
        (12, 64, 16.185_086_983_792_59, 4.968_204_224_980_599),
        (20, 256, 90.502_680_153_307_54, 18.060_153_677_082_194),
    ] {
        let reads = waves(k, d);
        near(value(KlMethod::Matched, &reads), matched, 1e-5);
        near(value(KlMethod::Variational, &reads), variational, 1e-5);
        let drawn = value(KlMethod::MonteCarlo { samples: 64 }, &reads);
        assert!(k == 1 || drawn < matched, "{k} of {d}: drawn {drawn}, bound {matched}");
        let same = [&reads[..3], &reads[..3]].concat();
        for by in [KlMethod::Matched, KlMethod::Variational, KlMethod::MonteCarlo { samples: 2 }] {
            assert!(value(by, &same).abs() < 1e-5 * d as f64, "{by:?}");
        }
    }
}

/// `variational` is no bound of anything: of a mixture that splits one gaussian in equal halves it says less than 0.
#[test]
fn variational_goes_below_zero() {
    let one = line(&[0.5, 0.5], &[0.0, 0.0], &[0.0, 0.0]);
    let apart = line(&[0.5, 0.5], &[-0.5, 0.5], &[0.0, 0.0]);
    let exact_is_positive =
        value(KlMethod::MonteCarlo { samples: 40_000 }, &[apart.clone(), one.clone()].concat());
    assert!(exact_is_positive > 0.0, "{exact_is_positive}");
    let found = value(KlMethod::Variational, &[apart, one].concat());
    assert!(found < 0.0, "{found}");
}

/// Log-variances at both ends of the clamp, logits of -200: values and gradients, not merely finite ones.
#[test]
fn the_ends_of_the_clamp() {
    let reads = vec![
        Array::new(
            &[1, 3],
            vec![-0.048_587_351_573_741_965, -200.048_587_351_573_73, -3.048_587_351_573_742],
        ),
        Array::new(&[1, 3, 2], vec![0.5, -0.5, 1.0, 2.0, -1.0, 0.25]),
        Array::new(&[1, 3, 2], vec![-10.0, 10.0, 10.0, -10.0, -10.0, -10.0]),
        Array::new(
            &[1, 3],
            vec![-200.313_261_687_518_24, -0.313_261_687_518_222_86, -1.313_261_687_518_222_8],
        ),
        Array::new(&[1, 3, 2], vec![0.0, 1.0, -0.5, 0.5, 2.0, -2.0]),
        Array::new(&[1, 3, 2], vec![10.0, 10.0, -10.0, 10.0, 10.0, -10.0]),
    ];
    let matched = [
        vec![200.769_03, 0.0, 2_644.621_13],
        vec![2.162_339_92e-5, -6.487_019_77e-5, 0.0, 0.0, -6.459_393_93e-6, 2_350.404_84],
        vec![-0.476_287_062, 0.0, 0.0, 0.0, -0.023_712_936_5, 0.0],
        vec![-0.952_574_127, 0.0, -0.047_425_873_2],
        vec![-2.162_339_92e-5, 6.487_019_77e-5, 0.0, 0.0, 6.459_393_93e-6, -2_350.404_84],
        vec![0.476_281_657, -4.865_264_83e-5, 0.0, 0.0, 0.023_703_247_4, -2_644.205_45],
    ];
    let variational = [
        vec![200.769_03, 0.0, 10.303_968_6],
        vec![2.162_339_92e-5, -6.487_019_77e-5, 0.0, 0.0, -2.153_131_31e-6, -1.614_848_48e-6],
        vec![-0.476_287_062, 0.0, 0.0, 0.0, -0.023_712_936_5, -0.023_712_936_5],
        vec![-1.0, 0.0, 0.0],
        vec![-1.947_026_79e-5, 6.648_504_62e-5, 0.0, 0.0, 0.0, 0.0],
        vec![0.499_993_517, 0.023_663_678_3, 0.0, 0.0, 0.0, 0.0],
    ];
    for (by, expected, gradients) in [
        (KlMethod::Matched, 2_844.390_156_705_689, matched),
        (KlMethod::Variational, 210.072_998_253_310_03, variational),
    ] {
        let ran = mixture(by, reads.clone()).execute().unwrap();
        near(to_array(&ran.results[0]).data[0], expected, 1e-5);
        let found = ran.gradients(vec![1.0]).unwrap().unwrap();
        for (at, expected) in gradients.into_iter().enumerate() {
            let found = to_array(found.reads[at].as_ref().unwrap());
            close(&format!("{by:?}, gradient {at}"), &found, &Array::new(&reads[at].shape, expected), 2e-5);
        }
    }
}

/// Draws at the ends of the clamp, where densities underflow: close to the bound's order, and with gradients.
#[test]
fn draws_survive_the_ends_of_the_clamp() {
    let d = 256;
    let side = |v: f64, mean: f64, logits: [f64; 2]| {
        vec![
            Array::new(&[1, 2], logits.to_vec()),
            Array::new(&[1, 2, d], vec![mean; 2 * d]),
            Array::new(&[1, 2, d], vec![v; 2 * d]),
        ]
    };
    for (v, w) in [(-10.0, 10.0), (10.0, -10.0)] {
        let reads = [side(v, 1.0, [0.0, -200.0]), side(w, -1.0, [-200.0, 0.0])].concat();
        for by in [KlMethod::Matched, KlMethod::Variational, KlMethod::MonteCarlo { samples: 4 }] {
            let ran = mixture(by, reads.clone()).execute().unwrap();
            let found = to_array(&ran.results[0]).data[0];
            assert!(found.is_finite() && found > 0.0, "{by:?}: {found}");
            let gradients = ran.gradients(vec![1.0]).unwrap().unwrap();
            for gradient in gradients.reads.iter().flatten() {
                assert!(gradient.is_finite().unwrap(), "{by:?}");
            }
        }
    }
}

/// Two images, three dimensions, whose means over the batch are 0.6365, 0.0002 and 0.3152: the second counts 0.1.
#[test]
fn free_bits_of_gaussians() {
    let instr = Instr::KlGaussian { standard: true, reduce: KlReduce::Sum, free_bits: 0.1 };
    let case = Case::new(
        instr,
        vec![
            Array::new(&[2, 3], vec![0.5, 0.01, -1.0, 1.5, -0.02, 0.25]),
            Array::new(&[2, 3], vec![0.1, 0.02, -0.5, -0.3, 0.0, 0.4]),
        ],
    );
    near(case.result().data[0], 1.051_711_124_027_817_2, 1e-6);
    let gradients = case.execute().unwrap().gradients(vec![1.0]).unwrap().unwrap();
    for gradient in gradients.reads.iter().flatten() {
        let gradient = to_array(gradient).data;
        assert!(gradient[1] == 0.0 && gradient[4] == 0.0, "below the floor nothing presses: {gradient:?}");
        assert!(gradient[0] != 0.0 && gradient[3] != 0.0, "{gradient:?}");
    }
    case.check(|x, _| {
        let each = |n: usize, j: usize| {
            let (m, v) = (x[0].data[n * 3 + j], x[1].data[n * 3 + j]);
            0.5 * (v.exp() + m * m - v - 1.0)
        };
        Array::new(&[1], vec![(0..3).map(|j| (0.5 * (each(0, j) + each(1, j))).max(0.1)).sum()])
    });
}

/// A dimension's divergence is the weighted sum over components; that of the weights comes on top.
#[test]
fn free_bits_of_mixtures() {
    let (k, d) = (3, 4);
    // Means of p close to those of q in half of the dimensions.
    let mut reads = waves(k, d);
    for at in 0..k * d {
        if at % d < 2 {
            reads[4].data[at] = reads[1].data[at] + 0.05;
            reads[5].data[at] = reads[2].data[at] - 0.1;
        }
    }
    let reads: Vec<Array> = reads.into_iter().map(|x| x.map(|x| f64::from(x as f32))).collect();
    let instr = Instr::KlMixture { by: KlMethod::Matched, reduce: KlReduce::Mean, free_bits: 0.2 };
    Case::new(instr, reads.clone()).check(|x, _| {
        let (q, p) = (&x[0].data, &x[3].data);
        let weights: f64 = (0..k).map(|c| q[c].exp() * (q[c] - p[c])).sum();
        let dimension = |j: usize| -> f64 {
            let each = |c: usize| {
                let [m1, v1, m2, v2] = [1, 2, 4, 5].map(|of| x[of].data[c * d + j]);
                q[c].exp() * 0.5 * ((v1 - v2).exp() + (m1 - m2).powi(2) / v2.exp() - 1.0 + v2 - v1)
            };
            (0..k).map(each).sum()
        };
        Array::new(&[1], vec![((0..d).map(|j| dimension(j).max(0.2)).sum::<f64>() + weights) / d as f64])
    });
    let free = Instr::KlMixture { by: KlMethod::Matched, reduce: KlReduce::Mean, free_bits: 0.2 };
    let gradients = Case::new(free, reads).execute().unwrap().gradients(vec![1.0]).unwrap().unwrap();
    for (at, gradient) in to_array(gradients.reads[1].as_ref().unwrap()).data.into_iter().enumerate() {
        assert_eq!(gradient == 0.0, at % d < 2, "mean {at}: {gradient}");
    }
}
