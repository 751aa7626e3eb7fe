//! From pest's tree to ours.
//!
//! Comes in: the pairs of a text that the grammar accepted. Goes out: [`ast`] nodes with spans in the file.
//! What the grammar leaves open is refused here: numbers out of range, comparisons in a chain, named arguments
//! before positional ones, expressions deeper than [`DEPTH`]. `None` stands for a tree that the grammar cannot
//! give; [`super`] reports it.
#![allow(clippy::wildcard_enum_match_arm)] // `Rule` is pest's enum of every rule; few can stand at any one place.

use std::sync::LazyLock;

use pest::iterators::{Pair, Pairs};
use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::Rule;
use super::build_expr::Built;
use crate::ast::{
    Block, BlockParam, Change, Extend, File, Ident, Input, Item, ItemKind, Loss, LossItem, Module, Output,
    Param, Pattern, Section, Setting, Settings, Statement, StatementKind, Type, Use,
};
use crate::diag::{Diag, Diags};
use crate::source::{FileId, Span, Spanned};

/// How deep the tree of one expression may be. Whoever walks it may recurse.
pub(super) const DEPTH: usize = 512;

/// How many diagnostics the parser adds to.
pub(super) const ERRORS: usize = 200;

/// Operators, loosest first.
pub(super) static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(Rule::join))
        .op(left(Rule::or))
        .op(left(Rule::and))
        .op(Op::prefix(Rule::not))
        .op(left(Rule::equal)
            | left(Rule::not_equal)
            | left(Rule::less)
            | left(Rule::less_equal)
            | left(Rule::greater)
            | left(Rule::greater_equal))
        .op(left(Rule::range))
        .op(left(Rule::add) | left(Rule::subtract))
        .op(left(Rule::multiply) | left(Rule::divide) | left(Rule::floor_divide) | left(Rule::remainder))
        .op(Op::prefix(Rule::negate))
});

/// Makes the tree of one piece of a file.
pub(super) struct Builder<'a> {
    /// The file.
    pub(super) file: FileId,
    /// Where in the file the piece begins.
    pub(super) base: usize,
    /// Where errors go.
    pub(super) diags: &'a mut Diags,
    /// Too deep an expression was reported: once is enough, for the rest of it is as deep.
    pub(super) refused: bool,
}

/// The children of a pair, to be taken in the grammar's order.
pub(super) struct Children<'i>(Pairs<'i, Rule>);

impl<'i> Children<'i> {
    pub(super) fn of(pair: Pair<'i, Rule>) -> Self {
        Self(pair.into_inner())
    }

    /// The next child, whatever it is.
    pub(super) fn any(&mut self) -> Option<Pair<'i, Rule>> {
        self.0.next()
    }

    /// The next child, if it is a `rule`.
    pub(super) fn when(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        if self.0.peek()?.as_rule() == rule { self.0.next() } else { None }
    }

    /// The next child, after the marks before it, if it is a `rule`.
    pub(super) fn after_marks(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        while self.when(Rule::colon).or_else(|| self.when(Rule::equals)).is_some() {}
        self.when(rule)
    }

    /// All that are left.
    pub(super) fn rest(self) -> Pairs<'i, Rule> {
        self.0
    }
}

impl Builder<'_> {
    /// Reports a mistake; beyond [`ERRORS`] of them, one more teaches nobody.
    pub(super) fn report(&mut self, diag: Diag) {
        if self.diags.len() < ERRORS {
            self.diags.push(diag);
        }
    }

    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, self.base + span.start(), self.base + span.end())
    }

    pub(super) fn ident(&self, pair: &Pair<'_, Rule>) -> Ident {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    /// `file`
    pub(super) fn file(&mut self, pair: Pair<'_, Rule>) -> Option<File> {
        let span = self.span(&pair);
        let (mut doc, mut items) = (Vec::new(), Vec::new());
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::file_doc => doc.push(doc_text(child.as_str())),
                Rule::item => items.push(self.item(child)?),
                _ => {}
            }
        }
        Some(File { doc, items, span })
    }

    /// The one child that a `lone_...` rule holds.
    pub(super) fn lone<'i>(pair: Pair<'i, Rule>) -> Option<Pair<'i, Rule>> {
        pair.into_inner().next()
    }

    /// `item`
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>) -> Option<Item> {
        let mut children = Children::of(pair);
        let doc = docs(&mut children);
        let inner = children.any()?;
        let span = self.span(&inner);
        let kind = match inner.as_rule() {
            Rule::use_item => ItemKind::Use(self.use_item(inner)?),
            Rule::extend => ItemKind::Extend(self.extend(inner)?),
            Rule::param => ItemKind::Param(self.param(inner)?),
            Rule::input => ItemKind::Input(self.input(inner)?),
            Rule::block => ItemKind::Block(self.block(inner)?),
            Rule::output => ItemKind::Output(self.output(inner)?),
            Rule::loss => ItemKind::Loss(self.loss(inner)?),
            Rule::train => ItemKind::Train(self.train(inner)?),
            Rule::section => ItemKind::Section(self.section(inner)?),
            Rule::statement => {
                // The item's doc comment was taken above: a statement's own is empty here.
                let statement = self.statement(inner)?;
                return Some(Item {
                    doc: Vec::new(),
                    span,
                    kind: ItemKind::Statement(Statement { doc, ..statement }),
                });
            }
            _ => return None,
        };
        Some(Item { doc, kind, span })
    }

    fn use_item(&mut self, pair: Pair<'_, Rule>) -> Option<Use> {
        let mut children = Children::of(pair);
        let from = children.any()?;
        let span = self.span(&from);
        let module = match from.as_rule() {
            Rule::std_module => Module::Std(from.as_str().strip_prefix("std.")?.to_owned()),
            Rule::string => Module::Path(self.string(&from)),
            _ => return None,
        };
        let mut names = Vec::new();
        for import in children.rest() {
            let mut parts = Children::of(import);
            let there = self.ident(&parts.when(Rule::name)?);
            let here = match parts.when(Rule::label) {
                Some(label) => Some(self.ident(&Children::of(label).when(Rule::name)?)),
                None => None,
            };
            names.push((there, here));
        }
        Some(Use { from: Spanned::new(module, span), names })
    }

    fn extend(&mut self, pair: Pair<'_, Rule>) -> Option<Extend> {
        let mut children = Children::of(pair);
        let path = children.when(Rule::string)?;
        let path = Spanned::new(self.string(&path), self.span(&path));
        let mut changes = Vec::new();
        for change in children.rest() {
            changes.push(self.change(change)?);
        }
        Some(Extend { path, changes })
    }

    /// `change`
    pub(super) fn change(&mut self, pair: Pair<'_, Rule>) -> Option<Change> {
        let inner = Children::of(pair).any()?;
        match inner.as_rule() {
            Rule::train => Some(Change::Train(self.train(inner)?)),
            Rule::loss => Some(Change::Loss(self.loss(inner)?)),
            Rule::new_value => {
                let mut children = Children::of(inner);
                let name = self.ident(&children.when(Rule::name)?);
                let value = self.expr(children.after_marks(Rule::expr)?)?.expr;
                Some(Change::Param { name, value })
            }
            _ => None,
        }
    }

    fn param(&mut self, pair: Pair<'_, Rule>) -> Option<Param> {
        let mut children = Children::of(pair);
        let name = self.ident(&children.when(Rule::name)?);
        let ty = self.ty(children.after_marks(Rule::r#type)?)?;
        let default = self.expr(children.after_marks(Rule::expr)?)?.expr;
        Some(Param { name, ty, default })
    }

    fn input(&mut self, pair: Pair<'_, Rule>) -> Option<Input> {
        let mut children = Children::of(pair);
        let name = self.ident(&children.when(Rule::name)?);
        let ty = self.ty(children.after_marks(Rule::r#type)?)?;
        Some(Input { name, ty })
    }

    fn block(&mut self, pair: Pair<'_, Rule>) -> Option<Block> {
        let mut children = Children::of(pair);
        let name = self.ident(&children.when(Rule::name)?);
        let (mut params, mut outputs, mut body) = (Vec::new(), Vec::new(), Vec::new());
        for child in children.rest() {
            let rule = child.as_rule();
            if rule == Rule::statements {
                body = self.statements(child)?;
                continue;
            }
            let mut parts = Children::of(child);
            if rule == Rule::block_param {
                let name = self.ident(&parts.when(Rule::name)?);
                let ty = self.ty(parts.after_marks(Rule::r#type)?)?;
                let default = match parts.after_marks(Rule::expr) {
                    Some(default) => Some(self.expr(default)?.expr),
                    None => None,
                };
                params.push(BlockParam { name, ty, default });
            } else if rule == Rule::block_output {
                let name = self.ident(&parts.when(Rule::name)?);
                outputs.push((name, self.ty(parts.after_marks(Rule::r#type)?)?));
            }
        }
        Some(Block { name, params, outputs, body })
    }

    fn output(&mut self, pair: Pair<'_, Rule>) -> Option<Output> {
        let mut children = Children::of(pair);
        let name = self.ident(&children.when(Rule::name)?);
        let value = self.expr(children.after_marks(Rule::expr)?)?.expr;
        Some(Output { name, value, guard: self.guard(&mut children)? })
    }

    fn section(&mut self, pair: Pair<'_, Rule>) -> Option<Section> {
        let mut children = Children::of(pair);
        let kind = self.ident(&children.when(Rule::name)?);
        let name = children.when(Rule::name).map(|name| self.ident(&name));
        let guard = self.guard(&mut children)?;
        let body = self.statements(children.when(Rule::statements)?)?;
        Some(Section { kind, name, guard, body })
    }

    fn statements(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<Statement>> {
        let mut list = Vec::new();
        for child in pair.into_inner() {
            list.push(self.statement(child)?);
        }
        Some(list)
    }

    fn loss(&mut self, pair: Pair<'_, Rule>) -> Option<Loss> {
        let span = self.span(&pair);
        let mut items = Vec::new();
        for child in pair.into_inner() {
            items.push(self.loss_item(child)?);
        }
        Some(Loss { items, span })
    }

    /// `loss_item`
    pub(super) fn loss_item(&mut self, pair: Pair<'_, Rule>) -> Option<LossItem> {
        let inner = Children::of(pair).any()?;
        match inner.as_rule() {
            Rule::statement => Some(LossItem::Statement(self.statement(inner)?)),
            Rule::term => {
                let mut children = Children::of(inner);
                let name = self.ident(&children.when(Rule::name)?);
                let value = self.expr(children.after_marks(Rule::expr)?)?.expr;
                Some(LossItem::Term { name, value, guard: self.guard(&mut children)? })
            }
            _ => None,
        }
    }

    fn train(&mut self, pair: Pair<'_, Rule>) -> Option<Settings> {
        let span = self.span(&pair);
        self.settings(Children::of(pair).when(Rule::settings)?, span)
    }

    fn settings(&mut self, pair: Pair<'_, Rule>, span: Span) -> Option<Settings> {
        let mut fields = Vec::new();
        for child in pair.into_inner() {
            fields.push(self.setting(child)?);
        }
        Some(Settings { fields, span })
    }

    /// `setting`
    pub(super) fn setting(&mut self, pair: Pair<'_, Rule>) -> Option<Setting> {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let name = children.when(Rule::setting_path).or_else(|| children.when(Rule::name))?;
        let name = self.ident(&name);
        if let Some(group) = children.when(Rule::settings) {
            return Some(Setting::Group { name, fields: self.settings(group, span)? });
        }
        let value = self.expr(children.after_marks(Rule::expr)?)?.expr;
        Some(Setting::Value { name, value })
    }

    /// `guard`, if the next child is one.
    #[expect(clippy::option_option, reason = "the outer one is a tree that the grammar cannot give")]
    fn guard(&mut self, children: &mut Children<'_>) -> Option<Option<crate::ast::Expr>> {
        match children.when(Rule::guard) {
            None => Some(None),
            Some(guard) => Some(Some(self.expr(Children::of(guard).when(Rule::expr)?)?.expr)),
        }
    }

    /// `statement`
    pub(super) fn statement(&mut self, pair: Pair<'_, Rule>) -> Option<Statement> {
        Some(self.measured_statement(pair)?.0)
    }

    /// A statement, and how deep its deepest expression is.
    pub(super) fn measured_statement(&mut self, pair: Pair<'_, Rule>) -> Option<(Statement, usize)> {
        let mut children = Children::of(pair);
        let doc = docs(&mut children);
        let inner = children.any()?;
        let (rule, span) = (inner.as_rule(), self.span(&inner));
        let mut children = Children::of(inner);
        let (kind, depth) = match rule {
            Rule::let_statement => {
                let pattern = self.pattern(children.when(Rule::pattern)?)?;
                let ty = match children.after_marks(Rule::r#type) {
                    Some(ty) => Some(self.ty(ty)?),
                    None => None,
                };
                let Built { expr, depth } = self.expr(children.after_marks(Rule::expr)?)?;
                let guard = self.guard(&mut children)?;
                (StatementKind::Let { pattern, ty, value: expr, guard }, depth)
            }
            Rule::layer => {
                let name = self.ident(&children.when(Rule::name)?);
                let Built { expr, depth } = self.expr(children.after_marks(Rule::expr)?)?;
                (StatementKind::Layer { name, value: expr, guard: self.guard(&mut children)? }, depth)
            }
            Rule::assert => {
                let Built { expr, depth } = self.expr(children.when(Rule::expr)?)?;
                let ty = match children.after_marks(Rule::r#type) {
                    Some(ty) => Some(self.ty(ty)?),
                    None => None,
                };
                let message = children
                    .when(Rule::string)
                    .map(|text| Spanned::new(self.string(&text), self.span(&text)));
                (StatementKind::Assert { value: expr, ty, message }, depth)
            }
            _ => return None,
        };
        Some((Statement { doc, kind, span }, depth))
    }

    /// `pattern`
    pub(super) fn pattern(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<Pattern>> {
        let span = self.span(&pair);
        let inner = Children::of(pair).any()?;
        let rule = inner.as_rule();
        let node = if rule == Rule::name {
            Pattern::Name(inner.as_str().to_owned())
        } else {
            let names = inner.into_inner().filter(|child| child.as_rule() == Rule::name);
            let names = names.map(|name| self.ident(&name)).collect();
            if rule == Rule::list_pattern { Pattern::List(names) } else { Pattern::Tuple(names) }
        };
        Some(Spanned::new(node, span))
    }

    /// `type`
    pub(super) fn ty(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<Type>> {
        let span = self.span(&pair);
        let inner = Children::of(pair).any()?;
        let rule = inner.as_rule();
        if rule == Rule::name {
            return Some(Spanned::new(Type::Name(inner.as_str().to_owned()), span));
        }
        let mut children = Children::of(inner);
        let node = match rule {
            Rule::list_type => Type::List(Box::new(self.ty(children.when(Rule::r#type)?)?)),
            Rule::class_type => {
                let classes = Box::new(self.expr(children.when(Rule::expr)?)?.expr);
                Type::Class { classes, dims: self.dims(children.when(Rule::dims)?)? }
            }
            Rule::shaped_type => {
                let name = children.when(Rule::name)?.as_str().to_owned();
                Type::Shaped { name, dims: self.dims(children.when(Rule::dims)?)? }
            }
            Rule::choice_type => Type::Enum(children.rest().map(|name| self.ident(&name)).collect()),
            _ => return None,
        };
        Some(Spanned::new(node, span))
    }

    fn dims(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<crate::ast::Expr>> {
        let mut dims = Vec::new();
        for child in pair.into_inner() {
            dims.push(self.expr(child)?.expr);
        }
        Some(dims)
    }

    /// What a string says: its quotes and escapes undone.
    pub(super) fn string(&self, pair: &Pair<'_, Rule>) -> String {
        let text = pair.as_str();
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
        let mut plain = String::with_capacity(inner.len());
        let mut characters = inner.chars();
        while let Some(character) = characters.next() {
            plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
        }
        plain
    }
}

/// The doc comment lines before anything else, without their marks.
fn docs(children: &mut Children<'_>) -> Vec<String> {
    std::iter::from_fn(|| children.when(Rule::doc)).map(|line| doc_text(line.as_str())).collect()
}

/// A doc comment's line without `///` or `//!` and the space after it.
fn doc_text(line: &str) -> String {
    let text = line.get(3..).unwrap_or("");
    text.strip_prefix(' ').unwrap_or(text).trim_end().to_owned()
}
