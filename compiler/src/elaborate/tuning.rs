//! `freeze` and `rates` of `train { ... }`: which parts of the network are trained, and how fast.
//!
//! Comes in: paths in a spec's settings, and the graph. Goes out: the same paths in [`Training`]. Guaranteed: every path
//! names at least one trained parameter, and something is left to train.

use std::collections::BTreeSet;

use super::Elaborator;
use super::value::Value;
use crate::ast::{Expr, Setting, Settings};
use crate::diag::{Diag, codes, nearest};
use crate::settings::{Training, is_within};
use crate::source::Span;

impl Elaborator<'_> {
    /// `freeze = ["encoder"]`
    pub(super) fn freeze(&mut self, training: &mut Training, value: &Expr) {
        let result = self.eval(value);
        let texts = match &result {
            Value::List(items) => items
                .iter()
                .map(|item| if let Value::Text(text) = item { Some(text.to_string()) } else { None })
                .collect(),
            _ => None,
        };
        let Some(paths): Option<Vec<String>> = texts else {
            self.bad_setting("freeze", "a list of paths such as `[\"encoder\"]`", &result, value.span);
            return;
        };
        training.freeze.clear();
        for path in paths {
            if self.names_a_part(&path, value.span) {
                training.freeze.push(path);
            }
        }
        let names = self.trained();
        if !names.is_empty() && names.iter().all(|name| training.is_frozen(name)) {
            let text = "nothing is left to train: every parameter is frozen";
            self.report(
                Diag::new(&codes::TRAIN_VALUE, text, value.span, "all of them")
                    .help("freeze a part of the network, such as `freeze = [\"encoder\"]`"),
            );
        }
    }

    /// `rates { encoder = 0.1; decoder.y1 = 2 }`; inner groups are parts of parts.
    pub(super) fn rates(&mut self, training: &mut Training, within: &str, fields: &Settings) {
        for field in &fields.fields {
            let (Setting::Value { name, .. } | Setting::Group { name, .. }) = field;
            let path = if within.is_empty() { name.node.clone() } else { format!("{within}.{}", name.node) };
            match field {
                Setting::Group { fields, .. } => self.rates(training, &path, fields),
                Setting::Value { value, .. } => {
                    let factor = self.number(&path, value, 0.0, 1e12);
                    if !self.names_a_part(&path, name.span) {
                        continue;
                    }
                    match factor {
                        Some(0.0) => self.report(
                            Diag::new(&codes::TRAIN_VALUE, "a rate of 0 trains nothing", value.span, "is 0")
                                .help(format!("freeze it: `freeze = [\"{path}\"]`")),
                        ),
                        Some(factor) => {
                            training.rates.retain(|(known, _)| *known != path);
                            training.rates.push((path, factor as f32));
                        }
                        None => {}
                    }
                }
            }
        }
    }

    /// The paths of all trained parameters.
    fn trained(&self) -> BTreeSet<String> {
        crate::ir::print::parameters(&self.graph).into_keys().collect()
    }

    /// Whether a path names trained parameters; if not, that is said.
    fn names_a_part(&mut self, path: &str, span: Span) -> bool {
        let names = self.trained();
        // Of a network with mistakes, parts are absent that the spec has.
        let mistaken = |diag: &Diag| diag.is_error() && !diag.code.id.starts_with("phg::train::");
        if names.iter().any(|name| is_within(name, path)) || self.diags.iter().any(mistaken) {
            return true;
        }
        let mut parts: BTreeSet<&str> = BTreeSet::new();
        for name in &names {
            parts.extend(name.match_indices('.').map(|(at, _)| &name[..at]));
        }
        let sections: BTreeSet<&str> = names.iter().filter_map(|name| name.split('.').next()).collect();
        let help = nearest(path, parts).map_or_else(
            || format!("parts are {}", sections.into_iter().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("`{path}` names no parameters of the network");
        self.report(Diag::new(&codes::TRAIN_PART, message, span, "no such part").help(help));
        false
    }
}
