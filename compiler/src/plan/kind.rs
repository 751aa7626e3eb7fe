//! What kind an instruction is, for profiles, and for checks that leave no instruction out.
//!
//! Comes in: an instruction. Goes out: a name, and the list of all names. Guaranteed: every instruction, elementwise
//! function and approximation has a name in the list: a new one does not compile without.

use super::instr::{Binary, Instr, KlMethod, Pool, PoolKind, Reduction, ResizeMode, Unary};

macro_rules! kinds {
    ($($pattern:pat => $name:literal;)*) => {
        impl Instr {
            /// The names that [`Instr::kind`] gives, each once.
            pub const KINDS: &[&str] = &[$($name),*];

            /// What kind of instruction it is, such as `convolve` or `leaky_relu`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $($pattern => $name,)*
                }
            }
        }
    };
}

kinds! {
    Self::Convolve(_) => "convolve";
    Self::ConvolveTransposed(_) => "convolve_transposed";
    Self::Linear { .. } => "linear";
    Self::Normalise(_) => "normalise";
    Self::Pool(Pool { kind: PoolKind::Max, .. }) => "max_pool";
    Self::Pool(Pool { kind: PoolKind::Average, .. }) => "avg_pool";
    Self::PoolCells { .. } => "pool_cells";
    Self::Unpool { .. } => "unpool";
    Self::Resize { mode: ResizeMode::Bilinear, .. } => "resize_bilinear";
    Self::Resize { mode: ResizeMode::Nearest, .. } => "resize_nearest";
    Self::Unary(Unary::Relu) => "relu";
    Self::Unary(Unary::Relu6) => "relu6";
    Self::Unary(Unary::LeakyRelu(_)) => "leaky_relu";
    Self::Unary(Unary::Sigmoid) => "sigmoid";
    Self::Unary(Unary::Tanh) => "tanh";
    Self::Unary(Unary::Exp) => "exp";
    Self::Unary(Unary::Log) => "log";
    Self::Unary(Unary::Sqrt) => "sqrt";
    Self::Unary(Unary::Negate) => "negate";
    Self::Unary(Unary::Scale(_)) => "scale";
    Self::Unary(Unary::Offset(_)) => "offset";
    Self::Unary(Unary::Clamp(..)) => "clamp";
    Self::Unary(Unary::Above(_)) => "above";
    Self::Prelu { .. } => "prelu";
    Self::Binary(Binary::Add) => "add";
    Self::Binary(Binary::Subtract) => "subtract";
    Self::Binary(Binary::Multiply) => "multiply";
    Self::Binary(Binary::Divide) => "divide";
    Self::Binary(Binary::Max) => "max";
    Self::Concat { .. } => "concat";
    Self::Slice { .. } => "slice";
    Self::Pad { .. } => "pad";
    Self::Reshape { .. } => "reshape";
    Self::Permute { .. } => "permute";
    Self::Expand { .. } => "expand";
    Self::Softmax { log: false, .. } => "softmax";
    Self::Softmax { log: true, .. } => "log_softmax";
    Self::Dropout { .. } => "dropout";
    Self::MatMul => "matmul";
    Self::Reduce { by: Reduction::Sum, .. } => "reduce_sum";
    Self::Reduce { by: Reduction::Mean, .. } => "reduce_mean";
    Self::Reduce { by: Reduction::Max, .. } => "reduce_max";
    Self::OneHot { .. } => "one_hot";
    Self::Fill { .. } => "fill";
    Self::Diagonal { .. } => "diagonal";
    Self::Argmax => "argmax";
    Self::GaussianBlur { .. } => "gaussian_blur";
    Self::ResizeLabels { .. } => "resize_labels";
    Self::Normal { .. } => "normal";
    Self::StopGradient => "stop_gradient";
    Self::Learned { .. } => "learned";
    Self::CrossEntropy(_) => "cross_entropy";
    Self::Ramp { .. } => "ramp";
    Self::SoftIou { .. } => "soft_iou";
    Self::KlGaussian { .. } => "kl_gaussian";
    Self::KlMixture { by: KlMethod::Matched, .. } => "kl_matched";
    Self::KlMixture { by: KlMethod::Variational, .. } => "kl_variational";
    Self::KlMixture { by: KlMethod::MonteCarlo { .. }, .. } => "kl_monte_carlo";
}
