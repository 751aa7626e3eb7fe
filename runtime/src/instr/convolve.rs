//! Convolutions and transposed convolutions of `[n, c, h, w]`.

use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use phg_compiler::plan::instr::{Convolve, ConvolveTransposed};

use super::{Context, unary};
use crate::error::Result;
use crate::tensor::Value;

/// Cross-correlation, with bias and activation where the instruction has them.
pub(super) fn convolve(instr: &Convolve, x: Tensor<4>, context: &Context<'_>) -> Result<Value> {
    let weight = context.weight(instr.weight)?.f4()?;
    let options = ConvOptions::new(instr.stride, instr.padding, instr.dilation, instr.groups);
    let y = conv2d(x, weight, context.optional(instr.bias)?, options).into();
    match instr.activation {
        Some(activation) => unary::apply(activation, y),
        None => Ok(y),
    }
}

/// The transposed convolution: the gradient of a convolution with respect to its operand.
pub(super) fn transposed(instr: &ConvolveTransposed, x: Tensor<4>, context: &Context<'_>) -> Result<Value> {
    let weight = context.weight(instr.weight)?.f4()?;
    let options = ConvTransposeOptions::new(
        instr.stride,
        instr.padding,
        instr.output_padding,
        instr.dilation,
        instr.groups,
    );
    Ok(conv_transpose2d(x, weight, context.optional(instr.bias)?, options).into())
}
