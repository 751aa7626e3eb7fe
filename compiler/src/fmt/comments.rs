//! The comments of a file, in order, taken as the printer passes them.

use crate::parse::scan::{Lexeme, Token};

/// A comment, a doc comment among them.
#[derive(Clone, Copy)]
pub(super) struct Comment<'a> {
    /// From its slashes, without spaces at its end.
    pub(super) text: &'a str,
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// Belongs to what stands below it, wherever it begins.
    doc: bool,
}

/// Comments not yet printed.
pub(super) struct Comments<'a> {
    source: &'a str,
    all: Vec<Comment<'a>>,
    next: usize,
}

impl<'a> Comments<'a> {
    pub(super) fn new(source: &'a str, tokens: &[Token]) -> Self {
        let comments = tokens.iter().filter(|token| match token.lexeme {
            Lexeme::Comment | Lexeme::Doc | Lexeme::FileDoc => true,
            Lexeme::Open
            | Lexeme::Close
            | Lexeme::Newline
            | Lexeme::Semicolon
            | Lexeme::Word
            | Lexeme::Number
            | Lexeme::Text
            | Lexeme::OpenText
            | Lexeme::Block
            | Lexeme::Mark
            | Lexeme::Odd => false,
        });
        let all = comments.map(|token| Comment {
            text: token.of(source).trim_end(),
            start: token.start,
            end: token.end,
            doc: token.lexeme != Lexeme::Comment,
        });
        Self { source, all: all.collect(), next: 0 }
    }

    /// Takes those that begin before `place`.
    pub(super) fn before(&mut self, place: usize) -> Vec<Comment<'a>> {
        let rest = self.all.get(self.next..).unwrap_or(&[]);
        let taken: Vec<_> = rest.iter().take_while(|comment| comment.start < place).copied().collect();
        self.next += taken.len();
        taken
    }

    /// Takes the next one if it stands behind `end` on the same line and before `limit`.
    pub(super) fn behind(&mut self, end: usize, limit: usize) -> Option<Comment<'a>> {
        let comment = *self.all.get(self.next)?;
        let gap = self.source.get(end..comment.start)?;
        if comment.doc
            || comment.start >= limit
            || !gap.chars().all(|character| matches!(character, ' ' | ',' | ';'))
        {
            return None;
        }
        self.next += 1;
        Some(comment)
    }

    /// Is there one between two places, taken or not?
    pub(super) fn any_within(&self, start: usize, end: usize) -> bool {
        let first = self.all.partition_point(|comment| comment.start < start);
        self.all.get(first).is_some_and(|comment| comment.start < end)
    }
}
