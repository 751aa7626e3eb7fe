//! Shapes that operations prove for images of any size, said as a spec says them, and what they cost.

use phg_compiler::ir::dim::Sizes;
use phg_compiler::{Mode, Network, Request, compile};

/// A spec with `body` in its encoder, whose last binding is `y`, a map.
fn network(body: &str) -> Network {
    let text = format!(
        "input image: float[N, 3, H, W]\ninput labels: class(12)[N, H, W]\nencoder {{\n{body}\n}}\n\
         output segmentation = softmax(y |> conv(12) |> resize(like: image))\n\
         loss {{ l = cross_entropy(y |> conv(12), resize(labels, like: y, mode: nearest)) }}\n"
    );
    let outcome = compile(&Request::new("shapes.phg", &text));
    assert!(!outcome.diags.iter().any(phg_compiler::diag::Diag::is_error), "{:#?}", outcome.diags);
    outcome.network.unwrap()
}

/// Compiles, makes the plans, and says which sizes of image are refused.
fn fits(body: &str) -> Network {
    let network = network(body);
    for mode in [Mode::Train, Mode::Eval, Mode::Infer] {
        assert!(!network.plan(mode).steps.is_empty());
    }
    network
}

#[test]
fn zeros_are_added_where_they_are_asked_for() {
    fits("let y: map[N, 3, H + 3, W + 4] = image |> pad(rows: [1, 2], columns: 2)");
    fits("let x = image |> conv(16)\nlet y: map[N, 64, H, W] = x |> pad(channels: [0, 48])");
    fits("let y: map[N, 3, 8 * ((H + 7) div 8), 8 * ((W + 7) div 8)] = image |> pad(multiple: 8)");
    // TensorFlow: windows start at every `stride`, and cover every pixel.
    for (kernel, stride) in [(3, 2), (7, 2), (2, 2), (1, 2), (3, 1), (5, 4)] {
        fits(&format!(
            "let y: map[N, 8, (H + {stride} - 1) div {stride}, (W + {stride} - 1) div {stride}] = image |> pad(window: {kernel}, stride: \
             {stride}) |> conv(8, kernel: {kernel}, stride: {stride}, padding: 0)"
        ));
    }
}

#[test]
fn what_was_padded_is_cropped_back() {
    fits(
        "let x = image |> pad(multiple: 8) |> conv(4, kernel: 3)\nlet y: map[N, 4, H, W] = x |> crop(like: image)",
    );
    fits(
        "let x = image |> conv(4, kernel: 3, padding: 100)\nlet y: map[N, 4, H, W] = x |> crop(like: image, at: 19)",
    );
}

#[test]
fn channels_become_pixels_and_are_taken() {
    fits(
        "let x = image |> conv(768, kernel: 8, stride: 8, padding: 0)\n\
         let y: map[N, 12, 8 * (H div 8), 8 * (W div 8)] = x |> depth_to_space(block: 8, order: tensorflow)",
    );
    fits("let y: map[N, 4, 2 * H, 2 * W] = image |> conv(16) |> depth_to_space(block: 2)");
    fits("let y: map[N, 2, H, W] = image |> conv(8) |> slice(from: 3, count: 2)");
}

/// PyTorch's rule: rounded up, without a window that would start in the padding.
#[test]
fn pools_that_round_up() {
    for (kernel, stride, padding) in
        [(2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 2, 1), (2, 3, 0), (5, 4, 2), (1, 2, 0)]
    {
        let network = fits(&format!(
            "let y = image |> max_pool(kernel: {kernel}, stride: {stride}, padding: {padding}, ceil: true)"
        ));
        let plan = network.plan(Mode::Infer);
        for h in 6..30usize {
            let mut size = (h + 2 * padding - kernel).div_ceil(stride) + 1;
            if (size - 1) * stride >= h + padding {
                size -= 1;
            }
            let found =
                plan.values[plan.steps[0].writes[0].0 as usize].dims[2].size(&Sizes { n: 1, h, w: 9 });
            assert_eq!(found, Some(size), "kernel {kernel}, stride {stride}, padding {padding}, {h} rows");
        }
    }
}

/// DANet's two attentions, OCR's regions and ISA's two steps (see the names).
const ATTENTIONS: [(&str, &str); 5] = [
    (
        "position",
        "let q = image |> conv(8)\nlet k = image |> conv(8)\nlet v = image |> conv(16)\n\
         let scores: tensor[N, H * W, H * W] = matmul(tokens(q), tokens(k), transpose: second)\n\
         let y: map[N, 16, H, W] = matmul(softmax(scores / sqrt(8)), tokens(v)) |> as_map(like: image)",
    ),
    (
        "channel",
        "let t = image |> conv(16) |> tokens\n\
         let energy: tensor[N, 16, 16] = matmul(t, t, transpose: first)\n\
         let y: map[N, 16, H, W] = matmul(t, softmax(-energy), transpose: second) |> as_map(like: image)",
    ),
    (
        "regions",
        "let f = image |> conv(16)\nlet shares = image |> conv(12) |> softmax(over: pixels)\n\
         let r: tensor[N, 12, 16] = matmul(tokens(shares), tokens(f), transpose: first)\n\
         let k: map[N, 8, 12, 1] = r |> as_map(size: [12, 1]) |> conv(8) |> norm |> relu\n\
         let scores: tensor[N, H * W, 12] = matmul(f |> conv(8) |> tokens, tokens(k), transpose: second)\n\
         let y: map[N, 8, H, W] = matmul(softmax(scores), tokens(k)) |> as_map(like: image)",
    ),
    (
        "interlaced, far",
        "let x = image |> pad(multiple: 8)\n\
         let t: tensor[N, 64, ((H + 7) div 8) * ((W + 7) div 8), 3] = x |> tokens(block: 8, group: offset)\n\
         let s = softmax(matmul(t, t, transpose: second))\n\
         let y: map[N, 3, H, W] = matmul(s, t) |> as_map(like: x, block: 8, group: offset) |> crop(like: image)",
    ),
    (
        "interlaced, near",
        "let x = image |> pad(multiple: 8)\n\
         let t: tensor[N, ((H + 7) div 8) * ((W + 7) div 8), 64, 3] = x |> tokens(block: 8)\n\
         let s = softmax(matmul(t, t, transpose: second))\n\
         let y: map[N, 3, H, W] = matmul(s, t) |> as_map(like: x, block: 8) |> crop(like: image)",
    ),
];

#[test]
fn attention_is_written_with_tokens() {
    for (name, body) in ATTENTIONS {
        let network = fits(body);
        for (h, w) in [(24, 16), (17, 31)] {
            assert!(network.bind(&Sizes { n: 2, h, w }).is_ok(), "{name} at {h} x {w}");
        }
    }
}

#[test]
fn blocks_ask_for_sizes_that_they_fill() {
    let network = fits("let y = image |> tokens(block: [8, 4]) |> as_map(like: image, block: [8, 4])");
    assert!(network.bind(&Sizes { n: 1, h: 24, w: 20 }).is_ok());
    assert!(network.bind(&Sizes { n: 1, h: 20, w: 20 }).is_err());
}

/// Multiply-accumulates of the attention alone: the classifier after it has 12 times `channels` for each pixel.
fn macs(body: &str, channels: u64, [h, w]: [usize; 2]) -> u64 {
    let all = fits(body).cost(Mode::Infer, &Sizes { n: 1, h, w }).macs;
    all - 12 * channels * (h * w) as u64
}

#[test]
fn matrix_products_are_counted() {
    let (h, w) = (24usize, 16usize);
    let pixels = (h * w) as u64;
    // Three 1 x 1 convolutions of the image, then pixels by pixels by 8 and by 16.
    let convolutions = 3 * (8 + 8 + 16) * pixels;
    assert_eq!(macs(ATTENTIONS[0].1, 16, [h, w]), convolutions + pixels * pixels * (8 + 16));
    assert_eq!(macs(ATTENTIONS[1].1, 16, [h, w]), 3 * 16 * pixels + 2 * pixels * 16 * 16);
    // Each group is a product of its own.
    assert_eq!(macs(ATTENTIONS[4].1, 3, [h, w]), 2 * 6 * 64 * 64 * 3);
    // Huang et al. 2019: each pixel with `h + w` others, itself twice in the scores.
    let body = "let q = image |> conv(8)\nlet v = image |> conv(16)\nlet y = criss_cross_attention(q, q, v)";
    assert_eq!(macs(body, 16, [h, w]), 3 * (8 + 16) * pixels + pixels * (h + w) as u64 * (8 + 16));
}

#[test]
fn parameters_of_learned_functions() {
    let count = |body: &str| fits(body).cost(Mode::Train, &Sizes { n: 1, h: 32, w: 32 }).parameters;
    // Two classifiers of 12 classes, with biases.
    let classifiers = 2 * (12 * 3 + 12);
    assert_eq!(count("let y = image |> prelu") - classifiers, 3);
    assert_eq!(count("let y = image |> prelu(shared: true)") - classifiers, 1);
    assert_eq!(count("let y = image |> l2_norm |> scale(init: 10)") - classifiers, 3);
}
