//! Arguments: each is bound to an input or a parameter, and has the type that this wants.
//!
//! Comes in: evaluated arguments of a call. Goes out: operands and constants of an op, or a value for each
//! parameter of a block; mistakes are reported where the argument stands.

use std::rc::Rc;

use super::Elaborator;
use super::argument::{self, convert, default_value};
use super::expr::as_dim;
use super::value::{EvalArg, Flow, Value};
use crate::ast;
use crate::ir::fact::Fact;
use crate::ops::{Const, OpDef, ParamDef};
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
        let given_names: Vec<String> = named.iter().map(|(name, _)| name.node.clone()).collect();
        let misspelt = |name: &str| {
            argument::is_misspelt(name, given_names.iter().map(String::as_str), argument::names_of(def))
        };
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
                if !misspelt(input.name) {
                    self.report(argument::missing_input(def, input, span));
                }
                ok = false;
            }
            let (before, place) = (operands.len(), given.first().map(|arg| arg.span));
            let mut fine = true;
            for arg in given {
                if !self.hold([&arg.value], arg.span) {
                    return None;
                }
                if !input.variadic && matches!(arg.value, Value::List(_)) && !arg.value.is_poisoned() {
                    let kind = self.kind(&arg.value);
                    self.report(argument::not_one(def, input, &kind, arg.span));
                    fine = false;
                } else {
                    fine &= self.operands(def, &arg, &mut operands);
                }
            }
            if let Some(place) = place
                && fine
                && operands.len() == before
            {
                self.report(argument::nothing_given(def, input, place));
                fine = false;
            }
            ok &= fine;
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
                    None if misspelt(param.name) => None,
                    None => {
                        self.report(argument::missing_op_parameter(def, param, span));
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
            self.report(argument::one_too_many_for_op(def, extra.whole));
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
                self.report(argument::unknown_op_parameter(def, &name));
            }
            ok = false;
        }
        ok.then_some((operands, values))
    }

    fn no_duplicates(&mut self, named: &[(ast::Ident, EvalArg)]) -> bool {
        let mut ok = true;
        for (at, (name, _)) in named.iter().enumerate() {
            if let Some((first, _)) = named[..at].iter().find(|(other, _)| other.node == name.node) {
                self.report(argument::given_twice(first, name));
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
                    let inner =
                        EvalArg { name: None, value: value.clone(), span: arg.span, whole: arg.whole };
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
                let mut diag = argument::not_an_operand(def, &kind, arg.span);
                if let Value::Tuple(parts) = other {
                    diag = diag.help(argument::take_one(parts));
                } else if let Value::Field(_, field) = other {
                    diag = diag.help(format!(
                        "take that of one component, `q.{field}[0]`, or go through them: `for k in 0..K {{ q.{field}[k] }}`"
                    ));
                }
                self.report(diag);
                false
            }
        }
    }

    fn param_value(&mut self, def: &'static OpDef, param: &'static ParamDef, arg: &EvalArg) -> Option<Const> {
        if !self.hold([&arg.value], arg.span) || arg.value.is_poisoned() {
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
        let mut diag =
            argument::wrong_for_op(def, param, &arg.value, arg.span, |wire| self.graph.fact(wire).cloned());
        if def.name == "resize"
            && let Some(name) = self.map_of_size(&arg.value)
        {
            diag = diag.help(format!("take that size from a map that has it: `resize(like: {name})`"));
        }
        self.report(diag);
        None
    }

    /// The name of a value that has these rows and columns, `[H, W]`: an input, if one has.
    fn map_of_size(&self, size: &Value) -> Option<String> {
        let Value::List(list) = size else { return None };
        let [rows, columns] = list.as_slice() else { return None };
        let (rows, columns) = (as_dim(rows)?, as_dim(columns)?);
        let has = |name: &String| match self.scope.get(name).map(|binding| &binding.value) {
            Some(Value::Wire(flow)) => match self.fact(flow) {
                Fact::Map { height, width, .. } => height == rows && width == columns,
                _ => false,
            },
            _ => false,
        };
        let inputs = self.graph.inputs.iter().map(|input| input.name.clone());
        inputs.chain(self.scope.names()).find(has)
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
        let (named, positional): (Vec<EvalArg>, Vec<EvalArg>) =
            args.into_iter().partition(|arg| arg.name.is_some());
        let named: Vec<(ast::Ident, EvalArg)> =
            named.into_iter().filter_map(|mut arg| Some((arg.name.take()?, arg))).collect();
        let mut ok = self.no_duplicates(&named);
        let known = || block.params.iter().map(|param| param.name.node.as_str());
        let given_names: Vec<String> = named.iter().map(|(name, _)| name.node.clone()).collect();
        for (ident, arg) in named {
            match block.params.iter().position(|param| param.name.node == ident.node) {
                Some(at) => {
                    if let Some(slot) = given.get_mut(at) {
                        slot.get_or_insert(arg);
                    }
                }
                None => {
                    self.report(argument::unknown_block_parameter(block, name, &ident));
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
            self.report(argument::one_too_many_for_block(name, block, extra.whole));
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
                    let given = given_names.iter().map(String::as_str);
                    if !argument::is_misspelt(&param.name.node, given, known()) {
                        self.report(argument::missing_block_parameter(name, param, span));
                    }
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
        if !self.hold([value], span) || value.is_poisoned() {
            return Value::Poison;
        }
        if let Value::Unbound(word) = value
            && !matches!(ty.node, ast::Type::Enum(_))
        {
            let word = Rc::clone(word);
            self.unknown_name(&word, span);
            return Value::Poison;
        }
        if let Some(value) = argument::conform(value, &ty.node, &|flow| self.fact(flow)) {
            return value;
        }
        // A type that does not exist was reported with the names.
        if let ast::Type::Name(name) = &ty.node
            && !crate::resolve::TYPES.contains(&name.as_str())
        {
            return Value::Poison;
        }
        let diag = argument::wrong_for_type(name, ty, value, span, |wire| self.graph.fact(wire).cloned());
        self.report(diag);
        Value::Poison
    }
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
