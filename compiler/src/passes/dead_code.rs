//! Drops nodes that no output needs, inputs included.
//!
//! Before: `a -> b -> output`, `a -> c`. After: `a -> b -> output`.
//! Nodes are visited from the last to the first: each is removed after everyone that could have read it.

use crate::ir::graph::{Graph, NodeId};
use crate::ir::rewrite;

/// Removes what nobody reads.
pub(super) fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.nodes().collect();
    ids.into_iter().rev().filter(|id| rewrite::remove(graph, *id)).count()
}
