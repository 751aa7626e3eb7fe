//! The coverage of an import as text: a line for each kind, and what lacks or is left over by name.

use std::fmt::Write;
use std::path::Path;

use phg_runtime::weights::{Coverage, LeftOut, Source};

/// So many names of a kind are printed; JSON has all.
const SHOWN: usize = 12;

/// The table, and below it the names that need a look.
pub(super) fn text(source: &Source, coverage: &Coverage, spec: &Path) -> String {
    let mut out = format!(
        "{} ({}, {} tensors) into {}\n\n",
        source.name,
        source.kind,
        source.tensors().count(),
        spec.display()
    );
    let Coverage { matched, missing, unexpected, shape_differs, left_out, kept, .. } = coverage;
    let mut row = |what: &str, count: usize, note: &str| {
        let line = format!("{what:<14} {count:>6}  {note}");
        let _ = writeln!(out, "{}", line.trim_end());
    };
    row("matched", matched.len(), &coverage.notes().join(", "));
    row("missing", missing.len(), "");
    row("unexpected", unexpected.len(), "");
    row("shape differs", shape_differs.len(), "");
    row("left out", count(left_out), &reasons(left_out));
    row("kept", count(kept), &reasons(kept));
    for note in &source.notes {
        let _ = writeln!(out, "\nnote: {note}");
    }
    let near = |names: &[String]| match names {
        [] => String::new(),
        [first, ..] => format!("   near: {first}"),
    };
    let lines = missing.iter().map(|m| format!("{} {:?}{}", m.parameter, m.shape, near(&m.nearest)));
    list(&mut out, "missing: parameters that no tensor becomes", lines, missing.len());
    let lines = unexpected.iter().map(|u| {
        let to = u.sent_to.as_ref().map_or(String::new(), |path| format!(" -> {path}"));
        format!("{}{to} {:?}{}", u.tensor, u.shape, near(&u.nearest))
    });
    list(&mut out, "unexpected: tensors that become no parameter", lines, unexpected.len());
    let lines =
        shape_differs.iter().map(|s| format!("{} {:?} -> {} {:?}", s.tensor, s.found, s.parameter, s.wanted));
    list(&mut out, "shape differs: tensor and parameter", lines, shape_differs.len());
    out.push('\n');
    out
}

fn count(groups: &[LeftOut]) -> usize {
    groups.iter().map(|group| group.names.len()).sum()
}

fn reasons(groups: &[LeftOut]) -> String {
    let each: Vec<String> =
        groups.iter().map(|group| format!("{} {}", group.names.len(), group.why)).collect();
    each.join(", ")
}

fn list(out: &mut String, title: &str, lines: impl Iterator<Item = String>, count: usize) {
    if count == 0 {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in lines.take(SHOWN) {
        let _ = writeln!(out, "  {line}");
    }
    if count > SHOWN {
        let _ = writeln!(out, "  and {} more: `--format json` has all", count - SHOWN);
    }
}
