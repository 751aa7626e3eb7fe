//! Text becomes a syntax tree.
//!
//! Comes in: the text of one file. Goes out: an [`ast::File`] and the errors of everything that did not parse;
//! each error has a span in the file. Guaranteed: no text makes it panic, nor use a stack deeper than
//! [`NESTING`] brackets need. `grammar/phg.pest` is the only definition of the syntax, and this module the
//! only place that names its rules.

mod build;
mod build_expr;
mod encoding;
mod explain;
mod grammar;
mod habits;
mod layout;
mod mistakes;
mod print;
mod recover;
pub(crate) mod scan;
mod words;

use std::num::NonZeroUsize;
use std::sync::Once;

use pest::Parser;

use crate::ast;
use crate::diag::{Diag, Diags, codes};
use crate::source::{FileId, Span};

use build::Builder;
use grammar::{Grammar, Rule};

pub use encoding::{NotText, decode};
pub(crate) use print::binary_op;
pub use print::print_ast;

/// Bytes that a file may have.
pub const SIZE: usize = 1 << 20;

/// How deep brackets may nest, with `if`, `for` and `fold` before their braces.
pub const NESTING: usize = 128;

/// Parses `text`, which is the whole of `file`. Items that do not parse are absent from the tree; each has
/// an error in `diags`.
pub fn parse(file: FileId, text: &str, diags: &mut Diags) -> ast::File {
    let whole = Span::new(file, 0, text.len());
    let nothing = ast::File { doc: Vec::new(), items: Vec::new(), span: whole };
    if text.len() > SIZE {
        let message = format!("a spec of {} bytes is too large: {SIZE} are allowed", text.len());
        let at = Span::new(file, 0, 0);
        let help = "move blocks to files of their own, and import them with `use`";
        diags.push(Diag::new(&codes::PARSE_SIZE, message, at, "this file").help(help));
        return nothing;
    }
    limit_calls();
    let tokens = scan::scan(text);
    if let Some(token) = scan::too_deep(text, &tokens, NESTING) {
        diags.push(
            Diag::new(
                &codes::PARSE_NESTING,
                format!("brackets nest more than {NESTING} deep"),
                Span::new(file, token.start, token.end),
                "one too many here",
            )
            .help("give a part of it a name with `let`"),
        );
        return nothing;
    }
    for (at, character) in text.char_indices().filter(|(_, character)| reorders(*character)).take(8) {
        let span = Span::new(file, at, at + character.len_utf8());
        diags.push(words::character(&character.to_string(), span));
    }
    match Grammar::parse(Rule::file, text) {
        Ok(mut pairs) => {
            let mut builder = Builder { file, base: 0, diags, refused: false };
            pairs.next().and_then(|pair| builder.file(pair)).unwrap_or(nothing)
        }
        Err(error) => recover::recover(file, text, &tokens, &error, diags),
    }
}

/// Characters that make text look other than it is, in comments and strings too.
fn reorders(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Bounds the work of one parse, whatever the text; [`SIZE`] bytes stay far below it.
fn limit_calls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| pest::set_call_limit(NonZeroUsize::new(1 << 30)));
}

#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
mod tests;
