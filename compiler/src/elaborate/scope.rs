//! Scopes: which names are bound, and where.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::Elaborator;
use super::value::Value;
use crate::ast;
use crate::diag::{Diag, codes};
use crate::source::Span;

/// A bound name.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) value: Value,
    pub(super) span: Option<Span>,
}

/// Names, innermost frame last.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Names that are visible everywhere: one table for all scopes.
    builtins: Rc<FxHashMap<String, Binding>>,
    frames: Vec<FxHashMap<String, Binding>>,
    /// The file's own scope, whose outermost frame may not take a builtin's name.
    root: bool,
}

impl Default for Scope {
    fn default() -> Self {
        Self { builtins: Rc::default(), frames: vec![FxHashMap::default()], root: true }
    }
}

impl Scope {
    /// A scope for a block's body: only its parameters and the sizes are visible.
    pub(super) fn for_block(outer: &Self) -> Self {
        Self { builtins: Rc::clone(&outer.builtins), frames: vec![FxHashMap::default()], root: false }
    }

    pub(super) fn push(&mut self) {
        self.frames.push(FxHashMap::default());
    }

    pub(super) fn pop(&mut self) -> FxHashMap<String, Binding> {
        self.frames.pop().unwrap_or_default()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Binding> {
        self.frames.iter().rev().find_map(|frame| frame.get(name)).or_else(|| self.builtins.get(name))
    }

    pub(super) fn innermost(&self, name: &str) -> Option<&Binding> {
        let builtin = || if self.root && self.frames.len() == 1 { self.builtins.get(name) } else { None };
        self.frames.last().and_then(|frame| frame.get(name)).or_else(builtin)
    }

    pub(super) fn insert(&mut self, name: String, value: Value, span: Option<Span>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name, Binding { value, span });
        }
    }

    pub(super) fn bind_builtin(&mut self, name: &str, value: Value) {
        let binding = Binding { value, span: None };
        Rc::make_mut(&mut self.builtins).insert(name.to_owned(), binding);
    }

    /// Every visible name.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .frames
            .iter()
            .flat_map(|frame| frame.keys().cloned())
            .chain(self.builtins.keys().cloned())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Elaborator<'_> {
    /// Binds a name in the innermost frame; twice is an error.
    pub(super) fn bind(&mut self, name: &ast::Ident, value: Value) {
        self.bind_at(&name.node, name.span, value);
    }

    pub(super) fn bind_at(&mut self, name: &str, span: Span, value: Value) {
        let earlier = self.scope.innermost(name).map(|binding| binding.span);
        if let Some(earlier) = earlier {
            let mut diag = Diag::new(
                &codes::NAME_DUPLICATE,
                format!("`{name}` is bound twice"),
                span,
                "bound here again",
            );
            diag = match earlier {
                Some(span) => diag.because(span, "first bound here"),
                None => diag.help("`N`, `H` and `W` are the sizes of the input; take another name"),
            };
            self.report(diag.maybe_help(Some(format!("rename one of them, for example `{name}2`"))));
        }
        self.scope.insert(name.to_owned(), value, Some(span));
    }
}
