//! Segments: a plan for training cut into pieces, some of which are computed a second time.
//!
//! Comes in: a plan, and where to cut it. Goes out: what crosses from piece to piece, and how long it has to be
//! stored. A piece that is computed again keeps nothing of its forward pass but what later pieces read; the
//! backward pass computes it anew when it gets there (Chen et al. 2016, "Training deep nets with sublinear memory
//! cost"). Guaranteed: the pieces are all steps of the plan, in order; a value is stored for as long as a piece
//! that reads it has yet to be computed.

use std::ops::Range;

use super::backward;
use super::{Plan, ValueId};

/// Steps that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Their numbers.
    pub steps: Range<usize>,
    /// They are computed again for the backward pass.
    pub again: bool,
    /// Values from before them that they read, inputs of the network included; ascending.
    pub reads: Vec<ValueId>,
    /// Their results that later segments read; ascending.
    pub writes: Vec<ValueId>,
    /// Stored values that nobody needs any more once they were computed for the first time.
    pub drops: Vec<ValueId>,
    /// Stored values that nobody needs any more once the backward pass has left them behind.
    pub drops_backward: Vec<ValueId>,
}

/// A plan in segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    list: Vec<Segment>,
    tracked: Vec<bool>,
}

impl Segments {
    /// The plan in one piece, of which everything is kept that gradients read.
    pub fn whole(plan: &Plan) -> Self {
        Self::new(plan, &[], |_| false)
    }

    /// The plan cut before the steps `cuts` (ascending); `again` says of each piece whether it is computed again.
    pub fn new(plan: &Plan, cuts: &[usize], again: impl Fn(usize) -> bool) -> Self {
        let count = plan.steps.len();
        let inner = cuts.iter().copied().filter(|cut| (1..count).contains(cut));
        let mut starts: Vec<usize> = std::iter::once(0).chain(inner).collect();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([count]);
        let mut list: Vec<Segment> = starts
            .iter()
            .zip(ends)
            .enumerate()
            .map(|(at, (start, end))| Segment {
                steps: *start..end,
                again: again(at),
                reads: Vec::new(),
                writes: Vec::new(),
                drops: Vec::new(),
                drops_backward: Vec::new(),
            })
            .collect();
        cross(plan, &mut list);
        Self { list, tracked: backward::tracked(plan) }
    }

    /// The same cuts, with other pieces computed again.
    pub(super) fn with_again(&self, plan: &Plan, again: impl Fn(usize) -> bool) -> Self {
        let cuts: Vec<usize> = self.list.iter().map(|segment| segment.steps.start).collect();
        Self::new(plan, &cuts, again)
    }

    /// The pieces, in order.
    pub fn list(&self) -> &[Segment] {
        &self.list
    }

    /// Does a gradient reach the value?
    pub fn is_tracked(&self, id: ValueId) -> bool {
        self.tracked.get(id.0 as usize).copied().unwrap_or(false)
    }

    pub(super) fn tracked(&self) -> &[bool] {
        &self.tracked
    }

    /// Is anything computed again?
    pub fn recomputes(&self) -> bool {
        self.list.iter().any(|segment| segment.again)
    }
}

/// Finds what crosses from segment to segment.
fn cross(plan: &Plan, list: &mut [Segment]) {
    let mut written: Vec<Option<usize>> = vec![None; plan.values.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); plan.values.len()];
    for (at, segment) in list.iter().enumerate() {
        for step in plan.steps.get(segment.steps.clone()).unwrap_or_default() {
            for id in &step.reads {
                let id = id.0 as usize;
                // An input is written nowhere.
                if written.get(id).copied().flatten() != Some(at)
                    && let Some(entry) = readers.get_mut(id)
                    && entry.last() != Some(&at)
                {
                    entry.push(at);
                }
            }
            for id in &step.writes {
                if let Some(entry) = written.get_mut(id.0 as usize) {
                    *entry = Some(at);
                }
            }
        }
    }
    for (id, (written, readers)) in written.into_iter().zip(readers).enumerate() {
        let (Some(last), id) = (readers.last(), ValueId(id as u32)) else { continue };
        let first_again =
            readers.iter().find(|at| list.get(**at).is_some_and(|segment| segment.again)).copied();
        let mut edit = |at: usize, edit: &mut dyn FnMut(&mut Segment)| {
            if let Some(segment) = list.get_mut(at) {
                edit(segment);
            }
        };
        if let Some(written) = written {
            edit(written, &mut |segment| segment.writes.push(id));
        }
        readers.iter().for_each(|at| edit(*at, &mut |segment| segment.reads.push(id)));
        match first_again {
            Some(at) => edit(at, &mut |segment| segment.drops_backward.push(id)),
            None => edit(*last, &mut |segment| segment.drops.push(id)),
        }
    }
}

#[cfg(test)]
mod tests;
