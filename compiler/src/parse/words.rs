//! Words, marks and characters that do not belong to the language, and what to write instead.
//!
//! Comes in: the tokens of a piece that did not parse. Goes out: a diagnostic for the first of them that
//! could not be right anywhere.

use std::ops::Range;

use super::layout::Layout;
use super::scan::{Lexeme, Token};
use crate::diag::{Diag, codes};
use crate::source::{FileId, Span};

/// The first token that could not be right anywhere.
pub(super) fn words(file: FileId, layout: &Layout<'_>, tokens: &Range<usize>) -> Option<Diag> {
    tokens.clone().find_map(|at| {
        let token = layout.tokens.get(at)?;
        let word = token.of(layout.text);
        let span = Span::new(file, token.start, token.end);
        match token.lexeme {
            Lexeme::Odd => Some(character(word, span)),
            Lexeme::OpenText => Some(
                Diag::new(&codes::PARSE_STRING, "this string is not closed on its line", span, "begins here")
                    .help("put a `\"` after its last character"),
            ),
            Lexeme::Text => escape(file, token, word),
            Lexeme::Number => number(layout, at, word, span),
            Lexeme::Block => Some(
                Diag::new(
                    &codes::PARSE_OPERATOR,
                    "`/* ... */` is not part of the language",
                    Span::new(file, token.start, token.start + 2),
                    "begins here",
                )
                .help("a comment begins with `//` and ends with its line: begin each line with `//`"),
            ),
            Lexeme::Mark => mark(layout, at, word, span),
            Lexeme::Open
            | Lexeme::Close
            | Lexeme::Newline
            | Lexeme::Semicolon
            | Lexeme::Word
            | Lexeme::Doc
            | Lexeme::FileDoc
            | Lexeme::Comment => None,
        }
    })
}

/// A character that is nowhere in the language but in strings and comments.
pub(super) fn character(word: &str, span: Span) -> Diag {
    let character = word.chars().next().unwrap_or('?');
    let (what, help) = match character {
        '\t' => ("a tab".to_owned(), "use spaces; `phgc fmt` turns tabs into spaces".to_owned()),
        '\u{A0}' | '\u{202F}' | '\u{3000}' | '\u{2000}'..='\u{200A}' => {
            ("a space that is not the plain one".to_owned(), "type a plain space".to_owned())
        }
        '\u{200B}'..='\u{200F}'
        | '\u{2060}'
        | '\u{FEFF}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}' => {
            (format!("the invisible character U+{:04X}", u32::from(character)), "delete it".to_owned())
        }
        character if character.is_control() => {
            (format!("the control character U+{:04X}", u32::from(character)), "delete it".to_owned())
        }
        character => {
            let help = match character {
                '“' | '”' | '„' => "write `\"`",
                '‘' | '’' => "strings stand in `\"`",
                '–' | '—' | '−' => "write `-`",
                '×' | '·' | '⋅' => "write `*`",
                '÷' => "write `/`, or `div` for division of ints rounded down",
                '≤' => "write `<=`",
                '≥' => "write `>=`",
                '≠' => "write `!=`",
                '→' => "write `->`",
                '…' => "write `..`",
                '，' => "write `,`",
                '：' => "write `:`",
                '（' | '）' => "write `(` and `)`",
                character if character.is_alphanumeric() => {
                    "names are made of the letters a to z and A to Z, digits and `_`"
                }
                _ => "outside comments and strings, only ASCII characters are used",
            };
            (format!("the character `{character}`"), help.to_owned())
        }
    };
    Diag::new(&codes::PARSE_CHARACTER, format!("{what} is not part of the language"), span, "this one")
        .help(help)
}

/// The first escape of a string that is neither `\"` nor `\\`.
fn escape(file: FileId, token: &Token, word: &str) -> Option<Diag> {
    let mut characters = word.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\\' {
            continue;
        }
        let (_, escaped) = characters.next()?;
        if !matches!(escaped, '"' | '\\') {
            let start = token.start + at;
            let span = Span::new(file, start, start + 1 + escaped.len_utf8());
            let message = format!("`\\{escaped}` is no escape");
            return Some(
                Diag::new(&codes::PARSE_STRING, message, span, "this one")
                    .help("write `\\\\` for a backslash and `\\\"` for a quote; paths use `/`"),
            );
        }
    }
    None
}

/// A token that begins with a digit and is no number.
fn number(layout: &Layout<'_>, at: usize, word: &str, span: Span) -> Option<Diag> {
    let end = layout.tokens.get(at).map_or(0, |token| token.end);
    let next = layout.word(at + 1);
    let touches = layout.tokens.get(at + 1).is_some_and(|token| token.start == end);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let unsigned = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    if digits(whole) && fraction.is_none_or(digits) && unsigned.is_none_or(digits) {
        // `1.` and `2.x`: the point is a token of its own.
        return (touches && next == ".").then(|| {
            let message = format!("`{word}.` is no number");
            Diag::new(&codes::PARSE_NUMBER, message, span, "a digit must follow the point")
                .help(format!("write `{word}.0`"))
        });
    }
    let plain: String = word.chars().filter(|character| *character != '_').collect();
    let help = if digits(&plain) {
        format!("write `{plain}`")
    } else if let Some(hexadecimal) =
        word.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok())
    {
        format!("write `{hexadecimal}`")
    } else if word.matches('.').count() > 1 {
        "a number has one point; a range is written `a..b`".to_owned()
    } else {
        "put a space or an operator after the number; a name cannot begin with a digit".to_owned()
    };
    Some(Diag::new(&codes::PARSE_NUMBER, format!("`{word}` is no number"), span, "this one").help(help))
}

/// A mark that other languages have.
fn mark(layout: &Layout<'_>, at: usize, word: &str, span: Span) -> Option<Diag> {
    if word == "." {
        // `.5`: a point with a number after it and no value before it.
        let (before, next) =
            (at.checked_sub(1).and_then(|before| layout.tokens.get(before)), layout.tokens.get(at + 1)?);
        let value =
            before.is_some_and(|before| before.end == span.start as usize && before.lexeme != Lexeme::Open);
        if next.lexeme == Lexeme::Number && next.start == span.end as usize && !value {
            let number = next.of(layout.text);
            let message = format!("`.{number}` is no number");
            return Some(
                Diag::new(&codes::PARSE_NUMBER, message, span, "a digit must stand before the point")
                    .help(format!("write `0.{number}`")),
            );
        }
        return None;
    }
    let help = match word {
        "&&" | "&" => "write `and`",
        "||" => "write `or`",
        "!" => "write `not`, or `!=` for inequality",
        "**" | "^" => "there are no powers; write the product out",
        "=>" => "write `->` before a block's results, `=` before a value",
        "+=" | "-=" | "*=" | "/=" => "a name is bound once; bind the new value to a new name with `let`",
        "::" => "write `.`",
        ":=" => "write `=`",
        "<-" => "write `=`",
        "--" => "one `-` is enough; comments begin with `//`",
        "?" => "write `if c { a } else { b }`",
        "#" => "comments begin with `//`",
        "'" | "`" => "strings stand in `\"`",
        "@" | "$" | "~" | "\\" => "delete it",
        _ => return None,
    };
    let message = format!("`{word}` is not part of the language");
    Some(Diag::new(&codes::PARSE_OPERATOR, message, span, "this one").help(help))
}
