//! The commands that exchange networks and tensors with other programs.

use std::path::PathBuf;

use clap::Args;

use super::weights::Names;
use super::{CheckpointName, Compile, Format, size};

/// A network with weights.
#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// A run folder, or a spec.
    pub(crate) subject: PathBuf,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// Which checkpoint of a run.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: CheckpointName,
    /// Weights of a spec: a file or a run folder.
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    pub(crate) weights: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) names: Names,
    /// Without `--weights` a spec has the weights that a training with this seed begins with; the spec's own unless
    /// given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// Where the ONNX model is written.
    #[arg(long, value_name = "FILE")]
    pub(crate) onnx: PathBuf,
    /// Run the model in an independent engine (rten) and compare its output with our own.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Rows and columns to verify at; may be repeated. The spec's own size and one beside it unless given.
    #[arg(long, value_name = "HxW", value_parser = size, requires = "verify")]
    pub(crate) size: Vec<[usize; 2]>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Infer {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// A safetensors file with one tensor: normalised images `[n, 3, h, w]`.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where predictions are written, as safetensors by the names of the spec's outputs.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
