//! Arguments: each is bound to an input or a parameter, and has the type that this wants.
//!
//! Comes in: evaluated arguments of a call. Goes out: operands and constants of an op, or a value for each
//! parameter of a block; mistakes are reported where the argument stands.

use std::rc::Rc;

use super::Elaborator;
use super::value::{EvalArg, Flow, Value};
use crate::ast;
use crate::diag::{Diag, codes, did_you_mean};
use crate::ir::fact::Fact;
use crate::ops::{Const, OpDef, ParamDef, ParamType};
use crate::source::{Span, Spanned};

impl Elaborator<'_> {
    /// Binds a call's arguments to an op's inputs and parameters.
    #[allow(clippy::type_complexity)]
    pub(super) fn bind_op(
        &mut self,
        def: &'static OpDef,
        args: Vec<EvalArg>,
        span: Span,
    ) -> Option<(Vec<Flow>, Vec<(&'static str, Const, Span)>)> {
        let (named, positional): (Vec<EvalArg>, Vec<EvalArg>) =
            args.into_iter().partition(|arg| arg.name.is_some());
        let mut positional = positional.into_iter().peekable();
        let mut named: Vec<(ast::Ident, EvalArg)> =
            named.into_iter().filter_map(|mut arg| Some((arg.name.take()?, arg))).collect();
        let mut ok = self.no_duplicates(&named);
        let take = |named: &mut Vec<(ast::Ident, EvalArg)>, name: &str| {
            named.iter().position(|(ident, _)| ident.node == name).map(|at| named.remove(at).1)
        };
        let mut operands = Vec::new();
        for input in def.inputs {
            let given: Vec<EvalArg> = if input.variadic {
                positional.by_ref().collect()
            } else if input.named {
                take(&mut named, input.name).into_iter().collect()
            } else {
                take(&mut named, input.name).or_else(|| positional.next()).into_iter().collect()
            };
            if given.is_empty() && !input.optional {
                let how = if input.named {
                    format!("`{}: x`", input.name)
                } else {
                    format!("`x |> {}(...)`", def.name)
                };
                self.report(
                    Diag::new(
                        &codes::PARAM_MISSING,
                        format!("`{}` is called without `{}`", def.name, input.name),
                        span,
                        format!("`{}` is missing: {}", input.name, input.doc),
                    )
                    .help(format!("write {how}; for example `{}`", def.example)),
                );
                ok = false;
            }
            for arg in given {
                ok &= self.operands(def, &arg, &mut operands);
            }
        }
        let mut values = Vec::new();
        for param in def.params {
            let named_arg = take(&mut named, param.name);
            let given = match named_arg {
                Some(arg) => Some(arg),
                None => positional.next(),
            };
            let value = match &given {
                Some(arg) => self.param_value(def, param, arg),
                None => match param.default {
                    Some(text) => default_value(param.ty, text),
                    None => {
                        self.report(
                            Diag::new(
                                &codes::PARAM_MISSING,
                                format!("`{}` needs `{}`", def.name, param.name),
                                span,
                                format!("`{}` is missing: {}", param.name, param.doc),
                            )
                            .help(format!("for example `{}`", def.example)),
                        );
                        None
                    }
                },
            };
            match value {
                Some(value) => values.push((param.name, value, given.map_or(span, |arg| arg.span))),
                None => ok = false,
            }
        }
        if let Some(extra) = positional.next() {
            self.report(Diag::new(
                &codes::PARAM_EXTRA,
                format!("`{}` has no parameter left for this argument", def.name),
                extra.span,
                "one too many",
            ));
            ok = false;
        }
        for (name, _) in named {
            // A name that exists and is left over was taken before: `no_duplicates` said so.
            let exists = def
                .params
                .iter()
                .map(|p| p.name)
                .chain(def.inputs.iter().map(|i| i.name))
                .any(|n| n == name.node);
            if !exists {
                self.report(unknown_op_parameter(def, &name));
            }
            ok = false;
        }
        ok.then_some((operands, values))
    }

    fn no_duplicates(&mut self, named: &[(ast::Ident, EvalArg)]) -> bool {
        let mut ok = true;
        for (at, (name, _)) in named.iter().enumerate() {
            if let Some((first, _)) = named[..at].iter().find(|(other, _)| other.node == name.node) {
                self.report(
                    Diag::new(
                        &codes::PARAM_DUPLICATE,
                        format!("`{}` is given twice", name.node),
                        name.span,
                        "here again",
                    )
                    .because(first.span, "first given here"),
                );
                ok = false;
            }
        }
        ok
    }

    /// The flows of one argument; a list gives several.
    fn operands(&mut self, def: &'static OpDef, arg: &EvalArg, operands: &mut Vec<Flow>) -> bool {
        match &arg.value {
            Value::Wire(flow) => {
                operands.push(*flow);
                true
            }
            Value::List(list) => {
                let mut ok = true;
                for value in list.iter() {
                    let inner = EvalArg { name: None, value: value.clone(), span: arg.span };
                    ok &= self.operands(def, &inner, operands);
                }
                ok
            }
            Value::Poison => false,
            Value::Unbound(name) => {
                let name = Rc::clone(name);
                self.unknown_name(&name, arg.span);
                false
            }
            other => {
                let kind = self.kind(other);
                self.report(
                    Diag::new(
                        &codes::TYPE_ARGUMENT,
                        format!("`{}` takes values of the network, not {kind}", def.name),
                        arg.span,
                        format!("this is {kind}"),
                    )
                    .help(format!("for example `{}`", def.example)),
                );
                false
            }
        }
    }

    fn param_value(&mut self, def: &'static OpDef, param: &'static ParamDef, arg: &EvalArg) -> Option<Const> {
        if matches!(arg.value, Value::Poison) {
            return None;
        }
        if let Some(value) = convert(param.ty, &arg.value) {
            return Some(value);
        }
        if let Value::Unbound(name) = &arg.value
            && param.ty.words().is_empty()
        {
            let name = Rc::clone(name);
            self.unknown_name(&name, arg.span);
            return None;
        }
        let kind = match &arg.value {
            Value::Int(value) => value.to_string(),
            Value::Float(value) => super::value::float_text(*value),
            Value::Unbound(name) | Value::Word(name) => format!("`{name}`"),
            other => self.kind(other),
        };
        let help = match &arg.value {
            Value::Unbound(name) | Value::Word(name) => did_you_mean(name, param.ty.words().iter().copied()),
            _ => None,
        };
        self.report(
            Diag::new(
                &codes::TYPE_ARGUMENT,
                format!("`{}` of `{}` is {}, not {kind}", param.name, def.name, param.ty.describe()),
                arg.span,
                format!("this is {kind}"),
            )
            .maybe_help(help),
        );
        None
    }

    /// A value for each parameter of a block; `None` for a default.
    pub(super) fn bind_block(
        &mut self,
        block: &ast::Block,
        name: &str,
        args: Vec<EvalArg>,
        span: Span,
    ) -> Option<Vec<Option<Value>>> {
        let mut given: Vec<Option<EvalArg>> = block.params.iter().map(|_| None).collect();
        let mut ok = true;
        let (named, positional): (Vec<EvalArg>, Vec<EvalArg>) =
            args.into_iter().partition(|arg| arg.name.is_some());
        for mut arg in named {
            let Some(ident) = arg.name.take() else { continue };
            match block.params.iter().position(|param| param.name.node == ident.node) {
                Some(at) => match given.get_mut(at) {
                    Some(slot) if slot.is_none() => *slot = Some(arg),
                    _ => {
                        let message = format!("`{}` is given twice", ident.node);
                        self.report(Diag::new(&codes::PARAM_DUPLICATE, message, ident.span, "here again"));
                        ok = false;
                    }
                },
                None => {
                    self.report(unknown_block_parameter(block, name, &ident));
                    ok = false;
                }
            }
        }
        let mut positional = positional.into_iter();
        for slot in given.iter_mut().filter(|slot| slot.is_none()) {
            match positional.next() {
                Some(arg) => *slot = Some(arg),
                None => break,
            }
        }
        if let Some(extra) = positional.next() {
            self.report(
                Diag::new(
                    &codes::PARAM_EXTRA,
                    format!("`{name}` takes {} arguments", block.params.len()),
                    extra.span,
                    "one too many",
                )
                .because(block.name.span, "defined here"),
            );
            ok = false;
        }
        let mut values = Vec::new();
        for (param, arg) in block.params.iter().zip(given) {
            values.push(match arg {
                Some(arg) => {
                    let value = self.check_type(&arg.value, &param.ty, arg.span, &param.name.node);
                    ok &= !matches!(value, Value::Poison);
                    Some(value)
                }
                None if param.default.is_some() => None,
                None => {
                    self.report(
                        Diag::new(
                            &codes::PARAM_MISSING,
                            format!("`{name}` needs `{}`", param.name.node),
                            span,
                            format!("`{}` is missing", param.name.node),
                        )
                        .because(param.name.span, "has no default"),
                    );
                    ok = false;
                    None
                }
            });
        }
        ok.then_some(values)
    }

    /// The value as a parameter of type `ty`, or poison and a diagnostic.
    pub(super) fn check_type(
        &mut self,
        value: &Value,
        ty: &Spanned<ast::Type>,
        span: Span,
        name: &str,
    ) -> Value {
        if value.is_poisoned() {
            return Value::Poison;
        }
        if let Value::Unbound(word) = value
            && !matches!(ty.node, ast::Type::Enum(_))
        {
            let word = Rc::clone(word);
            self.unknown_name(&word, span);
            return Value::Poison;
        }
        if let Some(value) = self.conform(value, &ty.node) {
            return value;
        }
        // A type that does not exist was reported with the names.
        if let ast::Type::Name(name) = &ty.node
            && !crate::resolve::TYPES.contains(&name.as_str())
        {
            return Value::Poison;
        }
        let wanted = type_text(&ty.node);
        let kind = match value {
            Value::Unbound(word) | Value::Word(word) => format!("`{word}`"),
            other => self.kind(other),
        };
        let help = match (value, &ty.node) {
            (Value::Unbound(word) | Value::Word(word), ast::Type::Enum(variants)) => {
                did_you_mean(word, variants.iter().map(|v| v.node.as_str()))
            }
            _ => None,
        };
        let mut diag = Diag::new(
            &codes::TYPE_ARGUMENT,
            format!("`{name}` is {wanted}, not {kind}"),
            span,
            format!("this is {kind}"),
        );
        if ty.span != span {
            diag = diag.because(ty.span, format!("wants {wanted}"));
        }
        self.report(diag.maybe_help(help));
        Value::Poison
    }

    fn conform(&self, value: &Value, ty: &ast::Type) -> Option<Value> {
        match (ty, value) {
            (ast::Type::Name(name), value) => match (name.as_str(), value) {
                ("int", Value::Int(_)) | ("float", Value::Float(_)) | ("bool", Value::Bool(_)) => {
                    Some(value.clone())
                }
                ("float", Value::Int(whole)) => Some(Value::Float(*whole as f64)),
                (kind, Value::Wire(flow)) if self.fact(flow).kind() == kind => Some(value.clone()),
                _ => None,
            },
            (ast::Type::List(inner), Value::List(list)) => {
                let items: Option<Vec<Value>> =
                    list.iter().map(|item| self.conform(item, &inner.node)).collect();
                items.map(|items| Value::List(Rc::new(items)))
            }
            (ast::Type::Enum(variants), Value::Word(word) | Value::Unbound(word)) => {
                variants.iter().any(|v| v.node == **word).then(|| Value::Word(Rc::clone(word)))
            }
            (ast::Type::Shaped { name, .. }, Value::Wire(flow)) => {
                (self.fact(flow).kind() == name.as_str()).then(|| value.clone())
            }
            (ast::Type::Class { .. }, Value::Wire(flow)) => {
                matches!(self.fact(flow), Fact::Labels { .. }).then(|| value.clone())
            }
            _ => None,
        }
    }
}

/// `conv has no parameter kernal`.
pub(crate) fn unknown_op_parameter(def: &OpDef, name: &ast::Ident) -> Diag {
    let known = def.params.iter().map(|p| p.name).chain(def.inputs.iter().map(|i| i.name));
    let all: Vec<&str> = def.params.iter().map(|p| p.name).collect();
    let help = did_you_mean(&name.node, known)
        .or_else(|| (!all.is_empty()).then(|| format!("its parameters are {}", all.join(", "))));
    let message = format!("`{}` has no parameter `{}`", def.name, name.node);
    Diag::new(&codes::PARAM_UNKNOWN, message, name.span, "no such parameter").maybe_help(help)
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

/// The variants of an enumeration.
pub(super) fn words_of(ty: &ast::Type) -> Vec<String> {
    match ty {
        ast::Type::Enum(variants) => variants.iter().map(|v| v.node.clone()).collect(),
        ast::Type::Name(_) | ast::Type::List(_) | ast::Type::Shaped { .. } | ast::Type::Class { .. } => {
            Vec::new()
        }
    }
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

/// A value as what a parameter takes.
fn convert(ty: ParamType, value: &Value) -> Option<Const> {
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
fn default_value(ty: ParamType, text: &str) -> Option<Const> {
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
