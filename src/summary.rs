//! `phgc summary`: parameters, multiply-accumulates and memory, of one spec or several in one table.

use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::cost::Cost;
use serde_json::{Map, Value, json};

use crate::args::{Format, Summary};
use crate::failure::{self, Failure};
use crate::{Outcome, spec};

/// Prints a table, or JSON: an object for one spec, an array for several.
pub(crate) fn run(args: &Summary) -> Outcome {
    let mut rows = Vec::new();
    for path in &args.specs {
        let compiled = spec::load(path, &args.compile)?;
        let [h, w] = args.size.unwrap_or_else(|| compiled.network.default_size());
        let sizes = Sizes { n: args.batch, h, w };
        compiled
            .network
            .bind(&sizes)
            .map_err(|diags| Failure::Spec { sources: compiled.sources.clone(), diags })?;
        let mode = spec::mode(args.mode);
        let plan = compiled.network.plan(mode);
        let cost = phg_compiler::plan::cost::cost(&plan, &sizes);
        rows.push((path.display().to_string(), plan.steps.len(), cost));
    }
    match args.format {
        Format::Json => {
            let list: Vec<Value> = rows.iter().map(|(name, nodes, cost)| view(name, *nodes, cost)).collect();
            match list.as_slice() {
                [one] => failure::print_json(one),
                _ => failure::print_json(&Value::Array(list)),
            }
        }
        Format::Text => {
            if let [(name, nodes, cost)] = rows.as_slice() {
                print!("{}", one(name, *nodes, cost));
            } else {
                print!("{}", table(&rows));
            }
        }
    }
    Ok(())
}

fn view(name: &str, nodes: usize, cost: &Cost) -> Value {
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
    })
}

fn one(name: &str, nodes: usize, cost: &Cost) -> String {
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
    out
}

fn table(rows: &[(String, usize, Cost)]) -> String {
    let width = rows.iter().map(|(name, _, _)| name.len()).max().unwrap_or(4).max(4);
    let mut out = format!(
        "{:<width$} {:>9} {:>14} {:>18} {:>12} {:>7}\n",
        "spec", "size", "parameters", "MACs (1 image)", "peak", "steps"
    );
    for (name, nodes, cost) in rows {
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
