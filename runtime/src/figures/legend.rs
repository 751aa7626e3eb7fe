//! A legend below a figure: names beside samples of colour, as many in a line as fit.

use super::canvas::{Align, Colour, Drawn, INK, Marker, Pen, cut, width_of};
use plotters::prelude::DrawingBackend;

/// What stands before a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A piece of a curve, with its marker if it has one.
    Line(Colour, Option<Marker>),
    /// A marker alone.
    Mark(Colour, Marker),
    /// A patch.
    Patch(Colour),
}

/// Names with their samples.
#[derive(Clone, Debug, Default)]
pub struct Legend {
    entries: Vec<(Sample, String)>,
}

const SIZE: f64 = 14.0;
const LINE: f64 = 22.0;
const SAMPLE: f64 = 26.0;
const GAP: f64 = 6.0;
const APART: f64 = 22.0;

impl Legend {
    /// A legend of `entries`, in order.
    pub fn new(entries: Vec<(Sample, String)>) -> Self {
        Self { entries }
    }

    /// Left side, line and text of each entry when `width` units are there.
    fn places(&self, width: f64) -> Vec<(f64, usize, Sample, String)> {
        let (mut left, mut line) = (0.0, 0);
        let mut places = Vec::new();
        for (sample, name) in &self.entries {
            let name = cut(name, SIZE, width - SAMPLE - GAP);
            let entry = SAMPLE + GAP + width_of(&name, SIZE);
            if left > 0.0 && left + entry > width {
                (left, line) = (0.0, line + 1);
            }
            places.push((left, line, *sample, name));
            left += entry + APART;
        }
        places
    }

    /// How high it is when `width` units are there.
    pub fn height(&self, width: f64) -> f64 {
        self.places(width).last().map_or(0.0, |(_, line, ..)| (line + 1) as f64 * LINE)
    }

    /// Draws it from `[left, top]` on.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn draw<DB: DrawingBackend>(
        &self,
        pen: &Pen<'_, DB>,
        [left, top]: [f64; 2],
        width: f64,
    ) -> Drawn<DB> {
        for (x, line, sample, name) in self.places(width) {
            let (x, y) = (left + x, top + (line as f64 + 0.5) * LINE);
            match sample {
                Sample::Line(colour, marker) => {
                    pen.line(&[[x, y], [x + SAMPLE, y]], colour, 2.0)?;
                    if let Some(marker) = marker {
                        pen.mark((pen.px(x + SAMPLE / 2.0), pen.px(y)), marker, colour)?;
                    }
                }
                Sample::Mark(colour, marker) => {
                    pen.mark((pen.px(x + SAMPLE / 2.0), pen.px(y)), marker, colour)?;
                }
                Sample::Patch(colour) => {
                    pen.fill([x + 6.0, y - 7.0], [x + SAMPLE, y + 7.0], colour)?;
                    pen.frame([x + 6.0, y - 7.0], [x + SAMPLE, y + 7.0], [150; 3], 0.5)?;
                }
            }
            pen.text(&name, [x + SAMPLE + GAP, y], SIZE, INK, Align::Left)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_they_must() {
        let entries = (0..7).map(|at| (Sample::Patch([at; 3]), format!("run-{at}"))).collect();
        let legend = Legend::new(entries);
        let places = legend.places(320.0);
        for (at, (left, line, _, name)) in places.iter().enumerate() {
            assert!(left + SAMPLE + GAP + width_of(name, SIZE) <= 320.0);
            for (other, same, ..) in &places[..at] {
                assert!(same < line || other + SAMPLE + GAP < *left, "no two at one place");
            }
        }
        assert_eq!(legend.height(320.0), LINE * (places[6].1 + 1) as f64);
        assert_eq!(legend.height(10_000.0), LINE);
        assert_eq!(Legend::default().height(100.0), 0.0);
    }
}
