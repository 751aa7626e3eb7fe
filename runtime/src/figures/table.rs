//! A table of scores as a figure: a line for each run, a column for each class, darker where the score is higher.

use plotters::prelude::DrawingBackend;

use super::canvas::{Align, Colour, Drawing, Drawn, INK, Pen, cut, width_of};
use super::palette;
use crate::metrics::score_table::ScoreTable;

/// A drawn [`ScoreTable`].
pub struct TableFigure<'a> {
    table: &'a ScoreTable,
    title: String,
}

const SIZE: f64 = 13.0;
const ROW: f64 = 24.0;
const MARGIN: f64 = 14.0;
const TOP: f64 = 34.0;
const LONGEST_NAME: f64 = 320.0;

impl<'a> TableFigure<'a> {
    /// Draws `table` below `title`.
    pub fn new(table: &'a ScoreTable, title: impl Into<String>) -> Self {
        Self { table, title: title.into() }
    }

    fn names(&self) -> f64 {
        let names = self.table.rows.iter().map(|row| width_of(&row.name, SIZE));
        names.fold(60.0, f64::max).min(LONGEST_NAME) + 12.0
    }

    /// The width of each column of figures.
    fn columns(&self) -> Vec<f64> {
        let figures = width_of("100.00", SIZE);
        self.table.columns().iter().map(|title| width_of(title, SIZE).max(figures) + 14.0).collect()
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec!["IoU by class, percent; framed: the largest of a column".to_owned()];
        lines.extend(self.table.notes());
        lines
    }

    fn width(&self) -> f64 {
        (2.0 * MARGIN + self.names() + self.columns().iter().sum::<f64>()).max(420.0)
    }
}

/// White at 0, a light blue at 100, on which dark text is read well.
fn shade(value: f64) -> Colour {
    let strength = (value / 100.0).clamp(0.0, 1.0) * 0.75;
    palette::SKY.map(|part| (255.0 - (255.0 - f64::from(part)) * strength).round() as u8)
}

impl Drawing for TableFigure<'_> {
    fn size(&self) -> [u32; 2] {
        let rows = (self.table.rows.len() + 1) as f64 * ROW;
        let height = MARGIN + TOP + rows + 10.0 + 20.0 * self.lines().len() as f64 + MARGIN;
        [self.width().ceil() as u32, height.ceil() as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        let width = self.width() - 2.0 * MARGIN;
        pen.text(&cut(&self.title, 17.0, width), [MARGIN, MARGIN + 10.0], 17.0, INK, Align::Left)?;
        let (left, top) = (MARGIN + self.names(), MARGIN + TOP);
        let columns = self.columns();
        let starts: Vec<f64> = columns
            .iter()
            .scan(left, |at, width| {
                let start = *at;
                *at += width;
                Some(start)
            })
            .collect();
        let right = left + columns.iter().sum::<f64>();
        for ((title, start), width) in self.table.columns().iter().zip(&starts).zip(&columns) {
            pen.text(title, [start + width / 2.0, top + ROW / 2.0], SIZE, INK, Align::Centre)?;
        }
        let best = self.table.best();
        for (at, row) in self.table.rows.iter().enumerate() {
            let y = top + (at + 1) as f64 * ROW;
            let name = cut(&row.name, SIZE, LONGEST_NAME);
            pen.text(&name, [MARGIN, y + ROW / 2.0], SIZE, INK, Align::Left)?;
            for (((value, best), start), width) in row.values().iter().zip(&best).zip(&starts).zip(&columns) {
                let (from, to) = ([start + 1.0, y + 1.0], [start + width - 1.0, y + ROW - 1.0]);
                if let Some(value) = value {
                    pen.fill(from, to, shade(*value))?;
                }
                if value.is_some() && value == best {
                    pen.frame(from, to, palette::BLUE, 1.5)?;
                }
                let text = value.map_or_else(|| "-".into(), |value| format!("{value:.2}"));
                pen.text(&text, [start + width / 2.0, y + ROW / 2.0], SIZE, INK, Align::Centre)?;
            }
        }
        let means = starts.get(self.table.classes.len()).copied().unwrap_or(left);
        let bottom = top + (self.table.rows.len() + 1) as f64 * ROW;
        pen.line(&[[means, top], [means, bottom]], INK, 1.0)?;
        pen.line(&[[MARGIN, top + ROW], [right, top + ROW]], INK, 1.0)?;
        for (at, line) in self.lines().iter().enumerate() {
            let y = bottom + 20.0 + 20.0 * at as f64;
            pen.text(&cut(line, 12.0, width), [MARGIN, y], 12.0, [80; 3], Align::Left)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::*;
    use crate::metrics::published::Published;

    #[test]
    fn every_row_and_class_is_in_the_picture() {
        let mut table = ScoreTable::new(vec!["road".into(), "sky".into()]);
        table.add_printed(&Published::phgmm().unwrap(), "synthia");
        let svg = render(&TableFigure::new(&table, "scores")).unwrap().svg;
        for part in ["road", "sky", "mean IoU", "PHGMM (synthia, printed)", "96.23", "86.04", "scores"] {
            assert!(svg.contains(part), "{part}");
        }
        assert_eq!(shade(0.0), [255; 3]);
        assert!(shade(100.0)[0] > 120, "dark text stays readable");
    }
}
