//! Times a plan on made-up input or on batches of a dataset: what `phgc bench` prints.
//!
//! Comes in: a network, a mode, sizes, and possibly data. Goes out: the time of each step and of its parts, and the
//! memory of the process or of the GPU. Guaranteed: warm-up steps are in no figure, so that compiling and tuning kernels
//! is in none; a step ends when its results are in memory. With data a step begins when its batch is asked for, as in a
//! training.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::Mode;
use serde::Serialize;

use crate::bank::Bank;
use crate::codes;
use crate::data::batch::{Feed, OnBad, Preparation};
use crate::data::loader::{Loader, Options};
use crate::data::order::Plan as Order;
use crate::data::{Dataset, Split};
use crate::device;
use crate::error::{Error, Kind, Result};
use crate::exec::{Bindings, Executor, MeasuredWeights, StepTimes};
use crate::host::HostTensor;
use crate::optim::Optimizer;
use crate::precision::Precision;
use crate::random::{Purpose, Stream};
use crate::tensor::unfit;
use crate::train::memory;
use crate::train::prepare;
use crate::train::step::{Times, Trainer};

/// What is timed.
#[derive(Clone, Copy, Debug)]
pub struct Benching {
    /// A step of training, or a forward pass.
    pub mode: Mode,
    /// Batch, rows and columns.
    pub sizes: Sizes,
    /// In which numbers.
    pub precision: Precision,
    /// Steps that are timed.
    pub steps: usize,
    /// Steps before them.
    pub warmup: usize,
    /// Bytes that a training step may need, see [`memory::choose`].
    pub memory_limit: Option<u64>,
}

/// Where batches come from, other than from nowhere.
pub struct Loading {
    /// The data; its training split is read.
    pub dataset: Arc<dyn Dataset>,
    /// How samples become batches of the size that is timed.
    pub preparation: Preparation,
    /// Threads that load.
    pub threads: usize,
    /// Bytes of decoded samples to keep in memory.
    pub cache: u64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Median time of a step, in milliseconds.
    pub median_ms: f64,
    /// Shortest time of a step.
    pub min_ms: f64,
    /// Steps that were timed.
    pub steps: usize,
    /// Most memory that the process held at once, in bytes; unknown on some systems. On a GPU what its allocator
    /// took from the driver, with what it keeps for reuse.
    pub peak_bytes: Option<u64>,
    /// That memory before the first step.
    pub start_bytes: Option<u64>,
    /// What [`phg_compiler::plan::memory`] predicts of it: of the step, and of what is held before the first one,
    /// weights and input. The rest of the process is not in it.
    pub predicted_bytes: Predicted,
    /// Billions of floating-point operations of one image forward: twice its multiply-accumulates.
    pub gflop: f64,
    /// Median milliseconds of each section's forward pass; for training also of `backward` and `optimizer`. On a
    /// GPU they are from steps of their own, which wait after each operation: together they take longer than
    /// `median_ms`. `data`, where batches are loaded, is the wait for a batch in the steps that are timed.
    pub sections: BTreeMap<String, f64>,
    /// The same forward passes by kind of instruction ([`phg_compiler::plan::Instr::kind`]).
    pub instructions: BTreeMap<String, f64>,
}

/// Memory by the plan, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Predicted {
    /// Before the first step.
    pub start: u64,
    /// The most during a step.
    pub peak: u64,
}

/// Steps that are run for the parts of a step alone, on devices that queue their work.
const PROFILED: usize = 5;

/// Runs `warmup` and then `steps` steps, on batches of `data` or on made-up ones. `progress` hears of each and may stop
/// the run by `false`.
///
/// # Errors
/// A network that does not take the sizes or the dataset, those of loading, and those of [`Trainer::step`] and
/// [`Executor::run`].
pub fn bench(
    network: &Network,
    what: &Benching,
    data: Option<Loading>,
    device: &Device,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Measured> {
    let plan = match what.mode {
        Mode::Train => prepare::plan(network),
        Mode::Eval | Mode::Infer => network.plan(what.mode),
    };
    let held = phg_compiler::plan::memory::before(&plan, &what.sizes);
    let (executor, peak) = match what.mode {
        Mode::Train => {
            let choice = memory::choose(&plan, &what.sizes, what.memory_limit)?;
            (Executor::new(plan, device).in_segments(choice.segments), choice.peak)
        }
        Mode::Eval | Mode::Infer => {
            let peak = phg_compiler::plan::memory::inference(&plan, &what.sizes);
            (Executor::new(plan, device), peak)
        }
    };
    let executor = executor.with_precision(what.precision);
    let mut bank = Bank::init(executor.plan(), 0, device)?;
    let mut source = match data {
        Some(data) => Source::Loaded(Box::new(Batches::start(network, what, data)?)),
        None => Source::MadeUp(Box::new(made_up(network, what.sizes, device)?)),
    };
    device::wait(device)?;
    let start_bytes = device::reserved(device).or_else(|| process_memory("VmRSS:"));
    let mut rule = Optimizer::new(network.training.optimizer);
    let mut step = |executor: &Executor, bindings: &Bindings| match what.mode {
        Mode::Train => train(executor, &mut bank, &mut rule, bindings, device),
        Mode::Eval | Mode::Infer => forward(executor, &bank, bindings, device),
    };
    let mut times = Vec::with_capacity(what.steps);
    let (mut sections, mut instructions) = (Parts::new(), Parts::new());
    let mut note = |found: StepTimes| {
        for (parts, found) in [(&mut sections, found.sections), (&mut instructions, found.instructions)] {
            for (name, time) in found {
                parts.entry(name).or_default().push(milliseconds(time));
            }
        }
    };
    let queues = device::queues(device);
    for at in 0..what.warmup + what.steps {
        if !progress(at) {
            break;
        }
        let begun = Instant::now();
        let (bindings, waited) = source.next(device)?;
        let found = step(&executor, &bindings)?;
        let time = begun.elapsed();
        if at >= what.warmup {
            times.push(milliseconds(time));
            if let Some(waited) = waited {
                note(StepTimes { sections: [("data".into(), waited)].into(), ..StepTimes::default() });
            }
            if !queues {
                note(found);
            }
        }
    }
    let peak_bytes = device::reserved(device).or_else(|| process_memory("VmHWM:"));
    if queues {
        let executor = executor.clone().waiting();
        for _ in 0..what.steps.min(PROFILED) {
            if !progress(what.warmup + what.steps) {
                break;
            }
            note(step(&executor, &source.next(device)?.0)?);
        }
    }
    let one = Sizes { n: 1, ..what.sizes };
    let macs = phg_compiler::plan::cost::cost(executor.plan(), &one).macs;
    Ok(Measured {
        median_ms: median(&mut times).ok_or_else(|| unfit("no step was timed"))?,
        min_ms: times.iter().copied().fold(f64::INFINITY, f64::min),
        steps: times.len(),
        peak_bytes,
        start_bytes,
        predicted_bytes: Predicted { start: held, peak },
        gflop: 2.0 * macs as f64 / 1e9,
        sections: medians(sections),
        instructions: medians(instructions),
    })
}

/// The times of each part, one for each step that was looked at.
type Parts = BTreeMap<String, Vec<f64>>;

fn medians(parts: Parts) -> BTreeMap<String, f64> {
    parts.into_iter().filter_map(|(name, mut times)| Some((name, median(&mut times)?))).collect()
}

fn train(
    executor: &Executor,
    bank: &mut Bank,
    optimizer: &mut Optimizer,
    bindings: &Bindings,
    device: &Device,
) -> Result<StepTimes> {
    let rate = f64::from(optimizer.rate());
    let mut trainer = Trainer { executor, bank, optimizer, ema: None, clip: None };
    let Times { mut forward, backward, update } = trainer.step(std::slice::from_ref(bindings), rate)?.times;
    device::wait(device)?;
    forward.sections.insert("backward".into(), backward);
    forward.sections.insert("optimizer".into(), update);
    Ok(forward)
}

fn forward(executor: &Executor, bank: &Bank, bindings: &Bindings, device: &Device) -> Result<StepTimes> {
    let mut times = StepTimes::default();
    // What nobody holds need not be computed: the results live until the device is done.
    let _results = executor.run_timed(bank, bindings, &mut times)?;
    device::wait(device)?;
    Ok(times)
}

/// What steps are given.
enum Source {
    /// The same input each time, which lies on the device.
    MadeUp(Box<Bindings>),
    /// One batch after another.
    Loaded(Box<Batches>),
}

impl Source {
    /// The input of the next step, and how long it was waited for.
    fn next(&mut self, device: &Device) -> Result<(Bindings, Option<Duration>)> {
        match self {
            Self::MadeUp(bindings) => Ok((Bindings::clone(bindings), None)),
            Self::Loaded(batches) => {
                let before = batches.loader.data_wait();
                let bindings = batches.next(device)?;
                Ok((bindings, Some(batches.loader.data_wait().saturating_sub(before))))
            }
        }
    }
}

/// Batches of a dataset, in the order of a training with the spec's seed.
struct Batches {
    loader: Loader,
    void: Option<i64>,
    weights: Option<MeasuredWeights>,
    sizes: Sizes,
}

impl Batches {
    fn start(network: &Network, what: &Benching, data: Loading) -> Result<Self> {
        let Loading { dataset, preparation, threads, cache } = data;
        prepare::same_classes(network, dataset.as_ref())?;
        let feed = Feed::new(Arc::clone(&dataset), Split::Train, preparation)?.keeping(cache);
        let order = Order::training(network.training.seed, feed.len(), what.sizes.n)?;
        let weights = prepare::class_weights(&network.plan(what.mode), dataset.as_ref(), OnBad::Fail)?;
        let options = Options { threads, ..Options::default() };
        let loader = Loader::start(Arc::new(feed), order, 0..u64::MAX, options)?;
        Ok(Self { loader, void: dataset.table().void().map(i64::from), weights, sizes: what.sizes })
    }

    fn next(&mut self, device: &Device) -> Result<Bindings> {
        let none = || Error::new(codes::DATA_WORKER, Kind::Data, "no batch came");
        let batch = self.loader.next().ok_or_else(none)??;
        let Sizes { n, h, w } = self.sizes;
        if (batch.n, batch.height, batch.width) != (n, h, w) {
            return Err(unfit("a batch of another size than was asked for"));
        }
        let images = HostTensor { shape: vec![n, 3, h, w], data: batch.images };
        let mut bindings = Bindings::from_host(&images, Some(&batch.labels), device)?;
        (bindings.void, bindings.step, bindings.update) = (self.void, batch.number, batch.number);
        bindings.class_weights.clone_from(&self.weights);
        Ok(bindings)
    }
}

/// Noise for images, and patches of every class for labels.
pub(crate) fn made_up(network: &Network, sizes: Sizes, device: &Device) -> Result<Bindings> {
    const PATCH: usize = 16;
    let Sizes { n, h, w } = sizes;
    let mut noise = Stream::new(0, Purpose::Scene, [0, 0]);
    let images = (0..n * 3 * h * w).map(|_| noise.normal()).collect();
    let images = HostTensor { shape: vec![n, 3, h, w], data: images };
    let classes = network.classes.clamp(1, 255);
    let label = |at: usize| ((at / w % h / PATCH * 7 + at % w / PATCH * 3 + at / (h * w)) % classes) as u8;
    let labels: Vec<u8> = (0..n * h * w).map(label).collect();
    Bindings::from_host(&images, Some(&labels), device)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle value; of two in the middle the mean.
fn median(times: &mut [f64]) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    let (low, high) = (times.len().checked_sub(1)? / 2, times.len() / 2);
    Some(f64::midpoint(times[low], times[high]))
}

/// A line of the system's account of this process, in bytes.
fn process_memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|found| found.strip_prefix(line))?;
    kilobytes.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_times() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
