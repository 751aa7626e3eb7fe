//! `phgc summary`: parameters, multiply-accumulates and memory, of one spec or several in one table.

use phg_compiler::ir::dim::Sizes;
use phg_compiler::passes::PIPELINE;
use phg_compiler::plan::cost::Cost;
use phg_compiler::{Mode, Network};
use phg_runtime::train::memory::choose;
use serde_json::{Map, Value, json};

use crate::args::{Format, Summary};
use crate::failure::{self, Failure};
use crate::{Outcome, memory, spec};

/// Prints a table, or JSON: an object for one spec, an array for several.
pub(crate) fn run(args: &Summary) -> Outcome {
    let mut rows = Vec::new();
    for path in &args.specs {
        let compiled = spec::load(path, &args.compile)?;
        let [h, w] = args.size.unwrap_or_else(|| compiled.network.default_size());
        let sizes = Sizes { n: 1, h, w };
        let batch = memory::batch(args.batch, &compiled.network, &sizes, args.memory_limit)?;
        let sizes = Sizes { n: batch, ..sizes };
        compiled
            .network
            .bind(&sizes)
            .map_err(|diags| Failure::Spec { sources: compiled.sources.clone(), diags })?;
        rows.push(row(path.display().to_string(), &compiled.network, spec::mode(args.mode), &sizes, args)?);
    }
    match args.format {
        Format::Json => {
            let list: Vec<Value> = rows.iter().map(view).collect();
            match list.as_slice() {
                [one] => failure::print_json(one),
                _ => failure::print_json(&Value::Array(list)),
            }
        }
        Format::Text => {
            if let [row] = rows.as_slice() {
                print!("{}", one(row));
            } else {
                print!("{}", table(&rows));
            }
        }
    }
    Ok(())
}

/// What is told of one spec.
struct Row {
    name: String,
    nodes: usize,
    cost: Cost,
    /// The same without passes that change how something is computed, and with nothing computed again.
    before: Before,
    /// Multiply-accumulates that a training step computes a second time to save memory, one image.
    macs_again: u64,
}

struct Before {
    nodes: usize,
    macs: u64,
    peak: u64,
}

fn row(name: String, network: &Network, mode: Mode, sizes: &Sizes, args: &Summary) -> Result<Row, Failure> {
    let plan = network.plan(mode);
    let mut cost = phg_compiler::plan::cost::cost(&plan, sizes);
    let mut macs_again = 0;
    if mode == Mode::Train {
        let choice = choose(&plan, sizes, args.memory_limit)?;
        (cost.peak_bytes, macs_again) = (choice.peak, choice.macs_again);
    }
    // Without these two a plan would compute what its mode does not ask for.
    let kept = ["prune-training", "dead-code"];
    let off = PIPELINE.iter().map(|pass| pass.name).filter(|name| !kept.contains(name));
    let plain = network.plan_without(mode, &off.map(str::to_owned).collect::<Vec<_>>());
    let plain_cost = phg_compiler::plan::cost::cost(&plain, sizes);
    let before = Before { nodes: plain.steps.len(), macs: plain_cost.macs, peak: plain_cost.peak_bytes };
    Ok(Row { name, nodes: plan.steps.len(), cost, before, macs_again })
}

fn view(row: &Row) -> Value {
    let Row { name, nodes, cost, before, macs_again } = row;
    let sections: Map<String, Value> = cost
        .sections
        .iter()
        .filter(|(_, section)| section.parameters > 0)
        .map(|(name, section)| (name.clone(), json!(section.parameters)))
        .collect();
    json!({
        "spec": name,
        "mode": cost.mode,
        "size": [cost.sizes.h, cost.sizes.w],
        "batch": cost.sizes.n,
        "parameters": { "total": cost.parameters, "sections": sections },
        "macs": cost.macs,
        "nodes": nodes,
        "memory": { "parameters": cost.parameter_bytes, "activations": cost.activation_bytes, "peak": cost.peak_bytes },
        "before": { "macs": before.macs, "nodes": before.nodes, "memory": { "peak": before.peak } },
        "macs_again": macs_again,
    })
}

fn one(row: &Row) -> String {
    let Row { name, nodes, cost, before, macs_again } = row;
    let mut out = format!(
        "{name}: {:?} at {}x{}, batch {}, {nodes} steps\n\n{:<12} {:>14} {:>16} {:>14} {:>7}\n",
        cost.mode,
        cost.sizes.h,
        cost.sizes.w,
        cost.sizes.n,
        "section",
        "parameters",
        "MACs (1 image)",
        "activations",
        "steps"
    )
    .to_lowercase()
    .replace("macs (1 image)", "MACs (1 image)");
    for (name, section) in &cost.sections {
        let name = if name.is_empty() { "-" } else { name };
        out.push_str(&format!(
            "{name:<12} {:>14} {:>16} {:>14} {:>7}\n",
            grouped(section.parameters),
            grouped(section.macs),
            size(section.activations),
            section.steps
        ));
    }
    out.push_str(&format!(
        "{:<12} {:>14} {:>16} {:>14} {:>7}\n\nmemory: parameters {}, predicted peak {}\n",
        "total",
        grouped(cost.parameters),
        grouped(cost.macs),
        size(cost.activation_bytes),
        nodes,
        size(cost.parameter_bytes),
        size(cost.peak_bytes)
    ));
    out.push_str(&format!(
        "without passes: MACs {}, predicted peak {}, {} steps\n",
        grouped(before.macs),
        size(before.peak),
        before.nodes
    ));
    if *macs_again > 0 {
        out.push_str(&format!("computed again in the backward pass: MACs {}\n", grouped(*macs_again)));
    }
    out
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(4).max(4);
    let mut out = format!(
        "{:<width$} {:>9} {:>14} {:>18} {:>12} {:>7}\n",
        "spec", "size", "parameters", "MACs (1 image)", "peak", "steps"
    );
    for Row { name, nodes, cost, .. } in rows {
        out.push_str(&format!(
            "{name:<width$} {:>9} {:>14} {:>18} {:>12} {:>7}\n",
            format!("{}x{}", cost.sizes.h, cost.sizes.w),
            grouped(cost.parameters),
            grouped(cost.macs),
            size(cost.peak_bytes),
            nodes
        ));
    }
    out
}

/// `93,840,636`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `56.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit_name = UNITS.get(unit).copied().unwrap_or("TiB");
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {unit_name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(93_840_636), "93,840,636");
        assert_eq!(grouped(7), "7");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(12), "12 B");
    }
}
