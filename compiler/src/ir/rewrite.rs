//! Edits of a graph, for passes: the only way to change one after it was checked.
//!
//! Invariant: a value is replaced only by one with the same fact, so facts stay true without a new inference.

use super::graph::{Graph, NodeId, Wire};

/// Lets everyone who reads `old` read `new`. Refused (false) when their facts differ.
pub fn replace(graph: &mut Graph, old: Wire, new: Wire) -> bool {
    if old == new || graph.fact(old).is_none() || graph.fact(old) != graph.fact(new) {
        return false;
    }
    graph.redirect(old, new);
    true
}

/// Removes a node that nobody reads. Refused (false) when somebody does.
pub fn remove(graph: &mut Graph, id: NodeId) -> bool {
    if graph.is_read(id) {
        return false;
    }
    graph.remove(id);
    true
}
