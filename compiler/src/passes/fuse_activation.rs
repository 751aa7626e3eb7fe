//! Lets a convolution apply the activation that follows it, in one pass over the result (inference).
//!
//! Before: `x -> conv -> relu -> y`. After: `x -> conv[then relu] -> y`.
//! Precondition: the activation is the convolution's only reader. After fold-conv-norm, which brings them
//! together.

use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;
use crate::plan::instr::Unary;

/// Fuses every activation that it may.
pub(super) fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.nodes().collect();
    let mut fused = 0;
    for id in ids {
        let Some(node) = graph.get(id) else { continue };
        let Some(function) = activation(&node.op) else { continue };
        let operands = graph.operands(id);
        let [source] = operands.as_slice() else { continue };
        let source = *source;
        let only_reader = graph.readers(source).len() == 1 && !graph.outputs.iter().any(|o| o.wire == source);
        let free = matches!(graph.get(source.node).map(|n| &n.op), Some(Op::Conv(conv)) if conv.activation.is_none());
        if !only_reader || !free {
            continue;
        }
        if let Some(node) = graph.get_mut(source.node)
            && let Op::Conv(conv) = &mut node.op
        {
            conv.activation = Some(function);
        }
        if rewrite::replace(graph, Wire { node: id, port: 0 }, source) && rewrite::remove(graph, id) {
            fused += 1;
        }
    }
    fused
}

/// What a convolution can apply to its result.
fn activation(op: &Op) -> Option<Unary> {
    if let Op::LeakyRelu(op) = op {
        return Some(Unary::LeakyRelu(op.slope));
    }
    let fixed = [
        (matches!(op, Op::Relu(_)), Unary::Relu),
        (matches!(op, Op::Sigmoid(_)), Unary::Sigmoid),
        (matches!(op, Op::Tanh(_)), Unary::Tanh),
    ];
    fixed.into_iter().find(|(is, _)| *is).map(|(_, function)| function)
}
