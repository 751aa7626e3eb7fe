//! Items: parameters, blocks, sections, losses and settings, each with the scope that the elaborator gives it.

use std::collections::HashSet;

use super::arguments::Slot;
use super::table::{Bound, Id, Kind, Unused};
use super::{Checker, kind_of};
use crate::ast::{self, Expr, ExprKind, Ident, ItemKind, LossItem, Setting, Settings, Type};
use crate::diag::{Diag, codes};

impl<'a> Checker<'a, '_> {
    pub(super) fn params(&mut self, tree: &'a ast::File) {
        let program = self.program;
        for item in &tree.items {
            let ItemKind::Param(param) = &item.kind else { continue };
            self.ty(&param.ty);
            self.word(&param.default, &param.ty.node);
            for over in program.overrides.iter().filter(|over| over.name.node == param.name.node) {
                self.word(&over.value, &param.ty.node);
            }
            self.bind(&param.name, kind_of(&param.ty.node), None, Unused::Param);
        }
    }

    /// A value where a variant of `ty` may stand. Other bare words are for the elaborator, which knows the type.
    fn word(&mut self, value: &'a Expr, ty: &'a Type) {
        match ty {
            Type::Enum(_) => self.open(value, Slot::Any),
            Type::Name(_) | Type::List(_) | Type::Shaped { .. } | Type::Class { .. } => self.expr(value),
        }
    }

    pub(super) fn blocks(&mut self, module: usize) {
        let program = self.program;
        let Some(tree) = program.modules.get(module).map(|module| &module.ast) else { return };
        self.module = module;
        for item in &tree.items {
            let ItemKind::Block(block) = &item.kind else { continue };
            self.block = Some((module, &block.name.node));
            self.outermost();
            self.table.push();
            for param in &block.params {
                self.ty(&param.ty);
                if let Some(default) = &param.default {
                    self.open(default, Slot::Block(param));
                    self.leaves(default, Slot::Block(param));
                }
                self.bind(&param.name, kind_of(&param.ty.node), None, Unused::Param);
            }
            let results: Vec<&str> = block.outputs.iter().map(|(name, _)| name.node.as_str()).collect();
            for statement in &block.body {
                self.statement(statement, &results);
            }
            for (name, ty) in &block.outputs {
                self.ty(ty);
                self.result(&block.name.node, name);
            }
            self.table.pop();
            self.table.pop();
        }
        self.block = None;
        self.module = 0;
    }

    pub(super) fn section(&mut self, section: &'a ast::Section) {
        let name = section.name.as_ref().unwrap_or(&section.kind);
        let training = section.kind.node == "postnet";
        let depth = self.guarded(section.guard.as_ref());
        let outer = std::mem::replace(&mut self.training, training);
        self.table.push();
        for statement in &section.body {
            self.statement(statement, &[]);
        }
        let names = self.table.pop();
        self.training = outer;
        self.known.truncate(depth);
        let mut exported: Vec<(&str, Id)> = names.iter().map(|(name, id)| (*name, *id)).collect();
        exported.sort_by_key(|(_, id)| *id);
        let kind = Kind::Section { names, training };
        if section.name.is_some() {
            self.bind(name, kind, section.guard.as_ref(), Unused::Fine);
        } else {
            // Unnamed sections of one kind may stand more than once.
            let id = self.table.insert(Bound {
                name: &name.node,
                span: Some(name.span),
                kind,
                guards: Vec::new(),
                used: true,
                unused: Unused::Fine,
            });
            self.guard_binding(id, section.guard.as_ref());
        }
        if section.name.is_some() || training {
            return;
        }
        for (name, id) in exported {
            let Some(bound) = self.table.get(id) else { continue };
            if matches!(bound.kind, Kind::Layer(_)) {
                continue;
            }
            let span = bound.span;
            self.twice(name, span);
            self.table.show(name, id);
            self.guard_binding(id, section.guard.as_ref());
        }
    }

    pub(super) fn loss(&mut self, loss: &'a ast::Loss) {
        let program = self.program;
        self.table.push();
        (self.training, self.in_loss) = (true, true);
        let changed: Vec<&LossItem> = program.losses.iter().flat_map(|loss| &loss.items).collect();
        let helpers = changed.iter().copied().filter(|item| matches!(item, LossItem::Statement(_)));
        let terms = changed.iter().copied().filter(|item| matches!(item, LossItem::Term { .. }));
        let mut seen: HashSet<&str> = HashSet::new();
        for item in helpers.chain(&loss.items).chain(terms) {
            match item {
                LossItem::Statement(statement) => self.statement(statement, &[]),
                LossItem::Term { name, value, guard } => {
                    let depth = self.guarded(guard.as_ref());
                    self.expr(value);
                    self.known.truncate(depth);
                    // What a term replaces is still read, but bound once.
                    if seen.insert(&name.node) {
                        self.bind(name, Kind::Value, guard.as_ref(), Unused::Fine);
                    }
                }
            }
        }
        (self.training, self.in_loss) = (false, false);
        self.table.pop();
    }

    pub(super) fn settings(&mut self, settings: &'a Settings) {
        for field in &settings.fields {
            match field {
                Setting::Group { fields, .. } => self.settings(fields),
                Setting::Value { name, value } => {
                    // Rules have names of their own.
                    let rule = matches!(name.node.as_str(), "optimizer" | "schedule");
                    if let (true, ExprKind::Call(call)) = (rule, value.kind.as_ref()) {
                        call.args.iter().for_each(|arg| self.expr(&arg.value));
                    } else if !(rule && matches!(value.kind.as_ref(), ExprKind::Name(_))) {
                        self.expr(value);
                    }
                }
            }
        }
    }

    /// A block's result is a name that its body binds.
    fn result(&mut self, block: &str, name: &Ident) {
        let id = self.table.innermost(&name.node).is_some().then(|| self.table.find(&name.node)).flatten();
        match id.and_then(|id| self.table.get_mut(id)) {
            Some(bound) => bound.used = true,
            None => self.report(
                Diag::new(
                    &codes::BLOCK_OUTPUT,
                    format!("`{block}` does not bind its result `{}`", name.node),
                    name.span,
                    "promised here",
                )
                .help(format!("bind it in the body: `let {} = ...`", name.node)),
            ),
        }
    }
}
