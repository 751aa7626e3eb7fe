//! What the PHGMM paper printed: facts to put beside one's own runs.
//!
//! Comes in: a data file of this crate, `published/phgmm.toml`. Goes out: rows of IoU by class. Guaranteed: figures as
//! printed; nothing here was measured by this program.

use serde::Deserialize;

use crate::codes;
use crate::error::{Error, Kind, Result};

/// The tables of one paper.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// What the paper is called for short.
    pub paper: String,
    /// Which of its tables.
    pub tables: String,
    /// Rows and columns at which it compared pixels.
    pub resolution: [usize; 2],
    /// Its classes, in its order.
    #[serde(rename = "class")]
    pub classes: Vec<PrintedClass>,
    /// Its rows, as printed.
    #[serde(rename = "row")]
    pub rows: Vec<PrintedRow>,
}

/// A class of the paper.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintedClass {
    /// As the paper calls it.
    pub name: String,
    /// As class tables call it.
    pub also: Vec<String>,
}

/// A model on a dataset.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintedRow {
    /// The dataset, in lower case.
    pub dataset: String,
    /// The model.
    pub model: String,
    /// The model's number in the paper's bibliography; none for the paper's own.
    pub cites: Option<u32>,
    /// IoU in percent, in the order of [`Published::classes`].
    pub iou: Vec<f64>,
    /// Their mean, as printed.
    pub mean: f64,
}

impl Published {
    /// The tables of the PHGMM paper.
    ///
    /// # Errors
    /// None that a user could meet: the file is part of the program.
    pub fn phgmm() -> Result<Self> {
        toml::from_str(include_str!("published/phgmm.toml")).map_err(|error| {
            let message = format!("the printed rows cannot be read: {}", error.message());
            Error::new(codes::DATA_TABLE, Kind::Data, message)
        })
    }

    /// Its datasets, each once, as first printed.
    pub fn datasets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.dataset.as_str()) {
                names.push(&row.dataset);
            }
        }
        names
    }

    /// The value of `row` for the class that a class table calls `class`; `None` when the paper has no such class.
    pub fn iou(&self, row: &PrintedRow, class: &str) -> Option<f64> {
        let called = |printed: &PrintedClass| {
            std::iter::once(&printed.name).chain(&printed.also).any(|name| name.eq_ignore_ascii_case(class))
        };
        row.iou.get(self.classes.iter().position(called)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table::ClassTable;

    /// The paper's means recompute from its classes.
    #[test]
    fn every_row_has_eleven_classes_and_their_mean() {
        let paper = Published::phgmm().unwrap();
        assert_eq!(paper.datasets(), ["cityscapes", "synthia"]);
        assert_eq!(paper.rows.len(), 43);
        for row in &paper.rows {
            assert_eq!(row.iou.len(), 11, "{}", row.model);
            let mean = row.iou.iter().sum::<f64>() / 11.0;
            assert!((mean - row.mean).abs() < 0.006, "{} on {}: {mean}", row.model, row.dataset);
        }
        let own: Vec<f64> =
            paper.rows.iter().filter(|row| row.model == "PHGMM").map(|row| row.mean).collect();
        assert_eq!(own, [82.12, 86.04]);
    }

    #[test]
    fn shipped_tables_have_the_paper_s_classes() {
        let paper = Published::phgmm().unwrap();
        let row = &paper.rows[0];
        for text in [include_str!("../data/tables/scenes.toml"), include_str!("../data/tables/camvid.toml")] {
            let table = ClassTable::parse(text, "test").unwrap();
            let mut values: Vec<f64> = table
                .classes
                .iter()
                .filter(|class| !class.void)
                .map(|class| paper.iou(row, &class.name).unwrap_or_else(|| panic!("{}", class.name)))
                .collect();
            let mut printed = row.iou.clone();
            values.sort_by(f64::total_cmp);
            printed.sort_by(f64::total_cmp);
            assert_eq!(values, printed);
        }
        assert_eq!(paper.iou(row, "tree"), Some(81.89));
        assert_eq!(paper.iou(row, "void"), None);
    }
}
