//! Progress of a training: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use phg_runtime::metrics::Evaluation;
use phg_runtime::run::RunFolder;
use phg_runtime::train::watch::{Tick, Watch};

/// How often a plain line is printed.
const EVERY: Duration = Duration::from_secs(10);

/// Draws or prints.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    device: String,
    total: Option<u64>,
    from: u64,
    begun: Instant,
    last: Instant,
    ticks: u64,
    images_per_second: f64,
    data_wait: f64,
    seconds: f64,
}

impl Progress {
    /// `quiet` prints nothing but warnings (JSON output); `device` is said at the start.
    pub(crate) fn new(quiet: bool, device: String) -> Self {
        Self {
            bar: None,
            quiet,
            device,
            total: None,
            from: 0,
            begun: Instant::now(),
            last: Instant::now(),
            ticks: 0,
            images_per_second: 0.0,
            data_wait: 0.0,
            seconds: 0.0,
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.quiet => {}
            // A closed pipe must not end a training.
            None => crate::output::err(format_args!("{text}\n")),
        }
    }

    /// Removes the bar.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn left(&self, tick: &Tick) -> String {
        let begun = self.begun.elapsed().as_secs_f64();
        let share = match self.total {
            Some(total) => (tick.step - self.from) as f64 / (total.saturating_sub(self.from)).max(1) as f64,
            None => tick.done,
        };
        if share <= 0.0 {
            return "-".into();
        }
        let left = begun / share * (1.0 - share);
        format!("{}:{:02}", (left / 60.0) as u64, (left % 60.0) as u64)
    }
}

impl Watch for Progress {
    fn started(&mut self, run: &RunFolder, from: u64, total: Option<u64>) {
        (self.total, self.from) = (total, from);
        (self.begun, self.last) = (Instant::now(), Instant::now());
        self.say(&format!("run folder: {}", run.path().display()));
        self.say(&format!("device: {}", self.device));
        if from > 0 {
            self.say(&format!("goes on from step {from}"));
        }
        if !self.quiet && std::io::stderr().is_terminal() {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = "{bar:24} {pos}/{len} {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_position(from);
            self.bar = Some(bar);
        }
    }

    fn step(&mut self, tick: &Tick) {
        // Averages over the last steps: single ones jump.
        let fresh = if self.ticks == 0 { 1.0 } else { 0.1 };
        self.ticks += 1;
        self.images_per_second += fresh * (tick.images_per_second - self.images_per_second);
        self.data_wait += tick.data_wait;
        self.seconds = self.begun.elapsed().as_secs_f64();
        let terms: Vec<String> =
            tick.terms.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        let wait = 100.0 * self.data_wait / self.seconds.max(1e-9);
        let text = format!(
            "loss {:.4} ({}) rate {:.2e} {:.1} images/s data wait {wait:.0}% left {}",
            tick.loss,
            terms.join(" "),
            tick.rate,
            self.images_per_second,
            self.left(tick)
        );
        if let Some(bar) = &self.bar {
            bar.set_position(tick.step);
            bar.set_message(text);
        } else if self.last.elapsed() >= EVERY || self.ticks == 1 {
            self.last = Instant::now();
            let of = self.total.map_or_else(String::new, |total| format!("/{total}"));
            self.say(&format!("step {}{of} epoch {:.2} {text}", tick.step, tick.epoch));
        }
    }

    fn validating(&mut self, done: usize, images: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("validating {done}/{images}"));
        }
    }

    fn validated(&mut self, step: u64, evaluation: &Evaluation, best: bool) {
        let miou = evaluation.scores.miou.map_or_else(|| "-".into(), |miou| format!("{miou:.2}"));
        let mark = if best { ", the best so far" } else { "" };
        self.say(&format!(
            "step {step}: validation mIoU {miou} over {} classes{mark}",
            evaluation.scores.classes_counted.len()
        ));
    }

    fn note(&mut self, text: &str) {
        self.say(&format!("note: {text}"));
    }
}
