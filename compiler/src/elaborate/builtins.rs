//! Functions that are evaluated at compile time.

use std::rc::Rc;

use super::Elaborator;
use super::value::{EvalArg, Value};
use crate::diag::{Diag, codes};
use crate::ir::fact::Fact;
use crate::source::Span;

/// Every function's name.
pub(crate) const NAMES: &[&str] = &[
    "channels",
    "height",
    "width",
    "size",
    "len",
    "min",
    "max",
    "sqrt",
    "sum",
    "reverse",
    "zip",
    "enumerate",
    "replay",
];

/// What each function does, for the reference.
pub const DOCS: &[(&str, &str)] = &[
    ("channels(x)", "the channels of a map, or the size of a vector"),
    ("height(x)", "the rows of a map, a symbolic size"),
    ("width(x)", "the columns of a map, a symbolic size"),
    ("size(q)", "the latent size of a gaussian or mixture"),
    ("len(xs)", "the number of entries of a list"),
    ("min(a, b, ...)", "the smallest of numbers, or of a list of them"),
    ("max(a, b, ...)", "the largest of numbers, or of a list of them"),
    ("sqrt(a)", "the square root of a number that is not negative"),
    ("sum(xs)", "the sum of a list of numbers or of values of the network"),
    ("reverse(xs)", "a list from its end"),
    ("zip(xs, ys)", "pairs of two lists of one length, for `for (x, y) in zip(xs, ys)`"),
    ("enumerate(xs)", "pairs of index and entry, for `for (i, x) in enumerate(xs)`"),
    ("replay(y, x, other)", "`y` computed once more, by the same layers, with `other` in the place of `x`"),
];

impl Elaborator<'_> {
    /// Calls a function; `None` when there is no such function.
    pub(super) fn builtin(&mut self, name: &str, args: &[EvalArg], span: Span) -> Option<Value> {
        if !NAMES.contains(&name) {
            return None;
        }
        // What is walked, and copied at most once: pairs hold three values for each entry.
        let pairs = matches!(name, "zip" | "enumerate");
        let turns = if pairs { 3 } else { 1 };
        let counted = (0..turns).all(|_| self.hold(args.iter().map(|arg| &arg.value), span));
        if !counted || args.iter().any(|arg| arg.value.is_poisoned()) {
            return Some(Value::Poison);
        }
        for arg in args {
            if let Value::Unbound(word) = &arg.value {
                let word = Rc::clone(word);
                self.unknown_name(&word, arg.span);
                return Some(Value::Poison);
            }
        }
        let values: Vec<&Value> = args.iter().map(|arg| &arg.value).collect();
        let result = match (name, values.as_slice()) {
            ("channels", [Value::Wire(flow)]) => match self.fact(flow) {
                Fact::Map { channels, .. } | Fact::Vector { channels } => Some(Value::Int(channels as i64)),
                Fact::Labels { classes, .. } => Some(Value::Int(classes as i64)),
                _ => None,
            },
            ("height" | "width", [Value::Wire(flow)]) => match self.fact(flow) {
                Fact::Map { height, width, .. } | Fact::Labels { height, width, .. } => {
                    let dim = if name == "height" { height } else { width };
                    Some(dim.as_constant().map_or(Value::Size(dim), Value::Int))
                }
                _ => None,
            },
            ("size", [Value::Wire(flow)]) => match self.fact(flow) {
                Fact::Gaussian { dim } | Fact::Mixture { dim, .. } => Some(Value::Int(dim as i64)),
                _ => None,
            },
            ("len", [Value::List(list)]) => Some(Value::Int(list.len() as i64)),
            ("reverse", [Value::List(list)]) => {
                Some(Value::List(Rc::new(list.iter().rev().cloned().collect())))
            }
            ("enumerate", [Value::List(list)]) => {
                let pair = |(at, value): (usize, &Value)| {
                    Value::Tuple(Rc::new(vec![
                        ("index".to_owned(), Value::Int(at as i64)),
                        ("value".to_owned(), value.clone()),
                    ]))
                };
                Some(Value::List(Rc::new(list.iter().enumerate().map(pair).collect())))
            }
            ("zip", [Value::List(a), Value::List(b)]) => {
                if a.len() != b.len() {
                    self.report(Diag::new(
                        &codes::VALUE_PATTERN,
                        format!("`zip` wants lists of one length, not {} and {}", a.len(), b.len()),
                        span,
                        "their lengths differ",
                    ));
                    return Some(Value::Poison);
                }
                let pair = |(x, y): (&Value, &Value)| {
                    Value::Tuple(Rc::new(vec![
                        ("first".to_owned(), x.clone()),
                        ("second".to_owned(), y.clone()),
                    ]))
                };
                Some(Value::List(Rc::new(a.iter().zip(b.iter()).map(pair).collect())))
            }
            ("replay", [Value::Wire(y), Value::Wire(x), Value::Wire(other)]) => {
                return Some(self.replay(*y, *x, *other, span));
            }
            ("sqrt", [number]) => key(number).filter(|x| *x >= 0.0).map(|x| Value::Float(x.sqrt())),
            ("sum", [Value::List(list)]) => return Some(self.sum_of(list, span)),
            ("min" | "max", [Value::List(list)]) => extreme(name, &list.iter().collect::<Vec<_>>()),
            ("min" | "max", numbers) => extreme(name, numbers),
            _ => None,
        };
        Some(result.unwrap_or_else(|| {
            let kinds: Vec<String> = args.iter().map(|arg| self.kind(&arg.value)).collect();
            let diag = wrong_number(name, args.len(), span).unwrap_or_else(|| {
                wrong_arguments(name, &format!("does not take {}", kinds.join(", ")), span)
            });
            self.report(diag);
            Value::Poison
        }))
    }

    fn sum_of(&mut self, list: &[Value], span: Span) -> Value {
        let mut total: Option<Value> = None;
        for value in list {
            total = Some(match (total, value) {
                (None, value) => value.clone(),
                (Some(Value::Int(a)), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
                (Some(Value::Wire(a)), Value::Wire(b)) => self.sum(a, *b, span),
                (Some(Value::Poison), _) | (_, Value::Poison) => return Value::Poison,
                (Some(a), b) => {
                    let (a, b) = (self.kind(&a), self.kind(b));
                    self.report(Diag::new(
                        &codes::TYPE_ARGUMENT,
                        format!("`sum` does not add {a} and {b}"),
                        span,
                        "these do not go together",
                    ));
                    return Value::Poison;
                }
            });
        }
        total.unwrap_or(Value::Int(0))
    }
}

/// What of a function's arguments is wrong whatever the spec's values are; an argument is known where it is a literal.
pub(crate) fn refusal(name: &str, args: &[Option<Value>], span: Span) -> Option<Diag> {
    if let Some(diag) = wrong_number(name, args.len(), span) {
        return Some(diag);
    }
    let known: Vec<&Value> = args.iter().map(Option::as_ref).collect::<Option<_>>()?;
    let list = !matches!(name, "channels" | "height" | "width" | "size" | "sqrt" | "replay");
    let number = matches!(name, "min" | "max" | "sqrt");
    let takes = |value: &&Value| {
        (list && matches!(value, Value::List(_)))
            || (number && matches!(value, Value::Int(_) | Value::Float(_)))
    };
    let kinds: Vec<String> = known.iter().map(|value| value.kind(|_| None)).collect();
    let refused = !known.iter().all(takes);
    refused.then(|| wrong_arguments(name, &format!("does not take {}", kinds.join(", ")), span))
}

/// `zip takes 2 arguments, not 3`.
fn wrong_number(name: &str, given: usize, span: Span) -> Option<Diag> {
    let (fits, takes) = match name {
        "min" | "max" => (given > 0, "at least one argument"),
        "zip" => (given == 2, "2 arguments"),
        "replay" => (given == 3, "3 arguments"),
        _ => (given == 1, "one argument"),
    };
    (!fits).then(|| wrong_arguments(name, &format!("takes {takes}, not {given}"), span))
}

fn wrong_arguments(name: &str, what: &str, span: Span) -> Diag {
    let usage = DOCS.iter().find(|(usage, _)| usage.split('(').next() == Some(name));
    Diag::new(&codes::TYPE_ARGUMENT, format!("`{name}` {what}"), span, "called here")
        .maybe_help(usage.map(|(usage, what)| format!("`{usage}` is {what}")))
}

/// What a number is compared by.
fn key(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn extreme(name: &str, values: &[&Value]) -> Option<Value> {
    let mut best: Option<(f64, &Value)> = None;
    for value in values {
        let here = key(value)?;
        let better = best.is_none_or(|(there, _)| if name == "min" { here < there } else { here > there });
        if better {
            best = Some((here, value));
        }
    }
    best.map(|(_, value)| value.clone())
}
