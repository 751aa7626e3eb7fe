//! What a whole graph says that no single operation does: sizes that cannot exist, and lints.
//!
//! Comes in: a graph whose every value has a fact. Goes out: one error if no size of image meets its constraints,
//! and lints for what compiles but deserves a look.

mod untaught;

use crate::diag::{Diag, Diags, codes};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::Symbol;
use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, NodeId};
use crate::ir::solve;
use crate::ops::Op;

/// The error for constraints that no sizes meet, if that is proved.
pub fn impossible(graph: &Graph) -> Option<Diag> {
    let core = solve::conflict(&graph.constraints)?;
    let (last, others) = core.split_last()?;
    let message = if others.is_empty() {
        format!("no size of image meets the constraint that {}", last.formula())
    } else {
        let formulas: Vec<String> = core.iter().map(|each| each.formula()).collect();
        format!("no size of image meets these constraints together: {}", formulas.join("; "))
    };
    let mut diag = Diag::new(&codes::SIZE_IMPOSSIBLE, message, last.span, last.asks());
    for other in others {
        diag = diag.because(other.span, other.asks());
    }
    let stated = core.iter().any(|each| each.stated);
    Some(diag.help(if stated {
        "change or delete the assertion, or bring the maps to one size: `|> resize(like: x)`"
    } else {
        "bring the maps to one size: `|> resize(like: x)`"
    }))
}

/// Looks at a whole graph, which is trained with `batch` images at a time.
pub fn lints(graph: &Graph, batch: usize, diags: &mut Diags) {
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        if batch == 1
            && matches!(node.op, Op::Norm(_))
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
        if matches!(node.op, Op::CrossEntropy(_) | Op::SoftIou(_)) {
            probabilities(graph, id, diags);
        }
    }
    for constraint in &graph.constraints {
        few_sizes(graph, constraint, diags);
    }
    untaught::lint(graph, diags);
}

/// A loss that takes the softmax itself, of what is a softmax already.
fn probabilities(graph: &Graph, loss: NodeId, diags: &mut Diags) {
    let mut wire = graph.operands(loss).first().copied();
    // Resizing keeps probabilities what they are.
    while let Some(node) = wire.and_then(|wire| graph.get(wire.node))
        && matches!(node.op, Op::Resize(_))
    {
        wire = wire.and_then(|wire| graph.operands(wire.node).first().copied());
    }
    let (Some(node), Some(made)) = (graph.get(loss), wire.and_then(|wire| graph.get(wire.node))) else {
        return;
    };
    if !matches!(&made.op, Op::Softmax(softmax) if !softmax.log && !softmax.pixels) {
        return;
    }
    let name = node.op.def().name;
    let mut diag = Diag::new(
        &codes::LINT_PROBABILITIES,
        format!("`{name}` takes logits and makes probabilities of them itself: these are probabilities already"),
        node.origin.span,
        "a softmax of a softmax",
    )
    .because(made.origin.span, "made here")
    .help("give the loss what the softmax is given: `let logits = ...`, `output segmentation = softmax(logits)`");
    diag.trace = node.origin.trace();
    diags.push(diag);
}

/// Two sizes that are equal for a few inputs only, though the spec does not say that it wants no others.
fn few_sizes(graph: &Graph, constraint: &Constraint, diags: &mut Diags) {
    if constraint.stated || !matches!(constraint.kind, ConstraintKind::Equal(..)) {
        return;
    }
    let Some((symbol, values)) = solve::only_values(&[&constraint.kind]) else { return };
    let stated: Vec<&ConstraintKind> = graph
        .constraints
        .iter()
        .filter(|each| each.stated && each.kind.symbols() == [symbol])
        .map(|each| &each.kind)
        .collect();
    if !stated.is_empty() && solve::only_values(&stated).is_some() {
        return;
    }
    let unit = match symbol {
        Symbol::H => "rows",
        Symbol::W => "columns",
        Symbol::N => "images in a batch",
    };
    let sizes = match (values.as_slice(), values.first(), values.last()) {
        ([only], _, _) => format!("{only}"),
        ([one, other], _, _) => format!("{one} or {other}"),
        (all, Some(first), Some(last)) => format!("{first} to {last} ({} sizes)", all.len()),
        _ => return,
    };
    let message = format!("{} with {sizes} {unit} of input only", constraint.because);
    let asks = format!("needs that {}", constraint.formula());
    diags.push(
        Diag::new(&codes::LINT_FEW_SIZES, message, constraint.span, asks).help(
            "bring one map to the other's size, `|> resize(like: x)`, or read a map of the same stage; if no other \
             size is wanted, state it: `assert H == 48`",
        ),
    );
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
        | Fact::LossWeight
        | Fact::Loss => false,
    }
}
