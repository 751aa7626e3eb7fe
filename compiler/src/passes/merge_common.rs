//! Computes equal expressions once: same op, same parameters, same operands, and no weights or draws of
//! its own (two convolutions are never equal; two dropouts draw different numbers).
//!
//! Before: `x -> relu -> a`, `x -> relu -> b`. After: `x -> relu -> a, b`.
//! One walk in execution order suffices: when a node is visited, its operands have been merged already.

use rustc_hash::FxHashMap;

use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;

/// Merges equal nodes into the first of them.
pub(super) fn run(graph: &mut Graph) -> usize {
    let mut first: FxHashMap<(&str, String, Vec<Wire>), NodeId> = FxHashMap::default();
    let ids: Vec<NodeId> = graph.nodes().collect();
    let mut merged = 0;
    for id in ids {
        let Some(node) = graph.get(id) else { continue };
        let operands = graph.operands(id);
        let random = matches!(node.op, Op::Dropout(_) | Op::Sample(_) | Op::Input(_) | Op::Kl(_));
        if random {
            continue;
        }
        let facts: Vec<Fact> = operands.iter().filter_map(|wire| graph.fact(*wire).cloned()).collect();
        if !node.op.weights(&facts).is_empty() {
            continue;
        }
        let key = (node.op.def().name, node.op.describe(), operands);
        let Some(kept) = first.get(&key).copied() else {
            first.insert(key, id);
            continue;
        };
        // A value that exists while training only must not replace one that exists always.
        let (Some(a), Some(b)) = (graph.get(kept), graph.get(id)) else { continue };
        if a.phase > b.phase || a.op != b.op {
            continue;
        }
        let ports = graph.facts(id).len() as u8;
        let replaced = (0..ports)
            .all(|port| rewrite::replace(graph, Wire { node: id, port }, Wire { node: kept, port }));
        if replaced && rewrite::remove(graph, id) {
            merged += 1;
        }
    }
    merged
}
