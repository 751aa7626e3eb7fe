//! Plans built by hand, for tests: a small U-Net with a loss, as the compiler would lower it.

use burn::tensor::Device;
use phg_compiler::ir::dim::Dim;
use phg_compiler::plan::instr::{
    AbsentClasses, Binary, ClassWeights, Convolve, CrossEntropy, Normalise, Pool, PoolKind, ResizeMode, Unary,
};
use phg_compiler::plan::{
    DType, Init, Input, InputKind, Instr, Mode, Output, Plan, Role, Scores, Step, Value, ValueId, Weight,
    WeightId, WeightSource,
};

use crate::exec::Bindings;
use crate::host::HostTensor;
use crate::random::{Purpose, Stream};

/// Number of classes of [`unet`], void included.
pub(crate) const CLASSES: usize = 4;

/// Adds steps to a plan, one value a step.
pub(crate) struct Builder {
    pub(crate) plan: Plan,
}

impl Builder {
    pub(crate) fn new(mode: Mode) -> Self {
        let plan = Plan {
            format: 1,
            mode,
            steps: vec![],
            values: vec![],
            weights: vec![],
            inputs: vec![],
            outputs: vec![],
            latents: vec![],
        };
        Self { plan }
    }

    pub(crate) fn value(&mut self, dims: Vec<Dim>, dtype: DType) -> ValueId {
        self.plan.values.push(Value { dims, dtype, section: String::new() });
        ValueId(self.plan.values.len() as u32 - 1)
    }

    pub(crate) fn input(&mut self, name: &str, kind: InputKind) -> ValueId {
        let (dims, dtype) = match kind {
            InputKind::Image => (vec![Dim::n(), 3.into(), Dim::h(), Dim::w()], DType::Float),
            InputKind::Labels { .. } => (vec![Dim::n(), Dim::h(), Dim::w()], DType::Int),
        };
        let value = self.value(dims, dtype);
        self.plan.inputs.push(Input { name: name.into(), value, kind });
        value
    }

    pub(crate) fn weight(&mut self, name: &str, shape: Vec<usize>, init: Init, trainable: bool) -> WeightId {
        self.plan.weights.push(Weight {
            name: name.into(),
            shape,
            init,
            trainable,
            source: WeightSource::Stored,
            section: String::new(),
        });
        WeightId(self.plan.weights.len() as u32 - 1)
    }

    pub(crate) fn step(&mut self, path: &str, instr: Instr, reads: &[ValueId], dims: Vec<Dim>) -> ValueId {
        let write = self.value(dims, DType::Float);
        self.plan.steps.push(Step {
            instr,
            reads: reads.to_vec(),
            writes: vec![write],
            frees: vec![],
            path: path.into(),
            section: String::new(),
            macs: 0.into(),
        });
        write
    }

    pub(crate) fn dims(&self, value: ValueId) -> Vec<Dim> {
        self.plan.values[value.0 as usize].dims.clone()
    }

    pub(crate) fn output(&mut self, name: &str, value: ValueId, role: Role) {
        self.plan.outputs.push(Output { name: name.into(), value, role, scores: Scores::Logits });
    }

    /// Convolution 3x3 without bias, batch norm, ReLU.
    pub(crate) fn unit(&mut self, path: &str, x: ValueId, [i, o]: [usize; 2]) -> ValueId {
        let mut dims = self.dims(x);
        dims[1] = o.into();
        let bound = 1.0 / (9.0 * i as f32).sqrt();
        let weight =
            self.weight(&format!("{path}.conv.weight"), vec![o, i, 3, 3], Init::Uniform { bound }, true);
        let y = self.step(&format!("{path}.conv"), convolve(weight, None, 3), &[x], dims.clone());
        let vector = |this: &mut Self, part: &str, value: f32, trainable: bool| {
            this.weight(&format!("{path}.norm.{part}"), vec![o], Init::Constant(value), trainable)
        };
        let norm = Instr::Normalise(Normalise {
            scale: vector(self, "scale", 1.0, true),
            offset: vector(self, "offset", 0.0, true),
            mean: vector(self, "mean", 0.0, false),
            variance: vector(self, "variance", 1.0, false),
            epsilon: 1e-5,
            momentum: 0.1,
        });
        let y = self.step(&format!("{path}.norm"), norm, &[y], dims.clone());
        self.step(&format!("{path}.relu"), Instr::Unary(Unary::Relu), &[y], dims)
    }
}

pub(crate) fn convolve(weight: WeightId, bias: Option<WeightId>, size: usize) -> Instr {
    Instr::Convolve(Convolve {
        weight,
        bias,
        kernel: [size, size],
        stride: [1, 1],
        padding: [size / 2, size / 2],
        dilation: [1, 1],
        groups: 1,
        adds: false,
        activation: None,
    })
}

/// Two levels, dropout at the bottom, cross-entropy + 0.5 * soft IoU; 4 classes, the last one void. Any size.
pub(crate) fn unet(mode: Mode) -> Plan {
    let mut b = Builder::new(mode);
    let image = b.input("image", InputKind::Image);
    let top = b.unit("encoder.top", image, [3, 8]);
    let pool = Instr::Pool(Pool {
        kind: PoolKind::Max,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        ceil: false,
        count_padding: true,
        indices: false,
    });
    let half = [Dim::h().floor_div(2), Dim::w().floor_div(2)];
    let dims = vec![Dim::n(), 8.into(), half[0].clone(), half[1].clone()];
    let down = b.step("encoder.pool", pool, &[top], dims);
    let bottom = b.unit("encoder.bottom", down, [8, 16]);
    let dims = b.dims(bottom);
    let bottom = b.step("encoder.drop", Instr::Dropout { rate: 0.1, channels: false }, &[bottom], dims);
    let resize = Instr::Resize { mode: ResizeMode::Bilinear, to: [Dim::h(), Dim::w()] };
    let up = b.step("decoder.up", resize, &[bottom], vec![Dim::n(), 16.into(), Dim::h(), Dim::w()]);
    let dims = vec![Dim::n(), 24.into(), Dim::h(), Dim::w()];
    let joined = b.step("decoder.join", Instr::Concat { axis: 1 }, &[up, top], dims);
    let y = b.unit("decoder.unit", joined, [24, 8]);
    let bound = 1.0 / 8f32.sqrt();
    let weight = b.weight("output.weight", vec![CLASSES, 8, 1, 1], Init::Uniform { bound }, true);
    let bias = b.weight("output.bias", vec![CLASSES], Init::Uniform { bound }, true);
    let dims = vec![Dim::n(), CLASSES.into(), Dim::h(), Dim::w()];
    let logits = b.step("output", convolve(weight, Some(bias), 1), &[y], dims);
    b.output("segmentation", logits, Role::Prediction);
    match mode {
        Mode::Infer => {}
        Mode::Train | Mode::Eval => {
            let labels = b.input("labels", InputKind::Labels { classes: CLASSES });
            let instr = Instr::CrossEntropy(CrossEntropy {
                weights: ClassWeights::Uniform,
                smoothing: 0.0,
                hard: None,
            });
            let entropy = b.step("l.cross_entropy", instr, &[logits, labels], vec![1.into()]);
            let iou = b.step(
                "l.soft_iou",
                Instr::SoftIou { absent: AbsentClasses::Skip },
                &[logits, labels],
                vec![1.into()],
            );
            let half = b.step("l.half", Instr::Unary(Unary::Scale(0.5)), &[iou], vec![1.into()]);
            let sum = b.step("l", Instr::Binary(Binary::Add), &[entropy, half], vec![1.into()]);
            b.output("l", sum, Role::Loss);
            b.output("l.cross_entropy", entropy, Role::Report);
            b.output("l.soft_iou", iou, Role::Report);
        }
    }
    b.plan
}

/// Images whose classes can be told from their colours, with noise; some pixels are void.
pub(crate) fn batch(index: u64, n: usize, h: usize, w: usize) -> Bindings {
    let mut stream = Stream::new(11, Purpose::Scene, [0, index]);
    let (mut images, mut labels) = (vec![0.0; n * 3 * h * w], vec![0u8; n * h * w]);
    for image in 0..n {
        let split = [stream.below(h as u32) as usize, stream.below(w as u32) as usize];
        for row in 0..h {
            for column in 0..w {
                let class = (usize::from(row > split[0]) + usize::from(column > split[1])) as u8;
                let void = stream.chance(0.1);
                labels[(image * h + row) * w + column] = if void { 3 } else { class };
                for channel in 0..3 {
                    let colour = if channel == usize::from(class) { 1.0 } else { -0.5 };
                    images[((image * 3 + channel) * h + row) * w + column] = colour + 0.3 * stream.normal();
                }
            }
        }
    }
    let images = HostTensor { shape: vec![n, 3, h, w], data: images };
    let mut bindings = Bindings::from_host(&images, Some(&labels), &Device::flex()).unwrap();
    bindings.void = Some(3);
    bindings.step = index;
    bindings
}
