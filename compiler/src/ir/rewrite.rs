//! Edits of a graph, for passes: the only way to change one after it was checked.
//!
//! Invariant: a value is replaced only by one with the same fact, so facts stay true without a new inference.

use super::fact::Fact;
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

/// Gives a node other operands. Refused (false) when one of them is not there, or comes after the node.
pub fn rewire(graph: &mut Graph, id: NodeId, operands: &[Wire]) -> bool {
    if operands.iter().any(|wire| wire.node >= id || graph.fact(*wire).is_none()) {
        return false;
    }
    graph.rewire(id, operands);
    true
}

/// Lets a node and the only one that reads it change places: what was `second(first(operands))` becomes
/// `first(second(operands), rest)`, with `rest` what `first` reads behind its first operand. `between` is the fact of
/// the value between them, which nobody else sees. Refused (false) when somebody else reads `first`, or when either
/// has more than one result.
pub fn exchange(graph: &mut Graph, first: NodeId, second: NodeId, between: Fact) -> bool {
    let value = Wire { node: first, port: 0 };
    let (inner, outer) = (graph.operands(first), graph.operands(second));
    let alone = graph.facts(first).len() == 1
        && graph.facts(second).len() == 1
        && graph.readers(value) == [(second, 0)]
        && outer == [value]
        && !graph.outputs.iter().any(|output| output.wire.node == first);
    let Some((operand, rest)) = inner.split_first().filter(|_| alone) else { return false };
    graph.swap(first, second);
    graph.state(first, vec![between]);
    graph.rewire(first, &[*operand]);
    graph.rewire(second, &[&[value], rest].concat());
    true
}

/// Lets two nodes change places whose operands were changed to suit; `between` is what the earlier one now gives.
pub fn swap(graph: &mut Graph, earlier: NodeId, later: NodeId, between: Fact) {
    graph.swap(earlier, later);
    graph.state(earlier, vec![between]);
}
