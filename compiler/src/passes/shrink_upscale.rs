//! Moves a pointwise convolution before the enlargement that it follows: the same sums over fewer pixels (inference).
//!
//! Before: `x -> resize -> conv 1x1 -> y`. After: `x -> conv 1x1 -> resize -> y`.
//! A resized pixel is a mean of pixels with weights that add up to 1, and a pointwise convolution, bias included, is
//! affine at each pixel: the two commute. After fold-conv-norm (a norm of running statistics is affine too), and before
//! an activation is fused, which is not.
//! Precondition: the convolution is the only reader, has no padding or stride, and costs less there.

use crate::ir::dim::Sizes;
use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, NodeId, Wire};
use crate::ir::rewrite;
use crate::ops::Op;

/// An image on which costs are compared; the values are right for any.
const TYPICAL: Sizes = Sizes { n: 1, h: 512, w: 1024 };

/// Products that a bilinear sample takes.
const SAMPLE: usize = 4;

/// Moves every convolution that it should.
pub(super) fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.nodes().collect();
    ids.into_iter().filter(|id| exchange(graph, *id).is_some()).count()
}

fn exchange(graph: &mut Graph, id: NodeId) -> Option<()> {
    let Op::Conv(conv) = &graph.get(id)?.op else { return None };
    let pointwise = conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == [0, 0];
    if !pointwise || conv.activation.is_some() || conv.adds {
        return None;
    }
    let &[enlarged] = graph.operands(id).as_slice() else { return None };
    if !matches!(graph.get(enlarged.node)?.op, Op::Resize(_)) {
        return None;
    }
    let map = |wire: Wire| {
        let Fact::Map { channels, height, width } = graph.fact(wire)? else { return None };
        Some((*channels, height.clone(), width.clone()))
    };
    let (inputs, height, width) = map(*graph.operands(enlarged.node).first()?)?;
    let (_, rows, columns) = map(enlarged)?;
    let small = height.size(&TYPICAL)? * width.size(&TYPICAL)?;
    let large = rows.size(&TYPICAL)? * columns.size(&TYPICAL)?;
    let products = inputs / conv.groups * conv.channels;
    let before = large * (products + SAMPLE * inputs);
    let after = small * products + large * SAMPLE * conv.channels;
    if after >= before {
        return None;
    }
    let between = Fact::Map { channels: conv.channels, height, width };
    rewrite::exchange(graph, enlarged.node, id, between).then_some(())
}
