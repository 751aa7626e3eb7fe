//! In which numbers a run computes: the policy of `--precision`, and the one table of what it means for each
//! instruction.
//!
//! Comes in: an instruction, its operands and its weights. Goes out: the same, cast. Guaranteed: parameters,
//! running statistics, gradients of parameters, losses and predictions are 32-bit floats whatever the policy is;
//! at `f32` nothing is cast.

use std::fmt;
use std::str::FromStr;

use burn::tensor::FloatDType;
use phg_compiler::plan::Instr;
use phg_compiler::plan::instr::{Binary, Pool, PoolKind, ResizeMode, Unary};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::error::{Error, Kind};
use crate::tensor::Value;

/// In which numbers a run computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats everywhere.
    #[default]
    F32,
    /// Mixed precision (Micikevicius et al. 2018) with bfloat16, which has the range of a 32-bit float and 8 bits
    /// of mantissa, so that losses need no scaling: products and activations in bfloat16; parameters, norms,
    /// losses and reductions in 32-bit floats.
    Bf16,
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(Error::new(
                codes::DEVICE_PRECISION,
                Kind::Usage,
                format!("no precision is called `{text}`"),
            )
            .at("--precision")
            .help("write `--precision f32` or `--precision bf16`")),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// What mixed precision does with an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// Operands, weights and result are bfloat16. Products: where the time goes, and what tensor cores do in
    /// bfloat16, adding up in 32 bits.
    Half,
    /// Operands and weights are 32-bit floats, and the result is kept as bfloat16. Sums inside, forward or
    /// backward, whose result is an activation: what is kept for the backward pass is halved, what is added up is not.
    Rounded,
    /// Operands, weights and result are 32-bit floats. Losses, divergences, reductions, and functions whose
    /// relative error grows with their operand.
    Full,
    /// Whatever the operands are; the wider one where they differ. Nothing is added up here but a few gradients.
    Same,
}

/// The table.
fn numbers(instr: &Instr) -> Numbers {
    match instr {
        Instr::Convolve(_) | Instr::ConvolveTransposed(_) | Instr::Linear { .. } | Instr::MatMul => {
            Numbers::Half
        }
        // The statistics of a batch; a window's sum; the gradients of what was resized, put to one place or repeated.
        Instr::Normalise(_)
        | Instr::Pool(Pool { kind: PoolKind::Average, .. })
        | Instr::Resize { mode: ResizeMode::Bilinear | ResizeMode::Nearest, .. }
        | Instr::PoolCells { .. }
        | Instr::Prelu { .. }
        | Instr::GaussianBlur { .. }
        | Instr::Unpool { .. }
        | Instr::Expand { .. } => Numbers::Rounded,
        Instr::Softmax { .. }
        | Instr::Reduce { .. }
        | Instr::CrossEntropy(_)
        | Instr::SoftIou { .. }
        | Instr::KlGaussian { .. }
        | Instr::KlMixture { .. }
        | Instr::Unary(Unary::Exp | Unary::Log | Unary::Sqrt)
        | Instr::Binary(Binary::Divide) => Numbers::Full,
        Instr::Pool(Pool { kind: PoolKind::Max, .. })
        | Instr::Unary(
            Unary::Relu
            | Unary::Relu6
            | Unary::LeakyRelu(_)
            | Unary::Sigmoid
            | Unary::Tanh
            | Unary::Negate
            | Unary::Scale(_)
            | Unary::Offset(_)
            | Unary::Above(_)
            | Unary::Clamp(..),
        )
        | Instr::Binary(Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Max)
        | Instr::Concat { .. }
        | Instr::Slice { .. }
        | Instr::Pad { .. }
        | Instr::Reshape { .. }
        | Instr::Permute { .. }
        | Instr::Dropout { .. }
        | Instr::StopGradient
        | Instr::OneHot { .. }
        | Instr::Fill { .. }
        | Instr::Diagonal { .. }
        | Instr::Argmax
        | Instr::ResizeLabels { .. }
        | Instr::Normal { .. }
        | Instr::Ramp { .. }
        | Instr::Learned { .. } => Numbers::Same,
    }
}

impl Precision {
    /// The operands as the instruction reads them; integers stay what they are.
    pub(crate) fn operands(self, instr: &Instr, reads: Vec<Value>) -> Vec<Value> {
        if self == Self::F32 {
            return reads;
        }
        let to = match numbers(instr) {
            Numbers::Half => FloatDType::BF16,
            Numbers::Rounded | Numbers::Full => FloatDType::F32,
            Numbers::Same => {
                let wide = |value: &Value| value.float_type().is_some_and(|found| found != FloatDType::BF16);
                if !reads.iter().any(wide) {
                    return reads;
                }
                FloatDType::F32
            }
        };
        reads.into_iter().map(|value| value.cast(to)).collect()
    }

    /// Does the instruction read its weights as bfloat16? The cast is part of the graph, so that their gradients
    /// come back as 32-bit floats.
    pub(crate) fn halves_weights(self, instr: &Instr) -> bool {
        self == Self::Bf16 && numbers(instr) == Numbers::Half
    }

    /// The results as they are kept.
    pub(crate) fn results(self, instr: &Instr, results: Vec<Value>) -> Vec<Value> {
        match (self, numbers(instr)) {
            (Self::Bf16, Numbers::Half | Numbers::Rounded) => {
                results.into_iter().map(|value| value.cast(FloatDType::BF16)).collect()
            }
            (Self::Bf16, Numbers::Full | Numbers::Same) | (Self::F32, _) => results,
        }
    }

    /// Is the result of the instruction rounded to bfloat16, whatever its operands are?
    pub(crate) fn rounds(self, instr: &Instr) -> bool {
        match (self, numbers(instr)) {
            (Self::Bf16, Numbers::Half | Numbers::Rounded) => true,
            (Self::Bf16, Numbers::Full | Numbers::Same) | (Self::F32, _) => false,
        }
    }
}

#[cfg(test)]
mod tests;
