//! Merges a batch norm into the convolution before it (inference: running statistics are constants).
//!
//! Before: `x -> conv -> norm -> y`. After: `x -> conv[norm: ...] -> y`.
//! Precondition: the norm is the convolution's only reader, and neither belongs to a layer that is called
//! elsewhere (its weights would be folded with other statistics). The weights themselves are folded when a
//! checkpoint is loaded: one checkpoint serves training and inference.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;
use crate::ops::conv::FoldedNorm;

/// Folds every norm that it may.
pub(super) fn run(graph: &mut Graph) -> usize {
    let mut calls: FxHashMap<Arc<str>, usize> = FxHashMap::default();
    for id in graph.nodes() {
        if let Some(node) = graph.get(id) {
            *calls.entry(Arc::clone(&node.params)).or_insert(0) += 1;
        }
    }
    let ids: Vec<NodeId> = graph.nodes().collect();
    let mut folded = 0;
    for id in ids {
        let Some(node) = graph.get(id) else { continue };
        let Op::Norm(norm) = &node.op else { continue };
        let fold = FoldedNorm { params: node.params.to_string(), epsilon: norm.epsilon };
        let norm_calls = calls.get(&node.params).copied().unwrap_or(0);
        let operands = graph.operands(id);
        let [source] = operands.as_slice() else { continue };
        let Some(conv) = graph.get(source.node) else { continue };
        let conv_calls = calls.get(&conv.params).copied().unwrap_or(0);
        let only_reader =
            graph.readers(*source).len() == 1 && !graph.outputs.iter().any(|o| o.wire == *source);
        let plain = matches!(&conv.op, Op::Conv(conv) if conv.norm.is_none() && conv.activation.is_none());
        if !plain || !only_reader || norm_calls != 1 || conv_calls != 1 {
            continue;
        }
        let source = *source;
        if let Some(node) = graph.get_mut(source.node)
            && let Op::Conv(conv) = &mut node.op
        {
            conv.norm = Some(fold);
        }
        if rewrite::replace(graph, Wire { node: id, port: 0 }, source) && rewrite::remove(graph, id) {
            folded += 1;
        }
    }
    folded
}
