//! What a parameter takes, and the words for an argument that it does not take.
//!
//! Comes in: values and the parameters that they are given to. Goes out: the value as the parameter holds it, or
//! the diagnostic. Guaranteed: the check of names, which sees branches that are not taken, and the elaborator
//! report a mistake at the same place with the same words, so that it is said once.

use std::rc::Rc;

use super::value::{Flow, Value};
use crate::ast;
use crate::diag::{Diag, codes, did_you_mean, nearest};
use crate::ir::fact::Fact;
use crate::ir::graph::Wire;
use crate::ops::{Const, InputDef, OpDef, ParamDef, ParamType};
use crate::source::{Span, Spanned};

/// A value as a parameter of type `ty` holds it; `fact` says what a value of the network is.
pub(crate) fn conform(value: &Value, ty: &ast::Type, fact: &dyn Fn(&Flow) -> Fact) -> Option<Value> {
    match (ty, value) {
        (ast::Type::Name(name), value) => match (name.as_str(), value) {
            ("int", Value::Int(_)) | ("float", Value::Float(_)) | ("bool", Value::Bool(_)) => {
                Some(value.clone())
            }
            ("float", Value::Int(whole)) => Some(Value::Float(*whole as f64)),
            (kind, Value::Wire(flow)) if fact(flow).kind() == kind => Some(value.clone()),
            _ => None,
        },
        (ast::Type::List(inner), Value::List(list)) => {
            let items: Option<Vec<Value>> =
                list.iter().map(|item| conform(item, &inner.node, fact)).collect();
            items.map(|items| Value::List(Rc::new(items)))
        }
        (ast::Type::Enum(variants), Value::Word(word) | Value::Unbound(word)) => {
            variants.iter().any(|v| v.node == **word).then(|| Value::Word(Rc::clone(word)))
        }
        (ast::Type::Shaped { name, .. }, Value::Wire(flow)) => {
            (fact(flow).kind() == name.as_str()).then(|| value.clone())
        }
        (ast::Type::Class { .. }, Value::Wire(flow)) => {
            matches!(fact(flow), Fact::Labels { .. }).then(|| value.clone())
        }
        _ => None,
    }
}

/// A value as what a parameter of an op takes.
pub(crate) fn convert(ty: ParamType, value: &Value) -> Option<Const> {
    if let Value::Word(word) | Value::Unbound(word) = value {
        return ty.words().iter().find(|known| **known == &**word).map(|known| Const::Word(known));
    }
    match ty {
        ParamType::Count => whole(value, 1).map(Const::Int),
        ParamType::Whole => whole(value, 0).map(Const::Int),
        ParamType::Float => float(value).map(Const::Float),
        ParamType::Bool => {
            if let Value::Bool(on) = value {
                Some(Const::Bool(*on))
            } else {
                None
            }
        }
        ParamType::Pair => pair(value, 1).map(Const::Pair),
        ParamType::PairOr(_) => pair(value, 0).map(Const::Pair),
        ParamType::Weights(_) => match value {
            Value::List(list) => list
                .iter()
                .map(|item| float(item).map(|f| f as f32))
                .collect::<Option<Vec<f32>>>()
                .map(Const::Floats),
            _ => None,
        },
        ParamType::Choice(_) => None,
    }
}

/// A default, as written in the op's definition.
pub(super) fn default_value(ty: ParamType, text: &str) -> Option<Const> {
    if let Some(word) = ty.words().iter().find(|word| **word == text) {
        return Some(Const::Word(word));
    }
    let value = match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.parse::<i64>() {
            Ok(whole) => Value::Int(whole),
            Err(_) => Value::Float(text.parse().ok()?),
        },
    };
    convert(ty, &value)
}

fn whole(value: &Value, least: i64) -> Option<usize> {
    match value {
        Value::Int(value) if *value >= least && *value <= i64::from(u32::MAX) => usize::try_from(*value).ok(),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) if value.is_finite() => Some(*value),
        _ => None,
    }
}

fn pair(value: &Value, least: i64) -> Option<[usize; 2]> {
    match value {
        Value::List(list) => match list.as_slice() {
            [a, b] => Some([whole(a, least)?, whole(b, least)?]),
            _ => None,
        },
        other => whole(other, least).map(|both| [both, both]),
    }
}

/// `kernel of conv is a whole number, not 3.5`; `fact` says what a value of the network is.
pub(crate) fn wrong_for_op(
    def: &OpDef,
    param: &ParamDef,
    value: &Value,
    span: Span,
    fact: impl Fn(Wire) -> Option<Fact>,
) -> Diag {
    let kind = written(value, &fact);
    let help = edit(def, param, value);
    let most = i64::from(u32::MAX);
    let message = match value {
        Value::Int(value) if *value > most && convert(param.ty, &Value::Int(1)).is_some() => {
            format!("`{}` of `{}` is at most {most}, not {kind}", param.name, def.name)
        }
        _ => format!("`{}` of `{}` is {}, not {kind}", param.name, def.name, param.ty.describe()),
    };
    Diag::new(&codes::TYPE_ARGUMENT, message, span, format!("this is {kind}")).maybe_help(help)
}

/// A value as the user wrote it, where that is short; otherwise its kind.
fn written(value: &Value, fact: &impl Fn(Wire) -> Option<Fact>) -> String {
    if matches!(value, Value::List(list) if list.len() > 8) {
        return value.kind(fact);
    }
    let source = value.source();
    match value {
        Value::Int(_) | Value::Float(_) => source,
        Value::Unbound(_) | Value::Word(_) | Value::Text(_) | Value::List(_)
            if source.len() <= 60 && !source.contains('?') =>
        {
            format!("`{source}`")
        }
        other => other.kind(fact),
    }
}

/// The edit that makes of an argument what its parameter takes, if it is one of the usual mistakes.
fn edit(def: &OpDef, param: &ParamDef, value: &Value) -> Option<String> {
    let sized = |value: &Value| matches!(value, Value::Size(_));
    match value {
        Value::Unbound(word) | Value::Word(word) => {
            let near = did_you_mean(word, param.ty.words().iter().copied());
            near.or_else(|| (&**word == "valid").then(|| "no padding is written `padding: 0`".into()))
        }
        Value::Text(text) => {
            let known = param.ty.words().iter().any(|word| *word == &**text);
            known.then(|| format!("write it without quotes: `{}: {text}`", param.name))
        }
        Value::Wire(_) if def.inputs.iter().any(|input| input.name == "like") => {
            Some(format!("name the map whose size is taken: `{}(like: x)`", def.name))
        }
        Value::Wire(_) if def.inputs.len() == 1 => Some(format!(
            "`{}` takes one value; join several before it: `concat(a, b) |> {}(...)`",
            def.name, def.name
        )),
        Value::Float(factor) if def.name == "resize" && *factor > 0.0 && *factor < 1.0 => Some(
            "a map is made smaller by pooling, `avg_pool(kernel: 2)`, or to a size, `resize(like: x)`".into(),
        ),
        other if def.name == "resize" && matches!(other, Value::List(list) if list.iter().any(sized)) => {
            Some("a size that depends on the input is that of a map: `resize(like: x)`".into())
        }
        Value::List(list) if list.iter().any(sized) => Some(NOT_YET.into()),
        Value::Size(_) => Some(NOT_YET.into()),
        _ => None,
    }
}

/// Why a size of the input is no number.
const NOT_YET: &str = "`N`, `H` and `W` are known only once there are images, and this number before: write it out, or \
                       make it a `param`";

/// `x is a map, not an int`: what a block or the spec wants of a parameter.
pub(crate) fn wrong_for_type(
    name: &str,
    ty: &Spanned<ast::Type>,
    value: &Value,
    span: Span,
    fact: impl Fn(Wire) -> Option<Fact>,
) -> Diag {
    let wanted = type_text(&ty.node);
    let (kind, word) = match value {
        Value::Unbound(word) | Value::Word(word) => (format!("`{word}`"), Some(word)),
        other @ (Value::Text(_) | Value::List(_)) => (written(other, &fact), None),
        other => (other.kind(&fact), None),
    };
    let help = match (word, &ty.node) {
        (Some(word), ast::Type::Enum(variants)) => {
            did_you_mean(word, variants.iter().map(|v| v.node.as_str()))
        }
        _ => conversion(value, &ty.node),
    };
    let message = format!("`{name}` is {wanted}, not {kind}");
    let mut diag = Diag::new(&codes::TYPE_ARGUMENT, message, span, format!("this is {kind}"));
    if ty.span != span {
        diag = diag.because(ty.span, format!("wants {wanted}"));
    }
    diag.maybe_help(help)
}

/// The edit that makes of a value what a type wants, if it is one of the usual mistakes.
fn conversion(value: &Value, ty: &ast::Type) -> Option<String> {
    match (value, ty) {
        (Value::Text(text), ast::Type::Enum(variants)) => {
            let known = variants.iter().any(|variant| variant.node == **text);
            known.then(|| format!("write it without quotes: `{text}`"))
        }
        (Value::Float(_), ast::Type::Name(name)) if name == "int" => {
            Some("write a whole number, or make its type `float`".into())
        }
        (Value::Int(bit @ (0 | 1)), ast::Type::Name(name)) if name == "bool" => {
            Some(format!("write `{}`", *bit == 1))
        }
        (Value::Int(_) | Value::Float(_) | Value::Bool(_), ast::Type::List(_)) => {
            Some(format!("write a list of one: `[{}]`", value.source()))
        }
        (Value::List(list), ast::Type::Name(_)) => match list.as_slice() {
            [Value::Wire(_), _, ..] => {
                Some("join the list first, `concat(xs)`, or take an entry of it, `xs[0]`".into())
            }
            [_, ..] => {
                Some("take an entry of the list, `xs[0]`, or make the type a list, such as `[int]`".into())
            }
            [] => None,
        },
        (Value::Tuple(parts), ast::Type::Name(_)) => Some(take_one(parts)),
        _ => None,
    }
}

/// How one of several results is reached.
pub(super) fn take_one(parts: &[(String, Value)]) -> String {
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    let first = names.first().copied().unwrap_or_default();
    format!("take one of them: `let ({}) = ...`, or `.{first}`", names.join(", "))
}

/// `relu takes one value, not a list of 2`.
pub(super) fn not_one(def: &OpDef, input: &InputDef, kind: &str, span: Span) -> Diag {
    let message = format!("`{}` takes one value as `{}`, not {kind}", def.name, input.name);
    Diag::new(&codes::TYPE_ARGUMENT, message, span, format!("this is {kind}")).help(format!(
        "join the list first, `concat(xs) |> {name}(...)`, or go through it, `for x in xs {{ x |> {name}(...) }}`",
        name = def.name
    ))
}

/// `concat is given an empty list`.
pub(super) fn nothing_given(def: &OpDef, input: &InputDef, span: Span) -> Diag {
    let message = format!("`{}` is given an empty list: there is nothing to join", def.name);
    Diag::new(&codes::PARAM_MISSING, message, span, format!("no entry; wanted: {}", input.doc)).help(format!(
        "give it an entry, or leave the call out where the list is empty: `if len(xs) > 0 {{ {}(xs) }} else {{ ... }}`",
        def.name
    ))
}

/// `conv takes values of the network, not an int`.
pub(crate) fn not_an_operand(def: &OpDef, kind: &str, span: Span) -> Diag {
    let message = format!("`{}` takes values of the network, not {kind}", def.name);
    Diag::new(&codes::TYPE_ARGUMENT, message, span, format!("this is {kind}"))
        .help(format!("for example `{}`", def.example))
}

/// `conv has no parameter kernal`.
pub(crate) fn unknown_op_parameter(def: &OpDef, name: &ast::Ident) -> Diag {
    let known = def.params.iter().map(|p| p.name).chain(def.inputs.iter().map(|i| i.name));
    let all: Vec<&str> = def.params.iter().map(|p| p.name).collect();
    let help = did_you_mean(&name.node, known).unwrap_or_else(|| match all.as_slice() {
        [] => "it has no parameters".to_owned(),
        all => format!("its parameters are {}", all.join(", ")),
    });
    let message = format!("`{}` has no parameter `{}`", def.name, name.node);
    Diag::new(&codes::PARAM_UNKNOWN, message, name.span, "no such parameter").help(help)
}

/// Is a parameter that seems to be missing given under a misspelt name, which is reported itself?
pub(crate) fn is_misspelt<'g, 'k>(
    wanted: &str,
    given: impl IntoIterator<Item = &'g str>,
    known: impl Iterator<Item = &'k str> + Clone,
) -> bool {
    let mut unknown = given.into_iter().filter(|name| !known.clone().any(|known| known == *name));
    unknown.any(|name| nearest(name, known.clone()) == Some(wanted))
}

/// Every name that an argument of an op may have.
pub(crate) fn names_of(def: &OpDef) -> impl Iterator<Item = &'static str> + Clone + use<> {
    let (inputs, params) = (def.inputs, def.params);
    inputs.iter().map(|input| input.name).chain(params.iter().map(|param| param.name))
}

/// `unit has no parameter growht`.
pub(crate) fn unknown_block_parameter(block: &ast::Block, callee: &str, name: &ast::Ident) -> Diag {
    let known: Vec<&str> = block.params.iter().map(|param| param.name.node.as_str()).collect();
    let help = did_you_mean(&name.node, known.iter().copied())
        .or_else(|| Some(format!("its parameters are {}", known.join(", "))));
    let message = format!("`{callee}` has no parameter `{}`", name.node);
    Diag::new(&codes::PARAM_UNKNOWN, message, name.span, "no such parameter")
        .because(block.name.span, "defined here")
        .maybe_help(help)
}

/// `kernel is given twice`. A layer's own argument stands before that of its call, which is bound first.
pub(crate) fn given_twice(one: &ast::Ident, other: &ast::Ident) -> Diag {
    let (first, again) = (one.span.min(other.span), one.span.max(other.span));
    let message = format!("`{}` is given twice", one.node);
    Diag::new(&codes::PARAM_DUPLICATE, message, again, "here again").because(first, "first given here")
}

/// `unpool is called without like`.
pub(crate) fn missing_input(def: &OpDef, input: &InputDef, call: Span) -> Diag {
    let first = def.inputs.first().is_some_and(|first| first.name == input.name);
    let how = if input.named {
        format!("write `{}: x`; ", input.name)
    } else if first && !def.example.starts_with(def.name) {
        format!("write `x |> {}(...)`; ", def.name)
    } else {
        String::new()
    };
    Diag::new(
        &codes::PARAM_MISSING,
        format!("`{}` is called without `{}`", def.name, input.name),
        call,
        format!("`{}` is missing: {}", input.name, input.doc),
    )
    .help(format!("{how}for example `{}`", def.example))
}

/// `conv needs channels`.
pub(crate) fn missing_op_parameter(def: &OpDef, param: &ParamDef, call: Span) -> Diag {
    Diag::new(
        &codes::PARAM_MISSING,
        format!("`{}` needs `{}`", def.name, param.name),
        call,
        format!("`{}` is missing: {}", param.name, param.doc),
    )
    .help(format!("for example `{}`", def.example))
}

/// `unit needs growth`.
pub(crate) fn missing_block_parameter(callee: &str, param: &ast::BlockParam, call: Span) -> Diag {
    let name = &param.name.node;
    let message = format!("`{callee}` needs `{name}`");
    Diag::new(&codes::PARAM_MISSING, message, call, format!("`{name}` is missing"))
        .because(param.name.span, "has no default")
}

/// `conv has no parameter left for this argument`.
pub(crate) fn one_too_many_for_op(def: &OpDef, span: Span) -> Diag {
    let message = format!("`{}` has no parameter left for this argument", def.name);
    Diag::new(&codes::PARAM_EXTRA, message, span, "one too many")
}

/// `unit takes 2 arguments`.
pub(crate) fn one_too_many_for_block(callee: &str, block: &ast::Block, span: Span) -> Diag {
    let message = format!("`{callee}` takes {} arguments", block.params.len());
    Diag::new(&codes::PARAM_EXTRA, message, span, "one too many").because(block.name.span, "defined here")
}

/// A type as a reader wants it.
fn type_text(ty: &ast::Type) -> String {
    match ty {
        ast::Type::Name(name) | ast::Type::Shaped { name, .. } => match name.as_str() {
            "labels" => "class labels".into(),
            "indices" => "pooling indices".into(),
            "int" => "an `int`".into(),
            other => format!("a `{other}`"),
        },
        ast::Type::List(inner) => match &inner.node {
            ast::Type::Name(name) => format!("a list `[{name}]`"),
            _ => "a list".into(),
        },
        ast::Type::Enum(variants) => {
            let words: Vec<&str> = variants.iter().map(|v| v.node.as_str()).collect();
            format!("one of `{}`", words.join("`, `"))
        }
        ast::Type::Class { .. } => "class labels".into(),
    }
}
