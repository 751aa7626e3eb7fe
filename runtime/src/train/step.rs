//! One training step: forward, backward, gradients of several micro-batches, clipping, update.
//!
//! Comes in: the executor of a plan for training, its bank and optimiser, and micro-batches. Goes out: new
//! parameters and running statistics, and the loss terms. Guaranteed: a loss or gradient that is not finite is
//! an error that names the first bad node, and leaves parameters, optimiser and averages as they were; the same
//! state and batches give the same bits at a given number of threads.

use std::time::{Duration, Instant};

use burn::tensor::Tensor;

use crate::bank::Bank;
use crate::codes;
use crate::device;
use crate::error::{Error, Kind, Result};
use crate::exec::{Bindings, Executor, Outputs, StepTimes};
use crate::optim::{self, Ema, Gradients, Optimizer, mix};
use crate::tensor::{Value, each_float, read, unfit};

/// What a step is made of, besides its batches.
pub struct Trainer<'a> {
    /// Executes the plan for training.
    pub executor: &'a Executor,
    /// Parameters and running statistics.
    pub bank: &'a mut Bank,
    /// The rule.
    pub optimizer: &'a mut Optimizer,
    /// Averages of the parameters.
    pub ema: Option<&'a mut Ema>,
    /// Limit of the gradients' global L2 norm.
    pub clip: Option<f32>,
}

/// What a step measured.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The total loss, mean over the micro-batches.
    pub loss: f64,
    /// Its terms, in the plan's order, weighted.
    pub terms: Vec<(String, f64)>,
    /// Parts of terms, in the plan's order, unweighted.
    pub reports: Vec<(String, f64)>,
    /// The gradients' global L2 norm before clipping.
    pub gradient_norm: f64,
    /// How long it took.
    pub times: Times,
}

/// How long the parts of a step took, over all micro-batches; on a GPU, how long it took to ask for them, unless
/// the executor is [`waiting`](Executor::waiting).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// The forward pass.
    pub forward: StepTimes,
    /// The backward pass.
    pub backward: Duration,
    /// Norm, clipping, the optimiser's rule and averages.
    pub update: Duration,
}

impl Trainer<'_> {
    /// Makes one step by learning rate `rate` on the mean of the micro-batches' losses.
    ///
    /// # Errors
    /// `phg::train::not_finite` for a loss or gradient that is no finite number; and what [`Executor::run`]
    /// returns.
    pub fn step(&mut self, batches: &[Bindings], rate: f64) -> Result<StepReport> {
        device::compute(|| self.compute(batches, rate))
    }

    fn compute(&mut self, batches: &[Bindings], rate: f64) -> Result<StepReport> {
        if batches.is_empty() {
            return Err(unfit("a training step without a batch"));
        }
        let share = 1.0 / batches.len() as f64;
        let mut report = StepReport {
            loss: 0.0,
            terms: Vec::new(),
            reports: Vec::new(),
            gradient_norm: 0.0,
            times: Times::default(),
        };
        let mut gradients = Gradients::new();
        let mut scalars = Vec::new();
        // Statistics move with every micro-batch, on a copy that replaces the bank when the step has succeeded.
        let mut bank = self.bank.clone();
        for batch in batches {
            let mut pass = self.executor.forward(&bank, batch, &mut report.times.forward)?;
            let outputs = std::mem::take(&mut pass.outputs);
            scalars.push(sum(&outputs.losses)?);
            scalars.extend(outputs.losses.iter().chain(&outputs.reports).map(|(_, term)| term.clone()));
            (report.terms, report.reports) = (zeros(&outputs.losses), zeros(&outputs.reports));
            let begun = Instant::now();
            pass.backward(&mut |found| collect(&mut gradients, &bank, found, share))?;
            report.times.backward += begun.elapsed();
            outputs.update(&mut bank)?;
        }
        let begun = Instant::now();
        scalars.extend(optim::squares(&gradients)?);
        // The only place where a step waits for a device that queues its work.
        let mut read = read(scalars)?.into_iter();
        let mut next = || read.next().ok_or_else(|| unfit("a scalar was not read"));
        for batch in batches {
            let loss = next()?;
            if !loss.is_finite() {
                return Err(self.not_finite(batch, loss));
            }
            report.loss += loss * share;
            for (_, value) in report.terms.iter_mut().chain(&mut report.reports) {
                *value += next()? * share;
            }
        }
        report.gradient_norm = read.sum::<f64>().sqrt();
        if !report.gradient_norm.is_finite() {
            return Err(bad_gradient(&gradients)?);
        }
        if let Some(limit) = self.clip {
            // PyTorch's formula, whose small number keeps a zero gradient zero.
            let factor = f64::from(limit) / (report.gradient_norm + 1e-6);
            if factor < 1.0 {
                optim::scale(&mut gradients, factor)?;
            }
        }
        self.optimizer.step(&mut bank, gradients, rate)?;
        *self.bank = bank;
        if let Some(ema) = &mut self.ema {
            ema.update(self.bank)?;
        }
        self.executor.wait()?;
        report.times.update = begun.elapsed();
        Ok(report)
    }

    /// The error for a loss that is no finite number, with the first node at fault.
    fn not_finite(&self, batch: &Bindings, loss: f64) -> Error {
        let error = Error::new(codes::TRAIN_NOT_FINITE, Kind::Training, format!("the loss is {loss}")).help(
            "lower the learning rate, clip gradients (`clip = 1.0`), or look at the node that is named",
        );
        match self.executor.find_not_finite(self.bank, batch) {
            Ok(Some(found)) => {
                Error { message: format!("the loss is {loss}: {} is not finite first", found.what), ..error }
                    .at(found.path)
            }
            Ok(None) => error,
            Err(error) => error,
        }
    }
}

/// A forward and a backward pass: what the plan gives, and the gradients of the sum of its losses.
///
/// # Errors
/// What [`Executor::run`] returns.
pub(crate) fn backward(
    executor: &Executor,
    bank: &Bank,
    bindings: &Bindings,
) -> Result<(Outputs, Gradients)> {
    device::compute(|| {
        let mut pass = executor.forward(bank, bindings, &mut StepTimes::default())?;
        let outputs = std::mem::take(&mut pass.outputs);
        let mut gradients = Gradients::new();
        pass.backward(&mut |found| collect(&mut gradients, bank, found, 1.0))?;
        Ok((outputs, gradients))
    })
}

/// The sum of the loss terms.
fn sum(terms: &[(String, Tensor<1>)]) -> Result<Tensor<1>> {
    let mut terms = terms.iter().map(|(_, term)| term.clone());
    let first = terms.next().ok_or_else(|| unfit("a plan for training without a loss"))?;
    Ok(terms.fold(first, |total, term| total + term))
}

/// Sums that nothing was added to.
fn zeros(terms: &[(String, Tensor<1>)]) -> Vec<(String, f64)> {
    terms.iter().map(|(name, _)| (name.clone(), 0.0)).collect()
}

/// Adds a micro-batch's share of the gradients.
fn collect(
    gradients: &mut optim::Gradients,
    bank: &Bank,
    found: &mut burn::tensor::Gradients,
    share: f64,
) -> Result<()> {
    for name in bank.trainable() {
        let parameter = bank.get(name)?;
        let gradient: Option<Value> =
            each_float!(parameter, "a gradient", x => x.grad_remove(found).map(Value::from));
        let Some(gradient) = gradient else { continue };
        let summed = match gradients.remove(name) {
            Some(earlier) => mix(earlier, 1.0, gradient, share)?,
            None if share == 1.0 => gradient,
            None => each_float!(gradient, "a gradient", x => x.mul_scalar(share).into()),
        };
        gradients.insert(name.to_string(), summed);
    }
    Ok(())
}

fn bad_gradient(gradients: &Gradients) -> Result<Error> {
    let error = Error::new(codes::TRAIN_NOT_FINITE, Kind::Training, "a gradient is not finite").help(
        "lower the learning rate, clip gradients (`clip = 1.0`), or look at the parameter that is named",
    );
    for (name, gradient) in gradients {
        if !gradient.is_finite()? {
            return Ok(error.at(name));
        }
    }
    Ok(error)
}

#[cfg(test)]
mod tests;
