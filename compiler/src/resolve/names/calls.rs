//! Calls: what is called exists, named arguments have parameters, bare words are variants; and no block leads
//! back to itself.

use std::collections::BTreeMap;

use super::{Checker, Key};
use crate::ast::{Arg, Block, BlockParam, Expr, ExprKind, Ident, Type};
use crate::diag::{Diag, codes, did_you_mean};
use crate::elaborate::builtins;
use crate::ops::{self, OpDef, ParamDef};
use crate::source::Span;

/// So many unknown names are compared with those that exist: what is left of a spec beyond that is better fixed
/// from the top.
const SUGGESTIONS: usize = 100;

/// What a call's arguments are bound to.
#[derive(Clone, Copy)]
enum Callee<'a> {
    Op(&'static OpDef),
    Block(&'a Block),
    /// A layer, a function, or nothing that is known.
    Other,
}

/// How a call stands in the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// `conv(x, 64)`.
    Direct,
    /// `x |> conv(64)`: a first argument comes from elsewhere.
    Piped,
    /// `layer a = conv(64)`: the inputs come from elsewhere.
    Layer,
}

/// What an argument is given to.
pub(super) enum Slot<'a> {
    /// A parameter that takes these words: what says so, and the words.
    Words(String, Vec<&'a str>),
    /// An input, or a parameter that takes no words.
    Plain,
    /// Not known here.
    Unknown,
    /// Something that takes any word: what is wrong with it is said elsewhere.
    Any,
}

impl<'a> Checker<'a, '_> {
    /// A call without brackets.
    pub(super) fn bare_call(&mut self, callee: &'a str, span: Span, how: How) {
        self.callee(callee, span, span, how == How::Layer);
    }

    pub(super) fn call(&mut self, callee: &'a Ident, args: &'a [Arg], span: Span, how: How) {
        let target = self.callee(&callee.node, callee.span, span, how == How::Layer);
        for at in 0..args.len() {
            self.argument(target, callee, args, at, how);
        }
    }

    fn callee(&mut self, name: &'a str, span: Span, call: Span, layer: bool) -> Callee<'a> {
        let program = self.program;
        let block = program.modules.get(self.module).and_then(|module| module.blocks.get(name));
        if let Some(id) = self.table.find(name)
            && !layer
        {
            self.read(id, name, span);
            if block.is_none() {
                return Callee::Other;
            }
        }
        if let Some(found) = block {
            if self.module == 0 {
                self.used_blocks.insert(name);
            }
            if let Some(from) = self.block {
                self.edges.entry(from).or_default().push(((found.module, &found.block.name.node), call));
            }
            return Callee::Block(&found.block);
        }
        if let Some(def) = ops::def(name) {
            return Callee::Op(def);
        }
        if layer || !builtins::NAMES.contains(&name) {
            self.unknown(name, span);
        }
        Callee::Other
    }

    fn argument(&mut self, target: Callee<'a>, callee: &Ident, args: &'a [Arg], at: usize, how: How) {
        let Some(arg) = args.get(at) else { return };
        let known = match (&arg.name, target) {
            (Some(name), Callee::Op(def)) => self.op_parameter(def, name),
            (Some(name), Callee::Block(block)) => self.block_parameter(block, &callee.node, name),
            (None, _) | (Some(_), Callee::Other) => true,
        };
        let slot = slot(target, args, at, how);
        let open = matches!(slot, Slot::Unknown) && !known;
        self.open(&arg.value, if open { &Slot::Any } else { &slot });
    }

    /// A value where a bare word may stand, alone or as the value of a branch.
    pub(super) fn open(&mut self, value: &'a Expr, slot: &Slot<'_>) {
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
        match slot {
            Slot::Words(wants, words) if !words.contains(&word.as_str()) => {
                let help = did_you_mean(word, words.iter().copied());
                let diag = Diag::new(
                    &codes::TYPE_ARGUMENT,
                    format!("{wants}, not `{word}`"),
                    span,
                    format!("this is `{word}`"),
                );
                self.report(diag.maybe_help(help));
            }
            Slot::Words(..) | Slot::Any => {}
            Slot::Plain | Slot::Unknown => self.unknown(word, span),
        }
    }

    fn op_parameter(&mut self, def: &'static OpDef, name: &Ident) -> bool {
        let mut known = def.params.iter().map(|p| p.name).chain(def.inputs.iter().map(|i| i.name));
        if known.any(|known| known == name.node) {
            return true;
        }
        self.report(crate::elaborate::unknown_op_parameter(def, name));
        false
    }

    fn block_parameter(&mut self, block: &Block, callee: &str, name: &Ident) -> bool {
        if block.params.iter().any(|param| param.name.node == name.node) {
            return true;
        }
        self.report(crate::elaborate::unknown_block_parameter(block, callee, name));
        false
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

/// What the argument at `at` is given to, by the rules by which the elaborator binds arguments.
fn slot<'a>(target: Callee<'a>, args: &[Arg], at: usize, how: How) -> Slot<'a> {
    let name = args.get(at).and_then(|arg| arg.name.as_ref()).map(|name| name.node.as_str());
    let given = |name: &str| args.iter().any(|arg| arg.name.as_ref().is_some_and(|n| n.node == name));
    // How many positional arguments stand before this one.
    let mut before =
        args.iter().take(at).filter(|arg| arg.name.is_none()).count() + usize::from(how == How::Piped);
    match target {
        Callee::Op(def) => {
            let slot_of = |param: &ParamDef| match param.ty.words() {
                [] => Slot::Plain,
                words => Slot::Words(
                    format!("`{}` of `{}` is {}", param.name, def.name, param.ty.describe()),
                    words.to_vec(),
                ),
            };
            if let Some(name) = name {
                let input = def.inputs.iter().any(|input| input.name == name);
                let param = def.params.iter().find(|param| param.name == name);
                return param.map_or(if input { Slot::Plain } else { Slot::Unknown }, slot_of);
            }
            let taken = def.inputs.iter().filter(|input| !input.named && !given(input.name));
            for input in taken.filter(|_| how != How::Layer) {
                if input.variadic || before == 0 {
                    return Slot::Plain;
                }
                before -= 1;
            }
            let mut open = def.params.iter().filter(|param| !given(param.name));
            open.nth(before).map_or(Slot::Unknown, slot_of)
        }
        Callee::Block(block) => {
            let slot_of = |param: &'a BlockParam| match &param.ty.node {
                Type::Enum(variants) => {
                    let words: Vec<&str> = variants.iter().map(|variant| variant.node.as_str()).collect();
                    Slot::Words(format!("`{}` is one of `{}`", param.name.node, words.join("`, `")), words)
                }
                Type::Name(_) | Type::List(_) | Type::Shaped { .. } | Type::Class { .. } => Slot::Plain,
            };
            if let Some(name) = name {
                return block
                    .params
                    .iter()
                    .find(|param| param.name.node == name)
                    .map_or(Slot::Unknown, slot_of);
            }
            // A layer's first inputs come with its calls: how many is not known here.
            let choice = |param: &&BlockParam| matches!(param.ty.node, Type::Enum(_));
            let mut open = block.params.iter().filter(|param| !given(&param.name.node));
            if how == How::Layer { open.find(choice) } else { open.nth(before) }
                .map_or(Slot::Unknown, slot_of)
        }
        // Layers have the words of what they call, which is looked at where they are declared.
        Callee::Other => Slot::Unknown,
    }
}
