//! Graphs as text: one node a line, in execution order, for snapshots and for `phgc show`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::graph::{Graph, NodeId, Phase, Wire};
use crate::plan::Role;

/// Operations and what flows between them, by path.
pub fn graph(graph: &Graph) -> String {
    let mut out = String::new();
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        let operands: Vec<String> = graph.operands(id).iter().map(|wire| name(graph, *wire)).collect();
        let parameters = node.op.describe();
        let _ = write!(out, "{} = {}", node.path, node.op.def().name);
        if !parameters.is_empty() {
            let _ = write!(out, "[{parameters}]");
        }
        let _ = write!(out, "({})", operands.join(", "));
        if node.params != node.path && !node.op.weights(&facts_of(graph, id)).is_empty() {
            let _ = write!(out, " with {}", node.params);
        }
        if node.phase == Phase::Training {
            out.push_str(" while training");
        }
        out.push('\n');
    }
    for output in &graph.outputs {
        let role = match output.role {
            Role::Prediction => "output",
            Role::Loss => "loss",
            Role::Report => "report",
        };
        let _ = writeln!(out, "{role} {} = {}", output.name, name(graph, output.wire));
    }
    out
}

/// What is known of every value, and the constraints on sizes.
pub fn facts(graph: &Graph) -> String {
    let mut out = String::new();
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        let facts: Vec<String> = graph.facts(id).iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "{}: {}", node.path, facts.join(", "));
    }
    for constraint in &graph.constraints {
        let _ = writeln!(out, "requires {} ({})", constraint.formula(), constraint.because);
    }
    out
}

/// Trainable parameters by prefix.
pub fn parameters(graph: &Graph) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        for weight in node.op.weights(&facts_of(graph, id)) {
            if weight.trainable {
                let count = weight.shape.iter().product();
                counts.insert(format!("{}.{}", node.params, weight.suffix), count);
            }
        }
    }
    counts
}

fn facts_of(graph: &Graph, id: NodeId) -> Vec<crate::ir::fact::Fact> {
    graph.operands(id).iter().filter_map(|wire| graph.fact(*wire).cloned()).collect()
}

/// `decoder.y3.pool`, or `decoder.y3.pool#1` for a second result.
fn name(graph: &Graph, wire: Wire) -> String {
    let path = graph.get(wire.node).map_or("?", |node| &node.path);
    if wire.port == 0 { path.to_owned() } else { format!("{path}#{}", wire.port) }
}
