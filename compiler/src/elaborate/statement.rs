//! Statements: names are bound, layers declared, shapes and conditions asserted.

use std::rc::Rc;

use super::Elaborator;
use super::expr::as_dim;
use super::value::{Absent, Layer, Value};
use crate::ast::{self, Expr, ExprKind, Pattern, StatementKind};
use crate::diag::{Diag, codes};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::Dim;
use crate::source::{Span, Spanned};

impl Elaborator<'_> {
    pub(super) fn statement(&mut self, statement: &ast::Statement) {
        if !self.tick(statement.span) {
            return;
        }
        match &statement.kind {
            StatementKind::Let { pattern, ty, value, guard } => {
                if let Some(guard) = guard
                    && !self.guard_holds(guard)
                {
                    return self.bind_pattern(
                        pattern,
                        &Value::Absent(Absent { guard: guard.span }),
                        value.span,
                    );
                }
                let result = match &pattern.node {
                    // A block's only result lends no name to the path: `unit.conv`, not `unit.out.conv`.
                    Pattern::Name(name) if !self.is_only_result(name) => {
                        self.within(name, |run| run.eval(value))
                    }
                    Pattern::Name(_) | Pattern::List(_) | Pattern::Tuple(_) => self.eval(value),
                };
                if let Some(ty) = ty {
                    self.assert_shape(&result, ty, value.span, None);
                }
                self.bind_pattern(pattern, &result, value.span);
            }
            StatementKind::Layer { name, value, guard } => {
                let made = match guard {
                    Some(guard) if !self.guard_holds(guard) => Value::Absent(Absent { guard: guard.span }),
                    Some(_) | None => self.layer(name, value),
                };
                self.bind(name, made);
            }
            StatementKind::Assert { value, ty, message } => match ty {
                Some(ty) => {
                    let result = self.eval(value);
                    self.assert_shape(&result, ty, value.span, message.as_ref());
                }
                None => self.assert_condition(value, message.as_ref()),
            },
        }
    }

    fn layer(&mut self, name: &ast::Ident, value: &Expr) -> Value {
        let call = match value.kind.as_ref() {
            ExprKind::Call(call) => call.clone(),
            ExprKind::Name(callee) => ast::Call {
                callee: ast::Ident::new(callee.clone(), value.span),
                args: Vec::new(),
                label: None,
            },
            _ => {
                self.report(
                    Diag::new(
                        &codes::NAME_CALL,
                        "a layer is a call without its inputs",
                        value.span,
                        "not a call",
                    )
                    .help(format!("write `layer {} = conv(64, kernel: 3)`", name.node)),
                );
                return Value::Poison;
            }
        };
        let args = self.eval_args(&call.args);
        let params = self.unique(&name.node);
        // Declared inside another layer, its parameters belong to that one.
        let params = match &self.at.layer {
            Some((node, outer)) => Rc::from(format!("{outer}{}", params.get(node.len()..).unwrap_or(""))),
            None => params,
        };
        Value::Layer(Rc::new(Layer {
            callee: call.callee,
            args,
            module: self.module,
            name: name.node.clone(),
            params,
        }))
    }

    fn assert_condition(&mut self, value: &Expr, message: Option<&Spanned<String>>) {
        // A condition on sizes that the algebra cannot decide becomes a constraint.
        if let ExprKind::Binary(op, left, right) = value.kind.as_ref()
            && self.assert_sizes(
                *op,
                left,
                right,
                value.span,
                message.map_or("asserted", |m| m.node.as_str()),
            )
        {
            return;
        }
        match self.eval(value) {
            Value::Bool(true) | Value::Poison => {}
            Value::Bool(false) => {
                let text =
                    message.map_or_else(|| "this condition does not hold".to_owned(), |m| m.node.clone());
                self.report(Diag::new(&codes::VALUE_ASSERTION, text, value.span, "is false here"));
            }
            other => {
                let kind = self.kind(&other);
                self.report(Diag::new(
                    &codes::TYPE_VALUE,
                    format!("a condition is true or false, not {kind}"),
                    value.span,
                    "not a condition",
                ));
            }
        }
    }

    /// `H == W`, `H % 32 == 0`, `H >= 64`: true when it was one of these, of sizes that are not known yet.
    fn assert_sizes(
        &mut self,
        op: ast::BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
        because: &str,
    ) -> bool {
        use ast::BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual};
        if !matches!(op, Equal | Greater | GreaterEqual | Less | LessEqual) {
            return false;
        }
        let (a, b) = (self.eval(left), self.eval(right));
        let (Some(a), Some(b)) = (as_dim(&a), as_dim(&b)) else { return false };
        if a.as_constant().is_some() && b.as_constant().is_some() {
            return false;
        }
        if op == Equal {
            // A remainder of 0 reads best as what it is.
            if let (ExprKind::Binary(ast::BinaryOp::Remainder, of, by), Some(0)) =
                (left.kind.as_ref(), b.as_constant())
            {
                let (of, by) = (self.eval(of), self.eval(by));
                if let (Some(of), Value::Int(by @ 1..)) = (as_dim(&of), by) {
                    let kind = ConstraintKind::Multiple(of, by);
                    self.constrain(Constraint { kind, span, because: because.to_owned(), stated: true });
                    return true;
                }
            }
            self.require_equal(&a, &b, span, because);
            return true;
        }
        let (larger, smaller) = if matches!(op, Greater | GreaterEqual) { (&a, &b) } else { (&b, &a) };
        let strict = i64::from(matches!(op, Greater | Less));
        // The constant goes to the right: `H >= 64`.
        let difference = larger.minus(smaller);
        let constant = difference.constant_term();
        let least = strict.saturating_sub(constant);
        let kind = ConstraintKind::AtLeast(difference.offset(constant.saturating_neg()), least);
        self.constrain(Constraint { kind, span, because: because.to_owned(), stated: true });
        true
    }

    fn require_equal(&mut self, a: &Dim, b: &Dim, span: Span, because: &str) {
        if a == b {
            return;
        }
        if a.minus(b).as_constant().is_some() {
            self.report(Diag::new(
                &codes::SHAPE_ASSERTION,
                format!("`{a}` and `{b}` are never equal"),
                span,
                "does not hold for any input",
            ));
            return;
        }
        let kind = ConstraintKind::Equal(a.clone(), b.clone());
        self.constrain(Constraint { kind, span, because: because.to_owned(), stated: true });
    }

    /// Checks `x: map[N, 64, H/4, W/4]`.
    pub(super) fn assert_shape(
        &mut self,
        value: &Value,
        ty: &Spanned<ast::Type>,
        span: Span,
        message: Option<&Spanned<String>>,
    ) {
        let (name, wanted) = match &ty.node {
            ast::Type::Shaped { name, dims } => (name.as_str(), dims),
            ast::Type::Name(_) => {
                self.check_type(value, ty, span, "this value");
                return;
            }
            ast::Type::Class { dims, .. } => ("labels", dims),
            ast::Type::List(_) | ast::Type::Enum(_) => return,
        };
        let Some(wanted) = self.dims(wanted) else { return };
        let Value::Wire(flow) = value else {
            if !matches!(value, Value::Poison | Value::Absent(_)) {
                let kind = self.kind(value);
                self.report(Diag::new(
                    &codes::SHAPE_ASSERTION,
                    format!("{kind} has no shape"),
                    span,
                    "not a value of the network",
                ));
            }
            return;
        };
        let fact = self.fact(flow);
        let Some(actual) = fact.tensors().into_iter().next() else { return };
        let right_kind = name == fact.kind() || name == "float" || (name == "tensor");
        if !right_kind || actual.len() != wanted.len() {
            let text = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.report(
                Diag::new(
                    &codes::SHAPE_ASSERTION,
                    format!("this is {fact}, not {name}[{text}]"),
                    ty.span,
                    format!("says {name}[{text}]"),
                )
                .because(flow.made, format!("this is {fact}")),
            );
            return;
        }
        for (axis, (have, want)) in actual.iter().zip(&wanted).enumerate() {
            if have == want {
                continue;
            }
            if have.minus(want).as_constant().is_some() {
                let names = ["batch", "channels", "height", "width"];
                let axis =
                    if actual.len() == 4 { names.get(axis).copied().unwrap_or("size") } else { "size" };
                let said = message.map_or_else(String::new, |m| format!(": {}", m.node));
                self.report(
                    Diag::new(
                        &codes::SHAPE_ASSERTION,
                        format!("the value has {axis} {have}, not {want}{said}"),
                        ty.span,
                        format!("says {axis} {want}"),
                    )
                    .because(flow.made, format!("this is {fact}")),
                );
                return;
            }
            let because = message.map_or("a shape is asserted", |m| m.node.as_str());
            self.require_equal(have, want, ty.span, because);
        }
    }

    /// Sizes in brackets; `H/4` means an exact division and leaves a constraint.
    pub(super) fn dims(&mut self, dims: &[Expr]) -> Option<Vec<Dim>> {
        let mut list = Vec::with_capacity(dims.len());
        let mut complete = true;
        for expr in dims {
            let value = self.eval(expr);
            match as_dim(&value) {
                Some(dim) => list.push(dim),
                None => {
                    complete = false;
                    if !matches!(value, Value::Poison) {
                        let kind = self.kind(&value);
                        self.report(Diag::new(
                            &codes::TYPE_VALUE,
                            format!("a size is a whole number or a formula in N, H and W, not {kind}"),
                            expr.span,
                            "not a size",
                        ));
                    }
                }
            }
        }
        complete.then_some(list)
    }

    pub(super) fn bind_pattern(&mut self, pattern: &Spanned<Pattern>, value: &Value, span: Span) {
        match &pattern.node {
            Pattern::Name(name) => self.bind_at(name, pattern.span, value.clone()),
            Pattern::List(names) => {
                if !self.hold([value], span) {
                    return;
                }
                let parts = match value {
                    Value::List(list) => Some(list.as_ref().clone()),
                    _ => None,
                };
                self.bind_parts(names, parts, value, pattern.span, span, "a list");
            }
            Pattern::Tuple(names) => {
                let parts = match value {
                    Value::Tuple(parts) => Some(parts.iter().map(|(_, part)| part.clone()).collect()),
                    _ => None,
                };
                self.bind_parts(names, parts, value, pattern.span, span, "several results");
            }
        }
    }

    fn bind_parts(
        &mut self,
        names: &[ast::Ident],
        parts: Option<Vec<Value>>,
        value: &Value,
        pattern: Span,
        span: Span,
        wanted: &str,
    ) {
        let spread = match (&parts, value) {
            (_, Value::Poison | Value::Absent(_)) => {
                names.iter().for_each(|name| self.bind(name, value.clone()));
                return;
            }
            (Some(parts), _) if parts.len() == names.len() => parts.clone(),
            (Some(parts), _) => {
                self.report(
                    Diag::new(
                        &codes::VALUE_PATTERN,
                        format!("the pattern has {} names, the value {} entries", names.len(), parts.len()),
                        pattern,
                        format!("{} names", names.len()),
                    )
                    .because(span, format!("{} entries", parts.len())),
                );
                vec![Value::Poison; names.len()]
            }
            (None, other) => {
                let kind = self.kind(other);
                self.report(
                    Diag::new(
                        &codes::VALUE_PATTERN,
                        format!("the pattern wants {wanted}, not {kind}"),
                        pattern,
                        "cannot be taken apart",
                    )
                    .because(span, format!("this is {kind}")),
                );
                vec![Value::Poison; names.len()]
            }
        };
        for (name, part) in names.iter().zip(spread) {
            self.bind(name, part);
        }
    }
}
