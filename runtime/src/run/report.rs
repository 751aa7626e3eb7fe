//! What a run came to: `report.json` and `report.md`.
//!
//! Comes in: how the training ended and the evaluations made of it. Goes out: the same as JSON and as a page to
//! read. Guaranteed: every score stands beside the split, the resolution and the checkpoint that it belongs to.

use std::fmt::Write;

use serde::Serialize;

use super::manifest::Manifest;
use crate::metrics::Evaluation;
use crate::train::early::Best;

/// How a process of training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// Patience ran out (early stopping).
    StoppedEarly,
    /// `--pause-after` or a limit on time; `--resume` goes on.
    Paused,
    /// Interrupted by a signal, after saving.
    Interrupted,
}

impl Outcome {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::StoppedEarly => "stopped early",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Steps done in all processes.
    pub steps: u64,
    /// Samples seen in all processes.
    pub samples: u64,
    /// Seconds of training in all processes, evaluation and saving left out.
    pub seconds: f64,
    /// The best score while training, and the step that reached it.
    pub best: Option<Best>,
    /// The last checkpoint's name.
    pub checkpoint: String,
    /// Evaluations at the end.
    pub evaluations: Vec<Evaluation>,
    /// What the user should know, such as that a damaged checkpoint was passed over.
    pub notes: Vec<String>,
}

impl Report {
    /// Samples per second of training; `None` when no time has passed.
    pub fn samples_per_second(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.samples as f64 / self.seconds)
    }

    /// The page: what was run, how far it came, and the scores.
    pub fn markdown(&self, manifest: &Manifest) -> String {
        let mut text = String::new();
        let mut rows = vec![
            ("spec", format!("`{}` (blake3 `{}`)", manifest.spec.path, &short(&manifest.spec.blake3))),
            ("parameters", format!("`{}`", manifest.parameters)),
            ("data", format!("`{}`, classes `{}`", manifest.data.name, manifest.data.table.name)),
            ("seed", manifest.seed.to_string()),
            (
                "outcome",
                format!("{} after {} steps, {} samples", self.outcome.name(), self.steps, self.samples),
            ),
            ("training time", format!("{:.1} s", self.seconds)),
            ("checkpoint", format!("`{}`", self.checkpoint)),
        ];
        if let Some(rate) = self.samples_per_second() {
            rows[5].1 += &format!(", {rate:.1} samples/s");
        }
        if let Some(best) = self.best {
            rows.push(("best while training", format!("{:.2} after {} steps", best.score, best.step)));
        }
        for process in &manifest.processes {
            let command = process.command.join(" ");
            let versions = format!("phgc {}, Burn {}", process.versions.phgc, process.versions.burn);
            let place = format!("{}, {} threads, {versions}", process.device, process.threads);
            let from = format!("from step {}", process.from_step);
            rows.push(("process", format!("{} `{command}` {from}; {place}", process.started)));
        }
        let _ = writeln!(text, "# {}\n\n| | |\n|---|---|", manifest.spec.path);
        for (name, value) in rows {
            // A bar would end the cell.
            let _ = writeln!(text, "| {name} | {} |", value.replace('|', "\\|"));
        }
        for evaluation in &self.evaluations {
            let _ = write!(text, "\n```text\n{}```\n", evaluation.table());
        }
        if !self.notes.is_empty() {
            let _ = writeln!(text, "\nNotes:\n");
            self.notes.iter().for_each(|note| {
                let _ = writeln!(text, "- {note}");
            });
        }
        text
    }
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}
