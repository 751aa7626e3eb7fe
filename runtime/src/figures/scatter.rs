//! Points on a page, a colour and a mark for each group: panels side by side with one legend below them.

use plotters::prelude::DrawingBackend;

use super::canvas::{Align, Drawing, Drawn, INK, Pen, cut};
use super::legend::{Legend, Sample};
use super::palette;

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// What it shows.
    pub title: String,
    /// Places, in any unit: axes have no meaning and no numbers.
    pub points: Vec<[f32; 2]>,
    /// The group of each point.
    pub groups: Vec<usize>,
}

/// Clouds of the same groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// Names of the groups.
    pub names: Vec<String>,
    /// At least one.
    pub clouds: Vec<Cloud>,
    /// What is said above all.
    pub title: String,
}

const MARGIN: f64 = 14.0;
const TITLE: f64 = 30.0;
/// Side of a panel.
pub(super) const SIDE: f64 = 380.0;
const GAP: f64 = 18.0;

impl Scatter {
    fn legend(&self) -> Legend {
        let entry = |(at, name): (usize, &String)| {
            let (colour, marker) = palette::line(at);
            (Sample::Mark(colour, marker), name.clone())
        };
        Legend::new(self.names.iter().enumerate().map(entry).collect())
    }

    fn width(&self) -> f64 {
        2.0 * MARGIN + self.clouds.len() as f64 * (SIDE + GAP) - GAP
    }
}

impl Drawing for Scatter {
    fn size(&self) -> [u32; 2] {
        let legend = self.legend().height(self.width() - 2.0 * MARGIN);
        [self.width().ceil() as u32, (2.0 * MARGIN + 2.0 * TITLE + SIDE + 8.0 + legend).ceil() as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        let width = self.width() - 2.0 * MARGIN;
        let title = cut(&self.title, 17.0, width);
        pen.text(&title, [MARGIN, MARGIN + TITLE / 2.0], 17.0, INK, Align::Left)?;
        for (at, cloud) in self.clouds.iter().enumerate() {
            let left = MARGIN + at as f64 * (SIDE + GAP);
            let top = MARGIN + TITLE;
            let name = cut(&cloud.title, 14.0, SIDE);
            pen.text(&name, [left, top + TITLE / 2.0], 14.0, INK, Align::Left)?;
            cloud.draw(pen, [left, top + TITLE])?;
        }
        self.legend().draw(pen, [MARGIN, MARGIN + 2.0 * TITLE + SIDE + 8.0], width)
    }
}

impl Cloud {
    /// Draws the points into a square whose left upper corner is given.
    pub(super) fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, [left, top]: [f64; 2]) -> Drawn<DB> {
        pen.frame([left, top], [left + SIDE, top + SIDE], [190; 3], 1.0)?;
        let finite = || self.points.iter().filter(|point| point.iter().all(|value| value.is_finite()));
        let range = |axis: usize| {
            let values = finite().map(|point| f64::from(point[axis]));
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
                [low.min(value), high.max(value)]
            })
        };
        let ([x0, x1], [y0, y1]) = (range(0), range(1));
        // One scale for both axes: a stretched cloud would show distances that are not there.
        let span = (x1 - x0).max(y1 - y0).max(f64::MIN_POSITIVE);
        let scale = (SIDE - 24.0) / span;
        let (x, y) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
        for (point, group) in self.points.iter().zip(&self.groups) {
            if !point.iter().all(|value| value.is_finite()) {
                continue;
            }
            let (colour, marker) = palette::line(*group);
            let across = left + SIDE / 2.0 + (f64::from(point[0]) - x) * scale;
            let down = top + SIDE / 2.0 - (f64::from(point[1]) - y) * scale;
            pen.mark((pen.px(across), pen.px(down)), marker, colour)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::*;

    #[test]
    fn every_group_has_its_mark() {
        let cloud = Cloud {
            title: "step 7".into(),
            points: vec![[0.0, 0.0], [1.0, 2.0], [f32::NAN, 1.0]],
            groups: vec![0, 1, 1],
        };
        let names = vec!["component 0".to_owned(), "component 1".to_owned()];
        let scatter = Scatter { names, clouds: vec![cloud], title: "z.q".into() };
        let svg = render(&scatter).unwrap().svg;
        for part in ["z.q", "step 7", "component 0", "component 1"] {
            assert!(svg.contains(part), "{part}");
        }
        // A point and the legend's mark; what is no number is not drawn.
        assert_eq!([svg.matches("#0072B2").count(), svg.matches("#D55E00").count()], [2, 2]);
        // All points in one place, and none at all.
        for points in [vec![[2.0, 2.0]; 3], vec![]] {
            let cloud = Cloud { title: String::new(), groups: vec![0; points.len()], points };
            render(&Scatter { names: vec![], clouds: vec![cloud], title: String::new() }).unwrap();
        }
    }
}
