//! Mixed precision: what is cast and what is not, parity with 32-bit floats within rounding, and that it learns.

use burn::tensor::{Device, Tensor};
use phg_compiler::plan::Mode;
use phg_compiler::settings;

use super::*;
use crate::bank::Bank;
use crate::exec::Executor;
use crate::exec::network::{batch, unet};
use crate::native;
use crate::optim::Optimizer;
use crate::train::step::{Trainer, backward};

const ADAM: settings::Optimizer =
    settings::Optimizer::Adam { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 };

fn executor(mode: Mode, precision: Precision) -> Executor {
    Executor::new(unet(mode), &Device::flex()).with_precision(precision)
}

#[test]
fn names_are_read_and_printed() {
    for (text, precision) in [("f32", Precision::F32), ("bf16", Precision::Bf16)] {
        assert_eq!(text.parse::<Precision>().unwrap(), precision);
        assert_eq!(precision.to_string(), text);
        assert_eq!(serde_json::to_value(precision).unwrap(), text);
    }
    assert_eq!("f16".parse::<Precision>().unwrap_err().code, codes::DEVICE_PRECISION);
}

fn is_bf16<const D: usize>(tensor: &Tensor<D>) -> bool {
    FloatDType::from(tensor.dtype()) == FloatDType::BF16
}

/// Losses, statistics, gradients and predictions are 32-bit floats; what is kept in between is not.
#[test]
fn what_leaves_a_run_is_not_rounded() {
    let executor = executor(Mode::Train, Precision::Bf16);
    let bank = Bank::init(executor.plan(), 1, &Device::flex()).unwrap();
    let (_, gradients) = backward(&executor, &bank, &batch(0, 2, 13, 10)).unwrap();
    let outputs = executor.run(&bank, &batch(0, 2, 13, 10)).unwrap();
    assert!(outputs.losses.iter().chain(&outputs.reports).all(|(_, loss)| !is_bf16(loss)));
    assert!(outputs.statistics.iter().all(|(_, value)| !is_bf16(value)));
    assert!(outputs.predictions.iter().all(|(_, value)| !is_bf16(value)));
    assert_eq!(gradients.len(), bank.trainable().count());
    assert!(gradients.values().all(|value| value.float_type() == Some(FloatDType::F32)));
    // Eight bits of mantissa are seen in the prediction: it comes from a convolution.
    let values = outputs.predictions[0].1.try_to_vec_as::<f32>().unwrap();
    assert!(values.iter().all(|value| value.to_bits() & 0xffff == 0));
}

/// The same network, the same batch: differences are those of eight bits of mantissa, with the project's kernels
/// and with Burn's operations in bfloat16, which is what other devices get.
#[test]
fn a_step_agrees_with_32_bits_within_rounding() {
    let measure = |precision| {
        let executor = executor(Mode::Train, precision);
        let bank = Bank::init(executor.plan(), 1, &Device::flex()).unwrap();
        let (outputs, gradients) = backward(&executor, &bank, &batch(0, 2, 21, 30)).unwrap();
        let loss = outputs.losses[0].1.clone().inner().try_into_scalar::<f32>().unwrap();
        let gradients: Vec<f64> =
            gradients.values().flat_map(|value| value.to_host().unwrap().data).map(f64::from).collect();
        (f64::from(loss), gradients)
    };
    let (loss, gradients) = measure(Precision::F32);
    let length = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
    for (half_loss, half) in [measure(Precision::Bf16), native::without(|| measure(Precision::Bf16))] {
        assert!((half_loss - loss).abs() < 0.02 * loss, "{half_loss} {loss}");
        assert_ne!(half_loss, loss, "nothing was rounded");
        let difference: Vec<f64> = half.iter().zip(&gradients).map(|(a, b)| a - b).collect();
        let share = length(&difference) / length(&gradients);
        assert!(share < 0.08, "the gradient is off by {share}");
    }
}

/// Fifty steps: the same curve as in 32 bits, and parameters that move by less than bfloat16 could hold.
#[test]
fn it_learns_as_in_32_bits() {
    let curve = |precision| {
        let executor = executor(Mode::Train, precision);
        let mut bank = Bank::init(executor.plan(), 1, &Device::flex()).unwrap();
        let mut optimizer = Optimizer::new(ADAM);
        let mut losses = Vec::new();
        for at in 0..50 {
            let mut trainer = Trainer {
                executor: &executor,
                bank: &mut bank,
                optimizer: &mut optimizer,
                ema: None,
                clip: Some(5.0),
            };
            losses.push(trainer.step(&[batch(at, 2, 24, 31)], 0.01).unwrap().loss);
        }
        let weight = bank.get("output.weight").unwrap().clone().inner().to_host().unwrap();
        assert!(weight.data.iter().any(|value| value.to_bits() & 0xffff != 0), "parameters have 32 bits");
        losses
    };
    let (full, half) = (curve(Precision::F32), curve(Precision::Bf16));
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    for at in 0..3 {
        assert!((full[at] - half[at]).abs() < 0.03 * full[at], "step {at}: {} {}", full[at], half[at]);
    }
    let (full_end, half_end) = (mean(&full[40..]), mean(&half[40..]));
    assert!(half_end < 0.35 * mean(&half[..3]), "{half:?}");
    assert!((full_end - half_end).abs() < 0.15 * full_end, "{full_end} {half_end}");
}

/// Evaluation and inference take it too.
#[test]
fn predictions_agree_within_rounding() {
    let device = Device::flex();
    for mode in [Mode::Eval, Mode::Infer] {
        let predict = |precision| {
            let executor = executor(mode, precision);
            let bank = Bank::init(executor.plan(), 1, &device).unwrap();
            let outputs = executor.run(&bank, &batch(0, 1, 13, 10)).unwrap();
            outputs.predictions[0].1.try_to_vec_as::<f32>().unwrap()
        };
        let (full, half) = (predict(Precision::F32), predict(Precision::Bf16));
        let largest = full.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let gap = full.iter().zip(&half).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(gap > 0.0 && gap < 0.03 * largest, "{gap} of {largest}");
    }
}
