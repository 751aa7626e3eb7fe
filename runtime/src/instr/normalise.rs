//! Batch normalisation (Ioffe and Szegedy 2015), with PyTorch's running statistics.
//!
//! A norm whose scale and offset are both frozen computes as in evaluation while the network trains: a part that is not
//! trained gives what it gave when its weights were made.

use burn::tensor::Tensor;
use burn::tensor::module::{batch_norm, batch_norm_train};
use phg_compiler::plan::WeightId;
use phg_compiler::plan::instr::Normalise;

use super::Context;
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::native;
use crate::tensor::{Value, unfit};

/// Normalises each channel (axis 1): by the batch's statistics while training, by the running ones otherwise.
pub(super) fn normalise(instr: &Normalise, x: Value, context: &mut Context<'_>) -> Result<Value> {
    let rank = x.shape().len();
    Ok(match rank {
        2 => by_rank(instr, x.f2()?, context)?.into(),
        3 => by_rank(instr, x.f3()?, context)?.into(),
        4 => by_rank(instr, x.f4()?, context)?.into(),
        _ => return Err(unfit(format!("no batch norm of {}", x.describe()))),
    })
}

fn is_frozen(instr: &Normalise, context: &Context<'_>) -> bool {
    let trains =
        |id: &WeightId| context.plan.weights.get(id.0 as usize).is_some_and(|weight| weight.trainable);
    ![instr.scale, instr.offset].iter().any(trains)
}

fn by_rank<const D: usize>(instr: &Normalise, x: Tensor<D>, context: &mut Context<'_>) -> Result<Tensor<D>>
where
    Value: From<Tensor<D>>,
{
    let (scale, offset) = (context.vector(instr.scale)?, context.vector(instr.offset)?);
    let (mean, variance) = (context.vector(instr.mean)?, context.vector(instr.variance)?);
    let epsilon = f64::from(instr.epsilon);
    if !context.training() || is_frozen(instr, context) {
        return Ok(batch_norm(x, scale, offset, mean, variance, epsilon));
    }
    let dims = x.dims();
    let count = dims.iter().product::<usize>() / dims[1].max(1);
    if count < 2 {
        let message = "batch norm cannot train on one value a channel";
        return Err(Error::new(codes::TRAIN_BATCH, Kind::Training, message)
            .at(context.path)
            .help("train with a larger batch (`batch = 2` or more) or larger images (`--size`)"));
    }
    let (scale, offset) = (Value::F1(scale), Value::F1(offset));
    let (y, batch_mean, batch_variance) =
        match native::normalise(&x.clone().into(), &scale, &offset, instr.epsilon)? {
            Some(batch) => (batch.y, batch.mean, batch.variance),
            None => {
                let batch = batch_norm_train(x, scale.f1()?, offset.f1()?, epsilon);
                (batch.output, batch.mean.inner(), batch.variance.inner())
            }
        };
    // A layer that is played again leaves its statistics alone (`replay` in the language).
    if instr.momentum == 0.0 {
        return Ok(y);
    }
    // The running variance is unbiased (count - 1), although the batch was normalised by the biased one.
    let unbiased = batch_variance.mul_scalar(count as f64 / (count - 1) as f64);
    let m = f64::from(instr.momentum);
    let blend = |old: Tensor<1>, new: Tensor<1>| old.inner().mul_scalar(1.0 - m) + new.mul_scalar(m);
    context.statistics.push((instr.mean, blend(mean, batch_mean)));
    context.statistics.push((instr.variance, blend(variance, unbiased)));
    Ok(y)
}
