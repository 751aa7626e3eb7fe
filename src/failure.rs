//! Failures: what is printed, for people or programs, and with which exit status the program ends.

use std::fmt::Write;

use miette::{GraphicalReportHandler, GraphicalTheme};
use phg_compiler::diag::{Diag, JsonDiagnostic, Report};
use phg_compiler::source::SourceMap;
use phg_runtime::error::{Error, Kind};
use serde_json::json;

use crate::args::Format;
use crate::output;

/// Why a command did not do what it was asked for.
pub(crate) enum Failure {
    /// The spec has errors.
    Spec {
        /// Its files.
        sources: SourceMap,
        /// Errors and lints.
        diags: Vec<Diag>,
    },
    /// Anything else.
    Run(Error),
    /// Several, of which a JSON result that was printed tells already. Never empty.
    Several(Vec<Error>),
    /// The answer is no (`fmt --check`): nothing more to say.
    No,
    /// A signal came; everything was saved.
    Interrupted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Run(error)
    }
}

impl Failure {
    /// 1 diagnostics, 2 usage, 3 data, 4 training, 5 limits, 130 interrupted.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Spec { diags, .. } => {
                let limit =
                    diags.iter().any(|diag| diag.is_error() && diag.code.id.starts_with("phg::limit::"));
                if limit { 5 } else { 1 }
            }
            Self::No => 1,
            Self::Interrupted => 130,
            Self::Run(error) => status(error.kind),
            Self::Several(errors) => errors.first().map_or(1, |error| status(error.kind)),
        }
    }

    /// Prints it: text to standard error, JSON to standard output.
    pub(crate) fn print(&self, format: Format) {
        match (self, format) {
            (Self::Spec { sources, diags }, Format::Text) => output::err(draw(diags, sources)),
            (Self::Spec { sources, diags }, Format::Json) => print_json(&spec_json(diags, sources, false)),
            (Self::Run(error), Format::Text) => output::err(plain(error)),
            (Self::Run(error), Format::Json) => print_json(&error_json(error)),
            (Self::Several(errors), Format::Text) => {
                errors.iter().for_each(|error| output::err(plain(error)))
            }
            (Self::Several(_), Format::Json) | (Self::Interrupted | Self::No, _) => {}
        }
    }
}

fn status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 2,
        Kind::Data => 3,
        Kind::Training => 4,
        Kind::Limit => 5,
    }
}

/// `{"ok", "error": {...}, "diagnostics": [...]}`: who reads diagnostics finds it there, without a place in a spec.
fn error_json(error: &Error) -> serde_json::Value {
    let Error { code, message, place, help, .. } = error;
    json!({
        "ok": false,
        "error": { "code": code, "message": message, "place": place, "help": help },
        "diagnostics": [{ "code": code, "severity": "error", "message": message, "help": help, "labels": [] }],
    })
}

/// `{"ok", "diagnostics": [...]}`.
pub(crate) fn spec_json(diags: &[Diag], sources: &SourceMap, ok: bool) -> serde_json::Value {
    let diagnostics: Vec<JsonDiagnostic> =
        diags.iter().map(|diag| JsonDiagnostic::new(diag, sources)).collect();
    json!({ "ok": ok, "diagnostics": diagnostics })
}

/// Diagnostics as `miette` draws them, in colour on a terminal, and a line that counts them.
pub(crate) fn draw(diags: &[Diag], sources: &SourceMap) -> String {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let theme = if terminal && std::env::var_os("NO_COLOR").is_none() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut out = String::new();
    for diag in diags {
        if handler.render_report(&mut out, &Report::new(diag, sources)).is_err() {
            let _ = writeln!(out, "{}: {}", diag.code.id, diag.message);
        }
        out.push('\n');
    }
    let errors = diags.iter().filter(|diag| diag.is_error()).count();
    let warnings = diags.len() - errors;
    if !diags.is_empty() {
        let first = diags.first().map_or("", |diag| diag.code.id);
        let _ = writeln!(
            out,
            "{}, {}; `phgc explain {first}` says more",
            count(errors, "error"),
            count(warnings, "warning")
        );
    }
    out
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn plain(error: &Error) -> String {
    let mut out = format!("{}\n\n  × {}\n", error.code, error.message);
    if let Some(place) = &error.place {
        let _ = writeln!(out, "    at {place}");
    }
    if let Some(help) = &error.help {
        let _ = writeln!(out, "  help: {help}");
    }
    out
}

/// One JSON document on standard output.
pub(crate) fn print_json(value: &serde_json::Value) {
    output::out(format_args!("{value:#}\n"));
}
