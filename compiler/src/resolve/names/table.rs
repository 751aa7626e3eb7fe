//! Who is bound where: scopes as the elaborator has them, with guards in place of values.

use std::collections::HashMap;

use super::calls::Shared;
use super::guard::Formula;
use crate::ast::Ident;
use crate::source::Span;

/// A binding's number.
pub(super) type Id = usize;

/// What is known of a name without running the spec.
#[derive(Clone, Debug)]
pub(super) enum Kind<'a> {
    /// A value.
    Value,
    /// A parameter of an enumeration, with its variants.
    Choice(&'a [Ident]),
    /// The input that carries class labels.
    Labels,
    /// A layer: what it calls, with which arguments.
    Layer(Shared<'a>),
    /// A section: its names, and whether it exists while training only.
    Section { names: HashMap<&'a str, Id>, training: bool },
}

/// Which lint speaks up when nobody uses a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unused {
    /// None.
    Fine,
    /// `phg::lint::unused_param`.
    Param,
    /// `phg::lint::unused_name`.
    Name,
    /// `phg::lint::unused_input`.
    Input,
}

/// A bound name.
#[derive(Clone, Debug)]
pub(super) struct Bound<'a> {
    pub(super) name: &'a str,
    /// Where; none for `N`, `H` and `W`.
    pub(super) span: Option<Span>,
    pub(super) kind: Kind<'a>,
    /// What must hold for it to exist, each with the place that says so.
    pub(super) guards: Vec<(Formula, Span)>,
    pub(super) used: bool,
    pub(super) unused: Unused,
}

/// All bindings, and those visible now, innermost frame last.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) all: Vec<Bound<'a>>,
    frames: Vec<HashMap<&'a str, Id>>,
}

impl<'a> Table<'a> {
    pub(super) fn push(&mut self) {
        self.frames.push(HashMap::new());
    }

    pub(super) fn pop(&mut self) -> HashMap<&'a str, Id> {
        self.frames.pop().unwrap_or_default()
    }

    pub(super) fn find(&self, name: &str) -> Option<Id> {
        self.frames.iter().rev().find_map(|frame| frame.get(name)).copied()
    }

    /// The binding of `name` in the innermost frame.
    pub(super) fn innermost(&self, name: &str) -> Option<&Bound<'a>> {
        self.all.get(*self.frames.last()?.get(name)?)
    }

    pub(super) fn get(&self, id: Id) -> Option<&Bound<'a>> {
        self.all.get(id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Bound<'a>> {
        self.all.get_mut(id)
    }

    /// Records a binding and makes it visible in the innermost frame.
    pub(super) fn insert(&mut self, bound: Bound<'a>) -> Id {
        let id = self.all.len();
        let name = bound.name;
        self.all.push(bound);
        self.show(name, id);
        id
    }

    /// Makes an existing binding visible in the innermost frame.
    pub(super) fn show(&mut self, name: &'a str, id: Id) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name, id);
        }
    }

    /// Every visible name, sorted.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.frames.iter().flat_map(|frame| frame.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The section among the visible names that binds `name`.
    pub(super) fn section_with(&self, name: &str) -> Option<&'a str> {
        self.names().into_iter().find(|section| {
            let bound = self.find(section).and_then(|id| self.get(id));
            bound.is_some_and(
                |bound| matches!(&bound.kind, Kind::Section { names, .. } if names.contains_key(name)),
            )
        })
    }
}
