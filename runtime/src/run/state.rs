//! What a checkpoint holds.
//!
//! Comes in: the training loop's tensors and counters at the end of a step. Goes out: the same, so that the
//! next step is the one that an uninterrupted run would have made. Guaranteed: nothing else is needed to go on.
//! Random numbers have no state of their own: they are functions of the seed and of the counters here (see
//! [`crate::random`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tensors::HostTensor;
use crate::data::table::ClassTable;
use crate::train::early::Progress;
use crate::train::schedule::Schedule;

/// The counters of a training between two steps: `state.json`.
///
/// A checkpoint is taken after whole steps only, never between the parts of an accumulated gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Updates of the parameters that are done; the next step has this number, counting from 0.
    pub step: u64,
    /// Whole passes over the training split that are done.
    pub epoch: u64,
    /// Samples of the current epoch that are used up: the place in its order.
    pub place: u64,
    /// Samples seen in all.
    pub samples: u64,
    /// Seconds of training in all processes, evaluation and saving left out.
    pub seconds: f64,
    /// The seed of every random number of the run.
    pub seed: u64,
    /// The learning-rate schedule; a function of the step, kept so that a resumed run cannot have another one.
    pub schedule: Schedule,
    /// Which optimiser the tensors of [`Contents::optimizer`] belong to.
    pub optimizer: OptimizerState,
    /// The best score so far, and how many evaluations have passed since (early stopping).
    pub progress: Progress,
}

/// The part of an optimiser's state that is no tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerState {
    /// As the spec spells it, such as `adam`.
    pub name: String,
    /// Updates that it has made: the exponent of Adam's bias correction.
    pub updates: u64,
}

/// Everything in a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// Parameters and running statistics by path, such as `encoder.stem.conv.weight`.
    pub tensors: BTreeMap<String, HostTensor>,
    /// The optimiser's tensors, named by the parameter and what they are, such as `stem.conv.weight/moment1`.
    pub optimizer: BTreeMap<String, HostTensor>,
    /// The exponential moving average of `tensors`, when the run keeps one.
    pub ema: Option<BTreeMap<String, HostTensor>>,
    /// The counters.
    pub state: State,
    /// The text of the spec.
    pub spec: String,
    /// The spec's parameters as resolved, `--set` included: a JSON object.
    pub parameters: serde_json::Value,
    /// The classes that the network's outputs stand for.
    pub table: ClassTable,
}

impl Contents {
    /// The tensors to predict with, by path: averaged ones where the run keeps an average, the others as they are.
    pub fn into_predicting(self) -> BTreeMap<String, HostTensor> {
        let mut tensors = self.tensors;
        tensors.extend(self.ema.into_iter().flatten());
        tensors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Fails when `serde_json` is built without `float_roundtrip`: its quick parser is off by one bit at times.
    #[test]
    fn scores_and_rates_come_back_bit_for_bit() {
        let mut stream = Stream::new(1, Purpose::Scene, [0, 0]);
        let state = super::super::faults::contents(3).state;
        for _ in 0..10_000 {
            let bits = u64::from(stream.bits()) << 32 | u64::from(stream.bits());
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let state = State { seconds: value, ..state.clone() };
                let text = serde_json::to_string(&state).unwrap();
                let back: State = serde_json::from_str(&text).unwrap();
                assert_eq!(back.seconds.to_bits(), value.to_bits(), "{value}");
                assert_eq!(back, state);
            }
        }
    }
}
