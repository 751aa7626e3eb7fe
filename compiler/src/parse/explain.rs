//! Why a piece of text does not parse, in the user's words.
//!
//! Comes in: pest's error (how far it came, which rules it tried there) and the tokens around that place.
//! Goes out: one diagnostic, of a code of its own where the mistake is a common one.
#![allow(clippy::wildcard_enum_match_arm)] // `Rule` is pest's enum of every rule; few can stand at any one place.

use std::ops::Range;

use pest::error::{Error, ErrorVariant, InputLocation};

use super::grammar::Rule;
use super::layout::Layout;
use super::mistakes;
use super::scan::{Lexeme, Token, closing};
pub(super) use super::words::words;
use crate::diag::{Diag, codes};
use crate::source::{FileId, Span};

/// Where a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the outermost level.
    File,
    /// In a section or block.
    Section,
    /// In `loss`.
    Loss,
    /// In `train`.
    Train,
    /// In `extend`.
    Extend,
}

/// The place of an error and what is around it.
pub(super) struct Scene<'a> {
    /// The file.
    pub(super) file: FileId,
    /// Its tokens.
    pub(super) layout: &'a Layout<'a>,
    /// Where the piece stands.
    pub(super) place: Place,
    /// The piece's tokens.
    pub(super) tokens: Range<usize>,
    /// The token at which it stops to parse; past the piece's end, if nothing of it is left.
    pub(super) at: usize,
    /// The token before that, newlines and comments left out.
    pub(super) before: Option<usize>,
    /// The innermost bracket that is open there, inside the piece.
    pub(super) open: Option<usize>,
    /// The rules that could go on there.
    pub(super) expected: Vec<Rule>,
}

impl<'a> Scene<'a> {
    /// The word at the error; empty at the end of the piece.
    pub(super) fn found(&self) -> &'a str {
        if self.at < self.tokens.end { self.layout.word(self.at) } else { "" }
    }

    /// The word before it.
    pub(super) fn previous(&self) -> &'a str {
        self.before.map_or("", |before| self.layout.word(before))
    }

    /// The kind of the token at the error.
    pub(super) fn lexeme(&self) -> Option<Lexeme> {
        if self.at < self.tokens.end { self.layout.lexeme(self.at) } else { None }
    }

    /// Could one of these rules go on at the error?
    pub(super) fn expects(&self, rules: &[Rule]) -> bool {
        self.expected.iter().any(|rule| rules.contains(rule))
    }

    /// Is the text before the error a value that may end there?
    pub(super) fn after_value(&self) -> bool {
        self.expects(&[Rule::infix, Rule::subtract, Rule::label, Rule::guard])
    }

    /// The open bracket's text.
    pub(super) fn bracket(&self) -> &'a str {
        self.open.map_or("", |open| self.layout.word(open))
    }

    /// The tokens of the piece that count.
    pub(super) fn solid(&self) -> impl Iterator<Item = usize> + '_ {
        self.tokens.clone().filter(|at| solid(self.layout.tokens.get(*at)))
    }

    /// The span of a token; the place after the piece, past its end.
    pub(super) fn span(&self, at: usize) -> Span {
        match self.layout.tokens.get(at) {
            Some(token) if at < self.tokens.end => Span::new(self.file, token.start, token.end),
            _ => {
                let end = self
                    .before
                    .and_then(|before| self.layout.tokens.get(before))
                    .map_or(0, |token| token.end);
                Span::new(self.file, end, end)
            }
        }
    }
}

/// Neither a newline nor a comment.
fn solid(token: Option<&Token>) -> bool {
    token.is_some_and(|token| token.lexeme != Lexeme::Newline && token.lexeme != Lexeme::Comment)
}

/// The diagnostic for `error`, met in the piece made of `tokens`, which begins at byte `base`.
pub(super) fn explain(
    file: FileId,
    layout: &Layout<'_>,
    tokens: Range<usize>,
    place: Place,
    base: usize,
    error: &Error<Rule>,
) -> Diag {
    let offset = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => base + at,
    };
    let at = tokens
        .clone()
        .find(|at| layout.tokens.get(*at).is_some_and(|token| token.end > offset && solid(Some(token))))
        .unwrap_or(tokens.end);
    let before = (tokens.start..at).rev().find(|at| solid(layout.tokens.get(*at)));
    let mut open = Vec::new();
    for token in tokens.start..at {
        match layout.lexeme(token) {
            Some(Lexeme::Open) => open.push(token),
            Some(Lexeme::Close) => {
                open.pop();
            }
            _ => {}
        }
    }
    let (expected, limit) = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => (positives.clone(), false),
        ErrorVariant::CustomError { .. } => (Vec::new(), true),
    };
    let scene = Scene { file, layout, place, tokens, at, before, open: open.last().copied(), expected };
    if limit {
        let span = scene.span(scene.at);
        return Diag::new(&codes::PARSE_NESTING, "this is too intricate to be read", span, "given up here")
            .help("give parts of it names with `let`");
    }
    mistakes::common(&scene).unwrap_or_else(|| expected_found(&scene))
}

/// `expected ..., found ...`.
fn expected_found(scene: &Scene<'_>) -> Diag {
    let mut expected: Vec<String> = Vec::new();
    let mut add = |phrase: &str| {
        if !expected.iter().any(|known| known == phrase) {
            expected.push(phrase.to_owned());
        }
    };
    for rule in &scene.expected {
        for phrase in phrases(*rule) {
            add(phrase);
        }
    }
    if scene.after_value() {
        match scene.bracket() {
            "" => add("the end of the line"),
            "{" => add("a new line"),
            open => {
                add("`,`");
                add(&format!("`{}`", closing(open)));
            }
        }
    }
    let expected = match expected.split_last() {
        None => "something else".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    };
    let found = found(scene);
    Diag::new(
        &codes::PARSE_SYNTAX,
        format!("expected {expected}, found {found}"),
        scene.span(scene.at),
        if scene.lexeme().is_some() { "not expected here" } else { "here" },
    )
}

/// What stands at the error, for a message.
pub(super) fn found(scene: &Scene<'_>) -> String {
    match scene.lexeme() {
        None => match scene.layout.lexeme(scene.tokens.end) {
            None => "the end of the file".to_owned(),
            Some(Lexeme::Close | Lexeme::Semicolon) => format!("`{}`", scene.layout.word(scene.tokens.end)),
            Some(_) => "the end of the line".to_owned(),
        },
        Some(Lexeme::Doc | Lexeme::FileDoc) => "a doc comment".to_owned(),
        Some(Lexeme::Text) => "a string".to_owned(),
        Some(_) => format!("`{}`", scene.found()),
    }
}

/// A rule in the user's words; empty for what would only confuse.
fn phrases(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::name | Rule::import | Rule::block_param | Rule::block_output | Rule::word => &["a name"],
        Rule::pattern | Rule::list_pattern | Rule::tuple_pattern => &["a name"],
        Rule::expr | Rule::value | Rule::postfix | Rule::prefix | Rule::negate | Rule::not | Rule::arg => {
            &["a value"]
        }
        Rule::number => &["a number"],
        Rule::stage | Rule::call => &["the name of an op, block or layer"],
        Rule::infix | Rule::subtract => &["an operator"],
        Rule::label => &["`as`"],
        Rule::guard => &["`when`"],
        Rule::colon => &["`:`"],
        Rule::equals => &["`=`"],
        Rule::arrow => &["`->`"],
        Rule::r#type | Rule::list_type | Rule::class_type | Rule::shaped_type | Rule::choice_type => {
            &["a type"]
        }
        Rule::string => &["a string"],
        Rule::std_module => &["a part of the standard library such as `std.resnet`"],
        Rule::statements | Rule::settings | Rule::body => &["`{`"],
        Rule::item | Rule::section => &["a section or another item"],
        Rule::statement | Rule::let_statement | Rule::layer | Rule::assert => {
            &["`let`", "`layer`", "`assert`"]
        }
        Rule::term | Rule::loss_item => &["a loss term"],
        Rule::setting | Rule::setting_path => &["a setting"],
        Rule::change | Rule::new_value => &["a change such as `K = 4`"],
        Rule::if_word => &["`if`"],
        Rule::else_word => &["`else`"],
        Rule::in_word => &["`in`"],
        Rule::each => &["a name"],
        Rule::args => &["`(`"],
        Rule::dims => &["`[`"],
        Rule::list => &["a list"],
        _ => &[],
    }
}

/// The diagnostic for a bracket without a partner, which should have been closed `before` a token.
pub(super) fn bracket(file: FileId, layout: &Layout<'_>, at: usize, before: Option<usize>) -> Diag {
    let word = layout.word(at);
    let span =
        layout.tokens.get(at).map_or(Span::new(file, 0, 0), |token| Span::new(file, token.start, token.end));
    if layout.lexeme(at) == Some(Lexeme::Close) {
        return Diag::new(
            &codes::PARSE_BRACKET,
            format!("`{word}` closes nothing"),
            span,
            "no bracket is open here",
        )
        .help("delete it, or open its partner before it");
    }
    let close = closing(word);
    if let Some(wrong) = before.filter(|before| layout.partner.get(at) == Some(&Some(*before))) {
        let message = format!("`{word}` is closed by `{}`", layout.word(wrong));
        let place = layout.tokens.get(wrong).map_or(span, |token| Span::new(file, token.start, token.end));
        return Diag::new(&codes::PARSE_BRACKET, message, place, format!("`{close}` belongs here"))
            .because(span, "opened here")
            .help(format!("write `{close}`"));
    }
    let diag = Diag::new(&codes::PARSE_BRACKET, format!("`{word}` is never closed"), span, "opened here");
    match before.and_then(|before| layout.tokens.get(before)) {
        Some(token) => diag
            .because(Span::new(file, token.start, token.end), format!("`{close}` is missing before this"))
            .help(format!("put a `{close}` where it ends")),
        None => diag.help(format!("put a `{close}` where it ends, at the latest at the end of the file")),
    }
}
