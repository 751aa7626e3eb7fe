//! `phgc train`: a spec, a dataset, a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use phg_compiler::Network;
use phg_compiler::bundle::Bundle;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::source::SourceMap;
use phg_runtime::codes;
use phg_runtime::data::Dataset;
use phg_runtime::data::batch::OnBad;
use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::{Error, Kind};
use phg_runtime::run::{DataSource, Manifest, Outcome as Ended, Process, SpecSource, Target};
use phg_runtime::train::fit::{Ending, Job, Place, fit};
use serde_json::json;

use crate::args::{Batch, Format, Train, Training};
use crate::failure::{self, Failure};
use crate::progress::Progress;
use crate::{Outcome, data, devices, memory, output, signals, spec, weights};

/// Trains, and ends with a table of scores and the place of the pictures.
pub(crate) fn run(args: &Train) -> Outcome {
    let device = start(&args.training)?;
    let ready = ready(&args.spec, &args.training, &[], args.seed)?;
    let place = match (&args.run, args.resume) {
        (Some(path), true) => Place::Resume(path.clone()),
        (Some(path), false) => Place::New(Target::Exact(path.clone())),
        (None, _) => Place::New(Target::Numbered(PathBuf::from("runs"))),
    };
    let job = ready.job(&args.training, place, device, signals::watch()?)?;
    let mut job = Job { pause_after: args.pause_after, ..job };
    match job.place {
        Place::New(_) => {
            if let Some((values, source)) = weights::first(&job.network, &args.spec, &args.init)? {
                (job.init, job.manifest.init) = (Some(values), Some(source));
            }
        }
        Place::Resume(_) => job.manifest.init = weights::asked_for(&args.init),
    }
    let mut progress = Progress::new(args.format == Format::Json, devices::full_name(device));
    let result = fit(job, &mut progress);
    progress.end();
    let ending = match result {
        // Before the run began: nothing was there to save.
        Err(error) if error.code == codes::RUN_INTERRUPTED => return Err(Failure::Interrupted),
        other => other?,
    };
    report(&ending, args.format);
    if ending.report.outcome == Ended::Interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// Takes the device of a training and sets the process up for it.
pub(crate) fn start(args: &Training) -> Result<DeviceName, Failure> {
    let name = devices::choose(&args.device)?;
    if let Some(threads) = args.threads {
        device::set_threads(threads)?;
    }
    memory::prepare(args.memory_limit);
    if let Some(minutes) = args.minutes
        && !(minutes.is_finite() && minutes > 0.0)
    {
        return Err(Error::new("phg::train::value", Kind::Usage, format!("{minutes} minutes of training"))
            .at("--minutes")
            .help("write a number above 0, such as `--minutes 5`")
            .into());
    }
    Ok(name)
}

/// A spec compiled with the settings of a training; it takes the size that it is trained at.
pub(crate) struct Ready {
    /// As it was named.
    spec: String,
    /// What was compiled.
    pub(crate) network: Network,
    /// The spec and the files that it imports.
    pub(crate) bundle: String,
    /// What `--set` and the other flags set.
    sets: Vec<(String, String)>,
}

/// Compiles a spec with the flags' settings, `more` of them and a seed.
pub(crate) fn ready(
    spec: &Path,
    args: &Training,
    more: &[(String, String)],
    seed: Option<u64>,
) -> Result<Ready, Failure> {
    let mut sets = settings(args, seed);
    sets.extend_from_slice(more);
    let mut compiled = spec::load_with(spec, &sets, &args.compile.limits)?;
    if args.batch == Some(Batch::Max) {
        let batch = largest_batch(args, &compiled.network)?;
        sets.push(("train.batch".into(), batch.to_string()));
        compiled = spec::load_with(spec, &sets, &args.compile.limits)?;
    }
    let training = &compiled.network.training;
    fits(&compiled.network, training.augment.crop.or(training.resize), &compiled.sources)?;
    let bundle = Bundle::of(&compiled.sources).text();
    Ok(Ready { spec: spec.display().to_string(), network: compiled.network, bundle, sets })
}

impl Ready {
    /// Opens the dataset, at the size that is trained at.
    pub(crate) fn dataset(&self, args: &Training) -> Result<Arc<dyn Dataset>, Failure> {
        Ok(Arc::from(data::open(&args.data, self.network.training.resize)?))
    }

    /// The training of a run in `place`, which leaves when `interrupted` is set.
    pub(crate) fn job(
        self,
        args: &Training,
        place: Place,
        device: DeviceName,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Job, Failure> {
        let dataset = self.dataset(args)?;
        let Self { spec, network, bundle, sets } = self;
        let training = &network.training;
        let parameters = json!({
            "set": sets,
            "params": network.params.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "training": training,
            "minutes": args.minutes,
        });
        let root = args.data.root.as_ref().map(|root| root.display().to_string());
        let process = Process::new(std::env::args().collect(), devices::full_name(device), device::threads());
        let source = SpecSource::new(spec, &bundle);
        let data = DataSource::new(dataset.as_ref(), root);
        let manifest = Manifest::new(source, parameters, training.seed, data, process)
            .with_precision(devices::precision(args.precision));
        Ok(Job {
            network,
            bundle,
            dataset,
            manifest,
            place,
            init: None,
            device: device::open(device)?,
            minutes: args.minutes,
            pause_after: None,
            threads: args.loaders,
            memory_limit: args.memory_limit,
            cache: args.cache,
            on_bad: on_bad(args),
            interrupted,
        })
    }
}

/// What `--skip-bad` says.
pub(crate) fn on_bad(args: &Training) -> OnBad {
    args.skip_bad.map_or(OnBad::Fail, |max| OnBad::Skip { max })
}

/// The largest batch that fits into the memory that is stated, at the size that is trained at.
fn largest_batch(args: &Training, network: &Network) -> Result<usize, Error> {
    let [h, w] = network.default_size();
    memory::batch(Batch::Max, network, &Sizes { n: 1, h, w }, args.memory_limit)
}

/// Flags become settings of the spec, so that a run's manifest says all of them in one place.
pub(crate) fn settings(args: &Training, seed: Option<u64>) -> Vec<(String, String)> {
    let mut sets = args.compile.sets.clone();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            sets.push((format!("train.{name}"), value));
        }
    };
    set("steps", args.steps.map(|n| n.to_string()));
    set("epochs", args.epochs.map(|n| n.to_string()));
    set(
        "batch",
        args.batch.and_then(|batch| match batch {
            Batch::Of(count) => Some(count.to_string()),
            Batch::Max => None,
        }),
    );
    set("seed", seed.map(|n| n.to_string()));
    set("resize", args.size.map(|[h, w]| format!("[{h}, {w}]")));
    sets
}

/// Checks the spec's constraints at the size that it is trained at.
fn fits(network: &Network, size: Option<[usize; 2]>, sources: &SourceMap) -> Outcome {
    let Some([h, w]) = size else { return Ok(()) };
    let sizes = Sizes { n: network.training.batch, h, w };
    network.bind(&sizes).map_err(|diags| Failure::Spec { sources: sources.clone(), diags })
}

fn report(ending: &Ending, format: Format) {
    let report = &ending.report;
    let path = ending.path.display();
    if format == Format::Json {
        let mut value = json!(report);
        if let Some(object) = value.as_object_mut() {
            object.insert("run".into(), json!(ending.path));
            object.insert("pictures".into(), json!(ending.pictures));
            object.insert("ok".into(), json!(report.outcome != Ended::Interrupted));
        }
        failure::print_json(&value);
        return;
    }
    for evaluation in &report.evaluations {
        output::out(format_args!("{}\n", evaluation.table()));
    }
    if let Some(pictures) = &ending.pictures {
        output::out(format_args!("pictures (image, truth, prediction): {}\n", pictures.display()));
    }
    match report.outcome {
        Ended::Finished | Ended::StoppedEarly => {
            let name = report.outcome.name();
            output::out(format_args!("{name} after {} steps; the run: {path}\n", report.steps));
        }
        Ended::Paused | Ended::Interrupted => {
            output::out(format_args!(
                "{} after {} steps, saved as {}; the same command with `--run {path} --resume` goes on\n",
                report.outcome.name(),
                report.steps,
                report.checkpoint
            ));
        }
    }
}
