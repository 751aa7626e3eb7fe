//! Convolutions and transposed convolutions of `[n, c, h, w]`.

use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Tensor, TensorData};
use phg_compiler::plan::instr::{Convolve, ConvolveTransposed, Unary};
use phg_kernels::Window;

use super::{Context, join, unary};
use crate::error::Result;
use crate::native;
use crate::tensor::Value;

/// The window of either instruction: their fields have the same names.
macro_rules! window {
    ($instr:expr) => {
        Window {
            kernel: $instr.kernel,
            stride: $instr.stride,
            padding: $instr.padding,
            dilation: $instr.dilation,
            groups: $instr.groups,
        }
    };
}

/// Cross-correlation of the operands, and what the instruction does to its result.
pub(super) fn convolve(instr: &Convolve, mut maps: Vec<Value>, context: &Context<'_>) -> Result<Value> {
    let weight = context.weight(instr.weight)?;
    let bias = instr.bias.map(|bias| context.weight(bias)).transpose()?;
    let window = window!(instr);
    let addend = if instr.adds { maps.pop() } else { None };
    let rectify = instr.activation == Some(Unary::Relu);
    if maps.len() > 1 || addend.is_some() || rectify {
        let (bias, addend) = (bias.as_ref(), addend.as_ref());
        let fused = native::Fused { maps: &maps, weight: &weight, bias, addend, rectify, window };
        if let Some(y) = fused.run()? {
            return match instr.activation {
                Some(activation) if !rectify => unary::apply(activation, y.into()),
                Some(_) | None => Ok(y.into()),
            };
        }
    }
    let x = match maps.len() {
        1 => maps.swap_remove(0),
        _ => join::concat(maps, 1)?,
    };
    let mut y = match native::convolve(&x, &weight, bias.as_ref(), window)? {
        Some(y) => y,
        None => {
            let options = ConvOptions::new(instr.stride, instr.padding, instr.dilation, instr.groups);
            conv2d(x.f4()?, weight.f4()?, bias.map(Value::f1).transpose()?, options)
        }
    };
    if let Some(addend) = addend {
        y = y + addend.f4()?;
    }
    match instr.activation {
        Some(activation) => unary::apply(activation, y.into()),
        None => Ok(y.into()),
    }
}

/// Each channel filtered with a gaussian that is cut to `kernel` (odd) pixels and adds up to 1: rows, then columns.
pub(super) fn gaussian_blur(x: Tensor<4>, kernel: usize, sigma: f32) -> Value {
    let (middle, variance) = ((kernel / 2) as f64, f64::from(sigma).powi(2));
    let taps: Vec<f64> =
        (0..kernel).map(|at| (-(at as f64 - middle).powi(2) / (2.0 * variance)).exp()).collect();
    let sum: f64 = taps.iter().sum();
    let taps: Vec<f32> = taps.iter().map(|tap| (tap / sum) as f32).collect();
    let ([n, c, h, w], device) = (x.dims(), x.device());
    let along = |x: Tensor<4>, shape: [usize; 2]| {
        let weight = TensorData::new(taps.clone(), [1, 1, shape[0], shape[1]]);
        let options = ConvOptions::new([1, 1], shape.map(|size| size / 2), [1, 1], 1);
        conv2d(x, Tensor::from_data(weight, &device), None, options)
    };
    let y = along(along(x.reshape([n * c, 1, h, w]), [kernel, 1]), [1, kernel]);
    y.reshape([n, c, h, w]).into()
}

/// The transposed convolution: the gradient of a convolution with respect to its operand.
pub(super) fn transposed(instr: &ConvolveTransposed, x: Value, context: &Context<'_>) -> Result<Value> {
    let (weight, bias) = (context.weight(instr.weight)?, context.optional(instr.bias)?);
    let window = window!(instr);
    let size: [usize; 4] = x.clone().f4()?.dims();
    let to = [0, 1].map(|axis| {
        let reach = instr.dilation[axis] * (instr.kernel[axis] - 1) + 1;
        let whole =
            size[2 + axis].saturating_sub(1) * instr.stride[axis] + reach + instr.output_padding[axis];
        whole.saturating_sub(2 * instr.padding[axis])
    });
    // With an output padding of a whole stride, the convolution of the result has one row more than `x`.
    let inverse = window.output(to) == size[2..];
    if let Some(y) = inverse.then(|| native::transposed(&x, &weight, window, to)).transpose()?.flatten() {
        return Ok(match bias {
            Some(bias) => (y + bias.reshape([1, -1, 1, 1])).into(),
            None => y.into(),
        });
    }
    let options = ConvTransposeOptions::new(
        instr.stride,
        instr.padding,
        instr.output_padding,
        instr.dilation,
        instr.groups,
    );
    Ok(conv_transpose2d(x.f4()?, weight.f4()?, bias, options).into())
}
