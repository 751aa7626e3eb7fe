//! Items, statements and settings.

use super::exprs::pattern;
use super::{At, Printer, Rows, STEP, end_column, width};
use crate::ast::{
    Block, BlockParam, Change, Expr, Ident, Item, ItemKind, Loss, LossItem, Module, Setting, Settings,
    Statement, StatementKind, Use,
};
use crate::parse::scan::Lexeme;
use crate::source::Span;

impl Printer<'_> {
    /// An item, at the outermost level.
    pub(super) fn item(&mut self, item: &Item) -> String {
        match &item.kind {
            ItemKind::Use(import) => self.import(import, item.span),
            ItemKind::Extend(extend) => {
                let head = format!("extend {} ", self.source(extend.path.span.start, extend.path.span.end));
                let open = self.brace(extend.path.span.end);
                let whole = Span { start: open, ..item.span };
                head.clone()
                    + &self.braces(
                        &extend.changes,
                        whole,
                        At::line(0).past(head.len()),
                        change_span,
                        Self::change,
                        Self::flat_change,
                    )
            }
            ItemKind::Param(param) => {
                let head = format!("param {}: {} = ", param.name.node, self.ty(&param.ty));
                let value = self.expr(&param.default, At::line(0).past(width(&head)));
                head + &value
            }
            ItemKind::Input(input) => format!("input {}: {}", input.name.node, self.ty(&input.ty)),
            ItemKind::Block(block) => self.block(block, item.span),
            ItemKind::Section(section) => {
                let name = section.name.as_ref().map(|name| format!(" {}", name.node)).unwrap_or_default();
                let mut head = format!("{}{name} ", section.kind.node);
                let mut end = section.name.as_ref().map_or(section.kind.span.end, |name| name.span.end);
                if let Some(guard) = &section.guard {
                    let at = At::line(0).past(width(&head) + 5).before(2);
                    head = head + "when " + &self.expr(guard, at) + " ";
                    end = guard.span.end;
                }
                let whole = Span { start: self.brace(end), ..item.span };
                let column = end_column(At::line(0), &head);
                head + &self.statements(&section.body, whole, At { column, ..At::line(0) })
            }
            ItemKind::Output(output) => {
                let head = format!("output {} = ", output.name.node);
                self.bound(&head, &output.value, output.guard.as_ref(), 0)
            }
            ItemKind::Loss(loss) => self.loss(loss, 0),
            ItemKind::Train(settings) => self.settings("train", settings, 0),
            ItemKind::Statement(statement) => self.statement(statement, 0),
        }
    }

    /// The first brace at or after a place.
    fn brace(&self, from: u32) -> u32 {
        let first = self.tokens.partition_point(|token| token.start < from as usize);
        let rest = self.tokens.get(first..).unwrap_or(&[]);
        let brace = rest.iter().find(|token| token.lexeme == Lexeme::Open && token.of(self.text) == "{");
        brace.and_then(|token| u32::try_from(token.start).ok()).unwrap_or(from)
    }

    /// The bracket that opens or closes before a place, for comments between entries.
    fn closing(&self, from: u32, limit: u32) -> usize {
        let first = self.tokens.partition_point(|token| token.start < from as usize);
        let rest = self.tokens.get(first..).unwrap_or(&[]);
        let close = rest.iter().find(|token| token.lexeme == Lexeme::Close && token.of(self.text) == ")");
        close.map_or(limit as usize, |token| token.start)
    }

    /// Things in braces, of which `span` is the source: on one line if they were and fit, else one a line.
    fn braces<T>(
        &mut self,
        things: &[T],
        span: Span,
        at: At,
        span_of: impl Fn(&T) -> Span,
        mut print: impl FnMut(&mut Self, &T, usize) -> String,
        flat: impl Fn(&Self, &T) -> String,
    ) -> String {
        let (start, end) = (span.start as usize, span.end as usize);
        let comments = self.comments.any_within(start, end);
        if things.is_empty() && !comments {
            return "{}".to_owned();
        }
        if !comments && !self.newline(start, end) {
            let line = things.iter().map(|thing| flat(self, thing)).collect::<Vec<_>>().join("; ");
            let line = format!("{{ {line} }}");
            if at.fits(&line) {
                return line;
            }
        }
        let rows = Rows { indent: at.indent + STEP, mark: "", from: start + 1, to: end.saturating_sub(1) };
        let text = self.rows(things, &rows, span_of, |printer, thing| print(printer, thing, rows.indent));
        format!("{{\n{text}{}}}", " ".repeat(at.indent))
    }

    fn statements(&mut self, body: &[Statement], span: Span, at: At) -> String {
        self.braces(body, span, at, |statement| statement.span, Self::statement, Self::flat_statement)
    }

    fn import(&mut self, import: &Use, span: Span) -> String {
        let from = match &import.from.node {
            Module::Std(name) => format!("std.{name}"),
            Module::Path(_) => self.source(import.from.span.start, import.from.span.end).to_owned(),
        };
        let name = |(there, here): &(Ident, Option<Ident>)| match here {
            Some(here) => format!("{} as {}", there.node, here.node),
            None => there.node.clone(),
        };
        let line = format!("use {from} ({})", import.names.iter().map(name).collect::<Vec<_>>().join(", "));
        if At::line(0).fits(&line) && !self.comments.any_within(span.start as usize, span.end as usize) {
            return line;
        }
        let place = |(there, here): &(Ident, Option<Ident>)| {
            here.as_ref().map_or(there.span, |here| there.span.to(here.span))
        };
        let rows = Rows {
            indent: STEP,
            mark: ",",
            from: import.from.span.end as usize,
            to: (span.end as usize).saturating_sub(1),
        };
        let text = self.rows(&import.names, &rows, place, |_, names| name(names));
        format!("use {from} (\n{text})")
    }

    fn block(&mut self, block: &Block, span: Span) -> String {
        let head = format!("block {}(", block.name.node);
        let last = block.outputs.last().map_or(block.name.span.end, |(_, ty)| ty.span.end);
        let body = Span { start: self.brace(last), ..span };
        let results = block.outputs.iter().map(|(name, ty)| format!("{}: {}", name.node, self.ty(ty)));
        let results = format!(") -> ({}) ", results.collect::<Vec<_>>().join(", "));
        let params = block.params.iter().map(|param| self.flat_param(param)).collect::<Vec<_>>().join(", ");
        let header = format!("{head}{params}{results}");
        let from = block.name.span.end;
        let to = self.closing(block.params.last().map_or(from, |param| param_span(param).end), body.start);
        // Comments behind the parameters move into the body: they are no reason to break the parameters.
        let commented = self.comments.any_within(span.start as usize, to);
        let header = if At::line(0).before(1).fits(&header) && !commented {
            header
        } else {
            let rows = Rows { indent: STEP, mark: ",", from: from as usize + 1, to };
            let text = self.rows(&block.params, &rows, param_span, |printer, param| {
                let head = format!("{}: {}", param.name.node, printer.ty(&param.ty));
                match &param.default {
                    Some(default) => {
                        let at = At::line(STEP).past(width(&head) + 3).before(1);
                        format!("{head} = {}", printer.expr(default, at))
                    }
                    None => head,
                }
            });
            if text.is_empty() { format!("{head}{results}") } else { format!("{head}\n{text}{results}") }
        };
        let column = end_column(At::line(0), &header);
        header + &self.statements(&block.body, body, At { column, ..At::line(0) })
    }

    fn flat_param(&self, param: &BlockParam) -> String {
        let default =
            param.default.as_ref().map(|value| format!(" = {}", self.flat(value))).unwrap_or_default();
        format!("{}: {}{default}", param.name.node, self.ty(&param.ty))
    }

    fn loss(&mut self, loss: &Loss, indent: usize) -> String {
        let span = Span { start: self.brace(loss.span.start), ..loss.span };
        let at = At::line(indent).past(5);
        "loss ".to_owned()
            + &self.braces(&loss.items, span, at, loss_span, Self::loss_item, Self::flat_loss_item)
    }

    fn loss_item(&mut self, item: &LossItem, indent: usize) -> String {
        match item {
            LossItem::Statement(statement) => self.statement(statement, indent),
            LossItem::Term { name, value, guard } => {
                self.bound(&format!("{} = ", name.node), value, guard.as_ref(), indent)
            }
        }
    }

    fn flat_loss_item(&self, item: &LossItem) -> String {
        match item {
            LossItem::Statement(statement) => self.flat_statement(statement),
            LossItem::Term { name, value, guard } => {
                format!("{} = {}{}", name.node, self.flat(value), self.flat_guard(guard.as_ref()))
            }
        }
    }

    fn settings(&mut self, name: &str, settings: &Settings, indent: usize) -> String {
        let span = Span { start: self.brace(settings.span.start), ..settings.span };
        let at = At::line(indent).past(name.len() + 1);
        let body = self.braces(&settings.fields, span, at, setting_span, Self::setting, Self::flat_setting);
        format!("{name} {body}")
    }

    fn setting(&mut self, setting: &Setting, indent: usize) -> String {
        match setting {
            Setting::Value { name, value } => self.bound(&format!("{} = ", name.node), value, None, indent),
            Setting::Group { name, fields } => self.settings(&name.node, fields, indent),
        }
    }

    fn flat_setting(&self, setting: &Setting) -> String {
        match setting {
            Setting::Value { name, value } => format!("{} = {}", name.node, self.flat(value)),
            Setting::Group { name, fields } => format!("{} {}", name.node, self.flat_settings(fields)),
        }
    }

    fn flat_settings(&self, settings: &Settings) -> String {
        if settings.fields.is_empty() {
            return "{}".to_owned();
        }
        let fields = settings.fields.iter().map(|setting| self.flat_setting(setting)).collect::<Vec<_>>();
        format!("{{ {} }}", fields.join("; "))
    }

    fn change(&mut self, change: &Change, indent: usize) -> String {
        match change {
            Change::Param { name, value } => self.bound(&format!("{} = ", name.node), value, None, indent),
            Change::Train(settings) => self.settings("train", settings, indent),
            Change::Loss(loss) => self.loss(loss, indent),
        }
    }

    fn flat_change(&self, change: &Change) -> String {
        match change {
            Change::Param { name, value } => format!("{} = {}", name.node, self.flat(value)),
            Change::Train(settings) => format!("train {}", self.flat_settings(settings)),
            Change::Loss(loss) if loss.items.is_empty() => "loss {}".to_owned(),
            Change::Loss(loss) => {
                let items = loss.items.iter().map(|item| self.flat_loss_item(item)).collect::<Vec<_>>();
                format!("loss {{ {} }}", items.join("; "))
            }
        }
    }

    /// A statement on a line of its own.
    pub(super) fn statement(&mut self, statement: &Statement, indent: usize) -> String {
        match &statement.kind {
            StatementKind::Let { value, guard, .. } | StatementKind::Layer { value, guard, .. } => {
                self.bound(&self.statement_head(statement), value, guard.as_ref(), indent)
            }
            StatementKind::Assert { value, ty, message } => {
                let ty = ty.as_ref().map(|ty| format!(": {}", self.ty(ty))).unwrap_or_default();
                let message = message.as_ref().map(|text| self.source(text.span.start, text.span.end));
                let message = message.map(|message| format!(", {message}")).unwrap_or_default();
                let at = At::line(indent).past(7).before(width(&ty) + width(&message));
                format!("assert {}{ty}{message}", self.expr(value, at))
            }
        }
    }

    /// What stands before a statement's value.
    fn statement_head(&self, statement: &Statement) -> String {
        match &statement.kind {
            StatementKind::Let { pattern: bound, ty, .. } => {
                let ty = ty.as_ref().map(|ty| format!(": {}", self.ty(ty))).unwrap_or_default();
                format!("let {}{ty} = ", pattern(&bound.node))
            }
            StatementKind::Layer { name, .. } => format!("layer {} = ", name.node),
            StatementKind::Assert { .. } => "assert ".to_owned(),
        }
    }

    /// A statement on one line, to be joined with others by `;`.
    pub(super) fn flat_statement(&self, statement: &Statement) -> String {
        let head = self.statement_head(statement);
        match &statement.kind {
            StatementKind::Let { value, guard, .. } | StatementKind::Layer { value, guard, .. } => {
                format!("{head}{}{}", self.flat(value), self.flat_guard(guard.as_ref()))
            }
            StatementKind::Assert { value, ty, message } => {
                let ty = ty.as_ref().map(|ty| format!(": {}", self.ty(ty))).unwrap_or_default();
                let message = message.as_ref().map(|text| self.source(text.span.start, text.span.end));
                let message = message.map(|message| format!(", {message}")).unwrap_or_default();
                format!("{head}{}{ty}{message}", self.flat(value))
            }
        }
    }

    fn flat_guard(&self, guard: Option<&Expr>) -> String {
        guard.map(|guard| format!(" when {}", self.flat(guard))).unwrap_or_default()
    }

    /// `head`, a value, and its guard: on one line, or the guard on a line of its own.
    fn bound(&mut self, head: &str, value: &Expr, guard: Option<&Expr>, indent: usize) -> String {
        let at = At::line(indent).past(width(head));
        let Some(guard) = guard else { return head.to_owned() + &self.expr(value, at) };
        let line = format!("{head}{}{}", self.flat(value), self.flat_guard(Some(guard)));
        let apart = self.comments.any_within(value.span.start as usize, guard.span.end as usize);
        if !apart && self.may_be_flat(value) && self.may_be_flat(guard) && At::line(indent).fits(&line) {
            return line;
        }
        let end = value.span.end as usize;
        let value = self.expr(value, at);
        let behind = self.comments.behind(end, guard.span.start as usize);
        let comment = behind.map(|comment| format!(" {}", comment.text)).unwrap_or_default();
        let pad = indent + STEP;
        let guard = self.expr(guard, At::line(pad).past(5));
        format!("{head}{value}{comment}\n{}when {guard}", " ".repeat(pad))
    }
}

fn param_span(param: &BlockParam) -> Span {
    param.name.span.to(param.default.as_ref().map_or(param.ty.span, |default| default.span))
}

fn change_span(change: &Change) -> Span {
    match change {
        Change::Param { name, value } => name.span.to(value.span),
        Change::Train(settings) => settings.span,
        Change::Loss(loss) => loss.span,
    }
}

fn loss_span(item: &LossItem) -> Span {
    match item {
        LossItem::Statement(statement) => statement.span,
        LossItem::Term { name, value, guard } => {
            name.span.to(guard.as_ref().map_or(value.span, |guard| guard.span))
        }
    }
}

fn setting_span(setting: &Setting) -> Span {
    match setting {
        Setting::Value { name, value } => name.span.to(value.span),
        Setting::Group { fields, .. } => fields.span,
    }
}
