//! Sections, outputs and the loss: who exists when, and what is optimised.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::value::{Absent, SectionScope, Value};
use super::{Elaborator, Place};
use crate::ast::{self, LossItem, StatementKind};
use crate::diag::{Diag, codes, did_you_mean};
use crate::ir::fact::Fact;
use crate::ir::graph::{GraphOutput, Phase, Wire};
use crate::ops::Op;
use crate::plan::Role;
use crate::source::Span;

/// The sections that a network may have; `postnet` exists while training only.
const SECTIONS: &[&str] = &["encoder", "latent", "postnet", "neck", "decoder", "merge", "head", "auxiliary"];

impl Elaborator<'_> {
    pub(super) fn section(&mut self, section: &ast::Section, span: Span) {
        let kind = section.kind.node.as_str();
        if !SECTIONS.contains(&kind) {
            let known =
                SECTIONS.iter().copied().chain(["loss", "train", "output", "input", "param", "block"]);
            self.report(
                Diag::new(
                    &codes::NAME_SECTION,
                    format!("there is no section `{kind}`"),
                    section.kind.span,
                    "no such section",
                )
                .maybe_help(
                    did_you_mean(kind, known)
                        .or_else(|| Some(format!("sections are {}", SECTIONS.join(", ")))),
                ),
            );
        }
        let name = section.name.as_ref().unwrap_or(&section.kind).clone();
        let training = kind == "postnet";
        if let Some(guard) = &section.guard
            && !self.guard_holds(guard)
        {
            self.bind_section(section, &name, Value::Absent(Absent { guard: guard.span }));
            if section.name.is_none() && !training {
                // An unnamed section's names are visible after it: they are absent, not unknown.
                for statement in &section.body {
                    for bound in bound_names(statement) {
                        self.scope.insert(
                            bound.node.clone(),
                            Value::Absent(Absent { guard: guard.span }),
                            Some(bound.span),
                        );
                    }
                }
            }
            return;
        }
        let phase = if training { Phase::Training } else { Phase::Always };
        let place = Place {
            path: Rc::from(name.node.as_str()),
            layer: None,
            section: Arc::from(name.node.as_str()),
            phase,
        };
        let outer = std::mem::replace(&mut self.at, place);
        self.scope.push();
        for statement in &section.body {
            self.statement(statement);
        }
        let bound = self.scope.pop();
        self.at = outer;
        let mut names = BTreeMap::new();
        let mut exported: Vec<(String, Value, Span)> = Vec::new();
        let bound: BTreeMap<String, _> = bound.into_iter().collect();
        for (name, binding) in bound {
            let span = binding.span.unwrap_or(span);
            names.insert(name.clone(), (binding.value.clone(), span));
            exported.push((name, binding.value, span));
        }
        exported.sort_by_key(|(_, _, span)| *span);
        let scope = SectionScope { name: name.node.clone(), training, names };
        self.bind_section(section, &name, Value::Section(Rc::new(scope)));
        if section.name.is_none() && !training {
            for (name, value, span) in exported {
                if !matches!(value, Value::Layer(_)) {
                    self.bind(&ast::Ident::new(name, span), value);
                }
            }
        }
    }

    /// Unnamed sections of one kind may stand more than once; the last is reached by the kind's name.
    fn bind_section(&mut self, section: &ast::Section, name: &ast::Ident, value: Value) {
        if section.name.is_some() {
            self.bind(name, value);
        } else {
            self.scope.insert(name.node.clone(), value, Some(name.span));
        }
    }

    /// Evaluates a guard.
    pub(super) fn guard_holds(&mut self, guard: &ast::Expr) -> bool {
        match self.eval(guard) {
            Value::Bool(holds) => holds,
            Value::Poison => true,
            other => {
                let kind = self.kind(&other);
                self.report(
                    Diag::new(
                        &codes::TYPE_VALUE,
                        format!("a guard is true or false, not {kind}"),
                        guard.span,
                        "not a condition",
                    )
                    .help("compare it: `when K > 1`"),
                );
                true
            }
        }
    }

    pub(super) fn output(&mut self, output: &ast::Output) {
        if let Some(guard) = &output.guard
            && !self.guard_holds(guard)
        {
            return;
        }
        let section = std::mem::replace(&mut self.at.path, Rc::from(output.name.node.as_str()));
        let value = self.eval(&output.value);
        self.at.path = section;
        let Value::Wire(flow) = value else {
            if !matches!(value, Value::Poison) {
                let kind = self.kind(&value);
                self.bad_output(output, &kind);
            }
            return;
        };
        let fact = self.fact(&flow);
        if !matches!(fact, Fact::Map { .. }) {
            self.bad_output(output, &fact.to_string());
            return;
        }
        if self.graph.get(flow.wire.node).is_some_and(|node| node.phase == Phase::Training) {
            self.report(
                Diag::new(
                    &codes::NAME_PHASE,
                    format!("the output `{}` needs what exists while training only", output.name.node),
                    output.value.span,
                    "labels and `postnet` are not there when predicting",
                )
                .because(flow.made, "made here"),
            );
            return;
        }
        if let Some(other) = self.graph.outputs.iter().find(|other| other.name == output.name.node) {
            let diag = Diag::new(
                &codes::NAME_DUPLICATE,
                format!("the output `{}` is declared twice", output.name.node),
                output.name.span,
                "here again",
            )
            .because(other.span, "first declared here");
            self.report(diag);
            return;
        }
        if let Some(input) = self.graph.inputs.iter().find(|input| input.name == output.name.node) {
            let first = self.graph.get(input.node).map_or(output.name.span, |node| node.origin.span);
            let message = format!("the output `{}` has the name of an input", output.name.node);
            let diag = Diag::new(&codes::NAME_DUPLICATE, message, output.name.span, "here again")
                .because(first, "the input")
                .help("call the output by what it is: `output segmentation = ...`");
            self.report(diag);
            return;
        }
        self.graph.outputs.push(GraphOutput {
            name: output.name.node.clone(),
            wire: flow.wire,
            role: Role::Prediction,
            span: output.name.span,
        });
        self.scope.insert(output.name.node.clone(), Value::Wire(flow), Some(output.name.span));
    }

    fn bad_output(&mut self, output: &ast::Output, kind: &str) {
        self.report(
            Diag::new(
                &codes::OUTPUT_KIND,
                format!("the output `{}` is {kind}, not a map of class scores", output.name.node),
                output.value.span,
                "not a map",
            )
            .help("an output has a channel for each class: `output segmentation = softmax(logits)`"),
        );
    }

    pub(super) fn loss(&mut self, loss: &ast::Loss, span: Span) {
        let place =
            Place { path: Rc::from("loss"), layer: None, section: Arc::from("loss"), phase: Phase::Training };
        let outer = std::mem::replace(&mut self.at, place);
        self.scope.push();
        self.in_loss = true;
        let program = self.program;
        let changed: Vec<&LossItem> = program.losses.iter().flat_map(|loss| &loss.items).collect();
        let replacement = |name: &str| {
            changed
                .iter()
                .rev()
                .copied()
                .find(|item| matches!(item, LossItem::Term { name: n, .. } if n.node == name))
        };
        let mut seen: Vec<(String, Span)> = Vec::new();
        let own: Vec<&LossItem> = loss.items.iter().collect();
        let added = changed.iter().copied().filter(|item| match item {
            LossItem::Term { name, .. } => !own
                .iter()
                .any(|other| matches!(other, LossItem::Term { name: n, .. } if n.node == name.node)),
            LossItem::Statement(_) => false,
        });
        let helpers = changed.iter().copied().filter(|item| matches!(item, LossItem::Statement(_)));
        let items: Vec<&LossItem> = helpers.chain(own.iter().copied()).chain(added).collect();
        for item in items {
            match item {
                LossItem::Statement(statement) => self.statement(statement),
                LossItem::Term { name, .. } => {
                    if let Some((_, first)) = seen.iter().find(|(n, _)| *n == name.node) {
                        let diag = Diag::new(
                            &codes::NAME_DUPLICATE,
                            format!("the loss term `{}` stands twice", name.node),
                            name.span,
                            "here again",
                        )
                        .because(*first, "first here")
                        .help("add them in one term, or rename one");
                        self.report(diag);
                        continue;
                    }
                    seen.push((name.node.clone(), name.span));
                    if let LossItem::Term { name, value, guard } = replacement(&name.node).unwrap_or(item) {
                        self.term(name, value, guard.as_ref());
                    }
                }
            }
        }
        self.in_loss = false;
        self.scope.pop();
        self.at = outer;
        if !self.graph.outputs.iter().any(|output| output.role == Role::Loss) && !self.diags.has_errors() {
            self.report(
                Diag::new(&codes::LOSS_MISSING, "the loss has no term", span, "nothing to minimise")
                    .help("write a term: `l_s = cross_entropy(logits, labels)`"),
            );
        }
    }

    fn term(&mut self, name: &ast::Ident, value: &ast::Expr, guard: Option<&ast::Expr>) {
        if let Some(guard) = guard
            && !self.guard_holds(guard)
        {
            return;
        }
        let result = self.within(&name.node, |run| run.eval(value));
        match result {
            Value::Wire(flow) if matches!(self.fact(&flow), Fact::Loss) => {
                self.graph.outputs.push(GraphOutput {
                    name: name.node.clone(),
                    wire: flow.wire,
                    role: Role::Loss,
                    span: name.span,
                });
                self.parts(name, flow.wire);
                self.bind(name, Value::Wire(flow));
            }
            Value::Poison => {}
            other => {
                let kind = self.kind(&other);
                self.report(
                    Diag::new(
                        &codes::LOSS_KIND,
                        format!("the term `{}` is {kind}, not a loss", name.node),
                        value.span,
                        "not a loss",
                    )
                    .help("losses come from `cross_entropy`, `soft_iou` and `kl`, added and weighted by numbers"),
                );
            }
        }
    }

    /// Reports what a term is a sum of, unweighted, where it is more than one loss times a number: several losses, or
    /// one whose weight changes with the step.
    fn parts(&mut self, name: &ast::Ident, term: Wire) {
        let mut parts: Vec<Wire> = Vec::new();
        let mut ramped = false;
        let mut open = vec![term];
        while let Some(wire) = open.pop() {
            match self.graph.get(wire.node).map(|node| &node.op) {
                Some(Op::Arithmetic(_)) => {
                    let operands = self.graph.operands(wire.node);
                    let is = |wire: &Wire, fact: Fact| self.graph.fact(*wire) == Some(&fact);
                    ramped |= operands.iter().any(|wire| is(wire, Fact::LossWeight));
                    open.extend(operands.into_iter().rev().filter(|wire| is(wire, Fact::Loss)));
                }
                Some(_) if !parts.contains(&wire) => parts.push(wire),
                _ => {}
            }
        }
        if parts.len() < 2 && !ramped {
            return;
        }
        for wire in parts {
            let Some(node) = self.graph.get(wire.node) else { continue };
            let last = node.path.rsplit('.').next().unwrap_or(&node.path);
            let name_of_part = format!("{}.{last}", name.node);
            self.graph.outputs.push(GraphOutput {
                name: name_of_part,
                wire,
                role: Role::Report,
                span: name.span,
            });
        }
    }
}

/// The names that a statement binds.
fn bound_names(statement: &ast::Statement) -> Vec<ast::Ident> {
    match &statement.kind {
        StatementKind::Let { pattern, .. } => match &pattern.node {
            ast::Pattern::Name(name) => vec![ast::Ident::new(name.clone(), pattern.span)],
            ast::Pattern::List(names) | ast::Pattern::Tuple(names) => names.clone(),
        },
        StatementKind::Layer { name, .. } => vec![name.clone()],
        StatementKind::Assert { .. } => Vec::new(),
    }
}
