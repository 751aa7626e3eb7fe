//! What a backward pass needs: which values gradients reach, and which ones the gradients themselves read.
//!
//! Comes in: a plan for training. Goes out: facts of each instruction that memory is predicted from. Guaranteed:
//! an instruction that is not listed does not compile. The facts are those of the runtime's own kernels on the
//! processor; a backend that keeps more for an instruction needs more memory than is predicted from them.

use super::instr::{Binary, Instr, PoolKind, Unary};
use super::{DType, Plan};

/// What an instruction keeps from its forward pass for its gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeps {
    /// Its operands.
    pub operands: bool,
    /// Its results.
    pub results: bool,
    /// Bytes of its own for each element of its first result.
    pub bytes_each: u64,
}

const NOTHING: Keeps = Keeps { operands: false, results: false, bytes_each: 0 };
const OPERANDS: Keeps = Keeps { operands: true, ..NOTHING };
const RESULTS: Keeps = Keeps { results: true, ..NOTHING };

/// What `instr` keeps for its gradients.
pub fn keeps(instr: &Instr) -> Keeps {
    match instr {
        Instr::Convolve(_) | Instr::ConvolveTransposed(_) | Instr::Linear { .. } | Instr::MatMul => OPERANDS,
        Instr::Normalise(_) => OPERANDS,
        // The positions of the maxima are 64-bit integers; those that are a result are counted there.
        Instr::Pool(pool) => match pool.kind {
            PoolKind::Max => Keeps { bytes_each: if pool.indices { 0 } else { 8 }, ..OPERANDS },
            PoolKind::Average => OPERANDS,
        },
        Instr::PoolCells { .. } | Instr::Unpool { .. } | Instr::Reduce { .. } => OPERANDS,
        Instr::Unary(unary) => match unary {
            Unary::Relu | Unary::Sigmoid | Unary::Tanh | Unary::Exp | Unary::Sqrt => RESULTS,
            Unary::Relu6 | Unary::LeakyRelu(_) | Unary::Log | Unary::Clamp(..) => OPERANDS,
            Unary::Negate | Unary::Scale(_) | Unary::Offset(_) | Unary::Above(_) => NOTHING,
        },
        // And where it is negative.
        Instr::Prelu { .. } => Keeps { bytes_each: 1, ..OPERANDS },
        Instr::Binary(binary) => match binary {
            Binary::Add | Binary::Subtract => NOTHING,
            Binary::Multiply | Binary::Divide | Binary::Max => OPERANDS,
        },
        Instr::Softmax { .. } => RESULTS,
        // The mask.
        Instr::Dropout { channels, .. } => Keeps { bytes_each: if *channels { 0 } else { 4 }, ..NOTHING },
        Instr::CrossEntropy(_)
        | Instr::SoftIou { .. }
        | Instr::KlGaussian { .. }
        | Instr::KlMixture { .. } => OPERANDS,
        Instr::Resize { .. }
        | Instr::Concat { .. }
        | Instr::Slice { .. }
        | Instr::Pad { .. }
        | Instr::Reshape { .. }
        | Instr::Permute { .. }
        | Instr::Expand { .. }
        | Instr::OneHot { .. }
        | Instr::Fill { .. }
        | Instr::Diagonal { .. }
        | Instr::Argmax
        | Instr::GaussianBlur { .. }
        | Instr::ResizeLabels { .. }
        | Instr::Normal { .. }
        | Instr::StopGradient
        | Instr::Ramp { .. }
        | Instr::Learned { .. } => NOTHING,
    }
}

/// Is the result of `instr` another view of its operand's memory?
pub fn is_view(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::Reshape { .. }
            | Instr::Permute { .. }
            | Instr::Expand { .. }
            | Instr::Slice { .. }
            | Instr::StopGradient
    )
}

/// Are the gradients of the operands views of the gradient of the result?
pub fn passes_gradient(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::Reshape { .. }
            | Instr::Permute { .. }
            | Instr::Concat { .. }
            | Instr::Binary(Binary::Add)
            | Instr::Unary(Unary::Offset(_))
    )
}

/// For each value of the plan: does a gradient reach it?
pub fn tracked(plan: &Plan) -> Vec<bool> {
    let mut tracked = vec![false; plan.values.len()];
    for step in &plan.steps {
        if !is_tracked(plan, &tracked, step) {
            continue;
        }
        for id in &step.writes {
            let float = plan.values.get(id.0 as usize).is_some_and(|value| value.dtype == DType::Float);
            if let Some(entry) = tracked.get_mut(id.0 as usize) {
                *entry = float;
            }
        }
    }
    tracked
}

/// Has a step gradients to compute, given which values they reach?
pub(super) fn is_tracked(plan: &Plan, tracked: &[bool], step: &super::Step) -> bool {
    let trains =
        |id: &super::WeightId| plan.weights.get(id.0 as usize).is_some_and(|weight| weight.trainable);
    let reads = |id: &super::ValueId| tracked.get(id.0 as usize).copied().unwrap_or(false);
    !matches!(step.instr, Instr::StopGradient)
        && (step.reads.iter().any(reads) || step.instr.weights().iter().any(trains))
}
