//! Executes one instruction: a file for each family.
//!
//! Comes in: a step, its operands, and the run's context. Goes out: the step's results, and new running
//! statistics where a batch norm trains. Guaranteed: every instruction is handled here or does not compile;
//! everything differentiates; an operand of the wrong rank or type is an error.

mod binary;
pub(crate) mod case;
mod convolve;
mod divergence;
mod draw;
mod join;
mod label;
mod linear;
mod loss;
mod normalise;
mod pool;
mod reduce;
pub(crate) mod resize;
mod softmax;
mod unary;

#[cfg(test)]
mod tests;

use burn::tensor::{Device, FloatDType, Tensor};
use phg_compiler::ir::dim::{Dim, Sizes};
use phg_compiler::plan::{Instr, Mode, Plan, Step, WeightId};

use crate::bank::Bank;
use crate::error::Result;
use crate::exec::Bindings;
use crate::precision::Precision;
use crate::random::{Purpose, Stream, counter};
use crate::tensor::{Value, unfit};

/// What an instruction may look at besides its operands.
pub(crate) struct Context<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) bank: &'a Bank,
    pub(crate) bindings: &'a Bindings,
    /// The batch's sizes.
    pub(crate) sizes: Sizes,
    /// Where new tensors are made; with autodiff where a graph is built.
    pub(crate) device: &'a Device,
    /// A graph is built for gradients.
    pub(crate) tracked: bool,
    /// The step's path, for random draws and errors.
    pub(crate) path: &'a str,
    /// In which numbers the run computes.
    pub(crate) precision: Precision,
    /// Whether the step reads weights as bfloat16; [`apply`] decides it.
    pub(crate) half: bool,
    /// New values of running statistics, in order of execution.
    pub(crate) statistics: Vec<(WeightId, Tensor<1>)>,
}

impl Context<'_> {
    /// True while training: batch statistics and dropout.
    fn training(&self) -> bool {
        match self.plan.mode {
            Mode::Train => true,
            Mode::Eval | Mode::Infer => false,
        }
    }

    /// A tensor that the network owns, as the step reads it; with a graph only where one is built.
    fn weight(&self, id: WeightId) -> Result<Value> {
        let weight = self.plan.weights.get(id.0 as usize).ok_or_else(|| unfit("no such weight"))?;
        let value = self.bank.get(&weight.name)?.clone();
        let value = if self.tracked { value.autodiff() } else { value.inner() };
        Ok(if self.half { value.cast(FloatDType::BF16) } else { value })
    }

    fn vector(&self, id: WeightId) -> Result<Tensor<1>> {
        self.weight(id)?.f1()
    }

    fn optional(&self, id: Option<WeightId>) -> Result<Option<Tensor<1>>> {
        id.map(|id| self.vector(id)).transpose()
    }

    fn size(&self, dim: &Dim) -> Result<usize> {
        dim.size(&self.sizes).ok_or_else(|| unfit(format!("size {dim} is none")))
    }

    fn shape(&self, dims: &[Dim]) -> Result<Vec<usize>> {
        dims.iter().map(|dim| self.size(dim)).collect()
    }

    /// The stream of this step's random draws: a function of seed, step counter and path.
    fn stream(&self) -> Stream {
        Stream::new(self.bindings.seed, Purpose::Node, [self.bindings.step, counter(self.path)])
    }
}

/// Executes a step on its operands, which are in the instruction's order, in the numbers of the run's precision.
pub(crate) fn apply(step: &Step, reads: Vec<Value>, context: &mut Context<'_>) -> Result<Vec<Value>> {
    let precision = context.precision;
    context.half = precision.halves_weights(&step.instr);
    let reads = precision.operands(&step.instr, reads);
    Ok(precision.results(&step.instr, execute(step, reads, context)?))
}

fn execute(step: &Step, reads: Vec<Value>, context: &mut Context<'_>) -> Result<Vec<Value>> {
    let mut reads = reads.into_iter();
    let mut next = || reads.next().ok_or_else(|| unfit("an operand is missing"));
    let result = match &step.instr {
        Instr::Convolve(instr) => convolve::convolve(instr, reads.collect(), context)?,
        Instr::ConvolveTransposed(instr) => convolve::transposed(instr, next()?, context)?,
        Instr::Linear { weight, bias } => linear::linear(next()?, *weight, *bias, context)?,
        Instr::Normalise(instr) => normalise::normalise(instr, next()?, context)?,
        Instr::Pool(instr) => return pool::pool(instr, next()?.f4()?),
        Instr::PoolCells { to } => pool::cells(next()?.f4()?, *to),
        Instr::Unpool { to: [rows, columns] } => {
            let to = [context.size(rows)?, context.size(columns)?];
            pool::unpool(next()?.f4()?, next()?.i4()?, to)
        }
        Instr::Resize { mode, to: [rows, columns] } => {
            let to = [context.size(rows)?, context.size(columns)?];
            resize::resize(next()?.f4()?, *mode, to)?.into()
        }
        Instr::Unary(unary) => unary::apply(*unary, next()?)?,
        Instr::Prelu { slope } => unary::prelu(next()?, context.vector(*slope)?)?,
        Instr::Binary(binary) => binary::apply(*binary, next()?, next()?)?,
        Instr::Concat { axis } => join::concat(reads.collect(), *axis)?,
        Instr::Slice { axis, start, len } => {
            join::slice(next()?, *axis, context.size(start)?, context.size(len)?)?
        }
        Instr::Pad { before, after } => join::pad(next()?, &context.shape(before)?, &context.shape(after)?)?,
        Instr::Reshape { dims } => next()?.reshape(&context.shape(dims)?)?,
        Instr::Permute { axes } => join::permute(next()?, axes)?,
        Instr::Expand { dims } => join::expand(next()?, &context.shape(dims)?)?,
        Instr::Softmax { axis, log } => softmax::softmax(next()?, *axis, *log)?,
        Instr::Dropout { rate, channels } => draw::dropout(next()?, *rate, *channels, context)?,
        Instr::MatMul => linear::matmul(next()?, next()?)?,
        Instr::Reduce { by, axes, keep } => reduce::reduce(next()?, *by, axes, *keep)?,
        Instr::OneHot { classes } => label::one_hot(next()?.i3()?, *classes).into(),
        Instr::Fill { value, dims } => draw::fill(*value, &context.shape(dims)?, context)?,
        Instr::Diagonal { value, size } => draw::diagonal(*value, context.size(size)?, context)?,
        Instr::Argmax => reduce::argmax(next()?.f4()?),
        Instr::GaussianBlur { kernel, sigma } => convolve::gaussian_blur(next()?.f4()?, *kernel, *sigma),
        Instr::ResizeLabels { to: [rows, columns] } => {
            let to = [context.size(rows)?, context.size(columns)?];
            resize::labels(next()?.i3()?, to).into()
        }
        Instr::Normal { dims } => draw::normal(&context.shape(dims)?, context)?,
        Instr::StopGradient => {
            // Not Burn's detach: it would make a parameter a new leaf that wants a gradient of its own.
            let constant = next()?.inner();
            if context.tracked { constant.autodiff() } else { constant }
        }
        Instr::Learned { weight } => context.weight(*weight)?,
        Instr::CrossEntropy(instr) => {
            loss::cross_entropy(instr, next()?.f4()?, next()?.i3()?, context.bindings)?.into()
        }
        Instr::Ramp { steps } => draw::ramp(*steps, context)?,
        Instr::SoftIou { absent } => {
            loss::soft_iou(next()?.f4()?, next()?.i3()?, context.bindings.void, *absent)?.into()
        }
        Instr::KlGaussian { standard, reduce, free_bits } => {
            let q = divergence::Gaussian { mean: next()?.f2()?, log_variance: next()?.f2()? };
            let p = if *standard {
                None
            } else {
                Some(divergence::Gaussian { mean: next()?.f2()?, log_variance: next()?.f2()? })
            };
            let scale = divergence::Scale { reduce: *reduce, free_bits: *free_bits };
            divergence::gaussian(q, p, scale).into()
        }
        Instr::KlMixture { by, reduce, free_bits } => {
            let mut mixture = || -> Result<divergence::Mixture> {
                Ok(divergence::Mixture::new(next()?.f2()?, next()?.f3()?, next()?.f3()?))
            };
            let (q, p) = (mixture()?, mixture()?);
            let scale = divergence::Scale { reduce: *reduce, free_bits: *free_bits };
            divergence::mixture(q, p, *by, scale, context).into()
        }
    };
    Ok(vec![result])
}
