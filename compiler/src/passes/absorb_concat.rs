//! Lets a convolution read the parts of a concatenation where they are: the joined map is never made (inference).
//!
//! Before: `a, b -> concat -> conv`. After: `a, b -> conv`.
//! A convolution of joined maps is the sum of its parts' convolutions, and its weight says which channels are whose.
//! Precondition: all who read the concatenation are convolutions without groups; their parts then are all that is kept
//! of it.

use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;

/// Absorbs every concatenation that it may.
pub(super) fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.nodes().collect();
    ids.into_iter().filter(|id| absorb(graph, *id).is_some()).count()
}

fn absorb(graph: &mut Graph, id: NodeId) -> Option<()> {
    let joined = Wire { node: id, port: 0 };
    if !matches!(graph.get(id)?.op, Op::Concat(_)) || !matches!(graph.fact(joined)?, Fact::Map { .. }) {
        return None;
    }
    let parts = graph.operands(id);
    let readers = graph.readers(joined);
    let absorbs = |(reader, place): &(NodeId, u32)| {
        *place == 0
            && matches!(graph.get(*reader).map(|node| &node.op), Some(Op::Conv(conv)) if conv.groups == 1)
    };
    let kept = graph.outputs.iter().any(|output| output.wire == joined);
    if kept || readers.is_empty() || parts.len() < 2 || !readers.iter().all(absorbs) {
        return None;
    }
    for (reader, _) in readers {
        let rest = graph.operands(reader);
        rewrite::rewire(graph, reader, &[&parts, rest.get(1..).unwrap_or_default()].concat());
    }
    rewrite::remove(graph, id);
    Some(())
}
