//! Executes a plan: one step after the other, on a bank's tensors and a batch's images and labels.
//!
//! Comes in: a plan, a [`Bank`] and [`Bindings`]. Goes out: predictions, loss terms and new running statistics.
//! Guaranteed: the same bank, bindings and number of threads give the same bits; a batch whose size the plan
//! does not take, or a value that is not of the size that the plan states, is an error that names the step.

mod pass;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::segments::Segments;
use phg_compiler::plan::{InputKind, Mode, Output, Plan, Role, Step, ValueId};

use crate::bank::Bank;
use crate::codes;
use crate::device;
use crate::error::{Error, Kind, Result};
use crate::host::HostTensor;
use crate::instr::{self, Context};
use crate::precision::Precision;
use crate::tensor::{Value, unfit};

/// Weights of the classes that are measured on the training split, one for each class, void included.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredWeights {
    /// Median frequency over frequency (Eigen and Fergus 2015).
    pub median_frequency: Vec<f32>,
    /// `1 / ln(1.02 + share)` (Paszke et al. 2016).
    pub inverse_log: Vec<f32>,
}

/// What a run of a plan is given besides the bank.
#[derive(Clone, Debug)]
pub struct Bindings {
    /// Normalised images `[n, 3, h, w]`.
    pub images: Tensor<4>,
    /// Class ids `[n, h, w]`; ids outside the classes belong to no class.
    pub labels: Option<Tensor<3, Int>>,
    /// The class that losses leave out.
    pub void: Option<i64>,
    /// For losses whose class weights come from the training split.
    pub class_weights: Option<MeasuredWeights>,
    /// Counter of forward passes: names the random draws of dropout and sampled latents. With gradients
    /// accumulated over micro-batches, each micro-batch has a value of its own.
    pub step: u64,
    /// Updates of the parameters that lie behind: what weights of losses grow with.
    pub update: u64,
    /// Seed of the random draws.
    pub seed: u64,
}

impl Bindings {
    /// Images `[n, 3, h, w]` from host memory, and labels `[n, h, w]` where there are any.
    ///
    /// # Errors
    /// Data that does not fill its shape, or labels of another size than the images.
    pub fn from_host(images: &HostTensor, labels: Option<&[u8]>, device: &Device) -> Result<Self> {
        let device = device.clone().inner();
        let images = Value::from_host(images, &device)?.f4()?;
        let [n, _, h, w] = images.dims();
        let labels = match labels {
            Some(labels) if labels.len() != n * h * w => {
                return Err(unfit(format!("{} labels for images {:?}", labels.len(), images.dims())));
            }
            Some(labels) => {
                let labels: Vec<i64> = labels.iter().map(|label| i64::from(*label)).collect();
                Some(Tensor::from_data(TensorData::new(labels, [n, h, w]), &device))
            }
            None => None,
        };
        Ok(Self { images, labels, void: None, class_weights: None, step: 0, update: 0, seed: 0 })
    }

    fn sizes(&self) -> Sizes {
        let [n, _, h, w] = self.images.dims();
        Sizes { n, h, w }
    }
}

/// What a run of a plan gives, in the order of the plan's outputs.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Predictions `[n, c, h, w]` by name.
    pub predictions: Vec<(String, Tensor<4>)>,
    /// Terms of the total loss `[1]`, weighted; the total is their sum.
    pub losses: Vec<(String, Tensor<1>)>,
    /// Parts of loss terms `[1]`, unweighted, for reports.
    pub reports: Vec<(String, Tensor<1>)>,
    /// New running statistics `[c]` by name, without a graph; [`Outputs::update`] puts them into a bank.
    pub statistics: Vec<(String, Tensor<1>)>,
}

impl Outputs {
    /// Puts the new running statistics into the bank.
    ///
    /// # Errors
    /// A bank of another network.
    pub fn update(&self, bank: &mut Bank) -> Result<()> {
        self.statistics.iter().try_for_each(|(name, value)| bank.set(name, value.clone().into()))
    }

    fn push(&mut self, output: &Output, value: Value) -> Result<()> {
        match output.role {
            Role::Prediction => self.predictions.push((output.name.clone(), value.f4()?)),
            Role::Loss => self.losses.push((output.name.clone(), value.f1()?)),
            Role::Report => self.reports.push((output.name.clone(), value.f1()?.inner())),
        }
        Ok(())
    }
}

/// The first value of a run that is not a finite number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// The step's path in the spec, an input's name, or a parameter's path.
    pub path: String,
    /// Such as `the result of convolve`.
    pub what: &'static str,
}

/// How long the steps of a forward pass took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepTimes {
    /// By section.
    pub sections: BTreeMap<String, Duration>,
    /// By kind of instruction, [`phg_compiler::plan::Instr::kind`].
    pub instructions: BTreeMap<String, Duration>,
}

impl StepTimes {
    fn add(&mut self, step: &Step, time: Duration) {
        let names =
            [(&mut self.sections, step.section.as_str()), (&mut self.instructions, step.instr.kind())];
        for (times, name) in names {
            match times.get_mut(name) {
                Some(sum) => *sum += time,
                None => {
                    times.insert(name.to_owned(), time);
                }
            }
        }
    }
}

/// Is shown each step and its results before they are stored, and may change them.
type Look<'a> = &'a mut dyn FnMut(&Step, &mut Vec<Value>) -> Result<()>;

/// A plan with a device to run it on.
#[derive(Clone)]
pub struct Executor {
    plan: Plan,
    segments: Segments,
    device: Device,
    precision: Precision,
    waits: bool,
}

impl Executor {
    /// An executor of `plan` on `device`.
    pub fn new(plan: Plan, device: &Device) -> Self {
        let device = match plan.mode {
            Mode::Train => device.clone().autodiff(),
            Mode::Eval | Mode::Infer => device.clone().inner(),
        };
        Self { segments: Segments::whole(&plan), plan, device, precision: Precision::F32, waits: false }
    }

    /// The same, training by `segments` of the plan: some of it is computed again to save memory.
    #[must_use]
    pub fn in_segments(self, segments: Segments) -> Self {
        Self { segments, ..self }
    }

    /// The same, computing in the numbers of `precision`.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The same, waiting for the device after every step, so that [`Executor::run_timed`] tells how long work
    /// took rather than how long it took to ask for it. For measuring: a GPU is slower that way.
    #[must_use]
    pub fn waiting(self) -> Self {
        Self { waits: true, ..self }
    }

    /// Waits for the device if the executor is one that does.
    ///
    /// # Errors
    /// A device that fails.
    pub(crate) fn wait(&self) -> Result<()> {
        if self.waits { device::wait(&self.device) } else { Ok(()) }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs the plan on a batch.
    ///
    /// # Errors
    /// `phg::exec::labels` without labels that the plan reads; `phg::train::batch` for a batch norm that has one
    /// value a channel to train on; `phg::exec::plan` for a plan that does not fit its tensors.
    pub fn run(&self, bank: &Bank, bindings: &Bindings) -> Result<Outputs> {
        device::compute(|| self.walk(bank, bindings, self.trains(), &mut |_, _| Ok(())))
    }

    /// Runs the plan on a batch and adds up how long its steps took; on a GPU, how long it took to ask for them,
    /// unless the executor is [`waiting`](Executor::waiting).
    ///
    /// # Errors
    /// As for [`Executor::run`].
    pub fn run_timed(&self, bank: &Bank, bindings: &Bindings, times: &mut StepTimes) -> Result<Outputs> {
        device::compute(|| {
            self.wait()?;
            let mut last = Instant::now();
            self.walk(bank, bindings, self.trains(), &mut |step, _| {
                self.wait()?;
                let now = Instant::now();
                let time = now - std::mem::replace(&mut last, now);
                times.add(step, time);
                Ok(())
            })
        })
    }

    /// Runs the plan on a batch. `edit` is shown every value as it is written, and may put another of the same shape
    /// in its place.
    ///
    /// # Errors
    /// As for [`Executor::run`], and what `edit` returns.
    pub(crate) fn run_edited(
        &self,
        bank: &Bank,
        bindings: &Bindings,
        edit: &mut (dyn FnMut(ValueId, &mut Value) -> Result<()> + Send),
    ) -> Result<Outputs> {
        device::compute(|| {
            self.walk(bank, bindings, self.trains(), &mut |step, results| {
                step.writes.iter().zip(results).try_for_each(|(id, value)| edit(*id, value))
            })
        })
    }

    /// Runs the plan again and looks at every input, parameter and result: the first that holds a value that is
    /// not a finite number, if any.
    ///
    /// # Errors
    /// As for [`Executor::run`].
    pub fn find_not_finite(&self, bank: &Bank, bindings: &Bindings) -> Result<Option<NotFinite>> {
        if !Value::from(bindings.images.clone()).is_finite()? {
            return Ok(Some(NotFinite { path: "images".into(), what: "the batch" }));
        }
        for weight in &self.plan.weights {
            if !bank.get(&weight.name)?.is_finite()? {
                return Ok(Some(NotFinite { path: weight.name.clone(), what: "the parameter" }));
            }
        }
        let mut found = None;
        self.walk(bank, bindings, false, &mut |step, results| {
            for result in results {
                if found.is_none() && !result.is_finite()? {
                    found = Some(NotFinite { path: step.path.clone(), what: "the result of the step" });
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Does the plan train, and so compute with a graph?
    fn trains(&self) -> bool {
        matches!(self.plan.mode, Mode::Train)
    }

    /// Room for the values of a run.
    fn values(&self, bindings: &Bindings) -> Values<'_> {
        let sizes = bindings.sizes();
        Values { slots: vec![None; self.plan.values.len()], plan: &self.plan, sizes }
    }

    fn walk(&self, bank: &Bank, bindings: &Bindings, tracked: bool, look: Look<'_>) -> Result<Outputs> {
        let mut values = self.values(bindings);
        self.bind(bindings, &mut values, tracked)?;
        let steps = 0..self.plan.steps.len();
        let statistics = self.steps(steps, bank, bindings, &mut values, tracked, look)?;
        let mut outputs = Outputs { statistics, ..Outputs::default() };
        for output in &self.plan.outputs {
            outputs.push(output, values.get(output.value)?.cast(FloatDType::F32))?;
        }
        Ok(outputs)
    }

    /// Runs some of the plan's steps on `values`, with a graph where `tracked`, and returns the new running
    /// statistics.
    fn steps(
        &self,
        steps: Range<usize>,
        bank: &Bank,
        bindings: &Bindings,
        values: &mut Values<'_>,
        tracked: bool,
        look: Look<'_>,
    ) -> Result<Vec<(String, Tensor<1>)>> {
        let device = if tracked { self.device.clone() } else { self.device.clone().inner() };
        let mut context = Context {
            plan: &self.plan,
            bank,
            bindings,
            sizes: bindings.sizes(),
            device: &device,
            tracked,
            path: "",
            precision: self.precision,
            half: false,
            statistics: Vec::new(),
        };
        for step in self.plan.steps.get(steps).unwrap_or_default() {
            context.path = &step.path;
            let reads = values.read(step, &self.plan)?;
            let mut results =
                instr::apply(step, reads, &mut context).map_err(|error| located(error, step))?;
            look(step, &mut results)?;
            values.write(step, results).map_err(|error| located(error, step))?;
        }
        let named = context.statistics.into_iter().map(|(id, value)| {
            let weight = self.plan.weights.get(id.0 as usize).ok_or_else(|| unfit("no such weight"))?;
            Ok((weight.name.clone(), value))
        });
        named.collect()
    }

    fn bind(&self, bindings: &Bindings, values: &mut Values<'_>, tracked: bool) -> Result<()> {
        for input in &self.plan.inputs {
            let value: Value = match input.kind {
                InputKind::Image => bindings.images.clone().into(),
                InputKind::Labels { .. } => match &bindings.labels {
                    Some(labels) => labels.clone().into(),
                    None => {
                        let message = format!("`{}` needs labels, and there are none", input.name);
                        return Err(Error::new(codes::EXEC_LABELS, Kind::Data, message).at(&input.name));
                    }
                },
            };
            values.put(input.value, if tracked { value.autodiff() } else { value.inner() })?;
        }
        Ok(())
    }
}

/// An error of an instruction, with the step's path unless it has a place already.
fn located(error: Error, step: &Step) -> Error {
    if error.place.is_some() { error } else { error.at(&step.path) }
}

/// The values of a run.
struct Values<'a> {
    slots: Vec<Option<Value>>,
    plan: &'a Plan,
    sizes: Sizes,
}

impl Values<'_> {
    fn get(&self, id: ValueId) -> Result<Value> {
        self.slots
            .get(id.0 as usize)
            .and_then(Clone::clone)
            .ok_or_else(|| unfit(format!("value {} is read before it is written or after it is freed", id.0)))
    }

    /// The operands of a step. A value that the step reads last leaves its slot, so that its memory can be
    /// reused for the result.
    fn read(&mut self, step: &Step, plan: &Plan) -> Result<Vec<Value>> {
        let reads = step.reads.iter().map(|id| self.get(*id)).collect::<Result<_>>()?;
        for id in &step.frees {
            let kept = plan.outputs.iter().any(|output| output.value == *id);
            if !kept
                && !step.writes.contains(id)
                && let Some(slot) = self.slots.get_mut(id.0 as usize)
            {
                *slot = None;
            }
        }
        Ok(reads)
    }

    fn write(&mut self, step: &Step, results: Vec<Value>) -> Result<()> {
        if results.len() != step.writes.len() {
            return Err(unfit(format!("{} results for {} values", results.len(), step.writes.len())));
        }
        step.writes.iter().zip(results).try_for_each(|(id, value)| {
            self.put(*id, value)?;
            // A result that nothing reads.
            if step.frees.contains(id) && !self.plan.outputs.iter().any(|output| output.value == *id) {
                self.slots[id.0 as usize] = None;
            }
            Ok(())
        })
    }

    /// Stores a value that has the size which the plan states.
    fn put(&mut self, id: ValueId, value: Value) -> Result<()> {
        let at = id.0 as usize;
        let (Some(stated), Some(slot)) = (self.plan.values.get(at), self.slots.get_mut(at)) else {
            return Err(unfit(format!("no value {at}")));
        };
        let shape = value.shape();
        let equal = |(dim, size): (&phg_compiler::ir::dim::Dim, &usize)| dim.size(&self.sizes) == Some(*size);
        if stated.dims.len() != shape.len() || !stated.dims.iter().zip(&shape).all(equal) {
            let dims: Vec<String> = stated.dims.iter().map(ToString::to_string).collect();
            return Err(unfit(format!("{} where the plan states [{}]", value.describe(), dims.join(", "))));
        }
        *slot = Some(value);
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod network;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod tests;
