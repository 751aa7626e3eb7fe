//! Whole networks on two devices: the loss of a training step, its gradients and running statistics, and what the
//! network predicts.

use std::collections::BTreeMap;

use burn::tensor::Device;
use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::Mode;

use super::compare::{Products, Worst, elements, lengths};
use crate::bank::Bank;
use crate::bench::made_up;
use crate::error::Result;
use crate::exec::{Bindings, Executor};
use crate::host::HostTensor;
use crate::precision::Precision;
use crate::random::{Purpose, Stream};
use crate::tensor::{Value, unfit};
use crate::train::step::backward;

/// What a network computed, in host memory.
pub(crate) struct Step {
    losses: Vec<(String, f32)>,
    gradients: BTreeMap<String, HostTensor>,
    statistics: BTreeMap<String, HostTensor>,
    predictions: Vec<(String, HostTensor)>,
}

/// One training step's forward and backward pass, and a prediction with the same parameters.
///
/// # Errors
/// A network that does not take the sizes, or a device that fails.
pub(crate) fn compute(
    network: &Network,
    sizes: Sizes,
    device: &Device,
    precision: Precision,
) -> Result<Step> {
    compute_with(network, sizes, device, precision, &|_| Ok(()))
}

/// As [`compute`], with parameters that `edit` has changed.
fn compute_with(
    network: &Network,
    sizes: Sizes,
    device: &Device,
    precision: Precision,
    edit: &dyn Fn(&mut Bank) -> Result<()>,
) -> Result<Step> {
    let bindings = pictures(network, sizes, device)?;
    let executor = Executor::new(network.plan(Mode::Train), device).with_precision(precision);
    let mut bank = Bank::init(executor.plan(), 0, device)?;
    edit(&mut bank)?;
    let (outputs, gradients) = backward(&executor, &bank, &bindings)?;
    let scalar = |value: &burn::tensor::Tensor<1>| -> Result<f32> {
        Value::from(value.clone().inner()).to_host()?.data.first().copied().ok_or_else(|| unfit("no loss"))
    };
    let losses = outputs.losses.iter().chain(&outputs.reports);
    let losses = losses.map(|(name, value)| Ok((name.clone(), scalar(value)?))).collect::<Result<_>>()?;
    let gradients = gradients.into_iter().map(|(name, value)| Ok((name, value.to_host()?)));
    let statistics = outputs.statistics.iter();
    let statistics =
        statistics.map(|(name, value)| Ok((name.clone(), Value::from(value.clone()).to_host()?)));
    let infer = Executor::new(network.plan(Mode::Infer), device).with_precision(precision);
    let infer_bank = Bank::load(infer.plan(), &bank.store()?, device)?;
    let predictions = infer.run(&infer_bank, &bindings)?.predictions.into_iter();
    let predictions = predictions.map(|(name, value)| Ok((name, Value::from(value).to_host()?)));
    Ok(Step {
        losses,
        gradients: gradients.collect::<Result<_>>()?,
        statistics: statistics.collect::<Result<_>>()?,
        predictions: predictions.collect::<Result<_>>()?,
    })
}

/// What is allowed of a whole network: losses and predictions by element, gradients and statistics by the length
/// of each tensor.
///
/// Rounding errors grow from layer to layer, and a value that is rounded across zero turns a ReLU's gradient on or
/// off: before a network has learned anything, 32-bit rounding is seen in the third digit of its gradient, and
/// what has 8 or 11 bits in the first. So gradients are compared by tensor and as one vector, and tightly in 32
/// bits only; in fewer they are asked to point where they should (nothing in common would be an error of 1.4, a
/// wrong sign one of 2), and it is the cases of single instructions that are tight. A tensor shorter than a
/// thousandth of the whole gradient counts as that long: the gradient of a bias before a batch norm is zero, and
/// what is computed for it is rounding alone.
struct Allowed {
    loss: f64,
    prediction: f64,
    statistics: f64,
    /// Of a parameter.
    gradient: f64,
    /// Of all parameters as one vector.
    whole: f64,
}

impl Allowed {
    fn of(products: Products) -> Self {
        match products {
            Products::Float => {
                Self { loss: 1e-4, prediction: 1e-3, statistics: 1e-4, gradient: 2e-1, whole: 2e-2 }
            }
            Products::Tf32 => {
                Self { loss: 1e-2, prediction: 1e-1, statistics: 2e-2, gradient: 1.0, whole: 4e-1 }
            }
            Products::Bf16 => {
                Self { loss: 5e-2, prediction: 2.5e-1, statistics: 1e-1, gradient: 1.3, whole: 7e-1 }
            }
        }
    }
}

/// The benchmark's patches of classes, each in a colour of its own with a little noise: a picture that a network
/// can learn from, whose gradient is not all cancellation as that of noise is.
fn pictures(network: &Network, sizes: Sizes, device: &Device) -> Result<Bindings> {
    let mut bindings = made_up(network, sizes, device)?;
    let labels = match &bindings.labels {
        Some(labels) => Value::from(labels.clone()).to_ints()?,
        None => return Err(unfit("no labels")),
    };
    let colour = |class: i64, channel: u64| {
        Stream::new(0, Purpose::Check, [class.unsigned_abs(), channel]).uniform(-1.5, 1.5)
    };
    let colours: Vec<[f32; 3]> =
        (0..=255).map(|class| [0, 1, 2].map(|channel| colour(class, channel))).collect();
    let Sizes { n, h, w } = sizes;
    let mut noise = Stream::new(0, Purpose::Check, [u64::MAX, 0]);
    let value = |at: usize| {
        let (image, channel, pixel) = (at / (3 * h * w), at / (h * w) % 3, at % (h * w));
        let class = labels.get(image * h * w + pixel).and_then(|class| usize::try_from(*class).ok());
        let colour = class.and_then(|class| colours.get(class)).map_or(0.0, |colour| colour[channel]);
        colour + 0.2 * noise.normal()
    };
    let data = (0..n * 3 * h * w).map(value).collect();
    bindings.images = Value::float(data, &[n, 3, h, w], &device.clone().inner())?.f4()?;
    bindings.void = i64::try_from(network.classes).ok().map(|classes| classes - 1);
    Ok(bindings)
}

/// The farthest of all that was computed; which part is missing, where one is.
pub(crate) fn compare(found: &Step, expected: &Step, products: Products) -> Result<Worst, String> {
    let allowed = Allowed::of(products);
    let mut worst: Option<Worst> = None;
    let mut see = |next: Option<Worst>| {
        if let Some(next) = next {
            worst = Some(next.or(worst.take()));
        }
    };
    if found.losses.len() != expected.losses.len() {
        return Err("another number of losses".into());
    }
    for ((name, a), (_, b)) in found.losses.iter().zip(&expected.losses) {
        see(elements(&format!("loss {name}"), &[*a], &[*b], &[1], allowed.loss));
    }
    for ((name, a), (_, b)) in found.predictions.iter().zip(&expected.predictions) {
        see(elements(&format!("prediction {name}"), &a.data, &b.data, &b.shape, allowed.prediction));
    }
    let whole = |tensors: &BTreeMap<String, HostTensor>| {
        let squares = tensors.values().flat_map(|tensor| &tensor.data).map(|x| f64::from(*x).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let together = |tensors: &BTreeMap<String, HostTensor>| -> Vec<f32> {
        tensors.values().flat_map(|tensor| tensor.data.iter().copied()).collect()
    };
    let (a, b) = (together(&found.gradients), together(&expected.gradients));
    if a.len() != b.len() {
        return Err(format!("gradients of {} numbers instead of {}", a.len(), b.len()));
    }
    see(Some(lengths("gradient of all parameters", &a, &b, 0.0, allowed.whole)));
    for (what, found, expected, allowed) in [
        ("gradient of", &found.gradients, &expected.gradients, allowed.gradient),
        ("new", &found.statistics, &expected.statistics, allowed.statistics),
    ] {
        let least = 1e-3 * whole(expected);
        for (name, b) in expected {
            let a = found.get(name).ok_or_else(|| format!("no {what} {name}"))?;
            see(Some(lengths(&format!("{what} {name}"), &a.data, &b.data, least, allowed)));
        }
    }
    worst.ok_or_else(|| "nothing was computed".into())
}

#[cfg(test)]
mod tests {
    use phg_compiler::{Request, compile};

    use super::*;

    /// How far two gradients are apart, as a share of the second one's length.
    fn apart(a: &Step, b: &Step) -> f64 {
        let pairs = a.gradients.values().zip(b.gradients.values());
        let values = pairs.flat_map(|(a, b)| a.data.iter().zip(&b.data));
        let (difference, length) = values.fold((0.0, 0.0), |(difference, length), (a, b)| {
            let (a, b) = (f64::from(*a), f64::from(*b));
            (difference + (a - b).powi(2), length + b.powi(2))
        });
        (difference / length).sqrt()
    }

    /// The nearest number with eight bits of mantissa.
    fn to_bf16(value: f32) -> f32 {
        let bits = value.to_bits();
        f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    }

    /// What mixed precision changes of a network's gradient is not a fault of one instruction: rounding nothing but the
    /// parameters, once, and computing in 32 bits moves it nearly as far.
    #[test]
    fn a_network_that_has_learned_nothing_is_that_sensitive() {
        let text = include_str!("../../../specs/unet-small.phg");
        let network = compile(&Request::new("unet-small.phg", text)).network.unwrap();
        let (device, sizes) = (Device::flex(), Sizes { n: 2, h: 45, w: 60 });
        let exact = compute(&network, sizes, &device, Precision::F32).unwrap();
        let rounded = compute_with(&network, sizes, &device, Precision::F32, &|bank| {
            for (name, mut tensor) in bank.store()? {
                tensor.data.iter_mut().for_each(|value| *value = to_bf16(*value));
                bank.set(&name, Value::from_host(&tensor, &device)?)?;
            }
            Ok(())
        });
        let rounded = apart(&rounded.unwrap(), &exact);
        let mixed = apart(&compute(&network, sizes, &device, Precision::Bf16).unwrap(), &exact);
        assert!(rounded > 0.5 * mixed && mixed < 0.7, "{rounded} {mixed}");
    }
}
