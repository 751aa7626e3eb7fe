//! Calls: what is called exists, bare words are variants; and no block leads back to itself.

use std::collections::BTreeMap;

use super::arguments::{Callee, Slot};
use super::table::Kind;
use super::{Checker, Key};
use crate::ast::{Arg, Expr, ExprKind, Ident, ItemKind, Pattern, Statement, StatementKind};
use crate::diag::{Diag, codes, did_you_mean};
use crate::elaborate::builtins;
use crate::ops;
use crate::resolve::std_specs;
use crate::source::Span;

/// So many unknown names are compared with those that exist: what is left of a spec beyond that is better fixed
/// from the top.
const SUGGESTIONS: usize = 100;

/// What is called and the arguments that it has already: those of a layer's declaration.
pub(super) type Shared<'a> = (Callee<'a>, &'a [Arg]);

/// How a call stands in the spec.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How<'a> {
    /// `conv(x, 64)`.
    Direct,
    /// `x |> conv(64)`: the first argument stands on the left.
    Piped(&'a Expr),
    /// `layer a = conv(64)`: the inputs come from elsewhere.
    Layer,
}

impl<'a> Checker<'a, '_> {
    /// A call without brackets.
    pub(super) fn bare_call(&mut self, callee: &'a str, span: Span, how: How<'a>) -> Shared<'a> {
        let (callee, declared) = self.callee(callee, span, span, how == How::Layer);
        self.slots(callee, &[], declared, span, how);
        (callee, &[])
    }

    /// A call; gives back what is called and with which arguments, for the layer that is declared so.
    pub(super) fn call(
        &mut self,
        callee: &'a Ident,
        args: &'a [Arg],
        span: Span,
        how: How<'a>,
    ) -> Shared<'a> {
        let (callee, declared) = self.callee(&callee.node, callee.span, span, how == How::Layer);
        let slots = self.slots(callee, args, declared, span, how);
        for (arg, slot) in args.iter().zip(slots) {
            self.open(&arg.value, slot);
        }
        (callee, args)
    }

    /// What is called, and the arguments that it has already if it is a layer.
    fn callee(&mut self, name: &'a str, span: Span, call: Span, layer: bool) -> Shared<'a> {
        let program = self.program;
        let block = program.modules.get(self.module).and_then(|module| module.blocks.get(name));
        if let Some(id) = self.table.find(name)
            && !layer
        {
            self.read(id, name, span);
            if let Some(Kind::Layer(shared)) = self.table.get(id).map(|bound| &bound.kind) {
                return *shared;
            }
            if block.is_none() {
                return (Callee::Other, &[]);
            }
        }
        if let Some(found) = block {
            if self.module == 0 {
                self.calls.entry(self.block.map(|(_, block)| block)).or_default().insert(name);
            }
            if let Some(from) = self.block {
                self.edges.entry(from).or_default().push(((found.module, &found.block.name.node), call));
            }
            return (Callee::Block(&found.block, name), &[]);
        }
        if let Some(def) = ops::def(name) {
            return (Callee::Op(def), &[]);
        }
        if !layer && builtins::NAMES.contains(&name) {
            return (Callee::Function(name), &[]);
        }
        self.unknown(name, span);
        (Callee::Other, &[])
    }

    /// A value where a bare word may stand, alone or as the value of a branch.
    pub(super) fn open(&mut self, value: &'a Expr, slot: Slot<'a>) {
        if let ExprKind::Paren(inner) = value.kind.as_ref() {
            return self.open(inner, slot);
        }
        if let ExprKind::If { condition, then, otherwise } = value.kind.as_ref() {
            self.expr(condition);
            for (body, positive) in [(then, true), (otherwise, false)] {
                self.given(condition, positive, |run| run.body_open(body, slot));
            }
            return;
        }
        let ExprKind::Name(word) = value.kind.as_ref() else { return self.expr(value) };
        if self.table.find(word).is_some() || ops::def(word).is_some_and(|def| def.inputs.is_empty()) {
            return self.expr(value);
        }
        // A bare word that nothing is bound to: a variant, if the parameter has variants.
        let span = value.span;
        match (slot.words(), slot) {
            (Some((_, words)), _) if words.contains(&word.as_str()) => {}
            (Some((wants, words)), _) => {
                let help = did_you_mean(word, words);
                let diag = Diag::new(
                    &codes::TYPE_ARGUMENT,
                    format!("{wants}, not `{word}`"),
                    span,
                    format!("this is `{word}`"),
                );
                self.report(diag.maybe_help(help));
            }
            (None, Slot::Any) => {}
            (None, Slot::Input(_) | Slot::Op(..) | Slot::Block(_) | Slot::Unknown) => {
                self.unknown(word, span)
            }
        }
    }

    pub(super) fn unknown(&mut self, name: &str, span: Span) {
        if self.unknown >= SUGGESTIONS {
            let message = format!("there is no `{name}` here");
            return self.report(Diag::new(&codes::NAME_UNKNOWN, message, span, "not bound"));
        }
        self.unknown += 1;
        let visible = self.table.names();
        let module = self.program.modules.get(self.module);
        let help = if let Some(section) = self.table.section_with(name) {
            Some(format!("section `{section}` binds it: write `{section}.{name}`"))
        } else if let (Some((_, block)), true) =
            (self.block, self.module == 0 && self.spec_names.contains_key(name))
        {
            Some(format!("blocks see only what they are given: add `{name}` to the parameters of `{block}`"))
        } else if let Some(item) = self.bound_below(name, span) {
            Some(format!("names are read from the top: move {item} up, above this"))
        } else if let Some(module) = std_specs::with_block(name) {
            Some(format!("it is in the standard library: `use std.{module} ({name})`"))
        } else {
            let blocks = module.map(|module| module.blocks.keys().map(String::as_str)).into_iter().flatten();
            let ops = ops::REGISTRY.iter().filter(|def| def.callable).map(|def| def.name);
            did_you_mean(
                name,
                visible.into_iter().chain(blocks).chain(builtins::NAMES.iter().copied()).chain(ops),
            )
        };
        let message = format!("there is no `{name}` here");
        self.report(Diag::new(&codes::NAME_UNKNOWN, message, span, "not bound").maybe_help(help));
    }

    /// What binds a name further down in the spec: nothing is visible before it is bound.
    fn bound_below(&self, name: &str, span: Span) -> Option<&'static str> {
        let root = self.program.modules.first().filter(|root| self.module == 0 && root.file == span.file)?;
        let binds = |statements: &[Statement]| {
            statements.iter().any(|statement| match &statement.kind {
                StatementKind::Let { pattern, .. } => match &pattern.node {
                    Pattern::Name(bound) => bound == name,
                    Pattern::List(names) | Pattern::Tuple(names) => {
                        names.iter().any(|bound| bound.node == name)
                    }
                },
                StatementKind::Layer { name: bound, .. } => bound.node == name,
                StatementKind::Assert { .. } => false,
            })
        };
        root.ast.items.iter().filter(|item| item.span.start > span.start).find_map(|item| match &item.kind {
            ItemKind::Param(param) if param.name.node == name => Some("the `param`"),
            ItemKind::Input(input) if input.name.node == name => Some("the `input`"),
            ItemKind::Statement(statement) if binds(std::slice::from_ref(statement)) => Some("its `let`"),
            ItemKind::Section(section) if section.name.as_ref().is_some_and(|bound| bound.node == name) => {
                Some("the section")
            }
            ItemKind::Section(section) if section.name.is_none() && binds(&section.body) => {
                Some("the section that binds it")
            }
            ItemKind::Param(_)
            | ItemKind::Input(_)
            | ItemKind::Statement(_)
            | ItemKind::Section(_)
            | ItemKind::Use(_)
            | ItemKind::Extend(_)
            | ItemKind::Block(_)
            | ItemKind::Output(_)
            | ItemKind::Loss(_)
            | ItemKind::Train(_) => None,
        })
    }

    /// Reports each call that closes a circle of blocks.
    pub(super) fn recursion(&mut self) {
        let edges = std::mem::take(&mut self.edges);
        let mut state: BTreeMap<Key<'a>, bool> = BTreeMap::new();
        for start in edges.keys() {
            if state.contains_key(start) {
                continue;
            }
            // A block is `false` while the walk is below it, `true` when all that it calls was seen.
            let mut path: Vec<(Key<'a>, usize)> = vec![(*start, 0)];
            state.insert(*start, false);
            while let Some((block, next)) = path.last_mut() {
                let (here, calls) = (*block, edges.get(block).map_or(&[][..], Vec::as_slice));
                let Some((to, span)) = calls.get(*next).copied() else {
                    state.insert(here, true);
                    path.pop();
                    continue;
                };
                *next += 1;
                match state.get(&to) {
                    Some(true) => {}
                    Some(false) => self.circle(to, span),
                    None => {
                        state.insert(to, false);
                        path.push((to, 0));
                    }
                }
            }
        }
    }

    fn circle(&mut self, (module, name): Key<'a>, span: Span) {
        let block = self.program.modules.get(module).and_then(|module| module.blocks.get(name));
        let diag = Diag::new(
            &codes::BLOCK_RECURSION,
            format!("block `{name}` calls itself"),
            span,
            "leads back into it",
        );
        let diag = match block {
            Some(block) => diag.because(block.span, "defined here"),
            None => diag,
        };
        self.report(diag.help("repeat with `for` or `fold`, whose number of turns is known"));
    }
}
