//! Pools, their reversal, and filters, as ONNX nodes.

use phg_compiler::ir::dim::Dim;
use phg_compiler::plan::Step;
use phg_compiler::plan::instr::{Pool, PoolKind};

use crate::graph::Graph;
use crate::nodes::pads;
use crate::proto::Attribute;
use crate::{shapes, sizes};

/// Max or average pooling. ONNX counts positions over the whole tensor, we within a channel: the remainder is ours.
pub(crate) fn pool(graph: &mut Graph<'_>, step: &Step, pool: &Pool, x: &str) {
    let path = step.path.as_str();
    let mut attributes = vec![
        Attribute::ints("kernel_shape", pool.kernel.map(|value| value as i64)),
        Attribute::ints("strides", pool.stride.map(|value| value as i64)),
        pads(pool.padding),
        Attribute::int("ceil_mode", i64::from(pool.ceil)),
    ];
    let op = match pool.kind {
        PoolKind::Max => "MaxPool",
        PoolKind::Average => {
            attributes.push(Attribute::int("count_include_pad", i64::from(pool.count_padding)));
            "AveragePool"
        }
    };
    let results = graph.node_of(path, op, [x.to_owned()], attributes, if pool.indices { 2 } else { 1 });
    let mut results = results.into_iter();
    if let Some(values) = results.next() {
        graph.result(step, 0, values);
    }
    if let (Some(places), Some(id)) = (results.next(), step.reads.first()) {
        let [_, _, rows, columns] = graph.dims(*id) else { return };
        let area = sizes::size(graph, &rows.times(columns));
        let within = graph.node(path, "Mod", [places, area], Vec::new());
        graph.result(step, 1, within);
    }
}

/// The mean of each cell: of bands of rows, then of bands of columns.
pub(crate) fn cells(graph: &mut Graph<'_>, step: &Step, to: [usize; 2], x: String) -> String {
    let Some([_, _, rows, columns]) = step.reads.first().map(|id| graph.dims(*id)) else { return x };
    let x = bands(graph, &step.path, 2, rows, to[0], x);
    bands(graph, &step.path, 3, columns, to[1], x)
}

fn bands(graph: &mut Graph<'_>, path: &str, axis: usize, size: &Dim, to: usize, x: String) -> String {
    let mean = |graph: &mut Graph<'_>, band: String| {
        let attributes = vec![Attribute::ints("axes", [axis as i64]), Attribute::int("keepdims", 1)];
        graph.node(path, "ReduceMean", [band], attributes)
    };
    if to == 1 {
        return mean(graph, x);
    }
    let mut means = Vec::with_capacity(to);
    for at in 0..to as i64 {
        let start = size.scale(at).floor_div(to as i64);
        let end = size.scale(at + 1).ceil_div(to as i64);
        let band = shapes::slice(graph, path, axis, &start, &end.minus(&start), x.clone());
        means.push(mean(graph, band));
    }
    graph.node(path, "Concat", means, vec![Attribute::int("axis", axis as i64)])
}

/// Values at their places among zeros.
pub(crate) fn unpool(graph: &mut Graph<'_>, step: &Step, to: &[Dim; 2], reads: &[String]) -> String {
    let path = step.path.as_str();
    let ([values, places, ..], Some([n, c, rows, columns])) =
        (reads, step.reads.first().map(|id| graph.dims(*id)))
    else {
        return String::new();
    };
    let [to_rows, to_columns] = to;
    let flat = [n.clone(), c.clone(), rows.times(columns)];
    let values = shapes::reshape(graph, path, &flat, values.clone());
    let places = shapes::reshape(graph, path, &flat, places.clone());
    let zeros = shapes::fill(graph, path, 0.0, &[n.clone(), c.clone(), to_rows.times(to_columns)]);
    let axis = vec![Attribute::int("axis", 2)];
    let full = graph.node(path, "ScatterElements", [zeros, places, values], axis);
    shapes::reshape(graph, path, &[n.clone(), c.clone(), to_rows.clone(), to_columns.clone()], full)
}

/// A gaussian filter of each channel: a convolution with a group each.
pub(crate) fn blur(graph: &mut Graph<'_>, step: &Step, kernel: usize, sigma: f32, x: String) -> String {
    let channels = step.reads.first().and_then(|id| graph.dims(*id).get(1)?.as_constant());
    let Some(channels) = channels.and_then(|channels| usize::try_from(channels).ok()) else {
        graph.lacks(format!("{}: the number of channels is not fixed", step.path));
        return x;
    };
    let line = gaussian(kernel, sigma);
    let window: Vec<f32> = line.iter().flat_map(|row| line.iter().map(move |column| row * column)).collect();
    let wish = format!("{}.window", step.path);
    let weight = graph.floats(&wish, &[channels, 1, kernel, kernel], &window.repeat(channels));
    let attributes = vec![
        Attribute::ints("kernel_shape", [kernel as i64; 2]),
        pads([kernel / 2; 2]),
        Attribute::int("group", channels as i64),
    ];
    graph.node(&step.path, "Conv", [x, weight], attributes)
}

/// A gaussian of an odd number of taps that adds up to 1.
fn gaussian(taps: usize, sigma: f32) -> Vec<f32> {
    let centre = (taps / 2) as f32;
    let line: Vec<f32> = (0..taps).map(|at| (-((at as f32 - centre) / sigma).powi(2) / 2.0).exp()).collect();
    let sum: f32 = line.iter().sum();
    line.into_iter().map(|value| value / sum).collect()
}
