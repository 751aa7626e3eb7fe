//! Arguments: which parameter each is given to, and what can be refused without running the spec.
//!
//! Comes in: a call and what it calls. Goes out: a [`Slot`] for each argument, and diagnostics of unknown, surplus,
//! missing and doubled arguments and of literals that their parameter never takes. Guaranteed: arguments go where
//! the elaborator's binding puts them, and its words are used, so that a mistake in a branch that is taken is
//! said once.

use super::Checker;
use super::calls::How;
use crate::ast::{Arg, Block, BlockParam, Expr, ExprKind, Ident, Type, UnaryOp};
use crate::elaborate::{argument, builtins, value::Value};
use crate::ir::fact::Fact;
use crate::ops::{OpDef, ParamDef, ParamType};
use crate::source::Span;

/// What a call's arguments are bound to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee<'a> {
    Op(&'static OpDef),
    /// A block, by the name that it is called by.
    Block(&'a Block, &'a str),
    /// A function that is evaluated while compiling.
    Function(&'a str),
    /// Nothing that is known.
    Other,
}

/// What an argument is given to.
#[derive(Clone, Copy)]
pub(super) enum Slot<'a> {
    /// An input of an op.
    Input(&'static OpDef),
    /// A parameter of an op.
    Op(&'static OpDef, &'static ParamDef),
    /// What a block takes.
    Block(&'a BlockParam),
    /// Not known here.
    Unknown,
    /// Something that takes any word: what is wrong with it is said elsewhere.
    Any,
}

/// One argument: where it stands, its name, its value.
#[derive(Clone, Copy)]
struct Given<'a> {
    side: Side,
    name: Option<&'a Ident>,
    value: &'a Expr,
}

/// Where an argument stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Left of the pipe.
    Pipe,
    /// In the call.
    Call,
    /// In the declaration of the layer that is called.
    Layer,
}

impl<'a> Slot<'a> {
    /// The words that it takes, if it takes any; what says so is what a word is not.
    pub(super) fn words(self) -> Option<(String, Vec<&'a str>)> {
        match self {
            Slot::Op(def, param) if !param.ty.words().is_empty() => {
                let wants = format!("`{}` of `{}` is {}", param.name, def.name, param.ty.describe());
                Some((wants, param.ty.words().to_vec()))
            }
            Slot::Block(param) => match &param.ty.node {
                Type::Enum(variants) => {
                    let words: Vec<&str> = variants.iter().map(|variant| variant.node.as_str()).collect();
                    Some((format!("`{}` is one of `{}`", param.name.node, words.join("`, `")), words))
                }
                Type::Name(_) | Type::List(_) | Type::Shaped { .. } | Type::Class { .. } => None,
            },
            Slot::Input(_) | Slot::Op(..) | Slot::Unknown | Slot::Any => None,
        }
    }
}

impl<'a> Checker<'a, '_> {
    /// What each of a call's own arguments is given to. `declared` are those of the layer that is called: they
    /// come after the call's own.
    pub(super) fn slots(
        &mut self,
        callee: Callee<'a>,
        args: &'a [Arg],
        declared: &'a [Arg],
        call: Span,
        how: How<'a>,
    ) -> Vec<Slot<'a>> {
        let piped = if let How::Piped(value) = how { Some(value) } else { None };
        let from =
            |side: Side| move |arg: &'a Arg| Given { side, name: arg.name.as_ref(), value: &arg.value };
        let given: Vec<Given<'a>> = piped
            .map(|value| Given { side: Side::Pipe, name: None, value })
            .into_iter()
            .chain(args.iter().map(from(Side::Call)))
            .chain(declared.iter().map(from(Side::Layer)))
            .collect();
        self.doubled(callee, &given);
        // The first inputs of a layer come with its calls: what is positional in its declaration is bound there.
        let declaration = how == How::Layer;
        let mut slots = match callee {
            Callee::Op(def) => self.op_slots(def, &given, call, declaration),
            Callee::Block(block, name) => self.block_slots(block, name, &given, call, declaration),
            Callee::Function(name) => {
                let known: Vec<Option<Value>> = given.iter().map(|arg| constant(arg.value)).collect();
                builtins::refusal(name, &known, call).into_iter().for_each(|diag| self.report(diag));
                vec![Slot::Unknown; given.len()]
            }
            Callee::Other => vec![Slot::Unknown; given.len()],
        };
        for (arg, slot) in given.iter().zip(&slots) {
            match arg.side {
                Side::Pipe => self.literal(arg.value, arg.value.span, *slot),
                Side::Layer => self.leaves(arg.value, *slot),
                Side::Call if declaration && arg.name.is_none() => {}
                Side::Call => self.leaves(arg.value, *slot),
            }
        }
        slots.drain(..usize::from(piped.is_some()));
        slots.truncate(args.len());
        slots
    }

    fn doubled(&mut self, callee: Callee<'a>, given: &[Given<'a>]) {
        if !matches!(callee, Callee::Op(_) | Callee::Block(..)) {
            return;
        }
        let mut names: Vec<&Ident> = Vec::new();
        for name in given.iter().filter_map(|arg| arg.name) {
            match names.iter().find(|other| other.node == name.node) {
                Some(first) => self.report(argument::given_twice(first, name)),
                None => names.push(name),
            }
        }
    }

    fn op_slots(
        &mut self,
        def: &'static OpDef,
        given: &[Given<'a>],
        call: Span,
        declaration: bool,
    ) -> Vec<Slot<'a>> {
        let mut slots = vec![if declaration { Slot::Unknown } else { Slot::Any }; given.len()];
        let mut positional = given.iter().zip(0..).filter(|(arg, _)| arg.name.is_none()).map(|(_, at)| at);
        let mut set = |at: usize, slot: Slot<'a>| slots.get_mut(at).into_iter().for_each(|s| *s = slot);
        let misspelt = |name: &str| argument::is_misspelt(name, names_given(given), argument::names_of(def));
        for input in def.inputs {
            let many = input.variadic && !declaration;
            let mut found = if input.variadic { None } else { named(given, input.name) };
            if many || (found.is_none() && !input.named && !declaration) {
                found = positional.next();
            }
            found.into_iter().for_each(|at| set(at, Slot::Input(def)));
            if many {
                positional.by_ref().for_each(|at| set(at, Slot::Input(def)));
            }
            if found.is_none() && !input.optional && !declaration && !misspelt(input.name) {
                self.report(argument::missing_input(def, input, call));
            }
        }
        for param in def.params {
            match named(given, param.name).or_else(|| positional.next()) {
                Some(at) => set(at, Slot::Op(def, param)),
                None if param.default.is_some() || declaration || misspelt(param.name) => {}
                None => self.report(argument::missing_op_parameter(def, param, call)),
            }
        }
        if let Some(extra) = positional.next().and_then(|at| given.get(at)).filter(|_| !declaration) {
            self.report(argument::one_too_many_for_op(def, extra.value.span));
        }
        for (at, name) in given.iter().enumerate().filter_map(|(at, arg)| Some((at, arg.name?))) {
            let mut known = def.params.iter().map(|p| p.name).chain(def.inputs.iter().map(|i| i.name));
            if !known.any(|known| known == name.node) {
                slots.get_mut(at).into_iter().for_each(|slot| *slot = Slot::Any);
                self.report(argument::unknown_op_parameter(def, name));
            }
        }
        slots
    }

    fn block_slots(
        &mut self,
        block: &'a Block,
        callee: &str,
        given: &[Given<'a>],
        call: Span,
        declaration: bool,
    ) -> Vec<Slot<'a>> {
        let mut slots = vec![Slot::Any; given.len()];
        let mut positional = given.iter().zip(0..).filter(|(arg, _)| arg.name.is_none()).map(|(_, at)| at);
        if declaration {
            // How many inputs come with a call is not known here: a word goes to the first that takes words.
            let choice = |param: &&BlockParam| {
                matches!(param.ty.node, Type::Enum(_)) && named(given, &param.name.node).is_none()
            };
            let slot = block.params.iter().find(choice).map_or(Slot::Unknown, Slot::Block);
            positional.by_ref().for_each(|at| slots.get_mut(at).into_iter().for_each(|s| *s = slot));
        }
        let known = block.params.iter().map(|param| param.name.node.as_str());
        let misspelt = |name: &str| argument::is_misspelt(name, names_given(given), known.clone());
        for param in &block.params {
            let found = named(given, &param.name.node).or_else(|| positional.next());
            match found.and_then(|at| slots.get_mut(at)) {
                Some(slot) => *slot = Slot::Block(param),
                None if param.default.is_some() || declaration || misspelt(&param.name.node) => {}
                None => self.report(argument::missing_block_parameter(callee, param, call)),
            }
        }
        if let Some(extra) = positional.next().and_then(|at| given.get(at)).filter(|_| !declaration) {
            self.report(argument::one_too_many_for_block(callee, block, extra.value.span));
        }
        for name in given.iter().filter_map(|arg| arg.name) {
            if !block.params.iter().any(|param| param.name.node == name.node) {
                self.report(argument::unknown_block_parameter(block, callee, name));
            }
        }
        slots
    }

    /// The literals that an argument may be: itself, or the values of its branches.
    pub(super) fn leaves(&mut self, value: &Expr, slot: Slot<'a>) {
        if let ExprKind::Paren(inner) = value.kind.as_ref() {
            self.leaves(inner, slot);
        } else if let ExprKind::If { then, otherwise, .. } = value.kind.as_ref() {
            self.leaves(&then.value, slot);
            self.leaves(&otherwise.value, slot);
        } else {
            self.literal(value, value.span, slot);
        }
    }

    /// Refuses a literal that its parameter never takes.
    fn literal(&mut self, expr: &Expr, span: Span, slot: Slot<'a>) {
        let Some(value) = constant(expr) else { return };
        let unknown = |_| None;
        let diag = match slot {
            Slot::Input(def) => match no_operand(&value) {
                Some(kind) => argument::not_an_operand(def, &kind, span),
                None => return,
            },
            Slot::Op(_, param) if op_takes(param.ty, &value) => return,
            Slot::Op(def, param) => argument::wrong_for_op(def, param, &value, span, unknown),
            Slot::Block(param) if type_takes(&param.ty.node, &value) => return,
            Slot::Block(param) => {
                argument::wrong_for_type(&param.name.node, &param.ty, &value, span, unknown)
            }
            Slot::Unknown | Slot::Any => return,
        };
        self.report(diag);
    }
}

/// Which argument is called `name`.
fn named(given: &[Given<'_>], name: &str) -> Option<usize> {
    given.iter().position(|arg| arg.name.is_some_and(|ident| ident.node == name))
}

/// The names that arguments are given.
fn names_given<'g>(given: &'g [Given<'_>]) -> impl Iterator<Item = &'g str> {
    given.iter().filter_map(|arg| arg.name.map(|name| name.node.as_str()))
}

/// The value of a literal; entries of a list that are none are poison.
fn constant(expr: &Expr) -> Option<Value> {
    match expr.kind.as_ref() {
        ExprKind::Int(value) => Some(Value::Int(*value)),
        ExprKind::Float(value) => Some(Value::Float(*value)),
        ExprKind::Bool(value) => Some(Value::Bool(*value)),
        ExprKind::Text(text) => Some(Value::Text(text.as_str().into())),
        ExprKind::Paren(inner) => constant(inner),
        ExprKind::Unary(UnaryOp::Negate, inner) => {
            let value = constant(inner)?;
            if let Value::Int(value) = value {
                Some(Value::Int(value.saturating_neg()))
            } else if let Value::Float(value) = value {
                Some(Value::Float(-value))
            } else {
                None
            }
        }
        ExprKind::List(items) => {
            let items = items.iter().map(|item| constant(item).unwrap_or(Value::Poison)).collect();
            Some(Value::List(std::rc::Rc::new(items)))
        }
        ExprKind::Unary(UnaryOp::Not, _)
        | ExprKind::Name(_)
        | ExprKind::Range(..)
        | ExprKind::Field(..)
        | ExprKind::Index(..)
        | ExprKind::Call(_)
        | ExprKind::Pipe(..)
        | ExprKind::Binary(..)
        | ExprKind::If { .. }
        | ExprKind::For { .. }
        | ExprKind::Fold { .. } => None,
    }
}

/// The kind of the first literal among a constant's entries: what flows is never a literal.
fn no_operand(value: &Value) -> Option<String> {
    if let Value::List(list) = value {
        return list.iter().find_map(no_operand);
    }
    (!value.is_poisoned()).then(|| value.kind(|_| None))
}

/// May a parameter of an op take a constant?
fn op_takes(ty: ParamType, value: &Value) -> bool {
    match ty {
        ParamType::Pair | ParamType::PairOr(_) | ParamType::Weights(_) if value.is_poisoned() => true,
        ParamType::Pair
        | ParamType::PairOr(_)
        | ParamType::Weights(_)
        | ParamType::Count
        | ParamType::Whole
        | ParamType::Float
        | ParamType::Bool
        | ParamType::Choice(_) => argument::convert(ty, value).is_some(),
    }
}

/// May a parameter of this type take a constant?
fn type_takes(ty: &Type, value: &Value) -> bool {
    match (ty, value) {
        (_, Value::Poison) => true,
        (Type::List(inner), Value::List(list)) => list.iter().all(|item| type_takes(&inner.node, item)),
        // A type that does not exist is reported as such.
        (Type::Name(name), _) if !super::TYPES.contains(&name.as_str()) => true,
        (Type::Name(_) | Type::List(_) | Type::Enum(_) | Type::Shaped { .. } | Type::Class { .. }, _) => {
            argument::conform(value, ty, &|_| Fact::Scalar).is_some()
        }
    }
}
