//! Expressions: on one line where they fit, else broken at the outermost place that helps.

use super::{At, Printer, Rows, STEP, end_column};
use crate::ast::{Arg, BinaryOp, Body, Call, Expr, ExprKind, Ident, Pattern, Statement, Type, UnaryOp};
use crate::parse::binary_op;
use crate::source::{Span, Spanned};

/// A statement or the value at the end of a body.
enum Entry<'e> {
    Statement(&'e Statement),
    Value(&'e Expr),
}

impl Printer<'_> {
    /// An expression, on one line if it may be and fits.
    pub(super) fn expr(&mut self, expr: &Expr, at: At) -> String {
        if self.may_be_flat(expr) {
            let flat = self.flat(expr);
            if at.fits(&flat) {
                return flat;
            }
        }
        self.broken(expr, at)
    }

    /// An expression on several lines, if it has any place to be broken at.
    fn broken(&mut self, expr: &Expr, at: At) -> String {
        match expr.kind.as_ref() {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Text(_)
            | ExprKind::Name(_) => self.flat(expr),
            ExprKind::Pipe(..) => self.pipe(expr, at),
            ExprKind::Binary(op, ..) => self.operands(expr, *op, at),
            ExprKind::List(entries) => {
                let rows = self.inside(expr.span, expr.span.start as usize + 1, at);
                let text = self.rows(
                    entries,
                    &rows,
                    |entry| entry.span,
                    |printer, entry| printer.expr(entry, At::line(rows.indent).before(1)),
                );
                if text.is_empty() { "[]".to_owned() } else { format!("[\n{text}{}]", pad(at)) }
            }
            ExprKind::Call(call) => self.call(call, expr.span, at),
            ExprKind::Range(from, to) => {
                let from = self.expr(from, at);
                let column = end_column(at, &from) + 2;
                from + ".." + &self.expr(to, At { column, ..at })
            }
            ExprKind::Field(value, name) => {
                self.expr(value, at.before(name.node.len() + 1)) + "." + &name.node
            }
            ExprKind::Index(value, index) => {
                let value = self.expr(value, at);
                let column = end_column(at, &value) + 1;
                let index = self.expr(index, At { column, ..at }.before(1));
                format!("{value}[{index}]")
            }
            ExprKind::Unary(op, value) => {
                let sign = sign(*op);
                sign.to_owned() + &self.expr(value, at.past(sign.len()))
            }
            ExprKind::Paren(inner) => format!("({})", self.expr(inner, at.past(1).before(1))),
            ExprKind::If { condition, then, otherwise } => {
                let condition = self.expr(condition, at.past(3).before(2));
                let then = self.body(then, at);
                if is_else_if(otherwise) {
                    // Broken as the one before it is.
                    let rest = self.broken(&otherwise.value, at);
                    return format!("if {condition} {then} else {rest}");
                }
                let otherwise = self.body(otherwise, at);
                format!("if {condition} {then} else {otherwise}")
            }
            ExprKind::For { pattern, over, body } => {
                let head = format!("for {} in ", self::pattern(&pattern.node));
                let over = self.expr(over, at.past(head.len()).before(2));
                format!("{head}{over} {}", self.body(body, at))
            }
            ExprKind::Fold { carried, initial, pattern, over, body } => {
                let head = format!("fold {} = ", self::pattern(&carried.node));
                let middle = format!(" for {} in ", self::pattern(&pattern.node));
                let initial = self.expr(initial, at.past(head.len()).before(middle.len()));
                let column = end_column(at.past(head.len()), &initial) + middle.len();
                let over = self.expr(over, At { column, ..at }.before(2));
                format!("{head}{initial}{middle}{over} {}", self.body(body, at))
            }
        }
    }

    /// Entries between brackets of `span`, one to a line.
    fn inside(&self, span: Span, from: usize, at: At) -> Rows {
        Rows { indent: at.indent + STEP, mark: ",", from, to: (span.end as usize).saturating_sub(1) }
    }

    fn pipe(&mut self, expr: &Expr, at: At) -> String {
        let mut stages = Vec::new();
        let mut head = expr;
        while let ExprKind::Pipe(value, stage) = head.kind.as_ref() {
            stages.push(stage);
            head = value;
        }
        stages.reverse();
        let indent = at.indent + STEP;
        let mut out = self.expr(head, At { after: 0, ..at });
        let mut last = head.span.end as usize;
        // After a head that ends with a closing bracket on its own line, the stages may fit behind it.
        let quiet = !self.comments.any_within(last, expr.span.end as usize);
        if out.contains('\n') && quiet && stages.iter().all(|stage| self.may_be_flat(stage)) {
            let rest: String = stages.iter().map(|stage| format!(" |> {}", self.flat(stage))).collect();
            if (At { column: end_column(at, &out), ..at }).fits(&rest) {
                return out + &rest;
            }
        }
        let count = stages.len();
        for (index, stage) in stages.into_iter().enumerate() {
            let start = stage.span.start as usize;
            if let Some(comment) = self.comments.behind(last, start) {
                out = out + " " + comment.text;
            }
            for comment in self.comments.before(start) {
                out = out + "\n" + &" ".repeat(indent) + comment.text;
            }
            let after = if index + 1 == count { at.after } else { 0 };
            let stage_text = self.expr(stage, At { indent, column: indent + 3, after });
            out = out + "\n" + &" ".repeat(indent) + "|> " + &stage_text;
            last = stage.span.end as usize;
        }
        out
    }

    /// Operands of one precedence, an operator at the end of each line.
    fn operands(&mut self, expr: &Expr, op: BinaryOp, at: At) -> String {
        let mut rest = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary(next, left, right) = first.kind.as_ref() {
            if rank(*next) != rank(op) {
                break;
            }
            rest.push((*next, right));
            first = left;
        }
        rest.reverse();
        let indent = at.indent + STEP;
        let mut out = self.expr(first, At { after: 3, ..at });
        let count = rest.len();
        for (index, (op, operand)) in rest.into_iter().enumerate() {
            let after = if index + 1 == count { at.after } else { 4 };
            let text = self.expr(operand, At { indent, column: indent, after });
            out = out + " " + binary_op(op) + "\n" + &" ".repeat(indent) + &text;
        }
        out
    }

    fn call(&mut self, call: &Call, span: Span, at: At) -> String {
        let label = label(call.label.as_ref());
        let name = &call.callee.node;
        // The bracket follows the name at once.
        let from = call.callee.span.end as usize + 1;
        if let [only] = call.args.as_slice()
            && hugs(&only.value)
            && !self.comments.any_within(from, arg_span(only).start as usize)
            && !self.comments.any_within(only.value.span.end as usize, span.end as usize)
        {
            let head = only.name.as_ref().map(|name| format!("{}: ", name.node)).unwrap_or_default();
            let value = self.expr(&only.value, at.past(name.len() + 1 + head.len()).before(1 + label.len()));
            return format!("{name}({head}{value}){label}");
        }
        let to = call.label.as_ref().map_or(span.end, |label| label.span.start) as usize;
        let close = self.text.get(from..to).and_then(|inner| inner.rfind(')')).map_or(to, |at| from + at);
        let rows = Rows { indent: at.indent + STEP, mark: ",", from, to: close };
        let text = self.rows(&call.args, &rows, arg_span, |printer, arg| {
            let head = arg.name.as_ref().map(|name| format!("{}: ", name.node)).unwrap_or_default();
            let value = printer.expr(&arg.value, At::line(rows.indent).past(head.len()).before(1));
            head + &value
        });
        if text.is_empty() {
            format!("{name}(){label}")
        } else {
            format!("{name}(\n{text}{}){label}", pad(at))
        }
    }

    /// A body with its statements and value on lines of their own.
    fn body(&mut self, body: &Body, at: At) -> String {
        let mut entries: Vec<_> = body.statements.iter().map(Entry::Statement).collect();
        entries.push(Entry::Value(&body.value));
        let rows = Rows { mark: "", ..self.inside(body.span, body.span.start as usize + 1, at) };
        let span = |entry: &Entry<'_>| match entry {
            Entry::Statement(statement) => statement.span,
            Entry::Value(value) => value.span,
        };
        let text = self.rows(&entries, &rows, span, |printer, entry| match entry {
            Entry::Statement(statement) => printer.statement(statement, rows.indent),
            Entry::Value(value) => printer.expr(value, At::line(rows.indent)),
        });
        format!("{{\n{text}{}}}", pad(at))
    }

    /// May it stand on one line? Not with comments in it, nor when its statements were on several.
    pub(super) fn may_be_flat(&self, expr: &Expr) -> bool {
        let (start, end) = (expr.span.start as usize, expr.span.end as usize);
        if self.comments.any_within(start, end) {
            return false;
        }
        // Without a newline nothing can have been on several lines.
        !self.newline(start, end) || self.bodies_may_be_flat(expr)
    }

    fn bodies_may_be_flat(&self, expr: &Expr) -> bool {
        let body = |body: &Body| {
            let on_one_line = !self.newline(body.span.start as usize, body.span.end as usize);
            (body.statements.is_empty() || on_one_line) && self.bodies_may_be_flat(&body.value)
        };
        match expr.kind.as_ref() {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Text(_)
            | ExprKind::Name(_) => true,
            ExprKind::List(entries) => entries.iter().all(|entry| self.bodies_may_be_flat(entry)),
            ExprKind::Call(call) => call.args.iter().all(|arg| self.bodies_may_be_flat(&arg.value)),
            ExprKind::Field(value, _) | ExprKind::Unary(_, value) | ExprKind::Paren(value) => {
                self.bodies_may_be_flat(value)
            }
            ExprKind::Range(left, right)
            | ExprKind::Index(left, right)
            | ExprKind::Pipe(left, right)
            | ExprKind::Binary(_, left, right) => {
                self.bodies_may_be_flat(left) && self.bodies_may_be_flat(right)
            }
            ExprKind::If { condition, then, otherwise } => {
                self.bodies_may_be_flat(condition) && body(then) && body(otherwise)
            }
            ExprKind::For { over, body: inner, .. } => self.bodies_may_be_flat(over) && body(inner),
            ExprKind::Fold { initial, over, body: inner, .. } => {
                self.bodies_may_be_flat(initial) && self.bodies_may_be_flat(over) && body(inner)
            }
        }
    }

    /// An expression on one line.
    pub(super) fn flat(&self, expr: &Expr) -> String {
        match expr.kind.as_ref() {
            // As written: `1e-4` stays `1e-4`.
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Text(_)
            | ExprKind::Name(_) => self.source(expr.span.start, expr.span.end).to_owned(),
            ExprKind::List(entries) => format!("[{}]", self.flat_all(entries)),
            ExprKind::Range(from, to) => format!("{}..{}", self.flat(from), self.flat(to)),
            ExprKind::Field(value, name) => format!("{}.{}", self.flat(value), name.node),
            ExprKind::Index(value, index) => format!("{}[{}]", self.flat(value), self.flat(index)),
            ExprKind::Call(call) => {
                let args = call.args.iter().map(|arg| match &arg.name {
                    Some(name) => format!("{}: {}", name.node, self.flat(&arg.value)),
                    None => self.flat(&arg.value),
                });
                let args = args.collect::<Vec<_>>().join(", ");
                let label = label(call.label.as_ref());
                // `x |> relu as act` has no brackets to keep.
                let bare = call.args.is_empty() && !self.source(expr.span.start, expr.span.end).contains('(');
                if bare {
                    format!("{}{label}", call.callee.node)
                } else {
                    format!("{}({args}){label}", call.callee.node)
                }
            }
            ExprKind::Pipe(value, stage) => format!("{} |> {}", self.flat(value), self.flat(stage)),
            ExprKind::Binary(op, left, right) => {
                format!("{} {} {}", self.flat(left), binary_op(*op), self.flat(right))
            }
            ExprKind::Unary(op, value) => sign(*op).to_owned() + &self.flat(value),
            ExprKind::If { condition, then, otherwise } => {
                let (condition, then) = (self.flat(condition), self.flat_body(then));
                if is_else_if(otherwise) {
                    return format!("if {condition} {then} else {}", self.flat(&otherwise.value));
                }
                format!("if {condition} {then} else {}", self.flat_body(otherwise))
            }
            ExprKind::For { pattern, over, body } => {
                let pattern = self::pattern(&pattern.node);
                format!("for {pattern} in {} {}", self.flat(over), self.flat_body(body))
            }
            ExprKind::Fold { carried, initial, pattern, over, body } => {
                let (carried, pattern) = (self::pattern(&carried.node), self::pattern(&pattern.node));
                let (initial, over) = (self.flat(initial), self.flat(over));
                format!("fold {carried} = {initial} for {pattern} in {over} {}", self.flat_body(body))
            }
            ExprKind::Paren(inner) => format!("({})", self.flat(inner)),
        }
    }

    fn flat_all(&self, entries: &[Expr]) -> String {
        entries.iter().map(|entry| self.flat(entry)).collect::<Vec<_>>().join(", ")
    }

    fn flat_body(&self, body: &Body) -> String {
        let mut parts: Vec<_> =
            body.statements.iter().map(|statement| self.flat_statement(statement)).collect();
        parts.push(self.flat(&body.value));
        format!("{{ {} }}", parts.join("; "))
    }

    /// Sizes, close together as they are short: `H/4`.
    fn dims(&self, dims: &[Expr]) -> String {
        let dim = |dim: &Expr| {
            if let ExprKind::Binary(op @ (BinaryOp::Divide | BinaryOp::Multiply), left, right) =
                dim.kind.as_ref()
                && is_leaf(left)
                && is_leaf(right)
            {
                return format!("{}{}{}", self.flat(left), binary_op(*op), self.flat(right));
            }
            self.flat(dim)
        };
        dims.iter().map(dim).collect::<Vec<_>>().join(", ")
    }

    /// A type, always on one line.
    pub(super) fn ty(&self, ty: &Spanned<Type>) -> String {
        match &ty.node {
            Type::Name(name) => name.clone(),
            Type::List(entry) => format!("[{}]", self.ty(entry)),
            Type::Enum(variants) => {
                variants.iter().map(|variant| variant.node.as_str()).collect::<Vec<_>>().join(" | ")
            }
            Type::Shaped { name, dims } => format!("{name}[{}]", self.dims(dims)),
            Type::Class { classes, dims } => format!("class({})[{}]", self.flat(classes), self.dims(dims)),
        }
    }
}

/// How a pattern is written.
pub(super) fn pattern(pattern: &Pattern) -> String {
    let names = |list: &[Ident]| list.iter().map(|name| name.node.as_str()).collect::<Vec<_>>().join(", ");
    match pattern {
        Pattern::Name(name) => name.clone(),
        Pattern::List(list) => format!("[{}]", names(list)),
        Pattern::Tuple(list) => format!("({})", names(list)),
    }
}

fn is_leaf(expr: &Expr) -> bool {
    matches!(expr.kind.as_ref(), ExprKind::Int(_) | ExprKind::Name(_))
}

fn pad(at: At) -> String {
    " ".repeat(at.indent)
}

fn sign(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Negate => "-",
        UnaryOp::Not => "not ",
    }
}

fn label(label: Option<&Ident>) -> String {
    label.map(|label| format!(" as {}", label.node)).unwrap_or_default()
}

fn arg_span(arg: &Arg) -> Span {
    arg.name.as_ref().map_or(arg.value.span, |name| name.span.to(arg.value.span))
}

/// Does it look well with a call's brackets around its own?
fn hugs(expr: &Expr) -> bool {
    matches!(
        expr.kind.as_ref(),
        ExprKind::List(_) | ExprKind::For { .. } | ExprKind::Fold { .. } | ExprKind::If { .. }
    )
}

/// Is this last body an `else if`, without braces of its own?
fn is_else_if(body: &Body) -> bool {
    body.span == body.value.span
}

/// Operators of one rank stand in one row.
fn rank(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Join => 0,
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual => 3,
        BinaryOp::Add | BinaryOp::Subtract => 4,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder => 5,
    }
}
