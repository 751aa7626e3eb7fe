//! Expressions.

use std::rc::Rc;

use super::Elaborator;
use super::value::{Flow, Value};
use crate::ast::{self, Body, Expr, ExprKind, UnaryOp};
use crate::diag::{Diag, codes, did_you_mean};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::ir::graph::Phase;
use crate::ops::{Args, Const, Op};
use crate::plan::InputKind;
use crate::source::Span;

impl Elaborator<'_> {
    /// Evaluates an expression where a bare word of `words` may stand. With the value comes its place.
    pub(super) fn eval_word(&mut self, expr: &Expr, words: &[String]) -> (Value, Span) {
        if let ExprKind::Name(name) = expr.kind.as_ref()
            && !words.is_empty()
            && self.scope.get(name).is_none()
        {
            let word = Rc::from(name.as_str());
            let known = words.contains(name);
            return (if known { Value::Word(word) } else { Value::Unbound(word) }, expr.span);
        }
        match self.eval_open(expr) {
            (Value::Unbound(word), span) if words.iter().any(|known| **known == *word) => {
                (Value::Word(word), span)
            }
            other => other,
        }
    }

    /// Evaluates an expression where a bare word may stand, alone or as the value of a branch: who takes it
    /// decides what it means. With the value comes its place.
    pub(super) fn eval_open(&mut self, expr: &Expr) -> (Value, Span) {
        if let ExprKind::Name(name) = expr.kind.as_ref()
            && self.scope.get(name).is_none()
            && !crate::ops::def(name).is_some_and(|def| def.inputs.is_empty())
        {
            return (Value::Unbound(Rc::from(name.as_str())), expr.span);
        }
        if let ExprKind::Paren(inner) = expr.kind.as_ref() {
            return self.eval_open(inner);
        }
        if let ExprKind::If { condition, then, otherwise } = expr.kind.as_ref() {
            let Some(holds) = self.condition(condition) else { return (Value::Poison, expr.span) };
            let body = if holds { then } else { otherwise };
            self.scope.push();
            for statement in &body.statements {
                self.statement(statement);
            }
            let result = self.eval_open(&body.value);
            self.scope.pop();
            return result;
        }
        (self.eval(expr), expr.span)
    }

    pub(super) fn eval(&mut self, expr: &Expr) -> Value {
        if !self.tick(expr.span) {
            return Value::Poison;
        }
        match expr.kind.as_ref() {
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Text(text) => Value::Text(Rc::from(text.as_str())),
            ExprKind::Name(name) => self.name(name, expr.span),
            ExprKind::Paren(inner) => self.eval(inner),
            ExprKind::List(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.eval(item)).collect();
                self.list(items, expr.span)
            }
            ExprKind::Range(from, to) => self.range(from, to),
            ExprKind::Field(base, field) => self.field(base, field, expr.span),
            ExprKind::Index(base, index) => self.index(base, index, expr.span),
            ExprKind::Call(call) => self.call(call, None, expr.span),
            ExprKind::Pipe(left, right) => self.pipe(left, right),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, expr.span),
            ExprKind::Unary(op, inner) => self.unary(*op, inner, expr.span),
            ExprKind::If { condition, then, otherwise } => match self.condition(condition) {
                Some(true) => self.body(then),
                Some(false) => self.body(otherwise),
                None => Value::Poison,
            },
            ExprKind::For { pattern, over, body } => {
                let Some(entries) = self.entries(over) else { return Value::Poison };
                let mut results = Vec::new();
                for (at, entry) in entries.iter().enumerate() {
                    if self.stopped {
                        return Value::Poison;
                    }
                    let value = self.within(&at.to_string(), |run| {
                        run.scope.push();
                        run.bind_pattern(pattern, entry, over.span);
                        let value = run.body(body);
                        run.scope.pop();
                        value
                    });
                    results.push(value);
                }
                self.list(results, expr.span)
            }
            ExprKind::Fold { carried, initial, pattern, over, body } => {
                let mut value = self.eval(initial);
                let Some(entries) = self.entries(over) else { return Value::Poison };
                for (at, entry) in entries.iter().enumerate() {
                    if self.stopped {
                        return Value::Poison;
                    }
                    let before = value;
                    value = self.within(&at.to_string(), |run| {
                        run.scope.push();
                        run.bind_pattern(carried, &before, initial.span);
                        run.bind_pattern(pattern, entry, over.span);
                        let value = run.body(body);
                        run.scope.pop();
                        value
                    });
                }
                value
            }
        }
    }

    /// A list of entries that were evaluated one by one, each with a step of its own.
    fn list(&mut self, entries: Vec<Value>, span: Span) -> Value {
        if self.hold(&entries, span) { Value::List(Rc::new(entries)) } else { Value::Poison }
    }

    /// Whether the condition of an `if` holds; `None` when that cannot be said.
    fn condition(&mut self, condition: &Expr) -> Option<bool> {
        match self.eval(condition) {
            Value::Bool(holds) => Some(holds),
            Value::Poison => None,
            other => {
                let help = "compare it: `if K > 1 { ... } else { ... }`";
                self.mistyped("`if` wants true or false", &other, condition.span, "not a condition", help);
                None
            }
        }
    }

    /// Reports a value that is not what an expression of this place is for.
    fn mistyped(&mut self, wanted: &str, found: &Value, span: Span, label: &str, help: &str) {
        let message = format!("{wanted}, not {}", self.kind(found));
        self.report(Diag::new(&codes::TYPE_VALUE, message, span, label).help(help));
    }

    pub(super) fn body(&mut self, body: &Body) -> Value {
        self.scope.push();
        for statement in &body.statements {
            self.statement(statement);
        }
        let value = self.eval(&body.value);
        self.scope.pop();
        value
    }

    fn entries(&mut self, over: &Expr) -> Option<Rc<Vec<Value>>> {
        match self.eval(over) {
            Value::List(list) => Some(list),
            Value::Poison => None,
            other => {
                let help = "write a range: `for i in 0..n { ... }`";
                self.mistyped("a loop goes over a list or a range", &other, over.span, "not a list", help);
                None
            }
        }
    }

    fn range(&mut self, from: &Expr, to: &Expr) -> Value {
        match (self.eval(from), self.eval(to)) {
            (Value::Int(a), Value::Int(b)) => {
                let count = u64::try_from(b.saturating_sub(a)).unwrap_or(0);
                if self.steps.saturating_add(count) > self.limits.steps {
                    let limit = self.limits.steps;
                    let span = from.span.to(to.span);
                    self.stop(
                        &codes::LIMIT_STEPS,
                        format!("a range of {count} entries is over the limit of {limit} steps"),
                        span,
                    );
                    return Value::Poison;
                }
                self.steps += count;
                Value::List(Rc::new((a..b).map(Value::Int).collect()))
            }
            (Value::Poison, _) | (_, Value::Poison) => Value::Poison,
            (a, b) => {
                let wrong = if matches!(a, Value::Int(_)) { (b, to.span) } else { (a, from.span) };
                let kind = self.kind(&wrong.0);
                self.report(Diag::new(
                    &codes::TYPE_VALUE,
                    format!("the ends of a range are whole numbers, not {kind}"),
                    wrong.1,
                    "not a whole number",
                ));
                Value::Poison
            }
        }
    }

    fn name(&mut self, name: &str, span: Span) -> Value {
        if let Some(binding) = self.scope.get(name) {
            let (value, bound) = (binding.value.clone(), binding.span);
            return self.visible(name, value, bound, span);
        }
        // `standard_normal` and other ops without operands read best without brackets.
        if let Some(def) = crate::ops::def(name)
            && def.inputs.is_empty()
        {
            let call =
                ast::Call { callee: ast::Ident::new(name.to_owned(), span), args: Vec::new(), label: None };
            return self.call(&call, None, span);
        }
        self.unknown_name(name, span);
        Value::Poison
    }

    pub(super) fn unknown_name(&mut self, name: &str, span: Span) {
        if self.diags.unknown_at(span) {
            return;
        }
        let names = self.scope.names();
        let module = self.program.modules.get(self.module);
        let blocks =
            module.map(|m| m.blocks.keys().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        let known =
            names.iter().map(String::as_str).chain(blocks).chain(super::builtins::NAMES.iter().copied());
        let known = known.chain(crate::ops::REGISTRY.iter().filter(|def| def.callable).map(|def| def.name));
        let help = did_you_mean(name, known);
        self.report(
            Diag::new(&codes::NAME_UNKNOWN, format!("there is no `{name}` here"), span, "not bound")
                .maybe_help(help),
        );
    }

    /// A name's value, if it exists here: guards hold, labels and `postnet` stay in their phase.
    fn visible(&mut self, name: &str, value: Value, bound: Option<Span>, span: Span) -> Value {
        match &value {
            Value::Absent(absent) => {
                let guard = absent.guard;
                let mut diag = Diag::new(
                    &codes::NAME_GUARDED,
                    format!("`{name}` does not exist: its guard does not hold"),
                    span,
                    "used here without the guard",
                )
                .because(guard, "is false");
                if let Some(bound) = bound {
                    diag = diag.because(bound, "bound here");
                }
                self.report(
                    diag.help("use it under the same guard: `when ...`, or `if ... { ... } else { ... }`"),
                );
                Value::Poison
            }
            Value::Wire(flow) if self.at.phase == Phase::Always && self.is_labels(flow) => {
                self.report(
                    Diag::new(
                        &codes::NAME_PHASE,
                        format!("`{name}` is not there when predicting"),
                        span,
                        "labels are bound while training and evaluating only",
                    )
                    .because(flow.made, "declared here")
                    .help("only `postnet` and `loss` may read labels"),
                );
                Value::Poison
            }
            Value::Section(section) if section.training && !self.in_loss => {
                let name = section.name.clone();
                self.report(
                    Diag::new(
                        &codes::NAME_PHASE,
                        format!("`{name}` exists while training only"),
                        span,
                        "read outside `loss`",
                    )
                    .help(format!("only `loss` may read what `{name}` makes")),
                );
                Value::Poison
            }
            _ => value,
        }
    }

    fn is_labels(&self, flow: &Flow) -> bool {
        self.graph
            .inputs
            .iter()
            .any(|input| input.node == flow.wire.node && matches!(input.kind, InputKind::Labels { .. }))
    }

    fn field(&mut self, base: &Expr, field: &ast::Ident, span: Span) -> Value {
        match self.eval(base) {
            Value::Poison => Value::Poison,
            Value::Section(section) => match section.names.get(&field.node) {
                Some((value, bound)) => self.visible(&field.node, value.clone(), Some(*bound), span),
                None => {
                    let names: Vec<&str> = section.names.keys().map(String::as_str).take(12).collect();
                    let help = did_you_mean(&field.node, section.names.keys().map(String::as_str))
                        .or_else(|| (!names.is_empty()).then(|| format!("it binds {}", names.join(", "))));
                    let message = format!("`{}` has no `{}`", section.name, field.node);
                    self.report(
                        Diag::new(&codes::NAME_FIELD, message, field.span, "not bound there")
                            .maybe_help(help),
                    );
                    Value::Poison
                }
            },
            Value::Tuple(parts) => match parts.iter().find(|(name, _)| *name == field.node) {
                Some((_, value)) => value.clone(),
                None => {
                    let help = did_you_mean(&field.node, parts.iter().map(|(name, _)| name.as_str()));
                    let message = format!("there is no result `{}`", field.node);
                    self.report(
                        Diag::new(&codes::NAME_FIELD, message, field.span, "no such result").maybe_help(help),
                    );
                    Value::Poison
                }
            },
            Value::Wire(flow) => self.distribution_field(flow, field, span),
            other => {
                let kind = self.kind(&other);
                let message = format!("{kind} has no field `{}`", field.node);
                self.report(Diag::new(&codes::NAME_FIELD, message, field.span, "no such field"));
                Value::Poison
            }
        }
    }

    fn distribution_field(&mut self, flow: Flow, field: &ast::Ident, span: Span) -> Value {
        const FIELDS: [&str; 4] = ["mean", "variance", "log_variance", "weight"];
        let known = FIELDS.iter().copied().find(|name| *name == field.node);
        match (self.fact(&flow), known) {
            (Fact::Gaussian { .. }, Some(known)) if known != "weight" => {
                self.component(flow, known, None, span)
            }
            (Fact::Mixture { .. }, Some(known)) => Value::Field(flow, known),
            (fact, _) => {
                let fields: &[&str] = match fact {
                    Fact::Gaussian { .. } => &FIELDS[..3],
                    Fact::Mixture { .. } => &FIELDS,
                    _ => &[],
                };
                let function = super::builtins::NAMES.contains(&field.node.as_str());
                let help = if function && fields.is_empty() {
                    Some(format!("write `{}(...)`", field.node))
                } else {
                    did_you_mean(&field.node, fields.iter().copied()).or_else(|| {
                        (!fields.is_empty()).then(|| format!("its fields are {}", fields.join(", ")))
                    })
                };
                let message = format!("{fact} has no field `{}`", field.node);
                let mut diag = Diag::new(&codes::NAME_FIELD, message, field.span, "no such field");
                diag = diag.because(flow.made, format!("this is {fact}"));
                self.report(diag.maybe_help(help));
                Value::Poison
            }
        }
    }

    pub(super) fn component(
        &mut self,
        flow: Flow,
        field: &'static str,
        index: Option<usize>,
        span: Span,
    ) -> Value {
        let mut values = vec![("field", Const::Word(field), span)];
        if let Some(index) = index {
            values.push(("index", Const::Pair([index, 0]), span));
        }
        let args = Args::new(span, values);
        let Some(Ok(op)) = Op::build("component", &args) else { return Value::Poison };
        self.single(op, field, &[flow], span)
    }

    /// Adds an op with one result.
    pub(super) fn single(&mut self, op: Op, name: &str, operands: &[Flow], span: Span) -> Value {
        self.add(op, name, operands, span, None)
            .and_then(|flows| flows.first().copied())
            .map_or(Value::Poison, Value::Wire)
    }

    fn index(&mut self, base: &Expr, index: &Expr, span: Span) -> Value {
        let value = self.eval(base);
        if matches!(value, Value::Poison) {
            return Value::Poison;
        }
        if let (Value::List(list), ExprKind::Range(from, to)) = (&value, index.kind.as_ref()) {
            let bounds = (self.eval(from), self.eval(to));
            let (Value::Int(from), Value::Int(to)) = bounds else { return Value::Poison };
            let slice =
                usize::try_from(from).ok().zip(usize::try_from(to).ok()).and_then(|(a, b)| list.get(a..b));
            return match slice {
                Some(part) if self.hold(part, span) => Value::List(Rc::new(part.to_vec())),
                Some(_) => Value::Poison,
                None => {
                    self.no_entry(&format!("are no entries {from}..{to}"), list.len(), index.span, base.span)
                }
            };
        }
        let at = match self.eval(index) {
            Value::Int(at) => at,
            Value::Poison => return Value::Poison,
            other => {
                let kind = self.kind(&other);
                self.report(Diag::new(
                    &codes::TYPE_VALUE,
                    format!("an index is a whole number, not {kind}"),
                    index.span,
                    "not a whole number",
                ));
                return Value::Poison;
            }
        };
        let place = |len: usize| {
            let from_end = i64::try_from(len).ok().map(|len| if at < 0 { len + at } else { at });
            from_end.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < len)
        };
        match &value {
            Value::List(list) => match place(list.len()).and_then(|at| list.get(at)) {
                Some(found) => found.clone(),
                None => self.no_entry(&format!("is no entry {at}"), list.len(), index.span, base.span),
            },
            Value::Field(flow, field) => {
                let Fact::Mixture { components, .. } = self.fact(flow) else { return Value::Poison };
                match place(components) {
                    Some(at) => self.component(*flow, field, Some(at), span),
                    None => self.no_entry(&format!("is no entry {at}"), components, index.span, base.span),
                }
            }
            other => {
                let kind = self.kind(other);
                self.report(Diag::new(
                    &codes::TYPE_VALUE,
                    format!("{kind} cannot be indexed"),
                    base.span,
                    "not a list",
                ));
                Value::Poison
            }
        }
    }

    fn no_entry(&mut self, at: &str, len: usize, span: Span, list: Span) -> Value {
        let last = len.saturating_sub(1);
        self.report(
            Diag::new(&codes::VALUE_INDEX, format!("there {at} among {len}"), span, "out of range")
                .because(list, format!("{len} entries"))
                .help(format!("entries are numbered 0 to {last}; `[-1]` is the last")),
        );
        Value::Poison
    }

    fn pipe(&mut self, left: &Expr, right: &Expr) -> Value {
        let value = self.eval(left);
        match right.kind.as_ref() {
            ExprKind::Call(call) => self.call(call, Some((value, left.span)), right.span),
            ExprKind::Name(callee) => {
                let call = ast::Call {
                    callee: ast::Ident::new(callee.clone(), right.span),
                    args: Vec::new(),
                    label: None,
                };
                self.call(&call, Some((value, left.span)), right.span)
            }
            _ => {
                self.report(
                    Diag::new(&codes::NAME_CALL, "a value is piped into a call", right.span, "not a call")
                        .help("write `x |> conv(64)` or `x |> relu`"),
                );
                Value::Poison
            }
        }
    }

    fn unary(&mut self, op: UnaryOp, inner: &Expr, span: Span) -> Value {
        match (op, self.eval(inner)) {
            (_, Value::Poison) => Value::Poison,
            (UnaryOp::Negate, Value::Int(value)) => Value::Int(value.saturating_neg()),
            (UnaryOp::Negate, Value::Float(value)) => Value::Float(-value),
            (UnaryOp::Negate, Value::Size(dim)) => Value::Size(dim.scale(-1)),
            (UnaryOp::Negate, Value::Wire(flow)) => self.scale(flow, -1.0, span),
            (UnaryOp::Not, Value::Bool(value)) => Value::Bool(!value),
            (op, other) => {
                let kind = self.kind(&other);
                let sign = if op == UnaryOp::Not { "not" } else { "-" };
                self.report(Diag::new(
                    &codes::TYPE_VALUE,
                    format!("`{sign}` does not apply to {kind}"),
                    inner.span,
                    format!("this is {kind}"),
                ));
                Value::Poison
            }
        }
    }
}

/// A value as a size.
pub(super) fn as_dim(value: &Value) -> Option<Dim> {
    match value {
        Value::Int(value) => Some(Dim::constant(*value)),
        Value::Size(dim) => Some(dim.clone()),
        _ => None,
    }
}
