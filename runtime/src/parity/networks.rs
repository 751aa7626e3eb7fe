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
    let mut bindings: Bindings = made_up(network, sizes, device)?;
    bindings.void = i64::try_from(network.classes).ok().map(|classes| classes - 1);
    let executor = Executor::new(network.plan(Mode::Train), device).with_precision(precision);
    let bank = Bank::init(executor.plan(), 0, device)?;
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
/// off: a gradient is compared as a whole, not by element. A tensor shorter than a thousandth of the whole
/// gradient counts as that long: the gradient of a bias before a batch norm is zero, and what is computed for it
/// is rounding alone.
struct Allowed {
    loss: f64,
    prediction: f64,
    statistics: f64,
    gradient: f64,
}

impl Allowed {
    fn of(products: Products) -> Self {
        match products {
            Products::Float => Self { loss: 1e-4, prediction: 1e-3, statistics: 1e-4, gradient: 1e-2 },
            // Twenty layers of products that are off by 1e-3 at most, and by 3e-4 mostly.
            Products::Tf32 => Self { loss: 1e-2, prediction: 2e-2, statistics: 1e-2, gradient: 1e-1 },
            // Products and activations that are off by 4e-3 each.
            Products::Bf16 => Self { loss: 5e-2, prediction: 1e-1, statistics: 5e-2, gradient: 5e-1 },
        }
    }
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
