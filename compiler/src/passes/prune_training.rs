//! Drops the loss terms, so that dead-code finds what only they needed.
//!
//! Before: `logits -> output`, `logits, labels -> loss`. After: `logits -> output`.
//! First of all, since every later pass then sees less. Postcondition: no output is a loss; no node is of
//! the training phase once dead-code has run.

use crate::ir::graph::{Graph, Phase};
use crate::plan::Role;

/// Drops outputs that exist while training only.
pub(super) fn run(graph: &mut Graph) -> usize {
    let before = graph.outputs.len();
    let mut kept = std::mem::take(&mut graph.outputs);
    kept.retain(|output| {
        let always = graph.get(output.wire.node).is_some_and(|node| node.phase == Phase::Always);
        output.role == Role::Prediction && always
    });
    graph.outputs = kept;
    before - graph.outputs.len()
}
