//! Lints: what compiles but deserves a look.

use crate::diag::{Diag, Diags, codes};
use crate::ir::fact::Fact;
use crate::ir::graph::Graph;
use crate::ops::Op;

/// Looks at a whole graph.
pub fn lints(graph: &Graph, diags: &mut Diags) {
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        if matches!(node.op, Op::Norm(_))
            && let Some(fact) = graph.facts(id).first()
            && single(fact)
        {
            let mut diag = Diag::new(
                &codes::LINT_NORM_SINGLE,
                format!("batch statistics of {fact} come from the batch alone: a batch of 1 has none"),
                node.origin.span,
                "one value for each channel and image",
            )
            .help("leave the norm out here, or train with a batch of at least 2");
            diag.trace = node.origin.trace();
            diags.push(diag);
        }
    }
}

/// Does each image give one value a channel only?
fn single(fact: &Fact) -> bool {
    match fact {
        Fact::Vector { .. } => true,
        Fact::Map { height, width, .. } => height.as_constant() == Some(1) && width.as_constant() == Some(1),
        Fact::Tensor { .. }
        | Fact::Indices { .. }
        | Fact::Labels { .. }
        | Fact::Gaussian { .. }
        | Fact::Mixture { .. }
        | Fact::StandardNormal
        | Fact::Scalar
        | Fact::Loss => false,
    }
}
