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

#[cfg(test)]
mod tests {
    use phg_compiler::{Mode, Request, compile};
    use prost::Message;

    use super::*;
    use crate::verify::{Array, Engine};

    const SPEC: &str = "
input image: float[N, 3, H, W]
input labels: class(2)[N, H, W]
let x = image |> conv(2, bias: false)
let cells = x |> adaptive_avg_pool([2, 3]) |> resize(like: image, mode: nearest)
output y = (2 * x + cells) |> clamp(-1, 20)
loss { l = cross_entropy(x, labels) }
";

    fn plan(mode: Mode) -> Plan {
        let compilation = compile(&Request::new("spec.phg", SPEC));
        let errors: Vec<String> = compilation.diags.iter().map(|diag| diag.message.clone()).collect();
        compilation.network.unwrap_or_else(|| panic!("{errors:?}")).plan(mode)
    }

    /// Class 0 is red, class 1 is the sum of all three.
    fn weights(_: &str) -> Option<Vec<f32>> {
        Some(vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    }

    #[test]
    fn a_model_computes_what_a_hand_computes() {
        let bytes = model(&plan(Mode::Infer), &weights, &About::default()).expect("a model");
        let engine = Engine::load(bytes).expect("the engine takes it");
        // Three rows of one colour each; cells of two rows are the means of rows 0, 1 and of rows 1, 2.
        let red = [[1.0; 4], [2.0; 4], [4.0; 4]].concat();
        let data = [red, vec![0.0; 12], vec![10.0; 12]].concat();
        let found = engine.run(&Array { shape: vec![1, 3, 3, 4], data }).expect("an output");
        assert_eq!(found.shape, [1, 2, 3, 4]);
        let rows: Vec<f32> = found.data.iter().step_by(4).copied().collect();
        // floor(i * 2 / 3): rows 0 and 1 see the first cell. 2 * 11 + 11.5 is cut to 20.
        assert_eq!(rows, [3.5, 5.5, 11.0, 20.0, 20.0, 20.0]);
    }

    /// How much is padded comes from the size, by divisions of negative numbers.
    #[test]
    fn sizes_are_rounded_down() {
        let spec = "input image: float[N, 3, H, W]\n\
                    output y = image |> pad(window: 3, stride: 2) |> max_pool(kernel: 3, stride: 2)\n";
        let compilation = compile(&Request::new("spec.phg", spec));
        let plan = compilation.network.expect("a network").plan(Mode::Infer);
        let engine = Engine::load(model(&plan, &|_| None, &About::default()).expect("a model"));
        let engine = engine.expect("the engine takes it");
        let run = |h: usize, w: usize| {
            let data = (0..3).flat_map(|_| (1..=h * w).map(|value| value as f32)).collect();
            let found = engine.run(&Array { shape: vec![1, 3, h, w], data }).expect("an output");
            found.data[..found.shape[2] * found.shape[3]].to_vec()
        };
        // Of 4, one more row at the end; of 5, one on either side.
        assert_eq!(run(4, 4), [11.0, 12.0, 15.0, 16.0]);
        assert_eq!(run(5, 4), [7.0, 8.0, 15.0, 16.0, 19.0, 20.0]);
        assert_eq!(run(4, 5), [12.0, 14.0, 15.0, 17.0, 19.0, 20.0]);
    }

    #[test]
    fn what_onnx_lacks_is_named() {
        let Err(Inexpressible(what)) = model(&plan(Mode::Train), &weights, &About::default()) else {
            panic!("losses are no part of ONNX")
        };
        assert!(what.iter().any(|line| line.contains("cross_entropy")), "{what:?}");
        let Err(Inexpressible(what)) = model(&plan(Mode::Infer), &|_| None, &About::default()) else {
            panic!("there are no weights")
        };
        assert_eq!(what, ["x.conv.weight: the weight has no values"]);
    }

    #[test]
    fn a_model_says_what_it_is() {
        let about = About {
            name: "spec".into(),
            doc: "Two classes.".into(),
            facts: vec![("phgc.classes".into(), "2".into())],
        };
        let bytes = model(&plan(Mode::Infer), &weights, &about).expect("a model");
        let read = Model::decode(&bytes[..]).expect("a protocol buffer");
        assert_eq!((read.opset_import[0].version, read.metadata_props[0].value.as_str()), (OPSET, "2"));
        let graph = read.graph.expect("a graph");
        let names =
            |infos: &[proto::ValueInfo]| infos.iter().map(|info| info.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(&graph.input), names(&graph.output)), (vec!["image".into()], vec!["y".into()]));
        let made: Vec<&String> = graph.node.iter().flat_map(|node| &node.output).collect();
        let distinct: std::collections::BTreeSet<_> = made.iter().collect();
        assert_eq!(made.len(), distinct.len(), "every value has a name of its own");
    }
}
