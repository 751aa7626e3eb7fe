//! Lowering: a graph becomes a plan, node by node in execution order.
//!
//! Distributions are flattened into their tensors here. Guaranteed: values are written once, before they
//! are read; weights are unique by name and sorted.

use std::collections::BTreeMap;

use petgraph::stable_graph::NodeIndex;

use super::{
    DType, Init, Input, InputKind, Mode, Output, Plan, Step, Value, ValueId, Weight, WeightId, WeightSource,
};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, Node, NodeId};
use crate::ops::conv::FoldedNorm;
use crate::ops::{Op, WeightDecl};
use crate::plan::instr::{Binary, Instr, Unary};
use crate::plan::{Latent, cost, latent, liveness};

/// The number that [`Plan::format`] carries.
pub const FORMAT: u32 = 1;

/// The plan of `graph`, which the passes of `mode` have shaped.
pub fn lower(graph: &Graph, mode: Mode) -> Plan {
    let mut builder = Builder {
        mode,
        steps: Vec::with_capacity(graph.len()),
        values: Vec::with_capacity(graph.len()),
        weights: BTreeMap::new(),
        inputs: Vec::new(),
        kinds: graph.inputs.iter().map(|input| (input.node, (input.name.clone(), input.kind))).collect(),
    };
    let mut made: Vec<Vec<Vec<ValueId>>> = Vec::new();
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        let operands = graph.operands(id);
        let mut at = Lower {
            input_facts: operands.iter().filter_map(|wire| graph.fact(*wire).cloned()).collect(),
            operands: operands
                .iter()
                .map(|wire| {
                    let ports: Option<&Vec<Vec<ValueId>>> = made.get(wire.node.index());
                    ports.and_then(|p| p.get(wire.port as usize)).cloned().unwrap_or_default()
                })
                .collect(),
            results: graph.facts(id),
            given: Vec::new(),
            declared: Vec::new(),
            builder: &mut builder,
            node,
            id,
        };
        at.declared = node.op.weights(&at.input_facts);
        node.op.lower(&mut at);
        let given = at.given;
        if made.len() <= id.index() {
            made.resize(id.index() + 1, Vec::new());
        }
        made[id.index()] = given;
    }
    let outputs = graph
        .outputs
        .iter()
        .filter_map(|output| {
            let value = made.get(output.wire.node.index())?.get(output.wire.port as usize)?.first()?;
            let scores = match graph.get(output.wire.node).map(|node| &node.op) {
                Some(Op::Softmax(softmax)) if !softmax.log && !softmax.pixels => super::Scores::Probabilities,
                _ => super::Scores::Logits,
            };
            Some(Output { name: output.name.clone(), value: *value, role: output.role, scores })
        })
        .collect();
    builder.finish(outputs, latent::find(graph, &made))
}

/// A plan in the making.
struct Builder {
    mode: Mode,
    steps: Vec<Step>,
    values: Vec<Value>,
    weights: BTreeMap<String, (u32, Weight)>,
    inputs: Vec<Input>,
    kinds: BTreeMap<NodeId, (String, InputKind)>,
}

impl Builder {
    /// Weights were numbered as they came; a plan lists them by name.
    fn finish(mut self, outputs: Vec<Output>, latents: Vec<Latent>) -> Plan {
        let mut place = vec![0u32; self.weights.len()];
        for (to, (from, _)) in self.weights.values().enumerate() {
            if let Some(entry) = place.get_mut(*from as usize) {
                *entry = to as u32;
            }
        }
        let renumber = |id: &mut WeightId| id.0 = place.get(id.0 as usize).copied().unwrap_or(id.0);
        for step in &mut self.steps {
            step.instr.weights_mut().into_iter().for_each(renumber);
        }
        let kept: Vec<ValueId> = outputs.iter().map(|output: &Output| output.value).collect();
        liveness::mark(&mut self.steps, self.values.len(), &kept);
        Plan {
            format: FORMAT,
            mode: self.mode,
            steps: self.steps,
            values: self.values,
            weights: self.weights.into_values().map(|(_, weight)| weight).collect(),
            inputs: self.inputs,
            outputs,
            latents,
        }
    }
}

/// What an op sees while it is lowered.
pub struct Lower<'a> {
    builder: &'a mut Builder,
    node: &'a Node,
    id: NodeIndex<u32>,
    input_facts: Vec<Fact>,
    operands: Vec<Vec<ValueId>>,
    results: &'a [Fact],
    given: Vec<Vec<ValueId>>,
    declared: Vec<WeightDecl>,
}

/// Stands for a value that is not there, which a checked graph rules out.
const NOWHERE: ValueId = ValueId(u32::MAX);

impl Lower<'_> {
    /// What the plan is for.
    pub fn mode(&self) -> Mode {
        self.builder.mode
    }

    /// How many operands there are.
    pub fn operand_count(&self) -> usize {
        self.operands.len()
    }

    /// The only tensor of an operand, or its first.
    pub fn input(&self, at: usize) -> ValueId {
        self.inputs(at).first().copied().unwrap_or(NOWHERE)
    }

    /// The tensors of an operand.
    pub fn inputs(&self, at: usize) -> &[ValueId] {
        self.operands.get(at).map_or(&[], Vec::as_slice)
    }

    /// What is known of an operand.
    pub fn input_fact(&self, at: usize) -> &Fact {
        self.input_facts.get(at).unwrap_or(&Fact::Scalar)
    }

    /// What is known of the first result.
    pub fn result(&self) -> &Fact {
        self.results.first().unwrap_or(&Fact::Scalar)
    }

    /// The shape of the first result's first tensor.
    pub fn result_dims(&self) -> Vec<Dim> {
        self.result().tensors().into_iter().next().unwrap_or_default()
    }

    /// The shape of a value.
    pub fn dims_of(&self, value: ValueId) -> Vec<Dim> {
        self.builder.values.get(value.0 as usize).map(|v| v.dims.clone()).unwrap_or_default()
    }

    /// The node's own weight with this suffix.
    pub fn weight(&mut self, suffix: &str) -> WeightId {
        let Some(decl) = self.declared.iter().find(|decl| decl.suffix == suffix).cloned() else {
            return WeightId(u32::MAX);
        };
        let name = format!("{}.{suffix}", self.node.params);
        self.own(name, decl.shape, decl.init, decl.trainable, WeightSource::Stored)
    }

    /// Weight and bias of a convolution that took a batch norm in.
    pub fn folded(&mut self, norm: &FoldedNorm, bias: bool, channels: usize) -> (WeightId, Option<WeightId>) {
        let shape = self.declared.first().map(|decl| decl.shape.clone()).unwrap_or_default();
        let name = |suffix: &str| format!("{}.{suffix}", self.node.params);
        let source = WeightSource::FoldedWeight {
            weight: name("weight"),
            norm: norm.params.clone(),
            epsilon: norm.epsilon,
        };
        let offset = WeightSource::FoldedBias {
            bias: bias.then(|| name("bias")),
            norm: norm.params.clone(),
            epsilon: norm.epsilon,
        };
        let (weight, bias) = (name("weight+norm"), name("bias+norm"));
        let weight = self.own(weight, shape, Init::Constant(0.0), true, source);
        let bias = self.own(bias, vec![channels], Init::Constant(0.0), true, offset);
        (weight, Some(bias))
    }

    fn own(
        &mut self,
        name: String,
        shape: Vec<usize>,
        init: Init,
        trainable: bool,
        source: WeightSource,
    ) -> WeightId {
        let next = self.builder.weights.len() as u32;
        let section = self.node.section.to_string();
        let entry = self.builder.weights.entry(name.clone());
        let (number, _) =
            entry.or_insert_with(|| (next, Weight { name, shape, init, trainable, source, section }));
        WeightId(*number)
    }

    /// Emits an instruction that writes one float tensor of the given shape.
    pub fn emit(&mut self, instr: Instr, reads: Vec<ValueId>, dims: Vec<Dim>) -> ValueId {
        self.step(instr, reads, vec![(dims, DType::Float)]).first().copied().unwrap_or(NOWHERE)
    }

    /// Emits an instruction whose result has the shape of its first operand.
    pub fn emit_one(&mut self, instr: Instr, reads: Vec<ValueId>) -> ValueId {
        let dims = reads.first().map(|value| self.dims_of(*value)).unwrap_or_default();
        self.emit(instr, reads, dims)
    }

    /// The same elements in another shape; nothing is emitted where it has that shape already.
    pub fn reshaped(&mut self, value: ValueId, dims: Vec<Dim>) -> ValueId {
        if self.dims_of(value) == dims {
            return value;
        }
        self.emit(Instr::Reshape { dims: dims.clone() }, vec![value], dims)
    }

    /// Axes in another order: axis `i` of the result is axis `axes[i]` of the value.
    pub fn permuted(&mut self, value: ValueId, axes: &[usize]) -> ValueId {
        let from = self.dims_of(value);
        let dims = axes.iter().filter_map(|axis| from.get(*axis).cloned()).collect();
        self.emit(Instr::Permute { axes: axes.to_vec() }, vec![value], dims)
    }

    /// Emits an instruction on the first tensor of every operand that writes the node's results.
    pub fn emit_like(&mut self, instr: Instr) {
        let reads = (0..self.operands.len()).map(|at| self.input(at)).collect();
        self.give_emitted(instr, reads);
    }

    /// Emits an instruction that writes the node's results.
    pub fn give_emitted(&mut self, instr: Instr, reads: Vec<ValueId>) {
        let mut shapes = Vec::new();
        let mut counts = Vec::new();
        for fact in self.results {
            let dtype = match fact {
                Fact::Indices { .. } | Fact::Labels { .. } => DType::Int,
                Fact::Map { .. }
                | Fact::Vector { .. }
                | Fact::Tensor { .. }
                | Fact::Gaussian { .. }
                | Fact::Mixture { .. }
                | Fact::StandardNormal
                | Fact::Scalar
                | Fact::LossWeight
                | Fact::Loss => DType::Float,
            };
            let tensors = fact.tensors();
            counts.push(tensors.len());
            shapes.extend(tensors.into_iter().map(|dims| (dims, dtype)));
        }
        let mut writes = self.step(instr, reads, shapes).into_iter();
        self.given = counts.into_iter().map(|count| writes.by_ref().take(count).collect()).collect();
    }

    /// Names the tensors of the node's only result.
    pub fn give(&mut self, values: Vec<ValueId>) {
        self.given = vec![values];
    }

    /// An elementwise function of the first operand is the result.
    pub fn unary(&mut self, function: Unary) {
        let reads = vec![self.input(0)];
        self.give_emitted(Instr::Unary(function), reads);
    }

    /// An elementwise function of two operands is the result; vectors and scalars are spread over maps.
    pub fn binary(&mut self, function: Binary) {
        let (mut a, mut b) = (self.input(0), self.input(1));
        let rank = self.dims_of(a).len().max(self.dims_of(b).len());
        a = self.spread(a, rank);
        b = self.spread(b, rank);
        self.give_emitted(Instr::Binary(function), vec![a, b]);
    }

    /// Appends axes of size 1: `[n, c]` becomes `[n, c, 1, 1]`, `[1]` becomes `[1, 1, 1, 1]`.
    fn spread(&mut self, value: ValueId, rank: usize) -> ValueId {
        let mut dims = self.dims_of(value);
        if dims.len() == rank {
            return value;
        }
        dims.resize(rank, 1.into());
        self.emit(Instr::Reshape { dims: dims.clone() }, vec![value], dims)
    }

    /// `number OP x`, for an operator without a one-operand form.
    pub fn number_first(&mut self, function: Binary, number: f32) {
        let x = self.input(0);
        let dims: Vec<Dim> = self.dims_of(x).iter().map(|_| Dim::from(1)).collect();
        let number = self.emit(Instr::Fill { value: number, dims: dims.clone() }, vec![], dims);
        self.give_emitted(Instr::Binary(function), vec![number, x]);
    }

    /// Log-weights, means and log-variances of `components` equal standard normals of operand 0's size.
    pub fn standard_mixture(&mut self, components: usize) -> Vec<ValueId> {
        let shapes = self.input_fact(0).tensors();
        let log_weight = -(components as f32).ln();
        let values = [log_weight, 0.0, 0.0];
        let mut made = Vec::new();
        for (dims, value) in shapes.into_iter().zip(values) {
            made.push(self.emit(Instr::Fill { value, dims: dims.clone() }, vec![], dims));
        }
        made
    }

    /// The result is bound by a run.
    pub fn bind(&mut self, name: &str) {
        let Some((_, kind)) = self.builder.kinds.get(&self.id).cloned() else { return };
        let dtype = match kind {
            InputKind::Image => DType::Float,
            InputKind::Labels { .. } => DType::Int,
        };
        let value = self.value(self.result_dims(), dtype);
        self.builder.inputs.push(Input { name: name.to_owned(), value, kind });
        self.given = vec![vec![value]];
    }

    fn value(&mut self, dims: Vec<Dim>, dtype: DType) -> ValueId {
        self.builder.values.push(Value { dims, dtype, section: self.node.section.to_string() });
        ValueId(self.builder.values.len() as u32 - 1)
    }

    fn step(&mut self, instr: Instr, reads: Vec<ValueId>, shapes: Vec<(Vec<Dim>, DType)>) -> Vec<ValueId> {
        let writes: Vec<ValueId> = shapes.into_iter().map(|(dims, dtype)| self.value(dims, dtype)).collect();
        let shape = |id: &ValueId| {
            self.builder.values.get(id.0 as usize).map_or(&[] as &[Dim], |v| v.dims.as_slice())
        };
        let (read, written): (Vec<_>, Vec<_>) =
            (reads.iter().map(shape).collect(), writes.iter().map(shape).collect());
        let macs = cost::macs(&instr, &read, &written);
        self.builder.steps.push(Step {
            instr,
            reads,
            writes: writes.clone(),
            frees: Vec::new(),
            path: self.node.path.to_string(),
            section: self.node.section.to_string(),
            macs,
        });
        writes
    }
}
