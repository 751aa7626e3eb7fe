//! A file that does not parse as a whole, read piece by piece.
//!
//! Comes in: the text, its tokens, and the error of the whole. Goes out: every item that parses, sections
//! with those of their statements that do, and one diagnostic for each piece that does not.

use std::ops::Range;

use pest::Parser;
use pest::error::Error;
use pest::iterators::Pair;

use super::build::{Builder, ERRORS};
use super::explain::{self, Place};
use super::grammar::{Grammar, Rule};
use super::layout::Layout;
use super::scan::{Lexeme, Token};
use crate::ast::{File, Item, ItemKind};
use crate::diag::{Diags, codes};
use crate::source::{FileId, Span};

/// What a piece should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Item,
    Statement,
    LossItem,
    Setting,
    Change,
}

impl Part {
    fn rule(self) -> Rule {
        match self {
            Self::Item => Rule::lone_item,
            Self::Statement => Rule::lone_statement,
            Self::LossItem => Rule::lone_loss_item,
            Self::Setting => Rule::lone_setting,
            Self::Change => Rule::lone_change,
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Item => Place::File,
            Self::Statement => Place::Section,
            Self::LossItem => Place::Loss,
            Self::Setting => Place::Train,
            Self::Change => Place::Extend,
        }
    }
}

/// Reads `text` piece by piece; `whole` is why it does not parse as one.
pub(super) fn recover(
    file: FileId,
    text: &str,
    tokens: &[Token],
    whole: &Error<Rule>,
    diags: &mut Diags,
) -> File {
    let layout = Layout::new(text, tokens);
    let before = diags.len();
    let mut result = File { doc: Vec::new(), items: Vec::new(), span: Span::new(file, 0, text.len()) };
    let mut reader = Reader { file, layout: &layout, diags };
    reader.brackets();
    // The file's own doc comment is no item.
    let top = (0..tokens.len())
        .find(|at| !matches!(layout.lexeme(*at), Some(Lexeme::FileDoc | Lexeme::Newline | Lexeme::Comment)))
        .unwrap_or(tokens.len());
    for piece in layout.pieces(top..tokens.len()) {
        if reader.diags.len() >= ERRORS {
            break;
        }
        result.items.extend(reader.item(piece));
    }
    if reader.diags.len() == before {
        let diag = explain::explain(file, &layout, 0..tokens.len(), Place::File, 0, whole);
        reader.diags.push(diag);
    }
    result
}

/// Reads pieces of one file.
struct Reader<'a, 'd> {
    file: FileId,
    layout: &'a Layout<'a>,
    diags: &'d mut Diags,
}

impl<'a> Reader<'a, '_> {
    /// Reports brackets without a partner.
    fn brackets(&mut self) {
        for (at, before) in self.layout.alone.iter().take(ERRORS / 4) {
            self.diags.push(explain::bracket(self.file, self.layout, *at, *before));
        }
    }

    /// Does one of these tokens lack its partner?
    fn unpaired(&self, tokens: &Range<usize>) -> bool {
        let alone = &self.layout.alone;
        let first = alone.partition_point(|(at, _)| *at < tokens.start);
        alone.get(first).is_some_and(|(at, _)| *at < tokens.end)
    }

    /// One piece as one part; its error is reported unless its brackets were.
    fn part<T>(
        &mut self,
        tokens: Range<usize>,
        part: Part,
        build: impl FnOnce(&mut Builder<'_>, Pair<'a, Rule>) -> Option<T>,
    ) -> Option<T> {
        if let Some(diag) = explain::words(self.file, self.layout, &tokens) {
            self.diags.push(diag);
            return None;
        }
        if self.unpaired(&tokens) {
            return None;
        }
        let bytes = self.layout.bytes(&tokens);
        let base = bytes.start;
        match Grammar::parse(part.rule(), self.layout.text.get(bytes).unwrap_or("")) {
            Ok(mut pairs) => {
                let mut builder = Builder { file: self.file, base, diags: self.diags, refused: false };
                build(&mut builder, Builder::lone(pairs.next()?)?)
            }
            Err(error) => {
                let inside = self.inside_unclosed(tokens.start);
                let diag = explain::explain(self.file, self.layout, tokens, part.place(), base, &error);
                if !(inside && diag.code.id == codes::PARSE_SYNTAX.id) {
                    self.diags.push(diag);
                }
                None
            }
        }
    }

    /// Does this token stand after a bracket that is not closed where it should be? What it belongs to is then
    /// a guess, and only mistakes that are none of it are worth telling.
    fn inside_unclosed(&self, token: usize) -> bool {
        let end = self.layout.tokens.len();
        self.layout.alone.iter().any(|(open, before)| *open < token && token < before.unwrap_or(end))
    }

    /// An item: whole if it parses, else its header and what parses of its body.
    fn item(&mut self, tokens: Range<usize>) -> Option<Item> {
        let bytes = self.layout.bytes(&tokens);
        let base = bytes.start;
        let piece = self.layout.text.get(bytes.clone()).unwrap_or("");
        if !self.unpaired(&tokens)
            && let Ok(mut pairs) = Grammar::parse(Rule::lone_item, piece)
        {
            let mut builder = Builder { file: self.file, base, diags: self.diags, refused: false };
            return builder.item(Builder::lone(pairs.next()?)?);
        }
        let Some((part, open, close)) = self.body(&tokens) else {
            return self.part(tokens, Part::Item, |builder, pair| builder.item(pair));
        };
        // The header, with nothing in its braces.
        let header = tokens.start..open + 1;
        let mut text = self.layout.text.get(self.layout.bytes(&header)).unwrap_or("").to_owned();
        text.push('}');
        let mut item = None;
        if let Some(diag) = explain::words(self.file, self.layout, &header) {
            self.diags.push(diag);
        } else if !self.unpaired(&(tokens.start..open)) {
            match Grammar::parse(Rule::lone_item, &text) {
                Ok(mut pairs) => {
                    let mut builder = Builder { file: self.file, base, diags: self.diags, refused: false };
                    item = pairs.next().and_then(Builder::lone).and_then(|pair| builder.item(pair));
                }
                Err(error) => {
                    let diag = explain::explain(self.file, self.layout, header, Place::File, base, &error);
                    self.diags.push(diag);
                }
            }
        }
        if let Some(item) = &mut item {
            item.span = Span::new(self.file, item.span.start as usize, bytes.end);
        }
        for piece in self.layout.pieces(open + 1..close) {
            if self.diags.len() >= ERRORS {
                break;
            }
            self.fill(part, piece, item.as_mut());
        }
        item
    }

    /// Reads one statement (or term, setting, change) and puts it into `item`.
    fn fill(&mut self, part: Part, piece: Range<usize>, item: Option<&mut Item>) {
        let kind = item.map(|item| &mut item.kind);
        match part {
            Part::Item => {}
            Part::Statement => {
                let statement = self.part(piece, part, |builder, pair| builder.statement(pair));
                match kind {
                    Some(ItemKind::Section(section)) => section.body.extend(statement),
                    Some(ItemKind::Block(block)) => block.body.extend(statement),
                    _ => {}
                }
            }
            Part::LossItem => {
                let term = self.part(piece, part, |builder, pair| builder.loss_item(pair));
                if let Some(ItemKind::Loss(loss)) = kind {
                    loss.items.extend(term);
                }
            }
            Part::Setting => {
                let setting = self.part(piece, part, |builder, pair| builder.setting(pair));
                if let Some(ItemKind::Train(settings)) = kind {
                    settings.fields.extend(setting);
                }
            }
            Part::Change => {
                let change = self.part(piece, part, |builder, pair| builder.change(pair));
                if let Some(ItemKind::Extend(extend)) = kind {
                    extend.changes.extend(change);
                }
            }
        }
    }

    /// What the body of an item holds, its opening brace and where its contents end. None for an item that
    /// has no body of statements, or in which something follows the body.
    fn body(&self, tokens: &Range<usize>) -> Option<(Part, usize, usize)> {
        let layout = self.layout;
        let first = tokens.clone().find(|at| layout.lexeme(*at) == Some(Lexeme::Word))?;
        let part = match layout.word(first) {
            "use" | "param" | "input" | "output" | "let" | "layer" | "assert" => return None,
            "extend" => Part::Change,
            "loss" => Part::LossItem,
            "train" => Part::Setting,
            _ => Part::Statement,
        };
        // A binding without `let` is no section.
        if layout.word(first + 1) == "=" {
            return None;
        }
        let mut at = first;
        while at < tokens.end {
            let closed = layout.partner.get(at).copied().flatten();
            if layout.word(at) == "{" && layout.lexeme(at) == Some(Lexeme::Open) {
                let trailing = |at: &usize| {
                    matches!(layout.lexeme(*at), Some(Lexeme::Newline | Lexeme::Comment | Lexeme::Semicolon))
                };
                let close = closed.unwrap_or(tokens.end);
                return (close + 1..tokens.end).all(|at| trailing(&at)).then_some((part, at, close));
            }
            // Over the brackets of a block's parameters.
            at = closed.filter(|close| *close > at).unwrap_or(at) + 1;
        }
        None
    }
}
