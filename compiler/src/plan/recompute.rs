//! Which pieces of a training plan are computed again, so that a step fits into a stated memory.
//!
//! Comes in: a plan, sizes and a limit in bytes. Goes out: segments whose predicted peak is within the limit, with
//! as few multiply-accumulates computed twice as the search finds. Guaranteed: without need nothing is computed
//! again; the same plan, sizes and limit give the same segments.

use super::memory;
use super::segments::Segments;
use super::{DType, Plan, ValueId};
use crate::ir::dim::Sizes;

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The pieces.
    pub segments: Segments,
    /// Predicted peak in bytes.
    pub peak: u64,
    /// Predicted peak in bytes with nothing computed again.
    pub peak_before: u64,
    /// Multiply-accumulates that are computed a second time, for one image.
    pub macs_again: u64,
}

/// No choice of segments that was tried fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittle {
    /// The least peak that was found, in bytes.
    pub least: u64,
}

/// Numbers of pieces that are tried.
const PIECES: [usize; 13] = [2, 3, 4, 5, 6, 8, 11, 16, 22, 32, 45, 64, 90];

/// The segments for `limit` bytes, or for no limit the plan in one piece.
///
/// # Errors
/// A limit that is below everything that was tried.
pub fn choose(plan: &Plan, sizes: &Sizes, limit: Option<u64>) -> Result<Choice, TooLittle> {
    let whole = Segments::whole(plan);
    let before = memory::training(plan, sizes, &whole);
    let work = Work::new(plan, sizes);
    let choice = |segments: Segments, peak: u64| {
        let macs_again = work.again(&segments);
        Choice { segments, peak, peak_before: before, macs_again }
    };
    let Some(limit) = limit.filter(|limit| before > *limit) else { return Ok(choice(whole, before)) };
    let mut least = before;
    let mut best: Option<Choice> = None;
    for pieces in PIECES {
        let cuts = work.cuts(pieces);
        // The last piece is gone through backward at once.
        let segments = Segments::new(plan, &cuts, |at| at < cuts.len());
        let peak = memory::training(plan, sizes, &segments);
        least = least.min(peak);
        if peak > limit {
            continue;
        }
        let (segments, peak) = work.keep_what_fits(segments, peak, limit);
        let found = choice(segments, peak);
        if best.as_ref().is_none_or(|best| found.macs_again < best.macs_again) {
            best = Some(found);
        }
    }
    best.ok_or(TooLittle { least })
}

/// The largest batch whose training step fits into `limit` bytes, up to `most`; `None` if not even one image does.
pub fn largest_batch(plan: &Plan, sizes: &Sizes, limit: u64, most: usize) -> Option<usize> {
    let fits = |n: usize| choose(plan, &Sizes { n, ..*sizes }, Some(limit)).is_ok();
    if !fits(1) {
        return None;
    }
    let (mut fit, mut over) = (1, 2);
    while over <= most && fits(over) {
        (fit, over) = (over, over * 2);
    }
    over = over.min(most + 1);
    while over - fit > 1 {
        let middle = fit.midpoint(over);
        if fits(middle) { fit = middle } else { over = middle }
    }
    Some(fit)
}

/// What each step makes, and what it costs to make it again.
struct Work<'a> {
    plan: &'a Plan,
    sizes: &'a Sizes,
    /// Bytes of results up to each step, itself included.
    made: Vec<u64>,
    /// Bytes that cross the place before each step.
    crossing: Vec<u64>,
    /// Multiply-accumulates of each step, one image.
    macs: Vec<u64>,
}

impl<'a> Work<'a> {
    fn new(plan: &'a Plan, sizes: &'a Sizes) -> Self {
        let bytes = |id: &ValueId| {
            plan.values.get(id.0 as usize).map_or(0, |value| {
                let each: u64 = if value.dtype == DType::Int { 8 } else { 4 };
                value.dims.iter().fold(each, |bytes, dim| {
                    bytes.saturating_mul(dim.size(sizes).unwrap_or(usize::MAX) as u64)
                })
            })
        };
        let one = Sizes { n: 1, ..*sizes };
        let (mut made, mut crossing, mut macs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sum, mut living) = (0u64, 0u64);
        for step in &plan.steps {
            crossing.push(living);
            let written = step.writes.iter().map(bytes).fold(0, u64::saturating_add);
            let freed = step.frees.iter().map(bytes).fold(0, u64::saturating_add);
            sum = sum.saturating_add(written);
            living = living.saturating_add(written).saturating_sub(freed);
            made.push(sum);
            macs.push(step.macs.eval(&one).and_then(|macs| u64::try_from(macs).ok()).unwrap_or(0));
        }
        Self { plan, sizes, made, crossing, macs }
    }

    /// Where to cut into `pieces` that make about as much each: near the even places, where the least crosses.
    fn cuts(&self, pieces: usize) -> Vec<usize> {
        let all = self.made.last().copied().unwrap_or(0);
        let share = all / pieces.max(1) as u64;
        let mut cuts: Vec<usize> = Vec::new();
        for piece in 1..pieces as u64 {
            let (from, to) = (share * piece - share / 3, share * piece + share / 3);
            let first = self.made.partition_point(|made| *made < from) + 1;
            let last = self.made.partition_point(|made| *made < to) + 1;
            let after = cuts.last().copied().unwrap_or(0);
            let places = (first.max(after + 1)..=last).filter(|at| *at < self.plan.steps.len());
            if let Some(cut) = places.min_by_key(|at| self.crossing.get(*at).copied().unwrap_or(u64::MAX)) {
                cuts.push(cut);
            }
        }
        cuts
    }

    fn again(&self, segments: &Segments) -> u64 {
        let again = segments.list().iter().filter(|segment| segment.again);
        again.map(|segment| self.of(&segment.steps)).fold(0, u64::saturating_add)
    }

    fn of(&self, steps: &std::ops::Range<usize>) -> u64 {
        self.macs.get(steps.clone()).unwrap_or_default().iter().copied().fold(0, u64::saturating_add)
    }

    /// Piece by piece, those that are dearest to compute first: what can be kept within `limit` is not computed
    /// again.
    fn keep_what_fits(&self, mut segments: Segments, mut peak: u64, limit: u64) -> (Segments, u64) {
        let mut order: Vec<(u64, usize)> = Vec::new();
        for (at, segment) in segments.list().iter().enumerate().filter(|(_, segment)| segment.again) {
            order.push((self.of(&segment.steps), at));
        }
        order.sort_by(|a, b| b.cmp(a));
        for (_, keep) in order {
            let now: Vec<bool> = segments.list().iter().map(|segment| segment.again).collect();
            let tried =
                segments.with_again(self.plan, |at| at != keep && now.get(at).copied().unwrap_or(false));
            let found = memory::training(self.plan, self.sizes, &tried);
            if found <= limit {
                (segments, peak) = (tried, found);
            }
        }
        (segments, peak)
    }
}

#[cfg(test)]
mod tests;
