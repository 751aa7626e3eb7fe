//! Passes on the smallest graphs that show them: before, after, and where each must keep its hands off.
//!
//! That a pass keeps what a network computes is shown where tensors are, in the runtime's tests.

use phg_compiler::passes::PIPELINE;
use phg_compiler::plan::WeightSource;
use phg_compiler::plan::cost::cost;
use phg_compiler::{Mode, Network, Request, compile, ir};

const IMAGE: &str = "input image: float[N, 3, H, W]\n";
const LABELS: &str = "input labels: class(4)[N, H, W]\n";

fn network(text: &str) -> Network {
    let outcome = compile(&Request::new("minimal", text));
    assert!(!outcome.diags.iter().any(phg_compiler::diag::Diag::is_error), "{:#?}", outcome.diags);
    outcome.network.unwrap()
}

/// The graph of `mode` when `pass` alone has run, and how much it changed.
fn after(network: &Network, mode: Mode, pass: &str) -> (String, usize) {
    let others: Vec<String> =
        PIPELINE.iter().map(|p| p.name.to_owned()).filter(|name| name != pass).collect();
    let (graph, changes) = network.graph_for(mode, None, &others);
    assert_eq!(changes.len(), 1, "{pass} does not run in {mode:?}");
    (ir::print::graph(&graph), changes[0].count)
}

fn before(network: &Network) -> String {
    ir::print::graph(network.graph())
}

/// Lines without the indentation of the test.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_pipeline_of_each_mode() {
    let of = |mode: Mode| -> Vec<&str> {
        PIPELINE.iter().filter(|p| p.modes.contains(&mode)).map(|p| p.name).collect()
    };
    assert_eq!(of(Mode::Train), ["dead-code", "merge-common"]);
    assert_eq!(of(Mode::Eval), of(Mode::Train));
    assert_eq!(
        of(Mode::Infer),
        [
            "prune-training",
            "dead-code",
            "merge-common",
            "sink-expand",
            "fold-conv-norm",
            "shrink-upscale",
            "fuse-addition",
            "fuse-activation",
            "absorb-concat",
        ]
    );
}

#[test]
fn prune_training_drops_losses_and_dead_code_what_only_they_needed() {
    let text = format!(
        "{IMAGE}{LABELS}let logits = image |> conv(4)\noutput scores = softmax(logits)\n\
         loss {{ l = cross_entropy(logits, labels) }}"
    );
    let network = network(&text);
    let full = "
        image = input[image]()
        labels = input[labels]() while training
        logits.conv = conv[4](image)
        scores.softmax = softmax(logits.conv)
        loss.l.cross_entropy = cross_entropy(logits.conv, labels) while training
        output scores = scores.softmax
    ";
    assert_eq!(before(&network), lines(&format!("{full} loss l = loss.l.cross_entropy")));
    assert_eq!(after(&network, Mode::Infer, "prune-training"), (lines(full), 1));
    let (graph, _) = network.graph_for(Mode::Infer, Some("dead-code"), &[]);
    let pruned = "
        image = input[image]()
        logits.conv = conv[4](image)
        scores.softmax = softmax(logits.conv)
        output scores = scores.softmax
    ";
    assert_eq!(ir::print::graph(&graph), lines(pruned));
    assert_eq!(graph.inputs.len(), 1, "the labels are no input any more");
}

#[test]
fn dead_code_drops_what_no_output_needs_to_the_last_node() {
    let text =
        format!("{IMAGE}let unused = image |> conv(8) |> relu |> conv(8)\noutput y = image |> conv(4)");
    let network = network(&text);
    let kept = "
        image = input[image]()
        y.conv = conv[4](image)
        output y = y.conv
    ";
    assert_eq!(after(&network, Mode::Train, "dead-code"), (lines(kept), 3));
}

#[test]
fn merge_common_computes_equal_expressions_once() {
    let text = format!(
        "{IMAGE}let a = image |> relu |> max_pool\nlet b = image |> relu |> max_pool\noutput y = (a + b) |> conv(4)"
    );
    let network = network(&text);
    let merged = "
        image = input[image]()
        a.relu = relu(image)
        a.max_pool = max_pool[kernel: 2x2, stride: 2x2](a.relu)
        y.add = arithmetic[+](a.max_pool, a.max_pool)
        y.conv = conv[4](y.add)
        output y = y.conv
    ";
    assert_eq!(after(&network, Mode::Infer, "merge-common"), (lines(merged), 2));
}

/// Weights, draws and the operands' order tell equal-looking nodes apart.
#[test]
fn merge_common_leaves_weights_draws_and_orders_alone() {
    let text = format!(
        "{IMAGE}let a = image |> conv(4) |> dropout(0.5)\nlet b = image |> conv(4)\n\
         let c = b |> dropout(0.5)\nlet d = b |> dropout(0.5)\nlet e = a - b\nlet f = b - a\n\
         output y = (c + d) + (e + f)"
    );
    let network = network(&text);
    let (graph, count) = after(&network, Mode::Train, "merge-common");
    assert_eq!((graph, count), (before(&network), 0));
}

#[test]
fn fold_conv_norm_merges_a_norm_into_the_convolution_before_it() {
    let text = format!("{IMAGE}output y = image |> conv(4, kernel: 3, bias: false) |> norm |> relu");
    let network = network(&text);
    let folded = "
        image = input[image]()
        y.conv = conv[4, kernel: 3x3, norm: y.norm](image)
        y.relu = relu(y.conv)
        output y = y.relu
    ";
    assert_eq!(after(&network, Mode::Infer, "fold-conv-norm"), (lines(folded), 1));
    // What the runtime needs to make the weights of the plan from those of a checkpoint.
    let sources: Vec<(String, WeightSource)> =
        network.plan(Mode::Infer).weights.into_iter().map(|weight| (weight.name, weight.source)).collect();
    let epsilon = 1e-5;
    let (weight, norm) = ("y.conv.weight".to_owned(), "y.norm".to_owned());
    let expected = [
        ("y.conv.bias+norm".to_owned(), WeightSource::FoldedBias { bias: None, norm: norm.clone(), epsilon }),
        ("y.conv.weight+norm".to_owned(), WeightSource::FoldedWeight { weight, norm, epsilon }),
    ];
    assert_eq!(sources, expected);
}

#[test]
fn fold_conv_norm_keeps_a_convolution_that_others_read() {
    let text = format!("{IMAGE}let x = image |> conv(4)\nlet y = x |> norm\noutput z = x + y");
    let network = network(&text);
    assert_eq!(after(&network, Mode::Infer, "fold-conv-norm"), (before(&network), 0));
    // An output reads it too.
    let text = format!("{IMAGE}output x = image |> conv(4)\noutput y = x |> norm");
    let network = self::network(&text);
    assert_eq!(after(&network, Mode::Infer, "fold-conv-norm"), (before(&network), 0));
}

/// A layer that is called twice has one set of weights: it cannot be folded with two norms, nor a shared norm
/// into two convolutions.
#[test]
fn fold_conv_norm_keeps_shared_layers() {
    let shared_conv = "layer c = conv(3)\nlet x = image |> c |> norm\noutput y = x |> c |> norm";
    let shared_norm = "layer n = norm\nlet x = image |> conv(3) |> n\noutput y = x |> conv(3) |> n";
    for body in [shared_conv, shared_norm] {
        let network = network(&format!("{IMAGE}{body}"));
        assert_eq!(after(&network, Mode::Infer, "fold-conv-norm"), (before(&network), 0), "{body}");
    }
}

#[test]
fn fuse_activation_lets_the_convolution_apply_it() {
    let text = format!("{IMAGE}let x = image |> conv(4) |> sigmoid\noutput y = x |> conv(4) |> relu |> relu");
    let network = network(&text);
    let fused = "
        image = input[image]()
        x.conv = conv[4, then sigmoid](image)
        y.conv = conv[4, then relu](x.conv)
        y.relu2 = relu(y.conv)
        output y = y.relu2
    ";
    assert_eq!(after(&network, Mode::Infer, "fuse-activation"), (lines(fused), 2));
}

#[test]
fn fuse_activation_keeps_a_convolution_that_others_read() {
    let text = format!("{IMAGE}let x = image |> conv(4)\noutput y = (x |> relu) + x");
    let network = network(&text);
    assert_eq!(after(&network, Mode::Infer, "fuse-activation"), (before(&network), 0));
}

/// In the order of the table: folding brings convolution and activation together.
#[test]
fn fuse_addition_gives_the_later_convolution_the_sum() {
    let text = format!(
        "{IMAGE}let a = image |> conv(4)\nlet b = image |> conv(4, kernel: 3)\noutput y = (a + b) + (image |> conv(4))"
    );
    let network = network(&text);
    let fused = "
        image = input[image]()
        a.conv = conv[4](image)
        b.conv = conv[4, kernel: 3x3, plus the last](image, a.conv)
        y.conv = conv[4, plus the last](image, b.conv)
        output y = y.conv
    ";
    assert_eq!(after(&network, Mode::Infer, "fuse-addition"), (lines(fused), 2));
}

#[test]
fn fuse_addition_leaves_other_sums_alone() {
    for text in [
        // Read by others; one value twice; a number; one channel for all; another operator; no convolution.
        "let x = image |> conv(3)\noutput y = (image + x) + (x |> relu)",
        "let x = image |> conv(3)\noutput y = x + x",
        "output y = (image |> conv(3)) + 1",
        "output y = image + (image |> conv(1))",
        "output y = image - (image |> conv(3))",
        "output y = image + (image |> relu)",
        "let x = image |> conv(3)\noutput y = image + x\noutput z = x",
    ] {
        let network = network(&format!("{IMAGE}{text}"));
        assert_eq!(after(&network, Mode::Infer, "fuse-addition"), (before(&network), 0), "{text}");
    }
}

#[test]
fn absorb_concat_lets_convolutions_read_the_parts() {
    let text = format!(
        "{IMAGE}let a = image |> conv(4)\nlet x = concat(a, image, a)\n\
         output y = x |> conv(2, kernel: 3)\noutput z = x |> conv(5, stride: 2)"
    );
    let network = network(&text);
    let absorbed = "
        image = input[image]()
        a.conv = conv[4](image)
        y.conv = conv[2, kernel: 3x3](a.conv, image, a.conv)
        z.conv = conv[5, stride: 2x2](a.conv, image, a.conv)
        output y = y.conv
        output z = z.conv
    ";
    assert_eq!(after(&network, Mode::Infer, "absorb-concat"), (lines(absorbed), 1));
    let weights = |plan: &phg_compiler::Plan| -> Vec<Vec<usize>> {
        plan.weights.iter().map(|weight| weight.shape.clone()).collect()
    };
    let (infer, eval) = (network.plan(Mode::Infer), network.plan(Mode::Eval));
    assert_eq!(weights(&infer), weights(&eval));
    let sizes = ir::dim::Sizes { n: 1, h: 8, w: 8 };
    assert_eq!(cost(&infer, &sizes).macs, cost(&eval, &sizes).macs);
}

#[test]
fn absorb_concat_keeps_what_others_read() {
    for text in [
        "let x = concat(image, image)\noutput y = (x |> conv(4)) + (x |> relu |> conv(4))",
        "output y = concat(image, image) |> conv(4, groups: 2)",
        "let x = concat(image, image)\noutput y = x |> conv(4)\noutput z = x",
    ] {
        let network = network(&format!("{IMAGE}{text}"));
        assert_eq!(after(&network, Mode::Infer, "absorb-concat"), (before(&network), 0), "{text}");
    }
}

#[test]
fn shrink_upscale_convolves_fewer_pixels() {
    let text = format!(
        "{IMAGE}let x = image |> conv(8, kernel: 3, stride: 2)\noutput y = x |> resize(like: image) |> conv(4)"
    );
    let network = network(&text);
    let shrunk = "
        image = input[image]()
        x.conv = conv[8, kernel: 3x3, stride: 2x2](image)
        y.conv = conv[4](x.conv)
        y.resize = resize(y.conv, image)
        output y = y.resize
    ";
    assert_eq!(after(&network, Mode::Infer, "shrink-upscale"), (lines(shrunk), 1));
    let (graph, _) = network.graph_for(Mode::Infer, Some("shrink-upscale"), &[]);
    let inner = graph.nodes().find(|id| graph.get(*id).is_some_and(|node| &*node.path == "y.conv"));
    assert_eq!(graph.facts(inner.unwrap())[0].to_string(), "map[N, 4, ceil(H/2), ceil(W/2)]");
}

#[test]
fn shrink_upscale_leaves_others_alone() {
    for text in [
        // Reads neighbours; a reduction; more channels than it is worth; read by others; not a resize.
        "output y = image |> resize(scale: 2) |> conv(4, kernel: 3)",
        "output y = image |> resize(size: 8) |> conv(4)",
        "output y = image |> resize(scale: 2) |> conv(64)",
        "let x = image |> resize(scale: 2)\noutput y = x |> conv(1)\noutput z = x",
        "output y = image |> relu |> conv(1)",
        "output y = image |> resize(scale: 2) |> conv(1, padding: 1)",
    ] {
        let network = network(&format!("{IMAGE}{text}"));
        assert_eq!(after(&network, Mode::Infer, "shrink-upscale"), (before(&network), 0), "{text}");
    }
}

#[test]
fn sink_expand_spreads_a_vector_as_late_as_it_may() {
    let text = format!(
        "{IMAGE}let v = image |> global_pool\nlet a = v |> linear(4) |> expand(like: image) |> relu\n\
         let b = v |> expand(like: image)\noutput y = 2 * concat(a, b) |> conv(3, kernel: 3)"
    );
    let network = network(&text);
    let sunk = "
        image = input[image]()
        v.global_pool = global_pool(image)
        a.linear = linear[4](v.global_pool)
        a.relu = relu(a.linear)
        y.concat = concat(a.relu, v.global_pool)
        y.multiply = arithmetic[2 * x](y.concat)
        b.expand = expand(y.multiply, image)
        y.conv = conv[3, kernel: 3x3](b.expand)
        output y = y.conv
    ";
    assert_eq!(after(&network, Mode::Infer, "sink-expand"), (lines(sunk), 3));
}

#[test]
fn sink_expand_stops_where_a_map_is_no_longer_constant() {
    for text in [
        "output y = v |> expand(like: image) |> conv(4, kernel: 3)",
        "output y = image * (v |> expand(like: image))",
        "let x = v |> expand(like: image)\noutput y = (x |> relu) + x",
        "output y = concat(image, v |> expand(like: image))",
    ] {
        let network = network(&format!("{IMAGE}let v = image |> global_pool\n{text}"));
        assert_eq!(after(&network, Mode::Infer, "sink-expand"), (before(&network), 0), "{text}");
    }
}

#[test]
fn the_whole_pipeline_leaves_one_convolution() {
    let text = format!(
        "{IMAGE}{LABELS}let x = image |> conv(4, bias: false) |> norm |> relu\noutput y = softmax(x)\n\
         loss {{ l = cross_entropy(x, labels) }}"
    );
    let (graph, changes) = network(&text).graph_for(Mode::Infer, None, &[]);
    let one = "
        image = input[image]()
        x.conv = conv[4, norm: x.norm, then relu](image)
        y.softmax = softmax(x.conv)
        output y = y.softmax
    ";
    assert_eq!(ir::print::graph(&graph), lines(one));
    let counts: Vec<(&str, usize)> = changes.iter().map(|change| (change.pass, change.count)).collect();
    let expected = [
        ("prune-training", 1),
        ("dead-code", 2),
        ("merge-common", 0),
        ("sink-expand", 0),
        ("fold-conv-norm", 1),
        ("shrink-upscale", 0),
        ("fuse-addition", 0),
        ("fuse-activation", 1),
        ("absorb-concat", 0),
    ];
    assert_eq!(counts, expected);
}
