//! The cases of the check of a device: every kind of instruction, on small maps of odd sizes and on wide ones.
//!
//! Goes out: instructions with operands, the same in every build and on every machine: draws of the counter-based
//! generator that a case's own name names. Guaranteed: cases of one kind come in order of size, and the first of
//! every kind before the second of any, so that a check that runs out of time has seen each.

mod losses;

use std::collections::BTreeMap;

use phg_compiler::plan::instr::{
    Binary, Convolve, ConvolveTransposed, Normalise, Pool, PoolKind, Reduction, ResizeMode, Unary,
};
use phg_compiler::plan::{Instr, Mode, WeightId, print};
use phg_kernels::Window;

use super::shapes::{
    CONVOLUTIONS, POOLINGS, RESIZES, TRANSPOSED, Transposed, WIDE_CONVOLUTIONS, WIDE_TRANSPOSED,
};
use crate::host::HostTensor;
use crate::instr::case::{Case, Operand};
use crate::random::{Purpose, Stream, counter};

/// A case, and what it is called in reports.
pub(crate) struct Named {
    /// The instruction and the sizes of what it reads, such as `convolve 3x3 pad 1x1 of [2, 3, 7, 5]`.
    pub(crate) name: String,
    pub(crate) case: Case,
}

/// Every case.
pub(crate) fn all() -> Vec<Named> {
    let mut list = List::default();
    convolutions(&mut list);
    maps(&mut list);
    functions(&mut list);
    axes(&mut list);
    products(&mut list);
    sources(&mut list);
    losses::losses(&mut list);
    losses::divergences(&mut list);
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut ordered: Vec<(usize, Named)> = Vec::with_capacity(list.0.len());
    for named in list.0 {
        let place = seen.entry(named.case.instr.kind()).or_default();
        *place += 1;
        ordered.push((*place, named));
    }
    ordered.sort_by_key(|(place, _)| *place);
    ordered.into_iter().map(|(_, named)| named).collect()
}

#[derive(Default)]
struct List(Vec<Named>);

impl List {
    /// A case for training with normal values for operands and weights of these shapes.
    fn add(&mut self, instr: Instr, reads: &[&[usize]], weights: &[&[usize]]) -> &mut Case {
        let shapes: Vec<String> = reads.iter().map(|shape| format!("{shape:?}")).collect();
        let mut name = print::instr(&instr);
        if !shapes.is_empty() {
            name.push_str(" of ");
            name.push_str(&shapes.join(" and "));
        }
        let draw = |(at, shape): (usize, &&[usize])| normal(&name, at, shape);
        let mut case = Case::new(instr, reads.iter().enumerate().map(draw).collect());
        case.weights = weights.iter().enumerate().map(|(at, shape)| draw((100 + at, shape))).collect();
        case.path.clone_from(&name);
        let at = self.0.len();
        self.0.push(Named { name, case });
        &mut self.0[at].case
    }
}

fn stream(name: &str, at: usize) -> Stream {
    Stream::new(0, Purpose::Check, [counter(name), at as u64])
}

fn normal(name: &str, at: usize, shape: &[usize]) -> HostTensor {
    let mut stream = stream(name, at);
    HostTensor { shape: shape.to_vec(), data: (0..shape.iter().product()).map(|_| stream.normal()).collect() }
}

impl Case {
    /// Changes the values of a float operand.
    fn map(&mut self, at: usize, f: impl Fn(f32) -> f32) -> &mut Self {
        if let Some(Operand::Float(tensor)) = self.reads.get_mut(at) {
            tensor.data.iter_mut().for_each(|x| *x = f(*x));
        }
        self
    }

    /// Labels of `shape` as a further operand: `classes`, and some that are void or no class at all.
    fn labels(&mut self, shape: [usize; 3], classes: usize) -> &mut Self {
        let mut stream = stream(&self.path, 50);
        let label = |_| match stream.below(classes as u32 + 2) as usize {
            class if class < classes => class as i64,
            class if class == classes => 255,
            _ => classes as i64 - 1,
        };
        let labels = (0..shape.iter().product::<usize>()).map(label).collect();
        self.reads.push(Operand::Int(labels, shape.to_vec()));
        self.void = Some(classes as i64 - 1);
        self
    }

    fn mode(&mut self, mode: Mode) -> &mut Self {
        self.mode = mode;
        self
    }
}

fn convolve(by: &Window, biased: bool, adds: bool, activation: Option<Unary>) -> Instr {
    Instr::Convolve(Convolve {
        weight: WeightId(0),
        bias: biased.then_some(WeightId(1)),
        kernel: by.kernel,
        stride: by.stride,
        padding: by.padding,
        dilation: by.dilation,
        groups: by.groups,
        adds,
        activation,
    })
}

fn convolutions(list: &mut List) {
    for (at, ([n, i, o, h, w], by)) in CONVOLUTIONS.iter().chain(&WIDE_CONVOLUTIONS).enumerate() {
        let weight = [*o, i / by.groups, by.kernel[0], by.kernel[1]];
        let biased = at % 2 == 0;
        let weights: &[&[usize]] = if biased { &[&weight, &[*o]] } else { &[&weight] };
        list.add(convolve(by, biased, false, None), &[&[*n, *i, *h, *w]], weights);
    }
    // What passes put into a convolution, for inference.
    for (kernel, [h, w]) in [([3, 3], [5, 7]), ([1, 1], [96, 192])] {
        let padding = kernel.map(|size| size / 2);
        let by = Window { kernel, stride: [1, 1], padding, dilation: [1, 1], groups: 1 };
        for (adds, activation) in
            [(true, Some(Unary::Relu)), (false, Some(Unary::LeakyRelu(0.25))), (true, None)]
        {
            let addend = [2, 6, h, w];
            let mut reads: Vec<&[usize]> = vec![];
            let maps = [[2, 3, h, w], [2, 2, h, w]];
            reads.extend(maps.iter().map(|map| map.as_slice()));
            if adds {
                reads.push(&addend);
            }
            list.add(convolve(&by, true, adds, activation), &reads, &[&[6, 5, kernel[0], kernel[1]], &[6]])
                .mode(Mode::Infer);
        }
    }
    for Transposed { shape: [n, i, o, h, w], window: by, output_padding } in
        TRANSPOSED.iter().chain(&WIDE_TRANSPOSED)
    {
        let instr = Instr::ConvolveTransposed(ConvolveTransposed {
            weight: WeightId(0),
            bias: Some(WeightId(1)),
            kernel: by.kernel,
            stride: by.stride,
            padding: by.padding,
            output_padding: *output_padding,
            dilation: by.dilation,
            groups: by.groups,
        });
        list.add(instr, &[&[*n, *i, *h, *w]], &[&[*i, o / by.groups, by.kernel[0], by.kernel[1]], &[*o]]);
    }
}

/// Batch norm, pooling, resizing.
fn maps(list: &mut List) {
    let shapes: [&[usize]; 6] =
        [&[2, 3, 5, 3], &[1, 2, 3, 7], &[4, 3], &[2, 3, 5], &[1, 16, 384, 768], &[2, 256, 24, 48]];
    for shape in shapes {
        for mode in [Mode::Train, Mode::Eval] {
            let channels: &[usize] = &[shape[1]];
            let instr = Instr::Normalise(Normalise {
                scale: WeightId(0),
                offset: WeightId(1),
                mean: WeightId(2),
                variance: WeightId(3),
                epsilon: 1e-5,
                momentum: 0.1,
            });
            let case = list.add(instr, &[shape], &[channels; 4]).mode(mode);
            case.map(0, |x| 2.0 * x + 0.5);
            case.weights[3].data.iter_mut().for_each(|x| *x = x.abs() + 0.5);
        }
    }
    for kind in [PoolKind::Max, PoolKind::Average] {
        for (at, (kernel, stride, padding)) in POOLINGS.into_iter().enumerate() {
            for (ceil, count_padding) in [(false, true), (true, false)] {
                let indices = kind == PoolKind::Max && at == 0;
                let pool = Pool { kind, kernel, stride, padding, ceil, count_padding, indices };
                list.add(Instr::Pool(pool), &[&[2, 3, 7, 6]], &[]);
            }
        }
        let pool = |kernel, stride, padding| {
            let indices = false;
            Instr::Pool(Pool { kind, kernel, stride, padding, ceil: false, count_padding: true, indices })
        };
        list.add(pool([3, 3], [2, 2], [1, 1]), &[&[1, 4, 384, 768]], &[]);
        list.add(pool([2, 2], [2, 2], [0, 0]), &[&[1, 8, 191, 383]], &[]);
    }
    for (shape, to) in [([2, 3, 5, 7], [2, 3]), ([1, 4, 2, 3], [3, 4]), ([1, 8, 96, 191], [6, 6])] {
        list.add(Instr::PoolCells { to }, &[&shape], &[]);
    }
    for [n, c, h, w] in [[2, 2, 3, 2], [1, 4, 95, 191]] {
        let to = [2 * h + 1, 2 * w];
        let instr = Instr::Unpool { to: to.map(Into::into) };
        let case = list.add(instr, &[&[n, c, h, w]], &[]);
        let mut stream = stream(&case.path, 60);
        // One place in each window; every 16th value is put where its neighbour is.
        let place = |at: usize| {
            let at = if at % 16 == 15 { at - 1 } else { at };
            let (row, column) = (at / w % h, at % w);
            (2 * row * to[1] + 2 * column) as i64
        };
        let down = (stream.below(2) as usize * to[1] + stream.below(2) as usize) as i64;
        let places = (0..n * c * h * w).map(|at| place(at) + down).collect();
        case.reads.push(Operand::Int(places, vec![n, c, h, w]));
    }
    for ([n, c, h, w], kernel, sigma) in
        [([2, 3, 5, 4], 3, 0.8), ([1, 1, 9, 13], 25, 5.0), ([1, 2, 96, 191], 25, 5.0)]
    {
        list.add(Instr::GaussianBlur { kernel, sigma }, &[&[n, c, h, w]], &[]);
    }
    for mode in [ResizeMode::Bilinear, ResizeMode::Nearest] {
        let wide = [
            ([1, 12, 96, 192], [384, 768]),
            ([2, 36, 23, 47], [45, 93]),
            ([1, 3, 384, 768], [97, 191]),
            ([1, 16, 1, 1], [96, 192]),
        ];
        for (shape, to) in RESIZES.into_iter().chain(wide) {
            list.add(Instr::Resize { mode, to: to.map(Into::into) }, &[&shape], &[]);
        }
    }
}

/// Elementwise functions.
fn functions(list: &mut List) {
    let unary = [
        Unary::Relu,
        Unary::Relu6,
        Unary::LeakyRelu(0.125),
        Unary::Sigmoid,
        Unary::Tanh,
        Unary::Exp,
        Unary::Log,
        Unary::Sqrt,
        Unary::Negate,
        Unary::Scale(-2.5),
        Unary::Offset(0.75),
        Unary::Clamp(-0.5, 0.7),
        Unary::Above(0.25),
    ];
    let shapes: [&[usize]; 4] = [&[1, 3, 5], &[7], &[2, 3, 5, 3], &[1, 2, 384, 768]];
    for unary in unary {
        for shape in shapes {
            let case = list.add(Instr::Unary(unary), &[shape], &[]);
            match unary {
                Unary::Log | Unary::Sqrt => case.map(0, |x| x.abs() + 0.25),
                Unary::Relu6 => case.map(0, |x| 4.0 * x),
                Unary::Relu
                | Unary::LeakyRelu(_)
                | Unary::Sigmoid
                | Unary::Tanh
                | Unary::Exp
                | Unary::Negate
                | Unary::Scale(_)
                | Unary::Offset(_)
                | Unary::Clamp(..)
                | Unary::Above(_) => case,
            };
        }
    }
    let shapes: [[&[usize]; 2]; 6] = [
        [&[2, 3, 4, 5], &[2, 3, 4, 5]],
        [&[2, 3, 4, 5], &[2, 3, 1, 1]],
        [&[1, 1, 4, 5], &[2, 3, 1, 5]],
        [&[3, 7], &[1, 7]],
        [&[5], &[1]],
        [&[1, 4, 192, 384], &[1, 4, 1, 1]],
    ];
    for binary in [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide, Binary::Max] {
        for reads in shapes {
            let case = list.add(Instr::Binary(binary), &reads, &[]);
            case.map(1, |x| if x < 0.0 { x - 0.5 } else { x + 0.5 });
        }
    }
    let shapes: [(&[usize], usize); 4] =
        [(&[2, 3, 4, 5], 3), (&[4, 7], 7), (&[2, 3, 5, 3], 1), (&[1, 16, 192, 383], 16)];
    for (shape, slopes) in shapes {
        list.add(Instr::Prelu { slope: WeightId(0) }, &[shape], &[&[slopes]]);
    }
    for (rate, channels, shape) in
        [(0.25, false, [2, 3, 5, 7]), (0.5, true, [2, 8, 5, 3]), (0.1, false, [1, 4, 96, 192])]
    {
        list.add(Instr::Dropout { rate, channels }, &[&shape], &[]);
    }
}

/// Joining, cutting, ordering, repeating and reducing axes.
fn axes(list: &mut List) {
    list.add(Instr::Concat { axis: 1 }, &[&[2, 3, 4, 5], &[2, 1, 4, 5]], &[]);
    list.add(Instr::Concat { axis: 0 }, &[&[2, 3], &[1, 3], &[4, 3]], &[]);
    list.add(Instr::Concat { axis: 1 }, &[&[1, 12, 96, 192], &[1, 7, 96, 192], &[1, 1, 96, 192]], &[]);
    list.add(Instr::Slice { axis: 1, start: 1.into(), len: 2.into() }, &[&[2, 4, 3, 5]], &[]);
    list.add(Instr::Slice { axis: 2, start: 3.into(), len: 1.into() }, &[&[2, 3, 5]], &[]);
    list.add(Instr::Slice { axis: 1, start: 5.into(), len: 7.into() }, &[&[1, 24, 96, 191]], &[]);
    for (before, after, shape) in [
        ([0, 1, 2, 0], [0, 0, 1, 3], [2, 3, 4, 5]),
        ([0, 0, 3, 3], [0, 0, 4, 2], [1, 8, 41, 90]),
        ([0, 0, 0, 0], [0, 48, 0, 0], [1, 16, 96, 191]),
    ] {
        let sides = |side: [usize; 4]| side.map(Into::into).to_vec();
        list.add(Instr::Pad { before: sides(before), after: sides(after) }, &[&shape], &[]);
    }
    list.add(Instr::Reshape { dims: [2, 12, 5].map(Into::into).to_vec() }, &[&[2, 3, 4, 5]], &[]);
    list.add(Instr::Reshape { dims: [1, 8, 4608].map(Into::into).to_vec() }, &[&[1, 8, 48, 96]], &[]);
    list.add(Instr::Permute { axes: vec![0, 2, 3, 1] }, &[&[2, 3, 4, 5]], &[]);
    list.add(Instr::Permute { axes: vec![0, 2, 1] }, &[&[1, 37, 129]], &[]);
    list.add(Instr::Expand { dims: [2, 3, 4, 5].map(Into::into).to_vec() }, &[&[2, 3, 1, 1]], &[]);
    list.add(Instr::Expand { dims: [3, 5, 7].map(Into::into).to_vec() }, &[&[1, 5, 1]], &[]);
    list.add(Instr::Expand { dims: [1, 16, 96, 192].map(Into::into).to_vec() }, &[&[1, 16, 1, 1]], &[]);
    let shapes: [(&[usize], usize); 5] =
        [(&[2, 5, 3, 4], 1), (&[2, 5, 3, 4], 3), (&[3, 7], 1), (&[1, 2, 9], 2), (&[1, 12, 384, 768], 1)];
    for (shape, axis) in shapes {
        for log in [false, true] {
            list.add(Instr::Softmax { axis, log }, &[shape], &[]).map(0, |x| 4.0 * x);
        }
    }
    for by in [Reduction::Sum, Reduction::Mean, Reduction::Max] {
        let shapes: [(&[usize], &[usize]); 7] = [
            (&[2, 3, 4, 5], &[2, 3]),
            (&[2, 3, 4, 5], &[1]),
            (&[2, 3, 4, 5], &[0, 2]),
            (&[2, 3, 4, 5], &[0, 1, 2, 3]),
            (&[1, 7], &[1]),
            (&[1, 64, 96, 191], &[2, 3]),
            (&[2, 4, 383, 767], &[0, 2, 3]),
        ];
        for (shape, axes) in shapes {
            for keep in [true, false] {
                list.add(Instr::Reduce { by, axes: axes.to_vec(), keep }, &[shape], &[]);
            }
        }
    }
}

fn products(list: &mut List) {
    let linear: [(&[usize], usize); 5] =
        [(&[3, 4], 5), (&[2, 3, 4], 5), (&[1, 4], 1), (&[8, 512], 768), (&[1, 2048], 64)];
    for (at, (shape, outputs)) in linear.into_iter().enumerate() {
        let inputs = shape[shape.len() - 1];
        let bias = (at % 2 == 0).then_some(WeightId(1));
        let weights: &[&[usize]] =
            if bias.is_some() { &[&[outputs, inputs], &[outputs]] } else { &[&[outputs, inputs]] };
        list.add(Instr::Linear { weight: WeightId(0), bias }, &[shape], weights);
    }
    let pairs: [[&[usize]; 2]; 5] = [
        [&[3, 4], &[4, 5]],
        [&[2, 3, 4], &[2, 4, 5]],
        [&[1, 2, 3, 4], &[1, 2, 4, 1]],
        [&[1, 4608, 64], &[1, 64, 577]],
        [&[2, 1, 129], &[2, 129, 65]],
    ];
    for reads in pairs {
        list.add(Instr::MatMul, &reads, &[]);
    }
}

/// Instructions that read no floats, or keep gradients away.
fn sources(list: &mut List) {
    for [n, h, w] in [[2, 3, 2], [1, 96, 191]] {
        list.add(Instr::OneHot { classes: 12 }, &[], &[]).labels([n, h, w], 12);
    }
    for dims in [vec![2, 3], vec![1, 2, 95, 191]] {
        let dims: Vec<_> = dims.into_iter().map(Into::into).collect();
        list.add(Instr::Fill { value: 0.3, dims: dims.clone() }, &[], &[]);
        list.add(Instr::Normal { dims }, &[], &[]);
    }
    for size in [1, 5, 97] {
        list.add(Instr::Diagonal { value: -1e30, size: size.into() }, &[], &[]);
    }
    for shape in [[2, 4, 3, 5], [1, 12, 96, 191]] {
        list.add(Instr::Argmax, &[&shape], &[]);
    }
    for ([n, h, w], to) in [([2, 5, 7], [2, 3]), ([1, 3, 4], [7, 9]), ([1, 384, 768], [96, 192])] {
        list.add(Instr::ResizeLabels { to: to.map(Into::into) }, &[], &[]).labels([n, h, w], 12);
    }
    for steps in [0, 3] {
        list.add(Instr::Ramp { steps }, &[], &[]);
    }
    list.add(Instr::StopGradient, &[&[2, 3, 5]], &[]);
    list.add(Instr::Learned { weight: WeightId(0) }, &[], &[&[1, 3]]);
    list.add(Instr::Learned { weight: WeightId(0) }, &[], &[&[1, 16, 24, 48]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_instruction_has_cases_and_names_differ() {
        let cases = all();
        for kind in Instr::KINDS {
            assert!(cases.iter().any(|named| named.case.instr.kind() == *kind), "there is no case of {kind}");
        }
        // The first of each kind comes before the second of any.
        let mut kinds: Vec<&str> =
            cases.iter().take(Instr::KINDS.len()).map(|named| named.case.instr.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), Instr::KINDS.len(), "a name of a kind stands twice");
        let batch_of_one = |named: &Named| {
            named.case.reads.iter().any(|read| match read {
                Operand::Float(tensor) => tensor.shape[0] == 1,
                Operand::Int(_, shape) => shape[0] == 1,
            })
        };
        assert!(cases.iter().filter(|named| batch_of_one(named)).count() > 50);
    }
}
