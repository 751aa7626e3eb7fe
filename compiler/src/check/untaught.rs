//! Sections that a loss reads and that learn nothing from any.
//!
//! Comes in: a graph whose every value has a fact. Goes out: a lint for each section with parameters whose every way to
//! a loss passes `stop_gradient`. Guaranteed: a section of which one parameter learns is left alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Diag, Diags, codes};
use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::plan::Role;

/// What the losses read.
#[derive(Default)]
struct Read {
    /// Operations whose parameters learn.
    taught: BTreeSet<NodeId>,
    /// All of them, learning or not.
    all: BTreeSet<NodeId>,
    /// Where gradients end.
    stops: BTreeSet<NodeId>,
}

/// Adds a lint for each section that learns nothing though a loss reads it.
pub(super) fn lint(graph: &Graph, diags: &mut Diags) {
    let read = read(graph);
    if read.stops.is_empty() {
        return;
    }
    let mut learns: BTreeMap<&str, bool> = BTreeMap::new();
    for id in &read.all {
        let Some(node) = graph.get(*id) else { continue };
        let facts: Vec<Fact> =
            graph.operands(*id).into_iter().filter_map(|wire| graph.fact(wire).cloned()).collect();
        if !node.section.is_empty() && !node.op.weights(&facts).is_empty() {
            *learns.entry(&node.section).or_default() |= read.taught.contains(id);
        }
    }
    for section in learns.into_iter().filter_map(|(section, learns)| (!learns).then_some(section)) {
        let stop = read.stops.iter().find(|stop| reads(graph, **stop, section));
        let Some(stop) = stop.and_then(|stop| graph.get(*stop)) else { continue };
        let mut diag = Diag::new(
            &codes::LINT_UNTAUGHT,
            format!("`{section}` keeps its first weights: no gradient of any loss reaches it"),
            stop.origin.span,
            format!("the gradient for `{section}` ends here"),
        )
        .help(format!(
            "let a loss that reads `{section}` pass its gradient, or leave the section out with `when`"
        ));
        diag.trace = stop.origin.trace();
        diags.push(diag);
    }
}

/// Walks from the losses against the direction of the values, with gradients and without.
fn read(graph: &Graph) -> Read {
    let mut read = Read::default();
    let losses = graph.outputs.iter().filter(|output| output.role == Role::Loss);
    let mut open: Vec<(NodeId, bool)> = losses.map(|output| (output.wire.node, true)).collect();
    while let Some((id, teaches)) = open.pop() {
        let first = read.all.insert(id);
        if !(first || teaches && !read.taught.contains(&id)) {
            continue;
        }
        if teaches {
            read.taught.insert(id);
        }
        let stops = graph.get(id).is_some_and(|node| matches!(node.op, Op::StopGradient(_)));
        if stops {
            read.stops.insert(id);
        }
        open.extend(graph.operands(id).into_iter().map(|wire| (wire.node, teaches && !stops)));
    }
    read
}

/// Does a value of `section` go into `id`?
fn reads(graph: &Graph, id: NodeId, section: &str) -> bool {
    let mut seen = BTreeSet::from([id]);
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if graph.get(id).is_some_and(|node| *node.section == *section) {
            return true;
        }
        open.extend(graph.operands(id).into_iter().map(|wire| wire.node).filter(|node| seen.insert(*node)));
    }
    false
}
