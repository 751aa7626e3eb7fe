//! One training of a grid: trained, resumed or kept, then scored.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use phg_runtime::codes;
use phg_runtime::device::DeviceName;
use phg_runtime::error::{Error, Kind};
use phg_runtime::metrics::At;
use phg_runtime::run::folder::read_manifest;
use phg_runtime::run::{Checkpoints, Outcome as Ended, Target};
use phg_runtime::train::fit::{Place, fit};
use phg_runtime::views::Views;
use serde_json::{Value, json};

use super::folder::{Folder, Record, read};
use super::grid::{Cell, run_folder};
use crate::args::{Ablate, AtName, CheckpointName, DataArgs, Format, Inference, Scoring, ViewArgs};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::score::{self, Scorer};
use crate::{devices, train};

/// What trains.
pub(super) struct Worker<'a> {
    pub(super) args: &'a Ablate,
    pub(super) folder: &'a Folder,
    pub(super) device: DeviceName,
    pub(super) interrupted: Arc<AtomicBool>,
}

/// How a training of the grid ended.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    /// It was finished and scored before.
    Kept,
    /// It is finished; its mean IoU in percent.
    Finished(Option<f64>),
    /// Another process works on it.
    Elsewhere,
    /// It failed, and the others go on.
    Failed(Error),
    /// A signal came; it is saved.
    Interrupted,
}

/// What a record calls the scores that a command line asks for, such as `val last`.
pub(super) fn what(args: &Ablate) -> String {
    let checkpoint = match args.checkpoint {
        CheckpointName::Best => "best",
        CheckpointName::Last => "last",
    };
    format!("{} {checkpoint}", score::split(args.split).name())
}

impl Worker<'_> {
    /// Whether there is nothing left to do.
    pub(super) fn is_done(&self, cell: &Cell, seed: u64) -> bool {
        Record::of(&run_folder(self.folder.path(), cell, seed)).score(&what(self.args)).is_some()
    }

    /// Brings a training to its end and scores it.
    ///
    /// # Errors
    /// What keeps the grid itself from being kept: its folder cannot be written.
    pub(super) fn train(&self, cell: &Cell, seed: u64, say: &dyn Fn(&str)) -> Result<End, Failure> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Ok(End::Interrupted);
        }
        let run = run_folder(self.folder.path(), cell, seed);
        let Some(_claim) = self.folder.claim(&run)? else { return Ok(End::Elsewhere) };
        if self.is_done(cell, seed) {
            return Ok(End::Kept);
        }
        let mut record = Record::of(&run);
        match self.trained(cell, seed, &run, say) {
            Ok(Some(evaluation)) => {
                let miou = evaluation["miou"].as_f64();
                record.keep(&what(self.args), evaluation)?;
                Ok(End::Finished(miou))
            }
            Ok(None) | Err(Failure::Interrupted) => Ok(End::Interrupted),
            Err(failure) => match error_of(failure) {
                error if error.code == codes::RUN_LOCKED => Ok(End::Elsewhere),
                error if error.code == codes::RUN_INTERRUPTED => Ok(End::Interrupted),
                error => {
                    record.fail(&error)?;
                    Ok(End::Failed(error))
                }
            },
        }
    }

    /// The evaluation of the run when it is trained to its end; `None` when a signal came before.
    fn trained(
        &self,
        cell: &Cell,
        seed: u64,
        run: &Path,
        say: &dyn Fn(&str),
    ) -> Result<Option<Value>, Failure> {
        if !is_finished(run) {
            let place = match place(run)? {
                Place::Resume(path) => {
                    say("goes on");
                    Place::Resume(path)
                }
                new @ Place::New(_) => {
                    say("begins");
                    new
                }
            };
            let training = &self.args.training;
            let ready = train::ready(&cell.spec, training, &cell.sets, Some(seed))?;
            let job = ready.job(training, place, self.device, Arc::clone(&self.interrupted))?;
            let quiet = self.args.format == Format::Json;
            let mut progress = Progress::new(quiet, devices::full_name(self.device));
            let result = fit(job, &mut progress);
            progress.end();
            if result?.report.outcome == Ended::Interrupted {
                return Ok(None);
            }
        }
        let wanted = (score::split(self.args.split), At::Labels, Views::default());
        if let Some(kept) = score::kept(run, self.args.checkpoint, &wanted) {
            return Ok(Some(kept));
        }
        let training = &self.args.training;
        let scoring = Scoring {
            split: self.args.split,
            // The run's own dataset, wherever it lies now.
            data: DataArgs { data: None, root: training.data.root.clone(), table: None },
            images: None,
            at: AtName::Labels,
            batch: 4,
            inference: Inference {
                checkpoint: self.args.checkpoint,
                views: ViewArgs { flip: false, scales: Vec::new(), window: None },
                device: training.device.clone(),
                precision: None,
                // They are set already.
                threads: None,
                predict_void: false,
            },
        };
        let scorer = Scorer::start(&scoring)?;
        Ok(Some(json!(scorer.evaluate(&scorer.open(run)?)?)))
    }
}

/// Whether the run was trained to its end.
fn is_finished(run: &Path) -> bool {
    let outcome = read(&run.join("report.json")).map(|report| report["outcome"].clone());
    outcome.is_some_and(|outcome| outcome == json!(Ended::Finished) || outcome == json!(Ended::StoppedEarly))
}

/// Where the training goes on, or begins. A run that was killed before its first checkpoint holds nothing to go on
/// from, and is begun anew.
fn place(run: &Path) -> Result<Place, Error> {
    if !run.exists() {
        return Ok(Place::New(Target::Exact(run.to_path_buf())));
    }
    let saved = Checkpoints::new(run.join("checkpoints")).list().is_ok_and(|names| !names.is_empty());
    if saved && read_manifest(run).is_ok() {
        return Ok(Place::Resume(run.to_path_buf()));
    }
    if saved {
        return Ok(Place::New(Target::Exact(run.to_path_buf())));
    }
    std::fs::remove_dir_all(run).map_err(|error| {
        Error::new(codes::RUN_WRITE, Kind::Training, format!("the folder cannot be begun anew: {error}"))
            .at(run.display())
    })?;
    Ok(Place::New(Target::Exact(run.to_path_buf())))
}

/// A failure of one cell as an error that its record keeps.
fn error_of(failure: Failure) -> Error {
    match failure {
        Failure::Run(error) => error,
        Failure::Several(errors) => errors.into_iter().next().unwrap_or_else(unknown),
        Failure::Spec { diags, .. } => match diags.into_iter().find(|diag| diag.is_error()) {
            Some(diag) => Error::new(diag.code.id, Kind::Usage, diag.message),
            None => unknown(),
        },
        Failure::No | Failure::Interrupted => unknown(),
    }
}

fn unknown() -> Error {
    Error::new(codes::ABLATE_CELLS, Kind::Training, "it failed without a reason")
}
