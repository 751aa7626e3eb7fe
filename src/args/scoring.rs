//! The commands that look at trained runs: what may be written, and what each flag means.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use phg_runtime::views::{SCALES, Views};

use super::{DataArgs, Format, Loading, PrecisionName, at_least_one, size};

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitName {
    /// Trained on.
    Train,
    /// Looked at while training.
    Val,
    /// Looked at once.
    Test,
}

/// Which checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckpointName {
    /// With the best validation score.
    Best,
    /// The newest.
    #[default]
    Last,
}

/// Where predictions meet labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtName {
    /// At the labels' own resolution.
    #[default]
    Labels,
    /// At the network's input resolution.
    Input,
}

/// How each image is looked at.
#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// Average the probabilities of each image and of its mirror image.
    #[arg(long)]
    pub(crate) flip: bool,
    /// Average the probabilities at these factors of the size that the run was trained at.
    #[arg(long, value_name = "F,F,...", value_delimiter = ',', value_parser = scale)]
    pub(crate) scales: Vec<f64>,
    /// Slide a window over each image; windows overlap by a third, and there scores are averaged.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) window: Option<[usize; 2]>,
}

impl ViewArgs {
    /// The looks asked for.
    pub(crate) fn views(&self) -> Views {
        let scales = if self.scales.is_empty() { Views::default().scales } else { self.scales.clone() };
        Views { flip: self.flip, scales, window: self.window }
    }
}

/// With which checkpoint, how and on which machine a run predicts.
#[derive(Debug, Args)]
pub(crate) struct Inference {
    /// Which checkpoint.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: CheckpointName,
    #[command(flatten)]
    pub(crate) views: ViewArgs,
    /// `auto`, `cpu`, `cuda` or `cuda:1`.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// In which numbers it computes; those that the run was trained in unless given.
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionName>,
    /// Compute threads; all cores unless given.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Let void be predicted; a labelled pixel predicted void then counts as a miss.
    #[arg(long)]
    pub(crate) predict_void: bool,
}

/// On what, and how, runs are scored.
#[derive(Debug, Args)]
pub(crate) struct Scoring {
    /// Which part of the dataset.
    #[arg(long, value_enum, default_value = "val")]
    pub(crate) split: SplitName,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Only so many images, the first ones.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) images: Option<usize>,
    /// Where predictions meet labels.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) at: AtName,
    /// Images at once; with flips, scales or windows they come one by one.
    #[arg(long, value_parser = at_least_one, default_value_t = 4)]
    pub(crate) batch: usize,
    #[command(flatten)]
    pub(crate) inference: Inference,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The run folder; with `--weights` a spec.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) loading: Loading,
    #[command(flatten)]
    pub(crate) scoring: Scoring,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// The run folder; with `--weights` a spec.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) loading: Loading,
    /// With `--weights`: the classes, by a table's file or a name that `phgc data table` lists.
    #[arg(long, value_name = "FILE", requires = "weights", default_value = "scenes")]
    pub(crate) table: PathBuf,
    /// Images, or folders of images.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Where label maps, colour pictures and overlays are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Also write an archive of label maps with original ids, as the evaluation server of Cityscapes takes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) cityscapes_zip: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) inference: Inference,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// IoU by class, its mean, precision and recall of runs in one table.
    Table(Table),
    /// The error near boundaries against the width of the band around them.
    Trimap(Trimap),
    /// Loss and mean IoU against the step, from the runs' logs.
    Curves(Curves),
    /// How the components of a run's mixtures lie, through its training.
    Latent(Latent),
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// For a terminal.
    #[default]
    Text,
    /// For a page.
    Markdown,
    /// For a spreadsheet.
    Csv,
    /// For programs; errors too.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Run folders, or files with what `phgc eval --format json` printed.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) scoring: Scoring,
    /// The rows printed in the PHGMM paper beside them: those of the runs' dataset or of `cityscapes` or `synthia`.
    #[arg(long, value_name = "DATASET", num_args = 0..=1, require_equals = true)]
    pub(crate) paper: Option<Option<String>>,
    /// Where `table.svg`, `.png`, `.md`, `.csv` and `.json` are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How the table is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TableFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Trimap {
    /// Run folders.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) scoring: Scoring,
    /// Widths of the band, in pixels; 1 is the boundary pixels alone.
    #[arg(long, value_name = "W,W,...", value_delimiter = ',', default_value = "1,2,3,4,5,6,8,10,12,15,20")]
    pub(crate) widths: Vec<u32>,
    /// Count borders between a class and void as boundaries too.
    #[arg(long)]
    pub(crate) void_edges: bool,
    /// Where `trimap.svg`, `.png`, `.csv` and `.json` are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Curves {
    /// Run folders, finished or not.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// Where `curves.svg`, `.png`, `.csv` and `.json` are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Latent {
    /// The run folder.
    pub(crate) run: PathBuf,
    /// Steps whose components are drawn; the first, the middle one and the last unless given.
    #[arg(long, value_name = "STEP,STEP,...", value_delimiter = ',')]
    pub(crate) steps: Vec<u64>,
    /// Where `latent.svg`, `.png`, `.csv`, `.json` and a scatter plot of each mixture are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Latents {
    /// The run folder; with `--weights` a spec.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) loading: Loading,
    #[command(flatten)]
    pub(crate) scoring: Scoring,
    /// The distributions of so many images are looked at; all images are scored.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 128)]
    pub(crate) observe: usize,
    /// Where `latents.svg`, `.png`, `.csv` and `.json` are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The run folder in question, and those that it is compared with.
    #[arg(required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) scoring: Scoring,
    /// So many pictures, of images spread over the split.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(crate) pictures: usize,
    /// Where `compare.csv`, `compare.json`, a figure for each pair of runs and `pictures/` are written.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `0.75`.
fn scale(text: &str) -> Result<f64, String> {
    let wrong =
        || format!("write factors from {} to {}, such as `0.75,1,1.25`", SCALES.start(), SCALES.end());
    text.trim().parse().ok().filter(|scale| SCALES.contains(scale)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_read() {
        assert_eq!(scale(" 0.75"), Ok(0.75));
        assert!(["0", "9", "-1", "nan", "big"].into_iter().all(|text| scale(text).is_err()));
        let args = ViewArgs { flip: false, scales: Vec::new(), window: None };
        assert!(args.views().is_single());
    }
}
