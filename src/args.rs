//! The command line: what may be written, and what each flag means.

mod exchange;
mod scoring;
mod training;
mod weights;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use exchange::{Export, Infer, Subject};
pub(crate) use scoring::{
    AtName, CheckpointName, Compare, Curves, Eval, Inference, Latent, Latents, Predict, Report, Scoring,
    SplitName, Table, TableFormat, Trimap, ViewArgs,
};
pub(crate) use training::{Ablate, Train, Training};
pub(crate) use weights::{ExportWeights, Import, Init, Loading, Weights};

/// Compiles, trains, evaluates and runs semantic-segmentation networks written as .phg text.
#[derive(Debug, Parser)]
#[command(name = "phgc", version, about, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Proves a spec: syntax, names, types, shapes.
    Check(Check),
    /// Formats specs in place.
    Fmt(Fmt),
    /// Prints what a spec compiles to.
    Show(Show),
    /// Compares two specs: structure, parameters, cost.
    Diff(Diff),
    /// Parameters, multiply-accumulates and memory of specs.
    Summary(Summary),
    /// Times a training step or a forward pass.
    Bench(Bench),
    /// Trains a spec on a dataset.
    Train(Box<Train>),
    /// Trains a grid of specs, settings and seeds, and tabulates and draws what each came to.
    Ablate(Box<Ablate>),
    /// Scores a trained run.
    Eval(Eval),
    /// Segments images with a trained run.
    Predict(Predict),
    /// Tables and figures of runs, from their logs and evaluations.
    #[command(subcommand)]
    Report(Report),
    /// Shows where one run is right and others are wrong.
    Compare(Compare),
    /// Says whether the latent spaces of a run are in use: scores it with each one zeroed, averaged and exchanged.
    Latents(Latents),
    /// Writes a network as an ONNX model.
    Export(Export),
    /// Runs a network on tensors: a safetensors file goes in, another comes out.
    Infer(Infer),
    /// Weights from PyTorch and safetensors files into a spec's own names, and out of runs.
    #[command(subcommand)]
    Weights(Weights),
    /// Prints the page of an error code.
    Explain(Explain),
    /// Looks at datasets, times their loading, or writes the built-in one to files.
    #[command(subcommand)]
    Data(Data),
    /// Lists the devices that this build can use.
    Devices(Devices),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; errors too.
    Json,
}

/// In which numbers a device computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    /// 32-bit floats.
    #[default]
    F32,
    /// Products and activations in bfloat16; parameters, norms, losses and reductions in 32-bit floats.
    Bf16,
}

/// What a spec is compiled with.
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// A parameter or training setting of the spec: `K=4`, `train.batch=2`. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) sets: Vec<(String, String)>,
    /// A limit of the compiler: `nodes`, `depth`, `steps`, `parameters` or `tensor`. May be repeated.
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = pair)]
    pub(crate) limits: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The spec.
    pub(crate) spec: PathBuf,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// Rows and columns to prove the spec's constraints at.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Specs, or folders of specs.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Changes nothing; fails when a file is not formatted.
    #[arg(long)]
    pub(crate) check: bool,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// For which mode a plan is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeName {
    /// Everything, batch statistics.
    Train,
    /// Everything, running statistics.
    Eval,
    /// What the outputs need.
    #[default]
    Infer,
}

/// What `show` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// Lines of text.
    Text,
    /// A document for programs.
    Json,
    /// A drawing for Graphviz.
    Dot,
    /// A drawing for Mermaid.
    Mermaid,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The spec.
    pub(crate) spec: PathBuf,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// `ast`, `graph`, `facts`, `plan`, `cost`, or `after:PASS`, the graph after a pass.
    #[arg(long, default_value = "plan")]
    pub(crate) emit: String,
    /// For which mode; without one, graph and facts are those before any pass, plan and cost those of inference.
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeName>,
    /// Leave out a pass. May be repeated.
    #[arg(long = "without", value_name = "PASS")]
    pub(crate) without: Vec<String>,
    /// Rows and columns for `cost`; the spec's own unless given.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// Images in a batch, for `cost`.
    #[arg(long, value_parser = at_least_one, default_value_t = 1)]
    pub(crate) batch: usize,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Drawing,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first spec.
    pub(crate) a: PathBuf,
    /// The second.
    pub(crate) b: PathBuf,
    /// For which mode.
    #[arg(long, value_enum, default_value = "train")]
    pub(crate) mode: ModeName,
    /// Rows and columns for the cost; the first spec's own unless given.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Summary {
    /// Specs.
    #[arg(required = true)]
    pub(crate) specs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// For which mode.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) mode: ModeName,
    /// Rows and columns; each spec's own unless given.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// Images in a batch; `max` is the most that fit into `--memory-limit`.
    #[arg(long, value_name = "N|max", value_parser = batch, default_value = "1")]
    pub(crate) batch: Batch,
    /// Memory for a training step, such as `12GiB`: what does not fit is computed again in the backward pass.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The spec.
    pub(crate) spec: PathBuf,
    #[command(flatten)]
    pub(crate) compile: Compile,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Threads that load data, with `--data`.
    #[arg(long, default_value_t = 1)]
    pub(crate) loaders: usize,
    /// Memory for decoded samples, with `--data`: `512MiB` or `0`.
    #[arg(long, default_value = "1GiB", value_parser = bytes)]
    pub(crate) cache: u64,
    /// A training step, or a forward pass.
    #[arg(long, value_enum, default_value = "train")]
    pub(crate) mode: ModeName,
    /// Rows and columns; the spec's own unless given.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// Images in a batch; the spec's own unless given. `max` is the most that fit into `--memory-limit`.
    #[arg(long, value_name = "N|max", value_parser = batch)]
    pub(crate) batch: Option<Batch>,
    /// Memory for a training step, such as `12GiB`: what does not fit is computed again in the backward pass.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,
    /// In which numbers it computes.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) precision: PrecisionName,
    /// Steps that are timed.
    #[arg(long, default_value_t = 10)]
    pub(crate) steps: usize,
    /// Steps before them, which are not.
    #[arg(long, default_value_t = 3)]
    pub(crate) warmup: usize,
    /// The device: `auto`, `cpu`, `cuda` or `cuda:1`.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Threads that the processor computes with.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Time a training step and a forward pass, and draw what takes how long.
    #[arg(long, requires = "output", conflicts_with = "mode")]
    pub(crate) figure: bool,
    /// Where `bench.svg`, `.png`, `.csv` and `.json` are written, with `--figure`.
    #[arg(short, long, value_name = "DIR", requires = "figure")]
    pub(crate) output: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// A dataset.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The dataset: `scenes` (built in), `camvid`, `cityscapes` or `synthia`.
    #[arg(long, value_name = "NAME")]
    pub(crate) data: Option<String>,
    /// The dataset's folder; its environment variable unless given: CAMVID_DATASET, CITYSCAPES_DATASET,
    /// SYNTHIA_DATASET.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// A table of classes and raw label values to read the dataset's labels by, instead of its own: a file, or a name
    /// that `phgc data table` lists.
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as `phg::shape::mismatch`; all codes are listed without one.
    pub(crate) code: Option<String>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// Looks for missing pairs, wrong sizes, unknown labels and unreadable files.
    Check(DataCheck),
    /// Writes the built-in dataset to files.
    Write(DataWrite),
    /// Prints a class table, to be copied and changed for `--table`; lists them without a name.
    Table(DataTable),
    /// Times decoding, augmentation and batching, without a network.
    Bench(DataBench),
}

#[derive(Debug, Args)]
pub(crate) struct DataCheck {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// How many findings are named of each kind.
    #[arg(long, default_value_t = 5)]
    pub(crate) name: usize,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DataTable {
    /// The table, such as `cityscapes`.
    pub(crate) name: Option<String>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DataBench {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Which part of the dataset.
    #[arg(long, value_enum, default_value = "train")]
    pub(crate) split: SplitName,
    /// Take resizing, augmentation and batch from the training settings of a spec; without one images are resized to
    /// `--size` and flipped half of the time.
    #[arg(long, value_name = "SPEC")]
    pub(crate) spec: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// Rows and columns that images are resized to; their own size unless given.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// Images in a batch; the spec's own or 8 unless given.
    #[arg(long, value_parser = at_least_one)]
    pub(crate) batch: Option<usize>,
    /// Threads that load data; with 0 the one that asks.
    #[arg(long, default_value_t = 1)]
    pub(crate) loaders: usize,
    /// Memory for decoded samples, such as `512MiB`.
    #[arg(long, default_value = "0", value_parser = bytes)]
    pub(crate) cache: u64,
    /// Passes over the split that are timed.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) passes: u64,
    /// Batches before them, which are not.
    #[arg(long, default_value_t = 8)]
    pub(crate) warmup: u64,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DataWrite {
    /// The dataset to write: `scenes`.
    pub(crate) name: String,
    /// `cityscapes`, `synthia` or `camvid`.
    #[arg(long)]
    pub(crate) layout: String,
    /// Images in the training split; the others have a sixth of it each.
    #[arg(long, default_value_t = 60)]
    pub(crate) images: usize,
    /// Rows and columns.
    #[arg(long, value_name = "HxW", value_parser = size, default_value = "192x384")]
    pub(crate) size: [usize; 2],
    /// An empty or new folder.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Computes every instruction, forward and backward, and a training step of small networks, on the device and on
    /// the processor, and compares. Of the processor itself, the program's own kernels and Burn's operations.
    #[arg(long)]
    pub(crate) check: bool,
    /// The device to check: `auto`, `cpu`, `cuda` or `cuda:1`.
    #[arg(long, default_value = "auto", requires = "check")]
    pub(crate) device: String,
    /// In which numbers the device computes; what it is compared with is 32-bit floats.
    #[arg(long, requires = "check", value_enum, default_value_t)]
    pub(crate) precision: PrecisionName,
    /// Writes every case to this file as soon as it is done, a line of JSON each.
    #[arg(long, requires = "check", value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Begins no further case after so many minutes.
    #[arg(long, requires = "check", value_parser = minutes)]
    pub(crate) minutes: Option<f64>,
    /// Compute threads; all cores unless given.
    #[arg(long, requires = "check")]
    pub(crate) threads: Option<usize>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// A number of minutes above 0.
fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if f64::is_finite(minutes) && minutes > 0.0 => Ok(minutes),
        Ok(_) | Err(_) => Err("a number above 0, such as `1.5`".into()),
    }
}

/// A number of things of which there is one.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("a whole number".into()),
    }
}

/// `K=4`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write NAME=VALUE, such as `K=4`".into()),
    }
}

/// `180x240`, rows first.
fn size(text: &str) -> Result<[usize; 2], String> {
    let wrong = || "write rows x columns, such as `180x240`".to_owned();
    let (height, width) = text.split_once(['x', 'X']).ok_or_else(wrong)?;
    let number =
        |part: &str| part.parse::<usize>().ok().filter(|n| (1..=65536).contains(n)).ok_or_else(wrong);
    Ok([number(height)?, number(width)?])
}

/// How many images are in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// So many.
    Of(usize),
    /// As many as fit into the memory that is stated.
    Max,
}

/// `8`, `max`.
fn batch(text: &str) -> Result<Batch, String> {
    if text == "max" { Ok(Batch::Max) } else { at_least_one(text).map(Batch::Of) }
}

/// `512MiB`, `1GiB`, `0`.
fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return Err("write a size such as `512MiB`, `1GiB` or `0`".into()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| "write a size such as `512MiB`, `1GiB` or `0`".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_bytes_are_read() {
        assert_eq!(size("180x240"), Ok([180, 240]));
        assert!(size("180").is_err() && size("0x4").is_err() && size("-1x4").is_err());
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert!(bytes("1 potato").is_err());
        assert_eq!(pair("train.batch = 2"), Ok(("train.batch".into(), "2".into())));
        assert!(pair("K").is_err() && pair("=4").is_err());
    }
}
