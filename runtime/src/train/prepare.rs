//! What a training takes from its settings and its dataset before the first step.
//!
//! A spec's settings and a dataset go in; the preparation of samples, measured class weights, and the answer to whether
//! network and dataset have the same number of classes come out; and the plan without what is frozen.

use std::collections::BTreeMap;

use phg_compiler::Network;
use phg_compiler::plan::instr::{ClassWeights, Instr};
use phg_compiler::plan::{Mode, Plan};
use phg_compiler::settings::{Optimizer as Rule, ScheduleKind, Training};

use crate::codes;
use crate::data::augment::Augment;
use crate::data::batch::{OnBad, Preparation};
use crate::data::frequency::Frequency;
use crate::data::table::ClassTable;
use crate::data::{Dataset, Split};
use crate::error::{Error, Kind, Result};
use crate::exec::MeasuredWeights;
use crate::train::schedule::{Decay, Schedule};

/// How samples become batches by the settings `train { ... }`, augmentation included.
pub fn preparation(training: &Training) -> Preparation {
    let settings = &training.augment;
    let augment = Augment {
        flip: settings.flip,
        scale: settings.scale,
        crop: settings.crop,
        brightness: settings.brightness,
        contrast: settings.contrast,
        saturation: settings.saturation,
        hue: settings.hue,
    };
    Preparation {
        size: training.resize,
        mean: training.mean,
        std: training.deviation,
        augment,
        keep_full_labels: false,
    }
}

/// Refuses a dataset with more or fewer classes than the network.
///
/// # Errors
/// `phg::data::table`.
pub fn same_classes(network: &Network, dataset: &dyn Dataset) -> Result<()> {
    fits_table(network, dataset.table(), dataset.name())
}

/// Refuses a table, called `name` in messages, with more or fewer classes than the network.
///
/// # Errors
/// `phg::data::table`.
pub fn fits_table(network: &Network, table: &ClassTable, name: &str) -> Result<()> {
    let classes = table.len();
    if classes == network.classes {
        return Ok(());
    }
    let message = format!("the network has {} classes, `{name}` has {classes}", network.classes);
    Err(Error::new(codes::DATA_TABLE, Kind::Data, message)
        .help(format!("write `--set classes={classes}`, or give the spec that many classes")))
}

/// The class weights that the loss of `plan` wants to be measured on the training split; `None` if it wants none.
/// Pairs that `on_bad` lets the training pass over count in none.
///
/// # Errors
/// Those of [`Frequency::of`].
pub fn class_weights(plan: &Plan, dataset: &dyn Dataset, on_bad: OnBad) -> Result<Option<MeasuredWeights>> {
    let wanted = plan.steps.iter().any(|step| {
        matches!(&step.instr, Instr::CrossEntropy(c)
            if matches!(c.weights, ClassWeights::MedianFrequency | ClassWeights::InverseLog))
    });
    let counts = wanted.then(|| Frequency::of(dataset, Split::Train, on_bad)).transpose()?;
    Ok(counts.map(|counts| MeasuredWeights {
        median_frequency: counts.median_frequency(dataset.table()),
        inverse_log: counts.inverse_log(dataset.table()),
    }))
}

/// The plan that a training executes: what its settings freeze is not trained.
///
/// Gradients go through frozen parts to what lies before them, and end where nothing before is trained. Batch norms whose
/// scale and offset are frozen use their running statistics and leave them alone.
pub fn plan(network: &Network) -> Plan {
    let mut plan = network.plan(Mode::Train);
    for weight in &mut plan.weights {
        weight.trainable &= !network.training.is_frozen(&weight.name);
    }
    plan
}

/// What learning rates are multiplied by, by parameter; those that are multiplied by 1 are left out.
pub fn rates(network: &Network, plan: &Plan) -> BTreeMap<String, f64> {
    let trained = plan.weights.iter().filter(|weight| weight.trainable);
    let rates = trained.map(|weight| (weight.name.clone(), widen(network.training.rate_of(&weight.name))));
    rates.filter(|(_, factor)| *factor != 1.0).collect()
}

/// The name of the optimiser's rule, as a checkpoint has it.
pub fn rule_name(rule: &Rule) -> &'static str {
    match rule {
        Rule::Adam { .. } => "adam",
        Rule::AdamW { .. } => "adamw",
        Rule::Sgd { .. } => "sgd",
    }
}

/// The spec's schedule over `total` steps.
pub fn schedule(training: &Training, total: Option<u64>) -> Schedule {
    let base = match training.optimizer {
        Rule::Adam { rate, .. } | Rule::AdamW { rate, .. } | Rule::Sgd { rate, .. } => rate,
    };
    let steps = total.unwrap_or(0);
    let decay = match &training.schedule.kind {
        ScheduleKind::Constant => Decay::Constant,
        ScheduleKind::Poly { power } => Decay::Poly { power: widen(*power) },
        ScheduleKind::Cosine => Decay::Cosine { floor: 0.0 },
        ScheduleKind::Step { milestones, factor } => Decay::Step {
            milestones: milestones.iter().map(|share| (widen(*share) * steps as f64) as u64).collect(),
            gamma: widen(*factor),
        },
    };
    Schedule {
        base: widen(base),
        decay,
        total: steps,
        warmup: training.schedule.warmup.min(steps.max(training.schedule.warmup)),
    }
}

/// The decimal number that was written, where a plain cast would give its nearest single-precision neighbour.
fn widen(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}
