//! Memory: a run of a plan, played through with sizes instead of numbers.
//!
//! Comes in: a plan, sizes, and for training its segments. Goes out: the most memory that is held at once, in
//! bytes. Guaranteed: buffers are shared where the runtime shares them, and freed when it frees them. Not
//! counted: what a kernel needs while it runs, an allocator's losses, the program itself and its data loader.

use super::backward::{self, Keeps};
use super::segments::{Segment, Segments};
use super::{DType, Plan, Role, Step, ValueId, Weight};
use crate::ir::dim::Sizes;

/// The most bytes that a run without gradients holds at once, weights and inputs included.
pub fn inference(plan: &Plan, sizes: &Sizes) -> u64 {
    let segments = Segments::whole(plan);
    let mut play = Play::new(plan, sizes, &segments);
    play.books.grow(weight_bytes(plan, |_| true));
    play.bind();
    for segment in segments.list() {
        play.forward(segment, false);
    }
    play.books.peak
}

/// Bytes of the weights and inputs, which are there before a run.
pub fn before(plan: &Plan, sizes: &Sizes) -> u64 {
    let segments = Segments::whole(plan);
    let mut play = Play::new(plan, sizes, &segments);
    play.books.grow(weight_bytes(plan, |_| true));
    play.bind();
    play.books.peak
}

/// The most bytes that a training step holds at once: weights, the two moments of an optimiser like Adam, inputs,
/// what is kept of the forward pass, and gradients.
pub fn training(plan: &Plan, sizes: &Sizes, segments: &Segments) -> u64 {
    let trained = weight_bytes(plan, |weight| weight.trainable);
    let mut play = Play::new(plan, sizes, segments);
    play.books.grow(weight_bytes(plan, |_| true));
    play.books.grow(trained.saturating_mul(2));
    play.bind();
    let mut tapes: Vec<Option<Tape>> = Vec::with_capacity(segments.list().len());
    for segment in segments.list() {
        let tape = play.forward(segment, !segment.again);
        tapes.push((!segment.again).then_some(tape));
        play.drop_stored(&segment.drops);
    }
    for (segment, tape) in segments.list().iter().zip(tapes).rev() {
        let tape = match tape {
            Some(tape) => tape,
            None => play.forward(segment, true),
        };
        play.backward(segment, tape);
        play.drop_stored(&segment.drops_backward);
    }
    // The optimiser takes one gradient after the other and makes a new weight of it; the old weights stay until
    // the step has succeeded.
    play.books.peak
}

fn weight_bytes(plan: &Plan, which: impl Fn(&Weight) -> bool) -> u64 {
    plan.weights.iter().filter(|weight| which(weight)).map(|weight| 4 * super::cost::numbers(weight)).sum()
}

/// Memory that one or several tensors view.
#[derive(Clone, Copy, Debug)]
struct Buffer(usize);

/// Who holds what.
#[derive(Default)]
struct Books {
    holders: Vec<u32>,
    bytes: Vec<u64>,
    now: u64,
    peak: u64,
}

impl Books {
    fn grow(&mut self, bytes: u64) {
        self.now = self.now.saturating_add(bytes);
        self.peak = self.peak.max(self.now);
    }

    /// New memory with one holder.
    fn make(&mut self, bytes: u64) -> Buffer {
        self.grow(bytes);
        self.holders.push(1);
        self.bytes.push(bytes);
        Buffer(self.holders.len() - 1)
    }

    /// One holder more.
    fn hold(&mut self, buffer: Buffer) -> Buffer {
        if let Some(holders) = self.holders.get_mut(buffer.0) {
            *holders += 1;
        }
        buffer
    }

    /// One holder less; the last one frees it.
    fn release(&mut self, buffer: Buffer) {
        if let (Some(holders), Some(bytes)) = (self.holders.get_mut(buffer.0), self.bytes.get(buffer.0)) {
            *holders = holders.saturating_sub(1);
            if *holders == 0 {
                self.now = self.now.saturating_sub(*bytes);
            }
        }
    }
}

/// What a segment's forward pass keeps for its backward pass.
#[derive(Default)]
struct Tape {
    /// For each step.
    kept: Vec<Vec<Buffer>>,
    /// The values that come in and go out, as parts of the graph.
    ends: Vec<Buffer>,
}

struct Play<'a> {
    plan: &'a Plan,
    segments: &'a Segments,
    bytes: Vec<u64>,
    books: Books,
    /// Values that cross from segment to segment.
    stored: Vec<Option<Buffer>>,
    /// The gradients of values.
    gradients: Vec<Option<Buffer>>,
    /// Values of the segment at hand.
    slots: Vec<Option<Buffer>>,
    /// Weights that have a gradient.
    reached: Vec<bool>,
    is_output: Vec<bool>,
    is_loss: Vec<bool>,
}

impl<'a> Play<'a> {
    fn new(plan: &'a Plan, sizes: &Sizes, segments: &'a Segments) -> Self {
        let bytes = plan.values.iter().map(|value| {
            let each: u64 = if value.dtype == DType::Int { 8 } else { 4 };
            let size = |dim: &crate::ir::dim::Dim| dim.size(sizes).unwrap_or(usize::MAX) as u64;
            value.dims.iter().fold(each, |bytes, dim| bytes.saturating_mul(size(dim)))
        });
        let count = plan.values.len();
        let (mut is_output, mut is_loss) = (vec![false; count], vec![false; count]);
        for output in &plan.outputs {
            is_output[output.value.0 as usize] = true;
            is_loss[output.value.0 as usize] |= output.role == Role::Loss;
        }
        Self {
            plan,
            segments,
            bytes: bytes.collect(),
            books: Books::default(),
            stored: vec![None; count],
            gradients: vec![None; count],
            slots: vec![None; count],
            reached: vec![false; plan.weights.len()],
            is_output,
            is_loss,
        }
    }

    fn size(&self, id: ValueId) -> u64 {
        self.bytes.get(id.0 as usize).copied().unwrap_or(0)
    }

    fn bind(&mut self) {
        for input in &self.plan.inputs {
            let buffer = self.books.make(self.size(input.value));
            // Whoever made the batch holds it too.
            self.books.hold(buffer);
            self.stored[input.value.0 as usize] = Some(buffer);
        }
    }

    fn drop_stored(&mut self, ids: &[ValueId]) {
        for id in ids {
            if let Some(buffer) = self.stored[id.0 as usize].take() {
                self.books.release(buffer);
            }
        }
    }

    /// Computes a segment, with a tape for its gradients or without.
    fn forward(&mut self, segment: &Segment, taped: bool) -> Tape {
        let (plan, mut tape) = (self.plan, Tape::default());
        for id in &segment.reads {
            if let Some(buffer) = self.stored[id.0 as usize] {
                self.slots[id.0 as usize] = Some(self.books.hold(buffer));
                if taped && self.segments.is_tracked(*id) {
                    tape.ends.push(self.books.hold(buffer));
                }
            }
        }
        for step in plan.steps.get(segment.steps.clone()).unwrap_or_default() {
            self.step(step);
            if taped {
                tape.kept.push(self.keep(step));
            }
            for id in step.frees.iter().filter(|id| !self.is_output[id.0 as usize]) {
                if let Some(buffer) = self.slots[id.0 as usize].take() {
                    self.books.release(buffer);
                }
            }
        }
        for id in &segment.writes {
            let Some(buffer) = self.slots[id.0 as usize] else { continue };
            if self.stored[id.0 as usize].is_none() {
                self.stored[id.0 as usize] = Some(self.books.hold(buffer));
            }
            if taped && self.segments.is_tracked(*id) {
                tape.ends.push(self.books.hold(buffer));
            }
        }
        for slot in &mut self.slots {
            if let Some(buffer) = slot.take() {
                self.books.release(buffer);
            }
        }
        tape
    }

    /// Makes a step's results.
    fn step(&mut self, step: &Step) {
        let operand = step.reads.first().and_then(|id| self.slots[id.0 as usize]);
        for id in &step.writes {
            let buffer = match operand {
                Some(operand) if backward::is_view(&step.instr) => self.books.hold(operand),
                Some(_) | None => self.books.make(self.size(*id)),
            };
            self.slots[id.0 as usize] = Some(buffer);
        }
    }

    /// What the step's gradients will read.
    fn keep(&mut self, step: &Step) -> Vec<Buffer> {
        if !backward::is_tracked(self.plan, self.segments.tracked(), step) {
            return Vec::new();
        }
        let Keeps { operands, results, bytes_each } = backward::keeps(&step.instr);
        let read = step.reads.iter().filter(|_| operands);
        let written = step.writes.iter().filter(|_| results);
        let mut kept: Vec<Buffer> = Vec::new();
        for id in read.chain(written) {
            if let Some(buffer) = self.slots[id.0 as usize] {
                kept.push(self.books.hold(buffer));
            }
        }
        if let (Some(id), true) = (step.writes.first(), bytes_each > 0) {
            kept.push(self.books.make(self.size(*id) / 4 * bytes_each));
        }
        kept
    }

    /// Goes through a segment backward.
    fn backward(&mut self, segment: &Segment, tape: Tape) {
        let plan = self.plan;
        // Gradients that later segments left are multiplied into a sum: a product and a gradient of its own.
        for id in &segment.writes {
            if let Some(later) = self.gradients[id.0 as usize].take() {
                let product = self.books.make(self.size(*id));
                self.books.release(product);
                self.gradients[id.0 as usize] = Some(self.books.make(self.size(*id)));
                self.books.release(later);
            }
        }
        let steps = plan.steps.get(segment.steps.clone()).unwrap_or_default();
        for (step, kept) in steps.iter().zip(tape.kept).rev() {
            for id in &step.writes {
                let is_loss = self.is_loss[id.0 as usize] && self.segments.is_tracked(*id);
                if is_loss && self.gradients[id.0 as usize].is_none() {
                    self.gradients[id.0 as usize] = Some(self.books.make(self.size(*id)));
                }
            }
            self.gradients_of(step);
            let written = step.writes.iter().filter_map(|id| self.gradients[id.0 as usize].take());
            let done: Vec<Buffer> = written.chain(kept).collect();
            done.into_iter().for_each(|buffer| self.books.release(buffer));
        }
        tape.ends.into_iter().for_each(|buffer| self.books.release(buffer));
    }

    /// Makes the gradients of a step's operands and weights.
    fn gradients_of(&mut self, step: &Step) {
        let result = step.writes.iter().find_map(|id| self.gradients[id.0 as usize]);
        let Some(result) = result.filter(|_| backward::is_tracked(self.plan, self.segments.tracked(), step))
        else {
            return;
        };
        for id in step.reads.iter().filter(|id| self.segments.is_tracked(**id)) {
            let found = if backward::passes_gradient(&step.instr) {
                self.books.hold(result)
            } else {
                self.books.make(self.size(*id))
            };
            match self.gradients[id.0 as usize] {
                // Added up in place.
                Some(_) => self.books.release(found),
                None => self.gradients[id.0 as usize] = Some(found),
            }
        }
        for id in step.instr.weights() {
            let (Some(weight), Some(reached)) =
                (self.plan.weights.get(id.0 as usize), self.reached.get_mut(id.0 as usize))
            else {
                continue;
            };
            if weight.trainable {
                let found = self.books.make(4 * super::cost::numbers(weight));
                if std::mem::replace(reached, true) {
                    self.books.release(found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
