//! Resolution: which files make up a program, which blocks each of them sees, what an `extend` changes.
//!
//! Comes in: the text of one spec and a [`Provider`] for the others. Goes out: a [`Program`] whose module
//! 0 is the spec itself (or the one that it extends).

mod names;
pub mod std_specs;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use names::TYPES;
pub use names::check as check_names;

use crate::ast::{self, Change, ItemKind};
use crate::diag::{Diag, Diags, codes, did_you_mean};
use crate::parse;
use crate::source::{COMMAND_LINE, FileId, Provider, SourceMap, Span};

/// What stands before a name and its value on the command line.
const OPTION: &str = "--set ";

/// Files may import one another so deep.
const IMPORT_DEPTH: usize = 16;
/// So many files may take part.
const IMPORT_FILES: usize = 64;

/// One file and what it sees.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its file.
    pub file: FileId,
    /// Its items.
    pub ast: Arc<ast::File>,
    /// Blocks by the name that this file gives them.
    pub blocks: BTreeMap<String, BlockRef>,
}

/// A block and the module that defines it.
#[derive(Clone, Debug)]
pub struct BlockRef {
    /// Index into [`Program::modules`].
    pub module: usize,
    /// The block.
    pub block: Arc<ast::Block>,
    /// Where it was defined.
    pub span: Span,
}

/// A new value for a parameter of the spec.
#[derive(Clone, Debug)]
pub struct Override {
    /// The parameter's name.
    pub name: ast::Ident,
    /// Its value.
    pub value: ast::Expr,
}

/// A spec with everything that it needs.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Module 0 is the spec; the others were imported.
    pub modules: Vec<Module>,
    /// New values of parameters, outermost `extend` last, then the command line.
    pub overrides: Vec<Override>,
    /// New settings, in the same order.
    pub settings: Vec<ast::Settings>,
    /// New terms of the loss.
    pub losses: Vec<ast::Loss>,
    /// The first lines of the spec's documentation.
    pub doc: Vec<String>,
}

/// Loads `text` and everything that it imports or extends. Mistakes go to `diags`; what could be read is
/// in the program.
pub fn load(
    name: &str,
    text: &str,
    sets: &[(String, String)],
    provider: &dyn Provider,
    sources: &mut SourceMap,
    diags: &mut Diags,
) -> Program {
    let mut loader = Loader { provider, sources, diags, known: BTreeMap::new(), program: Program::default() };
    loader.root(name, text);
    for (key, value) in sets {
        loader.set(key, value);
    }
    loader.program
}

struct Loader<'a> {
    provider: &'a dyn Provider,
    sources: &'a mut SourceMap,
    diags: &'a mut Diags,
    /// Modules by the name of their file; `None` while a file is being loaded.
    known: BTreeMap<String, Option<usize>>,
    program: Program,
}

impl Loader<'_> {
    /// Reads the spec; follows `extend` to the spec that has the network.
    fn root(&mut self, name: &str, text: &str) {
        let (mut name, mut text) = (name.to_owned(), text.to_owned());
        let mut chain = vec![name.clone()];
        let mut changes = Vec::new();
        loop {
            let file = self.sources.add(name.clone(), text.clone());
            let tree = parse::parse(file, &text, self.diags);
            if self.program.doc.is_empty() {
                self.program.doc.clone_from(&tree.doc);
            }
            let extend = tree.items.iter().find_map(|item| {
                if let ItemKind::Extend(extend) = &item.kind {
                    Some((extend.clone(), item.span))
                } else {
                    None
                }
            });
            let Some((extend, span)) = extend else {
                self.module(name, file, tree, 0);
                break;
            };
            if let Some(other) = tree.items.iter().find(|item| item.span != span) {
                self.diags.push(
                    Diag::new(
                        &codes::IMPORT_EXTEND,
                        "an `extend` is a whole file",
                        other.span,
                        "this stands beside it",
                    )
                    .because(span, "the spec is another one with changes")
                    .help("move it into the spec that is extended, or make it a change inside the braces"),
                );
            }
            changes.push(extend.changes);
            let path = &extend.path;
            match self.provider.load(&name, &path.node) {
                Ok((next, _)) if chain.contains(&next) || chain.len() > IMPORT_DEPTH => {
                    self.diags.push(Diag::new(
                        &codes::IMPORT_CYCLE,
                        format!("`{next}` extends itself"),
                        path.span,
                        "leads back to where it started",
                    ));
                    self.program.modules.push(Module { file, ast: Arc::new(tree), blocks: BTreeMap::new() });
                    return;
                }
                Ok((next, content)) => {
                    chain.push(next.clone());
                    (name, text) = (next, content);
                }
                Err(why) => {
                    self.missing(&path.node, &why, path.span);
                    return;
                }
            }
        }
        // The innermost spec's changes come first, so that the outermost has the last word.
        for change in changes.into_iter().rev().flatten() {
            match change {
                Change::Param { name, value } => self.program.overrides.push(Override { name, value }),
                Change::Train(settings) => self.program.settings.push(settings),
                Change::Loss(loss) => self.program.losses.push(loss),
            }
        }
    }

    /// `--set K=4`, `--set train.batch=2`: parsed by the language's own grammar. What is parsed has every word at the
    /// place where the command line has it, so that messages show the command line.
    fn set(&mut self, key: &str, value: &str) {
        let shown = format!("{OPTION}{key}={value}");
        let file = self.sources.add(COMMAND_LINE, shown.clone());
        let mut parts = key.split('.');
        let (first, groups) = (parts.next().unwrap_or_default(), parts.count());
        let text = match (first, groups) {
            ("train", 1..) => {
                let open = key.replace('.', "{");
                format!("{:width$}{open}={value}\n{}", "", "}".repeat(groups), width = OPTION.len())
            }
            (_, 0) => format!("{:<width$}{key}={value}", "let", width = OPTION.len()),
            _ => {
                let message = format!("`{first}` is nothing that `--set` changes");
                let span = Span::new(file, OPTION.len(), OPTION.len() + first.len());
                let help = did_you_mean(first, ["train"]).unwrap_or_else(|| {
                    "it changes the spec's parameters, `K=4`, and its training settings, `train.batch=2`"
                        .into()
                });
                self.diags
                    .push(Diag::new(&codes::PARAM_UNKNOWN, message, span, "not a parameter").help(help));
                return;
            }
        };
        let mut found = Diags::default();
        let tree = parse::parse(file, &text, &mut found);
        let refused = found.has_errors();
        // What closes a group of settings stands past the end of what was typed.
        let end = u32::try_from(shown.len()).unwrap_or(u32::MAX);
        for mut diag in found.sorted() {
            for label in &mut diag.labels {
                (label.span.start, label.span.end) = (label.span.start.min(end), label.span.end.min(end));
            }
            if diag.code == &codes::PARSE_SYNTAX {
                diag.help =
                    Some("write one name and one value: `--set K=4`, `--set 'units=[3, 4]'`".to_owned());
            }
            self.diags.push(diag);
        }
        let [item] = tree.items.as_slice() else {
            return if !refused {
                self.no_value(file, &shown)
            };
        };
        if let ItemKind::Train(settings) = &item.kind {
            self.program.settings.push(settings.clone());
        } else if let ItemKind::Statement(statement) = &item.kind
            && let ast::StatementKind::Let { pattern, ty: None, value, guard: None } = &statement.kind
            && let ast::Pattern::Name(name) = &pattern.node
        {
            let name = ast::Ident::new(name.clone(), pattern.span);
            self.program.overrides.push(Override { name, value: value.clone() });
        } else {
            self.no_value(file, &shown);
        }
    }

    /// A `--set` that parses, but as something else than one value for one name.
    fn no_value(&mut self, file: FileId, shown: &str) {
        let span = Span::new(file, OPTION.len(), shown.len());
        self.diags.push(
            Diag::new(&codes::PARSE_SYNTAX, "`--set` gives one name one value", span, "more than that")
                .help("write `--set K=4`; for several names, `--set` several times"),
        );
    }

    /// Registers a parsed file and loads what it imports.
    fn module(&mut self, name: String, file: FileId, tree: ast::File, depth: usize) -> usize {
        let index = self.program.modules.len();
        self.known.insert(name.clone(), None);
        let tree = Arc::new(tree);
        self.program.modules.push(Module { file, ast: Arc::clone(&tree), blocks: BTreeMap::new() });
        let mut blocks: BTreeMap<String, BlockRef> = BTreeMap::new();
        for item in &tree.items {
            match &item.kind {
                ItemKind::Block(block) => {
                    let found =
                        BlockRef { module: index, block: Arc::new(block.clone()), span: block.name.span };
                    self.define(&mut blocks, &block.name, found);
                }
                ItemKind::Use(import) => self.import(&name, import, &mut blocks, depth),
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
        if let Some(module) = self.program.modules.get_mut(index) {
            module.blocks = blocks;
        }
        self.known.insert(name, Some(index));
        index
    }

    fn define(&mut self, blocks: &mut BTreeMap<String, BlockRef>, name: &ast::Ident, found: BlockRef) {
        if let Some(other) = blocks.get(&name.node) {
            self.diags.push(
                Diag::new(
                    &codes::NAME_DUPLICATE,
                    format!("`{}` is defined twice", name.node),
                    name.span,
                    "here again",
                )
                .because(other.span, "first defined here"),
            );
            return;
        }
        blocks.insert(name.node.clone(), found);
    }

    fn import(
        &mut self,
        from: &str,
        import: &ast::Use,
        blocks: &mut BTreeMap<String, BlockRef>,
        depth: usize,
    ) {
        let span = import.from.span;
        let (name, text) = match &import.from.node {
            ast::Module::Std(name) => match std_specs::text(name) {
                Some(text) => (format!("std/{name}.phg"), text.to_owned()),
                None => {
                    let help = did_you_mean(name, std_specs::names());
                    self.diags.push(
                        Diag::new(
                            &codes::IMPORT_MISSING,
                            format!("the standard library has no `{name}`"),
                            span,
                            "no such module",
                        )
                        .maybe_help(help),
                    );
                    return;
                }
            },
            ast::Module::Path(path) => match self.provider.load(from, path) {
                Ok(found) => found,
                Err(why) => {
                    self.missing(path, &why, span);
                    return;
                }
            },
        };
        let module = match self.known.get(&name) {
            Some(Some(index)) => *index,
            Some(None) => {
                self.diags.push(Diag::new(
                    &codes::IMPORT_CYCLE,
                    format!("`{name}` imports itself by way of `{from}`"),
                    span,
                    "leads back to where it started",
                ));
                return;
            }
            None if depth >= IMPORT_DEPTH || self.program.modules.len() >= IMPORT_FILES => {
                self.diags.push(Diag::new(
                    &codes::IMPORT_CYCLE,
                    format!("imports are nested more than {IMPORT_DEPTH} deep, or more than {IMPORT_FILES} files take part"),
                    span,
                    "one import too many",
                ));
                return;
            }
            None => {
                let file = self.sources.add(name.clone(), text.clone());
                let tree = parse::parse(file, &text, self.diags);
                self.module(name.clone(), file, tree, depth + 1)
            }
        };
        for (there, here) in &import.names {
            let found = self.program.modules.get(module).and_then(|m| m.blocks.get(&there.node)).cloned();
            match found {
                Some(found) => self.define(blocks, here.as_ref().unwrap_or(there), found),
                None => {
                    let known: Vec<String> = self
                        .program
                        .modules
                        .get(module)
                        .map(|m| m.blocks.keys().cloned().collect())
                        .unwrap_or_default();
                    self.diags.push(
                        Diag::new(
                            &codes::IMPORT_UNKNOWN,
                            format!("`{name}` has no block `{}`", there.node),
                            there.span,
                            "not in that file",
                        )
                        .maybe_help(
                            did_you_mean(&there.node, known.iter().map(String::as_str)).or_else(|| {
                                (!known.is_empty()).then(|| format!("it has {}", known.join(", ")))
                            }),
                        ),
                    );
                }
            }
        }
    }

    fn missing(&mut self, path: &str, why: &str, span: Span) {
        let help = if path.ends_with(".phg") {
            "a path is relative to the file that names it; blocks of the standard library need none: `use std.resnet (resnet)`"
                .to_owned()
        } else {
            format!("write the file's whole name, `{path}.phg`")
        };
        self.diags.push(
            Diag::new(&codes::IMPORT_MISSING, format!("`{path}` cannot be read: {why}"), span, "named here")
                .help(help),
        );
    }
}
