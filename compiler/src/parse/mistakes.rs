//! The mistakes that people make, each with the edit that mends it.
//!
//! Comes in: the place at which a piece stops to parse. Goes out: a diagnostic, if the place looks like one
//! of these mistakes; `None` leaves it to "expected ..., found ...". The order matters: the first that fits wins.

use super::explain::{Place, Scene, found};
use super::grammar::Rule;
use super::habits;
use super::scan::Lexeme;
use crate::diag::{Code, Diag, codes};

/// The words that are never names, as the grammar has them.
const RESERVED: [&str; 15] = [
    "let", "if", "else", "for", "fold", "in", "when", "and", "or", "not", "true", "false", "as", "assert",
    "div",
];

/// The words that begin an item.
const ITEMS: [&str; 9] = ["use", "extend", "param", "input", "block", "output", "loss", "train", "latent"];

/// The rules that a value begins with.
const VALUE: [Rule; 7] =
    [Rule::expr, Rule::value, Rule::prefix, Rule::postfix, Rule::negate, Rule::not, Rule::arg];

/// The first mistake that fits.
pub(super) fn common(scene: &Scene<'_>) -> Option<Diag> {
    doc_comment(scene)
        .or_else(|| foreign_word(scene))
        .or_else(|| habits::common(scene))
        .or_else(|| misplaced(scene))
        .or_else(|| missing_let(scene))
        .or_else(|| nameless(scene))
        .or_else(|| reserved(scene))
        .or_else(|| equals(scene))
        .or_else(|| parameter(scene))
        .or_else(|| nameless_result(scene))
        .or_else(|| missing_else(scene))
        .or_else(|| pipe(scene))
        .or_else(|| bracket_apart(scene))
        .or_else(|| comma(scene))
        .or_else(|| run_on(scene))
        .or_else(|| unfinished(scene))
        .or_else(|| slips(scene))
        .or_else(|| habits::unfinished_import(scene))
}

/// A diagnostic at a token.
pub(super) fn at(
    scene: &Scene<'_>,
    token: usize,
    code: &'static Code,
    message: impl Into<String>,
    label: &str,
) -> Diag {
    Diag::new(code, message, scene.span(token), label)
}

pub(super) fn is_word(scene: &Scene<'_>, token: usize) -> bool {
    scene.layout.lexeme(token) == Some(Lexeme::Word)
}

/// Does a token stand on another line than the one before the error?
fn on_a_new_line(scene: &Scene<'_>) -> bool {
    scene
        .before
        .is_some_and(|before| (before..scene.at).any(|at| scene.layout.lexeme(at) == Some(Lexeme::Newline)))
}

/// Do the error and the token before it touch?
pub(super) fn touching(scene: &Scene<'_>) -> bool {
    let end = scene.before.and_then(|before| scene.layout.tokens.get(before)).map(|token| token.end);
    end.is_some() && end == scene.layout.tokens.get(scene.at).map(|token| token.start)
}

fn doc_comment(scene: &Scene<'_>) -> Option<Diag> {
    let here = match scene.lexeme() {
        Some(Lexeme::Doc | Lexeme::FileDoc) => scene.at,
        _ => scene
            .before
            .filter(|before| matches!(scene.layout.lexeme(*before), Some(Lexeme::Doc | Lexeme::FileDoc)))?,
    };
    let (message, help) = if scene.layout.lexeme(here) == Some(Lexeme::FileDoc) {
        ("`//!` describes the file, and stands at its top", "move it to the top of the file, or write `//`")
    } else {
        match scene.place {
            Place::Loss | Place::Train | Place::Extend => {
                ("`///` describes an item, `let`, `layer` or `assert`, and there is none below", "write `//`")
            }
            Place::File | Place::Section => (
                "this doc comment has nothing below it to describe",
                "put it above what it describes, or write `//`",
            ),
        }
    };
    Some(at(scene, here, &codes::PARSE_DOC_COMMENT, message, "nothing to describe").help(help))
}

/// A word that other languages have at this place.
fn foreign_word(scene: &Scene<'_>) -> Option<Diag> {
    let first = scene.solid().next()?;
    let (here, word) = match scene.found() {
        word @ ("elif" | "elsif" | "elseif" | "then") => (scene.at, word),
        _ => (first, scene.layout.word(first)),
    };
    let named = is_word(scene, here + 1);
    let help = match word {
        "elif" | "elsif" | "elseif" => "write `else if`",
        "then" => "put the value in braces: `if c { a } else { b }`",
        "const" | "var" | "val" | "mut" | "auto" if named => "write `let`",
        "def" | "fn" | "func" | "function" | "module" | "class" | "template" if named => {
            "write `block name(x: map) -> (out: map) { ... }`"
        }
        "import" | "from" | "include" | "require" => {
            "write `use std.resnet (resnet)` or `use \"path.phg\" (name)`"
        }
        "return" | "yield" => {
            "leave it out: a body's value is its last line, a block's results are the names it declares"
        }
        "while" | "loop" | "repeat" => {
            "loops run over lists: `for k in 0..K { ... }`, `fold x = a for k in 0..K { ... }`"
        }
        _ => return None,
    };
    let message = format!("`{word}` is not part of the language");
    Some(at(scene, here, &codes::PARSE_OPERATOR, message, "this one").help(help))
}

/// An item inside a section, or a setting outside of one.
fn misplaced(scene: &Scene<'_>) -> Option<Diag> {
    let first = scene.solid().next()?;
    let word = scene.layout.word(first);
    let next = scene.layout.word(first + 1);
    if !is_word(scene, first) || scene.at > first + 2 {
        return None;
    }
    let item = ITEMS.contains(&word) && (is_word(scene, first + 1) || next == "{" || next == "\"");
    let section = next == "{" && scene.place == Place::Section && !RESERVED.contains(&word);
    let (message, help) = match scene.place {
        Place::Section if item || section => (
            format!("`{word}` stands outside of sections and blocks"),
            "move it out of these braces; sections do not nest",
        ),
        Place::Loss if item || next == "{" => (
            format!("`{word}` does not belong in `loss`"),
            "a loss holds terms, `name = value`, and `let` statements",
        ),
        Place::Train if item || matches!(word, "let" | "layer" | "assert") => (
            format!("`{word}` does not belong in `train`"),
            "train settings are `name = value` or `name { ... }`",
        ),
        Place::Extend if item || next == "{" || matches!(word, "let" | "layer" | "assert") => (
            format!("`{word}` cannot be changed by `extend`"),
            "a spec is extended by new values of parameters, `K = 4`, and by `train { ... }` and `loss { ... }`",
        ),
        Place::File | Place::Section | Place::Loss | Place::Train | Place::Extend => return None,
    };
    Some(at(scene, first, &codes::PARSE_PLACEMENT, message, "not here").help(help))
}

/// `x = ...` in a section.
fn missing_let(scene: &Scene<'_>) -> Option<Diag> {
    let mut solid = scene.solid();
    let (first, second) = (solid.next()?, solid.next()?);
    let word = scene.layout.word(first);
    let mark = scene.layout.word(second);
    let name = is_word(scene, first) && !RESERVED.contains(&word);
    if !name || !matches!(mark, "=" | ":") || scene.at > second {
        return None;
    }
    let help = match scene.place {
        Place::Section => format!("write `let {word} {mark} ...`"),
        Place::File => format!(
            "write `let {word} {mark} ...`, or `param {word}: int = ...` for what may be set from outside"
        ),
        Place::Loss | Place::Train | Place::Extend => return None,
    };
    let message = format!("`{word}` is bound without `let`");
    Some(at(scene, first, &codes::PARSE_MISSING_LET, message, "a new name").help(help))
}

/// A value with no name, or a line that begins with `-`.
fn nameless(scene: &Scene<'_>) -> Option<Diag> {
    let first = scene.solid().next()?;
    if scene.layout.word(first) == "-" {
        let message = "a line cannot begin with `-`: it would read as a sign";
        return Some(
            at(scene, first, &codes::PARSE_SYNTAX, message, "begins the line")
                .help("end the line before with the `-`"),
        );
    }
    if matches!(scene.place, Place::Train | Place::Extend) || scene.at > first + 2 {
        return None;
    }
    let next = scene.layout.word(first + 1);
    let name = is_word(scene, first) && !RESERVED.contains(&scene.layout.word(first));
    let called =
        name && (matches!(next, "|>" | "." | "++" | "+" | "*") || next == "(" && scene.place != Place::File);
    let value = matches!(scene.layout.lexeme(first), Some(Lexeme::Number))
        || matches!(scene.layout.word(first), "(" | "[" | "if" | "for" | "fold" | "not");
    if !called && !value {
        return None;
    }
    let help = match scene.place {
        Place::Loss => "give the term a name: `l_s = ...`",
        Place::File | Place::Section | Place::Train | Place::Extend => "give it a name: `let y = ...`",
    };
    Some(
        at(scene, first, &codes::PARSE_SYNTAX, "nothing holds this value", "a value without a name")
            .help(help),
    )
}

/// A reserved word in place of a name.
fn reserved(scene: &Scene<'_>) -> Option<Diag> {
    if scene.found() == ":" && scene.bracket() == "(" && RESERVED.contains(&scene.previous()) {
        let word = scene.previous();
        let message = format!("`{word}` is a reserved word and names no argument");
        return Some(at(scene, scene.before?, &codes::PARSE_RESERVED, message, "not a name"));
    }
    let word = scene.found();
    let names = [Rule::name, Rule::pattern, Rule::block_param, Rule::block_output, Rule::import, Rule::each];
    let called = scene.layout.word(scene.at + 1) == ":" && scene.bracket() == "(";
    let bound = matches!(scene.layout.word(scene.at + 1), "=");
    if !RESERVED.contains(&word) || !(scene.expects(&names) && !scene.expects(&VALUE) || called || bound) {
        return None;
    }
    let message = format!("`{word}` is a reserved word and cannot be a name");
    Some(
        at(scene, scene.at, &codes::PARSE_RESERVED, message, "not a name")
            .help(format!("call it `{word}_`, or something else")),
    )
}

/// `=`, `:` and `==` in place of one another.
fn equals(scene: &Scene<'_>) -> Option<Diag> {
    let word = scene.found();
    let name = scene.previous();
    let after_name = scene.before.is_some_and(|before| is_word(scene, before));
    if matches!(word, ":" | "==") && scene.expects(&[Rule::equals]) && after_name {
        let message = format!("`{name}` takes its value with `=`");
        return Some(at(scene, scene.at, &codes::PARSE_EQUALS, message, "not this").help("write `=`"));
    }
    if word == "(" && scene.expects(&[Rule::dims]) && scene.expects(&[Rule::equals]) {
        let colon = (scene.tokens.start..scene.at).rev().find(|token| scene.layout.word(*token) == ":")?;
        let message = "a name takes its value with `=`; after `:` stands its type";
        return Some(at(scene, colon, &codes::PARSE_EQUALS, message, "not this").help("write `=`"));
    }
    if word == "=" && scene.bracket() == "(" && after_name && !scene.expects(&[Rule::colon]) {
        let message = format!("the argument `{name}` takes its value with `:`");
        return Some(
            at(scene, scene.at, &codes::PARSE_EQUALS, message, "not this")
                .help(format!("write `{name}: ...`")),
        );
    }
    if word == "=" && scene.after_value() {
        let message = "`=` binds a name; it compares nothing";
        return Some(
            at(scene, scene.at, &codes::PARSE_EQUALS, message, "not here").help("write `==` to compare"),
        );
    }
    None
}

/// A parameter without its type or default.
fn parameter(scene: &Scene<'_>) -> Option<Diag> {
    let word = scene.found();
    let name = scene.previous();
    if word == "=" && scene.expects(&[Rule::colon]) {
        let next = scene.layout.tokens.get(scene.at + 1);
        let value = scene.layout.word(scene.at + 1);
        let ty = match next.map(|token| token.lexeme) {
            Some(Lexeme::Number) if value.contains(['.', 'e', 'E']) => "float",
            Some(Lexeme::Word) if matches!(value, "true" | "false") => "bool",
            Some(Lexeme::Open) if value == "[" => "[int]",
            _ => "int",
        };
        let message = format!("`{name}` has no type");
        return Some(
            at(scene, scene.at, &codes::PARSE_SYNTAX, message, "a type must stand before this")
                .help(format!("write `{name}: {ty} = ...`")),
        );
    }
    let first = scene.solid().next()?;
    if scene.layout.word(first) == "param" && scene.expects(&[Rule::equals]) && scene.at >= scene.tokens.end {
        let text = "a parameter has a default, which `--set` and `extend` may replace";
        return Some(
            at(scene, scene.at, &codes::PARSE_SYNTAX, text, "no default")
                .help("end the line with `= ` and a value"),
        );
    }
    if scene.layout.word(first) == "block" && scene.expects(&[Rule::arrow]) {
        let message = "a block says what it gives";
        return Some(
            at(scene, scene.at, &codes::PARSE_SYNTAX, message, "its results must stand before this")
                .help("write `-> (out: map)` before the `{`, and bind `out` in the body"),
        );
    }
    None
}

/// `block f(x: map) -> map { ... }`: results have names.
fn nameless_result(scene: &Scene<'_>) -> Option<Diag> {
    let tokens: Vec<usize> = scene.solid().collect();
    let words = |at: usize| tokens.get(at).map_or("", |token| scene.layout.word(*token));
    let arrow = (1..tokens.len())
        .find(|at| words(*at) == "->" || words(*at) == "{")
        .filter(|at| words(*at) == "->")?;
    if words(0) != "block" || words(arrow + 1) == "(" {
        return None;
    }
    let message = "a block's results have names";
    let diag = at(scene, *tokens.get(arrow + 1)?, &codes::PARSE_SYNTAX, message, "a result without a name");
    Some(diag.help("name it, `-> (out: map)`, and bind it in the body: `let out = ...`"))
}

fn missing_else(scene: &Scene<'_>) -> Option<Diag> {
    if !scene.expects(&[Rule::else_word]) {
        return None;
    }
    // The `if` that this body belongs to: the last one whose brace is open no more.
    let before = (scene.tokens.start..scene.at).rev();
    let mut closed = 0_usize;
    let mut word = None;
    for token in before {
        match scene.layout.lexeme(token) {
            Some(Lexeme::Close) => closed += 1,
            Some(Lexeme::Open) => closed = closed.saturating_sub(1),
            Some(Lexeme::Word) if closed == 0 && scene.layout.word(token) == "if" => {
                word = Some(token);
                break;
            }
            _ => {}
        }
    }
    let message = "an `if` has a value either way: this one has no `else`";
    Some(
        at(scene, word.unwrap_or(scene.at), &codes::PARSE_MISSING_ELSE, message, "no `else`")
            .help("add `else { ... }`; to bind a name only sometimes, put `when ...` after its statement"),
    )
}

/// What `|>` cannot send through, and what cannot follow a stage.
fn pipe(scene: &Scene<'_>) -> Option<Diag> {
    if scene.previous() == "|>" {
        let message = format!("`|>` sends a value through an op, block or layer, not {}", found(scene));
        return Some(
            at(scene, scene.at, &codes::PARSE_PIPE_STAGE, message, "nothing to call")
                .help("write a name or a call: `x |> relu`, `x |> conv(64, kernel: 3)`"),
        );
    }
    let piped = scene.tokens.start..scene.at;
    let stage = scene.layout.tokens.get(piped.clone()).is_some_and(|_| {
        // The last pipe inside the same brackets.
        let mut depth = 0_usize;
        piped.rev().find_map(|token| match scene.layout.word(token) {
            ")" | "]" | "}" => {
                depth += 1;
                None
            }
            "(" | "[" | "{" if depth == 0 => Some(false),
            "(" | "[" | "{" => {
                depth -= 1;
                None
            }
            "," | "=" | ":" | ";" if depth == 0 => Some(false),
            "|>" if depth == 0 => Some(true),
            _ => None,
        }) == Some(true)
    });
    if !stage || scene.expects(&[Rule::infix]) {
        return None;
    }
    let operator = scene.lexeme() == Some(Lexeme::Mark) && !matches!(scene.found(), "," | ":" | "=" | "|")
        || matches!(scene.found(), "and" | "or" | "div");
    let part = matches!(scene.found(), "." | "[") && touching(scene);
    let message = format!("`{}` cannot follow a pipe, which binds loosest", scene.found());
    (operator || part).then(|| {
        at(scene, scene.at, &codes::PARSE_PIPE_STAGE, message, "here the pipe must have ended")
            .help("put the pipe in brackets, `(x |> f) + y`, or give it a name with `let`")
    })
}

/// `conv (x)`, `xs [0]`, `a.b(c)`.
fn bracket_apart(scene: &Scene<'_>) -> Option<Diag> {
    let word = scene.found();
    if scene.lexeme() != Some(Lexeme::Open)
        || word == "{"
        || !scene.after_value() && !scene.expects(&[Rule::args])
    {
        return None;
    }
    let before = scene.before?;
    let name = is_word(scene, before) && !RESERVED.contains(&scene.previous());
    if touching(scene) {
        let message = "only an op, block or layer can be called, by its own name";
        return (word == "(").then(|| {
            at(scene, scene.at, &codes::PARSE_SYNTAX, message, "not a call")
                .help("import a name with `use` to call it")
        });
    }
    if on_a_new_line(scene) || !(name || scene.previous() == "]") || word == "(" && !name {
        return None;
    }
    let what = if word == "(" { "a call" } else { "an index" };
    let joined = format!("{}{word}", scene.previous());
    let help = match scene.bracket() {
        "(" | "[" => format!("write `{joined}`; or a `,` before it, if two entries are meant"),
        _ => format!("write `{joined}`"),
    };
    let message = format!("{what} has no space before its `{word}`");
    Some(at(scene, scene.at, &codes::PARSE_CALL_SPACE, message, "a space before this").help(help))
}

fn comma(scene: &Scene<'_>) -> Option<Diag> {
    let word = scene.found();
    let bracket = scene.bracket();
    if word == "," {
        let message = match bracket {
            "(" | "[" if matches!(scene.previous(), "," | "(" | "[") => "a `,` with nothing before it",
            "{" | "" if scene.after_value() => "lines are not separated by `,`",
            _ => return None,
        };
        let help =
            if bracket == "{" || bracket.is_empty() { "write `;` or begin a new line" } else { "delete it" };
        return Some(at(scene, scene.at, &codes::PARSE_COMMA, message, "this one").help(help));
    }
    let begins_value = matches!(scene.lexeme(), Some(Lexeme::Number | Lexeme::Text | Lexeme::Open))
        || scene.lexeme() == Some(Lexeme::Word) && !matches!(word, "else" | "in" | "as" | "when" | "let");
    let ends = scene.after_value() || scene.expects(&[Rule::comma_mark]);
    if matches!(bracket, "(" | "[") && begins_value && ends && word != "{" {
        let message = format!("a `,` is missing before {}", found(scene));
        return Some(
            at(scene, scene.at, &codes::PARSE_COMMA, message, "begins a new entry")
                .help("put a `,` before it"),
        );
    }
    None
}

/// Two statements on one line.
fn run_on(scene: &Scene<'_>) -> Option<Diag> {
    let begins = matches!(scene.lexeme(), Some(Lexeme::Word | Lexeme::Number | Lexeme::Text | Lexeme::Open));
    if !begins || scene.found() == "{" || !matches!(scene.bracket(), "" | "{") {
        return None;
    }
    let ended = scene.after_value() || scene.previous() == "}";
    if !ended || RESERVED.contains(&scene.found()) && !matches!(scene.found(), "let" | "assert") {
        return None;
    }
    let message = format!("{} begins something new on the same line", found(scene));
    (!on_a_new_line(scene)).then(|| {
        at(scene, scene.at, &codes::PARSE_SYNTAX, message, "not part of what stands before")
            .help("begin a new line, or put `;` between")
    })
}

/// A value that the line owes.
fn unfinished(scene: &Scene<'_>) -> Option<Diag> {
    if scene.found() == "}" && scene.bracket() == "{" {
        let message = "the body of `if`, `for` and `fold` ends with its value";
        return Some(
            at(scene, scene.at, &codes::PARSE_SYNTAX, message, "a value is missing before this")
                .help("end the body with an expression, on a line of its own"),
        );
    }
    if scene.lexeme().is_some() || !scene.expects(&VALUE) {
        return None;
    }
    let message = format!("a value is missing after `{}`", scene.previous());
    Some(at(scene, scene.at, &codes::PARSE_SYNTAX, message, "here"))
}

/// `for x of xs`, `- -1`.
fn slips(scene: &Scene<'_>) -> Option<Diag> {
    if scene.expects(&[Rule::in_word]) {
        let message = format!("expected `in`, found {}", found(scene));
        return Some(
            at(scene, scene.at, &codes::PARSE_SYNTAX, message, "not `in`")
                .help("write `for x in xs { ... }`"),
        );
    }
    (scene.expects(&VALUE) && scene.found() == "-" && scene.previous() == "-").then(|| {
        at(scene, scene.at, &codes::PARSE_SYNTAX, "one sign is enough", "the second in a row")
            .help("delete both, or write `-(-x)`")
    })
}
