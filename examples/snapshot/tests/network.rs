//! The graph of this crate's network is what it was when somebody last looked.

use phg_compiler::{Mode, Request, compile, ir, plan};
use phg_example_snapshot::NETWORK;

#[test]
fn the_graph_is_what_it_was() {
    let compiled = compile(&Request::new("network.phg", NETWORK));
    let network = compiled.network.expect("the network compiles");
    insta::assert_snapshot!(ir::print::graph(network.graph()));
}

/// Other stages read alike: what inference executes, and what it costs.
#[test]
fn the_plan_for_inference_is_what_it_was() {
    let network = compile(&Request::new("network.phg", NETWORK)).network.expect("the network compiles");
    insta::assert_snapshot!(plan::print::plan(&network.plan(Mode::Infer)));
}
