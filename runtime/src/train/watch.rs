//! What a training tells those who watch it.
//!
//! Comes in: nothing. Goes out: the trait that a progress display implements, and what a step says of itself there and
//! in `metrics.jsonl`. Guaranteed: a watcher cannot change the training.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metrics::Evaluation;
use crate::run::RunFolder;

/// What the loop tells while it runs.
pub trait Watch {
    /// The run folder is there; `from` of `total` steps are done (`None`: the time decides).
    fn started(&mut self, run: &RunFolder, from: u64, total: Option<u64>);
    /// A step is done.
    fn step(&mut self, tick: &Tick);
    /// A validation is going on.
    fn validating(&mut self, done: usize, images: usize);
    /// A validation is done.
    fn validated(&mut self, step: u64, evaluation: &Evaluation, best: bool);
    /// Something that the user should know.
    fn note(&mut self, text: &str);
}

/// One step, for those who watch and for `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tick {
    /// Steps done, this one included.
    #[serde(skip)]
    pub step: u64,
    /// Passes over the training split, as a number with a fraction.
    pub epoch: f64,
    /// The total loss.
    pub loss: f64,
    /// Its terms, weighted.
    pub terms: BTreeMap<String, f64>,
    /// What terms are sums of, unweighted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// The learning rate.
    pub rate: f64,
    /// The gradients' global L2 norm before clipping.
    pub gradient_norm: f64,
    /// Images of this step over its seconds.
    pub images_per_second: f64,
    /// Seconds of this step that went by waiting for data.
    pub data_wait: f64,
    /// Share of the run that is done.
    #[serde(skip)]
    pub done: f64,
}
