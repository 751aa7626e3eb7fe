//! Instructions that move values or make them from nothing, as ONNX nodes.

use phg_compiler::ir::dim::Dim;
use phg_compiler::plan::Step;
use phg_compiler::plan::instr::ResizeMode;

use crate::graph::Graph;
use crate::proto::{Attribute, BOOL, FLOAT, Tensor};
use crate::sizes;

/// Half-pixel centres for bilinear; for the nearest, row `floor(i * in / out)`.
pub(crate) fn resize(
    graph: &mut Graph<'_>,
    step: &Step,
    mode: ResizeMode,
    to: &[Dim; 2],
    x: String,
) -> String {
    let dims = step.reads.first().map_or(&[] as &[Dim], |id| graph.dims(*id));
    let whole: Vec<Dim> = dims.iter().take(2).chain(to).cloned().collect();
    let sizes = sizes::list(graph, &whole);
    let attributes = match mode {
        ResizeMode::Bilinear => vec![
            Attribute::word("mode", "linear"),
            Attribute::word("coordinate_transformation_mode", "half_pixel"),
        ],
        ResizeMode::Nearest => vec![
            Attribute::word("mode", "nearest"),
            Attribute::word("coordinate_transformation_mode", "asymmetric"),
            Attribute::word("nearest_mode", "floor"),
        ],
    };
    // No region and no scales: the sizes decide.
    graph.node(&step.path, "Resize", [x, String::new(), String::new(), sizes], attributes)
}

/// `len` entries of an axis from `start`.
pub(crate) fn slice(
    graph: &mut Graph<'_>,
    path: &str,
    axis: usize,
    start: &Dim,
    len: &Dim,
    x: String,
) -> String {
    let end = sizes::size(graph, &start.plus(len));
    let start = sizes::size(graph, start);
    let axis = graph.ints(&[axis as i64]);
    graph.node(path, "Slice", [x, start, end, axis], Vec::new())
}

/// Zeros around.
pub(crate) fn pad(graph: &mut Graph<'_>, path: &str, before: &[Dim], after: &[Dim], x: String) -> String {
    let all: Vec<Dim> = before.iter().chain(after).cloned().collect();
    let sizes = sizes::list(graph, &all);
    graph.node(path, "Pad", [x, sizes], vec![Attribute::word("mode", "constant")])
}

/// Another shape.
pub(crate) fn reshape(graph: &mut Graph<'_>, path: &str, dims: &[Dim], x: String) -> String {
    let shape = sizes::list(graph, dims);
    graph.node(path, "Reshape", [x, shape], Vec::new())
}

/// Axes of size 1 repeated.
pub(crate) fn expand(graph: &mut Graph<'_>, path: &str, dims: &[Dim], x: String) -> String {
    let shape = sizes::list(graph, dims);
    graph.node(path, "Expand", [x, shape], Vec::new())
}

/// One value everywhere.
pub(crate) fn fill(graph: &mut Graph<'_>, path: &str, value: f32, dims: &[Dim]) -> String {
    let shape = sizes::list(graph, dims);
    let value = Attribute::tensor("value", Tensor::floats("", &[1], &[value]));
    graph.node(path, "ConstantOfShape", [shape], vec![value])
}

/// A value on the diagonal of a square matrix. The value may be infinite, so it is chosen, not multiplied.
pub(crate) fn diagonal(graph: &mut Graph<'_>, path: &str, value: f32, size: &Dim) -> String {
    let zeros = fill(graph, path, 0.0, &[size.clone(), size.clone()]);
    let ones = graph.node(path, "EyeLike", [zeros.clone()], vec![Attribute::int("dtype", i64::from(FLOAT))]);
    let places = graph.node(path, "Cast", [ones], vec![Attribute::int("to", i64::from(BOOL))]);
    let value = graph.float(value);
    graph.node(path, "Where", [places, value, zeros], Vec::new())
}

/// Whole numbers or truth values as floats.
pub(crate) fn as_floats(graph: &mut Graph<'_>, path: &str, x: String) -> String {
    graph.node(path, "Cast", [x], vec![Attribute::int("to", i64::from(FLOAT))])
}
