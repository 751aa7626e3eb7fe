//! Diagnostics: what is wrong, where, why, and the edit that mends it.
//!
//! Stages make [`Diag`]s and push them into [`Diags`]; [`Report`] joins one with the sources, so that
//! `miette` can draw it.

pub mod codes;
mod excerpt;
mod report;
mod words;

pub use codes::{Code, Severity};
pub use report::{JsonDiagnostic, JsonLabel, Report};
pub use words::{did_you_mean, nearest, suggest_code};

use std::collections::HashSet;

use crate::source::Span;

/// A place that a diagnostic points to.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is to be seen there.
    pub text: String,
}

/// One step of the way into nested blocks: `in block unit, called here`.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The block's name.
    pub block: String,
    /// The call.
    pub call: Span,
}

/// One diagnostic.
#[derive(Clone, Debug, PartialEq)]
pub struct Diag {
    /// Its code.
    pub code: &'static Code,
    /// One line, lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// The first says what is wrong here, the others why.
    pub labels: Vec<Label>,
    /// An edit that the user can make.
    pub help: Option<String>,
    /// The calls that led into the block concerned, outermost first.
    pub trace: Vec<Frame>,
}

impl Diag {
    /// A diagnostic whose first label, at `span`, says `text`.
    pub fn new(code: &'static Code, message: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: vec![Label { span, text: text.into() }],
            help: None,
            trace: Vec::new(),
        }
    }

    /// Adds the place that says why.
    #[must_use]
    pub fn because(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds an edit.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds an edit, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Cuts words of the user's that would fill the screen, such as a name of 100,000 letters.
    fn clip(&mut self) {
        let labels = self.labels.iter_mut().map(|label| &mut label.text);
        for text in labels.chain([&mut self.message]).chain(&mut self.help) {
            words::clip(text);
        }
    }

    /// Where it is, first of all.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }

    /// Is it an error, or a lint?
    pub fn is_error(&self) -> bool {
        self.code.severity == Severity::Error
    }
}

/// The diagnostics of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diags {
    list: Vec<Diag>,
    seen: HashSet<(&'static str, Option<Span>, String)>,
}

impl Diags {
    /// Adds one, unless the same code was reported at the same place with the same words (a block called
    /// twice reports a mistake once). Names and arguments are said once for a place, whatever the words: the
    /// check of names and the elaborator see them both.
    pub fn push(&mut self, mut diag: Diag) {
        diag.clip();
        let once = ["phg::name::", "phg::type::argument", "phg::param::unknown"];
        let words = if once.iter().any(|code| diag.code.id.starts_with(code)) {
            String::new()
        } else {
            diag.message.clone()
        };
        if self.seen.insert((diag.code.id, diag.span(), words)) {
            self.list.push(diag);
        }
    }

    /// Was a name reported as unknown at this place?
    pub fn unknown_at(&self, span: Span) -> bool {
        self.seen.contains(&(codes::NAME_UNKNOWN.id, Some(span), String::new()))
    }

    /// In the order of the sources.
    pub fn sorted(mut self) -> Vec<Diag> {
        self.list.sort_by_key(|diag| diag.span());
        self.list
    }

    /// Are there errors (lints do not count)?
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diag::is_error)
    }

    /// As they were reported.
    pub fn iter(&self) -> impl Iterator<Item = &Diag> {
        self.list.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
