//! Names and arguments: every name resolves and every argument has its parameter in every branch, taken or not.
//!
//! Comes in: a [`Program`]. Goes out: diagnostics of unknown names, of guarded names where their guard is not
//! implied, of names outside their phase, of arguments that nothing takes or that are missing, of blocks that lead
//! back to themselves, and lints of what nobody uses.
//! Guaranteed: scopes are those of the elaborator, and nothing is evaluated: the values of parameters play no
//! part, so that what holds here holds whatever `--set` says.

mod arguments;
mod calls;
mod guard;
mod items;
mod table;
mod unused;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Program;
use crate::ast::{self, Body, Expr, ExprKind, Ident, ItemKind, Pattern, StatementKind, Type};
use crate::diag::{Diag, Diags, codes, did_you_mean};
use crate::source::{Span, Spanned};
use arguments::{Callee, Slot};
use calls::How;
use guard::{Formula, holds};
use table::{Bound, Id, Kind, Table, Unused};

/// A block by its module and its name there.
type Key<'a> = (usize, &'a str);

/// Checks the names of a program without running it. What nobody uses comes back apart: it is worth a word only
/// where there are no errors, since a misspelt name leaves another one unused.
pub fn check(program: &Program, diags: &mut Diags) -> Vec<Diag> {
    let mut checker = Checker {
        program,
        diags,
        module: 0,
        table: Table::default(),
        known: Vec::new(),
        training: false,
        in_loss: false,
        block: None,
        spec_names: HashMap::new(),
        unknown: 0,
        calls: BTreeMap::new(),
        edges: BTreeMap::new(),
    };
    checker.program();
    checker.unused()
}

struct Checker<'a, 'd> {
    program: &'a Program,
    diags: &'d mut Diags,
    module: usize,
    table: Table<'a>,
    /// What holds where we are: conditions of the guards and branches around us.
    known: Vec<Formula>,
    /// Are labels there?
    training: bool,
    in_loss: bool,
    /// The block that we are in.
    block: Option<Key<'a>>,
    /// The spec's own names, for help inside blocks, which do not see them.
    spec_names: HashMap<&'a str, Id>,
    /// How many names were unknown so far.
    unknown: usize,
    /// Names of blocks that the spec calls: by which of its blocks, or from outside of them.
    calls: BTreeMap<Option<&'a str>, BTreeSet<&'a str>>,
    /// Which blocks each block calls, and where.
    edges: BTreeMap<Key<'a>, Vec<(Key<'a>, Span)>>,
}

impl<'a> Checker<'a, '_> {
    fn program(&mut self) {
        let program = self.program;
        let Some(root) = program.modules.first() else { return };
        self.outermost();
        self.params(&root.ast);
        for item in &root.ast.items {
            match &item.kind {
                ItemKind::Input(input) => {
                    self.ty(&input.ty);
                    let labels = matches!(input.ty.node, Type::Class { .. });
                    self.bind(
                        &input.name,
                        if labels { Kind::Labels } else { Kind::Value },
                        None,
                        Unused::Input,
                    );
                }
                ItemKind::Section(section) => self.section(section),
                ItemKind::Statement(statement) => self.statement(statement, &[]),
                ItemKind::Output(output) => {
                    let depth = self.guarded(output.guard.as_ref());
                    self.expr(&output.value);
                    self.known.truncate(depth);
                    // An output of the name of a value is that value.
                    let id = self.table.insert(Bound {
                        name: &output.name.node,
                        span: Some(output.name.span),
                        kind: Kind::Value,
                        guards: Vec::new(),
                        used: false,
                        unused: Unused::Fine,
                    });
                    self.guard_binding(id, output.guard.as_ref());
                }
                ItemKind::Loss(loss) => self.loss(loss),
                ItemKind::Use(_)
                | ItemKind::Extend(_)
                | ItemKind::Param(_)
                | ItemKind::Block(_)
                | ItemKind::Train(_) => {}
            }
        }
        for item in &root.ast.items {
            if let ItemKind::Train(settings) = &item.kind {
                self.settings(settings);
            }
        }
        for settings in &program.settings {
            self.settings(settings);
        }
        self.spec_names = self.table.pop();
        for at in 0..program.modules.len() {
            self.blocks(at);
        }
        self.recursion();
    }

    /// A fresh outermost frame with the sizes of the input.
    fn outermost(&mut self) {
        self.table.push();
        for name in ["N", "H", "W"] {
            let kind = Kind::Value;
            self.table.insert(Bound {
                name,
                span: None,
                kind,
                guards: Vec::new(),
                used: true,
                unused: Unused::Fine,
            });
        }
    }

    /// `results` are names that somebody reads outside: those of the block around.
    fn statement(&mut self, statement: &'a ast::Statement, results: &[&str]) {
        match &statement.kind {
            StatementKind::Let { pattern, ty, value, guard } => {
                let depth = self.guarded(guard.as_ref());
                self.expr(value);
                if let Some(ty) = ty {
                    self.ty(ty);
                }
                self.known.truncate(depth);
                self.pattern(pattern, guard.as_ref(), results, Unused::Name);
            }
            StatementKind::Layer { name, value, guard } => {
                let depth = self.guarded(guard.as_ref());
                let shared = if let ExprKind::Call(call) = value.kind.as_ref() {
                    self.call(&call.callee, &call.args, value.span, How::Layer)
                } else if let ExprKind::Name(callee) = value.kind.as_ref() {
                    self.bare_call(callee, value.span, How::Layer)
                } else {
                    let message = "a layer is a call without its inputs";
                    self.report(
                        Diag::new(&codes::NAME_CALL, message, value.span, "not a call")
                            .help(format!("write `layer {} = conv(64, kernel: 3)`", name.node)),
                    );
                    (Callee::Other, &[][..])
                };
                self.known.truncate(depth);
                self.bind(name, Kind::Layer(shared), guard.as_ref(), Unused::Name);
            }
            StatementKind::Assert { value, ty, .. } => {
                self.expr(value);
                if let Some(ty) = ty {
                    self.ty(ty);
                }
            }
        }
    }

    fn pattern(
        &mut self,
        pattern: &'a Spanned<Pattern>,
        guard: Option<&'a Expr>,
        results: &[&str],
        unused: Unused,
    ) {
        let unused_of = |name: &str| if results.contains(&name) { Unused::Fine } else { unused };
        match &pattern.node {
            Pattern::Name(name) => self.bind_at(name, pattern.span, Kind::Value, guard, unused_of(name)),
            Pattern::List(names) | Pattern::Tuple(names) => {
                for name in names {
                    self.bind(name, Kind::Value, guard, unused_of(&name.node));
                }
            }
        }
    }

    fn bind(&mut self, name: &'a Ident, kind: Kind<'a>, guard: Option<&'a Expr>, unused: Unused) {
        self.bind_at(&name.node, name.span, kind, guard, unused);
    }

    fn bind_at(
        &mut self,
        name: &'a str,
        span: Span,
        kind: Kind<'a>,
        guard: Option<&'a Expr>,
        unused: Unused,
    ) {
        self.twice(name, Some(span));
        let unused = if name.starts_with('_') { Unused::Fine } else { unused };
        let id = self.table.insert(Bound {
            name,
            span: Some(span),
            kind,
            guards: Vec::new(),
            used: false,
            unused,
        });
        self.guard_binding(id, guard);
    }

    /// Reports a name that the innermost frame has already.
    fn twice(&mut self, name: &str, span: Option<Span>) {
        let (Some(earlier), Some(span)) = (self.table.innermost(name).map(|bound| bound.span), span) else {
            return;
        };
        let diag =
            Diag::new(&codes::NAME_DUPLICATE, format!("`{name}` is bound twice"), span, "bound here again");
        self.report(match earlier {
            Some(first) => diag
                .because(first, "first bound here")
                .help(format!("rename one of them, for example `{name}2`")),
            None => diag.help(format!(
                "`N`, `H` and `W` are the sizes of the input; take another name than `{name}`"
            )),
        });
    }

    fn guard_binding(&mut self, id: Id, guard: Option<&'a Expr>) {
        let Some(guard) = guard else { return };
        let formula = self.formula(guard, true);
        if let Some(bound) = self.table.get_mut(id) {
            bound.guards.push((formula, guard.span));
        }
    }

    fn formula(&self, condition: &Expr, positive: bool) -> Formula {
        let tie = |name: &str| match self.table.find(name) {
            Some(id) => format!("{name}#{id}"),
            None => name.to_owned(),
        };
        Formula::of(condition, positive, &tie)
    }

    /// Reads a guard; what it says holds until the conditions are cut back to the number that is returned.
    fn guarded(&mut self, guard: Option<&'a Expr>) -> usize {
        let depth = self.known.len();
        if let Some(guard) = guard {
            self.expr(guard);
            let formula = self.formula(guard, true);
            self.known.push(formula);
        }
        depth
    }

    /// Runs `inner` where `condition` holds, or where it does not.
    fn given(&mut self, condition: &Expr, positive: bool, inner: impl FnOnce(&mut Self)) {
        let depth = self.known.len();
        let formula = self.formula(condition, positive);
        self.known.push(formula);
        inner(self);
        self.known.truncate(depth);
    }

    fn body(&mut self, body: &'a Body) {
        self.table.push();
        for statement in &body.statements {
            self.statement(statement, &[]);
        }
        self.expr(&body.value);
        self.table.pop();
    }

    /// A branch whose value may be a bare word.
    fn body_open(&mut self, body: &'a Body, slot: Slot<'a>) {
        self.table.push();
        for statement in &body.statements {
            self.statement(statement, &[]);
        }
        self.open(&body.value, slot);
        self.table.pop();
    }

    fn expr(&mut self, expr: &'a Expr) {
        match expr.kind.as_ref() {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Text(_) => {}
            ExprKind::Name(name) => {
                self.name(name, expr.span);
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Range(from, to) => {
                self.expr(from);
                self.expr(to);
            }
            ExprKind::Field(base, field) => self.field(base, field, expr.span),
            ExprKind::Index(base, index) => {
                self.expr(base);
                self.expr(index);
            }
            ExprKind::Call(call) => {
                self.call(&call.callee, &call.args, expr.span, How::Direct);
            }
            ExprKind::Pipe(left, right) => {
                self.expr(left);
                if let ExprKind::Call(call) = right.kind.as_ref() {
                    self.call(&call.callee, &call.args, right.span, How::Piped(left));
                } else if let ExprKind::Name(callee) = right.kind.as_ref() {
                    self.bare_call(callee, right.span, How::Piped(left));
                } else {
                    self.expr(right);
                }
            }
            ExprKind::Binary(op, left, right) => {
                let (left, right) = self.word_last(*op, left, right);
                self.expr(left);
                match op {
                    ast::BinaryOp::And => self.given(left, true, |run| run.expr(right)),
                    ast::BinaryOp::Or => self.given(left, false, |run| run.expr(right)),
                    ast::BinaryOp::Equal | ast::BinaryOp::NotEqual => self.compared(left, right),
                    ast::BinaryOp::Join
                    | ast::BinaryOp::Less
                    | ast::BinaryOp::LessEqual
                    | ast::BinaryOp::Greater
                    | ast::BinaryOp::GreaterEqual
                    | ast::BinaryOp::Add
                    | ast::BinaryOp::Subtract
                    | ast::BinaryOp::Multiply
                    | ast::BinaryOp::Divide
                    | ast::BinaryOp::FloorDivide
                    | ast::BinaryOp::Remainder => self.expr(right),
                }
            }
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.given(condition, true, |run| run.body(then));
                self.given(condition, false, |run| run.body(otherwise));
            }
            ExprKind::For { pattern, over, body } => {
                self.expr(over);
                self.table.push();
                self.pattern(pattern, None, &[], Unused::Fine);
                self.body(body);
                self.table.pop();
            }
            ExprKind::Fold { carried, initial, pattern, over, body } => {
                self.expr(initial);
                self.expr(over);
                self.table.push();
                self.pattern(carried, None, &[], Unused::Fine);
                self.pattern(pattern, None, &[], Unused::Fine);
                self.body(body);
                self.table.pop();
            }
        }
    }

    /// The sides of an operator; of `matched == by`, where the word stands first, the other way about.
    fn word_last(&self, op: ast::BinaryOp, left: &'a Expr, right: &'a Expr) -> (&'a Expr, &'a Expr) {
        let equal = matches!(op, ast::BinaryOp::Equal | ast::BinaryOp::NotEqual);
        let (ExprKind::Name(word), ExprKind::Name(param)) = (left.kind.as_ref(), right.kind.as_ref()) else {
            return (left, right);
        };
        let kind = self.table.find(param).and_then(|id| self.table.get(id)).map(|b| &b.kind);
        if equal && self.table.find(word).is_none() && matches!(kind, Some(Kind::Choice(_))) {
            (right, left)
        } else {
            (left, right)
        }
    }

    /// The right side of `==`: a bare word beside a parameter of an enumeration is one of its variants.
    fn compared(&mut self, left: &'a Expr, right: &'a Expr) {
        if let (ExprKind::Name(param), ExprKind::Name(word)) = (left.kind.as_ref(), right.kind.as_ref())
            && let Some(Kind::Choice(variants)) =
                self.table.find(param).and_then(|id| self.table.get(id)).map(|b| &b.kind)
            && self.table.find(word).is_none()
        {
            let variants: Vec<&str> = variants.iter().map(|variant| variant.node.as_str()).collect();
            if !variants.contains(&word.as_str()) {
                let listed = crate::ops::one_of(&variants);
                self.report(
                    Diag::new(
                        &codes::TYPE_VALUE,
                        format!("`{param}` is {listed}, never `{word}`"),
                        right.span,
                        "not one of its words",
                    )
                    .maybe_help(did_you_mean(word, variants)),
                );
            }
            return;
        }
        self.expr(right);
    }

    /// Reads a name; true if all is well with it.
    fn name(&mut self, name: &str, span: Span) -> bool {
        if let Some(id) = self.table.find(name) {
            return self.read(id, name, span);
        }
        if crate::ops::def(name).is_some_and(|def| def.inputs.is_empty()) {
            return true;
        }
        self.unknown(name, span);
        false
    }

    /// Does a binding exist here: its guard is implied, its phase is this one?
    fn read(&mut self, id: Id, name: &str, span: Span) -> bool {
        let (training, in_loss) = (self.training, self.in_loss);
        let Some(bound) = self.table.get_mut(id) else { return true };
        bound.used = true;
        let missing = bound.guards.iter().find(|(guard, _)| !holds(guard, &self.known)).map(|(_, at)| *at);
        let diag = match (&bound.kind, missing) {
            (_, Some(guard)) => Diag::new(
                &codes::NAME_GUARDED,
                format!("`{name}` exists under a guard that is not implied here"),
                span,
                "used here without the guard",
            )
            .because(guard, "exists only when this holds")
            .help("use it under the same guard: `when ...`, or `if ... { ... } else { ... }`"),
            (Kind::Labels, None) if !training => {
                let diag = Diag::new(
                    &codes::NAME_PHASE,
                    format!("`{name}` is not there when predicting"),
                    span,
                    "labels are bound while training and evaluating only",
                );
                let diag = match bound.span {
                    Some(declared) => diag.because(declared, "declared here"),
                    None => diag,
                };
                diag.help("only `postnet` and `loss` may read labels")
            }
            (Kind::Section { training: true, .. }, None) if !in_loss => Diag::new(
                &codes::NAME_PHASE,
                format!("`{name}` exists while training only"),
                span,
                "read outside `loss`",
            )
            .help(format!("only `loss` may read what `{name}` makes")),
            (Kind::Labels | Kind::Section { .. } | Kind::Value | Kind::Choice(_) | Kind::Layer(_), None) => {
                return true;
            }
        };
        self.report(diag);
        false
    }

    fn field(&mut self, base: &'a Expr, field: &'a Ident, span: Span) {
        let ExprKind::Name(name) = base.kind.as_ref() else { return self.expr(base) };
        if !self.name(name, base.span) {
            return;
        }
        let Some(bound) = self.table.find(name).and_then(|id| self.table.get(id)) else { return };
        let Kind::Section { names, .. } = &bound.kind else { return };
        // The section's own guard was looked at; an unnamed section's names have it too.
        match names.get(field.node.as_str()).copied() {
            Some(id) => {
                self.read(id, &field.node, span);
            }
            None => {
                let mut known: Vec<&str> = names.keys().copied().collect();
                known.sort_unstable();
                let bound: Vec<&str> = known.iter().copied().take(12).collect();
                let help = did_you_mean(&field.node, known)
                    .or_else(|| (!bound.is_empty()).then(|| format!("it binds {}", bound.join(", "))));
                let message = format!("`{name}` has no `{}`", field.node);
                self.report(
                    Diag::new(&codes::NAME_FIELD, message, field.span, "not bound there").maybe_help(help),
                );
            }
        }
    }

    /// Sizes in a type, and its name.
    fn ty(&mut self, ty: &'a Spanned<Type>) {
        match &ty.node {
            Type::Name(name) => self.type_name(name, ty.span, TYPES),
            Type::Shaped { name, dims } => {
                self.type_name(name, ty.span, SHAPED);
                dims.iter().for_each(|dim| self.expr(dim));
            }
            Type::Class { classes, dims } => {
                self.expr(classes);
                dims.iter().for_each(|dim| self.expr(dim));
            }
            Type::List(inner) => self.ty(inner),
            Type::Enum(_) => {}
        }
    }

    fn type_name(&mut self, name: &str, span: Span, known: &[&str]) {
        if known.contains(&name) {
            return;
        }
        let help = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("types are {}", known.join(", ")));
        self.report(
            Diag::new(&codes::NAME_UNKNOWN, format!("there is no type `{name}` here"), span, "not a type")
                .help(help),
        );
    }

    fn report(&mut self, diag: Diag) {
        self.diags.push(diag);
    }
}

/// Types of parameters, block inputs and results.
pub(crate) const TYPES: &[&str] = &[
    "int", "float", "bool", "map", "vector", "tensor", "indices", "labels", "gaussian", "mixture", "scalar",
    "loss",
];
/// Types with sizes in brackets.
const SHAPED: &[&str] = &["float", "map", "vector", "tensor", "indices"];

fn kind_of(ty: &Type) -> Kind<'_> {
    match ty {
        Type::Enum(variants) => Kind::Choice(variants),
        Type::Name(_) | Type::List(_) | Type::Shaped { .. } | Type::Class { .. } => Kind::Value,
    }
}
