//! Operations that become several instructions, as plans: values against PyTorch, gradients against central
//! differences, and the same in pieces that are computed again.
//!
//! The values are sums `sum_i y_i * p_j(i)`, `p_j(i) = ((i * (7 + 4 j) + 3 j) % 13 - 6) / 6`, j = 0, 1, 2, over the
//! result in row-major order: three numbers that no permutation of it shares. PyTorch 2.15.0 computed them in double
//! precision from the definitions of the papers, with the functions named beside each.

use phg_compiler::plan::segments::Segments;
use phg_compiler::{Request, compile};

use super::*;
use crate::native;
use crate::train::step::backward;

/// `[n, 3, h, w]`: value `i` is `(37 i + 11) % 101 / 50 - 1`.
fn image([n, h, w]: [usize; 3]) -> HostTensor {
    let data = (0..n * 3 * h * w).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0);
    HostTensor { shape: vec![n, 3, h, w], data: data.collect() }
}

/// `[n, h, w]`: label `i` is `(5 i + floor(i / 4)) % 3`.
fn labels([n, h, w]: [usize; 3]) -> Vec<u8> {
    (0..n * h * w).map(|i| ((5 * i + i / 4) % 3) as u8).collect()
}

fn plan(text: &str, mode: Mode) -> Plan {
    let outcome = compile(&Request::new("operations.phg", text));
    outcome.network.unwrap_or_else(|| panic!("{text}\n{:#?}", outcome.diags)).plan(mode)
}

fn bindings(sizes: [usize; 3]) -> Bindings {
    let mut bindings = Bindings::from_host(&image(sizes), Some(&labels(sizes)), &Device::flex()).unwrap();
    bindings.void = Some(2);
    bindings
}

/// What `body` makes of the image, as the shape and the three sums.
fn sums(body: &str, sizes: [usize; 3]) -> (Vec<usize>, [f64; 3]) {
    let text = format!("input image: float[N, 3, H, W]\nlet x = image\n{body}\noutput y = y\n");
    let device = Device::flex();
    let plan = plan(&text, Mode::Infer);
    let bank = Bank::init(&plan, 1, &device).unwrap();
    let outputs = Executor::new(plan, &device).run(&bank, &bindings(sizes)).unwrap();
    let y = Value::from(outputs.predictions[0].1.clone()).to_host().unwrap();
    let probe = |i: usize, j: usize| ((i * (7 + 4 * j) + 3 * j) % 13) as f64 / 6.0 - 1.0;
    let sum = |j: usize| y.data.iter().enumerate().map(|(i, y)| f64::from(*y) * probe(i, j)).sum();
    (y.shape, [0, 1, 2].map(sum))
}

/// Two images of 7 x 5 pixels.
const SIZES: [usize; 3] = [2, 7, 5];

/// A name, the body, the shape, and what PyTorch gave.
type Known = (&'static str, &'static str, [usize; 4], [f64; 3]);

const KNOWN: &[Known] = &[
    (
        "functional.pad",
        "let y = x |> pad(rows: [2, 0], columns: [1, 3], channels: [1, 2])",
        [2, 6, 9, 9],
        [6.776667, -7.75, -18.16],
    ),
    (
        "functional.pad, 8 x 8",
        "let y = x |> pad(multiple: 4)",
        [2, 3, 8, 8],
        [3.436667, -0.673333, -0.146667],
    ),
    (
        "functional.pad, cut",
        "let y = x |> pad(rows: [3, 2], columns: [1, 4]) |> crop(like: x)",
        [2, 3, 7, 5],
        [-0.8, -1.916667, -1.993333],
    ),
    (
        "functional.pad, cut from row 3 and column 1",
        "let y = x |> pad(rows: [3, 2], columns: [1, 4]) |> crop(like: x, at: [3, 1])",
        [2, 3, 7, 5],
        [-3.133333, 2.986667, 1.133333],
    ),
    ("slice", "let y = x |> slice(from: 1, count: 2)", [2, 2, 7, 5], [-0.12, 1.626667, 0.6]),
    ("functional.prelu", "let y = x |> prelu(init: 0.1)", [2, 3, 7, 5], [-1.723333, 1.324667, 0.923333]),
    (
        "functional.prelu, one slope",
        "let y = x |> prelu(shared: true, init: 0.1)",
        [2, 3, 7, 5],
        [-1.723333, 1.324667, 0.923333],
    ),
    (
        "10 x / sqrt(sum of squares + 1e-10)",
        "let y = x |> l2_norm |> scale(init: 10)",
        [2, 3, 7, 5],
        [-29.520741, 22.152023, 19.294354],
    ),
    (
        "functional.pixel_shuffle",
        "let y = concat(x, 2 * x, 3 * x, 4 * x) |> depth_to_space(block: 2)",
        [2, 3, 14, 10],
        [-7.566667, -38.723333, -24.77],
    ),
    (
        "depth to space by TensorFlow's definition",
        "let y = concat(x, 2 * x, 3 * x, 4 * x) |> depth_to_space(block: 2, order: tensorflow)",
        [2, 3, 14, 10],
        [9.526667, -75.16, -57.623333],
    ),
    (
        "DANet, position: bmm",
        "let scores = matmul(x |> slice(0, 2) |> tokens, x |> slice(1, 2) |> tokens, transpose: second)\n\
         let y = matmul(softmax(scores), tokens(x)) |> as_map(like: x)",
        [2, 3, 7, 5],
        [1.421915, 0.161454, 0.574448],
    ),
    (
        "DANet, channel: softmax of the row's maximum minus the energy",
        "let t = tokens(x)\nlet energy = matmul(t, t, transpose: first)\n\
         let y = matmul(t, softmax(-energy), transpose: second) |> as_map(like: x)",
        [2, 3, 7, 5],
        [4.279459, -0.274482, 0.843131],
    ),
    (
        "OCR: regions, then attention to them",
        "let shares = 2 * slice(x, 0, 2) |> softmax(over: pixels) |> tokens\n\
         let regions = matmul(shares, tokens(x), transpose: first)\n\
         let scores = matmul(tokens(x), regions, transpose: second) / sqrt(3)\n\
         let y = matmul(softmax(scores), regions) |> as_map(like: x)",
        [2, 3, 7, 5],
        [-0.97485, 1.032981, -0.264987],
    ),
    (
        "interlaced, far: pad, view, permute",
        "let p = x |> pad(multiple: [4, 2])\nlet t = p |> tokens(block: [4, 2], group: offset)\n\
         let m = matmul(softmax(matmul(t, t, transpose: second)), t)\n\
         let y = m |> as_map(like: p, block: [4, 2], group: offset) |> crop(like: x, at: 0)",
        [2, 3, 7, 5],
        [1.004871, 1.094933, 0.882924],
    ),
    (
        "interlaced, near",
        "let p = x |> pad(multiple: [4, 2])\nlet t = p |> tokens(block: [4, 2])\n\
         let m = matmul(softmax(matmul(t, t, transpose: second)), t)\n\
         let y = m |> as_map(like: p, block: [4, 2]) |> crop(like: x, at: 0)",
        [2, 3, 7, 5],
        [-0.658191, 1.079077, 0.379638],
    ),
    (
        "criss-cross, pixel by pixel",
        "let y = criss_cross_attention(slice(x, 0, 2), slice(x, 1, 2), x)",
        [2, 3, 7, 5],
        [1.119665, -0.191306, 0.695071],
    ),
    (
        "CGBNet's boundary: argmax, avg_pool2d, a window of exp(-d^2 / 2 sigma^2)",
        "let a = largest_channel(x)\n\
         let d = a - (a |> avg_pool(kernel: 3, stride: 1, padding: 1, count_padding: false))\n\
         let y = (d * d |> above(1e-6)) + 0.5 |> gaussian_blur(kernel: 5, sigma: 1.5)",
        [2, 1, 7, 5],
        [-1.085924, 0.502373, 1.182138],
    ),
    (
        "torch.maximum",
        "let a = slice(x, 0, 2)\nlet y = maximum(a, slice(x, 1, 2), -a)",
        [2, 2, 7, 5],
        [-0.016667, 0.366667, 1.79],
    ),
];

fn check(name: &str, (shape, found): (Vec<usize>, [f64; 3]), wanted: [usize; 4], expected: [f64; 3]) {
    assert_eq!(shape, wanted, "{name}");
    for (found, expected) in found.iter().zip(&expected) {
        // Sums of some hundred numbers about 1, printed with six digits.
        assert!((found - expected).abs() < 2e-5 * expected.abs().max(1.0), "{name}: {found}, not {expected}");
    }
}

#[test]
fn values_are_those_of_pytorch() {
    for (name, body, shape, expected) in KNOWN {
        check(name, sums(body, SIZES), *shape, *expected);
        native::without(|| check(name, sums(body, SIZES), *shape, *expected));
    }
}

/// `SAME` at stride 2: even rows get nothing above and one below, odd columns one on either side.
#[test]
fn tensorflow_pads_less_above_than_below() {
    let body = "let y = x |> pad(window: 3, stride: 2) |> avg_pool(kernel: 3, stride: 2)";
    check("same", sums(body, [2, 6, 5]), [2, 3, 3, 3], [-0.587407, -0.297037, 0.166667]);
}

/// A loss of the image, and of logits made of it; void is class 2.
fn loss(terms: &str) -> f64 {
    let text = format!(
        "input image: float[N, 3, H, W]\ninput labels: class(3)[N, H, W]\nlet x = image\n\
         let logits = 3 * x * sigmoid(2 * x)\noutput y = softmax(x)\nloss {{\n{terms}\n}}\n"
    );
    let device = Device::flex();
    let plan = plan(&text, Mode::Eval);
    let bank = Bank::init(&plan, 1, &device).unwrap();
    let outputs = Executor::new(plan, &device).run(&bank, &bindings(SIZES)).unwrap();
    f64::from(outputs.losses[0].1.clone().into_scalar::<f32>())
}

/// BiSeNet's loss: of 52 pixels with a class 22 are below 0.3, and fewer than 13 below 0.02; PyTorch's `cross_entropy`
/// of those, of which `topk` finds so many.
#[test]
fn hard_pixels_alone_count() {
    let known = [
        ("l = cross_entropy(logits, labels, ohem: 0.3, min_kept: 0)", 2.13999),
        ("l = cross_entropy(logits, labels, ohem: 0.3, min_kept: 0.2)", 2.13999),
        ("l = cross_entropy(logits, labels, ohem: 0.3, min_kept: 0, smoothing: 0.1)", 2.075502),
        ("l = cross_entropy(logits, labels, ohem: 0.02, min_kept: 0.25)", 2.693214),
        ("l = cross_entropy(logits, labels, ohem: 0.3, min_kept: 0.5)", 1.974304),
    ];
    for (terms, expected) in known {
        for found in [loss(terms), native::without(|| loss(terms))] {
            assert!((found - expected).abs() < 1e-5, "{terms}: {found}, not {expected}");
        }
    }
}

/// `interpolate(mode = "nearest")` of the labels, and `cross_entropy` at the size of the logits.
#[test]
fn labels_are_brought_to_the_logits() {
    let found = loss(
        "let half = x |> avg_pool(kernel: 2)\nl = cross_entropy(half, resize(labels, like: half, mode: nearest))",
    );
    assert!((found - 1.023687).abs() < 1e-5, "{found}");
}

/// What is made of `x`, four channels with gradients: `y`, a map.
const LEARNED: &[&str] = &[
    "let y = x |> pad(rows: [1, 2], columns: 1, channels: [0, 2])",
    "let y = x |> pad(window: 3, stride: 2) |> conv(4, kernel: 3, stride: 2, padding: 0)",
    "let y = x |> pad(multiple: 4) |> conv(2, kernel: 3) |> crop(like: x)",
    "let y = x |> prelu",
    "let y = x |> prelu(shared: true)",
    "let y = x |> l2_norm |> scale(init: 3)",
    "let y = x |> depth_to_space(block: 2)",
    "let y = x |> depth_to_space(block: 2, order: tensorflow)",
    "let y = matmul(softmax(matmul(tokens(x), tokens(x), transpose: second)), tokens(x)) |> as_map(like: x)",
    "let t = tokens(x)\n\
     let y = matmul(t, softmax(-matmul(t, t, transpose: first)), transpose: second) |> as_map(like: x)",
    "let t = x |> pad(multiple: 4) |> tokens(block: 4, group: offset)\n\
     let y = matmul(softmax(matmul(t, t, transpose: second)), t)\n\
     |> as_map(like: x |> pad(multiple: 4), block: 4, group: offset)",
    "let y = criss_cross_attention(x |> slice(0, 2), x |> slice(2, 2), x)",
    "let y = x |> gaussian_blur(kernel: 5, sigma: 1.5)",
    "let y = maximum(x |> slice(0, 2), x |> slice(2, 2))",
    "let y = x * (image |> slice(0) |> above(0.1)) + largest_channel(image)",
];

fn network(body: &str, loss: &str) -> String {
    format!(
        "input image: float[N, 3, H, W]\ninput labels: class(3)[N, H, W]\nlet x = image |> conv(4, kernel: 3)\n\
         {body}\nlet logits = y |> conv(3) |> resize(like: image)\noutput p = softmax(logits)\n\
         loss {{ l = {loss} }}\n"
    )
}

/// Gradients of every parameter are central differences of the loss, and the same in pieces.
fn gradients(text: &str) {
    let device = Device::flex();
    let plan = plan(text, Mode::Train);
    let cuts: Vec<usize> = (0..plan.steps.len()).step_by(4).collect();
    let pieces = Segments::new(&plan, &cuts, |at| at % 2 == 0);
    let executor = Executor::new(plan.clone(), &device);
    let mut bank = Bank::init(&plan, 7, &device).unwrap();
    let batch = bindings(SIZES);
    let (_, found) = backward(&executor, &bank, &batch).unwrap();
    let (_, again) = backward(&Executor::new(plan, &device).in_segments(pieces), &bank, &batch).unwrap();
    let names: Vec<String> = bank.trainable().map(ToOwned::to_owned).collect();
    assert_eq!(found.len(), names.len(), "every parameter has a gradient\n{text}");
    for name in names {
        let (kept, gradient) = (bank.get(&name).unwrap().to_host().unwrap(), found[&name].to_host().unwrap());
        let largest = gradient.data.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
        for (a, b) in gradient.data.iter().zip(&again[&name].to_host().unwrap().data) {
            assert!((a - b).abs() <= 1e-5 * largest, "{name}: {a}, and {b} in pieces\n{text}");
        }
        let (h, every) = (4e-3, kept.data.len().div_ceil(8));
        for at in (0..kept.data.len()).step_by(every) {
            let mut at_moved = |by: f32| {
                let mut moved = kept.clone();
                moved.data[at] += by;
                bank.set(&name, Value::from_host(&moved, &device).unwrap()).unwrap();
                let outputs = executor.run(&bank, &batch).unwrap();
                outputs.losses[0].1.clone().into_scalar::<f32>()
            };
            let expected = (at_moved(h) - at_moved(-h)) / (2.0 * h);
            let found = gradient.data[at];
            // Single precision: the loss is known to some 1e-7, the difference to 5e-5.
            let off = (found - expected).abs();
            assert!(off < 2e-2 * largest + 2e-4, "{name} {at}: {found}, differences {expected}\n{text}");
        }
        bank.set(&name, Value::from_host(&kept, &device).unwrap()).unwrap();
    }
}

/// What jumps has no gradient: none reaches the layer before.
#[test]
fn no_gradient_flows_through_choices() {
    let device = Device::flex();
    for body in ["let y = largest_channel(x)", "let y = x |> above(0.1)"] {
        let plan = plan(&network(body, "cross_entropy(logits, labels)"), Mode::Train);
        let bank = Bank::init(&plan, 7, &device).unwrap();
        for again in [false, true] {
            let pieces = Segments::new(&plan, &[2, 4], |_| again);
            let executor = Executor::new(plan.clone(), &device).in_segments(pieces);
            let (_, found) = backward(&executor, &bank, &bindings(SIZES)).unwrap();
            assert!(found.keys().any(|name| name.starts_with("logits.")), "{found:?}");
            assert!(!found.keys().any(|name| name.starts_with("x.")), "{body}: {:?}", found.keys());
        }
    }
}

#[test]
fn gradients_are_central_differences_and_the_same_in_pieces() {
    for body in LEARNED {
        gradients(&network(body, "cross_entropy(logits, labels)"));
    }
    // The gradient of the hardest so many jumps where pixels change places: see the instruction's own test.
    gradients(&network("let y = x", "cross_entropy(4 * logits, labels, ohem: 0.4, min_kept: 0.1)"));
    gradients(&network(
        "let y = x |> conv(3, stride: 2)",
        "cross_entropy(logits, labels) + cross_entropy(4 * y, resize(labels, like: y, mode: nearest))",
    ));
}
