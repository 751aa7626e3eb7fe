//! The plan: a straight list of steps over numbered tensors, ready to execute.
//!
//! Comes in: a checked graph. Goes out: steps in execution order, with symbolic sizes until
//! a run binds `N`, `H`, `W`. Guaranteed: every value is written once, before it is read;
//! `frees` names each value after its last reader; reads, writes and weights are indices in range.

pub mod backward;
pub mod cost;
pub mod instr;
pub mod kind;
pub mod latent;
pub mod liveness;
mod losses;
pub mod lower;
pub mod memory;
pub mod print;
pub mod recompute;
pub mod segments;

use serde::Serialize;

use crate::ir::dim::Dim;
pub use instr::Instr;
pub use latent::{Against, Latent};

/// The number of a tensor in [`Plan::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ValueId(pub u32);

/// The number of a tensor in [`Plan::weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct WeightId(pub u32);

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything, batch statistics, labels bound.
    Train,
    /// Everything, running statistics, no dropout, labels bound.
    Eval,
    /// What the outputs need; labels unbound.
    Infer,
}

/// The element type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 32-bit float (or what the precision policy makes of it).
    Float,
    /// Integer: class labels, pooling indices.
    Int,
}

/// A tensor that a step writes or a run binds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Value {
    /// Shape, batch first. A scalar is `[1]`.
    pub dims: Vec<Dim>,
    /// Element type.
    pub dtype: DType,
    /// The section that it belongs to, such as `encoder`; empty outside sections.
    pub section: String,
}

/// One instruction with its operands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// What to do.
    pub instr: Instr,
    /// Operands, in the instruction's order.
    pub reads: Vec<ValueId>,
    /// Results, in the instruction's order.
    pub writes: Vec<ValueId>,
    /// Values that nothing reads after this step (inference only; autodiff keeps its own).
    pub frees: Vec<ValueId>,
    /// The node's path in the spec, such as `decoder.y3.residual_units.7.conv2`.
    pub path: String,
    /// The section, for cost and profiles.
    pub section: String,
    /// Multiply-accumulates, forward, with the batch in it; symbolic, see [`cost::cost`].
    pub macs: Dim,
}

/// How a weight's first values are made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Init {
    /// All equal.
    Constant(f32),
    /// Uniform in `[-bound, bound)`. PyTorch's default for convolutions and linear layers, weights and
    /// biases alike, is `bound = 1 / sqrt(fan_in)`.
    Uniform {
        /// The bound.
        bound: f32,
    },
    /// Normal with mean 0 (He et al. 2015: `sqrt(2 / fan)`; Glorot and Bengio 2010 by name in the spec).
    Normal {
        /// Standard deviation.
        deviation: f32,
    },
    /// A transposed convolution that upsamples bilinearly (Long et al. 2015).
    Bilinear,
}

/// Where a weight's values come from when a checkpoint is loaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum WeightSource {
    /// Stored under the weight's own name.
    Stored,
    /// A convolution's weight times the batch norm's `scale / sqrt(variance + epsilon)`.
    FoldedWeight {
        /// Name of the convolution's stored weight `[o, i, kh, kw]`.
        weight: String,
        /// Path of the norm: `{norm}.scale` and so on are stored.
        norm: String,
        /// The norm's epsilon.
        epsilon: f32,
    },
    /// The folded bias: `offset + (bias - mean) * scale / sqrt(variance + epsilon)`.
    FoldedBias {
        /// Name of the convolution's stored bias, if it has one.
        bias: Option<String>,
        /// Path of the norm.
        norm: String,
        /// The norm's epsilon.
        epsilon: f32,
    },
}

/// A tensor that the network owns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weight {
    /// The parameter's path, such as `decoder.y3.residual_units.7.conv2.weight`: one name for source,
    /// snapshot, checkpoint and error messages.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its first values.
    pub init: Init,
    /// Gradients reach it; running statistics are not trained.
    pub trainable: bool,
    /// Where loading takes it from.
    pub source: WeightSource,
    /// The section that it belongs to.
    pub section: String,
}

/// A named input of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    /// Its name in the spec.
    pub name: String,
    /// The value that a run binds.
    pub value: ValueId,
    /// What it is.
    pub kind: InputKind,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum InputKind {
    /// Images `[N, 3, H, W]`, normalised.
    Image,
    /// Class labels `[N, H, W]`.
    Labels {
        /// Number of classes, void included.
        classes: usize,
    },
}

/// A named result of the network: a prediction, or one term of the loss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Output {
    /// Its name in the spec.
    pub name: String,
    /// The value.
    pub value: ValueId,
    /// A prediction `[N, c, H, W]` or a loss term `[1]` (its weight is part of the graph).
    pub role: Role,
    /// What a prediction's numbers are.
    pub scores: Scores,
}

/// What a prediction's numbers are: probabilities are compared through their logarithms when they are
/// resized, which gives the classes that resized logits would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scores {
    /// Any numbers, larger is likelier.
    Logits,
    /// Softmax over the channels.
    Probabilities,
}

/// What an output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Class scores or probabilities.
    Prediction,
    /// A term of the total loss, already weighted; the total is their sum.
    Loss,
    /// A part of a loss term, unweighted, for reports (`l_s.cross_entropy`).
    Report,
}

/// A network, ready to execute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Changes when the meaning of a plan changes.
    pub format: u32,
    /// What it is for.
    pub mode: Mode,
    /// In execution order.
    pub steps: Vec<Step>,
    /// Every tensor that a step writes or a run binds.
    pub values: Vec<Value>,
    /// Every tensor that the network owns, sorted by name.
    pub weights: Vec<Weight>,
    /// What a run binds.
    pub inputs: Vec<Input>,
    /// What a run reads.
    pub outputs: Vec<Output>,
    /// Distributions, in execution order.
    pub latents: Vec<Latent>,
}
