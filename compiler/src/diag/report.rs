//! A diagnostic joined with its sources: what `miette` draws and what JSON carries.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

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
    source: NamedSource<Arc<str>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Place>,
}

/// A place in another file or an outer call.
#[derive(Debug)]
struct Place {
    message: String,
    source: NamedSource<Arc<str>>,
    label: LabeledSpan,
}

impl Report {
    /// Joins `diag` with the sources it points into.
    pub fn new(diag: &Diag, sources: &SourceMap) -> Self {
        let file = diag.span().map_or(FileId(0), |span| span.file);
        let label = |text: &str, span: Span, primary: bool| {
            let range = span.start as usize..(span.end as usize).max(span.start as usize);
            if primary {
                LabeledSpan::new_primary_with_span(Some(text.to_owned()), range)
            } else {
                LabeledSpan::new_with_span(Some(text.to_owned()), range)
            }
        };
        let mut labels = Vec::new();
        let mut related = Vec::new();
        for (at, part) in diag.labels.iter().enumerate() {
            if part.span.file == file {
                labels.push(label(&part.text, part.span, at == 0));
            } else {
                related.push(Place {
                    message: part.text.clone(),
                    source: sources.named(part.span.file),
                    label: label("here", part.span, true),
                });
            }
        }
        for frame in diag.trace.iter().rev() {
            related.push(Place {
                message: format!("in block `{}`", frame.block),
                source: sources.named(frame.call.file),
                label: label("called here", frame.call, true),
            });
        }
        Self {
            code: diag.code.id,
            severity: match diag.code.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
            },
            message: diag.message.clone(),
            help: diag.help.clone(),
            source: sources.named(file),
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
