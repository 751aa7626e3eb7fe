//! The syntax tree as text: for `show --emit ast` and for snapshots.
//!
//! Comes in: an [`ast::File`]. Goes out: an outline, two spaces a level, with expressions in full brackets, so
//! that it shows how operators bind. No spans: the outline of a spec is that of the spec formatted.

use std::fmt::Write;

use crate::ast::{
    Arg, BinaryOp, Body, Change, Expr, ExprKind, File, Ident, Item, ItemKind, Loss, LossItem, Module,
    Pattern, Setting, Settings, Statement, StatementKind, Type, UnaryOp,
};

/// The outline of `file`.
pub fn print_ast(file: &File) -> String {
    let mut out = Outline { text: String::new(), level: 0 };
    out.docs("//!", &file.doc);
    for item in &file.items {
        out.item(item);
    }
    out.text
}

struct Outline {
    text: String,
    level: usize,
}

impl Outline {
    fn line(&mut self, line: &str) {
        for _ in 0..self.level {
            self.text.push_str("  ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn docs(&mut self, mark: &str, lines: &[String]) {
        for line in lines {
            self.line(format!("{mark} {line}").trim_end());
        }
    }

    fn within(&mut self, head: &str, inner: impl FnOnce(&mut Self)) {
        self.line(head);
        self.level += 1;
        inner(self);
        self.level -= 1;
    }

    fn item(&mut self, item: &Item) {
        self.docs("///", &item.doc);
        match &item.kind {
            ItemKind::Use(import) => {
                let from = match &import.from.node {
                    Module::Std(name) => format!("std.{name}"),
                    Module::Path(path) => format!("{path:?}"),
                };
                self.within(&format!("use {from}"), |out| {
                    for (there, here) in &import.names {
                        out.line(&renamed(&there.node, here.as_ref()));
                    }
                });
            }
            ItemKind::Extend(extend) => {
                self.within(&format!("extend {:?}", extend.path.node), |out| {
                    for change in &extend.changes {
                        match change {
                            Change::Param { name, value } => {
                                out.line(&format!("{} = {}", name.node, expr(value)))
                            }
                            Change::Train(settings) => out.settings("train", settings),
                            Change::Loss(loss) => out.loss(loss),
                        }
                    }
                });
            }
            ItemKind::Param(param) => {
                let line =
                    format!("param {}: {} = {}", param.name.node, ty(&param.ty.node), expr(&param.default));
                self.line(&line);
            }
            ItemKind::Input(input) => {
                self.line(&format!("input {}: {}", input.name.node, ty(&input.ty.node)))
            }
            ItemKind::Block(block) => self.within(&format!("block {}", block.name.node), |out| {
                for param in &block.params {
                    let default =
                        param.default.as_ref().map(|value| format!(" = {}", expr(value))).unwrap_or_default();
                    out.line(&format!("takes {}: {}{default}", param.name.node, ty(&param.ty.node)));
                }
                for (name, result) in &block.outputs {
                    out.line(&format!("gives {}: {}", name.node, ty(&result.node)));
                }
                out.statements(&block.body);
            }),
            ItemKind::Section(section) => {
                let name = section.name.as_ref().map(|name| format!(" {}", name.node)).unwrap_or_default();
                let head = format!("section {}{name}{}", section.kind.node, guard(section.guard.as_ref()));
                self.within(&head, |out| out.statements(&section.body));
            }
            ItemKind::Output(output) => {
                let line = format!("output {} = {}", output.name.node, expr(&output.value));
                self.line(&(line + &guard(output.guard.as_ref())));
            }
            ItemKind::Loss(loss) => self.loss(loss),
            ItemKind::Train(settings) => self.settings("train", settings),
            ItemKind::Statement(statement) => self.statement(statement),
        }
    }

    fn loss(&mut self, loss: &Loss) {
        self.within("loss", |out| {
            for item in &loss.items {
                match item {
                    LossItem::Term { name, value, guard: condition } => {
                        out.line(&format!("{} = {}{}", name.node, expr(value), guard(condition.as_ref())));
                    }
                    LossItem::Statement(statement) => out.statement(statement),
                }
            }
        });
    }

    fn settings(&mut self, name: &str, settings: &Settings) {
        self.within(name, |out| {
            for setting in &settings.fields {
                match setting {
                    Setting::Value { name, value } => out.line(&format!("{} = {}", name.node, expr(value))),
                    Setting::Group { name, fields } => out.settings(&name.node, fields),
                }
            }
        });
    }

    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        self.docs("///", &statement.doc);
        self.line(&statement_line(statement));
    }
}

fn statement_line(statement: &Statement) -> String {
    match &statement.kind {
        StatementKind::Let { pattern: bound, ty: shape, value, guard: condition } => {
            let shape = shape.as_ref().map(|shape| format!(": {}", ty(&shape.node))).unwrap_or_default();
            let condition = guard(condition.as_ref());
            format!("let {}{shape} = {}{condition}", pattern(&bound.node), expr(value))
        }
        StatementKind::Layer { name, value, guard: condition } => {
            format!("layer {} = {}{}", name.node, expr(value), guard(condition.as_ref()))
        }
        StatementKind::Assert { value, ty: shape, message } => {
            let shape = shape.as_ref().map(|shape| format!(": {}", ty(&shape.node))).unwrap_or_default();
            let message = message.as_ref().map(|message| format!(", {:?}", message.node)).unwrap_or_default();
            format!("assert {}{shape}{message}", expr(value))
        }
    }
}

fn renamed(there: &str, here: Option<&Ident>) -> String {
    here.map_or_else(|| there.to_owned(), |here| format!("{there} as {}", here.node))
}

fn guard(condition: Option<&Expr>) -> String {
    condition.map(|condition| format!(" when {}", expr(condition))).unwrap_or_default()
}

fn names(list: &[Ident]) -> String {
    list.iter().map(|name| name.node.as_str()).collect::<Vec<_>>().join(", ")
}

fn pattern(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Name(name) => name.clone(),
        Pattern::List(list) => format!("[{}]", names(list)),
        Pattern::Tuple(list) => format!("({})", names(list)),
    }
}

fn exprs(list: &[Expr]) -> String {
    list.iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn ty(of: &Type) -> String {
    match of {
        Type::Name(name) => name.clone(),
        Type::List(entry) => format!("[{}]", ty(&entry.node)),
        Type::Enum(variants) => {
            variants.iter().map(|variant| variant.node.as_str()).collect::<Vec<_>>().join(" | ")
        }
        Type::Shaped { name, dims } => format!("{name}[{}]", exprs(dims)),
        Type::Class { classes, dims } => format!("class({})[{}]", expr(classes), exprs(dims)),
    }
}

/// How an operator is written.
pub(crate) fn binary_op(op: BinaryOp) -> &'static str {
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

fn expr(of: &Expr) -> String {
    match of.kind.as_ref() {
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Float(value) => format!("{value:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::Name(name) => name.clone(),
        ExprKind::List(entries) => format!("[{}]", exprs(entries)),
        ExprKind::Range(from, to) => format!("({} .. {})", expr(from), expr(to)),
        ExprKind::Field(value, name) => format!("{}.{}", expr(value), name.node),
        ExprKind::Index(value, index) => format!("{}[{}]", expr(value), expr(index)),
        ExprKind::Call(call) => {
            let args = call.args.iter().map(arg).collect::<Vec<_>>().join(", ");
            renamed(&format!("{}({args})", call.callee.node), call.label.as_ref())
        }
        ExprKind::Pipe(value, stage) => format!("({} |> {})", expr(value), expr(stage)),
        ExprKind::Binary(op, left, right) => format!("({} {} {})", expr(left), binary_op(*op), expr(right)),
        ExprKind::Unary(UnaryOp::Negate, value) => format!("(-{})", expr(value)),
        ExprKind::Unary(UnaryOp::Not, value) => format!("(not {})", expr(value)),
        ExprKind::If { condition, then, otherwise } => {
            format!("if {} {} else {}", expr(condition), body(then), body(otherwise))
        }
        ExprKind::For { pattern: each, over, body: inner } => {
            format!("for {} in {} {}", pattern(&each.node), expr(over), body(inner))
        }
        ExprKind::Fold { carried, initial, pattern: each, over, body: inner } => {
            let (carried, initial) = (pattern(&carried.node), expr(initial));
            format!(
                "fold {carried} = {initial} for {} in {} {}",
                pattern(&each.node),
                expr(over),
                body(inner)
            )
        }
        // The outline shows binding by brackets of its own.
        ExprKind::Paren(inner) => expr(inner),
    }
}

fn arg(of: &Arg) -> String {
    match &of.name {
        Some(name) => format!("{}: {}", name.node, expr(&of.value)),
        None => expr(&of.value),
    }
}

fn body(of: &Body) -> String {
    let mut text = String::from("{ ");
    for statement in &of.statements {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}; ", statement_line(statement));
    }
    text + &expr(&of.value) + " }"
}
