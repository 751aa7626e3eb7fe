//! Guards as formulas: does what holds at one place imply what another asks for?
//!
//! Comes in: conditions of `when` and `if`. Goes out: formulas over atoms; an atom is a condition that is not
//! made of others, known by its text with each name tied to its binding. Guaranteed: [`holds`] is true only
//! where the implication is plain to a reader (a conjunct, or one side of an `or`); values play no part.

use std::fmt::Write as _;

use crate::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

/// A condition, with `not` pushed down to its atoms.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    /// A condition that is not made of others, and whether it holds.
    Atom(String, bool),
    /// All of them hold.
    All(Vec<Formula>),
    /// One of them holds.
    Any(Vec<Formula>),
}

impl Formula {
    /// The formula of a condition, or of its opposite; `tie` says which binding a name means.
    pub(super) fn of(expr: &Expr, positive: bool, tie: &dyn Fn(&str) -> String) -> Self {
        if let ExprKind::Paren(inner) = expr.kind.as_ref() {
            return Self::of(inner, positive, tie);
        }
        if let ExprKind::Unary(UnaryOp::Not, inner) = expr.kind.as_ref() {
            return Self::of(inner, !positive, tie);
        }
        if let ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) = expr.kind.as_ref() {
            let parts = vec![Self::of(left, positive, tie), Self::of(right, positive, tie)];
            return if (*op == BinaryOp::And) == positive { Self::All(parts) } else { Self::Any(parts) };
        }
        let mut text = String::new();
        let turned = write(expr, tie, &mut text);
        Self::Atom(text, positive != turned)
    }
}

/// Does `wanted` follow from what is known to hold?
pub(super) fn holds(wanted: &Formula, known: &[Formula]) -> bool {
    let stated = known.iter().any(|formula| match formula {
        Formula::All(parts) => holds(wanted, parts),
        other @ (Formula::Atom(..) | Formula::Any(_)) => other == wanted,
    });
    stated
        || match wanted {
            Formula::Atom(..) => false,
            Formula::All(parts) => parts.iter().all(|part| holds(part, known)),
            Formula::Any(parts) => parts.iter().any(|part| holds(part, known)),
        }
}

/// Writes an atom; true when it was turned into its opposite, so that `a != b` and `a == b` meet.
fn write(expr: &Expr, tie: &dyn Fn(&str) -> String, out: &mut String) -> bool {
    let nested = |inner: &Expr, out: &mut String| {
        out.push('(');
        if write(inner, tie, out) {
            out.push('!');
        }
        out.push(')');
    };
    match expr.kind.as_ref() {
        ExprKind::Int(value) => _ = write!(out, "{value}"),
        ExprKind::Float(value) => _ = write!(out, "{value:?}"),
        ExprKind::Bool(value) => _ = write!(out, "{value}"),
        ExprKind::Text(text) => _ = write!(out, "{text:?}"),
        ExprKind::Name(name) => out.push_str(&tie(name)),
        ExprKind::Paren(inner) => return write(inner, tie, out),
        ExprKind::Field(base, field) => {
            nested(base, out);
            _ = write!(out, ".{}", field.node);
        }
        ExprKind::Index(base, index) => {
            nested(base, out);
            nested(index, out);
        }
        ExprKind::List(items) => items.iter().for_each(|item| nested(item, out)),
        ExprKind::Unary(op, inner) => {
            _ = write!(out, "{op:?}");
            nested(inner, out);
        }
        ExprKind::Binary(op, left, right) => {
            let (op, turned) = match op {
                BinaryOp::NotEqual => (BinaryOp::Equal, true),
                BinaryOp::LessEqual => (BinaryOp::Greater, true),
                BinaryOp::GreaterEqual => (BinaryOp::Less, true),
                BinaryOp::Join
                | BinaryOp::Or
                | BinaryOp::And
                | BinaryOp::Equal
                | BinaryOp::Less
                | BinaryOp::Greater
                | BinaryOp::Add
                | BinaryOp::Subtract
                | BinaryOp::Multiply
                | BinaryOp::Divide
                | BinaryOp::FloorDivide
                | BinaryOp::Remainder => (*op, false),
            };
            nested(left, out);
            _ = write!(out, "{op:?}");
            nested(right, out);
            return turned;
        }
        ExprKind::Call(call) => {
            out.push_str(&call.callee.node);
            call.args.iter().for_each(|arg| nested(&arg.value, out));
        }
        // A condition like that equals nothing but itself.
        ExprKind::Range(..)
        | ExprKind::Pipe(..)
        | ExprKind::If { .. }
        | ExprKind::For { .. }
        | ExprKind::Fold { .. } => {
            _ = write!(out, "at {}", expr.span.start);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{ItemKind, StatementKind};
    use crate::diag::Diags;
    use crate::parse;
    use crate::source::FileId;

    fn formula(text: &str) -> Formula {
        let file = parse::parse(FileId(0), &format!("assert {text}"), &mut Diags::default());
        let ItemKind::Statement(statement) = &file.items[0].kind else { panic!("{:?}", file.items) };
        let StatementKind::Assert { value, .. } = &statement.kind else { panic!("{statement:?}") };
        Formula::of(value, true, &|name| name.to_owned())
    }

    fn implies(known: &str, wanted: &str) -> bool {
        holds(&formula(wanted), &[formula(known)])
    }

    #[test]
    fn conjuncts_and_sides_of_an_or_are_implied() {
        assert!(implies("a", "a"));
        assert!(implies("a and b", "b"));
        assert!(implies("(a) and (b and c)", "c and a"));
        assert!(implies("a", "a or b"));
        assert!(implies("a or b", "a or b"));
        assert!(implies("not (a or b)", "not b"));
        assert!(implies("not (K != 4)", "K == 4"));
        assert!(implies("K <= 4", "not (K > 4)"));
        assert!(implies("by == matched and a", "by == matched"));
    }

    #[test]
    fn nothing_else_is() {
        assert!(!implies("a", "b"));
        assert!(!implies("a or b", "a"));
        assert!(!implies("not a", "a"));
        assert!(!implies("not (a and b)", "not a"));
        assert!(!implies("K > 4", "K > 3"));
        assert!(!implies("K == 4", "K != 4"));
        assert!(!implies("xs[0]", "xs[1]"));
    }
}
