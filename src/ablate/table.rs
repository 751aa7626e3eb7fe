//! What a grid came to: a row a cell as CSV, JSON and text, and the figure.
//!
//! Records of all trainings are read anew each time, those of other processes among them, while nobody else writes: the
//! table of whoever finishes last holds all.

use std::path::PathBuf;

use phg_runtime::figures::bars::{Bar, Bars, Group};
use phg_runtime::figures::canvas::Drawing;
use phg_runtime::figures::means::{Line, Mean, Means};
use phg_runtime::figures::{self, palette};
use phg_runtime::metrics::csv;
use serde_json::{Value, json};

use super::Proved;
use super::cell::what;
use super::folder::{Folder, Record};
use super::grid::{Axis, Grid, run_folder};
use crate::args::Ablate;
use crate::failure::Failure;

/// The grid whose table it is.
pub(super) struct Table<'a> {
    pub(super) args: &'a Ablate,
    pub(super) folder: &'a Folder,
    pub(super) grid: &'a Grid,
    pub(super) cells: &'a [Proved],
    pub(super) data: String,
}

/// A table that was written.
pub(super) struct Written {
    pub(super) json: Value,
    pub(super) text: String,
}

/// A cell and what its trainings came to.
struct Row {
    name: String,
    values: Vec<String>,
    parameters: u64,
    runs: Vec<Run>,
}

/// A training and what it came to.
struct Run {
    seed: u64,
    path: PathBuf,
    /// Mean IoU in percent.
    miou: Option<f64>,
    scored: bool,
    error: Option<Value>,
}

impl Row {
    fn scores(&self) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.miou).collect()
    }
}

impl Table<'_> {
    /// Writes `table.csv` and `table.json`.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let _lock = self.folder.lock()?;
        self.put(&self.rows()).map(drop)
    }

    /// Writes the tables and the figure.
    pub(super) fn finish(&self) -> Result<Written, Failure> {
        let _lock = self.folder.lock()?;
        let rows = self.rows();
        let (mut json, mut files) = self.put(&rows)?;
        if rows.iter().any(|row| !row.scores().is_empty()) {
            files.extend(match numeric(&self.grid.axes) {
                Some(axis) => self.draw(&self.means(&rows, axis))?,
                None => self.draw(&self.bars(&rows))?,
            });
        }
        json["files"] = json!(files);
        Ok(Written { json, text: self.text(&rows) })
    }

    /// Both forms at once, so that nobody sees half a picture.
    fn draw(&self, drawing: &impl Drawing) -> Result<[PathBuf; 2], Failure> {
        let unfinished = format!(".figure-{}", std::process::id());
        let made = figures::save(self.folder.path(), &unfinished, drawing)?;
        let named = ["figure.svg", "figure.png"].map(|name| self.folder.path().join(name));
        for (from, to) in made.iter().zip(&named) {
            std::fs::rename(from, to).map_err(|error| {
                let message = format!("the figure cannot be written: {error}");
                phg_runtime::Error::new("phg::run::write", phg_runtime::error::Kind::Training, message)
                    .at(to.display())
            })?;
        }
        Ok(named)
    }

    fn rows(&self) -> Vec<Row> {
        let what = what(self.args);
        let run = |proved: &Proved, seed: u64| {
            let path = run_folder(self.folder.path(), &proved.cell, seed);
            let record = Record::of(&path);
            let score = record.score(&what);
            Run {
                seed,
                miou: score.and_then(|score| score["miou"].as_f64()),
                scored: score.is_some(),
                error: record.error().cloned(),
                path,
            }
        };
        let row = |proved: &Proved| Row {
            name: proved.cell.name.clone(),
            values: proved.cell.values.clone(),
            parameters: proved.parameters,
            runs: self.grid.seeds.iter().map(|seed| run(proved, *seed)).collect(),
        };
        self.cells.iter().map(row).collect()
    }

    fn put(&self, rows: &[Row]) -> Result<(Value, Vec<PathBuf>), Failure> {
        let json = self.json(rows);
        let mut table = csv::line(&self.head());
        rows.iter().for_each(|row| table += &csv::line(&self.line(row)));
        let csv = self.folder.replace("table.csv", table.as_bytes())?;
        let all = self.folder.replace("table.json", format!("{json:#}\n").as_bytes())?;
        Ok((json, vec![csv, all]))
    }

    fn head(&self) -> Vec<String> {
        let axes = self.grid.axes.iter().map(|axis| axis.name.clone());
        let figures = ["seeds", "parameters", "miou_mean", "miou_std"].map(String::from);
        axes.chain(figures).chain(self.grid.seeds.iter().map(|seed| format!("seed_{seed}"))).collect()
    }

    fn line(&self, row: &Row) -> Vec<String> {
        let scores = row.scores();
        let figures = [
            scores.len().to_string(),
            row.parameters.to_string(),
            csv::number(mean(&scores)),
            csv::number(deviation(&scores)),
        ];
        let seeds = row.runs.iter().map(|run| csv::number(run.miou));
        row.values.iter().cloned().chain(figures).chain(seeds).collect()
    }

    fn json(&self, rows: &[Row]) -> Value {
        let run = |run: &Run| {
            let state = match (run.scored, &run.error) {
                (true, _) => "finished",
                (false, Some(_)) => "failed",
                (false, None) => "unfinished",
            };
            json!({ "seed": run.seed, "run": run.path, "state": state, "miou": run.miou, "error": run.error })
        };
        let cell = |row: &Row| {
            let scores = row.scores();
            let values: serde_json::Map<String, Value> = (self.grid.axes.iter().zip(&row.values))
                .map(|(axis, value)| (axis.name.clone(), typed(value)))
                .collect();
            json!({
                "name": row.name,
                "values": values,
                "seeds": scores.len(),
                "parameters": row.parameters,
                "miou_mean": mean(&scores),
                "miou_std": deviation(&scores),
                "runs": row.runs.iter().map(run).collect::<Vec<_>>(),
            })
        };
        let runs = || rows.iter().flat_map(|row| &row.runs);
        let (split, checkpoint) = self.what();
        json!({
            "ok": runs().all(|run| run.error.is_none()),
            "data": self.data,
            "split": split,
            "checkpoint": checkpoint,
            "vary": self.grid.view(),
            "seeds": self.grid.seeds,
            "trainings": runs().count(),
            "finished": runs().filter(|run| run.scored).count(),
            "cells": rows.iter().map(cell).collect::<Vec<_>>(),
        })
    }

    /// Split and checkpoint that cells are compared on.
    fn what(&self) -> (String, String) {
        let what = what(self.args);
        what.split_once(' ')
            .map(|(split, checkpoint)| (split.to_owned(), checkpoint.to_owned()))
            .unwrap_or_default()
    }

    /// `scenes val: mean IoU of 3 seeds`.
    fn title(&self) -> String {
        let (split, checkpoint) = self.what();
        let best = if checkpoint == "best" { ", best checkpoint" } else { "" };
        let seeds = match self.grid.seeds.len() {
            1 => String::new(),
            seeds => format!(" of {seeds} seeds, and their sample deviation"),
        };
        format!("{} {split}{best}: mean IoU{seeds}", self.data)
    }

    /// A line for each combination of what is not on axis number `at`.
    fn means(&self, rows: &[Row], at: usize) -> Means {
        let mut lines: Vec<Line> = Vec::new();
        for row in rows {
            let name = self.said(row, Some(at));
            let scores = row.scores();
            let x = row.values.get(at).and_then(|value| value.parse().ok());
            let mean =
                x.zip(mean(&scores)).map(|(at, mean)| Mean { at, mean, deviation: deviation(&scores) });
            if !lines.iter().any(|line| line.name == name) {
                lines.push(Line { name: name.clone(), means: Vec::new() });
            }
            if let Some(line) = lines.iter_mut().find(|line| line.name == name) {
                line.means.extend(mean);
            }
        }
        for line in &mut lines {
            line.means.sort_by(|a, b| a.at.total_cmp(&b.at));
        }
        let x = self.grid.axes.get(at).map(|axis| axis.name.clone()).unwrap_or_default();
        Means { title: self.title(), x, y: "mean IoU, percent".into(), lines }
    }

    /// What tells a cell from others, but for axis number `without`.
    fn said(&self, row: &Row, without: Option<usize>) -> String {
        let axes = self.grid.axes.iter().zip(&row.values).enumerate();
        let told = axes.filter(|(place, (axis, _))| Some(*place) != without && axis.values.len() > 1);
        let words: Vec<String> = told.map(|(_, (axis, value))| format!("{}={value}", axis.name)).collect();
        words.join(", ")
    }

    /// A bar for each cell.
    fn bars(&self, rows: &[Row]) -> Bars {
        let bar = |row: &Row| {
            let scores = row.scores();
            let (value, deviation) = (mean(&scores), deviation(&scores));
            let text = match (value, deviation) {
                (Some(value), Some(deviation)) => format!("{value:.2} ± {deviation:.2}"),
                (Some(value), None) => format!("{value:.2}"),
                (None, _) => "not finished".into(),
            };
            let colour = palette::BLUE;
            let name = self.said(row, None);
            let name = if name.is_empty() { row.name.clone() } else { name };
            Bar { name, value: value.unwrap_or(0.0), deviation, text, colour }
        };
        Bars {
            title: self.title(),
            axis: "mean IoU, percent".into(),
            groups: vec![Group { name: String::new(), bars: rows.iter().map(bar).collect() }],
        }
    }

    /// The table for people: columns as wide as they must be.
    fn text(&self, rows: &[Row]) -> String {
        let short = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.2}"));
        let line = |row: &Row| -> Vec<String> {
            let scores = row.scores();
            let seeds = row.runs.iter().map(|run| match &run.error {
                Some(_) => "failed".to_owned(),
                None => short(run.miou),
            });
            let figures = [row.parameters.to_string(), short(mean(&scores)), short(deviation(&scores))];
            row.values.iter().cloned().chain(figures).chain(seeds).collect()
        };
        let axes = self.grid.axes.iter().map(|axis| axis.name.clone());
        let figures = ["parameters", "mIoU", "±"].map(String::from);
        let seeds = self.grid.seeds.iter().map(|seed| format!("seed {seed}"));
        let mut lines: Vec<Vec<String>> = vec![axes.chain(figures).chain(seeds).collect()];
        lines.extend(rows.iter().map(line));
        let columns = lines.first().map_or(0, Vec::len);
        let width =
            |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
        let own = self.grid.axes.len();
        let mut text = format!("{}\n", self.title());
        for line in &lines {
            let cell = |(at, (cell, width)): (usize, (&String, &usize))| {
                if at < own { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            };
            let cells: Vec<String> = line.iter().zip(&widths).enumerate().map(cell).collect();
            text += &format!("{}\n", cells.join("  "));
        }
        let runs = || rows.iter().flat_map(|row| &row.runs);
        let (finished, all) = (runs().filter(|run| run.scored).count(), runs().count());
        text +=
            &format!("{finished} of {all} trainings finished; the grid: {}\n", self.folder.path().display());
        text
    }
}

/// The first axis of two numbers or more.
fn numeric(axes: &[Axis]) -> Option<usize> {
    let number = |value: &String| value.parse::<f64>().is_ok_and(f64::is_finite);
    axes.iter().position(|axis| axis.values.len() > 1 && axis.values.iter().all(number))
}

/// A value as JSON has it: a number, a truth value, or text.
fn typed(value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(found @ (Value::Number(_) | Value::Bool(_))) => found,
        Ok(_) | Err(_) => json!(value),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample deviation, which divides by one less than there are; of one value there is none.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: the mean of 50, 53, 56 is 53, the squares sum to 18, 18 / 2 = 9.
    #[test]
    fn the_deviation_is_that_of_a_sample() {
        assert_eq!((mean(&[50.0, 53.0, 56.0]), deviation(&[50.0, 53.0, 56.0])), (Some(53.0), Some(3.0)));
        assert_eq!((mean(&[50.0]), deviation(&[50.0])), (Some(50.0), None));
        assert_eq!((mean(&[]), deviation(&[])), (None, None));
    }

    #[test]
    fn the_first_axis_of_numbers_is_drawn_against() {
        let axis = |name: &str, values: &[&str]| Axis {
            name: name.into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let axes = [
            axis("use_g", &["true", "false"]),
            axis("K", &["8"]),
            axis("rate", &["1e-3", "0.01"]),
            axis("M", &["1", "2"]),
        ];
        assert_eq!(numeric(&axes), Some(2));
        assert_eq!(numeric(&axes[..2]), None);
        assert_eq!(numeric(&[axis("x", &["1", "inf"])]), None);
    }

    #[test]
    fn values_keep_their_kind() {
        assert_eq!(
            [typed("4"), typed("true"), typed("1e-3"), typed("matched"), typed("[1,2]")],
            [json!(4), json!(true), json!(0.001), json!("matched"), json!("[1,2]")]
        );
    }
}
