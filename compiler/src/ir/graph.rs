//! The graph: operations and the values that flow between them.
//!
//! Invariant: edges into a node carry the operand's place, because `petgraph` does not order a node's
//! neighbours; [`Graph::operands`] sorts by it, and nothing else may read neighbours.
//! Invariant: a node's operands were added before it, so ascending ids are an execution order.

use std::sync::Arc;

use petgraph::Direction;
use petgraph::stable_graph::{EdgeIndex, NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use crate::diag::Frame;
use crate::ir::constraint::Constraint;
use crate::ir::fact::Fact;
use crate::ops::Op;
use crate::plan::{InputKind, Role};
use crate::source::Span;

/// A node's number; it never leaves the compiler.
pub type NodeId = NodeIndex<u32>;

/// Where a node comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The call or operator in the source.
    pub span: Span,
    /// The innermost block call that led there.
    pub via: Option<Arc<Via>>,
}

/// A block call and the one around it.
#[derive(Debug, PartialEq)]
pub struct Via {
    /// This call.
    pub frame: Frame,
    /// The call around it.
    pub parent: Option<Arc<Via>>,
}

impl Origin {
    /// The calls that led here, outermost first.
    pub fn trace(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut at = self.via.as_ref();
        while let Some(via) = at {
            frames.push(via.frame.clone());
            at = via.parent.as_ref();
        }
        frames.reverse();
        frames
    }
}

/// When a node exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// In every mode.
    Always,
    /// While training and evaluating: `postnet` and `loss`.
    Training,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its own name, unique in the graph: `decoder.y3.residual_units.7.conv2`.
    pub path: Arc<str>,
    /// The prefix of its parameters' names; differs from `path` where one layer is called twice.
    pub params: Arc<str>,
    /// The section that it belongs to; empty outside sections.
    pub section: Arc<str>,
    /// What it does.
    pub op: Op,
    /// When it exists.
    pub phase: Phase,
    /// Where it comes from.
    pub origin: Origin,
}

/// One result of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wire {
    /// The node.
    pub node: NodeId,
    /// Which of its results.
    pub port: u8,
}

/// How an edge connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Which result of the source.
    pub from: u8,
    /// Which operand of the target.
    pub to: u32,
}

/// A declared input.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphInput {
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: NodeId,
    /// What it is.
    pub kind: InputKind,
}

/// A named result.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphOutput {
    /// Its name.
    pub name: String,
    /// The value.
    pub wire: Wire,
    /// What it is for.
    pub role: Role,
    /// Where it is declared.
    pub span: Span,
}

/// A network as operations.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    net: StableDiGraph<Node, Edge, u32>,
    /// By node; shared between a graph and the copies that passes work on.
    facts: Vec<Arc<[Fact]>>,
    /// What a run binds.
    pub inputs: Vec<GraphInput>,
    /// What a run reads.
    pub outputs: Vec<GraphOutput>,
    /// What must hold of the sizes.
    pub constraints: Vec<Constraint>,
}

impl Graph {
    /// Adds an operation on `operands` with the facts of its results.
    pub fn add(&mut self, node: Node, operands: &[Wire], facts: Vec<Fact>) -> NodeId {
        let id = self.net.add_node(node);
        for (to, wire) in operands.iter().enumerate() {
            self.net.add_edge(wire.node, id, Edge { from: wire.port, to: to as u32 });
        }
        if self.facts.len() <= id.index() {
            self.facts.resize(id.index() + 1, Arc::from([]));
        }
        self.facts[id.index()] = Arc::from(facts);
        id
    }

    /// How many operations.
    pub fn len(&self) -> usize {
        self.net.node_count()
    }

    /// No operation at all.
    pub fn is_empty(&self) -> bool {
        self.net.node_count() == 0
    }

    /// The operations, in an order in which each follows its operands.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.net.node_indices()
    }

    /// One operation; `None` when a pass removed it.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.net.node_weight(id)
    }

    /// For passes.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.net.node_weight_mut(id)
    }

    /// The facts of a node's results.
    pub fn facts(&self, id: NodeId) -> &[Fact] {
        self.facts.get(id.index()).map_or(&[], AsRef::as_ref)
    }

    /// The fact of one value.
    pub fn fact(&self, wire: Wire) -> Option<&Fact> {
        self.facts(wire.node).get(wire.port as usize)
    }

    /// A node's operands, in order.
    pub fn operands(&self, id: NodeId) -> Vec<Wire> {
        let mut edges: Vec<(u32, Wire)> = self
            .net
            .edges_directed(id, Direction::Incoming)
            .map(|edge| (edge.weight().to, Wire { node: edge.source(), port: edge.weight().from }))
            .collect();
        edges.sort_unstable_by_key(|(to, _)| *to);
        edges.into_iter().map(|(_, wire)| wire).collect()
    }

    /// Who reads a value, with the place among the reader's operands; outputs do not count.
    pub fn readers(&self, wire: Wire) -> Vec<(NodeId, u32)> {
        let mut readers: Vec<(NodeId, u32)> = self
            .net
            .edges_directed(wire.node, Direction::Outgoing)
            .filter(|edge| edge.weight().from == wire.port)
            .map(|edge| (edge.target(), edge.weight().to))
            .collect();
        readers.sort_unstable();
        readers
    }

    /// Is any result of a node read, by another node or as an output?
    pub fn is_read(&self, id: NodeId) -> bool {
        self.net.edges_directed(id, Direction::Outgoing).next().is_some()
            || self.outputs.iter().any(|output| output.wire.node == id)
    }

    /// Lets everyone who reads `old` read `new`, outputs included. For `ir::rewrite`.
    pub(crate) fn redirect(&mut self, old: Wire, new: Wire) {
        let edges: Vec<EdgeIndex<u32>> = self
            .net
            .edges_directed(old.node, Direction::Outgoing)
            .filter(|edge| edge.weight().from == old.port)
            .map(|edge| edge.id())
            .collect();
        for edge in edges {
            let Some((_, target)) = self.net.edge_endpoints(edge) else { continue };
            let Some(weight) = self.net.remove_edge(edge) else { continue };
            self.net.add_edge(new.node, target, Edge { from: new.port, to: weight.to });
        }
        for output in &mut self.outputs {
            if output.wire == old {
                output.wire = new;
            }
        }
    }

    /// Gives an operation other operands. For `ir::rewrite`.
    pub(crate) fn rewire(&mut self, id: NodeId, operands: &[Wire]) {
        let edges: Vec<EdgeIndex<u32>> =
            self.net.edges_directed(id, Direction::Incoming).map(|edge| edge.id()).collect();
        for edge in edges {
            self.net.remove_edge(edge);
        }
        for (to, wire) in operands.iter().enumerate() {
            self.net.add_edge(wire.node, id, Edge { from: wire.port, to: to as u32 });
        }
    }

    /// Lets two operations change places; edges and facts stay where they are. For `ir::rewrite`.
    pub(crate) fn swap(&mut self, a: NodeId, b: NodeId) {
        if a != b && self.get(a).is_some() && self.get(b).is_some() {
            let (a, b) = self.net.index_twice_mut(a, b);
            std::mem::swap(a, b);
        }
    }

    /// States what an operation gives. For `ir::rewrite`.
    pub(crate) fn state(&mut self, id: NodeId, facts: Vec<Fact>) {
        if let Some(slot) = self.facts.get_mut(id.index()) {
            *slot = Arc::from(facts);
        }
    }

    /// Removes an operation and its edges. For `ir::rewrite`.
    pub(crate) fn remove(&mut self, id: NodeId) {
        self.net.remove_node(id);
        if let Some(facts) = self.facts.get_mut(id.index()) {
            *facts = Arc::from([]);
        }
        self.inputs.retain(|input| input.node != id);
    }
}
