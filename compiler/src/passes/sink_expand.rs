//! Keeps constant maps small: a vector that was spread over a map is spread after what is done to each pixel alone
//! (inference).
//!
//! Before: `v -> expand -> relu -> y`. After: `v -> relu -> expand -> y`; and `a -> expand`, `b -> expand`, both
//! `-> concat` becomes `a, b -> concat -> expand`.
//! Precondition: nobody else reads the expanded map. A convolution with a larger window ends it: at the border it sees
//! zeros, so its result is not constant.

use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;

/// Sinks every expansion as far as it may.
pub(super) fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.nodes().collect();
    ids.into_iter().filter(|id| sink(graph, *id).or_else(|| join(graph, *id)).is_some()).count()
}

/// The vector that a node spreads, and its size.
fn spread(graph: &Graph, wire: Wire) -> Option<(Wire, usize)> {
    if !matches!(graph.get(wire.node)?.op, Op::Expand(_)) {
        return None;
    }
    let vector = *graph.operands(wire.node).first()?;
    let Fact::Vector { channels } = graph.fact(vector)? else { return None };
    Some((vector, *channels))
}

/// Elementwise functions of one operand.
fn sink(graph: &mut Graph, id: NodeId) -> Option<()> {
    let op = &graph.get(id)?.op;
    let elementwise =
        matches!(op, Op::Relu(_) | Op::LeakyRelu(_) | Op::Sigmoid(_) | Op::Tanh(_) | Op::Clamp(_))
            || matches!(op, Op::Arithmetic(by) if by.left.is_some() || by.right.is_some());
    let &[operand] = graph.operands(id).as_slice() else { return None };
    let (_, channels) = spread(graph, operand).filter(|_| elementwise)?;
    rewrite::exchange(graph, operand.node, id, Fact::Vector { channels }).then_some(())
}

/// A concatenation of expansions to one size: the last of them takes its place, and it the last one's.
fn join(graph: &mut Graph, id: NodeId) -> Option<()> {
    if !matches!(graph.get(id)?.op, Op::Concat(_)) {
        return None;
    }
    let parts = graph.operands(id);
    let vectors: Vec<(Wire, usize)> = parts.iter().map(|part| spread(graph, *part)).collect::<Option<_>>()?;
    let alone = |part: &Wire| {
        graph.readers(*part).len() == 1 && !graph.outputs.iter().any(|output| output.wire == *part)
    };
    let last = parts.iter().map(|part| part.node).max()?;
    let like = *graph.operands(last).get(1)?;
    if parts.len() < 2 || !parts.iter().all(alone) {
        return None;
    }
    let channels = vectors.iter().map(|(_, channels)| channels).sum();
    let operands: Vec<Wire> = vectors.into_iter().map(|(vector, _)| vector).collect();
    rewrite::rewire(graph, id, &[Wire { node: last, port: 0 }, like]);
    rewrite::rewire(graph, last, &operands);
    rewrite::swap(graph, last, id, Fact::Vector { channels });
    for part in parts.iter().filter(|part| part.node != last) {
        rewrite::remove(graph, part.node);
    }
    Some(())
}
