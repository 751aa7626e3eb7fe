//! Scores of several runs side by side, and beside what a paper printed.
//!
//! Comes in: evaluations as `phgc eval --format json` prints them, and printed rows. Goes out: one table as text,
//! Markdown, CSV or JSON: IoU by class, means of IoU, precision and recall, pixel accuracy, percent. Guaranteed: every
//! row says what it was measured on.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::At;
use super::published::Published;
use crate::codes;
use crate::data::Split;
use crate::error::{Error, Kind, Result};
use crate::views::Views;

/// What a table needs of an evaluation's JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Scored {
    miou: Option<f64>,
    mean_precision: Option<f64>,
    mean_recall: Option<f64>,
    pixel_accuracy: Option<f64>,
    iou: BTreeMap<String, Option<f64>>,
    classes_counted: Vec<String>,
    classes_absent: Vec<String>,
    images: u64,
    resolution: Option<[usize; 2]>,
    /// Whose resolution that is.
    pub at: At,
    /// The checkpoint's name.
    pub checkpoint: String,
    /// The dataset's name.
    pub data: String,
    /// The split.
    pub split: Split,
    /// The looks that were averaged over.
    #[serde(default)]
    pub views: Views,
}

impl Scored {
    /// Reads an evaluation; `place` names it in messages.
    ///
    /// # Errors
    /// `phg::run::damaged` when it is none.
    pub fn read(value: &Value, place: &str) -> Result<Self> {
        Self::deserialize(value).map_err(|error| {
            Error::new(codes::RUN_DAMAGED, Kind::Data, format!("this is no evaluation: {error}"))
                .at(place)
                .help("name a run folder, or a file with what `phgc eval --format json` printed")
        })
    }

    /// All its classes but void; in the order of ids when none is absent.
    pub fn classes(&self) -> Vec<String> {
        self.classes_counted.iter().chain(&self.classes_absent).cloned().collect()
    }

    fn source(&self) -> String {
        let size = self.resolution.map_or_else(|| "various sizes".into(), |[h, w]| format!("{h}x{w}"));
        let views = if self.views.is_single() { String::new() } else { format!(", {}", self.views.words()) };
        let (split, at) = (self.split.name(), self.at.name());
        let images = if self.images == 1 { "image" } else { "images" };
        format!(
            "{} {split}, {} {images} at {size} ({at}), {}{views}",
            self.data, self.images, self.checkpoint
        )
    }
}

/// One line of the table. Percent; `None` where there is no figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The run, or the model of a paper.
    pub name: String,
    /// What it was measured on, or where it was printed.
    pub source: String,
    /// Printed by others, not measured by this program.
    pub printed: bool,
    /// In the order of [`ScoreTable::classes`].
    pub iou: Vec<Option<f64>>,
    /// Mean IoU.
    pub miou: Option<f64>,
    /// Mean precision.
    pub mean_precision: Option<f64>,
    /// Mean recall.
    pub mean_recall: Option<f64>,
    /// Correct pixels among the counted ones.
    pub pixel_accuracy: Option<f64>,
}

impl Row {
    /// The figures in the order of [`ScoreTable::columns`].
    pub fn values(&self) -> Vec<Option<f64>> {
        let means = [self.miou, self.mean_precision, self.mean_recall, self.pixel_accuracy];
        self.iou.iter().copied().chain(means).collect()
    }
}

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreTable {
    /// The classes that all rows have, void left out.
    pub classes: Vec<String>,
    /// In the order in which they were added.
    pub rows: Vec<Row>,
}

/// Up to so many rows stand side by side in text, classes below one another.
const SIDE_BY_SIDE: usize = 6;

impl ScoreTable {
    /// An empty table of `classes`, which does not hold void.
    pub fn new(classes: Vec<String>) -> Self {
        Self { classes, rows: Vec::new() }
    }

    /// Adds a run.
    ///
    /// # Errors
    /// `phg::data::table` when it was scored over other classes.
    pub fn add(&mut self, name: &str, scored: &Scored) -> Result<()> {
        let value = |class: &String| scored.iou.get(class).copied();
        let iou: Option<Vec<Option<f64>>> = self.classes.iter().map(value).collect();
        let Some(iou) = iou.filter(|iou| iou.len() == scored.iou.len()) else {
            let (own, others) = (scored.classes().join(", "), self.classes.join(", "));
            let message = format!("its classes are {own}; those of the table are {others}");
            return Err(Error::new(codes::DATA_TABLE, Kind::Data, message)
                .at(name)
                .help("make a table for each set of classes"));
        };
        self.rows.push(Row {
            name: name.into(),
            source: scored.source(),
            printed: false,
            iou,
            miou: scored.miou,
            mean_precision: scored.mean_precision,
            mean_recall: scored.mean_recall,
            pixel_accuracy: scored.pixel_accuracy,
        });
        Ok(())
    }

    /// Adds the printed rows of one dataset.
    pub fn add_printed(&mut self, paper: &Published, dataset: &str) {
        let [height, width] = paper.resolution;
        let source = format!(
            "{dataset} at {height}x{width}, printed in {} of the {} paper",
            paper.tables, paper.paper
        );
        for row in paper.rows.iter().filter(|row| row.dataset == dataset) {
            self.rows.push(Row {
                name: format!("{} ({dataset}, printed)", row.model),
                source: source.clone(),
                printed: true,
                iou: self.classes.iter().map(|class| paper.iou(row, class)).collect(),
                miou: Some(row.mean),
                mean_precision: None,
                mean_recall: None,
                pixel_accuracy: None,
            });
        }
    }

    /// The titles of [`Row::values`]: the classes, then the means.
    pub fn columns(&self) -> Vec<String> {
        let means = ["mean IoU", "precision", "recall", "pixels"].map(String::from);
        self.classes.iter().cloned().chain(means).collect()
    }

    /// The largest value of each column, where there is more than one row.
    pub fn best(&self) -> Vec<Option<f64>> {
        let values: Vec<Vec<Option<f64>>> = self.rows.iter().map(Row::values).collect();
        let largest = |column: usize| {
            let in_column = values.iter().filter_map(|row| row.get(column).copied().flatten());
            in_column.max_by(f64::total_cmp).filter(|_| self.rows.len() > 1)
        };
        (0..self.columns().len()).map(largest).collect()
    }

    /// What the rows were measured on: the sources that occur, each with the rows that have it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<(&str, Vec<&str>)> = Vec::new();
        for row in &self.rows {
            match notes.iter_mut().find(|(source, _)| *source == row.source) {
                Some((_, names)) => names.push(&row.name),
                None => notes.push((&row.source, vec![&row.name])),
            }
        }
        let single = notes.len() == 1;
        let note = |(source, names): &(&str, Vec<&str>)| {
            let who = if single { "all rows".into() } else { names.join(", ") };
            let who = if names.len() > SIDE_BY_SIDE { format!("{} rows", names.len()) } else { who };
            format!("{who}: {source}")
        };
        notes.iter().map(note).collect()
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let header = std::iter::once(String::new()).chain(self.columns()).collect();
        let row =
            |row: &Row| std::iter::once(row.name.clone()).chain(row.values().into_iter().map(cell)).collect();
        std::iter::once(header).chain(self.rows.iter().map(row)).collect()
    }

    /// For a terminal: few rows side by side, many below one another. Ends with a line feed.
    pub fn text(&self) -> String {
        let mut cells = self.cells();
        if self.rows.len() <= SIDE_BY_SIDE {
            let lines = cells.first().map_or(0, Vec::len);
            cells = (0..lines)
                .map(|line| cells.iter().map(|row| row.get(line).cloned().unwrap_or_default()).collect())
                .collect();
        }
        let columns = cells.first().map_or(0, Vec::len);
        let width = |column: usize| {
            cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &cells {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let fill = " ".repeat(width - cell.chars().count().min(*width));
                line += &if at == 0 { format!("{cell}{fill}") } else { format!("  {fill}{cell}") };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text += "IoU by class, percent; precision and recall are means over the classes, `pixels` is pixel accuracy\n";
        for note in self.notes() {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    /// A Markdown table, the largest value of each column in bold, and what was measured below it.
    pub fn markdown(&self) -> String {
        let best = self.best();
        let mut text = format!("| IoU, % | {} |\n|---|", self.columns().join(" | "));
        text += &"---:|".repeat(best.len());
        text.push('\n');
        for row in &self.rows {
            let _ = write!(text, "| {} |", row.name.replace('|', "\\|"));
            for (value, best) in row.values().into_iter().zip(&best) {
                let mark = if value.is_some() && value == *best { "**" } else { "" };
                let _ = write!(text, " {mark}{}{mark} |", cell(value));
            }
            text.push('\n');
        }
        text.push('\n');
        for note in self.notes() {
            let _ = writeln!(text, "- {note}");
        }
        text
    }

    /// One line a row, figures in full; empty where there is none.
    pub fn csv(&self) -> String {
        let mut header: Vec<String> = vec!["name".into(), "source".into(), "printed".into()];
        header.extend(self.classes.iter().cloned());
        header.extend(["miou", "mean_precision", "mean_recall", "pixel_accuracy"].map(String::from));
        let mut text = super::csv::line(&header);
        for row in &self.rows {
            let mut cells = vec![row.name.clone(), row.source.clone(), row.printed.to_string()];
            cells.extend(row.values().into_iter().map(super::csv::number));
            text += &super::csv::line(&cells);
        }
        text
    }
}

/// Percent with two decimals, or a dash.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(miou: f64, road: f64) -> Scored {
        let value = serde_json::json!({
            "miou": miou, "mean_precision": 60.0, "mean_recall": 70.0, "pixel_accuracy": 90.0,
            "iou": { "tree": null, "road": road }, "classes_counted": ["road"], "classes_absent": ["tree"],
            "images": 2, "resolution": [4, 6], "at": "labels", "checkpoint": "step-9", "data": "mine",
            "split": "val", "precision": {}, "confusion": [],
        });
        Scored::read(&value, "a.json").unwrap()
    }

    fn table() -> ScoreTable {
        let mut table = ScoreTable::new(scored(50.0, 50.0).classes());
        table.add("a", &scored(50.0, 50.0)).unwrap();
        table.add("long-name", &scored(51.5, 51.5)).unwrap();
        table
    }

    #[test]
    fn runs_stand_side_by_side() {
        let expected = "               a  long-name
road       50.00      51.50
tree           -          -
mean IoU   50.00      51.50
precision  60.00      60.00
recall     70.00      70.00
pixels     90.00      90.00
IoU by class, percent; precision and recall are means over the classes, `pixels` is pixel accuracy
all rows: mine val, 2 images at 4x6 (labels), step-9
";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn markdown_marks_the_largest_and_csv_has_every_figure() {
        let text = table().markdown();
        assert!(text.contains("| a | 50.00 | - | 50.00 | **60.00** |"), "{text}");
        assert!(text.contains("| long-name | **51.50** | - | **51.50** |"), "{text}");
        let csv = table().csv();
        let mut lines = csv.lines();
        assert_eq!(
            lines.next(),
            Some("name,source,printed,road,tree,miou,mean_precision,mean_recall,pixel_accuracy")
        );
        let expected = "a,\"mine val, 2 images at 4x6 (labels), step-9\",false,50,,50,60,70,90";
        assert_eq!(lines.next(), Some(expected));
    }

    #[test]
    fn printed_rows_take_the_table_s_classes() {
        let mut table = table();
        table.add_printed(&Published::phgmm().unwrap(), "cityscapes");
        let last = table.rows.last().unwrap();
        assert_eq!(last.name, "PHGMM (cityscapes, printed)");
        assert_eq!((last.iou.as_slice(), last.miou), (&[Some(97.70), Some(92.52)][..], Some(82.12)));
        assert_eq!((table.rows.len(), last.mean_precision), (23, None));
        let text = table.text();
        assert!(text.lines().next().is_some_and(|line| line.contains("road") && line.contains("tree")));
        assert!(
            text.contains("\n21 rows: cityscapes at 384x768, printed in Tables 1 and 2 of the PHGMM paper\n")
        );
        assert!(text.contains("\na, long-name: mine val"), "{text}");
    }

    #[test]
    fn other_classes_are_refused() {
        let mut table = ScoreTable::new(vec!["road".into()]);
        assert_eq!(table.add("a", &scored(1.0, 1.0)).unwrap_err().code, codes::DATA_TABLE);
        let error = Scored::read(&serde_json::json!({"miou": 3}), "x.json").unwrap_err();
        assert_eq!((error.code, error.place.as_deref()), (codes::RUN_DAMAGED, Some("x.json")));
    }
}
