//! Passes on the smallest graphs that show them: before, after, and where each must keep its hands off.
//!
//! That a pass keeps what a network computes is shown where tensors are, in the runtime's tests.

use phg_compiler::passes::PIPELINE;
use phg_compiler::plan::WeightSource;
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
        ["prune-training", "dead-code", "merge-common", "fold-conv-norm", "fuse-activation"]
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
        ("fold-conv-norm", 1),
        ("fuse-activation", 1),
    ];
    assert_eq!(counts, expected);
}
