//! Where brackets pair up, and where items and statements probably begin and end, in a file that does not parse.
//!
//! Comes in: the tokens of [`super::scan`]. Goes out: partners of brackets, those without one, and runs of
//! tokens that would each be one item or statement. In a file whose brackets do not pair up, indentation
//! says which of them is to blame.

use std::ops::Range;

use super::scan::{Lexeme, Token, closing};

/// Tokens with their brackets paired.
pub(super) struct Layout<'a> {
    /// The file's text.
    pub(super) text: &'a str,
    /// Its tokens.
    pub(super) tokens: &'a [Token],
    /// For a bracket, the one that it pairs with.
    pub(super) partner: Vec<Option<usize>>,
    /// How many brackets are open around each token; its own not counted.
    depth: Vec<usize>,
    /// The first token of each token's line.
    line: Vec<usize>,
    /// For each token, the first from it on that is neither a newline nor a comment.
    solid: Vec<usize>,
    /// Brackets without a partner; for an opening one, the token before which it should have been closed.
    pub(super) alone: Vec<(usize, Option<usize>)>,
}

impl<'a> Layout<'a> {
    /// Pairs the brackets.
    pub(super) fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        let plain = Self::pair(text, tokens, false);
        if plain.alone.is_empty() { plain } else { Self::pair(text, tokens, true) }
    }

    fn pair(text: &'a str, tokens: &'a [Token], by_indent: bool) -> Self {
        let (mut line, mut first) = (Vec::with_capacity(tokens.len()), 0);
        for (at, token) in tokens.iter().enumerate() {
            line.push(first);
            if token.lexeme == Lexeme::Newline {
                first = at + 1;
            }
        }
        let mut solid = vec![tokens.len(); tokens.len()];
        let mut next = tokens.len();
        for (at, slot) in solid.iter_mut().enumerate().rev() {
            if tokens.get(at).is_some_and(|token| token.lexeme != Lexeme::Newline && !token.is_comment()) {
                next = at;
            }
            *slot = next;
        }
        let partner = vec![None; tokens.len()];
        let mut layout = Self { text, tokens, partner, depth: Vec::new(), line, solid, alone: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            if by_indent && !open.is_empty() && layout.begins_item(at) {
                layout.alone.extend(open.drain(..).map(|bracket| (bracket, Some(at))));
            }
            if by_indent && layout.begins_statement(at) {
                while let Some(bracket) = open.pop_if(|bracket| layout.word(*bracket) != "{") {
                    layout.alone.push((bracket, Some(at)));
                }
            }
            if token.lexeme == Lexeme::Open {
                open.push(at);
            } else if token.lexeme == Lexeme::Close {
                let fits = |bracket: &usize| {
                    closing(layout.word(*bracket)) == token.of(text)
                        && !(by_indent && layout.closes_another(at, *bracket, &open))
                };
                if let Some(inner) = open.iter().rposition(fits) {
                    layout.alone.extend(open.drain(inner + 1..).map(|bracket| (bracket, Some(at))));
                    if let Some(bracket) = open.pop() {
                        layout.join(bracket, at);
                    }
                } else if let Some(bracket) =
                    open.pop_if(|bracket| layout.line_start(*bracket) == layout.line_start(at))
                {
                    // `[3, 4)`: the wrong kind, but meant as the other's partner.
                    layout.join(bracket, at);
                    layout.alone.push((bracket, Some(at)));
                } else {
                    layout.alone.push((at, None));
                }
            }
        }
        layout.alone.extend(open.into_iter().map(|bracket| (bracket, None)));
        layout.alone.sort_unstable();
        layout.measure();
        layout
    }

    fn join(&mut self, open: usize, close: usize) {
        for (from, to) in [(open, close), (close, open)] {
            if let Some(partner) = self.partner.get_mut(from) {
                *partner = Some(to);
            }
        }
    }

    /// Counts the brackets around each token, those without a partner left out.
    fn measure(&mut self) {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate() {
            let paired = self.partner.get(at).is_some_and(Option::is_some);
            if paired && token.lexeme == Lexeme::Close {
                depth = depth.saturating_sub(1);
            }
            self.depth.push(depth);
            if paired && token.lexeme == Lexeme::Open {
                depth += 1;
            }
        }
    }

    /// A token's text.
    pub(super) fn word(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.of(self.text))
    }

    /// A token's kind; `None` past the end.
    pub(super) fn lexeme(&self, at: usize) -> Option<Lexeme> {
        self.tokens.get(at).map(|token| token.lexeme)
    }

    /// The bytes that tokens cover.
    pub(super) fn bytes(&self, tokens: &Range<usize>) -> Range<usize> {
        let start = self.tokens.get(tokens.start).map_or(self.text.len(), |token| token.start);
        let last = tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |token| token.end).max(start)
    }

    /// The first token of `at`'s line.
    fn line_start(&self, at: usize) -> usize {
        self.line.get(at).copied().unwrap_or(0)
    }

    /// Spaces before the first token of `at`'s line.
    fn indent(&self, at: usize) -> usize {
        let first = self.line_start(at);
        let start = self.tokens.get(first).map_or(0, |token| token.start);
        let line =
            self.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        start - line
    }

    /// Does a line begin here, unindented, that reads like a new item?
    fn begins_item(&self, at: usize) -> bool {
        if self.lexeme(at) != Some(Lexeme::Word) || self.line_start(at) != at || self.indent(at) != 0 {
            return false;
        }
        let statement =
            matches!(self.word(at), "let" | "layer" | "assert" | "if" | "for" | "fold" | "else" | "when");
        let next = at + 1;
        !statement
            && (matches!(self.lexeme(next), Some(Lexeme::Word | Lexeme::Text)) || self.word(next) == "{")
    }

    /// Does a line begin here that can only be a statement, which no round or square bracket holds?
    fn begins_statement(&self, at: usize) -> bool {
        let layer = self.word(at) == "layer" && self.lexeme(at + 1) == Some(Lexeme::Word);
        self.line_start(at) == at && (layer || matches!(self.word(at), "let" | "assert"))
    }

    /// Is the brace at `at`, first on its line, out of line with `bracket` and in line with one further out?
    fn closes_another(&self, at: usize, bracket: usize, open: &[usize]) -> bool {
        let indent = self.indent(at);
        self.word(at) == "}"
            && self.line_start(at) == at
            && self.indent(bracket) > indent
            && open
                .iter()
                .any(|other| *other < bracket && self.word(*other) == "{" && self.indent(*other) == indent)
    }

    /// Splits tokens, all inside the same brackets, into those of single items or statements.
    pub(super) fn pieces(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let outer = self.depth.get(range.start).copied().unwrap_or(0);
        let (mut pieces, mut start, mut last, mut folds) = (Vec::new(), None, None, false);
        for at in range.clone() {
            let Some(lexeme) = self.lexeme(at) else { break };
            match lexeme {
                Lexeme::Comment => {}
                // It belongs to what stands below it.
                Lexeme::Doc | Lexeme::FileDoc => {
                    start.get_or_insert(at);
                }
                Lexeme::Newline | Lexeme::Semicolon => {
                    let inside = self.depth.get(at).is_some_and(|depth| *depth > outer);
                    if let (false, Some(first), Some(end)) = (inside, start, last)
                        && (lexeme == Lexeme::Semicolon || !self.continues(first..end, folds, at, range.end))
                    {
                        pieces.push(first..at);
                        (start, last, folds) = (None, None, false);
                    }
                }
                Lexeme::Open
                | Lexeme::Close
                | Lexeme::Word
                | Lexeme::Number
                | Lexeme::Text
                | Lexeme::OpenText
                | Lexeme::Block
                | Lexeme::Mark
                | Lexeme::Odd => {
                    start.get_or_insert(at);
                    last = Some(at);
                    folds |= self.word(at) == "fold";
                }
            }
        }
        pieces.extend(start.map(|first| first..range.end));
        pieces
    }

    /// Does the text after the newline at `newline` belong to the piece before it, of which the range gives the
    /// first and last tokens? `folds`: it has a `fold` in it.
    fn continues(&self, piece: Range<usize>, folds: bool, newline: usize, end: usize) -> bool {
        let last = piece.end;
        let Some(next) = self.solid.get(newline).copied().filter(|next| *next < end) else { return false };
        let word = self.word(next);
        let begins = matches!(word, "let" | "assert")
            || self.lexeme(next) == Some(Lexeme::Word)
                && self.lexeme(next + 1) == Some(Lexeme::Word)
                && !is_joint(word)
                && !is_joint(self.word(next + 1));
        if begins {
            return false;
        }
        // A word alone begins something; a `fold` has its `for` yet to come.
        if piece.is_empty() && self.lexeme(last) == Some(Lexeme::Word) {
            return true;
        }
        if word == "for" && folds {
            return true;
        }
        let pending = match self.lexeme(last) {
            Some(Lexeme::Mark) => true,
            Some(Lexeme::Word) => is_joint(self.word(last)) || self.word(last) == "let",
            _ => false,
        };
        pending
            || matches!(word, "{" | "when" | "else" | "and" | "or" | "div" | "as" | "in")
            || self.lexeme(next) == Some(Lexeme::Mark) && !matches!(word, "-" | "!" | "@" | "#")
    }
}

/// A word that always has something on both sides, or at least after it.
fn is_joint(word: &str) -> bool {
    matches!(word, "when" | "else" | "and" | "or" | "div" | "as" | "in" | "if" | "for" | "fold" | "not")
}
