//! Instructions as ONNX nodes.
//!
//! Comes in: a step of a plan. Goes out: nodes that compute the same. Guaranteed: an instruction that is not listed does
//! not compile; one that only a training has is inexpressible.

use phg_compiler::plan::Step;
use phg_compiler::plan::instr::{Binary, Convolve, ConvolveTransposed, Instr, Normalise, Reduction, Unary};

use crate::graph::Graph;
use crate::proto::Attribute;
use crate::{pooling, shapes};

/// Adds the nodes of a step.
pub(crate) fn step(graph: &mut Graph<'_>, step: &Step) {
    let reads: Vec<String> = step.reads.iter().map(|id| graph.value(*id)).collect();
    let x = reads.first().cloned().unwrap_or_default();
    let path = step.path.as_str();
    let result = match &step.instr {
        Instr::Convolve(convolve) => self::convolve(graph, path, convolve, reads),
        Instr::ConvolveTransposed(convolve) => transposed(graph, path, convolve, x),
        Instr::Linear { weight, bias } => {
            let (weight, bias) = (graph.weight(*weight), bias.map(|bias| graph.weight(bias)));
            linear(graph, step, x, weight, bias)
        }
        Instr::Normalise(norm) => normalise(graph, path, norm, x),
        Instr::Pool(pool) => return pooling::pool(graph, step, pool, &x),
        Instr::PoolCells { to } => pooling::cells(graph, step, *to, x),
        Instr::Unpool { to } => pooling::unpool(graph, step, to, &reads),
        Instr::Resize { mode, to } => shapes::resize(graph, step, *mode, to, x),
        Instr::Unary(unary) => self::unary(graph, path, *unary, x),
        Instr::Prelu { slope } => {
            let slope = graph.weight(*slope);
            prelu(graph, step, x, slope)
        }
        Instr::Binary(binary) => {
            let op = match binary {
                Binary::Add => "Add",
                Binary::Subtract => "Sub",
                Binary::Multiply => "Mul",
                Binary::Divide => "Div",
                Binary::Max => "Max",
            };
            graph.node(path, op, reads, Vec::new())
        }
        Instr::Concat { axis } => {
            graph.node(path, "Concat", reads, vec![Attribute::int("axis", *axis as i64)])
        }
        Instr::Slice { axis, start, len } => shapes::slice(graph, path, *axis, start, len, x),
        Instr::Pad { before, after } => shapes::pad(graph, path, before, after, x),
        Instr::Reshape { dims } => shapes::reshape(graph, path, dims, x),
        Instr::Permute { axes } => {
            let order = Attribute::ints("perm", axes.iter().map(|axis| *axis as i64));
            graph.node(path, "Transpose", [x], vec![order])
        }
        Instr::Expand { dims } => shapes::expand(graph, path, dims, x),
        Instr::Softmax { axis, log } => {
            let op = if *log { "LogSoftmax" } else { "Softmax" };
            graph.node(path, op, [x], vec![Attribute::int("axis", *axis as i64)])
        }
        // Outside trainings both are the identity.
        Instr::Dropout { .. } | Instr::StopGradient => x,
        Instr::MatMul => graph.node(path, "MatMul", reads, Vec::new()),
        Instr::Reduce { by, axes, keep } => reduce(graph, path, *by, axes, *keep, x),
        Instr::Fill { value, dims } => shapes::fill(graph, path, *value, dims),
        Instr::Diagonal { value, size } => shapes::diagonal(graph, path, *value, size),
        Instr::Argmax => {
            let attributes = vec![Attribute::int("axis", 1), Attribute::int("keepdims", 1)];
            let whole = graph.node(path, "ArgMax", [x], attributes);
            shapes::as_floats(graph, path, whole)
        }
        Instr::GaussianBlur { kernel, sigma } => pooling::blur(graph, step, *kernel, *sigma, x),
        Instr::Learned { weight } => graph.weight(*weight),
        Instr::OneHot { .. }
        | Instr::ResizeLabels { .. }
        | Instr::Normal { .. }
        | Instr::CrossEntropy(_)
        | Instr::Ramp { .. }
        | Instr::SoftIou { .. }
        | Instr::KlGaussian { .. }
        | Instr::KlMixture { .. } => {
            graph.lacks(format!("{path}: only a training has this operation"));
            x
        }
    };
    graph.result(step, 0, result);
}

fn pair(name: &str, values: [usize; 2]) -> Attribute {
    Attribute::ints(name, values.map(|value| value as i64))
}

/// Zeros on either side, as ONNX orders them: all before, then all after.
pub(crate) fn pads(padding: [usize; 2]) -> Attribute {
    let [rows, columns] = padding.map(|value| value as i64);
    Attribute::ints("pads", [rows, columns, rows, columns])
}

fn window([kernel, stride, padding, dilation]: [[usize; 2]; 4], groups: usize) -> Vec<Attribute> {
    vec![
        pair("kernel_shape", kernel),
        pair("strides", stride),
        pads(padding),
        pair("dilations", dilation),
        Attribute::int("group", groups as i64),
    ]
}

fn convolve(graph: &mut Graph<'_>, path: &str, convolve: &Convolve, mut reads: Vec<String>) -> String {
    let added = if convolve.adds { reads.pop() } else { None };
    let x = if reads.len() > 1 {
        graph.node(path, "Concat", reads, vec![Attribute::int("axis", 1)])
    } else {
        reads.pop().unwrap_or_default()
    };
    let weight = graph.weight(convolve.weight);
    let bias = convolve.bias.map(|bias| graph.weight(bias));
    let Convolve { kernel, stride, padding, dilation, groups, .. } = *convolve;
    let attributes = window([kernel, stride, padding, dilation], groups);
    let mut y = graph.node(path, "Conv", [x, weight].into_iter().chain(bias), attributes);
    if let Some(added) = added {
        y = graph.node(path, "Add", [y, added], Vec::new());
    }
    match convolve.activation {
        Some(activation) => unary(graph, path, activation, y),
        None => y,
    }
}

fn transposed(graph: &mut Graph<'_>, path: &str, convolve: &ConvolveTransposed, x: String) -> String {
    let weight = graph.weight(convolve.weight);
    let bias = convolve.bias.map(|bias| graph.weight(bias));
    let ConvolveTransposed { kernel, stride, padding, dilation, groups, .. } = *convolve;
    let mut attributes = window([kernel, stride, padding, dilation], groups);
    attributes.push(pair("output_padding", convolve.output_padding));
    graph.node(path, "ConvTranspose", [x, weight].into_iter().chain(bias), attributes)
}

fn linear(graph: &mut Graph<'_>, step: &Step, x: String, weight: String, bias: Option<String>) -> String {
    let rank = step.reads.first().map_or(0, |id| graph.dims(*id).len());
    if rank == 2 {
        let turned = vec![Attribute::int("transB", 1)];
        return graph.node(&step.path, "Gemm", [x, weight].into_iter().chain(bias), turned);
    }
    let turned = graph.node(&step.path, "Transpose", [weight], vec![Attribute::ints("perm", [1, 0])]);
    let y = graph.node(&step.path, "MatMul", [x, turned], Vec::new());
    match bias {
        Some(bias) => graph.node(&step.path, "Add", [y, bias], Vec::new()),
        None => y,
    }
}

fn normalise(graph: &mut Graph<'_>, path: &str, norm: &Normalise, x: String) -> String {
    let weights = [norm.scale, norm.offset, norm.mean, norm.variance].map(|id| graph.weight(id));
    let epsilon = vec![Attribute::float("epsilon", norm.epsilon)];
    graph.node(path, "BatchNormalization", std::iter::once(x).chain(weights), epsilon)
}

/// An elementwise function.
pub(crate) fn unary(graph: &mut Graph<'_>, path: &str, unary: Unary, x: String) -> String {
    let plain = |graph: &mut Graph<'_>, op: &str, x: String| graph.node(path, op, [x], Vec::new());
    match unary {
        Unary::Relu => plain(graph, "Relu", x),
        Unary::Sigmoid => plain(graph, "Sigmoid", x),
        Unary::Tanh => plain(graph, "Tanh", x),
        Unary::Exp => plain(graph, "Exp", x),
        Unary::Log => plain(graph, "Log", x),
        Unary::Sqrt => plain(graph, "Sqrt", x),
        Unary::Negate => plain(graph, "Neg", x),
        Unary::LeakyRelu(slope) => graph.node(path, "LeakyRelu", [x], vec![Attribute::float("alpha", slope)]),
        Unary::Relu6 => clip(graph, path, x, 0.0, 6.0),
        Unary::Clamp(low, high) => clip(graph, path, x, low, high),
        Unary::Scale(factor) => {
            let factor = graph.float(factor);
            graph.node(path, "Mul", [x, factor], Vec::new())
        }
        Unary::Offset(offset) => {
            let offset = graph.float(offset);
            graph.node(path, "Add", [x, offset], Vec::new())
        }
        Unary::Above(bound) => {
            let bound = graph.float(bound);
            let above = graph.node(path, "Greater", [x, bound], Vec::new());
            shapes::as_floats(graph, path, above)
        }
    }
}

fn clip(graph: &mut Graph<'_>, path: &str, x: String, low: f32, high: f32) -> String {
    let (low, high) = (graph.float(low), graph.float(high));
    graph.node(path, "Clip", [x, low, high], Vec::new())
}

/// ONNX aligns a slope with the last axes; ours belongs to axis 1.
fn prelu(graph: &mut Graph<'_>, step: &Step, x: String, slope: String) -> String {
    let rank = step.reads.first().map_or(0, |id| graph.dims(*id).len());
    let mut dims = vec![1; rank.max(1)];
    if let Some(channels) = dims.get_mut(1) {
        *channels = -1;
    }
    let dims = graph.ints(&dims);
    let slope = graph.node(&step.path, "Reshape", [slope, dims], Vec::new());
    graph.node(&step.path, "PRelu", [x, slope], Vec::new())
}

fn reduce(graph: &mut Graph<'_>, path: &str, by: Reduction, axes: &[usize], keep: bool, x: String) -> String {
    let keep = Attribute::int("keepdims", i64::from(keep));
    let axes: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
    // In this operator set the axes of a sum are an input, those of the others an attribute.
    match by {
        Reduction::Sum => {
            let axes = graph.ints(&axes);
            graph.node(path, "ReduceSum", [x, axes], vec![keep])
        }
        Reduction::Mean => graph.node(path, "ReduceMean", [x], vec![Attribute::ints("axes", axes), keep]),
        Reduction::Max => graph.node(path, "ReduceMax", [x], vec![Attribute::ints("axes", axes), keep]),
    }
}
