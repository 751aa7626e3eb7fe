//! Training steps on a small network: it learns, repeats bit for bit, resumes, accumulates, and stops at NaN.

use burn::tensor::Device;
use phg_compiler::plan::Mode;
use phg_compiler::settings;

use super::*;
use crate::exec::network::{batch, unet};

const ADAM: settings::Optimizer =
    settings::Optimizer::Adam { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 };

struct Fixture {
    executor: Executor,
    bank: Bank,
    optimizer: Optimizer,
    ema: Option<Ema>,
}

impl Fixture {
    fn new(seed: u64) -> Self {
        let device = Device::flex();
        let executor = Executor::new(unet(Mode::Train), &device);
        let bank = Bank::init(executor.plan(), seed, &device).unwrap();
        Self { executor, bank, optimizer: Optimizer::new(ADAM), ema: None }
    }

    fn try_step(&mut self, batches: &[Bindings], clip: Option<f32>) -> Result<StepReport> {
        let mut trainer = Trainer {
            executor: &self.executor,
            bank: &mut self.bank,
            optimizer: &mut self.optimizer,
            ema: self.ema.as_mut(),
            clip,
        };
        trainer.step(batches, 0.01)
    }

    fn steps(&mut self, range: std::ops::Range<u64>) -> Vec<f64> {
        range.map(|at| self.try_step(&[batch(at, 2, 24, 31)], Some(5.0)).unwrap().loss).collect()
    }
}

#[test]
fn it_learns() {
    let mut fixture = Fixture::new(1);
    let losses = fixture.steps(0..50);
    let first = losses[..3].iter().sum::<f64>() / 3.0;
    let last = losses[40..].iter().sum::<f64>() / 10.0;
    assert!(last < 0.35 * first, "{losses:?}");
}

#[test]
fn a_run_repeats_bit_for_bit() {
    let run = |seed| {
        let mut fixture = Fixture::new(seed);
        let losses: Vec<u64> = fixture.steps(0..6).into_iter().map(f64::to_bits).collect();
        (losses, fixture.bank.store().unwrap())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).0, run(4).0);
}

/// N + M steps straight are N steps, a stop, and M steps from what was stored.
#[test]
fn a_run_resumes_bit_for_bit() {
    let mut straight = Fixture::new(5);
    straight.ema = Some(Ema::new(0.9, &straight.bank).unwrap());
    straight.steps(0..7);

    let mut first = Fixture::new(5);
    first.ema = Some(Ema::new(0.9, &first.bank).unwrap());
    first.steps(0..4);
    let (bank, state) = (first.bank.store().unwrap(), first.optimizer.store().unwrap());
    let averages = first.ema.unwrap().store().unwrap();

    let mut resumed = Fixture::new(6);
    let device = Device::flex();
    resumed.bank = Bank::load(resumed.executor.plan(), &bank, &device).unwrap();
    resumed.optimizer = Optimizer::load(ADAM, &resumed.bank, &state).unwrap();
    resumed.ema = Some(Ema::load(0.9, &resumed.bank, &averages).unwrap());
    resumed.steps(4..7);
    assert_eq!(resumed.optimizer.steps(), 7);
    assert_eq!(resumed.bank.store().unwrap(), straight.bank.store().unwrap());
    assert_eq!(resumed.optimizer.store().unwrap(), straight.optimizer.store().unwrap());
    assert_eq!(resumed.ema.unwrap().store().unwrap(), straight.ema.unwrap().store().unwrap());
}

/// Two equal micro-batches are one: the same loss and gradient, twice the movement of running statistics.
#[test]
fn equal_micro_batches_are_one_batch() {
    let (mut one, mut two) = (Fixture::new(1), Fixture::new(1));
    let batch = batch(0, 2, 12, 12);
    let a = one.try_step(std::slice::from_ref(&batch), None).unwrap();
    let b = two.try_step(&[batch.clone(), batch], None).unwrap();
    assert_eq!(a.terms, b.terms);
    assert!((a.gradient_norm - b.gradient_norm).abs() < 1e-6 * a.gradient_norm);
    let (a, b) = (one.bank.store().unwrap(), two.bank.store().unwrap());
    let gap =
        |name: &str| a[name].data.iter().zip(&b[name].data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(gap("output.weight") < 1e-5);
    // From 0: 0.1 * mean after one batch, 0.19 * mean after two.
    let mean = "encoder.top.norm.mean";
    for (a, b) in a[mean].data.iter().zip(&b[mean].data) {
        assert!((b - 1.9 * a).abs() < 1e-5);
    }
}

/// Clipping scales the whole gradient: with plain SGD the movement has the norm `rate * limit`.
#[test]
fn clipping_limits_the_global_norm() {
    let mut fixture = Fixture::new(1);
    let sgd = settings::Optimizer::Sgd { rate: 0.01, momentum: 0.0, nesterov: false, decay: 0.0 };
    fixture.optimizer = Optimizer::new(sgd);
    let before = fixture.bank.store().unwrap();
    let report = fixture.try_step(&[batch(0, 2, 12, 12)], Some(0.125)).unwrap();
    assert!(report.gradient_norm > 0.125);
    let after = fixture.bank.store().unwrap();
    let names: Vec<&str> = fixture.bank.trainable().collect();
    let moved: f64 = names
        .iter()
        .flat_map(|name| before[*name].data.iter().zip(&after[*name].data))
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum();
    assert!((moved.sqrt() - 0.01 * 0.125).abs() < 2e-6, "{}", moved.sqrt());
}

/// A loss that is no number names the node, and leaves everything as it was.
#[test]
fn a_bad_loss_stops_the_step() {
    let mut fixture = Fixture::new(1);
    fixture.steps(0..1);
    let mut values = fixture.bank.store().unwrap();
    values.get_mut("decoder.unit.conv.weight").unwrap().data.fill(f32::MAX);
    let device = Device::flex();
    fixture.bank = Bank::load(fixture.executor.plan(), &values, &device).unwrap();
    let state = fixture.optimizer.store().unwrap();
    let error = fixture.try_step(&[batch(1, 2, 12, 12)], None).unwrap_err();
    assert_eq!((error.code, error.place.as_deref()), (codes::TRAIN_NOT_FINITE, Some("decoder.unit.conv")));
    assert_eq!(fixture.bank.store().unwrap(), values);
    assert_eq!(fixture.optimizer.store().unwrap(), state);
}
