//! Updates against sequences computed by a Python script from the formulas in PyTorch's documentation.

use burn::tensor::Device;
use phg_compiler::plan::{Init, Mode};
use phg_compiler::settings::Optimizer as Rule;

use super::*;
use crate::exec::network::Builder;

const START: [f32; 4] = [1.0, -2.0, 0.5, 0.0];
const GRADIENTS: [[f32; 4]; 4] =
    [[0.5, -1.0, 0.25, 0.0], [0.25, 2.0, -0.125, 1.0], [-1.0, 0.5, 0.0, 0.5], [0.125, -0.25, 3.0, -2.0]];
const RATES: [f64; 4] = [0.1, 0.1, 0.05, 0.025];

fn bank() -> Bank {
    let mut builder = Builder::new(Mode::Train);
    builder.weight("a.first", vec![2, 2], Init::Constant(0.0), true);
    builder.weight("untouched", vec![3], Init::Constant(0.5), true);
    let stored = HostTensors::from([
        ("a.first".to_string(), HostTensor { shape: vec![2, 2], data: START.to_vec() }),
        ("untouched".to_string(), HostTensor { shape: vec![3], data: vec![0.5; 3] }),
    ]);
    Bank::load(&builder.plan, &stored, &Device::flex()).unwrap()
}

fn gradient(values: [f32; 4]) -> Gradients {
    let value = Value::float(values.to_vec(), &[2, 2], &Device::flex()).unwrap();
    Gradients::from([("a.first".to_string(), value)])
}

fn check(rule: Rule, expected: [[f32; 4]; 4]) {
    let (mut bank, mut optimizer) = (bank(), Optimizer::new(rule));
    for ((values, rate), expected) in GRADIENTS.into_iter().zip(RATES).zip(expected) {
        // Through the stored state each time: nothing is kept beside it.
        let stored = optimizer.store().unwrap();
        optimizer = Optimizer::load(rule, &bank, &stored).unwrap();
        optimizer.step(&mut bank, gradient(values), rate).unwrap();
        let found = bank.get("a.first").unwrap().to_host().unwrap();
        for (found, expected) in found.data.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-6, "{rule:?}: {found} {expected}");
        }
    }
    assert_eq!(optimizer.steps(), 4);
    assert_eq!(bank.get("untouched").unwrap().to_host().unwrap().data, [0.5; 3]);
}

fn adam(decay: f32) -> Rule {
    Rule::Adam { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, decay }
}

#[test]
fn adam_moves_as_published() {
    check(
        adam(0.0),
        [
            [0.9002, -1.9001, 0.400398, 0.0],
            [0.807091, -1.936638, 0.373863, -0.074141],
            [0.817366, -1.957418, 0.363595, -0.114056],
            [0.819985, -1.964316, 0.348847, -0.10939],
        ],
    );
}

#[test]
fn adam_adds_decay_to_the_gradient() {
    check(
        adam(0.1),
        [
            [0.900166, -1.900083, 0.400332, 0.0],
            [0.80526, -1.925063, 0.356267, -0.074141],
            [0.808792, -1.939124, 0.335702, -0.113963],
            [0.807658, -1.941887, 0.320495, -0.1092],
        ],
    );
}

#[test]
fn adamw_decays_the_parameter() {
    check(
        Rule::AdamW { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, decay: 0.1 },
        [
            [0.8902, -1.8801, 0.395398, 0.0],
            [0.788189, -1.897837, 0.364909, -0.074141],
            [0.794524, -1.909128, 0.352817, -0.113685],
            [0.795156, -1.911253, 0.337187, -0.108735],
        ],
    );
}

#[test]
fn sgd_without_and_with_momentum() {
    check(
        Rule::Sgd { rate: 0.1, momentum: 0.0, nesterov: false, decay: 0.0 },
        [
            [0.95, -1.9, 0.475, 0.0],
            [0.925, -2.1, 0.4875, -0.1],
            [0.975, -2.125, 0.4875, -0.125],
            [0.971875, -2.11875, 0.4125, -0.075],
        ],
    );
    check(
        Rule::Sgd { rate: 0.1, momentum: 0.9, nesterov: false, decay: 0.1 },
        [
            [0.94, -1.88, 0.47, 0.0],
            [0.8516, -1.9532, 0.4508, -0.1],
            [0.857562, -2.001374, 0.439906, -0.1695],
            [0.854976, -2.011799, 0.358904, -0.150351],
        ],
    );
    check(
        Rule::Sgd { rate: 0.1, momentum: 0.9, nesterov: true, decay: 0.1 },
        [
            [0.886, -1.772, 0.443, 0.0],
            [0.773066, -2.021132, 0.434033, -0.19],
            [0.825139, -2.079515, 0.422243, -0.276195],
            [0.817954, -2.077332, 0.273408, -0.207848],
        ],
    );
}

#[test]
fn the_global_norm_is_over_all_tensors() {
    let one = |data: Vec<f32>| Value::float(data.clone(), &[data.len()], &Device::flex()).unwrap();
    let mut gradients =
        Gradients::from([("a".to_string(), one(vec![3.0, 0.0])), ("b".to_string(), one(vec![-4.0]))]);
    assert_eq!(global_norm(&gradients).unwrap(), 5.0);
    scale(&mut gradients, 0.5).unwrap();
    assert_eq!(gradients["b"].to_host().unwrap().data, [-2.0]);
    gradients.insert("c".into(), one(vec![f32::NAN]));
    assert!(global_norm(&gradients).unwrap().is_nan());
}

#[test]
fn averages_follow_parameters() {
    let mut bank = bank();
    let mut ema = Ema::new(0.75, &bank).unwrap();
    let mut optimizer = Optimizer::new(Rule::Sgd { rate: 1.0, momentum: 0.0, nesterov: false, decay: 0.0 });
    for _ in 0..2 {
        optimizer.step(&mut bank, gradient([1.0, 0.0, 0.0, 0.0]), 1.0).unwrap();
        ema.update(&bank).unwrap();
    }
    // 1 -> 0 -> -1: 0.75 * (0.75 * 1 + 0.25 * 0) + 0.25 * -1.
    let averaged = ema.averaged(&bank).unwrap();
    assert_eq!(averaged.get("a.first").unwrap().to_host().unwrap().data, [0.3125, -2.0, 0.5, 0.0]);
    assert_eq!(bank.get("a.first").unwrap().to_host().unwrap().data[0], -1.0);
    let stored = ema.store().unwrap();
    assert_eq!(Ema::load(0.75, &bank, &stored).unwrap().store().unwrap(), stored);
}

#[test]
fn a_strange_state_is_refused() {
    let (mut bank, mut optimizer) = (bank(), Optimizer::new(adam(0.0)));
    optimizer.step(&mut bank, gradient([1.0; 4]), 0.1).unwrap();
    let stored = optimizer.store().unwrap();
    let code = |change: &dyn Fn(&mut HostTensors)| {
        let mut stored = stored.clone();
        change(&mut stored);
        Optimizer::load(adam(0.0), &bank, &stored).err().map(|error| error.code)
    };
    assert_eq!(code(&|_| {}), None);
    assert_eq!(code(&|s| drop(s.remove("steps"))), Some(codes::WEIGHTS_MISSING));
    assert_eq!(code(&|s| drop(s.remove("a.first.second_moment"))), Some(codes::WEIGHTS_MISSING));
    let one = HostTensor { shape: vec![1], data: vec![1.0] };
    assert_eq!(
        code(&|s| drop(s.insert("b.first_moment".into(), one.clone()))),
        Some(codes::WEIGHTS_UNEXPECTED)
    );
    assert_eq!(
        code(&|s| drop(s.insert("a.first.velocity".into(), one.clone()))),
        Some(codes::WEIGHTS_UNEXPECTED)
    );
    assert_eq!(
        code(&|s| drop(s.insert("a.first.first_moment".into(), one.clone()))),
        Some(codes::WEIGHTS_SHAPE)
    );
    let sgd = Rule::Sgd { rate: 0.1, momentum: 0.9, nesterov: false, decay: 0.0 };
    assert!(Optimizer::load(sgd, &bank, &stored).is_err());
}

/// Counts above 2^24 come back exactly, although state is stored as floats.
#[test]
fn large_step_counts_survive() {
    let mut optimizer = Optimizer::new(adam(0.0));
    for steps in [0, 1, (1 << 24) + 1, (1 << 40) + 12345] {
        optimizer.steps = steps;
        let loaded = Optimizer::load(adam(0.0), &bank(), &optimizer.store().unwrap()).unwrap();
        assert_eq!(loaded.steps(), steps);
    }
}

/// PyTorch's parameter groups: a rate of its own is the rate times a factor.
#[test]
fn a_parameter_may_have_a_rate_of_its_own() {
    let rule = Rule::AdamW { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, decay: 0.1 };
    let moved = |rates: BTreeMap<String, f64>, rate: f64| {
        let mut bank = bank();
        let mut optimizer = Optimizer::new(rule).with_rates(rates);
        optimizer.step(&mut bank, gradient(GRADIENTS[0]), rate).unwrap();
        bank.get("a.first").unwrap().to_host().unwrap().data
    };
    let own = BTreeMap::from([("a.first".to_string(), 0.25)]);
    assert_eq!(moved(own.clone(), 0.1), moved(BTreeMap::new(), 0.025));
    assert_ne!(moved(own, 0.1), moved(BTreeMap::new(), 0.1));
    let other = BTreeMap::from([("untouched".to_string(), 0.25)]);
    assert_eq!(moved(other, 0.1), moved(BTreeMap::new(), 0.1));
}
