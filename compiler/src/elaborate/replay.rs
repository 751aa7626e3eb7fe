//! `replay`: a value computed once more, with another value in the place of one that it comes from.
//!
//! Comes in: a value, what is replaced, and what takes its place. Goes out: the value that copies of the operations
//! between them give. Guaranteed: copies own no parameters, they read those of the originals; their batch norms
//! normalise by the statistics of what flows through the copy, and leave the running ones to the originals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Elaborator;
use super::value::{Flow, Value};
use crate::diag::{Diag, codes};
use crate::ir::graph::{Node, NodeId, Wire};
use crate::ops::Op;
use crate::source::Span;

impl Elaborator<'_> {
    /// `result` with `new` in the place of `old`.
    pub(super) fn replay(&mut self, result: Flow, old: Flow, new: Flow, span: Span) -> Value {
        let (was, is) = (self.fact(&old), self.fact(&new));
        if was != is {
            let diag = Diag::new(
                &codes::SHAPE_MISMATCH,
                format!("`replay` cannot put {is} in the place of {was}"),
                span,
                "the two are not of one kind and size",
            );
            self.report(
                diag.because(old.made, format!("this is {was}"))
                    .because(new.made, format!("this is {is}"))
                    .help("give both the same numbers: components, sizes, channels"),
            );
            return Value::Poison;
        }
        let mut copies: BTreeMap<Wire, Wire> = BTreeMap::from([(old.wire, new.wire)]);
        let base = self.unique("replay");
        for id in self.before(result.wire.node) {
            let operands = self.graph.operands(id);
            if !operands.iter().any(|wire| copies.contains_key(wire)) {
                continue;
            }
            if !self.tick(span) {
                return Value::Poison;
            }
            if self.graph.len() >= self.limits.nodes {
                let message = format!("the network has more than {} operations", self.limits.nodes);
                self.stop(&codes::LIMIT_NODES, message, span);
                return Value::Poison;
            }
            let Some(node) = self.graph.get(id) else { continue };
            let op = if let Op::Norm(norm) = &node.op {
                Op::Norm(crate::ops::Norm { momentum: 0.0, ..norm.clone() })
            } else {
                node.op.clone()
            };
            let copy = Node {
                path: Arc::from(format!("{base}.{}", node.path)),
                params: Arc::clone(&node.params),
                section: Arc::clone(&self.at.section),
                op,
                phase: node.phase.max(self.at.phase),
                origin: node.origin.clone(),
            };
            let facts = self.graph.facts(id).to_vec();
            let ports = facts.len() as u8;
            let read: Vec<Wire> =
                operands.iter().map(|wire| copies.get(wire).copied().unwrap_or(*wire)).collect();
            let made = self.graph.add(copy, &read, facts);
            copies.extend((0..ports).map(|port| (Wire { node: id, port }, Wire { node: made, port })));
        }
        match copies.get(&result.wire) {
            Some(wire) => Value::Wire(Flow { wire: *wire, made: span }),
            None => {
                self.report(
                    Diag::new(
                        &codes::TYPE_ARGUMENT,
                        "`replay` replaces what its first argument does not come from",
                        span,
                        "would change nothing",
                    )
                    .because(result.made, "this is computed")
                    .because(old.made, "without this")
                    .help("name a value that it is made of: `replay(logits, z.q, postnet.p)`"),
                );
                Value::Poison
            }
        }
    }

    /// The operations that a value comes from, and its own, in an order of execution.
    fn before(&self, last: NodeId) -> BTreeSet<NodeId> {
        let (mut found, mut open) = (BTreeSet::new(), vec![last]);
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.graph.operands(id).into_iter().map(|wire| wire.node));
            }
        }
        found
    }
}
