//! Whether a device computes what the processor computes: what `phgc devices --check` prints.
//!
//! Comes in: a device and networks. Goes out: for every kind of instruction, and for every network, the element
//! that is farthest from what it should be. Guaranteed: every instruction of the plan is executed, forward and
//! backward; the operands are the same on every machine; what panics in Burn is a case that failed, not the end.
//!
//! A GPU is compared with the processor. The processor itself has two ways of computing, the project's own kernels
//! and Burn's operations: they are compared with each other.

mod cases;
mod compare;
mod networks;
pub(crate) mod shapes;

use std::time::{Duration, Instant};

use burn::tensor::{Device, FloatDType};
use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::Instr;
use serde::Serialize;

pub use compare::{Products, Worst};

use crate::device::{self, caught};
use crate::error::Result;
use crate::host::HostTensor;
use crate::instr::case::{Case, Ran};
use crate::native;
use crate::precision::Precision;
use crate::random::{Purpose, Stream, counter};
use crate::tensor::Value;
use cases::Named;

/// What is checked.
pub struct Checking<'a> {
    /// The device, without autodiff.
    pub device: &'a Device,
    /// In which numbers the device computes; what it is compared with is 32-bit floats.
    pub precision: Precision,
    /// Networks by name, and the sizes at which they make a step.
    pub networks: &'a [(String, Network, Sizes)],
    /// Nothing is begun after so much time.
    pub limit: Option<Duration>,
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The kind of instruction, or `network`.
    pub kind: String,
    /// The instruction and its sizes, or the network's name and size.
    pub name: String,
    /// Is everything within what is allowed?
    pub ok: bool,
    /// The farthest element; none where nothing could be compared.
    pub worst: Option<Worst>,
    /// Why nothing could be compared.
    pub failure: Option<String>,
    /// Seconds on the checked device, and on the other.
    pub seconds: [f64; 2],
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Did all that was checked pass, and was anything?
    pub ok: bool,
    /// What the device was compared with.
    pub against: &'static str,
    /// Cases in the order in which they were executed.
    pub cases: Vec<Checked>,
    /// Cases that there was no time for.
    pub skipped: usize,
    /// How long it took.
    pub seconds: f64,
}

/// How the two sides compute.
struct Sides<'a> {
    device: &'a Device,
    /// A GPU: the other side is the processor with the project's kernels; else the processor without them.
    gpu: bool,
    products: Products,
    precision: Precision,
}

impl Sides<'_> {
    fn checked<T>(&self, f: impl Fn(&Device, Precision) -> Result<T>) -> Result<T, String> {
        run(|| f(self.device, self.precision))
    }

    fn other<T>(&self, f: impl Fn(&Device, Precision) -> Result<T>) -> Result<T, String> {
        let (processor, exact) = (Device::flex(), Precision::F32);
        run(|| if self.gpu { f(&processor, exact) } else { native::without(|| f(&processor, exact)) })
    }
}

/// What `f` returns; an error's or a panic's message otherwise.
fn run<T>(f: impl FnOnce() -> Result<T>) -> Result<T, String> {
    caught(f).and_then(|result| result.map_err(|error| error.to_string()))
}

/// Checks the device. `progress` hears after each case, and once before the first, of all that are done and of how
/// many there are, and may stop by `false`.
pub fn check(what: &Checking<'_>, progress: &mut dyn FnMut(&[Checked], usize) -> bool) -> Report {
    check_cases(what, cases::all(), progress)
}

fn check_cases(
    what: &Checking<'_>,
    cases: Vec<Named>,
    progress: &mut dyn FnMut(&[Checked], usize) -> bool,
) -> Report {
    let begun = Instant::now();
    let gpu = device::queues(what.device);
    let products = match (what.precision, gpu) {
        (Precision::Bf16, _) => Products::Bf16,
        (Precision::F32, true) => Products::Tf32,
        (Precision::F32, false) => Products::Float,
    };
    let sides = Sides { device: what.device, gpu, products, precision: what.precision };
    let total = cases.len() + what.networks.len();
    let mut done: Vec<Checked> = Vec::with_capacity(total);
    // Networks after the first case of each kind: they are what matters most.
    let boxed = |named| Work::Instruction(Box::new(named));
    let mut instructions = cases.into_iter();
    let first: Vec<Named> = instructions.by_ref().take(Instr::KINDS.len()).collect();
    let work = first.into_iter().map(boxed);
    let work = work.chain(what.networks.iter().map(Work::Network));
    let mut goes_on = progress(&done, total);
    for work in work.chain(instructions.map(boxed)) {
        let late = what.limit.is_some_and(|limit| begun.elapsed() >= limit);
        if late || !goes_on {
            break;
        }
        done.push(match work {
            Work::Instruction(named) => instruction(&named, &sides),
            Work::Network((name, network, sizes)) => step(name, network, *sizes, &sides),
        });
        goes_on = progress(&done, total);
    }
    Report {
        ok: !done.is_empty() && done.iter().all(|case| case.ok),
        against: if gpu { "the processor" } else { "Burn's own operations" },
        skipped: total - done.len(),
        cases: done,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

enum Work<'a> {
    Instruction(Box<Named>),
    Network(&'a (String, Network, Sizes)),
}

/// What an instruction gave, in host memory.
struct Found {
    tensors: Vec<(String, HostTensor)>,
    ints: Vec<Vec<i64>>,
}

/// Executes a case, and brings everything that it gave to host memory.
fn execute(case: &Case, device: &Device, precision: Precision) -> Result<Found> {
    let case = Case { precision, ..case.clone() };
    let ran: Ran = case.execute(device)?;
    let (mut tensors, mut ints) = (Vec::new(), Vec::new());
    for (at, result) in ran.results.iter().enumerate() {
        if result.is_int() {
            ints.push(result.to_ints()?);
        } else {
            let name = if at == 0 { "result".into() } else { format!("result {at}") };
            tensors.push((name, result.clone().inner().cast(FloatDType::F32).to_host()?));
        }
    }
    for (at, (_, value)) in ran.statistics.iter().enumerate() {
        tensors.push((format!("new statistics {at}"), Value::from(value.clone()).to_host()?));
    }
    let Some(first) = ran.results.first().filter(|first| !first.is_int()) else {
        return Ok(Found { tensors, ints });
    };
    let mut stream = Stream::new(0, Purpose::Check, [counter(&case.path), u64::MAX]);
    let probe = (0..first.shape().iter().product()).map(|_| stream.normal()).collect();
    if let Some(gradients) = ran.gradients(probe)? {
        for (what, list) in [("operand", &gradients.reads), ("weight", &gradients.weights)] {
            for (at, gradient) in list.iter().enumerate() {
                if let Some(gradient) = gradient {
                    tensors.push((format!("gradient of {what} {at}"), gradient.to_host()?));
                }
            }
        }
    }
    Ok(Found { tensors, ints })
}

fn instruction(named: &Named, sides: &Sides<'_>) -> Checked {
    let case = &named.case;
    let (result, gradient) = compare::allowed(&case.instr, sides.products);
    judge(
        case.instr.kind(),
        &named.name,
        sides,
        |device, precision| execute(case, device, precision),
        |found, expected| {
            if found.ints != expected.ints {
                return Err("other integers".into());
            }
            let names =
                |found: &Found| found.tensors.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            if names(found) != names(expected) {
                return Err(format!("gave {:?} instead of {:?}", names(found), names(expected)));
            }
            let mut worst: Option<Worst> = None;
            for ((name, a), (_, b)) in found.tensors.iter().zip(&expected.tensors) {
                if a.shape != b.shape {
                    return Err(format!("{name} has shape {:?} instead of {:?}", a.shape, b.shape));
                }
                let allowed = if name.starts_with("gradient") { gradient } else { result };
                if let Some(next) = compare::elements(name, &a.data, &b.data, &b.shape, allowed) {
                    worst = Some(next.or(worst));
                }
            }
            // Labels have no floats; nothing else goes without.
            Ok(worst)
        },
    )
}

fn step(name: &str, network: &Network, sizes: Sizes, sides: &Sides<'_>) -> Checked {
    let name = format!("{name}, {}x3x{}x{}", sizes.n, sizes.h, sizes.w);
    judge(
        "network",
        &name,
        sides,
        |device, precision| networks::compute(network, sizes, device, precision),
        |found, expected| networks::compare(found, expected, sides.products).map(Some),
    )
}

/// Computes on both sides and compares.
fn judge<T>(
    kind: &str,
    name: &str,
    sides: &Sides<'_>,
    compute: impl Fn(&Device, Precision) -> Result<T>,
    compare: impl Fn(&T, &T) -> Result<Option<Worst>, String>,
) -> Checked {
    let timed = |f: &dyn Fn() -> Result<T, String>| {
        let begun = Instant::now();
        (f(), begun.elapsed().as_secs_f64())
    };
    let (expected, other) = timed(&|| sides.other(&compute));
    let (found, own) = timed(&|| sides.checked(&compute));
    let judged = match (found, expected) {
        (Ok(found), Ok(expected)) => compare(&found, &expected),
        (Err(why), _) => Err(why),
        (_, Err(why)) => Err(format!("{why} (where it is compared with)")),
    };
    let (worst, failure) = match judged {
        Ok(worst) => (worst, None),
        Err(why) => (None, Some(why)),
    };
    let ok = failure.is_none() && worst.as_ref().is_none_or(Worst::passes);
    Checked { kind: kind.into(), name: name.into(), ok, worst, failure, seconds: [own, other] }
}

#[cfg(test)]
mod tests;
