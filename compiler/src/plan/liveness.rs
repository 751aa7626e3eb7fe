//! Liveness: after which step nothing reads a value any more.

use super::{Step, ValueId};

/// Fills in `frees`: each value after its last reader, or after its own step when nobody reads it.
/// Values in `kept` (the outputs) are never freed.
pub fn mark(steps: &mut [Step], values: usize, kept: &[ValueId]) {
    let mut last: Vec<Option<usize>> = vec![None; values];
    for (at, step) in steps.iter().enumerate() {
        for value in step.writes.iter().chain(&step.reads) {
            if let Some(entry) = last.get_mut(value.0 as usize) {
                *entry = Some(at);
            }
        }
    }
    for value in kept {
        if let Some(entry) = last.get_mut(value.0 as usize) {
            *entry = None;
        }
    }
    for step in steps.iter_mut() {
        step.frees.clear();
    }
    for (value, at) in last.into_iter().enumerate() {
        if let Some(step) = at.and_then(|at| steps.get_mut(at)) {
            step.frees.push(ValueId(value as u32));
        }
    }
}
