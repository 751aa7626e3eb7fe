//! A diagnostic joined with its sources: what `miette` draws and what JSON carries.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde::Serialize;

use super::excerpt::Excerpt;
use super::{Diag, Severity};
use crate::source::{FileId, SourceMap, Span};

/// A diagnostic that can be drawn. Labels in other files, and the calls that led into a block, are
/// reports of their own, `related` to it.
#[derive(Debug)]
pub struct Report {
    code: &'static str,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    source: Excerpt,
    labels: Vec<LabeledSpan>,
    related: Vec<Place>,
}

/// A place in another file or an outer call.
#[derive(Debug)]
struct Place {
    message: String,
    source: Excerpt,
    label: LabeledSpan,
}

impl Report {
    /// Joins `diag` with the sources it points into.
    pub fn new(diag: &Diag, sources: &SourceMap) -> Self {
        let at = diag.span().unwrap_or(Span { file: FileId(0), start: 0, end: 0 });
        let source = Excerpt::around(at, sources);
        let place = |message: String, label: &str, span: Span| {
            let source = Excerpt::around(span, sources);
            let range = source.range(span).unwrap_or(0..0);
            let label = LabeledSpan::new_primary_with_span(Some(label.to_owned()), range);
            Place { message, source, label }
        };
        let mut labels = Vec::new();
        let mut related = Vec::new();
        for (at, part) in diag.labels.iter().enumerate() {
            match source.range(part.span) {
                Some(range) if at == 0 => {
                    labels.push(LabeledSpan::new_primary_with_span(Some(part.text.clone()), range));
                }
                Some(range) => labels.push(LabeledSpan::new_with_span(Some(part.text.clone()), range)),
                None => related.push(place(part.text.clone(), "here", part.span)),
            }
        }
        for frame in diag.trace.iter().rev() {
            related.push(place(format!("in block `{}`", frame.block), "called here", frame.call));
        }
        Self {
            code: diag.code.id,
            severity: match diag.code.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
            },
            message: diag.message.clone(),
            help: diag.help.clone(),
            source,
            labels,
            related,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|place| place as &dyn Diagnostic)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Place {}

impl Diagnostic for Place {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}

/// A diagnostic for machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JsonDiagnostic {
    /// Its code.
    pub code: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// One line.
    pub message: String,
    /// An edit.
    pub help: Option<String>,
    /// Places, the first of them what is wrong.
    pub labels: Vec<JsonLabel>,
}

/// A place for machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JsonLabel {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is to be seen there.
    pub text: String,
}

impl JsonDiagnostic {
    /// `diag` with lines and columns; the chain of calls follows the labels.
    pub fn new(diag: &Diag, sources: &SourceMap) -> Self {
        let place = |span: Span, text: String| {
            let (line, column) = sources.line_column(span);
            JsonLabel { file: sources.name(span.file).to_owned(), line, column, text }
        };
        let labels = diag.labels.iter().map(|label| place(label.span, label.text.clone()));
        let trace = diag
            .trace
            .iter()
            .rev()
            .map(|frame| place(frame.call, format!("in block `{}`, called here", frame.block)));
        Self {
            code: diag.code.id,
            severity: match diag.code.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: diag.message.clone(),
            help: diag.help.clone(),
            labels: labels.chain(trace).collect(),
        }
    }
}
