//! Curves of several runs: panels side by side with one legend below them.

use plotters::element::PathElement;
use plotters::prelude::DrawingBackend;

use super::axes::{Axes, HEIGHT, MARGIN, WIDTH, range};
use super::canvas::{Drawing, Drawn, Pen};
use super::legend::{Legend, Sample};
use super::palette;

/// One diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What the horizontal axis says.
    pub x: String,
    /// What the vertical axis says.
    pub y: String,
    /// Points `(x, y)` of each run, in the order of [`Curves::names`]; empty where a run has none.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// The vertical axis begins at 0.
    pub from_zero: bool,
}

/// Diagrams of the same runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// The runs.
    pub names: Vec<String>,
    /// At least one.
    pub panels: Vec<Panel>,
}

/// Curves of so many points and more have no markers: they would hide one another.
const CROWDED: usize = 40;

impl Curves {
    fn legend(&self) -> Legend {
        let longest = self.panels.iter().flat_map(|panel| panel.lines.iter().map(Vec::len)).max();
        let entry = |(at, name): (usize, &String)| {
            let (colour, marker) = palette::line(at);
            let marker = Some(marker).filter(|_| longest.is_none_or(|points| points < CROWDED));
            (Sample::Line(colour, marker), name.clone())
        };
        Legend::new(self.names.iter().enumerate().map(entry).collect())
    }

    fn width(&self) -> f64 {
        WIDTH * self.panels.len() as f64
    }
}

impl Drawing for Curves {
    fn size(&self) -> [u32; 2] {
        let legend = self.legend().height(self.width() - 2.0 * MARGIN);
        [self.width() as u32, (HEIGHT + legend + 2.0 * MARGIN) as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        for (at, panel) in self.panels.iter().enumerate() {
            panel.draw(pen, at as f64 * WIDTH)?;
        }
        self.legend().draw(pen, [MARGIN, HEIGHT + MARGIN], self.width() - 2.0 * MARGIN)
    }
}

impl Panel {
    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, left: f64) -> Drawn<DB> {
        let points = || self.lines.iter().flatten();
        let axes = Axes {
            title: &self.title,
            x: &self.x,
            y: &self.y,
            columns: range(points().map(|point| point.0), false, 0.02),
            rows: range(points().map(|point| point.1), self.from_zero, 0.05),
        };
        let finite = |line: &Vec<(f64, f64)>| -> Vec<(f64, f64)> {
            line.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite()).collect()
        };
        let lines: Vec<Vec<(f64, f64)>> = self.lines.iter().map(finite).collect();
        for (at, places) in axes.draw(pen, left, &lines)?.into_iter().enumerate() {
            let (colour, marker) = palette::line(at);
            let crowded = places.len() >= CROWDED;
            pen.area.draw(&PathElement::new(places.clone(), pen.stroke(colour, 2.0)))?;
            for place in places.into_iter().filter(|_| !crowded) {
                pen.mark(place, marker, colour)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::*;

    #[test]
    fn every_run_is_named_and_has_its_colour() {
        let panel = Panel {
            title: "error".into(),
            x: "width".into(),
            y: "percent".into(),
            lines: vec![vec![(1.0, 30.0), (2.0, 20.0)], vec![(1.0, 25.0), (2.0, f64::NAN)], vec![]],
            from_zero: true,
        };
        let curves =
            Curves { names: vec!["first".into(), "second".into(), "none".into()], panels: vec![panel] };
        let svg = render(&curves).unwrap().svg;
        for part in ["first", "second", "none", "error", "width", "percent", "#0072B2", "#D55E00", "#009E73"]
        {
            assert!(svg.contains(part), "{part}");
        }
    }
}
