//! What a plan costs: parameters, multiply-accumulates, memory.
//!
//! Multiply-accumulates count convolutions, linear layers and matrix products, one image, forward; norms,
//! activations, pooling and resizes are not counted, as is usual in the field.

use std::collections::BTreeMap;

use serde::Serialize;

use super::segments::Segments;
use super::{DType, Mode, Plan, ValueId, Weight, WeightSource, memory};
use crate::ir::dim::{Dim, Sizes};
use crate::plan::instr::Instr;

/// Multiply-accumulates of one instruction, with the batch in it.
pub fn macs(instr: &Instr, reads: &[&[Dim]], writes: &[&[Dim]]) -> Dim {
    let product = |dims: &[Dim]| dims.iter().fold(Dim::constant(1), |acc, dim| acc.times(dim));
    let read = |at: usize| reads.get(at).copied().unwrap_or_default();
    let write = writes.first().copied().unwrap_or_default();
    match instr {
        Instr::Convolve(c) => {
            let taps = (c.kernel[0] * c.kernel[1]) as i64;
            let maps = &reads[..reads.len().saturating_sub(usize::from(c.adds))];
            let channels = |dims: &&[Dim]| dims.get(1).and_then(Dim::as_constant).unwrap_or(0);
            let input: i64 = maps.iter().map(channels).sum();
            product(write).scale(taps * input / c.groups.max(1) as i64)
        }
        Instr::ConvolveTransposed(c) => {
            let taps = (c.kernel[0] * c.kernel[1]) as i64;
            let output = write.get(1).and_then(Dim::as_constant).unwrap_or(0);
            product(read(0)).scale(taps * output / c.groups.max(1) as i64)
        }
        Instr::Linear { .. } => {
            let input = read(0).last().cloned().unwrap_or_default();
            product(write).times(&input)
        }
        Instr::MatMul => {
            let inner = read(0).last().cloned().unwrap_or_default();
            product(write).times(&inner)
        }
        // Rows, then columns.
        Instr::GaussianBlur { kernel, .. } => product(write).scale(2 * *kernel as i64),
        Instr::Normalise(_)
        | Instr::Pool(_)
        | Instr::PoolCells { .. }
        | Instr::Unpool { .. }
        | Instr::Resize { .. }
        | Instr::Unary(_)
        | Instr::Prelu { .. }
        | Instr::Binary(_)
        | Instr::Concat { .. }
        | Instr::Slice { .. }
        | Instr::Pad { .. }
        | Instr::Reshape { .. }
        | Instr::Permute { .. }
        | Instr::Expand { .. }
        | Instr::Softmax { .. }
        | Instr::Dropout { .. }
        | Instr::Reduce { .. }
        | Instr::OneHot { .. }
        | Instr::Fill { .. }
        | Instr::Diagonal { .. }
        | Instr::Argmax
        | Instr::ResizeLabels { .. }
        | Instr::Normal { .. }
        | Instr::StopGradient
        | Instr::Learned { .. }
        | Instr::CrossEntropy(_)
        | Instr::Ramp { .. }
        | Instr::SoftIou { .. }
        | Instr::KlGaussian { .. }
        | Instr::KlMixture { .. } => Dim::default(),
    }
}

/// How many numbers a weight holds.
pub(super) fn numbers(weight: &Weight) -> u64 {
    weight.shape.iter().fold(1u64, |acc, size| acc.saturating_mul(*size as u64))
}

/// How many trained numbers a weight stands for. A folded one counts as what a checkpoint stores, so that a
/// network has one number of parameters, whatever the passes did: a folded bias of `c` channels was made of the
/// norm's scale and offset, and of the convolution's bias where it has one.
fn trained(weight: &Weight) -> u64 {
    match &weight.source {
        WeightSource::Stored if !weight.trainable => 0,
        WeightSource::Stored | WeightSource::FoldedWeight { .. } => numbers(weight),
        WeightSource::FoldedBias { bias, .. } => {
            numbers(weight).saturating_mul(if bias.is_some() { 3 } else { 2 })
        }
    }
}

/// What one section costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SectionCost {
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-accumulates for one image, forward.
    pub macs: u64,
    /// Bytes of all results, for the batch.
    pub activations: u64,
    /// Steps.
    pub steps: usize,
}

/// What a plan costs at given sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// What the plan is for.
    pub mode: Mode,
    /// `N`, `H`, `W`.
    pub sizes: Sizes,
    /// Trainable parameters, as a checkpoint stores them: folding a norm does not change their number.
    pub parameters: u64,
    /// Multiply-accumulates for one image, forward.
    pub macs: u64,
    /// Bytes of the weights that the plan holds while it runs: folded ones, or parameters and running statistics.
    pub parameter_bytes: u64,
    /// Bytes of all results of all steps, for the batch.
    pub activation_bytes: u64,
    /// Predicted peak, see [`memory`].
    pub peak_bytes: u64,
    /// By section, in the order of the plan.
    pub sections: Vec<(String, SectionCost)>,
}

/// The cost of `plan` at `sizes`; sizes that overflow count as the largest number.
pub fn cost(plan: &Plan, sizes: &Sizes) -> Cost {
    let bytes = |id: &ValueId| {
        plan.values.get(id.0 as usize).map_or(0, |value| {
            let each: u64 = if value.dtype == DType::Int { 8 } else { 4 };
            value
                .dims
                .iter()
                .fold(each, |acc, dim| acc.saturating_mul(dim.size(sizes).unwrap_or(usize::MAX) as u64))
        })
    };
    let mut sections: BTreeMap<&str, SectionCost> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    fn touch<'a, 'b>(
        sections: &'b mut BTreeMap<&'a str, SectionCost>,
        order: &mut Vec<&'a str>,
        name: &'a str,
    ) -> &'b mut SectionCost {
        if !sections.contains_key(name) {
            order.push(name);
        }
        sections.entry(name).or_default()
    }
    let one = Sizes { n: 1, ..*sizes };
    let (mut macs, mut activation_bytes) = (0u64, 0u64);
    for step in &plan.steps {
        let made = step.writes.iter().map(&bytes).fold(0, u64::saturating_add);
        let work = step.macs.eval(&one).and_then(|v| u64::try_from(v).ok()).unwrap_or(0);
        let section = touch(&mut sections, &mut order, &step.section);
        section.macs = section.macs.saturating_add(work);
        section.activations = section.activations.saturating_add(made);
        section.steps += 1;
        macs = macs.saturating_add(work);
        activation_bytes = activation_bytes.saturating_add(made);
    }
    let (mut parameters, mut held) = (0u64, 0u64);
    for weight in &plan.weights {
        held = held.saturating_add(numbers(weight));
        let count = trained(weight);
        if count > 0 {
            parameters = parameters.saturating_add(count);
            let section = touch(&mut sections, &mut order, &weight.section);
            section.parameters = section.parameters.saturating_add(count);
        }
    }
    let parameter_bytes = held.saturating_mul(4);
    let peak_bytes = match plan.mode {
        Mode::Infer | Mode::Eval => memory::inference(plan, sizes),
        Mode::Train => memory::training(plan, sizes, &Segments::whole(plan)),
    };
    Cost {
        mode: plan.mode,
        sizes: *sizes,
        parameters,
        macs,
        parameter_bytes,
        activation_bytes,
        peak_bytes,
        sections: order
            .into_iter()
            .map(|name| (name.to_owned(), sections.get(name).cloned().unwrap_or_default()))
            .collect(),
    }
}
