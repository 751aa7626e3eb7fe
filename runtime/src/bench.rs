//! Times a plan on made-up input: what `phgc bench` prints.
//!
//! Comes in: a network, a mode and sizes. Goes out: the time of each step and of its parts, and the memory of
//! the process or of the GPU. Guaranteed: warm-up steps are in no figure, so that compiling and tuning kernels is
//! in none; a step ends when its results are in memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::Mode;
use serde::Serialize;

use crate::bank::Bank;
use crate::device;
use crate::error::Result;
use crate::exec::{Bindings, Executor};
use crate::host::HostTensor;
use crate::optim::Optimizer;
use crate::random::{Purpose, Stream};
use crate::tensor::unfit;
use crate::train::memory;
use crate::train::step::{Times, Trainer};

/// What is timed.
#[derive(Clone, Copy, Debug)]
pub struct Benching {
    /// A step of training, or a forward pass.
    pub mode: Mode,
    /// Batch, rows and columns.
    pub sizes: Sizes,
    /// Steps that are timed.
    pub steps: usize,
    /// Steps before them.
    pub warmup: usize,
    /// Bytes that a training step may need, see [`memory::choose`].
    pub memory_limit: Option<u64>,
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
    /// `median_ms`.
    pub sections: BTreeMap<String, f64>,
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

/// Runs `warmup` and then `steps` steps. `progress` hears of each and may stop the run by `false`.
///
/// # Errors
/// A network that does not take the sizes, and those of [`Trainer::step`] and [`Executor::run`].
pub fn bench(
    network: &Network,
    what: &Benching,
    device: &Device,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Measured> {
    let plan = network.plan(what.mode);
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
    let mut bank = Bank::init(executor.plan(), 0, device)?;
    let bindings = made_up(network, what.sizes, device)?;
    device::wait(device)?;
    let start_bytes = device::reserved(device).or_else(|| process_memory("VmRSS:"));
    let mut rule = Optimizer::new(network.training.optimizer);
    let mut step = |executor: &Executor| match what.mode {
        Mode::Train => train(executor, &mut bank, &mut rule, &bindings, device),
        Mode::Eval | Mode::Infer => forward(executor, &bank, &bindings, device),
    };
    let mut times = Vec::with_capacity(what.steps);
    let mut parts: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut note = |found: Parts| {
        found.into_iter().for_each(|(name, time)| parts.entry(name).or_default().push(milliseconds(time)));
    };
    let queues = device::queues(device);
    for at in 0..what.warmup + what.steps {
        if !progress(at) {
            break;
        }
        let (time, found) = step(&executor)?;
        if at >= what.warmup {
            times.push(milliseconds(time));
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
            note(step(&executor)?.1);
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
        sections: parts
            .into_iter()
            .filter_map(|(name, mut times)| Some((name, median(&mut times)?)))
            .collect(),
    })
}

type Parts = BTreeMap<String, Duration>;

fn train(
    executor: &Executor,
    bank: &mut Bank,
    optimizer: &mut Optimizer,
    bindings: &Bindings,
    device: &Device,
) -> Result<(Duration, Parts)> {
    let rate = f64::from(optimizer.rate());
    let begun = Instant::now();
    let mut trainer = Trainer { executor, bank, optimizer, ema: None, clip: None };
    let Times { mut sections, backward, update } = trainer.step(std::slice::from_ref(bindings), rate)?.times;
    device::wait(device)?;
    let time = begun.elapsed();
    sections.insert("backward".into(), backward);
    sections.insert("optimizer".into(), update);
    Ok((time, sections))
}

fn forward(
    executor: &Executor,
    bank: &Bank,
    bindings: &Bindings,
    device: &Device,
) -> Result<(Duration, Parts)> {
    let mut sections = Parts::new();
    let begun = Instant::now();
    // What nobody holds need not be computed: the results live until the device is done.
    let _results = executor.run_timed(bank, bindings, &mut sections)?;
    device::wait(device)?;
    Ok((begun.elapsed(), sections))
}

/// Noise for images, and patches of every class for labels.
fn made_up(network: &Network, sizes: Sizes, device: &Device) -> Result<Bindings> {
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
