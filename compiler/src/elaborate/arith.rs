//! Operators: on numbers at compile time, on sizes symbolically, on values as operations of the graph.

use std::rc::Rc;

use super::Elaborator;
use super::expr::as_dim;
use super::value::{Flow, Value};
use crate::ast::{BinaryOp, Expr, ExprKind};
use crate::diag::{Diag, codes};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ops::{Arithmetic, Op};
use crate::plan::instr::Binary;
use crate::source::Span;

/// Terms and factors that a formula for a size may have: a product of two sums has that of both, multiplied.
const SIZE_FACTORS: u64 = 10_000;

impl Elaborator<'_> {
    pub(super) fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) -> Value {
        // `matched == by` is `by == matched`.
        if let (BinaryOp::Equal | BinaryOp::NotEqual, ExprKind::Name(word), ExprKind::Name(param)) =
            (op, left.kind.as_ref(), right.kind.as_ref())
            && self.scope.get(word).is_none()
            && self.scope.get(param).is_some_and(|binding| matches!(binding.value, Value::Word(_)))
        {
            return self.binary(op, right, left, span);
        }
        // `and` and `or` look at the right side only when it matters.
        let a = self.eval(left);
        match (op, &a) {
            (BinaryOp::And, Value::Bool(false)) => return Value::Bool(false),
            (BinaryOp::Or, Value::Bool(true)) => return Value::Bool(true),
            _ => {}
        }
        // `by == matched`: a variant stands for itself beside a parameter of its enumeration.
        let b = match (&a, right.kind.as_ref()) {
            (Value::Word(_), ExprKind::Name(name)) => self.eval_word(right, std::slice::from_ref(name)).0,
            (Value::Poison, ExprKind::Name(name)) if self.scope.get(name).is_none() => Value::Poison,
            _ => self.eval(right),
        };
        if matches!(a, Value::Poison) || matches!(b, Value::Poison) {
            return Value::Poison;
        }
        let result = match op {
            BinaryOp::Join => match (&a, &b) {
                (Value::List(x), Value::List(y)) => {
                    if !self.hold(x.iter().chain(y.iter()), span) {
                        return Value::Poison;
                    }
                    Some(Value::List(Rc::new(x.iter().chain(y.iter()).cloned().collect())))
                }
                _ => None,
            },
            BinaryOp::And | BinaryOp::Or => match (&a, &b) {
                (Value::Bool(_), Value::Bool(y)) => Some(Value::Bool(*y)),
                _ => None,
            },
            BinaryOp::Equal | BinaryOp::NotEqual => {
                if matches!(a, Value::List(_)) && !self.hold([&a, &b], span) {
                    return Value::Poison;
                }
                equal(&a, &b).map(|same| Value::Bool(same == (op == BinaryOp::Equal)))
            }
            BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => {
                numbers(&a, &b).map(|(x, y)| {
                    Value::Bool(match op {
                        BinaryOp::Less => x < y,
                        BinaryOp::LessEqual => x <= y,
                        BinaryOp::Greater => x > y,
                        _ => x >= y,
                    })
                })
            }
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::FloorDivide
            | BinaryOp::Remainder => return self.arithmetic(op, (a, left.span), (b, right.span), span),
        };
        result.unwrap_or_else(|| self.unlike(op, (&a, left.span), (&b, right.span), span))
    }

    fn arithmetic(
        &mut self,
        op: BinaryOp,
        (a, left): (Value, Span),
        (b, right): (Value, Span),
        span: Span,
    ) -> Value {
        match (&a, &b) {
            (Value::Int(x), Value::Int(y)) => self.integers(op, *x, *y, span),
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                let Some((x, y)) = numbers(&a, &b) else { return Value::Poison };
                match op {
                    BinaryOp::Add => Value::Float(x + y),
                    BinaryOp::Subtract => Value::Float(x - y),
                    BinaryOp::Multiply => Value::Float(x * y),
                    BinaryOp::Divide if y != 0.0 => Value::Float(x / y),
                    BinaryOp::Divide => self.by_zero(span),
                    _ => self.unlike(op, (&a, left), (&b, right), span),
                }
            }
            (Value::Size(_), Value::Size(_) | Value::Int(_)) | (Value::Int(_), Value::Size(_)) => {
                self.sizes(op, (&a, left), (&b, right), span)
            }
            (Value::Wire(x), Value::Wire(y)) => match graph_op(op) {
                Some(by) => self.apply(Arithmetic { by, left: None, right: None }, &[*x, *y], span),
                None => self.unlike(op, (&a, left), (&b, right), span),
            },
            (Value::Wire(x), Value::Int(_) | Value::Float(_)) => match (graph_op(op), number(&b)) {
                (Some(Binary::Divide), Some(0.0)) => self.by_zero(span),
                (Some(by), Some(y)) => {
                    self.apply(Arithmetic { by, left: None, right: Some(y as f32) }, &[*x], span)
                }
                _ => self.unlike(op, (&a, left), (&b, right), span),
            },
            (Value::Int(_) | Value::Float(_), Value::Wire(y)) => match (graph_op(op), number(&a)) {
                (Some(by), Some(x)) => {
                    self.apply(Arithmetic { by, left: Some(x as f32), right: None }, &[*y], span)
                }
                _ => self.unlike(op, (&a, left), (&b, right), span),
            },
            _ => self.unlike(op, (&a, left), (&b, right), span),
        }
    }

    fn apply(&mut self, op: Arithmetic, operands: &[Flow], span: Span) -> Value {
        let name = op.word();
        self.single(Op::Arithmetic(op), name, operands, span)
    }

    /// `factor * x`.
    pub(super) fn scale(&mut self, flow: Flow, factor: f32, span: Span) -> Value {
        self.apply(Arithmetic { by: Binary::Multiply, left: Some(factor), right: None }, &[flow], span)
    }

    /// `a + b` of two values of the graph.
    pub(super) fn sum(&mut self, a: Flow, b: Flow, span: Span) -> Value {
        self.apply(Arithmetic { by: Binary::Add, left: None, right: None }, &[a, b], span)
    }

    fn integers(&mut self, op: BinaryOp, x: i64, y: i64, span: Span) -> Value {
        let result = match op {
            BinaryOp::Add => x.checked_add(y),
            BinaryOp::Subtract => x.checked_sub(y),
            BinaryOp::Multiply => x.checked_mul(y),
            _ if y == 0 => return self.by_zero(span),
            BinaryOp::FloorDivide => x.checked_div_euclid(y),
            BinaryOp::Remainder => x.checked_rem_euclid(y),
            _ if x % y != 0 => {
                self.report(
                    Diag::new(
                        &codes::VALUE_DIVISION,
                        format!("{x} / {y} is not a whole number"),
                        span,
                        "leaves a remainder",
                    )
                    .help("`div` rounds down; write `/ 2.0` for a number that is not whole"),
                );
                return Value::Poison;
            }
            _ => x.checked_div(y),
        };
        match result {
            Some(value) => Value::Int(value),
            None => {
                self.report(Diag::new(
                    &codes::VALUE_OVERFLOW,
                    "this number is too large",
                    span,
                    "does not fit into 64 bits",
                ));
                Value::Poison
            }
        }
    }

    fn by_zero(&mut self, span: Span) -> Value {
        self.report(Diag::new(&codes::VALUE_DIVISION, "division by zero", span, "divides by zero"));
        Value::Poison
    }

    fn sizes(
        &mut self,
        op: BinaryOp,
        (a, left): (&Value, Span),
        (b, right): (&Value, Span),
        span: Span,
    ) -> Value {
        let (Some(x), Some(y)) = (as_dim(a), as_dim(b)) else { return Value::Poison };
        if x.factors().max(1).saturating_mul(y.factors().max(1)) > SIZE_FACTORS {
            let message =
                format!("a size of more than {SIZE_FACTORS} terms and factors is too large a formula");
            self.report(Diag::new(&codes::VALUE_OVERFLOW, message, span, "grows beyond that"));
            return Value::Poison;
        }
        match (op, y.as_constant()) {
            (BinaryOp::Add, _) => Value::Size(x.plus(&y)),
            (BinaryOp::Subtract, _) => Value::Size(x.minus(&y)),
            (BinaryOp::Multiply, _) => Value::Size(x.times(&y)),
            (BinaryOp::Divide | BinaryOp::FloorDivide, Some(0)) => self.by_zero(span),
            (BinaryOp::FloorDivide, Some(by)) if by > 0 => Value::Size(x.floor_div(by)),
            (BinaryOp::Remainder, Some(by)) if by > 0 => Value::Size(x.minus(&x.floor_div(by).scale(by))),
            (BinaryOp::Divide, Some(by)) if by > 0 => {
                let quotient = x.floor_div(by);
                if quotient.scale(by) != x {
                    self.constrain(Constraint {
                        kind: ConstraintKind::Multiple(x, by),
                        span,
                        because: "`/` divides a size exactly".to_owned(),
                        stated: true,
                    });
                }
                Value::Size(quotient)
            }
            _ => self.unlike(op, (a, left), (b, right), span),
        }
    }

    fn unlike(
        &mut self,
        op: BinaryOp,
        (a, left): (&Value, Span),
        (b, right): (&Value, Span),
        span: Span,
    ) -> Value {
        let (x, y) = (self.kind(a), self.kind(b));
        let help = match (a, b) {
            (Value::Word(_), Value::Text(text)) | (Value::Text(text), Value::Word(_)) => {
                Some(format!("write the word without quotes: `{text}`"))
            }
            (Value::List(_), Value::List(_)) if op == BinaryOp::Add => {
                Some("lists are joined by `++`".to_owned())
            }
            (Value::List(_), Value::Wire(_)) if matches!(op, BinaryOp::Add | BinaryOp::Join) => {
                Some("an entry is added to a list by `xs ++ [x]`".to_owned())
            }
            (Value::Size(_), _) | (_, Value::Size(_))
                if op != BinaryOp::Divide && op != BinaryOp::FloorDivide =>
            {
                Some(
                    "sizes are compared in an assertion only, `assert H >= 64`, and divided by numbers"
                        .to_owned(),
                )
            }
            _ => None,
        };
        self.report(
            Diag::new(
                &codes::TYPE_VALUE,
                format!("`{}` does not join {x} and {y}", sign(op)),
                span,
                "these do not go together",
            )
            .because(left, format!("this is {x}"))
            .because(right, format!("this is {y}"))
            .maybe_help(help),
        );
        Value::Poison
    }
}

fn graph_op(op: BinaryOp) -> Option<Binary> {
    match op {
        BinaryOp::Add => Some(Binary::Add),
        BinaryOp::Subtract => Some(Binary::Subtract),
        BinaryOp::Multiply => Some(Binary::Multiply),
        BinaryOp::Divide => Some(Binary::Divide),
        BinaryOp::Join
        | BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual
        | BinaryOp::FloorDivide
        | BinaryOp::Remainder => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn numbers(a: &Value, b: &Value) -> Option<(f64, f64)> {
    number(a).zip(number(b))
}

/// Equality of compile-time values; `None` where it has no meaning.
fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => Some(x == y),
        (Value::Text(x), Value::Text(y)) => Some(x == y),
        (Value::Word(x), Value::Word(y) | Value::Unbound(y)) | (Value::Unbound(x), Value::Word(y)) => {
            Some(x == y)
        }
        (Value::List(x), Value::List(y)) => {
            if x.len() != y.len() {
                return Some(false);
            }
            x.iter().zip(y.iter()).try_fold(true, |same, (a, b)| equal(a, b).map(|e| same && e))
        }
        (Value::Size(_), Value::Size(_) | Value::Int(_)) | (Value::Int(_), Value::Size(_)) => {
            Some(as_dim(a) == as_dim(b))
        }
        _ => numbers(a, b).map(|(x, y)| x == y),
    }
}

/// How an operator is written.
pub(super) fn sign(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Join => "++",
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::FloorDivide => "div",
        BinaryOp::Remainder => "%",
    }
}
