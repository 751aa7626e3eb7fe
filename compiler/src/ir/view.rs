//! Graphs for other programs: JSON with a format number, Graphviz, Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::graph::{Graph, Phase};
use crate::plan::Role;

/// The number that [`GraphView::format`] carries; it changes when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// A graph for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GraphView {
    /// [`FORMAT`].
    pub format: u32,
    /// Operations in execution order.
    pub nodes: Vec<NodeView>,
    /// Results by name.
    pub outputs: Vec<OutputView>,
    /// What must hold of the input's sizes.
    pub constraints: Vec<String>,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeView {
    /// Its own name.
    pub path: String,
    /// The prefix of its parameters' names.
    pub params: String,
    /// What it does.
    pub op: &'static str,
    /// Its parameters, as text.
    pub parameters: String,
    /// The section that it belongs to.
    pub section: String,
    /// Does it exist while training only?
    pub training: bool,
    /// Paths of its operands, with `#1` for a second result.
    pub operands: Vec<String>,
    /// What is known of its results.
    pub facts: Vec<String>,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputView {
    /// Its name.
    pub name: String,
    /// The node that makes it.
    pub node: String,
    /// What it is for.
    pub role: Role,
}

/// The graph for programs.
pub fn view(graph: &Graph) -> GraphView {
    let name = |wire: super::graph::Wire| {
        let path = graph.get(wire.node).map_or("?", |node| &node.path);
        if wire.port == 0 { path.to_owned() } else { format!("{path}#{}", wire.port) }
    };
    let nodes = graph.nodes().filter_map(|id| {
        let node = graph.get(id)?;
        Some(NodeView {
            path: node.path.to_string(),
            params: node.params.to_string(),
            op: node.op.def().name,
            parameters: node.op.describe(),
            section: node.section.to_string(),
            training: node.phase == Phase::Training,
            operands: graph.operands(id).into_iter().map(name).collect(),
            facts: graph.facts(id).iter().map(ToString::to_string).collect(),
        })
    });
    let outputs = graph.outputs.iter().map(|output| OutputView {
        name: output.name.clone(),
        node: name(output.wire),
        role: output.role,
    });
    GraphView {
        format: FORMAT,
        nodes: nodes.collect(),
        outputs: outputs.collect(),
        constraints: graph.constraints.iter().map(super::constraint::Constraint::formula).collect(),
    }
}

/// A colour for each kind of section, told apart by people who do not see all colours.
fn colour(section: &str, training: bool) -> &'static str {
    if training {
        return "#f2d0a9";
    }
    match section {
        "encoder" => "#a9c9e8",
        "decoder" => "#b7dfb0",
        "merge" | "head" => "#e3e3a1",
        "" => "#eeeeee",
        _ => "#d9c2e9",
    }
}

/// For Graphviz: a box for each section, a node for each operation.
pub fn dot(graph: &Graph) -> String {
    let view = view(graph);
    let mut out = String::from(
        "digraph network {\n  rankdir=TB;\n  node [shape=box, style=filled, fontname=\"sans-serif\", fontsize=10];\n",
    );
    for (at, (section, nodes)) in sections(&view).into_iter().enumerate() {
        if !section.is_empty() {
            let _ = writeln!(out, "  subgraph cluster_{at} {{\n  label={section:?};");
        }
        for node in nodes {
            let facts = node.facts.join(" ");
            let label = format!("{} {}\\n{}", node.op, node.parameters, facts).replace('"', "'");
            let fill = colour(&node.section, node.training);
            let _ = writeln!(
                out,
                "  {:?} [label=\"{label}\", fillcolor=\"{fill}\", tooltip={:?}];",
                node.path, node.path
            );
        }
        if !section.is_empty() {
            out.push_str("  }\n");
        }
    }
    for node in &view.nodes {
        for operand in &node.operands {
            let _ = writeln!(out, "  {:?} -> {:?};", operand.split('#').next().unwrap_or(operand), node.path);
        }
    }
    for output in &view.outputs {
        let from = output.node.split('#').next().unwrap_or(&output.node).to_owned();
        let _ = writeln!(
            out,
            "  {:?} [shape=ellipse, fillcolor=white];\n  {from:?} -> {:?};",
            output.name, output.name
        );
    }
    out.push_str("}\n");
    out
}

/// For Mermaid.
pub fn mermaid(graph: &Graph) -> String {
    let view = view(graph);
    let ids: BTreeMap<&str, usize> =
        view.nodes.iter().enumerate().map(|(at, node)| (node.path.as_str(), at)).collect();
    let mut out = String::from("flowchart TD\n");
    for (section, nodes) in sections(&view) {
        if !section.is_empty() {
            let _ = writeln!(out, "  subgraph {section}");
        }
        for node in nodes {
            let at = ids.get(node.path.as_str()).copied().unwrap_or(0);
            let text = format!("{} {}", node.op, node.parameters).replace('"', "'");
            let _ = writeln!(out, "    n{at}[\"{}<br/>{}\"]", text.trim(), node.facts.join(" "));
        }
        if !section.is_empty() {
            out.push_str("  end\n");
        }
    }
    for (to, node) in view.nodes.iter().enumerate() {
        for operand in &node.operands {
            let from = operand.split('#').next().unwrap_or(operand);
            if let Some(from) = ids.get(from) {
                let _ = writeln!(out, "  n{from} --> n{to}");
            }
        }
    }
    for output in &view.outputs {
        let from = output.node.split('#').next().unwrap_or(&output.node);
        if let Some(from) = ids.get(from) {
            let _ = writeln!(out, "  n{from} --> out_{}([{}])", output.name, output.name);
        }
    }
    out
}

/// Nodes by section, sections in the order of their first node.
fn sections(view: &GraphView) -> Vec<(&str, Vec<&NodeView>)> {
    let mut list: Vec<(&str, Vec<&NodeView>)> = Vec::new();
    for node in &view.nodes {
        match list.iter_mut().find(|(section, _)| *section == node.section) {
            Some((_, nodes)) => nodes.push(node),
            None => list.push((&node.section, vec![node])),
        }
    }
    list
}
