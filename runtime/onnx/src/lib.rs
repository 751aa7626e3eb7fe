//! Plans as ONNX models.
//!
//! Comes in: an inference plan and the values of its weights. Goes out: the bytes of an ONNX model with a free batch
//! and free rows and columns, and what an independent engine makes of it. Guaranteed: a plan that ONNX cannot express
//! is an error that names every instruction that it lacks; nothing is approximated.

mod graph;
mod nodes;
mod pooling;
mod proto;
mod shapes;
mod sizes;
pub mod verify;

use phg_compiler::plan::{Plan, Role};

use graph::Graph;
use proto::{Model, OperatorSet, StringEntry};

/// The operator set that models are written in (ONNX 1.12): what engines of the last years read.
pub const OPSET: i64 = 17;

/// The version of the file format that goes with [`OPSET`].
const IR_VERSION: i64 = 8;

/// Instructions that ONNX cannot express, each as `path: what it is`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexpressible(pub Vec<String>);

/// What a model says of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The network's name.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Further facts by key, such as the mean that images are normalised with.
    pub facts: Vec<(String, String)>,
}

/// Values of a weight by its name, row-major.
pub type Weights<'a> = dyn Fn(&str) -> Option<Vec<f32>> + 'a;

/// The plan as the bytes of an ONNX model, opset [`OPSET`]. Its input is the normalised image `[N, 3, H, W]`; its
/// outputs are the plan's predictions by their names.
///
/// # Errors
/// [`Inexpressible`], with every instruction that ONNX lacks and every weight without values.
pub fn model(plan: &Plan, weights: &Weights<'_>, about: &About) -> Result<Vec<u8>, Inexpressible> {
    let mut graph = Graph::new(plan);
    graph.weights(weights);
    for step in &plan.steps {
        nodes::step(&mut graph, step);
    }
    for output in plan.outputs.iter().filter(|output| output.role == Role::Prediction) {
        graph.output(&output.name, output.value);
    }
    let graph = graph.finish(&about.name)?;
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "phgc".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: about.doc.clone(),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: about
            .facts
            .iter()
            .map(|(key, value)| StringEntry { key: key.clone(), value: value.clone() })
            .collect(),
    };
    Ok(prost::Message::encode_to_vec(&model))
}
