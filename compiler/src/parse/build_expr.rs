//! From pest's tree to ours: expressions. See [`super::build`].
#![allow(clippy::wildcard_enum_match_arm)] // `Rule` is pest's enum of every rule; few can stand at any one place.

use pest::iterators::Pair;

use super::Rule;
use super::build::{Builder, Children, DEPTH, PRECEDENCE};
use crate::ast::{Arg, BinaryOp, Body, Call, Expr, ExprKind, UnaryOp};
use crate::diag::{Diag, codes};
use crate::source::{Span, Spanned};

/// An expression and how deep its tree is, so that no tree grows deeper than [`DEPTH`].
pub(super) struct Built {
    /// The expression.
    pub(super) expr: Expr,
    /// 1 for a leaf.
    pub(super) depth: usize,
}

impl Builder<'_> {
    /// `expr`
    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Option<Built> {
        let mut children = Children::of(pair);
        let mut built = self.value(children.any()?)?;
        for (at, stage) in children.rest().enumerate() {
            if at == 0 {
                self.advise_brackets(&built.expr);
            }
            let stage = self.stage(stage)?;
            let span = built.expr.span.to(stage.expr.span);
            built = self.joined(built, stage, span, ExprKind::Pipe);
        }
        Some(built)
    }

    /// A node over two others; too deep a tree is reported, and stays as it was.
    fn joined(
        &mut self,
        left: Built,
        right: Built,
        span: Span,
        kind: impl FnOnce(Expr, Expr) -> ExprKind,
    ) -> Built {
        let depth = left.depth.max(right.depth) + 1;
        if depth > DEPTH {
            self.too_deep(right.expr.span);
            return left;
        }
        Built { expr: Expr { kind: Box::new(kind(left.expr, right.expr)), span }, depth }
    }

    /// A node over others, `depth` deep at most; too deep a tree is reported, and becomes `0`.
    fn node(&mut self, kind: ExprKind, span: Span, depth: usize) -> Built {
        if depth >= DEPTH {
            self.too_deep(span);
            return Built { expr: Expr { kind: Box::new(ExprKind::Int(0)), span }, depth: 1 };
        }
        Built { expr: Expr { kind: Box::new(kind), span }, depth: depth + 1 }
    }

    fn too_deep(&mut self, span: Span) {
        if std::mem::replace(&mut self.refused, true) {
            return;
        }
        self.report(
            Diag::new(
                &codes::PARSE_NESTING,
                format!("this expression is more than {DEPTH} operations deep"),
                span,
                "one too many here",
            )
            .help("give a part of it a name with `let`"),
        );
    }

    /// `a + b |> f` sends the sum; who wrote it may have meant `b` alone.
    fn advise_brackets(&mut self, sent: &Expr) {
        let loose = match sent.kind.as_ref() {
            ExprKind::Range(..) => true,
            ExprKind::Binary(op, ..) => match op {
                BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder => false,
                BinaryOp::Join
                | BinaryOp::Or
                | BinaryOp::And
                | BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::LessEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual
                | BinaryOp::Add
                | BinaryOp::Subtract => true,
            },
            ExprKind::Unary(op, _) => match op {
                UnaryOp::Not => true,
                UnaryOp::Negate => false,
            },
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Text(_)
            | ExprKind::Name(_)
            | ExprKind::List(_)
            | ExprKind::Field(..)
            | ExprKind::Index(..)
            | ExprKind::Call(_)
            | ExprKind::Pipe(..)
            | ExprKind::If { .. }
            | ExprKind::For { .. }
            | ExprKind::Fold { .. }
            | ExprKind::Paren(_) => false,
        };
        if loose {
            self.report(
                Diag::new(
                    &codes::PARSE_PIPE_OPERAND,
                    "all of this goes into the pipe, for `|>` binds loosest",
                    sent.span,
                    "sent as a whole",
                )
                .help("put it in brackets, or those of its parts that should go in alone"),
            );
        }
    }

    fn stage(&mut self, pair: Pair<'_, Rule>) -> Option<Built> {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let inner = children.any()?;
        if inner.as_rule() == Rule::call {
            return self.call(inner);
        }
        let callee = self.ident(&inner);
        let kind = match children.when(Rule::label) {
            None => ExprKind::Name(callee.node),
            Some(label) => {
                let label = self.ident(&Children::of(label).when(Rule::name)?);
                ExprKind::Call(Call { callee, args: Vec::new(), label: Some(label) })
            }
        };
        Some(self.node(kind, span, 0))
    }

    /// `value`: operands and operators in a row.
    fn value(&mut self, pair: Pair<'_, Rule>) -> Option<Built> {
        let mut row = Vec::new();
        for child in pair.into_inner() {
            if matches!(child.as_rule(), Rule::infix | Rule::prefix) {
                row.push(Children::of(child).any()?);
            } else {
                row.push(child);
            }
        }
        // Three closures want the builder, one at a time.
        let builder = std::cell::RefCell::new(self);
        PRECEDENCE
            .map_primary(|pair| builder.borrow_mut().postfix(pair))
            .map_prefix(|op, operand| builder.borrow_mut().prefix(&op, operand?))
            .map_infix(|left, op, right| builder.borrow_mut().infix(left?, &op, right?))
            .parse(row.into_iter())
    }

    fn prefix(&mut self, op: &Pair<'_, Rule>, operand: Built) -> Option<Built> {
        let kind = if op.as_rule() == Rule::not { UnaryOp::Not } else { UnaryOp::Negate };
        let start = self.span(op);
        let span = start.to(operand.expr.span);
        Some(self.node(ExprKind::Unary(kind, operand.expr), span, operand.depth))
    }

    fn infix(&mut self, left: Built, op: &Pair<'_, Rule>, right: Built) -> Option<Built> {
        let span = left.expr.span.to(right.expr.span);
        let kind = match op.as_rule() {
            Rule::join => BinaryOp::Join,
            Rule::or => BinaryOp::Or,
            Rule::and => BinaryOp::And,
            Rule::equal => BinaryOp::Equal,
            Rule::not_equal => BinaryOp::NotEqual,
            Rule::less => BinaryOp::Less,
            Rule::less_equal => BinaryOp::LessEqual,
            Rule::greater => BinaryOp::Greater,
            Rule::greater_equal => BinaryOp::GreaterEqual,
            Rule::add => BinaryOp::Add,
            Rule::subtract => BinaryOp::Subtract,
            Rule::multiply => BinaryOp::Multiply,
            Rule::divide => BinaryOp::Divide,
            Rule::floor_divide => BinaryOp::FloorDivide,
            Rule::remainder => BinaryOp::Remainder,
            Rule::range => {
                if matches!(left.expr.kind.as_ref(), ExprKind::Range(..)) {
                    self.chained(op, "a range has one beginning and one end", "write one `..`");
                }
                return Some(self.joined(left, right, span, ExprKind::Range));
            }
            _ => return None,
        };
        if compares(kind)
            && let ExprKind::Binary(other, ..) = left.expr.kind.as_ref()
            && compares(*other)
        {
            let help = "join two comparisons with `and`: `a < b and b < c`";
            self.chained(op, "comparisons do not chain", help);
        }
        Some(self.joined(left, right, span, |left, right| ExprKind::Binary(kind, left, right)))
    }

    fn chained(&mut self, op: &Pair<'_, Rule>, message: &str, help: &str) {
        let span = self.span(op);
        self.report(Diag::new(&codes::PARSE_CHAIN, message, span, "the second in a row").help(help));
    }

    fn postfix(&mut self, pair: Pair<'_, Rule>) -> Option<Built> {
        let mut children = Children::of(pair);
        let mut built = self.primary(children.any()?)?;
        for part in children.rest() {
            let span = built.expr.span.to(self.span(&part));
            let rule = part.as_rule();
            let inner = Children::of(part).any()?;
            if rule == Rule::field {
                let name = self.ident(&inner);
                built = self.node(ExprKind::Field(built.expr, name), span, built.depth);
            } else {
                let index = self.expr(inner)?;
                built = self.joined(built, index, span, ExprKind::Index);
            }
        }
        Some(built)
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Option<Built> {
        let span = self.span(&pair);
        let (kind, depth) = match pair.as_rule() {
            Rule::number => (self.number(pair.as_str(), span), 0),
            Rule::string => (ExprKind::Text(self.string(&pair)), 0),
            Rule::truth => (ExprKind::Bool(pair.as_str() == "true"), 0),
            Rule::name => (ExprKind::Name(pair.as_str().to_owned()), 0),
            Rule::list => {
                let (mut entries, mut deepest) = (Vec::new(), 0);
                for child in pair.into_inner() {
                    let Built { expr, depth } = self.expr(child)?;
                    deepest = deepest.max(depth);
                    entries.push(expr);
                }
                (ExprKind::List(entries), deepest)
            }
            Rule::paren => {
                let Built { expr, depth } = self.expr(Children::of(pair).any()?)?;
                (ExprKind::Paren(expr), depth)
            }
            Rule::call => return self.call(pair),
            Rule::if_expr => return self.if_expr(pair, span),
            Rule::for_expr => {
                let (pattern, over, body, depth) = self.each(Children::of(pair).when(Rule::each)?)?;
                (ExprKind::For { pattern, over, body }, depth)
            }
            Rule::fold_expr => {
                let mut children = Children::of(pair);
                let carried = self.pattern(children.when(Rule::pattern)?)?;
                let initial = self.expr(children.after_marks(Rule::expr)?)?;
                let (pattern, over, body, depth) = self.each(children.when(Rule::each)?)?;
                let depth = depth.max(initial.depth);
                (ExprKind::Fold { carried, initial: initial.expr, pattern, over, body }, depth)
            }
            _ => return None,
        };
        Some(self.node(kind, span, depth))
    }

    /// `number`
    fn number(&mut self, text: &str, span: Span) -> ExprKind {
        let float = text.contains(['.', 'e', 'E']);
        let help = if float {
            let value = text.parse().unwrap_or(f64::INFINITY);
            let tiny =
                value == 0.0 && text.split(['e', 'E']).next().is_some_and(|digits| digits.contains(nonzero));
            if value.is_finite() && !tiny {
                return ExprKind::Float(value);
            }
            "a float lies between 2e-308 and 1e308, or is 0"
        } else {
            if let Ok(value) = text.parse() {
                return ExprKind::Int(value);
            }
            "the largest int is 9223372036854775807; a float has a point or an exponent: `1e20`"
        };
        let message = format!("the number `{}` is out of range", shortened(text));
        self.report(Diag::new(&codes::PARSE_NUMBER, message, span, "out of range").help(help));
        if float { ExprKind::Float(0.0) } else { ExprKind::Int(0) }
    }

    /// `call`
    fn call(&mut self, pair: Pair<'_, Rule>) -> Option<Built> {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let callee = self.ident(&children.when(Rule::name)?);
        let (mut args, mut deepest, mut named) = (Vec::new(), 0, None);
        for arg in children.when(Rule::args)?.into_inner() {
            let mut parts = Children::of(arg);
            let name = parts.when(Rule::name).map(|name| self.ident(&name));
            let Built { expr, depth } = self.expr(parts.when(Rule::expr)?)?;
            deepest = deepest.max(depth);
            match (&name, named) {
                (Some(name), _) => named = Some(name.span),
                (None, None) => {}
                (None, Some(before)) => self.report(
                    Diag::new(
                        &codes::PARSE_ARGUMENT_ORDER,
                        "an argument without a name follows one with a name",
                        expr.span,
                        "no name here",
                    )
                    .because(before, "named here")
                    .help("move it before the named ones, or name it"),
                ),
            }
            args.push(Arg { name, value: expr });
        }
        let label = match children.when(Rule::label) {
            Some(label) => Some(self.ident(&Children::of(label).when(Rule::name)?)),
            None => None,
        };
        Some(self.node(ExprKind::Call(Call { callee, args, label }), span, deepest))
    }

    /// `if_expr`: conditions and bodies in turn, each after its `if`, then the last body.
    fn if_expr(&mut self, pair: Pair<'_, Rule>, span: Span) -> Option<Built> {
        let mut arms = Vec::new();
        let mut children = Children::of(pair);
        while let Some(word) = children.when(Rule::if_word) {
            let start = self.span(&word);
            let condition = self.expr(children.when(Rule::expr)?)?;
            arms.push((start, condition, self.body(children.when(Rule::body)?)?));
        }
        children.when(Rule::else_word)?;
        let (mut otherwise, mut depth) = self.body(children.when(Rule::body)?)?;
        let mut arms = arms.into_iter().rev();
        loop {
            let (start, condition, (then, then_depth)) = arms.next()?;
            let at = start.to(span);
            let deepest = depth.max(condition.depth).max(then_depth);
            let built = self.node(ExprKind::If { condition: condition.expr, then, otherwise }, at, deepest);
            if arms.len() == 0 {
                return Some(built);
            }
            depth = built.depth;
            otherwise = Body { statements: Vec::new(), value: built.expr, span: at };
        }
    }

    /// `each`
    fn each(&mut self, pair: Pair<'_, Rule>) -> Option<(Spanned<crate::ast::Pattern>, Expr, Body, usize)> {
        let mut children = Children::of(pair);
        let pattern = self.pattern(children.when(Rule::pattern)?)?;
        let over = {
            children.when(Rule::in_word)?;
            self.expr(children.when(Rule::expr)?)?
        };
        let (body, depth) = self.body(children.when(Rule::body)?)?;
        Some((pattern, over.expr, body, depth.max(over.depth)))
    }

    fn body(&mut self, pair: Pair<'_, Rule>) -> Option<(Body, usize)> {
        let span = self.span(&pair);
        let (mut statements, mut deepest, mut value) = (Vec::new(), 0, None);
        for child in pair.into_inner() {
            let depth = if child.as_rule() == Rule::statement {
                let (statement, depth) = self.measured_statement(child)?;
                statements.push(statement);
                depth
            } else {
                let built = self.expr(child)?;
                value = Some(built.expr);
                built.depth
            };
            deepest = deepest.max(depth);
        }
        Some((Body { statements, value: value?, span }, deepest))
    }
}

fn nonzero(character: char) -> bool {
    ('1'..='9').contains(&character)
}

fn compares(op: BinaryOp) -> bool {
    match op {
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual => true,
        BinaryOp::Join
        | BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Add
        | BinaryOp::Subtract
        | BinaryOp::Multiply
        | BinaryOp::Divide
        | BinaryOp::FloorDivide
        | BinaryOp::Remainder => false,
    }
}

/// A number for a message: a thousand digits say no more than the first twenty.
fn shortened(text: &str) -> String {
    match text.get(..20) {
        Some(head) if text.len() > 24 => format!("{head}..."),
        _ => text.to_owned(),
    }
}
