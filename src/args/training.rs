//! The commands that train: what may be written, and what each flag means.

use std::path::PathBuf;

use clap::Args;

use super::{
    Batch, CheckpointName, Compile, DataArgs, Format, Init, PrecisionName, SplitName, batch, bytes, pair,
    size,
};

/// On what, for how long and on which machine a spec is trained.
#[derive(Debug, Args)]
pub(crate) struct Training {
    #[command(flatten)]
    pub(crate) compile: Compile,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Train for so many steps.
    #[arg(long, conflicts_with_all = ["epochs", "minutes"], value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps: Option<u64>,
    /// Train for so many passes over the training split.
    #[arg(long, conflicts_with = "minutes", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) epochs: Option<u64>,
    /// Train for so many minutes; the learning rate then follows the time.
    #[arg(long)]
    pub(crate) minutes: Option<f64>,
    /// Rows and columns that images are resized to.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// Images in a step; `max` is the most that fit into `--memory-limit`.
    #[arg(long, value_name = "N|max", value_parser = batch)]
    pub(crate) batch: Option<Batch>,
    /// Memory for a step, such as `12GiB`: what does not fit is computed again in the backward pass.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,
    /// `auto`, `cpu`, `cuda` or `cuda:1`.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// In which numbers it computes.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) precision: PrecisionName,
    /// Compute threads; all cores unless given. On a CPU the same number gives the same bits.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Threads that load data.
    #[arg(long, default_value_t = 1)]
    pub(crate) loaders: usize,
    /// Memory for decoded samples, such as `512MiB` or `0`.
    #[arg(long, default_value = "1GiB", value_parser = bytes)]
    pub(crate) cache: u64,
    /// Pass over up to so many samples that cannot be read, instead of failing.
    #[arg(long, value_name = "N")]
    pub(crate) skip_bad: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    /// The spec.
    pub(crate) spec: PathBuf,
    #[command(flatten)]
    pub(crate) training: Training,
    /// The run folder; `runs/<spec>-<hash>-<n>` unless given. Never overwritten.
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Seed of every random number.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Save and leave after so many steps of this call; the schedule does not change.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) pause_after: Option<u64>,
    #[command(flatten)]
    pub(crate) init: Init,
    /// Go on with the run in `--run` to its end.
    #[arg(long, requires = "run")]
    pub(crate) resume: bool,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Ablate {
    /// The spec; of several each is varied alike.
    #[arg(required = true, value_name = "SPEC")]
    pub(crate) specs: Vec<PathBuf>,
    /// A parameter or training setting and its values: `K=1,4,8`, `use_g=true,false`, `train.batch=2,4`. Commas within
    /// brackets belong to a value. May be repeated: the grid has every combination.
    #[arg(long, value_name = "NAME=V,V,...", value_parser = pair)]
    pub(crate) vary: Vec<(String, String)>,
    /// Each cell of the grid is trained once with each of these seeds.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "0")]
    pub(crate) seeds: Vec<u64>,
    #[command(flatten)]
    pub(crate) training: Training,
    /// The part of the dataset that cells are compared on.
    #[arg(long, value_enum, default_value = "val")]
    pub(crate) split: SplitName,
    /// The checkpoint that cells are compared by.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) checkpoint: CheckpointName,
    /// Trains part I of N of the grid, counted from 1. Parts may run at the same time over one folder.
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "slurm")]
    pub(crate) shard: Option<Shard>,
    /// Trains nothing: writes `DIR/slurm.sh`, an array of N jobs for `sbatch`; one for each training unless N is given.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) slurm: Option<Option<u64>>,
    /// The grid's folder: run folders, `table.csv`, `table.json`, `figure.svg` and `figure.png`.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// One of several parts of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Which: 1 to `of`.
    pub(crate) part: usize,
    /// How many there are.
    pub(crate) of: usize,
}

impl Shard {
    /// Whether training number `at`, counted from 0, is in this part.
    pub(crate) fn has(self, at: usize) -> bool {
        at % self.of == self.part - 1
    }
}

/// `2/8`. Who counts parts from 0 calls the last one 0.
fn shard(text: &str) -> Result<Shard, String> {
    let wrong = || "write a part and the number of parts, such as `2/8`".to_owned();
    let (part, of) = text.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
    let (part, of) = (number(part)?, number(of)?);
    if of == 0 || part > of {
        return Err(format!("there is no part {part} of {of}; parts are 1 to {of}"));
    }
    Ok(Shard { part: if part == 0 { of } else { part }, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_the_grid_without_overlap() {
        assert_eq!(shard("2/8"), Ok(Shard { part: 2, of: 8 }));
        assert_eq!(shard("0/2"), Ok(Shard { part: 2, of: 2 }));
        assert!(["3/2", "1/0", "0/0", "1", "a/2", "-1/2"].into_iter().all(|text| shard(text).is_err()));
        for at in 0..7 {
            let parts: Vec<usize> = (1..=3).filter(|part| Shard { part: *part, of: 3 }.has(at)).collect();
            assert_eq!(parts, [at % 3 + 1]);
        }
    }
}
