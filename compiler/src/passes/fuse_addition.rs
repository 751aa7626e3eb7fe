//! Lets a convolution add another map to its result, in one pass over it (inference).
//!
//! Before: `x -> conv -> +`, `y -> +`. After: `x, y -> conv[plus y]`.
//! Precondition: both maps have one shape; the sum is the convolution's only reader; the convolution comes after the
//! other map, so that it has it to add. After fold-conv-norm, which takes the norm from between them, and before
//! fuse-activation, since an activation comes last.

use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;
use crate::plan::instr::Binary;

/// Fuses every addition that it may.
pub(super) fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.nodes().collect();
    ids.into_iter().filter(|id| fuse(graph, *id).is_some()).count()
}

fn fuse(graph: &mut Graph, id: NodeId) -> Option<()> {
    let Op::Arithmetic(sum) = &graph.get(id)?.op else { return None };
    let operands = graph.operands(id);
    let &[a, b] = operands.as_slice() else { return None };
    let (conv, other) = if a.node > b.node { (a, b) } else { (b, a) };
    let result = graph.fact(Wire { node: id, port: 0 });
    let one_shape = graph.fact(conv) == result && graph.fact(other) == result;
    let only_reader = graph.readers(conv).len() == 1 && !graph.outputs.iter().any(|o| o.wire == conv);
    if sum.by != Binary::Add || conv.node == other.node || !one_shape || !only_reader {
        return None;
    }
    let mut reads = graph.operands(conv.node);
    reads.push(other);
    let Op::Conv(op) = &mut graph.get_mut(conv.node)?.op else { return None };
    if op.activation.is_some() || op.adds {
        return None;
    }
    op.adds = true;
    rewrite::rewire(graph, conv.node, &reads);
    rewrite::replace(graph, Wire { node: id, port: 0 }, conv);
    rewrite::remove(graph, id);
    Some(())
}
