//! A forward pass that can be gone through backward, segment by segment.
//!
//! Comes in: the executor of a plan for training, in segments, and a batch. Goes out: losses and running
//! statistics, then the gradients of each segment, the last one first. Guaranteed: a segment that is computed
//! again sees the same operands and draws the same random numbers as the first time, and its running statistics
//! are not taken twice; a plan in one piece is one graph, as Burn would have it.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::tensor::{FloatDType, Gradients, Tensor};
use phg_compiler::plan::segments::Segment;
use phg_compiler::plan::{Role, ValueId};

use super::{Bindings, Executor, Look, Outputs, StepTimes, Values};
use crate::bank::Bank;
use crate::error::Result;
use crate::tensor::{Value, each_float, unfit};

/// What a segment's forward pass leaves for its backward pass: the ends of its graph.
#[derive(Default)]
struct Tape {
    /// What came in, as leaves.
    reads: Vec<(ValueId, Value)>,
    /// What went out to later segments.
    writes: Vec<(ValueId, Value)>,
    /// Terms of the loss.
    losses: Vec<Tensor<1>>,
}

/// A forward pass.
pub(crate) struct Pass<'a> {
    executor: &'a Executor,
    bank: &'a Bank,
    bindings: &'a Bindings,
    /// Values that cross from segment to segment, without a graph.
    stored: Vec<Option<Value>>,
    /// `None` for a segment that is computed again.
    tapes: Vec<Option<Tape>>,
    /// Losses, reports and statistics, without a graph. A training step has no use for predictions.
    pub(crate) outputs: Outputs,
}

impl Executor {
    /// Computes the plan and keeps what its segments need to go back. Adds up how long its steps took,
    /// as [`Executor::run_timed`] does.
    ///
    /// # Errors
    /// As for [`Executor::run`].
    pub(crate) fn forward<'a>(
        &'a self,
        bank: &'a Bank,
        bindings: &'a Bindings,
        times: &mut StepTimes,
    ) -> Result<Pass<'a>> {
        let mut values = self.values(bindings);
        self.bind(bindings, &mut values, false)?;
        let mut pass = Pass {
            executor: self,
            bank,
            bindings,
            stored: values.slots,
            tapes: Vec::new(),
            outputs: Outputs::default(),
        };
        self.wait()?;
        let mut last = Instant::now();
        let mut collected = BTreeMap::new();
        let results = || self.plan.outputs.iter().filter(|output| output.role != Role::Prediction);
        for segment in self.segments.list() {
            let mut values = self.values(bindings);
            let mut look = |step: &phg_compiler::plan::Step, _: &mut Vec<Value>| {
                self.wait()?;
                let now = Instant::now();
                times.add(step, now - std::mem::replace(&mut last, now));
                Ok(())
            };
            let (tape, statistics) = pass.compute(segment, !segment.again, &mut values, &mut look)?;
            pass.outputs.statistics.extend(statistics);
            for output in results() {
                if let Some(value) = values.slots.get_mut(output.value.0 as usize).and_then(Option::take) {
                    collected.insert(output.value, value.inner().cast(FloatDType::F32));
                }
            }
            pass.tapes.push((!segment.again).then_some(tape));
            pass.forget(&segment.drops);
        }
        for output in results() {
            let value =
                collected.get(&output.value).ok_or_else(|| unfit("an output was not written"))?.clone();
            pass.outputs.push(output, value)?;
        }
        Ok(pass)
    }
}

impl Pass<'_> {
    /// Goes back through the segments. `each` is given the gradients that the parameters have in one of them.
    ///
    /// # Errors
    /// As for [`Executor::run`], and what `each` returns.
    pub(crate) fn backward(mut self, each: &mut dyn FnMut(&mut Gradients) -> Result<()>) -> Result<()> {
        let mut later: BTreeMap<ValueId, Value> = BTreeMap::new();
        let executor = self.executor;
        for segment in executor.segments.list().iter().rev() {
            let tape = match self.tapes.pop().flatten() {
                Some(tape) => tape,
                None => {
                    let mut values = executor.values(self.bindings);
                    self.compute(segment, true, &mut values, &mut |_, _| Ok(()))?.0
                }
            };
            let Tape { reads, writes, losses } = tape;
            if let Some(total) = total(losses, writes, &mut later)? {
                let mut found = total.backward();
                drop(total);
                for (id, leaf) in reads {
                    let gradient: Option<Value> = each_float!(
                        leaf, "a gradient", x => x.grad_remove(&mut found).map(Value::from)
                    );
                    if let Some(gradient) = gradient {
                        let sum = match later.remove(&id) {
                            Some(earlier) => earlier.add(gradient)?,
                            None => gradient,
                        };
                        later.insert(id, sum);
                    }
                }
                each(&mut found)?;
            }
            self.forget(&segment.drops_backward);
        }
        executor.wait()
    }

    /// Computes one segment from what is stored, with a graph or without, and stores what later ones read. What is
    /// left in `values` are the outputs of the plan.
    #[allow(clippy::type_complexity, reason = "a pair of what two callers take apart at once")]
    fn compute(
        &mut self,
        segment: &Segment,
        tracked: bool,
        values: &mut Values<'_>,
        look: Look<'_>,
    ) -> Result<(Tape, Vec<(String, Tensor<1>)>)> {
        let executor = self.executor;
        let mut tape = Tape::default();
        for id in &segment.reads {
            let value = self.stored.get(id.0 as usize).and_then(Option::as_ref);
            let value = value.ok_or_else(|| unfit("a value is read after it was dropped"))?.clone();
            let value = match (tracked, executor.segments.is_tracked(*id)) {
                (false, _) => value,
                (true, false) => value.autodiff(),
                (true, true) => {
                    let leaf = value.leaf()?;
                    tape.reads.push((*id, leaf.clone()));
                    leaf
                }
            };
            values.put(*id, value)?;
        }
        let steps = segment.steps.clone();
        let statistics = executor.steps(steps, self.bank, self.bindings, values, tracked, look)?;
        for id in &segment.writes {
            let value = values.get(*id)?;
            if let Some(stored) = self.stored.get_mut(id.0 as usize)
                && stored.is_none()
            {
                *stored = Some(value.clone().inner());
            }
            if tracked && executor.segments.is_tracked(*id) {
                tape.writes.push((*id, value));
            }
        }
        for output in &executor.plan.outputs {
            let here = values.slots.get(output.value.0 as usize).and_then(Option::as_ref);
            if let (Role::Loss, true, Some(value)) = (output.role, tracked, here)
                && !segment.reads.contains(&output.value)
            {
                tape.losses.push(value.clone().cast(FloatDType::F32).f1()?);
            }
        }
        Ok((tape, statistics))
    }

    fn forget(&mut self, ids: &[ValueId]) {
        for id in ids {
            if let Some(stored) = self.stored.get_mut(id.0 as usize) {
                *stored = None;
            }
        }
    }
}

/// A sum whose gradients are those of the whole loss: the losses of a segment, and what it gave to later ones
/// times the gradients that were found there. `None` where nothing has a gradient.
fn total(
    losses: Vec<Tensor<1>>,
    writes: Vec<(ValueId, Value)>,
    later: &mut BTreeMap<ValueId, Value>,
) -> Result<Option<Tensor<1>>> {
    let mut total: Option<Tensor<1>> = None;
    let mut add = |term: Tensor<1>| {
        total = Some(match total.take() {
            Some(sum) => sum + term,
            None => term,
        });
    };
    losses.into_iter().for_each(&mut add);
    for (id, value) in writes {
        let Some(gradient) = later.remove(&id) else { continue };
        // A half-precision value's term joins losses of full precision; its gradient stays what it is.
        add(value.dot(gradient)?.cast(FloatDType::F32));
    }
    Ok(total.filter(Tensor::is_tracked))
}

#[cfg(test)]
mod tests;
