//! The training loop: a network, a dataset and a run folder go in; checkpoints, a log and a report come out.
//!
//! Guaranteed: steps are functions of the seed and of their number, so a run that was stopped after any step
//! and resumed is the run that was not stopped, bit for bit at a given number of compute threads. A run folder
//! is complete after every save; an interruption saves first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use phg_compiler::Network;
use phg_compiler::settings::Length;

use super::early::Progress;
use super::latents::{self, Watched};
use super::memory;
use super::prepare;
use super::step::{StepReport, Trainer};
use super::watch::{Tick, Watch};
use crate::bank::Bank;
use crate::codes;
use crate::data::augment::Augment;
use crate::data::batch::{Batch, Feed, OnBad, Preparation, Skipped};
use crate::data::loader::{Loader, Options};
use crate::data::order::Plan as Order;
use crate::data::{Dataset, Split, preflight};
use crate::error::{Error, Kind, Result};
use crate::evaluate::{Evaluating, evaluate};
use crate::exec::{Bindings, Executor, MeasuredWeights};
use crate::figures::maps;
use crate::host::{HostTensor, HostTensors};
use crate::latents::snapshot;
use crate::metrics::{At, Evaluation};
use crate::model::Model;
use crate::optim::{Ema, Optimizer};
use crate::run::{
    Contents, Manifest, OptimizerState, Outcome, Report, RunFolder, State, Target, Which, room,
};

/// What to train, on what, and until when.
pub struct Job {
    /// The network.
    pub network: Network,
    /// Its spec and the files that it imports, as [`phg_compiler::bundle::Bundle::text`] writes them.
    pub bundle: String,
    /// The data.
    pub dataset: Arc<dyn Dataset>,
    /// What a new run folder says of itself.
    pub manifest: Manifest,
    /// Where the run is, or shall be.
    pub place: Place,
    /// Values that parameters and statistics of a new run begin with, by name; the others are drawn.
    pub init: Option<HostTensors>,
    /// The device, without autodiff.
    pub device: Device,
    /// Ends after so many minutes of training; the schedule then follows the time.
    pub minutes: Option<f64>,
    /// Saves and leaves after so many steps of this call; the schedule does not change.
    pub pause_after: Option<u64>,
    /// Threads that load data.
    pub threads: usize,
    /// Bytes that a step may need; what does not fit is computed again in the backward pass.
    pub memory_limit: Option<u64>,
    /// Bytes of decoded samples to keep in memory.
    pub cache: u64,
    /// What happens about samples that cannot be read.
    pub on_bad: OnBad,
    /// Set from outside to save and leave after the step in progress.
    pub interrupted: Arc<AtomicBool>,
}

/// Where the run is.
pub enum Place {
    /// A new run.
    New(Target),
    /// An old one, to go on with.
    Resume(PathBuf),
}

/// How a call of [`fit`] ended.
#[derive(Debug)]
pub struct Ending {
    /// The run folder.
    pub path: PathBuf,
    /// What is in its report.
    pub report: Report,
    /// Where pictures of predictions were written.
    pub pictures: Option<PathBuf>,
}

/// Trains.
///
/// # Errors
/// Classes of the dataset that are not the network's; those of the run folder, the data, the device; and
/// `phg::train::not_finite`, which leaves the last checkpoint as it is.
pub fn fit(job: Job, watch: &mut dyn Watch) -> Result<Ending> {
    let mut run = Fit::new(job, watch)?;
    run.go(watch)
}

struct Fit {
    job: Job,
    folder: RunFolder,
    executor: Executor,
    bank: Bank,
    optimizer: Optimizer,
    ema: Option<Ema>,
    state: State,
    order: Order,
    feed: Arc<Feed>,
    weights: Option<MeasuredWeights>,
    total: Option<u64>,
    notes: Vec<String>,
    /// Samples passed over that were told.
    skipped: usize,
    saved: Option<(u64, String)>,
    latents: Option<Watched>,
}

impl Fit {
    fn new(job: Job, watch: &mut dyn Watch) -> Result<Self> {
        let training = job.network.training.clone();
        prepare::same_classes(&job.network, job.dataset.as_ref())?;
        let plan = prepare::plan(&job.network);
        let rates = prepare::rates(&job.network, &plan);
        let seed = job.manifest.seed;
        let feed = Feed::new(Arc::clone(&job.dataset), Split::Train, prepare::preparation(&training))?
            .keeping(job.cache)
            .on_bad(job.on_bad);
        let order = Order::sampling(seed, feed.len(), training.batch, training.samples)?;
        let total = match (job.minutes, training.length) {
            (Some(_), _) => None,
            (None, Length::Steps(steps)) => Some(steps),
            (None, Length::Epochs(epochs)) => {
                Some((epochs * order.per_epoch()).div_ceil(training.accumulate.max(1) as u64))
            }
        };
        // Of a run that goes on the data was looked at when it began, and has not changed since.
        if matches!(job.place, Place::New(_)) {
            look_ahead(&job, watch)?;
        }
        let weights = prepare::class_weights(&plan, job.dataset.as_ref(), job.on_bad)?;
        let schedule = prepare::schedule(&training, total);
        schedule.check()?;
        let device = job.device.clone();
        let (segments, note) = memory::within(&plan, &job.network, job.memory_limit)?;
        let executor =
            Executor::new(plan, &device).in_segments(segments).with_precision(job.manifest.precision);
        let plan = executor.plan();
        let (folder, bank, optimizer, ema, state, notes) = match &job.place {
            Place::New(target) => {
                let bank = Bank::begin(plan, seed, job.init.as_ref(), &device)?;
                let optimizer = Optimizer::new(training.optimizer);
                let ema = training.ema.map(|decay| Ema::new(decay, &bank)).transpose()?;
                room::expect(target.path(), checkpoint_bytes(&bank, &optimizer, ema.is_some()))?;
                let folder = RunFolder::create(target, job.manifest.clone(), &job.bundle)?;
                let state = State {
                    step: 0,
                    epoch: 0,
                    place: 0,
                    samples: 0,
                    seconds: 0.0,
                    seed,
                    schedule,
                    optimizer: OptimizerState {
                        name: prepare::rule_name(&training.optimizer).into(),
                        updates: 0,
                    },
                    progress: Progress::default(),
                };
                (folder, bank, optimizer, ema, state, Vec::new())
            }
            Place::Resume(path) => {
                let (folder, loaded) = RunFolder::resume(path, &job.manifest)?;
                let contents = loaded.contents;
                let bank = Bank::load(plan, &contents.tensors, &device)?;
                let optimizer = Optimizer::load(training.optimizer, &bank, &contents.optimizer)?;
                let ema = match (training.ema, &contents.ema) {
                    (Some(decay), Some(stored)) => Some(Ema::load(decay, &bank, stored)?),
                    (Some(decay), None) => Some(Ema::new(decay, &bank)?),
                    (None, _) => None,
                };
                room::expect(path, checkpoint_bytes(&bank, &optimizer, ema.is_some()))?;
                // A longer training is another schedule; what was agreed on is kept unless the spec says more.
                let state = State { schedule, ..contents.state };
                (folder, bank, optimizer, ema, state, loaded.notes)
            }
        };
        note.iter().chain(&notes).for_each(|note| watch.note(note));
        let latents = Watched::new(&job.network, &bank, job.manifest.precision, job.dataset.as_ref());
        Ok(Self {
            folder,
            executor,
            bank,
            optimizer: optimizer.with_rates(rates),
            ema,
            state,
            order,
            feed: Arc::new(feed),
            weights,
            total,
            notes,
            skipped: 0,
            saved: None,
            latents,
            job,
        })
    }

    fn go(&mut self, watch: &mut dyn Watch) -> Result<Ending> {
        watch.started(&self.folder, self.state.step, self.total);
        let training = self.job.network.training.clone();
        let accumulate = training.accumulate.max(1) as u64;
        let options = Options { threads: self.job.threads, prefetch: 4 };
        let numbers = self.state.step * accumulate..u64::MAX;
        let mut loader = Loader::start(Arc::clone(&self.feed), self.order, numbers, options)?;
        let mut last_save = Instant::now();
        let first = self.state.step;
        if first == 0 && matches!(self.job.place, Place::New(_)) {
            // What random weights give is what later steps are compared with.
            self.look_at_latents(watch)?;
        }
        let outcome = loop {
            let done = self.done();
            if done >= 1.0 {
                break Outcome::Finished;
            }
            if self.job.interrupted.load(Ordering::Relaxed) {
                break Outcome::Interrupted;
            }
            if self.job.pause_after.is_some_and(|steps| self.state.step - first >= steps) {
                break Outcome::Paused;
            }
            if training.patience.is_some_and(|patience| self.state.progress.exhausted(patience as u64)) {
                break Outcome::StoppedEarly;
            }
            let tick = match self.step(&mut loader, done, accumulate, watch) {
                // The data failed, not the training: what was learnt so far is kept.
                Err(error) if error.kind == Kind::Data && self.state.step > first => {
                    return Err(self.save_before(error, watch));
                }
                other => other?,
            };
            for bad in loader.skipped().get(self.skipped..).unwrap_or_default() {
                let note = passed_over(bad);
                watch.note(&note);
                self.notes.push(note);
            }
            self.skipped = loader.skipped().len();
            watch.step(&tick);
            self.folder.record(self.state.step, "train", &tick)?;
            // The end is validated once, after the loop.
            if self.at_validation(training.validate as u64, accumulate) && self.done() < 1.0 {
                self.validate(watch)?;
                last_save = Instant::now();
            } else if last_save.elapsed() > Duration::from_secs(300) {
                self.save(false, watch)?;
                last_save = Instant::now();
            }
        };
        drop(loader);
        self.finish(outcome, watch)
    }

    /// Saves the run that a bad sample stops, and says so in the error.
    fn save_before(&mut self, error: Error, watch: &mut dyn Watch) -> Error {
        let Ok(checkpoint) = self.save(false, watch) else { return error };
        let repair = error.help.clone().unwrap_or_else(|| "repair it".into());
        error.help(format!(
            "{repair}; the run is saved as {checkpoint}: go on with `--resume`, and with `--skip-bad 1` to pass over it"
        ))
    }

    /// Share of the run that lies behind.
    fn done(&self) -> f64 {
        match (self.total, self.job.minutes) {
            (Some(total), _) => self.state.step as f64 / total.max(1) as f64,
            (None, Some(minutes)) => self.state.seconds / (60.0 * minutes).max(f64::MIN_POSITIVE),
            (None, None) => 1.0,
        }
    }

    fn step(
        &mut self,
        loader: &mut Loader,
        done: f64,
        accumulate: u64,
        watch: &mut dyn Watch,
    ) -> Result<Tick> {
        let begun = Instant::now();
        let waited = loader.data_wait();
        let step = self.state.step;
        let mut batches = Vec::with_capacity(accumulate as usize);
        let mut images = 0;
        for part in 0..accumulate {
            let batch = loader
                .next()
                .ok_or_else(|| Error::new(codes::DATA_WORKER, Kind::Data, "no batch came"))??;
            images += batch.n;
            batches.push(self.bindings(batch, step * accumulate + part)?);
        }
        let data_wait = loader.data_wait().saturating_sub(waited).as_secs_f64();
        let rate = self.state.schedule.rate_when(step, done);
        let mut trainer = Trainer {
            executor: &self.executor,
            bank: &mut self.bank,
            optimizer: &mut self.optimizer,
            ema: self.ema.as_mut(),
            clip: self.job.network.training.clip,
        };
        let StepReport { loss, terms, reports, gradient_norm, .. } = trainer.step(&batches, rate)?;
        let seconds = begun.elapsed().as_secs_f64();
        let latents = match (&self.latents, batches.first()) {
            (Some(latents), Some(batch)) if Watched::is_due(step + 1) => {
                Some(latents.batch(&self.bank, batch)?)
            }
            (Some(_) | None, _) => None,
        };
        let state = &mut self.state;
        state.step += 1;
        state.samples += images as u64;
        state.seconds += seconds;
        state.optimizer.updates = self.optimizer.steps();
        if let Some(line) = latents {
            self.folder.record(state.step, "latents", &line)?;
            // Otherwise a validation says so, of images that were not trained on.
            if state.step > 1 && images > 1 && self.job.dataset.len(Split::Val) == 0 {
                self.warn_of_latents(&line, watch);
            }
        }
        let state = &mut self.state;
        let (epoch, within) = self.order.position(state.step * accumulate);
        state.epoch = epoch;
        state.place = within * self.order.batch as u64;
        Ok(Tick {
            step: state.step,
            epoch: epoch as f64 + within as f64 / self.order.per_epoch().max(1) as f64,
            loss,
            terms: terms.into_iter().collect(),
            parts: reports.into_iter().collect(),
            rate,
            gradient_norm,
            images_per_second: images as f64 / seconds.max(f64::MIN_POSITIVE),
            data_wait,
            done: self.done(),
        })
    }

    fn bindings(&self, batch: Batch, counter: u64) -> Result<Bindings> {
        let shape = vec![batch.n, 3, batch.height, batch.width];
        let images = HostTensor { shape, data: batch.images };
        let mut bindings = Bindings::from_host(&images, Some(&batch.labels), &self.job.device)?;
        bindings.void = self.job.dataset.table().void().map(i64::from);
        bindings.class_weights.clone_from(&self.weights);
        bindings.step = counter;
        bindings.update = self.state.step;
        bindings.seed = self.state.seed;
        Ok(bindings)
    }

    /// Is this step the last of an epoch after which there is a validation?
    fn at_validation(&self, every: u64, accumulate: u64) -> bool {
        let per_epoch = self.order.per_epoch().max(1);
        let epochs = |step: u64| step * accumulate / per_epoch / every.max(1);
        epochs(self.state.step) > epochs(self.state.step.saturating_sub(1))
    }

    /// The network as it would predict now.
    fn model(&self) -> Result<Model> {
        let bank = match &self.ema {
            Some(ema) => ema.averaged(&self.bank)?,
            None => self.bank.clone(),
        };
        let stored = bank.store()?;
        let device = self.job.device.clone();
        let table = self.job.dataset.table().clone();
        let network = self.job.network.clone();
        let model = Model::new(network, table, &device, |plan| Bank::load(plan, &stored, &device))?;
        let mut model = model.with_precision(self.job.manifest.precision);
        model.checkpoint = format!("step-{}", self.state.step);
        Ok(model)
    }

    /// Scores the validation split, if there is one, and saves.
    fn validate(&mut self, watch: &mut dyn Watch) -> Result<Option<Evaluation>> {
        let evaluation = match self.evaluate(Split::Val, watch) {
            Err(error) if error.kind == Kind::Data => return Err(self.save_before(error, watch)),
            other => other?,
        };
        let score = evaluation.as_ref().map(|evaluation| evaluation.scores.miou);
        let mut best = false;
        if let Some(score) = score {
            best = self.state.progress.observe(self.state.step, score);
        }
        if let Some(evaluation) = &evaluation {
            watch.validated(self.state.step, evaluation, best);
            self.folder.record(self.state.step, "val", evaluation)?;
        }
        self.look_at_latents(watch)?;
        self.save(best, watch)?;
        Ok(evaluation)
    }

    /// Logs the latents of the validation split, keeps their components, and says when they collapse.
    fn look_at_latents(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let Some(latents) = &mut self.latents else { return Ok(()) };
        let bank = match &self.ema {
            Some(ema) => ema.averaged(&self.bank)?,
            None => self.bank.clone(),
        };
        let preparation =
            Preparation { augment: Augment::NONE, ..prepare::preparation(&self.job.network.training) };
        let go_on = || !self.job.interrupted.load(Ordering::Relaxed);
        let dataset = self.job.dataset.as_ref();
        let Some((line, observed)) = latents.split(&bank, dataset, &preparation, &go_on)? else {
            return Ok(());
        };
        let step = self.state.step;
        if step > 0 {
            self.warn_of_latents(&line, watch);
        }
        self.folder.record(step, "latents", &line)?;
        snapshot::write(self.folder.path(), step, &observed)
    }

    fn warn_of_latents(&mut self, line: &latents::Line, watch: &mut dyn Watch) {
        let Some(latents) = &mut self.latents else { return };
        for note in latents.warnings(line) {
            watch.note(&note);
            self.notes.push(note);
        }
    }

    fn evaluate(&self, split: Split, watch: &mut dyn Watch) -> Result<Option<Evaluation>> {
        if self.job.dataset.len(split) == 0 {
            return Ok(None);
        }
        let interrupted = Arc::clone(&self.job.interrupted);
        let model = self.model()?;
        let result = evaluate(
            &model,
            Evaluating {
                dataset: Arc::clone(&self.job.dataset),
                split,
                first: None,
                at: At::Labels,
                batch: self.job.network.training.batch,
                threads: self.job.threads,
                progress: &mut |done, images| {
                    watch.validating(done, images);
                    !interrupted.load(Ordering::Relaxed)
                },
            },
        );
        match result {
            Err(error) if error.code == codes::RUN_INTERRUPTED => Ok(None),
            other => other.map(Some),
        }
    }

    fn save(&mut self, best: bool, watch: &mut dyn Watch) -> Result<String> {
        if let Some((step, name)) = &self.saved
            && *step == self.state.step
            && !best
        {
            return Ok(name.clone());
        }
        let contents = Contents {
            tensors: self.bank.store()?,
            optimizer: self.optimizer.store()?,
            ema: self.ema.as_ref().map(Ema::store).transpose()?,
            state: self.state.clone(),
            spec: self.job.bundle.clone(),
            parameters: self.job.manifest.parameters.clone(),
            table: self.job.dataset.table().clone(),
        };
        let saved = self.folder.save(&contents, best)?;
        for note in saved.notes {
            watch.note(&note);
            self.notes.push(note);
        }
        self.saved = Some((self.state.step, saved.name.clone()));
        Ok(saved.name)
    }

    fn finish(&mut self, outcome: Outcome, watch: &mut dyn Watch) -> Result<Ending> {
        let complete = matches!(outcome, Outcome::Finished | Outcome::StoppedEarly);
        let mut evaluations = Vec::new();
        let mut pictures = None;
        if complete {
            evaluations.extend(self.validate(watch)?);
            pictures = self.pictures()?;
        }
        let checkpoint = self.save(false, watch)?;
        if complete {
            // What the best checkpoint says, when the last one is not it.
            let path = self.folder.path().to_path_buf();
            let best = self.state.progress.best.filter(|best| best.step != self.state.step);
            if let (Some(_), Ok(loaded)) = (best, self.folder.checkpoints().load(Which::Best)) {
                watch.note(&format!(
                    "the best checkpoint is {}: `phgc eval {} --checkpoint best`",
                    loaded.name,
                    path.display()
                ));
            }
        }
        let report = Report {
            outcome,
            steps: self.state.step,
            samples: self.state.samples,
            seconds: self.state.seconds,
            best: self.state.progress.best,
            checkpoint,
            evaluations,
            notes: self.notes.clone(),
        };
        self.folder.finish(&report)?;
        Ok(Ending { path: self.folder.path().to_path_buf(), report, pictures })
    }

    /// Image, truth and prediction of the first validation samples, side by side.
    fn pictures(&self) -> Result<Option<PathBuf>> {
        const SHOWN: usize = 6;
        let dataset = &self.job.dataset;
        let count = dataset.len(Split::Val).min(SHOWN);
        if count == 0 {
            return Ok(None);
        }
        let model = self.model()?;
        let folder = self.folder.path().join("pictures");
        std::fs::create_dir_all(&folder).map_err(|error| {
            Error::new(codes::RUN_WRITE, Kind::Training, format!("the folder cannot be made: {error}"))
                .at(folder.display())
        })?;
        let step = (dataset.len(Split::Val) / count).max(1);
        for at in (0..count).map(|at| at * step) {
            let sample = dataset.sample(Split::Val, at)?;
            let prediction = model.predict(&sample.image)?;
            let truth = maps::colour(&sample.labels, dataset.table());
            let said = maps::colour(&prediction, dataset.table());
            let picture = maps::beside(&[&sample.image, &truth, &said]);
            maps::write(
                &folder.join(format!("{}.png", dataset.id(Split::Val, at).replace('/', "-"))),
                &picture,
            )?;
        }
        Ok(Some(folder))
    }
}

/// Probes the pairs that will be trained on and scored with, and says which will be passed over. Scores leave no pair
/// out, or two runs could not be compared.
fn look_ahead(job: &Job, watch: &mut dyn Watch) -> Result<()> {
    let go_on = || !job.interrupted.load(Ordering::Relaxed);
    let skipped = preflight::look(job.dataset.as_ref(), Split::Train, job.on_bad, &go_on)?;
    for bad in &skipped {
        watch.note(&passed_over(bad));
    }
    preflight::look(job.dataset.as_ref(), Split::Val, OnBad::Fail, &go_on)?;
    Ok(())
}

fn passed_over(bad: &Skipped) -> String {
    format!("`{}` is passed over: {}", bad.id, bad.error)
}

/// Bytes of a checkpoint's tensors: parameters and statistics, what the optimiser keeps, and the average.
fn checkpoint_bytes(bank: &Bank, optimizer: &Optimizer, averaged: bool) -> u64 {
    let (all, trainable) = bank.elements();
    4 * (all * if averaged { 2 } else { 1 } + trainable * optimizer.slots() as u64)
}
