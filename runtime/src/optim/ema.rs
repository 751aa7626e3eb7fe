//! An exponential moving average of the parameters (Polyak and Juditsky 1992, exponentially weighted).

use std::collections::BTreeMap;

use super::mix;
use crate::bank::Bank;
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::HostTensors;
use crate::tensor::Value;

/// Averages of the trainable parameters. Running statistics are averages already and are taken as they are.
pub struct Ema {
    decay: f64,
    averages: BTreeMap<String, Value>,
}

impl Ema {
    /// Averages that start at the bank's values.
    ///
    /// # Errors
    /// A bank that is at odds with itself.
    pub fn new(decay: f32, bank: &Bank) -> Result<Self> {
        let start = |name: &str| Ok((name.to_string(), bank.get(name)?.clone().inner()));
        Ok(Self { decay: f64::from(decay), averages: bank.trainable().map(start).collect::<Result<_>>()? })
    }

    /// `average = decay * average + (1 - decay) * parameter`.
    ///
    /// # Errors
    /// A bank of another network.
    pub fn update(&mut self, bank: &Bank) -> Result<()> {
        for (name, average) in &mut self.averages {
            *average = mix(average.clone(), self.decay, bank.get(name)?.clone(), 1.0 - self.decay)?;
        }
        Ok(())
    }

    /// The bank with averages in place of parameters.
    ///
    /// # Errors
    /// A bank of another network.
    pub fn averaged(&self, bank: &Bank) -> Result<Bank> {
        let mut averaged = bank.clone();
        self.averages.iter().try_for_each(|(name, value)| averaged.set(name, value.clone()))?;
        Ok(averaged)
    }

    /// The averages, by parameter path.
    ///
    /// # Errors
    /// A device that fails.
    pub fn store(&self) -> Result<HostTensors> {
        self.averages.iter().map(|(name, value)| Ok((name.clone(), value.to_host()?))).collect()
    }

    /// Averages that go on from what [`Ema::store`] returned.
    ///
    /// # Errors
    /// `phg::weights::missing`, `unexpected` or `shape` for averages of another network.
    pub fn load(decay: f32, bank: &Bank, stored: &HostTensors) -> Result<Self> {
        let mut loaded = Self::new(decay, bank)?;
        let refuse = |code, name: &str, why: &str| {
            Error::new(code, Kind::Data, format!("the average of `{name}` {why}"))
                .at(name)
                .help("resume with the spec that the run was started with")
        };
        if let Some(name) = stored.keys().find(|name| !loaded.averages.contains_key(*name)) {
            return Err(refuse(codes::WEIGHTS_UNEXPECTED, name, "belongs to no parameter"));
        }
        for (name, average) in &mut loaded.averages {
            let tensor =
                stored.get(name).ok_or_else(|| refuse(codes::WEIGHTS_MISSING, name, "is not stored"))?;
            if tensor.shape != average.shape() {
                return Err(refuse(codes::WEIGHTS_SHAPE, name, "has another shape than its parameter"));
            }
            *average = Value::from_host(tensor, bank.device())?;
        }
        Ok(loaded)
    }
}
