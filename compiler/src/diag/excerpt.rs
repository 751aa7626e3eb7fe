//! What a message shows of a file: all of it, or a piece of a line that is too long to be shown.
//!
//! Comes in: a place and the sources. Goes out: text that `miette` draws labels on, with the lines and columns that
//! the file has. Guaranteed: no drawing is longer than some lines of [`WIDTH`] bytes, whatever the file.

use std::ops::Range;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::source::{FileId, SourceMap, Span};

/// Lines of more bytes are shown in part.
const WIDTH: usize = 1000;
/// So many bytes before and after a place are shown of such a line.
const AROUND: usize = 120;

/// A file, or the piece of it around one place.
#[derive(Debug)]
pub(super) struct Excerpt {
    file: FileId,
    name: String,
    text: Arc<str>,
    /// The first byte of the piece in the file.
    start: usize,
    /// Line and column of that byte, from 0; none for a whole file.
    origin: Option<(usize, usize)>,
}

impl Excerpt {
    /// What is shown around a place.
    pub(super) fn around(span: Span, sources: &SourceMap) -> Self {
        let (file, text) = (span.file, sources.shared(span.file));
        let name = sources.name(file).to_owned();
        let at = (span.start as usize).min(text.len());
        let end = (span.end as usize).clamp(at, text.len());
        if text.len() <= WIDTH || !near_long_line(text.as_bytes(), at, end) {
            return Self { file, name, text, start: 0, origin: None };
        }
        let line = text.as_bytes().get(..at).unwrap_or(&[]).iter().rposition(|byte| *byte == b'\n');
        let mut start = at.saturating_sub(AROUND).max(line.map_or(0, |newline| newline + 1));
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let mut end = (at + AROUND).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let piece = text.get(start..end).unwrap_or("");
        let piece = piece.split(['\n', '\r']).next().unwrap_or("");
        let (row, column) = sources.line_column(Span::new(file, start, start));
        Self { file, name, text: Arc::from(piece), start, origin: Some((row - 1, column - 1)) }
    }

    /// A place in the text that is shown, cut off where that ends; `None` when it begins outside.
    pub(super) fn range(&self, span: Span) -> Option<Range<usize>> {
        let start = (span.start as usize).checked_sub(self.start)?;
        if span.file != self.file || start > self.text.len() {
            return None;
        }
        let end = (span.end as usize).saturating_sub(self.start);
        Some(start..end.max(start).min(self.text.len()))
    }
}

/// Is one of the lines from the one before `start` to the one after `end` too long to be shown?
fn near_long_line(bytes: &[u8], start: usize, end: usize) -> bool {
    let newline = |byte: &u8| *byte == b'\n';
    let back = |from: usize| bytes.get(..from).unwrap_or(&[]).iter().rposition(newline).unwrap_or(0);
    let next = |from: usize| {
        let rest = bytes.get(from..).unwrap_or(&[]);
        rest.iter().position(newline).map_or(bytes.len(), |length| from + length + 1)
    };
    let shown = bytes.get(back(back(start))..next(next(end))).unwrap_or(&[]);
    shown.split(newline).any(|line| line.len() > WIDTH)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.as_ref().read_span(span, before, after)?;
        let (row, first) = self.origin.unwrap_or((0, 0));
        // Columns count characters, and the first line of a piece begins within a line of the file.
        let before = self.text.get(..contents.span().offset()).unwrap_or("");
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line..).unwrap_or("").chars().count() + if line == 0 { first } else { 0 };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line() + row,
            column,
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme};

    use super::*;
    use crate::diag::{Diag, Report, codes};

    fn drawn(text: &str, places: &[(usize, usize)]) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add("long.phg", text);
        let mut spans = places.iter().map(|(start, end)| Span::new(file, *start, *end));
        let mut diag = Diag::new(&codes::NAME_UNKNOWN, "wrong", spans.next().unwrap(), "first");
        for span in spans {
            diag = diag.because(span, "second");
        }
        let mut out = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
        handler.render_report(&mut out, &Report::new(&diag, &sources)).unwrap();
        out
    }

    #[test]
    fn long_lines_are_shown_in_part_with_their_true_places() {
        let text = format!("// one\n{}wrong{}\n// three\n", "a + ".repeat(500_000), " + b".repeat(500_000));
        let out = drawn(&text, &[(7 + 2_000_000, 7 + 2_000_005)]);
        assert!(out.contains("long.phg:2:2000001"), "{out}");
        assert!(out.contains("wrong + b"), "{out}");
        assert!(out.len() < 2_000, "{} bytes", out.len());
    }

    #[test]
    fn places_far_apart_on_a_long_line_are_shown_apart() {
        let text = format!("one{}two", "é ".repeat(3_000));
        let out = drawn(&text, &[(0, 3), (text.len() - 3, text.len())]);
        assert!(out.contains("long.phg:1:1]") && out.contains("long.phg:1:6004]"), "{out}");
        assert!(out.len() < 4_000, "{} bytes", out.len());
        // A place that takes the whole of the line.
        assert!(drawn(&text, &[(0, text.len())]).len() < 2_000);
    }

    #[test]
    fn a_file_of_short_lines_is_shown_as_it_is() {
        let text = "let a = b\n".repeat(1_000);
        let out = drawn(&text, &[(5_004, 5_005), (5_024, 5_025)]);
        for line in ["500 │", "501 │", "503 │", "504 │"] {
            assert!(out.contains(line), "{out}");
        }
    }
}
