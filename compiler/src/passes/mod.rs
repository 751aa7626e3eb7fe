//! Passes: a graph becomes the graph that one mode needs.
//!
//! A pass is a function on the graph; the table below is the order. Each keeps every output's value,
//! which tests show numerically; each edits through [`crate::ir::rewrite`], which keeps facts true.

mod absorb_concat;
mod dead_code;
mod fold_conv_norm;
mod fuse_activation;
mod fuse_addition;
mod merge_common;
mod prune_training;
mod shrink_upscale;
mod sink_expand;

use crate::ir::graph::Graph;
use crate::plan::Mode;

/// One pass.
#[derive(Debug)]
pub struct Pass {
    /// Its name, for `--emit after:NAME` and for switching it off.
    pub name: &'static str,
    /// Modes that it runs in.
    pub modes: &'static [Mode],
    /// One line.
    pub summary: &'static str,
    /// Returns how much it changed.
    pub run: fn(&mut Graph) -> usize,
}

const ALL: &[Mode] = &[Mode::Train, Mode::Eval, Mode::Infer];
const INFER: &[Mode] = &[Mode::Infer];

/// Every pass, in order.
pub static PIPELINE: &[Pass] = &[
    Pass {
        name: "prune-training",
        modes: INFER,
        summary: "drop losses, and with them what only they need",
        run: prune_training::run,
    },
    Pass { name: "dead-code", modes: ALL, summary: "drop nodes that no output needs", run: dead_code::run },
    Pass {
        name: "merge-common",
        modes: ALL,
        summary: "compute equal expressions without weights of their own once",
        run: merge_common::run,
    },
    Pass {
        name: "sink-expand",
        modes: INFER,
        summary: "spread a vector over a map after what is done to each pixel alone",
        run: sink_expand::run,
    },
    Pass {
        name: "fold-conv-norm",
        modes: INFER,
        summary: "merge a batch norm into the convolution before it",
        run: fold_conv_norm::run,
    },
    Pass {
        name: "shrink-upscale",
        modes: INFER,
        summary: "move a pointwise convolution before the enlargement that it follows",
        run: shrink_upscale::run,
    },
    Pass {
        name: "fuse-addition",
        modes: INFER,
        summary: "let a convolution add another map to its result",
        run: fuse_addition::run,
    },
    Pass {
        name: "fuse-activation",
        modes: INFER,
        summary: "let a convolution apply the activation after it",
        run: fuse_activation::run,
    },
    Pass {
        name: "absorb-concat",
        modes: INFER,
        summary: "let a convolution read the parts of a concatenation",
        run: absorb_concat::run,
    },
];

/// What one pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The pass.
    pub pass: &'static str,
    /// How much it changed.
    pub count: usize,
}

/// Runs the passes of `mode`, up to and including `until` when given, without those named in `off`.
pub fn run(graph: &mut Graph, mode: Mode, until: Option<&str>, off: &[String]) -> Vec<Change> {
    let mut changes = Vec::new();
    for pass in PIPELINE.iter().filter(|pass| pass.modes.contains(&mode)) {
        if !off.iter().any(|name| name == pass.name) {
            changes.push(Change { pass: pass.name, count: (pass.run)(graph) });
        }
        if until == Some(pass.name) {
            break;
        }
    }
    changes
}
