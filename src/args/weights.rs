//! Weights from and to files: what may be written, and what each flag means.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CheckpointName, Compile, Format, pair};

#[derive(Debug, Subcommand)]
pub(crate) enum Weights {
    /// Finds which tensor of a file is which parameter of a spec, and writes them by the spec's own names.
    Import(Import),
    /// Writes the weights of a run, or the first ones of a spec, as a safetensors file.
    Export(ExportWeights),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The spec.
    pub(crate) spec: PathBuf,
    /// A `.pth` or `.pt` file of PyTorch, a safetensors file, or a run folder.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) compile: Compile,
    #[command(flatten)]
    pub(crate) names: Names,
    /// Fill this part of the network only, such as `encoder`. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<String>,
    /// The safetensors file that is written; nothing is written without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// How the tensors of a file are found and named.
#[derive(Debug, Default, Args)]
pub(crate) struct Names {
    /// Rules from the file's names to the spec's paths: docs/weights.md. By their own names without one.
    #[arg(long, value_name = "MAP")]
    pub(crate) map: Option<PathBuf>,
    /// The dictionary of a PyTorch file that holds the weights, such as `state_dict`.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportWeights {
    /// A run folder; or a spec, whose first values are drawn.
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// Which checkpoint of a run.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: CheckpointName,
    /// Seed of a spec's first values; the spec's own unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The safetensors file that is written.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// What a training begins with.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Begin with the weights of this file or run folder. Not read again when the run is resumed.
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
    /// Rules from the names of `--init` to the spec's paths: docs/weights.md.
    #[arg(long, value_name = "MAP", requires = "init")]
    pub(crate) map: Option<PathBuf>,
    /// The dictionary of a PyTorch file that holds the weights, such as `state_dict`.
    #[arg(long, value_name = "KEY", requires = "init")]
    pub(crate) key: Option<String>,
    /// Take this part of the network only, such as `encoder`; the rest begins at random. May be repeated.
    #[arg(long, value_name = "PATH", requires = "init")]
    pub(crate) only: Vec<String>,
}

/// Weights for a spec, in the place of a run.
#[derive(Debug, Default, Args)]
pub(crate) struct Loading {
    /// A spec is named in the place of a run, and these are its weights: a file or a run folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Rules from the names of `--weights` to the spec's paths: docs/weights.md.
    #[arg(long, value_name = "MAP", requires = "weights")]
    pub(crate) map: Option<PathBuf>,
    /// The dictionary of a PyTorch file that holds the weights, such as `state_dict`.
    #[arg(long, value_name = "KEY", requires = "weights")]
    pub(crate) key: Option<String>,
    /// A parameter or training setting of the spec: `K=4`, `train.resize=[180, 240]`. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair, requires = "weights")]
    pub(crate) sets: Vec<(String, String)>,
}
