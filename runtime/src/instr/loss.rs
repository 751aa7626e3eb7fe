//! Losses of class scores `[n, c, h, w]` against labels `[n, h, w]`.

use burn::tensor::{Bool, Int, Tensor, TensorData};
use phg_compiler::plan::instr::{AbsentClasses, ClassWeights, CrossEntropy, HardPixels};

use super::{label, softmax};
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::exec::Bindings;
use crate::native;
use crate::tensor::Value;

/// Weighted mean over the pixels that count of `-log softmax(logits)[label]`, smoothed as PyTorch does:
/// `(1 - s) * w[label] * nll + s / c * sum over classes of w * nll`, over the sum of `w[label]`; 0 when no
/// pixel counts. Of hard pixels alone where the instruction says so.
pub(super) fn cross_entropy(
    instr: &CrossEntropy,
    logits: Tensor<4>,
    labels: Tensor<3, Int>,
    bindings: &Bindings,
) -> Result<Tensor<1>> {
    let [n, classes, h, w] = logits.dims();
    let device = logits.device();
    let labels = match instr.hard {
        Some(hard) => hard_pixels(hard, &logits, labels, bindings.void)?,
        None => labels,
    };
    let weights = weights_of(&instr.weights, classes, bindings)?;
    let all = weights.clone().unwrap_or_else(|| vec![1.0; classes]);
    let scores = logits.clone().into();
    if let Some(loss) = native::cross_entropy(&scores, &labels, bindings.void, all, instr.smoothing)? {
        return Ok(loss);
    }
    let valid = label::valid(&labels, classes, bindings.void);
    let target = labels.mask_fill(valid.clone().bool_not(), 0i64).reshape([n, 1, h, w]);
    let counts = valid.float().reshape([n, 1, h, w]);

    let weights = weights.map(|weights| Tensor::<1>::from_data(TensorData::new(weights, [classes]), &device));
    let pixel = match &weights {
        Some(weights) => {
            counts.clone()
                * weights.clone().gather(0, target.clone().reshape([n * h * w])).reshape([n, 1, h, w])
        }
        None => counts.clone(),
    };

    let log = softmax::softmax(logits.into(), 1, true)?.f4()?;
    let picked = log.clone().gather(1, target).mul(pixel.clone()).sum();
    let smoothing = f64::from(instr.smoothing);
    let total = if smoothing > 0.0 {
        let spread = match weights {
            Some(weights) => log * weights.reshape([1, classes, 1, 1]),
            None => log,
        };
        let spread = spread.sum_dim(1).mul(counts).sum();
        picked.mul_scalar(1.0 - smoothing) + spread.mul_scalar(smoothing / classes as f64)
    } else {
        picked
    };
    let sum = pixel.sum();
    // Without a pixel that counts the numerator is 0; 1 keeps the quotient 0 rather than not a number.
    let none = sum.clone().equal_scalar(0.0f32).float();
    Ok(total.neg() / (sum + none))
}

/// The label of no pixel.
const NO_CLASS: i64 = -1;

/// The labels, of which those of pixels that are not hard become [`NO_CLASS`]. Which ones they are is decided in host
/// memory, on every device alike; no gradient flows through the choice.
fn hard_pixels(
    hard: HardPixels,
    logits: &Tensor<4>,
    labels: Tensor<3, Int>,
    void: Option<i64>,
) -> Result<Tensor<3, Int>> {
    let ([n, classes, h, w], device) = (logits.dims(), labels.device());
    let scores = Value::from(logits.clone()).inner();
    let constant = Value::from(labels).inner().i3()?;
    let counts = label::valid(&constant, classes, void);
    let target = constant.clone().mask_fill(counts.clone().bool_not(), 0i64).reshape([n, 1, h, w]);
    let log = softmax::softmax(scores, 1, true)?.f4()?.gather(1, target);
    let log = Value::from(log).to_host()?.data;
    let counts = Value::from(counts.int()).to_ints()?;
    let mut of_class: Vec<f32> =
        log.iter().zip(&counts).filter(|(_, counts)| **counts != 0).map(|(log, _)| *log).collect();
    // Hard is what is below the threshold, and at least so many: the least of all, up to and with the last of them.
    let threshold = hard.below.ln();
    let least = (f64::from(hard.at_least) * of_class.len() as f64) as usize;
    let below = of_class.iter().filter(|log| **log < threshold).count();
    let last = (below < least).then(|| *of_class.select_nth_unstable_by(least - 1, f32::total_cmp).1);
    let is_hard = |log: f32| last.map_or(log < threshold, |last| log <= last);
    let mut kept = Value::from(constant).to_ints()?;
    for ((label, log), counts) in kept.iter_mut().zip(&log).zip(&counts) {
        if *counts == 0 || !is_hard(*log) {
            *label = NO_CLASS;
        }
    }
    Value::int(kept, &[n, h, w], &device)?.i3()
}

/// The weights of the classes; `None` for all 1.
fn weights_of(weights: &ClassWeights, classes: usize, bindings: &Bindings) -> Result<Option<Vec<f32>>> {
    let measured = || {
        bindings.class_weights.as_ref().ok_or_else(|| {
            Error::new(codes::TRAIN_CLASS_WEIGHTS, Kind::Training, "class weights were not measured")
                .help("write them out in the spec: `weights = [1.0, ...]`")
        })
    };
    let list = match weights {
        ClassWeights::Uniform => return Ok(None),
        ClassWeights::List(list) => list.clone(),
        ClassWeights::MedianFrequency => measured()?.median_frequency.clone(),
        ClassWeights::InverseLog => measured()?.inverse_log.clone(),
    };
    if list.len() == classes {
        return Ok(Some(list));
    }
    let message = format!("{} class weights for {classes} classes", list.len());
    Err(Error::new(codes::TRAIN_CLASS_WEIGHTS, Kind::Training, message)
        .help("give one weight for each class of the dataset, void included"))
}

/// `1 - mean over classes of intersection / union` of softmax(logits) (Rahman and Wang 2016), where
/// `union = pixels of the class + summed probability - intersection`; void takes no part. 1 when no pixel counts.
pub(super) fn soft_iou(
    logits: Tensor<4>,
    labels: Tensor<3, Int>,
    void: Option<i64>,
    absent: AbsentClasses,
) -> Result<Tensor<1>> {
    let [n, classes, h, w] = logits.dims();
    let is_class = |id: &i64| (0..classes as i64).contains(id);
    let all = match absent {
        AbsentClasses::Skip => None,
        AbsentClasses::Count => Some(classes - usize::from(void.as_ref().is_some_and(is_class))),
    };
    if let Some(loss) = native::soft_iou(&logits.clone().into(), &labels, void, all)? {
        return Ok(loss);
    }
    let valid: Tensor<3, Bool> = label::valid(&labels, classes, void);
    let keep = valid.float().reshape([n, 1, h, w]);
    let truth = label::one_hot(labels, classes) * keep.clone();
    let p = softmax::softmax(logits.into(), 1, false)?.f4()? * keep;

    let per_class = |x: Tensor<4>| -> Tensor<1> {
        x.reshape([n, classes, h * w]).sum_dim(2).sum_dim(0).reshape([classes])
    };
    let intersection = per_class(p.clone() * truth.clone());
    let count = per_class(truth);
    let union = count.clone() + per_class(p) - intersection.clone();
    let present = count.greater_scalar(0.0f32).float();
    let iou = intersection / union.clamp_min(1e-6f32) * present.clone();
    let mean = match all {
        None => iou.sum() / present.sum().clamp_min(1.0f32),
        Some(all) => iou.sum().div_scalar(all.max(1) as f64),
    };
    Ok(mean.neg().add_scalar(1.0f32))
}
