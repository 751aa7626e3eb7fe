//! Optimisers over named tensors, with PyTorch's semantics.
//!
//! Comes in: gradients by parameter path, and a learning rate. Goes out: new parameters in the bank. Guaranteed:
//! the state is named host tensors and a count, and training goes on bit for bit from what was exported.

mod adam;
mod clip;
mod ema;
mod sgd;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use phg_compiler::settings;

pub(crate) use clip::squares;
pub use clip::{global_norm, scale};
pub use ema::Ema;

use crate::bank::Bank;
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::{HostTensor, HostTensors};
use crate::tensor::{Value, each_float};

/// Gradients by parameter path, without a graph.
pub type Gradients = BTreeMap<String, Value>;

/// The state of a parameter: a tensor for each of the optimiser's slots, such as `first_moment`.
type Slots = BTreeMap<&'static str, Value>;

/// The name under which [`Optimizer::store`] keeps the number of steps; no parameter is called so.
const STEPS: &str = "steps";

/// A rule that turns gradients into new parameters.
pub struct Optimizer {
    rule: settings::Optimizer,
    /// What the rate of a parameter is multiplied by; 1 for those that are not here.
    rates: BTreeMap<String, f64>,
    steps: u64,
    slots: BTreeMap<String, Slots>,
}

impl Optimizer {
    /// An optimiser that has not made a step.
    pub fn new(rule: settings::Optimizer) -> Self {
        Self { rule, rates: BTreeMap::new(), steps: 0, slots: BTreeMap::new() }
    }

    /// The same, with the learning rates of some parameters multiplied, decoupled weight decay with them.
    #[must_use]
    pub fn with_rates(self, rates: BTreeMap<String, f64>) -> Self {
        Self { rates, ..self }
    }

    /// The rule's own learning rate, before any schedule.
    pub fn rate(&self) -> f32 {
        match self.rule {
            settings::Optimizer::Adam { rate, .. }
            | settings::Optimizer::AdamW { rate, .. }
            | settings::Optimizer::Sgd { rate, .. } => rate,
        }
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moves every parameter that has a gradient, by learning rate `rate`.
    ///
    /// # Errors
    /// A gradient of a parameter that the bank does not have, or of another shape.
    pub fn step(&mut self, bank: &mut Bank, gradients: Gradients, rate: f64) -> Result<()> {
        self.steps += 1;
        for (name, gradient) in gradients {
            let parameter = bank.get(&name)?.clone().inner();
            let slots = self.slots.entry(name.clone()).or_default();
            let rate = rate * self.rates.get(&name).copied().unwrap_or(1.0);
            let moved = match self.rule {
                settings::Optimizer::Adam { beta1, beta2, epsilon, decay, .. } => {
                    let rule = adam::Adam { beta1, beta2, epsilon, decay, decoupled: false };
                    rule.step(parameter, gradient, slots, self.steps, rate)?
                }
                settings::Optimizer::AdamW { beta1, beta2, epsilon, decay, .. } => {
                    let rule = adam::Adam { beta1, beta2, epsilon, decay, decoupled: true };
                    rule.step(parameter, gradient, slots, self.steps, rate)?
                }
                settings::Optimizer::Sgd { momentum, nesterov, decay, .. } => {
                    sgd::Sgd { momentum, nesterov, decay }.step(parameter, gradient, slots, rate)?
                }
            };
            bank.set(&name, moved)?;
        }
        Ok(())
    }

    /// The state: `{parameter}.{slot}`, and the number of steps.
    ///
    /// # Errors
    /// A device that fails.
    pub fn store(&self) -> Result<HostTensors> {
        // Two numbers, each exact as a float: steps / 2^20 and steps % 2^20.
        let steps = vec![(self.steps >> 20) as f32, (self.steps & 0xf_ffff) as f32];
        let mut stored = HostTensors::from([(STEPS.to_string(), HostTensor { shape: vec![2], data: steps })]);
        for (name, slots) in &self.slots {
            for (slot, value) in slots {
                stored.insert(format!("{name}.{slot}"), value.to_host()?);
            }
        }
        Ok(stored)
    }

    /// An optimiser that goes on from what [`Optimizer::store`] returned.
    ///
    /// # Errors
    /// `phg::weights::missing`, `unexpected` or `shape` for a state that is not this rule's or this network's.
    pub fn load(rule: settings::Optimizer, bank: &Bank, stored: &HostTensors) -> Result<Self> {
        let mut loaded = Self::new(rule);
        let known = loaded.slot_names();
        let trainable: std::collections::BTreeSet<&str> = bank.trainable().collect();
        for (key, tensor) in stored {
            if key == STEPS {
                continue;
            }
            let refuse = |code, why: &str| {
                Error::new(code, Kind::Data, format!("the optimiser's state `{key}` {why}"))
                    .at(key)
                    .help("resume with the spec and the optimiser that the run was started with")
            };
            let found =
                known.iter().find_map(|slot| Some((key.strip_suffix(slot)?.strip_suffix('.')?, *slot)));
            let Some((name, slot)) = found.filter(|(name, _)| trainable.contains(name)) else {
                return Err(refuse(codes::WEIGHTS_UNEXPECTED, "belongs to no parameter"));
            };
            if bank.get(name)?.shape() != tensor.shape {
                return Err(refuse(codes::WEIGHTS_SHAPE, "has another shape than its parameter"));
            }
            let value = Value::from_host(tensor, bank.device())?;
            loaded.slots.entry(name.to_string()).or_default().insert(slot, value);
        }
        let Some([high, low]) = stored.get(STEPS).map(|steps| steps.data.as_slice()) else {
            return Err(Error::new(
                codes::WEIGHTS_MISSING,
                Kind::Data,
                "the optimiser's state has no `steps`",
            )
            .at(STEPS));
        };
        loaded.steps = ((*high as u64) << 20) | (*low as u64);
        for (name, slots) in &loaded.slots {
            if let Some(slot) = known.iter().find(|slot| !slots.contains_key(**slot)) {
                let message = format!("the optimiser's state has no `{name}.{slot}`");
                return Err(Error::new(codes::WEIGHTS_MISSING, Kind::Data, message).at(name));
            }
        }
        Ok(loaded)
    }

    /// Numbers that the rule keeps for each parameter.
    pub fn slots(&self) -> usize {
        self.slot_names().len()
    }

    fn slot_names(&self) -> &'static [&'static str] {
        match self.rule {
            settings::Optimizer::Adam { .. } | settings::Optimizer::AdamW { .. } => &adam::SLOTS,
            settings::Optimizer::Sgd { momentum, .. } if momentum != 0.0 => &sgd::SLOTS,
            settings::Optimizer::Sgd { .. } => &[],
        }
    }
}

/// Combines two values of one shape elementwise: `a * x + b * y`.
pub(crate) fn mix(x: Value, a: f64, y: Value, b: f64) -> Result<Value> {
    let shape = x.shape();
    let (x, y) = (flat(x)?, flat(y)?);
    Value::from(x.mul_scalar(a) + y.mul_scalar(b)).reshape(&shape)
}

/// The elements in one row.
pub(crate) fn flat(x: Value) -> Result<burn::tensor::Tensor<1>> {
    let len = x.shape().iter().product::<usize>();
    Ok(each_float!(x, "an optimiser", x => x.inner().reshape([len])))
}
