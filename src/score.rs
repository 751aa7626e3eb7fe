//! What the commands that look at runs share: a run's model on its data, and the images that it is shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use phg_compiler::Network;
use phg_runtime::bank::Bank;
use phg_runtime::data::table::ClassTable;
use phg_runtime::data::{Dataset, Split};
use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::Error;
use phg_runtime::evaluate::{self, Evaluating, Seen, SeenByAll};
use phg_runtime::host::HostTensors;
use phg_runtime::metrics::score_table::Scored;
use phg_runtime::metrics::{At, Evaluation};
use phg_runtime::run::folder::read_manifest;
use phg_runtime::train::prepare;
use phg_runtime::views::Views;
use phg_runtime::{Model, Precision, Which, codes};
use serde_json::Value;

use crate::args::{AtName, CheckpointName, DataArgs, Inference, Loading, Scoring, SplitName};
use crate::failure::Failure;
use crate::{data, devices, output, signals, weights};

/// The device and the flags of a command.
pub(crate) struct Scorer<'a> {
    args: &'a Scoring,
    device: DeviceName,
    interrupted: Arc<AtomicBool>,
}

/// A run that is looked at.
pub(crate) struct Subject {
    /// What it predicts with.
    pub(crate) model: Model,
    /// What it is shown.
    pub(crate) dataset: Arc<dyn Dataset>,
}

impl<'a> Scorer<'a> {
    /// Takes the device.
    pub(crate) fn start(args: &'a Scoring) -> Result<Self, Failure> {
        Ok(Self { args, device: start(&args.inference)?, interrupted: signals::watch()? })
    }

    /// Loads a run, and opens its own dataset or the one that the flags name.
    pub(crate) fn open(&self, run: &Path) -> Result<Subject, Failure> {
        let args = self.args;
        let model = load(run, &args.inference, self.device)?;
        let manifest = read_manifest(run)?;
        let own = DataArgs {
            data: Some(args.data.data.clone().unwrap_or_else(|| manifest.data.name.clone())),
            root: args.data.root.clone().or_else(|| manifest.data.root.clone().map(PathBuf::from)),
            table: args.data.table.clone(),
        };
        let size = model.preparation().size;
        let dataset: Arc<dyn Dataset> =
            if own.table.is_none() && own.data.as_ref() == Some(&manifest.data.name) {
                Arc::from(data::reopen(&manifest.data, own.root.as_deref(), size)?)
            } else {
                Arc::from(data::open(&own, size)?)
            };
        Ok(Subject { model, dataset })
    }

    /// As [`Scorer::open`]; with `--weights` a spec, on the dataset that the flags name. Where `all` is set, weights
    /// that only training needs must be there too, and come back.
    pub(crate) fn open_with(
        &self,
        run: &Path,
        loading: &Loading,
        all: bool,
    ) -> Result<(Subject, Option<HostTensors>), Failure> {
        let Some(file) = &loading.weights else {
            return if is_spec(run) {
                Err(weights::no_weights(run).into())
            } else {
                Ok((self.open(run)?, None))
            };
        };
        let network = weights::network(run, loading)?;
        let dataset: Arc<dyn Dataset> = Arc::from(data::open(&self.args.data, network.training.resize)?);
        prepare::same_classes(&network, dataset.as_ref())?;
        let stored = weights::stored(&network, run, file, loading, &self.args.inference, all)?;
        let table = dataset.table().clone();
        let model = given(network, table, &stored, file, &self.args.inference, self.device)?;
        Ok((Subject { model, dataset }, Some(stored)))
    }

    /// Scores a run.
    pub(crate) fn evaluate(&self, subject: &Subject) -> Result<Evaluation, Failure> {
        self.watched(&subject.dataset, |on| evaluate::evaluate(&subject.model, on))
    }

    /// Shows a run every image.
    pub(crate) fn each(
        &self,
        subject: &Subject,
        see: &mut dyn FnMut(Seen<'_>) -> Result<(), Error>,
    ) -> Result<(), Failure> {
        self.watched(&subject.dataset, |on| evaluate::each(&subject.model, on, see))
    }

    /// Shows several runs every image of `dataset`.
    pub(crate) fn together(
        &self,
        models: &[Model],
        dataset: &Arc<dyn Dataset>,
        see: &mut dyn FnMut(SeenByAll<'_>) -> Result<(), Error>,
    ) -> Result<(), Failure> {
        self.watched(dataset, |on| evaluate::together(models, on, see))
    }

    /// Works on `images` images with a bar for progress, until Ctrl-C; `work` is given what to tell the images done.
    pub(crate) fn counted<T>(
        &self,
        images: usize,
        work: impl FnOnce(&mut dyn FnMut(usize) -> bool) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let bar = ProgressBar::new(images as u64);
        let result = work(&mut |done| {
            bar.set_position(done as u64);
            !self.interrupted.load(Ordering::Relaxed)
        });
        bar.finish_and_clear();
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(result?)
    }

    /// Works with a bar for progress, until Ctrl-C.
    pub(crate) fn watched<T>(
        &self,
        dataset: &Arc<dyn Dataset>,
        work: impl FnOnce(Evaluating<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let bar = ProgressBar::new(0);
        let result = work(Evaluating {
            dataset: Arc::clone(dataset),
            split: self.split(),
            first: self.args.images,
            at: self.at(),
            batch: self.args.batch,
            threads: 1,
            progress: &mut |done, images| {
                bar.set_length(images as u64);
                bar.set_position(done as u64);
                !self.interrupted.load(Ordering::Relaxed)
            },
        });
        bar.finish_and_clear();
        match result {
            Err(error) if error.code == codes::RUN_INTERRUPTED => Err(Failure::Interrupted),
            other => Ok(other?),
        }
    }

    /// The part of the dataset.
    pub(crate) fn split(&self) -> Split {
        split(self.args.split)
    }

    /// Where predictions meet labels.
    pub(crate) fn at(&self) -> At {
        match self.args.at {
            AtName::Labels => At::Labels,
            AtName::Input => At::Input,
        }
    }

    /// How many images of `dataset` are shown.
    pub(crate) fn images(&self, dataset: &dyn Dataset) -> usize {
        dataset.len(self.split()).min(self.args.images.unwrap_or(usize::MAX))
    }
}

/// Takes the device that a run predicts on, and the threads that compute.
pub(crate) fn start(args: &Inference) -> Result<DeviceName, Error> {
    let device = devices::choose(&args.device)?;
    if let Some(threads) = args.threads {
        device::set_threads(threads)?;
    }
    Ok(device)
}

/// Whether a path names a spec.
fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "phg") && !path.is_dir()
}

/// Loads a run, or with `--weights` a spec whose classes `table` has.
pub(crate) fn load_with(
    run: &Path,
    loading: &Loading,
    table: &Path,
    args: &Inference,
    device: DeviceName,
) -> Result<Model, Failure> {
    let Some(file) = &loading.weights else {
        return if is_spec(run) {
            Err(weights::no_weights(run).into())
        } else {
            Ok(load(run, args, device)?)
        };
    };
    let network = weights::network(run, loading)?;
    let table = ClassTable::named(table)?;
    prepare::fits_table(&network, &table, &table.name)?;
    let stored = weights::stored(&network, run, file, loading, args, false)?;
    Ok(given(network, table, &stored, file, args, device)?)
}

/// A network with weights that are no run's.
fn given(
    network: Network,
    table: ClassTable,
    stored: &HostTensors,
    file: &Path,
    args: &Inference,
    device: DeviceName,
) -> Result<Model, Error> {
    let device = device::open(device)?;
    let model = Model::new(network, table, &device, |plan| Bank::load(plan, stored, &device))?;
    let mut model = model.with_precision(args.precision.map_or(Precision::F32, devices::precision));
    model.checkpoint = name_of(file);
    model.predict_void |= args.predict_void;
    model.views = args.views.views();
    Ok(model)
}

/// Loads a run; what there is to say about that goes to standard error.
pub(crate) fn load(run: &Path, args: &Inference, device: DeviceName) -> Result<Model, Error> {
    let model = Model::load(run, which(args.checkpoint), device)?;
    let mut model = model.with_precision(devices::of_run(args.precision, run)?);
    model.predict_void |= args.predict_void;
    model.views = args.views.views();
    for note in &model.notes {
        output::err(format_args!("note: {note}\n"));
    }
    Ok(model)
}

/// The runtime's name for a checkpoint.
pub(crate) fn which(name: CheckpointName) -> Which {
    match name {
        CheckpointName::Best => Which::Best,
        CheckpointName::Last => Which::Last,
    }
}

/// The runtime's name for a part of a dataset.
pub(crate) fn split(name: SplitName) -> Split {
    match name {
        SplitName::Train => Split::Train,
        SplitName::Val => Split::Val,
        SplitName::Test => Split::Test,
    }
}

/// What the run's `report.json` has of this checkpoint on this split, at this resolution and with these looks.
pub(crate) fn kept(run: &Path, checkpoint: CheckpointName, wanted: &(Split, At, Views)) -> Option<Value> {
    let pointer = match checkpoint {
        CheckpointName::Best => "best",
        CheckpointName::Last => "last",
    };
    let checkpoint = std::fs::read_to_string(run.join("checkpoints").join(pointer)).ok()?;
    let report: Value = serde_json::from_slice(&std::fs::read(run.join("report.json")).ok()?).ok()?;
    let (split, at, views) = wanted;
    let fits = |value: &&Value| {
        Scored::read(value, pointer).is_ok_and(|scored| {
            (&scored.split, &scored.at, &scored.views) == (split, at, views)
                && scored.checkpoint == checkpoint.trim()
        })
    };
    report.get("evaluations")?.as_array()?.iter().find(fits).cloned()
}

/// A run's name: that of its folder, or of a file without the ending.
pub(crate) fn name_of(run: &Path) -> String {
    // `runs/latest` is another name of a run: its own says more.
    let own = std::fs::canonicalize(run).unwrap_or_else(|_| run.to_path_buf());
    let name = if own.is_file() { own.file_stem() } else { own.file_name() };
    name.map_or_else(|| run.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Names of `runs`, each once: of several with one name, the later ones have a number.
pub(crate) fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        taken.push(free.unwrap_or(name));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let names = ["a", "b", "a", "a", "a (2)"].map(String::from).to_vec();
        assert_eq!(distinct(names), ["a", "b", "a (2)", "a (3)", "a (2) (2)"]);
    }
}
