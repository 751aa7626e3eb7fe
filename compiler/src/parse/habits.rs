//! Habits from other languages, and sentences that newcomers begin, each with the edit that mends it.
//!
//! Comes in: the place at which a piece stops to parse. Goes out: a diagnostic, if the place looks like one of these;
//! `None` leaves it to the other mistakes.

use super::explain::Scene;
use super::grammar::Rule;
use super::mistakes::{at, is_word, touching};
use super::scan::Lexeme;
use crate::diag::{Diag, codes};

/// The first habit that fits.
pub(super) fn common(scene: &Scene<'_>) -> Option<Diag> {
    section_with_equals(scene)
        .or_else(|| several_in_brackets(scene))
        .or_else(|| closed_range(scene))
        .or_else(|| method(scene))
        .or_else(|| missing_kind(scene))
        .or_else(|| missing_type(scene))
        .or_else(|| colon_body(scene))
        .or_else(|| trailing_if(scene))
        .or_else(|| nameless_output(scene))
}

/// What stands between a bracket and its partner, if that is short enough to be repeated in a message.
fn inside<'a>(scene: &Scene<'a>, open: usize) -> Option<&'a str> {
    let close = scene.layout.partner.get(open).copied().flatten()?;
    let from = scene.layout.tokens.get(open)?.end;
    let text = scene.layout.text.get(from..scene.layout.tokens.get(close)?.start)?;
    (text.len() <= 40 && !text.contains(['\n', '\r'])).then_some(text.trim())
}

/// `loss = ...`, `train = { ... }`, `encoder: { ... }`.
fn section_with_equals(scene: &Scene<'_>) -> Option<Diag> {
    let mut solid = scene.solid();
    let (first, second, third) = (solid.next()?, solid.next()?, solid.next());
    let (word, mark) = (scene.layout.word(first), scene.layout.word(second));
    let braces = third.is_some_and(|third| scene.layout.word(third) == "{");
    let outermost = scene.place == super::explain::Place::File;
    let known = matches!(word, "loss" | "train" | "encoder" | "decoder" | "latent" | "postnet" | "merge");
    if !is_word(scene, first)
        || !matches!(mark, "=" | ":")
        || !outermost
        || !(known || braces)
        || scene.at > second
    {
        return None;
    }
    let help = match word {
        "loss" => "write `loss { l_s = ... }`".to_owned(),
        "train" => "write `train { epochs = 20 }`".to_owned(),
        _ => format!("write `{word} {{ ... }}`"),
    };
    let message = format!("the braces of `{word}` follow its name, without `{mark}`");
    Some(at(scene, second, &codes::PARSE_EQUALS, message, "not here").help(help))
}

/// `(3, 3)` for a list.
fn several_in_brackets(scene: &Scene<'_>) -> Option<Diag> {
    let open = scene.open.filter(|open| scene.layout.word(*open) == "(")?;
    let called = open.checked_sub(1).is_some_and(|before| {
        is_word(scene, before)
            && scene.layout.tokens.get(before).map(|token| token.end)
                == scene.layout.tokens.get(open).map(|token| token.start)
    });
    if scene.found() != "," || called || !scene.after_value() {
        return None;
    }
    let message = "`(` and `)` hold one value; several make a list, in `[` and `]`";
    let help =
        inside(scene, open).map_or_else(|| "write `[a, b]`".to_owned(), |text| format!("write `[{text}]`"));
    Some(at(scene, scene.at, &codes::PARSE_COMMA, message, "a second one").help(help))
}

/// `0..=3`, `0...3`.
fn closed_range(scene: &Scene<'_>) -> Option<Diag> {
    if scene.previous() != ".." || !matches!(scene.found(), "=" | "." | "<") {
        return None;
    }
    let message = "a range is written `a..b`, and leaves `b` out";
    let help = match scene.layout.word(scene.at + 1).parse::<i64>() {
        Ok(last) if scene.found() != "<" => format!("write `..{}`", last.saturating_add(1)),
        _ => "write `0..n`; with the last one, `0..n + 1`".to_owned(),
    };
    Some(at(scene, scene.at, &codes::PARSE_OPERATOR, message, "too much").help(help))
}

/// `x.relu()`, `nn.relu(x)`.
fn method(scene: &Scene<'_>) -> Option<Diag> {
    let name = scene.before.filter(|before| is_word(scene, *before))?;
    let dot = name.checked_sub(1).filter(|dot| scene.layout.word(*dot) == ".")?;
    let base = dot.checked_sub(1).filter(|base| scene.tokens.contains(base))?;
    if scene.found() != "(" || !touching(scene) {
        return None;
    }
    let base_token = base;
    let (word, base) = (scene.layout.word(name), scene.layout.word(base_token));
    let message = format!("there are no methods: `{word}` cannot be called through `.`");
    let chained =
        base_token.checked_sub(1).is_some_and(|before| matches!(scene.layout.word(before), "." | "|>"));
    let help = match base {
        _ if chained => format!("write `{word}(...)`: what is imported is called by its own name"),
        "std" => {
            format!("write `{word}(...)`; blocks of the library are imported: `use std.resnet (resnet)`")
        }
        "nn" | "F" | "torch" | "tf" | "keras" | "layers" | "functional" | "np" => {
            format!("write `{word}(...)`; `phgc explain` and the reference list what there is")
        }
        _ if scene.layout.word(scene.at + 1) == ")" => format!("write `{base} |> {word}`"),
        _ => format!("write `{base} |> {word}(...)`"),
    };
    Some(at(scene, name, &codes::PARSE_SYNTAX, message, "called here").help(help))
}

/// `x: [N, 8, H, W]`.
fn missing_kind(scene: &Scene<'_>) -> Option<Diag> {
    let open = scene.open.filter(|open| scene.layout.word(*open) == "[")?;
    let before = open.checked_sub(1)?;
    if scene.found() != "," || scene.layout.word(before) != ":" || scene.after_value() {
        return None;
    }
    let sizes = inside(scene, open).unwrap_or("...");
    let first = scene.solid().next()?;
    let help = if scene.layout.word(first) == "input" {
        format!("write `float[{sizes}]` for an image, `class(12)[N, H, W]` for labels")
    } else {
        format!("write `map[{sizes}]`")
    };
    let message = "a shape has a kind before its `[`";
    Some(at(scene, open, &codes::PARSE_SYNTAX, message, "a kind must stand before this").help(help))
}

/// `param K: 4`, `block unit(x, n)`.
fn missing_type(scene: &Scene<'_>) -> Option<Diag> {
    let first = scene.solid().next()?;
    let types = [Rule::r#type, Rule::list_type, Rule::shaped_type, Rule::choice_type];
    if scene.layout.word(first) == "param" && scene.previous() == ":" && scene.expects(&types) {
        let (value, name) = (scene.found(), scene.layout.word(first + 1));
        let ty = if scene.lexeme() == Some(Lexeme::Number) {
            if value.contains(['.', 'e', 'E']) { "float" } else { "int" }
        } else if matches!(value, "true" | "false") {
            "bool"
        } else {
            return None;
        };
        let message = format!("after `:` stands the type of `{name}`; its value follows `=`");
        return Some(
            at(scene, scene.at, &codes::PARSE_EQUALS, message, "not a type")
                .help(format!("write `param {name}: {ty} = {value}`")),
        );
    }
    let untyped = scene.layout.word(first) == "block"
        && scene.bracket() == "("
        && scene.expects(&[Rule::colon])
        && matches!(scene.found(), "," | ")");
    let name = scene.previous();
    untyped.then(|| {
        at(
            scene,
            scene.at,
            &codes::PARSE_SYNTAX,
            format!("`{name}` has no type"),
            "a type must stand before this",
        )
        .help(format!("write `{name}: map`; numbers are `{name}: int`"))
    })
}

/// `if deep: a else: b`.
fn colon_body(scene: &Scene<'_>) -> Option<Diag> {
    if scene.found() != ":" || !matches!(scene.bracket(), "" | "{") {
        return None;
    }
    let word = (scene.tokens.start..scene.at)
        .rev()
        .map(|token| scene.layout.word(token))
        .find(|word| matches!(*word, "if" | "for" | "fold" | "else" | "{" | "}"))?;
    let help = match word {
        "if" | "else" => "write `if c { a } else { b }`",
        "for" | "fold" => "write `for x in xs { ... }`",
        _ => return None,
    };
    let message = format!("the value of `{word}` stands in braces, not after `:`");
    Some(at(scene, scene.at, &codes::PARSE_OPERATOR, message, "this one").help(help))
}

/// `a if deep else b`, `latent g if use_g { ... }`.
fn trailing_if(scene: &Scene<'_>) -> Option<Diag> {
    if scene.found() != "if" || !(scene.expects(&[Rule::guard]) || scene.after_value()) {
        return None;
    }
    let choice = (scene.at..scene.tokens.end).any(|token| scene.layout.word(token) == "else");
    let (message, help) = if choice {
        ("an `if` stands before both of its values", "write `if c { a } else { b }`")
    } else {
        ("what exists only under a condition is guarded by `when`", "write `when` in place of `if`")
    };
    Some(at(scene, scene.at, &codes::PARSE_OPERATOR, message, "not here").help(help))
}

/// `output softmax(logits)`.
fn nameless_output(scene: &Scene<'_>) -> Option<Diag> {
    let first = scene.solid().next()?;
    let op = scene.before.filter(|before| *before == first + 1)?;
    (scene.layout.word(first) == "output" && scene.found() == "(").then(|| {
        let word = scene.layout.word(op);
        at(scene, op, &codes::PARSE_SYNTAX, "an output has a name", "a name must stand before this")
            .help(format!("write `output segmentation = {word}(...)`"))
    })
}

/// An import that is not finished: the last resort.
pub(super) fn unfinished_import(scene: &Scene<'_>) -> Option<Diag> {
    let first = scene.solid().next()?;
    if scene.layout.word(first) != "use" {
        return None;
    }
    // Where pest gives up at the first word, the rest is what it did not understand.
    let place = if scene.at > first { scene.at } else { scene.tokens.end };
    let message =
        "`use` names a part of the library or a file, and in brackets the blocks that it takes from it";
    Some(
        at(scene, place, &codes::PARSE_SYNTAX, message, "not an import")
            .help("write `use std.resnet (resnet)` or `use \"path.phg\" (name)`"),
    )
}
