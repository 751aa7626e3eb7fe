//! The canonical form of a spec.
//!
//! Comes in: the text of a spec that parses. Goes out: the same spec in lines of at most [`WIDTH`] characters
//! where that can be done, four spaces a level, with all its comments and at most one blank line in a row.
//! Guaranteed: the result parses to the same tree, and formatting it again changes nothing.
//!
//! - What fits on its line stays there: calls, lists, pipes, and bodies whose statements were on one line.
//! - A pipe that does not fit breaks before each `|>`, a call or list into one entry a line, operators at the
//!   end of their lines.
//! - A comment keeps the entry or statement that it stands above or behind. One inside of an expression
//!   moves above what holds it.

mod comments;
mod exprs;
mod items;

use crate::ast;
use crate::diag::{Diag, Diags};
use crate::parse::{self, scan};
use crate::source::{FileId, Span};

use comments::Comments;

/// Characters in a line.
pub const WIDTH: usize = 100;

/// Spaces a level.
const STEP: usize = 4;

/// `text` in canonical form.
///
/// # Errors
/// The errors of a text that does not parse; their spans are in file 0.
pub fn format(text: &str) -> Result<String, Vec<Diag>> {
    let (mut text, tabs) = without_tabs(text);
    let result = once(&text).map_err(|diags| in_source(diags, &tabs))?;
    if result == text {
        return Ok(text);
    }
    text = result;
    // A comment that had to move no longer keeps what held it from fitting on a line: until nothing changes.
    for _ in 0..4 {
        let result = once(&text)?;
        if result == text {
            break;
        }
        text = result;
    }
    Ok(text)
}

/// `text` printed.
fn once(text: &str) -> Result<String, Vec<Diag>> {
    let mut diags = Diags::default();
    let file = parse::parse(FileId(0), text, &mut diags);
    if diags.has_errors() {
        return Err(diags.sorted());
    }
    let tokens = scan::scan(text);
    let mut printer = Printer { text, tokens: &tokens, comments: Comments::new(text, &tokens) };
    Ok(printer.file(&file))
}

/// Spaces that a tab becomes.
const TAB: &str = "    ";

/// Tabs between words become spaces, so that formatting mends them. With the text come the places of the tabs
/// in the source, in order.
fn without_tabs(text: &str) -> (String, Vec<usize>) {
    let mut tabs = Vec::new();
    if !text.contains('\t') {
        return (text.to_owned(), tabs);
    }
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for token in scan::scan(text) {
        if token.of(text) == "\t" {
            result.push_str(text.get(copied..token.start).unwrap_or(""));
            result.push_str(TAB);
            copied = token.end;
            tabs.push(token.start);
        }
    }
    result.push_str(text.get(copied..).unwrap_or(""));
    (result, tabs)
}

/// Mistakes found in the text without tabs, at their places in the source.
fn in_source(mut diags: Vec<Diag>, tabs: &[usize]) -> Vec<Diag> {
    let back = |at: u32| {
        let mut at = at as usize;
        // Each tab before it made the text longer; a place within the spaces of a tab is the tab's.
        for &tab in tabs {
            if at <= tab {
                break;
            }
            at = if at < tab + TAB.len() { tab } else { at - (TAB.len() - 1) };
        }
        at
    };
    for label in diags.iter_mut().flat_map(|diag| diag.labels.iter_mut()) {
        label.span = Span::new(label.span.file, back(label.span.start), back(label.span.end));
    }
    diags
}

/// Prints one file; comments are taken as their places are passed.
struct Printer<'a> {
    text: &'a str,
    tokens: &'a [scan::Token],
    comments: Comments<'a>,
}

/// Where something is printed.
#[derive(Clone, Copy)]
struct At {
    /// Spaces before the line that it begins on.
    indent: usize,
    /// Characters before it on that line.
    column: usize,
    /// Characters that must follow it on its last line.
    after: usize,
}

impl At {
    /// At the beginning of a line.
    fn line(indent: usize) -> Self {
        Self { indent, column: indent, after: 0 }
    }

    /// `count` characters further on.
    fn past(self, count: usize) -> Self {
        Self { column: self.column + count, ..self }
    }

    /// With `count` more characters to follow.
    fn before(self, count: usize) -> Self {
        Self { after: self.after + count, ..self }
    }

    /// Does `line` fit?
    fn fits(self, line: &str) -> bool {
        self.column + width(line) + self.after <= WIDTH
    }
}

/// The characters of a line.
fn width(line: &str) -> usize {
    line.chars().count()
}

/// Where the last line of `text`, printed at `at`, ends.
fn end_column(at: At, text: &str) -> usize {
    match text.rfind('\n') {
        Some(newline) => width(text.get(newline + 1..).unwrap_or("")),
        None => at.column + width(text),
    }
}

/// A list of things, one to a line, between two places of the source.
struct Rows {
    /// Spaces before each.
    indent: usize,
    /// What follows each: `,` or nothing.
    mark: &'static str,
    /// Where the opening bracket ends.
    from: usize,
    /// Where the closing bracket begins.
    to: usize,
}

impl<'a> Printer<'a> {
    fn file(&mut self, file: &ast::File) -> String {
        let rows = Rows { indent: 0, mark: "", from: 0, to: self.text.len() };
        let text = self.rows(&file.items, &rows, |item| item.span, |printer, item| printer.item(item));
        text.trim_start_matches('\n').to_owned()
    }

    /// What the source says between two bytes.
    fn source(&self, start: u32, end: u32) -> &'a str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    /// Entries one to a line, each with the comments above and behind it; ends with a newline unless empty.
    fn rows<T>(
        &mut self,
        entries: &[T],
        rows: &Rows,
        span: impl Fn(&T) -> crate::source::Span,
        mut print: impl FnMut(&mut Self, &T) -> String,
    ) -> String {
        let mut out = String::new();
        let pad = " ".repeat(rows.indent);
        let mut last = rows.from;
        let push = |out: &mut String, text: &str, blank: bool| {
            if blank && !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&pad);
            out.push_str(text);
            out.push('\n');
        };
        for entry in entries {
            let at = span(entry);
            for comment in self.comments.before(at.start as usize) {
                push(&mut out, comment.text, self.blank(last, comment.start));
                last = comment.end;
            }
            let text = print(self, entry);
            let mut blank = self.blank(last, at.start as usize);
            // Comments for which there was no place inside.
            for comment in self.comments.before(at.end as usize) {
                push(&mut out, comment.text, std::mem::take(&mut blank));
            }
            last = at.end as usize;
            let mut line = text + rows.mark;
            if let Some(comment) = self.comments.behind(last, rows.to) {
                line = line + " " + comment.text;
                last = comment.end;
            }
            push(&mut out, &line, blank);
        }
        for comment in self.comments.before(rows.to) {
            push(&mut out, comment.text, self.blank(last, comment.start));
            last = comment.end;
        }
        out
    }

    /// Does the source have an empty line between two places?
    fn blank(&self, from: usize, to: usize) -> bool {
        self.text.get(from..to).is_some_and(|gap| gap.matches('\n').count() > 1)
    }

    /// Does the source have a newline between two places?
    fn newline(&self, from: usize, to: usize) -> bool {
        self.text.get(from..to).is_some_and(|gap| gap.contains(['\n', '\r']))
    }
}

#[cfg(test)]
mod tests;
