//! `phgc diff`: what changes from one spec to another.

use std::collections::BTreeMap;

use phg_compiler::ir::dim::Sizes;
use phg_compiler::ir::view::{self, NodeView};
use phg_compiler::plan::cost::{Cost, cost};
use serde_json::json;

use crate::args::{Compile, Diff, Format};
use crate::failure;
use crate::summary::{grouped, size};
use crate::{Outcome, spec};

/// One side.
struct Side {
    nodes: BTreeMap<String, NodeView>,
    params: BTreeMap<String, String>,
    training: String,
    cost: Cost,
}

/// Compares structure, parameters, settings and cost.
pub(crate) fn run(args: &Diff) -> Outcome {
    let none = Compile { sets: Vec::new(), limits: Vec::new() };
    let (a, b) = (spec::load(&args.a, &none)?, spec::load(&args.b, &none)?);
    let mode = spec::mode(args.mode);
    let [h, w] = args.size.unwrap_or_else(|| a.network.default_size());
    let side = |compiled: &spec::Compiled| {
        let graph = compiled.network.graph_for(mode, None, &[]).0;
        Side {
            nodes: view::view(&graph).nodes.into_iter().map(|node| (node.path.clone(), node)).collect(),
            params: compiled.network.params.iter().cloned().collect(),
            training: format!("{:?}", compiled.network.training),
            cost: cost(&compiled.network.plan(mode), &Sizes { n: 1, h, w }),
        }
    };
    let (a, b) = (side(&a), side(&b));
    let added: Vec<&String> = b.nodes.keys().filter(|path| !a.nodes.contains_key(*path)).collect();
    let removed: Vec<&String> = a.nodes.keys().filter(|path| !b.nodes.contains_key(*path)).collect();
    let changed: Vec<(&String, String, String)> = a
        .nodes
        .iter()
        .filter_map(|(path, old)| {
            let new = b.nodes.get(path)?;
            if line(old) != line(new) {
                return Some((path, line(old), line(new)));
            }
            // The same operation on other operands.
            let reads = |node: &NodeView| format!("reads {}", node.operands.join(", "));
            (old.operands != new.operands).then(|| (path, reads(old), reads(new)))
        })
        .collect();
    let mut params: Vec<(&String, Option<&String>, Option<&String>)> = Vec::new();
    for name in a.params.keys().chain(b.params.keys().filter(|name| !a.params.contains_key(*name))) {
        let (old, new) = (a.params.get(name), b.params.get(name));
        if old != new {
            params.push((name, old, new));
        }
    }
    match args.format {
        Format::Json => failure::print_json(&json!({
            "mode": a.cost.mode,
            "size": [h, w],
            "parameters": params.iter().map(|(name, old, new)| json!({ "name": name, "a": old, "b": new })).collect::<Vec<_>>(),
            "training_differs": a.training != b.training,
            "nodes": {
                "added": added,
                "removed": removed,
                "changed": changed.iter().map(|(path, old, new)| json!({ "path": path, "a": old, "b": new })).collect::<Vec<_>>(),
            },
            "cost": { "a": a.cost, "b": b.cost },
        })),
        Format::Text => {
            println!("--- {}\n+++ {}", args.a.display(), args.b.display());
            for (name, old, new) in &params {
                let text = |value: &Option<&String>| value.map_or("(none)", String::as_str).to_owned();
                println!("param {name}: {} -> {}", text(old), text(new));
            }
            if a.training != b.training {
                println!("training settings differ");
            }
            prefixes("+", &added);
            prefixes("-", &removed);
            let shown = 40;
            for (path, old, new) in changed.iter().take(shown) {
                println!("~ {path}: {old} -> {new}");
            }
            if changed.len() > shown {
                println!("~ ... and {} more", changed.len() - shown);
            }
            let row = |name: &str, old: u64, new: u64, show: fn(u64) -> String| {
                if old != new {
                    println!("{name}: {} -> {}", show(old), show(new));
                }
            };
            row("parameters", a.cost.parameters, b.cost.parameters, grouped);
            row("MACs", a.cost.macs, b.cost.macs, grouped);
            row("predicted peak", a.cost.peak_bytes, b.cost.peak_bytes, size);
            if params.is_empty() && added.is_empty() && removed.is_empty() && changed.is_empty() {
                println!("the networks are the same");
            }
        }
    }
    Ok(())
}

fn line(node: &NodeView) -> String {
    format!("{}[{}] {}", node.op, node.parameters, node.facts.join(" "))
}

/// Whole subtrees by their first two names, with how many nodes each has.
fn prefixes(sign: &str, paths: &[&String]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let prefix: Vec<&str> = path.split('.').take(2).collect();
        *counts.entry(prefix.join(".")).or_insert(0) += 1;
    }
    for (prefix, count) in counts {
        println!("{sign} {prefix}: {count} node{}", if count == 1 { "" } else { "s" });
    }
}
