//! The backbones of the standard library: parameters of published definitions, sizes of their maps.
//!
//! Comes in: calls of `std.resnet`, `std.vgg` and `std.hrnet`. The numbers are those of torchvision's and
//! mmsegmentation's models without their classifiers, summed there.

use phg_compiler::ir::dim::Sizes;
use phg_compiler::{Mode, Network, Request, compile};

/// The network of an encoder, given as statements that bind `y`.
fn network(uses: &str, encoder: &str) -> Network {
    let text = format!(
        "{uses}\ninput image: float[N, 3, H, W]\nencoder {{\n{encoder}\n}}\noutput scores = softmax(y)\n"
    );
    let outcome = compile(&Request::new("backbone", &text));
    let said: Vec<&str> = outcome.diags.iter().map(|diag| diag.message.as_str()).collect();
    assert!(said.is_empty(), "{encoder}: {said:?}");
    outcome.network.unwrap()
}

fn parameters(uses: &str, encoder: &str) -> u64 {
    network(uses, encoder).cost(Mode::Infer, &Sizes { n: 1, h: 64, w: 64 }).parameters
}

#[test]
fn resnets_have_the_published_parameters() {
    let cases = [
        ("resnet([2, 2, 2, 2], unit: basic)", 11_176_512),
        ("resnet([3, 4, 6, 3])", 23_508_032),
        ("resnet", 42_500_160),
        // Neither where a stride sits nor what it became changes them.
        ("resnet(stride_in: first, ceil_pool: true)", 42_500_160),
        ("resnet(dilation: [1, 1, 2, 4], first: contracted)", 42_500_160),
        // Stems of three 3x3 convolutions.
        ("resnet([3, 4, 6, 3], stem_widths: [32, 32, 64])", 23_527_264),
        ("resnet(stem_widths: [32, 32, 64])", 42_519_392),
        ("resnet(stem_widths: [64, 64, 128])", 42_623_936),
    ];
    for (call, wanted) in cases {
        let encoder = format!("let xs = image |> {call}\nlet y = xs[3]");
        assert_eq!(parameters("use std.resnet (resnet)", &encoder), wanted, "{call}");
    }
}

/// The first unit of a dilated stage keeps the dilation of the stage before it, or has that of its own; a stride sits in the
/// first convolution of a unit, or in the second.
#[test]
fn strides_and_dilations_are_where_they_are_asked_for() {
    let text = |call: &str| {
        let encoder = format!("let xs = image |> {call}\nlet y = xs[3]");
        phg_compiler::ir::print::graph(network("use std.resnet (resnet)", &encoder).graph())
    };
    let has = |graph: &str, path: &str, what: &str| {
        let start = format!("{path} = ");
        graph.lines().any(|line| line.trim_start().starts_with(&start) && line.contains(what))
    };
    let unit = |stage: u32, unit: u32, conv: &str| {
        format!("encoder.xs.resnet.x{stage}.stage.{unit}.bottleneck.inner.{conv}.conv")
    };
    let (first, second) = ("conv_norm_relu", "conv_norm_relu2");
    let uniform = text("resnet([1, 2, 2, 2], dilation: [1, 1, 2, 4])");
    let contracted = text("resnet([1, 2, 2, 2], dilation: [1, 1, 2, 4], first: contracted)");
    assert!(has(&uniform, &unit(3, 0, second), "dilation: 2x2"), "{uniform}");
    assert!(has(&uniform, &unit(4, 0, second), "dilation: 4x4"));
    assert!(!has(&contracted, &unit(3, 0, second), "dilation"));
    assert!(has(&contracted, &unit(4, 0, second), "dilation: 2x2"));
    for graph in [&uniform, &contracted] {
        assert!(has(graph, &unit(3, 1, second), "dilation: 2x2"));
        assert!(has(graph, &unit(4, 1, second), "dilation: 4x4"));
        assert!(has(graph, &unit(2, 0, second), "stride: 2x2"));
        assert!(!has(graph, &unit(3, 0, second), "stride"));
    }
    let caffe = text("resnet([1, 2, 2, 2], stride_in: first)");
    assert!(has(&caffe, &unit(2, 0, first), "stride: 2x2"));
    assert!(!has(&caffe, &unit(2, 0, second), "stride"));
}

/// At strides 4, 8, 16 and 32, or kept at 8 by dilation, whatever the image's size.
#[test]
fn maps_have_the_sizes_of_their_strides() {
    let resnet = "use std.resnet (resnet)";
    let cases = [
        (resnet, "resnet", [(256, 4), (512, 8), (1024, 16), (2048, 32)]),
        (resnet, "resnet(dilation: [1, 1, 1, 2])", [(256, 4), (512, 8), (1024, 16), (2048, 16)]),
        (resnet, "resnet(dilation: [1, 1, 2, 4])", [(256, 4), (512, 8), (1024, 8), (2048, 8)]),
        ("use std.hrnet (hrnet)", "hrnet", [(48, 4), (96, 8), (192, 16), (384, 32)]),
    ];
    for (uses, call, maps) in cases {
        let network = network(uses, &format!("let xs = image |> {call}\nlet y = xs[0]\nlet _all = xs"));
        let facts = phg_compiler::ir::print::facts(network.graph());
        for (channels, stride) in maps {
            let map = format!("map[N, {channels}, ceil(H/{stride}), ceil(W/{stride})]");
            assert!(facts.contains(&map), "{call} lacks {map}");
        }
        let last = maps.iter().map(|(_, stride): &(u32, u32)| stride).max().unwrap();
        assert!(!facts.contains(&format!("H/{}", 2 * last)), "{call} goes below stride {last}");
        for (h, w) in [(384, 768), (181, 241), (1, 1)] {
            assert!(network.bind(&Sizes { n: 1, h, w }).is_ok(), "{call} at {h}x{w}");
        }
    }
}

#[test]
fn others_have_the_published_parameters() {
    let vgg = "let pools = image |> vgg16\nlet y = pools[4]";
    assert_eq!(parameters("use std.vgg (vgg16)", vgg), 14_714_688);
    let norm = "let (y, _maps, _where) = image |> vgg16_indices";
    assert_eq!(parameters("use std.vgg (vgg16_indices)", norm), 14_723_136);
    let hrnet = "let y = image |> hrnet |> joined";
    assert_eq!(parameters("use std.hrnet (hrnet, joined)", hrnet), 65_325_120);
}
