//! Batch normalisation.

use phg_compiler::plan::instr::Normalise;
use phg_compiler::plan::{Instr, Mode, WeightId};

use super::{Array, Case, close};
use crate::codes;

const EPSILON: f32 = 1e-3;

fn instr() -> Instr {
    Instr::Normalise(Normalise {
        scale: WeightId(0),
        offset: WeightId(1),
        mean: WeightId(2),
        variance: WeightId(3),
        epsilon: EPSILON,
        momentum: 0.25,
    })
}

fn weights(channels: usize) -> Vec<Array> {
    vec![
        Array::random(&[channels], 2),
        Array::random(&[channels], 3),
        Array::random(&[channels], 4),
        Array::random(&[channels], 5).map(|x| x.abs() + 0.5),
    ]
}

/// Mean, biased variance and count of each channel (axis 1).
fn moments(x: &Array) -> Vec<(f64, f64, f64)> {
    let (channels, inner) = (x.shape[1], x.shape[2..].iter().product::<usize>());
    (0..channels)
        .map(|c| {
            let own: Vec<f64> = x
                .data
                .iter()
                .enumerate()
                .filter(|(at, _)| at / inner % channels == c)
                .map(|(_, x)| *x)
                .collect();
            let count = own.len() as f64;
            let mean = own.iter().sum::<f64>() / count;
            (mean, own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count, count)
        })
        .collect()
}

fn by(x: &Array, scale: &Array, offset: &Array, moments: &[(f64, f64)]) -> Array {
    let (channels, inner) = (x.shape[1], x.shape[2..].iter().product::<usize>());
    let mut y = x.clone();
    for (at, value) in y.data.iter_mut().enumerate() {
        let c = at / inner % channels;
        let (mean, variance) = moments[c];
        *value = (*value - mean) / (variance + f64::from(EPSILON)).sqrt() * scale.data[c] + offset.data[c];
    }
    y
}

#[test]
fn training_uses_the_batch() {
    for shape in [vec![2, 3, 5, 3], vec![1, 2, 3, 7], vec![4, 3], vec![2, 3, 5]] {
        Case::new(instr(), vec![Array::random(&shape, 1)]).weights(weights(shape[1])).check(|x, weights| {
            let moments: Vec<_> =
                moments(&x[0]).into_iter().map(|(mean, variance, _)| (mean, variance)).collect();
            by(&x[0], &weights[0], &weights[1], &moments)
        });
    }
}

#[test]
fn evaluation_uses_the_running_statistics() {
    for mode in [Mode::Eval, Mode::Infer] {
        let weights = weights(3);
        let x = Array::random(&[1, 3, 2, 3], 1);
        let moments: Vec<_> = weights[2].data.iter().copied().zip(weights[3].data.iter().copied()).collect();
        let expected = by(&x, &weights[0], &weights[1], &moments);
        let case = Case::new(instr(), vec![x]).weights(weights).mode(mode);
        close("result", &case.result(), &expected, 1e-6);
        assert!(case.execute().unwrap().statistics.is_empty());
    }
}

/// `running = (1 - m) * running + m * batch`, the variance unbiased (PyTorch's documentation of BatchNorm2d).
#[test]
fn training_moves_the_running_statistics() {
    let x = Array::random(&[2, 3, 5, 3], 1);
    let weights = weights(3);
    let ran = Case::new(instr(), vec![x.clone()]).weights(weights.clone()).execute().unwrap();
    let moments = moments(&x);
    for (at, (id, found)) in ran.statistics.iter().enumerate() {
        assert_eq!(*id, WeightId(at as u32 + 2));
        let expected = (0..3).map(|c| {
            let (mean, variance, count) = moments[c];
            let new = if at == 0 { mean } else { variance * count / (count - 1.0) };
            0.75 * weights[at + 2].data[c] + 0.25 * new
        });
        let found = found.try_to_vec_as::<f32>().unwrap().into_iter().map(f64::from).collect();
        close("statistics", &Array::new(&[3], found), &Array::new(&[3], expected.collect()), 1e-6);
        assert!(!ran.statistics[at].1.is_tracked());
    }
    assert_eq!(ran.statistics.len(), 2);
}

/// A layer that is played again: the batch's statistics, and none that move.
#[test]
fn without_momentum_no_statistics_move() {
    let Instr::Normalise(normalise) = instr() else { panic!("a norm") };
    let still = Instr::Normalise(Normalise { momentum: 0.0, ..normalise });
    let case = |instr| Case::new(instr, vec![Array::random(&[2, 3, 5, 3], 1)]).weights(weights(3));
    assert_eq!(case(still.clone()).result().data, case(instr()).result().data);
    assert!(case(still).execute().unwrap().statistics.is_empty());
}

#[test]
fn one_value_a_channel_is_an_error() {
    let case = Case::new(instr(), vec![Array::random(&[1, 2, 1, 1], 1)]).weights(weights(2));
    let error = case.execute().err().unwrap();
    assert_eq!((error.code, error.place.as_deref()), (codes::TRAIN_BATCH, Some("node")));
    assert_eq!(case.mode(Mode::Eval).result().shape, [1, 2, 1, 1]);
}
