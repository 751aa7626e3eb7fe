//! The operations of the language, one file each; the line in `ops!` registers everything.
//!
//! An op's file holds its resolved parameters and its rules: how a call reads, which facts it gives, which
//! weights it owns, which instructions it becomes. Composites are not ops: they are `.phg` files in `specs/std/`.

mod args;
mod def;
mod grouping;
mod infer;
mod pooling;

pub use args::{Args, Const};
pub(crate) use def::one_of;
pub use def::{InputDef, OpDef, ParamDef, ParamType};
pub use infer::{Infer, Operand};

use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::lower::Lower;

/// A weight that an op owns.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightDecl {
    /// The last part of its name: `weight`, `bias`, `scale`.
    pub suffix: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its first values.
    pub init: Init,
    /// Do gradients reach it?
    pub trainable: bool,
}

/// What every op says of itself. No method has a default body: an op that forgets one does not compile.
pub trait OpRules: Sized {
    /// Its name, summary, inputs and parameters.
    const DEF: OpDef;

    /// Takes its parameters from a call's arguments.
    ///
    /// # Errors
    /// Parameters that do not go together; their types were checked before.
    fn from_args(args: &Args) -> Result<Self, Diag>;

    /// The facts of its results.
    ///
    /// # Errors
    /// Operands of the wrong kind or size, with labels at both places.
    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag>;

    /// The weights that it owns, for operands with these facts.
    fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl>;

    /// Emits its instructions.
    fn lower(&self, at: &mut Lower<'_>);

    /// Its parameters as a reader of a graph wants them, such as `64, kernel: 3x3`.
    fn describe(&self) -> String;
}

macro_rules! ops {
    ($($module:ident::$name:ident),* $(,)?) => {
        $(pub mod $module; pub use $module::$name;)*

        /// One operation with its resolved parameters.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            $(
                #[doc = concat!("See `", stringify!($module), "`.")]
                $name($name),
            )*
        }

        /// Every op's signature.
        pub static REGISTRY: &[&OpDef] = &[$(&<$name as OpRules>::DEF),*];

        impl Op {
            /// The op called `name` with the parameters of a call; `None` when there is no such op.
            pub fn build(name: &str, args: &Args) -> Option<Result<Self, Diag>> {
                $(if <$name as OpRules>::DEF.name == name {
                    return Some(<$name as OpRules>::from_args(args).map(Self::$name));
                })*
                None
            }

            /// Its signature.
            pub fn def(&self) -> &'static OpDef {
                match self { $(Self::$name(_) => &<$name as OpRules>::DEF,)* }
            }

            /// The facts of its results.
            ///
            /// # Errors
            /// See [`OpRules::infer`].
            pub fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
                match self { $(Self::$name(op) => op.infer(inputs),)* }
            }

            /// The weights that it owns.
            pub fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl> {
                match self { $(Self::$name(op) => op.weights(inputs),)* }
            }

            /// Emits its instructions.
            pub fn lower(&self, at: &mut Lower<'_>) {
                match self { $(Self::$name(op) => op.lower(at),)* }
            }

            /// Its parameters for readers.
            pub fn describe(&self) -> String {
                match self { $(Self::$name(op) => op.describe(),)* }
            }
        }
    };
}

ops! {
    above::Above,
    adaptive_avg_pool::AdaptiveAvgPool,
    arithmetic::Arithmetic,
    as_map::AsMap,
    avg_pool::AvgPool,
    clamp::Clamp,
    component::Component,
    concat::Concat,
    conv::Conv,
    conv_transposed::ConvTransposed,
    criss_cross_attention::CrissCrossAttention,
    crop::Crop,
    cross_entropy::CrossEntropy,
    depth_to_space::DepthToSpace,
    dropout::Dropout,
    expand::Expand,
    flatten::Flatten,
    gaussian::Gaussian,
    gaussian_blur::GaussianBlur,
    global_pool::GlobalPool,
    input::Input,
    kl::Kl,
    l2_norm::L2Norm,
    leaky_relu::LeakyRelu,
    largest_channel::LargestChannel,
    learned::Learned,
    linear::Linear,
    log::Log,
    matmul::Matmul,
    max_pool::MaxPool,
    max_pool_indices::MaxPoolIndices,
    maximum::Maximum,
    mixture::Mixture,
    norm::Norm,
    one_hot::OneHot,
    pad::Pad,
    prelu::Prelu,
    ramp::Ramp,
    relu::Relu,
    resize::Resize,
    sample::Sample,
    scale::Scale,
    sigmoid::Sigmoid,
    slice::Slice,
    soft_iou::SoftIou,
    softmax::Softmax,
    standard_normal::StandardNormal,
    stop_gradient::StopGradient,
    tanh::Tanh,
    tokens::Tokens,
    unflatten::Unflatten,
    unpool::Unpool,
}

/// The signature of the op called `name`.
pub fn def(name: &str) -> Option<&'static OpDef> {
    REGISTRY.iter().copied().find(|def| def.name == name && def.callable)
}
