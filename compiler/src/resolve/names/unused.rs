//! Lints: what the spec binds, declares or imports and nobody reads or calls.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::table::{Bound, Kind, Unused};
use crate::ast::{Block, Ident, ItemKind};
use crate::diag::{Diag, codes};
use crate::source::{FileId, Span};

/// The file that the user handed in: others are somebody else's to tidy.
const OWN: FileId = FileId(0);

impl<'a> Checker<'a, '_> {
    pub(super) fn unused(&self) -> Vec<Diag> {
        let mut found = Vec::new();
        for bound in self.table.all.iter().filter(|bound| !bound.used) {
            let Some(span) = bound.span.filter(|span| span.file == OWN) else { continue };
            let (code, what) = match bound.unused {
                Unused::Fine => continue,
                Unused::Param => (&codes::LINT_UNUSED_PARAM, "the parameter"),
                Unused::Name => (&codes::LINT_UNUSED_NAME, "the name"),
                Unused::Input => {
                    found.push(unread_input(bound, span));
                    continue;
                }
            };
            let diag =
                Diag::new(code, format!("{what} `{}` is never used", bound.name), span, "nobody reads it");
            found.push(diag.help(format!("remove it, or call it `_{}`", bound.name)));
        }
        let Some(root) = self.program.modules.first().filter(|module| module.file == OWN) else {
            return found;
        };
        let (mut blocks, mut imports): (Vec<&Block>, Vec<&Ident>) = (Vec::new(), Vec::new());
        for item in &root.ast.items {
            match &item.kind {
                ItemKind::Block(block) => blocks.push(block),
                ItemKind::Use(import) => {
                    imports.extend(import.names.iter().map(|(there, here)| here.as_ref().unwrap_or(there)));
                }
                ItemKind::Extend(_)
                | ItemKind::Param(_)
                | ItemKind::Input(_)
                | ItemKind::Section(_)
                | ItemKind::Output(_)
                | ItemKind::Loss(_)
                | ItemKind::Train(_)
                | ItemKind::Statement(_) => {}
            }
        }
        let called: BTreeSet<&str> = self.calls.values().flatten().copied().collect();
        self.blocks_and_what_they_keep(&blocks, &imports, &called, &mut found);
        for name in imports {
            if !called.contains(name.node.as_str()) {
                let message = format!("the import `{}` is never used", name.node);
                let diag = Diag::new(&codes::LINT_UNUSED_NAME, message, name.span, "nobody calls it");
                found.push(diag.help("remove it from the list"));
            }
        }
        found
    }

    /// One lint for each block that nobody calls; what only it calls is said with it.
    fn blocks_and_what_they_keep(
        &self,
        blocks: &[&'a Block],
        imports: &[&'a Ident],
        called: &BTreeSet<&'a str>,
        found: &mut Vec<Diag>,
    ) {
        // A block that is kept on purpose keeps what it calls.
        let mut used = BTreeSet::new();
        self.reach(None, &mut used);
        for block in blocks.iter().filter(|block| block.name.node.starts_with('_')) {
            self.reach(Some(&block.name.node), &mut used);
        }
        let names = blocks.iter().map(|block| &block.name).chain(imports.iter().copied());
        let names: BTreeMap<&str, &Ident> = names.map(|name| (name.node.as_str(), name)).collect();
        // What several of them call goes with the last one: from the top, each can be removed as its help says.
        for block in blocks.iter().rev() {
            let name = block.name.node.as_str();
            if called.contains(name) || name.starts_with('_') {
                continue;
            }
            let mut diag = Diag::new(
                &codes::LINT_UNUSED_BLOCK,
                format!("the block `{name}` is never used"),
                block.name.span,
                "nobody calls it",
            );
            let mut kept: Vec<&Ident> = self
                .reach(Some(name), &mut used)
                .iter()
                .filter_map(|name| names.get(name).copied())
                .collect();
            kept.sort_by_key(|name| name.span);
            for name in &kept {
                diag = diag.because(name.span, "called by unused blocks only");
            }
            let kept: Vec<String> = kept.iter().map(|name| format!("`{}`", name.node)).collect();
            let all = match kept.split_last() {
                None => "it".to_owned(),
                Some((only, [])) => format!("it and {only}"),
                Some((last, others)) => format!("it, {} and {last}", others.join(", ")),
            };
            let needed = block.params.iter().filter(|param| param.default.is_none());
            let args: Vec<&str> = needed.map(|param| param.name.node.as_str()).collect();
            found.push(diag.help(format!(
                "remove {all}; or call it, `{name}({})`; or name it `_{name}` to keep it for later",
                args.join(", ")
            )));
        }
    }

    /// Adds what a block, or the spec outside of its blocks, calls, and what that calls in turn; gives back what is
    /// new.
    fn reach(&self, from: Option<&'a str>, used: &mut BTreeSet<&'a str>) -> Vec<&'a str> {
        let (mut new, mut next, mut from) = (Vec::new(), 0, from);
        loop {
            new.extend(self.calls.get(&from).into_iter().flatten().copied().filter(|name| used.insert(name)));
            let Some(name) = new.get(next).copied() else { return new };
            (from, next) = (Some(name), next + 1);
        }
    }
}

fn unread_input(bound: &Bound<'_>, span: Span) -> Diag {
    let name = bound.name;
    let help = if matches!(bound.kind, Kind::Labels) {
        format!("remove it, or train on it: `loss {{ l_s = cross_entropy(logits, {name}) }}`")
    } else {
        format!("remove it, or read it: `{name} |> conv(16, kernel: 3)`")
    };
    let message = format!("the input `{name}` is never read");
    Diag::new(&codes::LINT_UNUSED_INPUT, message, span, "nobody reads it").help(help)
}
