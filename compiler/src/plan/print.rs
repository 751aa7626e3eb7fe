//! Plans as text: one step a line, for snapshots and for `phgc show`.

use std::fmt::Write;

use super::cost::Cost;
use super::{Against, DType, Init, Mode, Plan, Role, ValueId, WeightSource};
use crate::ir::dim::Dim;
use crate::plan::instr::{AbsentClasses, Binary, HardPixels, Instr, PoolKind, Reduction, ResizeMode, Unary};

/// A plan: inputs, steps, outputs, weights.
pub fn plan(plan: &Plan) -> String {
    let mut out = String::new();
    let shape = |id: &ValueId| {
        plan.values.get(id.0 as usize).map_or_else(String::new, |value| {
            let int = if value.dtype == DType::Int { "int" } else { "" };
            format!("{int}{}", dims(&value.dims))
        })
    };
    let names = |ids: &[ValueId]| ids.iter().map(|v| format!("%{}", v.0)).collect::<Vec<_>>().join(", ");
    for input in &plan.inputs {
        let _ = writeln!(out, "input {} = %{} {}", input.name, input.value.0, shape(&input.value));
    }
    for step in &plan.steps {
        let shapes = step.writes.iter().map(shape).collect::<Vec<_>>().join(", ");
        let weights: Vec<&str> = step
            .instr
            .weights()
            .iter()
            .filter_map(|w| plan.weights.get(w.0 as usize).map(|weight| weight.name.as_str()))
            .collect();
        let _ =
            write!(out, "{} {shapes} = {}({})", names(&step.writes), instr(&step.instr), names(&step.reads));
        // Weights bear the step's own path, unless one layer is called twice.
        match weights.first().and_then(|first| first.rsplit_once('.')) {
            Some((prefix, _)) if prefix != step.path => {
                let _ = write!(out, " with {prefix}");
            }
            _ => {}
        }
        if !step.frees.is_empty() {
            let _ = write!(out, " free {}", names(&step.frees));
        }
        let _ = writeln!(out, "  # {}", step.path);
    }
    for output in &plan.outputs {
        let role = match output.role {
            Role::Prediction => "output",
            Role::Loss => "loss",
            Role::Report => "report",
        };
        let _ = writeln!(out, "{role} {} = %{}", output.name, output.value.0);
    }
    for latent in &plan.latents {
        let kind = if latent.log_weights.is_some() { "mixture" } else { "gaussian" };
        let tensors: Vec<ValueId> =
            latent.log_weights.into_iter().chain([latent.mean, latent.log_variance]).collect();
        let against = match &latent.against {
            None => String::new(),
            Some(Against::StandardNormal) => " against the standard normal".to_owned(),
            Some(Against::Latent(other)) => format!(" against {other}"),
        };
        let _ = writeln!(out, "latent {} = {kind}({}){against}", latent.name, names(&tensors));
    }
    for weight in &plan.weights {
        let sizes = weight.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let init = match &weight.init {
            Init::Constant(value) => format!("{value}"),
            Init::Uniform { bound } => format!("uniform({bound:.6})"),
            Init::Normal { deviation } => format!("normal({deviation:.6})"),
            Init::Bilinear => "bilinear".to_string(),
        };
        let from = match &weight.source {
            WeightSource::Stored if weight.trainable => format!("init {init}"),
            WeightSource::Stored => format!("init {init}, not trained"),
            WeightSource::FoldedWeight { weight, norm, .. } => format!("from {weight} and {norm}"),
            WeightSource::FoldedBias { bias: Some(bias), norm, .. } => format!("from {bias} and {norm}"),
            WeightSource::FoldedBias { bias: None, norm, .. } => format!("from {norm}"),
        };
        let _ = writeln!(out, "weight {} [{sizes}] {from}", weight.name);
    }
    out
}

/// A cost as a table: a line for each section, then totals. Activations and memory are in bytes.
pub fn cost(cost: &Cost) -> String {
    let mode = match cost.mode {
        Mode::Train => "train",
        Mode::Eval => "eval",
        Mode::Infer => "infer",
    };
    let sizes = cost.sizes;
    let mut rows = vec![["section", "parameters", "macs", "activations", "steps"].map(str::to_owned)];
    let mut steps = 0;
    for (name, section) in &cost.sections {
        steps += section.steps;
        rows.push([
            if name.is_empty() { "-".to_owned() } else { name.clone() },
            grouped(section.parameters),
            grouped(section.macs),
            grouped(section.activations),
            section.steps.to_string(),
        ]);
    }
    rows.push([
        "total".to_owned(),
        grouped(cost.parameters),
        grouped(cost.macs),
        grouped(cost.activation_bytes),
        steps.to_string(),
    ]);
    let mut out = format!("{mode}, N = {}, H = {}, W = {}\n", sizes.n, sizes.h, sizes.w);
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3), width(4)];
    for [name, parameters, macs, activations, steps] in &rows {
        let [a, b, c, d, e] = widths;
        let _ = writeln!(out, "{name:<a$}  {parameters:>b$}  {macs:>c$}  {activations:>d$}  {steps:>e$}");
    }
    let _ = writeln!(out, "weights held: {} bytes", grouped(cost.parameter_bytes));
    let _ = writeln!(out, "predicted peak: {} bytes", grouped(cost.peak_bytes));
    out
}

/// `42,500,160`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `[N, 64, ceil(H/4), ceil(W/4)]`.
pub fn dims(dims: &[Dim]) -> String {
    format!("[{}]", dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// One instruction and its parameters.
pub fn instr(instr: &Instr) -> String {
    let by = |pair: [usize; 2]| format!("{}x{}", pair[0], pair[1]);
    let window = |kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2]| {
        let mut text = by(kernel);
        for (name, value, neutral) in
            [("stride", stride, [1, 1]), ("pad", padding, [0, 0]), ("dilation", dilation, [1, 1])]
        {
            if value != neutral {
                let _ = write!(text, " {name} {}", by(value));
            }
        }
        text
    };
    match instr {
        Instr::Convolve(c) => {
            let mut text = format!("convolve {}", window(c.kernel, c.stride, c.padding, c.dilation));
            if c.groups > 1 {
                let _ = write!(text, " groups {}", c.groups);
            }
            if c.bias.is_some() {
                text.push_str(" bias");
            }
            if c.adds {
                text.push_str(" plus");
            }
            if let Some(activation) = c.activation {
                let _ = write!(text, " {}", unary(activation));
            }
            text
        }
        Instr::ConvolveTransposed(c) => {
            let mut text =
                format!("convolve_transposed {}", window(c.kernel, c.stride, c.padding, c.dilation));
            if c.output_padding != [0, 0] {
                let _ = write!(text, " output_padding {}", by(c.output_padding));
            }
            if c.groups > 1 {
                let _ = write!(text, " groups {}", c.groups);
            }
            if c.bias.is_some() {
                text.push_str(" bias");
            }
            text
        }
        Instr::Linear { bias, .. } => if bias.is_some() { "linear bias" } else { "linear" }.to_string(),
        Instr::Normalise(n) => format!("normalise epsilon {:e}", n.epsilon),
        Instr::Pool(p) => {
            let kind = match p.kind {
                PoolKind::Max => "max_pool",
                PoolKind::Average => "avg_pool",
            };
            let mut text = format!("{kind} {}", window(p.kernel, p.stride, p.padding, [1, 1]));
            if p.ceil {
                text.push_str(" ceil");
            }
            if p.indices {
                text.push_str(" indices");
            }
            text
        }
        Instr::PoolCells { to } => format!("pool_cells {}", by(*to)),
        Instr::Unpool { .. } => "unpool".to_string(),
        Instr::Resize { mode: ResizeMode::Bilinear, .. } => "resize bilinear".to_string(),
        Instr::Resize { mode: ResizeMode::Nearest, .. } => "resize nearest".to_string(),
        Instr::Unary(function) => unary(*function),
        Instr::Prelu { .. } => "prelu".to_string(),
        Instr::Binary(function) => binary(*function).to_string(),
        Instr::Concat { axis } => format!("concat {axis}"),
        Instr::Slice { axis, start, len } => format!("slice {axis} from {start} take {len}"),
        Instr::Pad { before, after } => format!("pad {} {}", dims(before), dims(after)),
        Instr::Reshape { .. } => "reshape".to_string(),
        Instr::Permute { axes } => format!("permute {axes:?}"),
        Instr::Expand { .. } => "expand".to_string(),
        Instr::Softmax { axis, log } => format!("{} {axis}", if *log { "log_softmax" } else { "softmax" }),
        Instr::Dropout { rate, channels } => {
            format!("dropout {rate}{}", if *channels { " channels" } else { "" })
        }
        Instr::MatMul => "matmul".to_string(),
        Instr::Reduce { by, axes, keep } => {
            let name = match by {
                Reduction::Sum => "sum",
                Reduction::Mean => "mean",
                Reduction::Max => "max",
            };
            format!("{name} {axes:?}{}", if *keep { " keep" } else { "" })
        }
        Instr::OneHot { classes } => format!("one_hot {classes}"),
        Instr::Fill { value, .. } => format!("fill {value}"),
        Instr::Diagonal { value, .. } => format!("diagonal {value:e}"),
        Instr::Argmax => "argmax".to_string(),
        Instr::GaussianBlur { kernel, sigma } => format!("gaussian_blur {kernel}x{kernel} sigma {sigma}"),
        Instr::ResizeLabels { .. } => "resize_labels".to_string(),
        Instr::Normal { .. } => "normal".to_string(),
        Instr::StopGradient => "stop_gradient".to_string(),
        Instr::Learned { .. } => "learned".to_string(),
        Instr::CrossEntropy(c) => {
            let mut text = format!("cross_entropy weights {:?} smoothing {}", c.weights, c.smoothing);
            if let Some(HardPixels { below, at_least }) = c.hard {
                let _ = write!(text, " hard below {below} at_least {at_least}");
            }
            text
        }
        Instr::Ramp { steps } => format!("ramp {steps}"),
        Instr::SoftIou { absent: AbsentClasses::Skip } => "soft_iou".to_string(),
        Instr::SoftIou { absent: AbsentClasses::Count } => "soft_iou absent".to_string(),
        Instr::KlGaussian { standard, reduce, free_bits } => {
            let standard = if *standard { " standard" } else { "" };
            format!("kl_gaussian {reduce:?}{standard}{}", free(*free_bits)).to_lowercase()
        }
        Instr::KlMixture { by, reduce, free_bits } => {
            format!("kl_mixture {by:?} {reduce:?}{}", free(*free_bits)).to_lowercase()
        }
    }
}

/// The free bits of a divergence, where it has some.
fn free(bits: f32) -> String {
    if bits > 0.0 { format!(" free_bits {bits}") } else { String::new() }
}

/// An elementwise function.
pub fn unary(function: Unary) -> String {
    match function {
        Unary::Relu => "relu".to_string(),
        Unary::Relu6 => "relu6".to_string(),
        Unary::LeakyRelu(slope) => format!("leaky_relu {slope}"),
        Unary::Sigmoid => "sigmoid".to_string(),
        Unary::Tanh => "tanh".to_string(),
        Unary::Exp => "exp".to_string(),
        Unary::Log => "log".to_string(),
        Unary::Sqrt => "sqrt".to_string(),
        Unary::Negate => "negate".to_string(),
        Unary::Scale(factor) => format!("scale {factor}"),
        Unary::Offset(by) => format!("offset {by}"),
        Unary::Above(threshold) => format!("above {threshold}"),
        Unary::Clamp(low, high) => format!("clamp {low} {high}"),
    }
}

/// An elementwise function of two operands.
pub fn binary(function: Binary) -> &'static str {
    match function {
        Binary::Add => "add",
        Binary::Subtract => "subtract",
        Binary::Multiply => "multiply",
        Binary::Divide => "divide",
        Binary::Max => "max",
    }
}
