//! Names: which parameter of a layer a reference's tensor is, and which names read alike.
//!
//! Comes in: paths and names. Goes out: the parameter that is meant, and the nearest names for messages.

use std::collections::BTreeMap;

use super::Wanted;

/// What other systems call the tensors of a layer, and what they are called here.
const CALLED: &[(&str, &str)] = &[
    ("weight", "scale"),
    ("bias", "offset"),
    ("running_mean", "mean"),
    ("running_var", "variance"),
    ("gamma", "scale"),
    ("beta", "offset"),
    ("moving_mean", "mean"),
    ("moving_variance", "variance"),
    ("kernel", "weight"),
    ("weight", "slope"),
];

/// What PyTorch's batch norms count and nothing here needs.
pub(super) const COUNTER: &str = "num_batches_tracked";

/// The last part of a name, and what it lies in.
pub(super) fn leaf(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// The parameter called `path`, or what `path` is called here: `bn.weight` is `bn.scale` where that is the parameter.
pub(super) fn meant(path: &str, wanted: &BTreeMap<&str, &Wanted>) -> Option<String> {
    if wanted.contains_key(path) {
        return Some(path.to_owned());
    }
    let (layer, leaf) = leaf(path);
    let here = CALLED.iter().filter(|(elsewhere, _)| *elsewhere == leaf);
    here.map(|(_, here)| format!("{layer}.{here}")).find(|name| wanted.contains_key(name.as_str()))
}

/// Names are compared up to so many bytes: the comparison takes their product in time.
const COMPARED: usize = 160;

/// Up to three of `names` that read most like `name`, the nearest first.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let short = |name: &'a str| (name.len() <= COMPARED).then_some(name);
    if name.len() > COMPARED {
        return Vec::new();
    }
    let mut scored: Vec<(f64, &str)> = names
        .filter_map(short)
        .map(|other| (strsim::normalized_levenshtein(name, other), other))
        .filter(|(score, _)| *score >= 0.4)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, other)| other.to_owned()).collect()
}

/// Names in backticks, with commas.
pub(super) fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
