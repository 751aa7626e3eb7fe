//! The instructions: a small closed set that the runtime executes one by one.
//!
//! Ops are many and rich; instructions are few and dumb. An instruction's operands and results are the
//! step's `reads` and `writes`, in the order that each variant states. Axes count from 0, the batch.

use serde::Serialize;

use crate::ir::dim::Dim;
use crate::plan::WeightId;
pub use crate::plan::losses::{AbsentClasses, ClassWeights, CrossEntropy, HardPixels, KlMethod, KlReduce};

/// One instruction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Instr {
    /// 2-d cross-correlation: `[n, i, h, w]` to `[n, o, h', w']`. Several operands are one map, joined along
    /// channels; one more is added to the result where the instruction says so.
    Convolve(Convolve),
    /// 2-d transposed convolution: `[n, i, h, w]` to `[n, o, h', w']`.
    ConvolveTransposed(ConvolveTransposed),
    /// `x * weight^T + bias` over the last axis; weight `[o, i]` as in PyTorch.
    Linear {
        /// `[o, i]`.
        weight: WeightId,
        /// `[o]`.
        bias: Option<WeightId>,
    },
    /// Batch normalisation over all axes but 1 (Ioffe and Szegedy 2015).
    Normalise(Normalise),
    /// Max or average pooling of `[n, c, h, w]`; with `indices`, a second result of flat positions `h * w`.
    Pool(Pool),
    /// The mean of each channel over each cell of a grid laid over `[n, c, h, w]`: cell `i` of `to` cells reaches from
    /// `floor(i * h / to)` up to `ceil((i + 1) * h / to)` (adaptive average pooling as in PyTorch).
    PoolCells {
        /// Rows and columns of the result.
        to: [usize; 2],
    },
    /// Max-unpooling: reads values and indices, writes `[n, c, h, w]` of the stated size, zero elsewhere.
    Unpool {
        /// Rows and columns of the result.
        to: [Dim; 2],
    },
    /// Resizes `[n, c, h, w]`; half-pixel centres (`align_corners = false`), no antialiasing.
    Resize {
        /// How values between samples are made.
        mode: ResizeMode,
        /// Rows and columns of the result.
        to: [Dim; 2],
    },
    /// An elementwise function of one operand.
    Unary(Unary),
    /// `x` where positive, `slope * x` elsewhere; one slope, or one for each entry of axis 1.
    Prelu {
        /// `[1]` or `[c]`.
        slope: WeightId,
    },
    /// An elementwise function of two operands of one rank; axes of size 1 are broadcast.
    Binary(Binary),
    /// Joins operands along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// `len` entries of an axis from `start`.
    Slice {
        /// The axis.
        axis: usize,
        /// First entry.
        start: Dim,
        /// Number of entries.
        len: Dim,
    },
    /// Zeros before and after the entries of each axis.
    Pad {
        /// How many before, for each axis.
        before: Vec<Dim>,
        /// How many after, for each axis.
        after: Vec<Dim>,
    },
    /// The same elements in another shape (row-major).
    Reshape {
        /// The new shape, batch included.
        dims: Vec<Dim>,
    },
    /// Reorders axes: result axis `i` is operand axis `axes[i]`.
    Permute {
        /// A permutation.
        axes: Vec<usize>,
    },
    /// Repeats axes of size 1 to the given shape (same rank).
    Expand {
        /// The new shape, batch included.
        dims: Vec<Dim>,
    },
    /// Softmax, or its logarithm, along an axis.
    Softmax {
        /// The axis.
        axis: usize,
        /// Write the logarithm.
        log: bool,
    },
    /// Sets elements (or whole channels, axis 1) to zero with probability `rate` and scales the rest by
    /// `1 / (1 - rate)` while training; the identity otherwise.
    Dropout {
        /// Probability in `[0, 1)`.
        rate: f32,
        /// Drop whole channels.
        channels: bool,
    },
    /// Matrix product of the last two axes; leading axes are equal.
    MatMul,
    /// Reduces axes; they stay with size 1 when `keep`, and vanish otherwise.
    Reduce {
        /// The function.
        by: Reduction,
        /// Axes, ascending.
        axes: Vec<usize>,
        /// Keep the axes with size 1.
        keep: bool,
    },
    /// Labels `[n, h, w]` to `[n, classes, h, w]` of zeros and ones; a label outside `0..classes` gives zeros.
    /// The void class keeps its channel.
    OneHot {
        /// Channels of the result.
        classes: usize,
    },
    /// A tensor of one value.
    Fill {
        /// The value.
        value: f32,
        /// Its shape.
        dims: Vec<Dim>,
    },
    /// A square matrix of zeros with one value on its diagonal.
    Diagonal {
        /// The value.
        value: f32,
        /// Rows and columns.
        size: Dim,
    },
    /// `[n, c, h, w]` to `[n, 1, h, w]`: the number of the largest entry of axis 1, the first of equal ones, as a
    /// float. No gradient.
    Argmax,
    /// Each channel of `[n, c, h, w]` filtered with a gaussian that is cut to an odd window and adds up to 1; zeros
    /// around the map.
    GaussianBlur {
        /// Rows and columns of the window.
        kernel: usize,
        /// Standard deviation in pixels.
        sigma: f32,
    },
    /// Labels `[n, h, w]` at other sizes: row `i` of the result is row `floor(i * h / to)`, and columns likewise.
    ResizeLabels {
        /// Rows and columns of the result.
        to: [Dim; 2],
    },
    /// Standard normal values, drawn anew at every step from the step's counter and the step's path.
    Normal {
        /// The shape.
        dims: Vec<Dim>,
    },
    /// The operand, through which no gradient flows.
    StopGradient,
    /// A learned tensor, `[1, ...]`, read as a value (DANet's gamma, an L2 norm's scale).
    Learned {
        /// The tensor.
        weight: WeightId,
    },
    /// Cross-entropy of logits `[n, c, h, w]` with labels `[n, h, w]`: the weighted mean over pixels that
    /// are neither void nor outside `0..c`; 0 when there are none. Writes a scalar `[1]`.
    CrossEntropy(CrossEntropy),
    /// `min((s + 1) / steps, 1)` at training step `s`, counted in updates of the parameters from 0; 1 where `steps` is
    /// 0, and outside training. Writes a scalar `[1]`.
    Ramp {
        /// Steps until it is 1.
        steps: usize,
    },
    /// `1 - mean over classes of intersection / union`, of softmax(logits) `[n, c, h, w]` with labels `[n, h, w]`;
    /// void pixels take no part. Writes a scalar `[1]`.
    SoftIou {
        /// The mean is over the classes present in the labelled pixels, or over all but void.
        absent: AbsentClasses,
    },
    /// Closed-form KL of diagonal gaussians, mean over the batch. Reads mean and log-variance `[n, d]` of q;
    /// then, unless `standard`, those of p. Writes a scalar `[1]`.
    KlGaussian {
        /// p is the standard normal.
        standard: bool,
        /// Divide by `d`.
        reduce: KlReduce,
        /// Least that each dimension counts, in nats, as a mean over the batch (Kingma et al. 2016); 0 for none.
        free_bits: f32,
    },
    /// KL of diagonal mixtures, mean over the batch. Reads log-weights `[n, k]`, means and log-variances
    /// `[n, k, d]` of q, then of p (`k` may differ unless `by` is matched). Writes a scalar `[1]`.
    KlMixture {
        /// The approximation.
        by: KlMethod,
        /// Divide by `d`, the weights' part included.
        reduce: KlReduce,
        /// Least that each dimension counts, in nats, components weighted and added up, as a mean over the batch; 0
        /// unless `by` is matched.
        free_bits: f32,
    },
}

/// See [`Instr::Convolve`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Convolve {
    /// `[o, i / groups, kh, kw]`.
    pub weight: WeightId,
    /// `[o]`.
    pub bias: Option<WeightId>,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Step, rows and columns.
    pub stride: [usize; 2],
    /// Zeros on either side, rows and columns.
    pub padding: [usize; 2],
    /// Distance of kernel taps, rows and columns.
    pub dilation: [usize; 2],
    /// Independent groups of channels.
    pub groups: usize,
    /// The last operand `[n, o, h', w']` is added to the result (set by a pass, inference only).
    pub adds: bool,
    /// Apply this to the result, last (set by a pass, inference only).
    pub activation: Option<Unary>,
}

/// See [`Instr::ConvolveTransposed`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConvolveTransposed {
    /// `[i, o / groups, kh, kw]`.
    pub weight: WeightId,
    /// `[o]`.
    pub bias: Option<WeightId>,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Step, rows and columns.
    pub stride: [usize; 2],
    /// Rows and columns cut from either side.
    pub padding: [usize; 2],
    /// Rows and columns added at the end.
    pub output_padding: [usize; 2],
    /// Distance of kernel taps.
    pub dilation: [usize; 2],
    /// Independent groups of channels.
    pub groups: usize,
}

/// See [`Instr::Normalise`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Normalise {
    /// Scale `[c]`.
    pub scale: WeightId,
    /// Offset `[c]`.
    pub offset: WeightId,
    /// Running mean `[c]`, not trained.
    pub mean: WeightId,
    /// Running variance `[c]`, not trained, unbiased as in PyTorch.
    pub variance: WeightId,
    /// Added to the variance.
    pub epsilon: f32,
    /// Share of the new statistics in the running ones: `running = (1 - m) * running + m * batch`.
    pub momentum: f32,
}

/// See [`Instr::Pool`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pool {
    /// Max or average.
    pub kind: PoolKind,
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: [usize; 2],
    /// Padding on either side (minus infinity for max; counted for average when `count_padding`).
    pub padding: [usize; 2],
    /// Round sizes up (Caffe's rule).
    pub ceil: bool,
    /// Average: padded positions count in the denominator.
    pub count_padding: bool,
    /// Max: also write the flat position of each maximum.
    pub indices: bool,
}

/// Which pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Average,
}

/// How [`Instr::Resize`] makes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ResizeMode {
    /// Linear between the four nearest samples.
    Bilinear,
    /// The nearest sample, `floor(i * in / out)` as in PyTorch's `nearest`.
    Nearest,
}

/// An elementwise function of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Unary {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x` where positive, `slope * x` elsewhere.
    LeakyRelu(f32),
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `e^x`.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `-x`.
    Negate,
    /// `f * x`.
    Scale(f32),
    /// `x + f`.
    Offset(f32),
    /// `min(max(x, low), high)`.
    Clamp(f32, f32),
    /// 1 where `x > f`, 0 elsewhere; no gradient.
    Above(f32),
}

/// An elementwise function of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Binary {
    /// `a + b`.
    Add,
    /// `a - b`.
    Subtract,
    /// `a * b`.
    Multiply,
    /// `a / b`.
    Divide,
    /// `max(a, b)`.
    Max,
}

/// How [`Instr::Reduce`] reduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Reduction {
    /// Sum.
    Sum,
    /// Mean.
    Mean,
    /// Largest.
    Max,
}

impl Instr {
    /// The weights that it reads.
    pub fn weights(&self) -> Vec<WeightId> {
        match self {
            Self::Convolve(c) => std::iter::once(c.weight).chain(c.bias).collect(),
            Self::ConvolveTransposed(c) => std::iter::once(c.weight).chain(c.bias).collect(),
            Self::Linear { weight, bias } => std::iter::once(*weight).chain(*bias).collect(),
            Self::Normalise(n) => vec![n.scale, n.offset, n.mean, n.variance],
            Self::Learned { weight } => vec![*weight],
            Self::Prelu { slope } => vec![*slope],
            Self::Pool(_)
            | Self::PoolCells { .. }
            | Self::Unpool { .. }
            | Self::Resize { .. }
            | Self::Unary(_)
            | Self::Binary(_)
            | Self::Concat { .. }
            | Self::Slice { .. }
            | Self::Pad { .. }
            | Self::Reshape { .. }
            | Self::Permute { .. }
            | Self::Expand { .. }
            | Self::Softmax { .. }
            | Self::Dropout { .. }
            | Self::MatMul
            | Self::Reduce { .. }
            | Self::OneHot { .. }
            | Self::Fill { .. }
            | Self::Diagonal { .. }
            | Self::Argmax
            | Self::GaussianBlur { .. }
            | Self::ResizeLabels { .. }
            | Self::Normal { .. }
            | Self::StopGradient
            | Self::CrossEntropy(_)
            | Self::Ramp { .. }
            | Self::SoftIou { .. }
            | Self::KlGaussian { .. }
            | Self::KlMixture { .. } => Vec::new(),
        }
    }

    /// The same, to renumber them.
    pub(crate) fn weights_mut(&mut self) -> Vec<&mut WeightId> {
        match self {
            Self::Convolve(c) => std::iter::once(&mut c.weight).chain(c.bias.as_mut()).collect(),
            Self::ConvolveTransposed(c) => std::iter::once(&mut c.weight).chain(c.bias.as_mut()).collect(),
            Self::Linear { weight, bias } => std::iter::once(weight).chain(bias.as_mut()).collect(),
            Self::Normalise(n) => vec![&mut n.scale, &mut n.offset, &mut n.mean, &mut n.variance],
            Self::Learned { weight } => vec![weight],
            Self::Prelu { slope } => vec![slope],
            Self::Pool(_)
            | Self::PoolCells { .. }
            | Self::Unpool { .. }
            | Self::Resize { .. }
            | Self::Unary(_)
            | Self::Binary(_)
            | Self::Concat { .. }
            | Self::Slice { .. }
            | Self::Pad { .. }
            | Self::Reshape { .. }
            | Self::Permute { .. }
            | Self::Expand { .. }
            | Self::Softmax { .. }
            | Self::Dropout { .. }
            | Self::MatMul
            | Self::Reduce { .. }
            | Self::OneHot { .. }
            | Self::Fill { .. }
            | Self::Diagonal { .. }
            | Self::Argmax
            | Self::GaussianBlur { .. }
            | Self::ResizeLabels { .. }
            | Self::Normal { .. }
            | Self::StopGradient
            | Self::CrossEntropy(_)
            | Self::Ramp { .. }
            | Self::SoftIou { .. }
            | Self::KlGaussian { .. }
            | Self::KlMixture { .. } => Vec::new(),
        }
    }
}
