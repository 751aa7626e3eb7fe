//! An ONNX graph while it grows.
//!
//! Comes in: nodes, weights and constants, one after another. Goes out: the finished graph. Guaranteed: every value has
//! one name, which begins with the path in the spec that it comes from; equal constants are stored once.

use std::collections::{BTreeMap, BTreeSet};

use phg_compiler::ir::dim::Dim;
use phg_compiler::plan::{InputKind, Plan, Step, ValueId, WeightId};

use crate::proto::{
    Attribute, Dimension, Extent, FLOAT, GraphMessage, Kind, Node, Shape, Tensor, TensorKind, ValueInfo,
};
use crate::{Inexpressible, Weights, sizes};

/// See the head of this file.
pub(crate) struct Graph<'a> {
    pub(crate) plan: &'a Plan,
    /// Names of the plan's values.
    names: BTreeMap<ValueId, String>,
    /// How often a name was wanted.
    wanted: BTreeMap<String, usize>,
    /// Names of integer constants.
    constants: BTreeMap<Vec<i64>, String>,
    /// Names of float constants, by their bits.
    floats: BTreeMap<u32, String>,
    /// Names of sizes that are computed from the image's, each a list of one number.
    pub(crate) sizes: BTreeMap<Dim, String>,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    lacking: Vec<String>,
}

impl<'a> Graph<'a> {
    /// A graph with the plan's inputs.
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let mut graph = Self {
            plan,
            names: BTreeMap::new(),
            wanted: BTreeMap::new(),
            constants: BTreeMap::new(),
            floats: BTreeMap::new(),
            sizes: BTreeMap::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            lacking: Vec::new(),
        };
        for input in &plan.inputs {
            let name = graph.fresh(&input.name);
            match input.kind {
                InputKind::Image => {
                    let info = graph.info(&name, input.value);
                    graph.inputs.push(info);
                    sizes::of_image(&mut graph, &name);
                }
                InputKind::Labels { .. } => graph.lacks(format!("{name}: labels are an input of trainings")),
            }
            graph.names.insert(input.value, name);
        }
        graph
    }

    /// Stores the plan's weights.
    pub(crate) fn weights(&mut self, values: &Weights<'_>) {
        for weight in &self.plan.weights {
            let name = self.fresh(&weight.name);
            match values(&weight.name) {
                Some(values) if values.len() == weight.shape.iter().product::<usize>() => {
                    self.initializers.push(Tensor::floats(&name, &weight.shape, &values));
                }
                Some(_) | None => self.lacks(format!("{name}: the weight has no values")),
            }
        }
    }

    /// A name that nothing has yet.
    pub(crate) fn fresh(&mut self, wish: &str) -> String {
        let count = self.wanted.entry(wish.to_owned()).or_default();
        *count += 1;
        match *count {
            1 => wish.to_owned(),
            count => self.fresh(&format!("{wish}:{count}")),
        }
    }

    /// Remembers what ONNX cannot express.
    pub(crate) fn lacks(&mut self, what: String) {
        self.lacking.push(what);
    }

    /// The name of a value of the plan.
    pub(crate) fn value(&self, id: ValueId) -> String {
        self.names.get(&id).cloned().unwrap_or_default()
    }

    /// The sizes of a value of the plan.
    pub(crate) fn dims(&self, id: ValueId) -> &'a [Dim] {
        self.plan.values.get(id.0 as usize).map_or(&[], |value| &value.dims)
    }

    /// The name of a weight.
    pub(crate) fn weight(&self, id: WeightId) -> String {
        self.plan.weights.get(id.0 as usize).map(|weight| weight.name.clone()).unwrap_or_default()
    }

    /// Names the step's result `name`.
    pub(crate) fn result(&mut self, step: &Step, place: usize, name: String) {
        if let Some(id) = step.writes.get(place) {
            self.names.insert(*id, name);
        }
    }

    /// Adds a node with one result and returns the result's name.
    pub(crate) fn node(
        &mut self,
        wish: &str,
        op: &str,
        inputs: impl IntoIterator<Item = String>,
        attributes: Vec<Attribute>,
    ) -> String {
        self.node_of(wish, op, inputs, attributes, 1).swap_remove(0)
    }

    /// Adds a node with several results.
    pub(crate) fn node_of(
        &mut self,
        wish: &str,
        op: &str,
        inputs: impl IntoIterator<Item = String>,
        attributes: Vec<Attribute>,
        results: usize,
    ) -> Vec<String> {
        let output: Vec<String> = (0..results.max(1)).map(|_| self.fresh(wish)).collect();
        let name = output.first().cloned().unwrap_or_default();
        self.nodes.push(Node {
            input: inputs.into_iter().collect(),
            output: output.clone(),
            name,
            op_type: op.into(),
            attribute: attributes,
        });
        output
    }

    /// A list of whole numbers.
    pub(crate) fn ints(&mut self, values: &[i64]) -> String {
        if let Some(name) = self.constants.get(values) {
            return name.clone();
        }
        let name = self.fresh("constant.ints");
        self.initializers.push(Tensor::ints(&name, values));
        self.constants.insert(values.to_vec(), name.clone());
        name
    }

    /// A float without axes.
    pub(crate) fn float(&mut self, value: f32) -> String {
        if let Some(name) = self.floats.get(&value.to_bits()) {
            return name.clone();
        }
        let name = self.fresh("constant.float");
        self.initializers.push(Tensor::floats(&name, &[], &[value]));
        self.floats.insert(value.to_bits(), name.clone());
        name
    }

    /// Floats of a shape.
    pub(crate) fn floats(&mut self, wish: &str, dims: &[usize], values: &[f32]) -> String {
        let name = self.fresh(wish);
        self.initializers.push(Tensor::floats(&name, dims, values));
        name
    }

    /// A prediction.
    pub(crate) fn output(&mut self, name: &str, value: ValueId) {
        let made = self.value(value);
        let name = self.fresh(name);
        self.nodes.push(Node {
            input: vec![made],
            output: vec![name.clone()],
            name: format!("{name}.output"),
            op_type: "Identity".into(),
            attribute: Vec::new(),
        });
        let info = self.info(&name, value);
        self.outputs.push(info);
    }

    fn info(&self, name: &str, value: ValueId) -> ValueInfo {
        let extent = |dim: &Dim| match dim.as_constant() {
            Some(size) => Extent::Value(size),
            None => Extent::Name(dim.to_string()),
        };
        let dims = self.dims(value).iter().map(|dim| Dimension { extent: Some(extent(dim)) }).collect();
        let tensor = TensorKind { element: FLOAT, shape: Some(Shape { dims }) };
        ValueInfo { name: name.into(), kind: Some(Kind { tensor: Some(tensor) }) }
    }

    /// The graph.
    ///
    /// # Errors
    /// What was said by [`Graph::lacks`].
    pub(crate) fn finish(self, name: &str) -> Result<GraphMessage, Inexpressible> {
        if !self.lacking.is_empty() {
            return Err(Inexpressible(self.lacking));
        }
        // A size that only served to make another one leaves its numbers behind.
        let used: BTreeSet<&String> = self.nodes.iter().flat_map(|node| &node.input).collect();
        let mut initializers = self.initializers;
        initializers.retain(|tensor| used.contains(&tensor.name));
        Ok(GraphMessage {
            initializer: initializers,
            node: self.nodes,
            name: name.into(),
            input: self.inputs,
            output: self.outputs,
        })
    }
}
