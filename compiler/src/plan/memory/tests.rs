//! Peaks worked out by hand.

use super::*;
use crate::compile::{Request, compile};
use crate::plan::Mode;

fn plan(text: &str, mode: Mode) -> Plan {
    let outcome = compile(&Request::new("plan", text));
    outcome.network.unwrap_or_else(|| panic!("{:#?}", outcome.diags)).plan(mode)
}

/// A map of one channel is 8 * 8 * 4 = 256 bytes.
const SIZES: Sizes = Sizes { n: 1, h: 8, w: 8 };

const CHAIN: &str = "input image: float[N, 3, H, W]
input labels: class(4)[N, H, W]
let x = image |> conv(4, kernel: 1, bias: false) |> relu
output p = x |> conv(4, kernel: 1, bias: false)
loss { l = cross_entropy(p, labels) }
";

#[test]
fn inference_frees_what_was_read_last() {
    // Weights 4 * 3 * 4 + 4 * 4 * 4 = 112. The image is 768, x is 1024, p is 1024. While x is made: image and x;
    // the activation is part of the convolution, and the image goes when x is there.
    assert_eq!(inference(&plan(CHAIN, Mode::Infer), &SIZES), 112 + 768 + 1024 + 1024);
}

#[test]
fn training_keeps_what_gradients_read() {
    let plan = plan(CHAIN, Mode::Train);
    // Three times the weights (two moments), the image 768 and the labels 8 * 64 = 512 all the time.
    let held = 3 * 112 + 768 + 512;
    // Kept of the forward pass: relu's result, which its gradients and the second convolution's read, and p for
    // the loss. The largest sum comes when p is done with: relu's result, the gradients of p and of x, and the
    // second weight's of 16 numbers.
    assert_eq!(training(&plan, &SIZES, &Segments::whole(&plan)), held + 3 * 1024 + 64);
}

#[test]
fn a_segment_that_is_computed_again_keeps_nothing() {
    // Ten convolutions in a row, each with a result of 1024 bytes that the next one's gradients read.
    let body = " |> conv(4, kernel: 1, bias: false)".repeat(10);
    let text = format!(
        "input image: float[N, 3, H, W]
input labels: class(4)[N, H, W]
output p = image{body}
loss {{ l = cross_entropy(p, labels) }}
"
    );
    let plan = plan(&text, Mode::Train);
    let whole = training(&plan, &SIZES, &Segments::whole(&plan));
    let halves = training(&plan, &SIZES, &Segments::new(&plan, &[5], |at| at == 0));
    // The first half's four inner results are not there when the second half goes back. They come when those of the
    // second are gone, and only the gradients of its five weights are there, of 16 numbers each.
    assert_eq!(whole - halves, 4 * 1024 - 5 * 64, "{whole} {halves}");
    let kept = training(&plan, &SIZES, &Segments::new(&plan, &[5], |_| false));
    assert!(kept >= whole, "{kept} {whole}");
}

#[test]
fn views_share_their_memory() {
    let text = |reshape: &str| {
        format!(
            "input image: float[N, 3, H, W]\nlet x = image |> conv(4, kernel: 1){reshape}\noutput y = softmax(x)\n"
        )
    };
    let plain = inference(&plan(&text(""), Mode::Infer), &SIZES);
    assert_eq!(plain, 4 * (12 + 4) + 768 + 1024 + 1024);
}
