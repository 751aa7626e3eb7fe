//! What latents are worth, as a figure: a row for each with its verdict, scores, components and points.

use plotters::prelude::DrawingBackend;

use super::canvas::{Align, Drawing, Drawn, INK, Pen, cut};
use super::palette;
use super::scatter::{Cloud, SIDE};

/// One latent.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The verdict in words.
    pub title: String,
    /// Mean IoU, percent, by what was done to the latent.
    pub scores: Vec<(String, f64)>,
    /// Other figures, a line each.
    pub facts: Vec<String>,
    /// Weight and divergence of each component of a mixture.
    pub components: Vec<(f64, Option<f64>)>,
    /// Component means of the images.
    pub cloud: Option<Cloud>,
}

/// Latents of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentsFigure {
    /// The run and what it was shown.
    pub title: String,
    /// A row each.
    pub rows: Vec<Row>,
}

const MARGIN: f64 = 14.0;
const HEAD: f64 = 34.0;
const TITLE: f64 = 30.0;
const LINE: f64 = 20.0;
const SIZE: f64 = 13.0;
const GAP: f64 = 30.0;
const LEFT: f64 = 400.0;
const MIDDLE: f64 = 330.0;
const NAMES: f64 = 92.0;
const FIGURES: f64 = 60.0;
const GREY: [u8; 3] = [110; 3];

impl Row {
    fn height(&self) -> f64 {
        let left = (self.scores.len() + self.facts.len() + 2) as f64 * LINE;
        let middle = if self.components.is_empty() { 0.0 } else { (self.components.len() + 1) as f64 * LINE };
        let right = if self.cloud.is_some() { SIDE + LINE } else { 0.0 };
        TITLE + left.max(middle).max(right) + 16.0
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: f64, width: f64) -> Drawn<DB> {
        let title = cut(&self.title, 15.0, width);
        pen.text(&title, [MARGIN, top + TITLE / 2.0], 15.0, INK, Align::Left)?;
        let top = top + TITLE;
        self.draw_scores(pen, top)?;
        self.draw_components(pen, [MARGIN + LEFT + GAP, top])?;
        if let Some(cloud) = &self.cloud {
            let left = MARGIN + LEFT + MIDDLE + 2.0 * GAP;
            pen.text(&cut(&cloud.title, SIZE, SIDE), [left, top + LINE / 2.0], SIZE, GREY, Align::Left)?;
            cloud.draw(pen, [left, top + LINE])?;
        }
        Ok(())
    }

    fn draw_scores<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, top: f64) -> Drawn<DB> {
        let mut y = top + LINE / 2.0;
        if !self.scores.is_empty() {
            pen.text("mean IoU, percent", [MARGIN, y], SIZE, GREY, Align::Left)?;
            y += LINE;
        }
        let room = LEFT - NAMES - FIGURES;
        for (at, (name, score)) in self.scores.iter().enumerate() {
            pen.text(&cut(name, SIZE, NAMES), [MARGIN, y], SIZE, INK, Align::Left)?;
            let bar = room * (score / 100.0).clamp(0.0, 1.0);
            let colour = if at == 0 { palette::BLUE } else { palette::ORANGE };
            let left = MARGIN + NAMES;
            pen.fill([left, y - 7.0], [left + bar, y + 7.0], colour)?;
            pen.text(&format!("{score:.2}"), [left + bar + 6.0, y], SIZE, INK, Align::Left)?;
            y += LINE;
        }
        for fact in &self.facts {
            pen.text(&cut(fact, SIZE, LEFT), [MARGIN, y], SIZE, INK, Align::Left)?;
            y += LINE;
        }
        Ok(())
    }

    fn draw_components<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, [left, top]: [f64; 2]) -> Drawn<DB> {
        if self.components.is_empty() {
            return Ok(());
        }
        let y = top + LINE / 2.0;
        pen.text("component: weight", [left, y], SIZE, GREY, Align::Left)?;
        if self.components.iter().any(|(_, kl)| kl.is_some()) {
            pen.text("divergence", [left + MIDDLE, y], SIZE, GREY, Align::Right)?;
        }
        let room = MIDDLE - 28.0 - 2.0 * FIGURES - 20.0;
        for (at, (weight, kl)) in self.components.iter().enumerate() {
            let y = y + (at + 1) as f64 * LINE;
            pen.text(&at.to_string(), [left + 18.0, y], SIZE, INK, Align::Right)?;
            let from = left + 28.0;
            let bar = room * weight.clamp(0.0, 1.0);
            pen.fill([from, y - 6.0], [from + bar, y + 6.0], palette::GREEN)?;
            pen.text(&format!("{weight:.3}"), [from + bar + 6.0, y], SIZE, INK, Align::Left)?;
            if let Some(kl) = kl {
                pen.text(&short(*kl), [left + MIDDLE, y], SIZE, INK, Align::Right)?;
            }
        }
        Ok(())
    }
}

/// A divergence, whose size may be anything.
fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

impl LatentsFigure {
    fn width(&self) -> f64 {
        let cloud = if self.rows.iter().any(|row| row.cloud.is_some()) { GAP + SIDE } else { 0.0 };
        2.0 * MARGIN + LEFT + GAP + MIDDLE + cloud
    }
}

impl Drawing for LatentsFigure {
    fn size(&self) -> [u32; 2] {
        let rows: f64 = self.rows.iter().map(Row::height).sum();
        [self.width().ceil() as u32, (2.0 * MARGIN + HEAD + rows).ceil() as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        let width = self.width() - 2.0 * MARGIN;
        pen.text(&cut(&self.title, 17.0, width), [MARGIN, MARGIN + 10.0], 17.0, INK, Align::Left)?;
        let mut top = MARGIN + HEAD;
        for row in &self.rows {
            pen.line(&[[MARGIN, top], [MARGIN + width, top]], [210; 3], 1.0)?;
            row.draw(pen, top, width)?;
            top += row.height();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::*;

    #[test]
    fn a_row_shows_all_that_it_has() {
        let row = Row {
            title: "z.q is not used".into(),
            scores: vec![("as it is".into(), 53.1), ("zeroed".into(), 53.1)],
            facts: vec!["0 of 768 dimensions vary".into()],
            components: vec![(0.25, Some(2e-5)), (0.75, Some(0.125))],
            cloud: Some(Cloud { title: "t-SNE".into(), points: vec![[0.0, 1.0]], groups: vec![0] }),
        };
        let bare =
            Row { title: "postnet.p".into(), scores: vec![], facts: vec![], components: vec![], cloud: None };
        let figure = LatentsFigure { title: "run".into(), rows: vec![row, bare] };
        let svg = render(&figure).unwrap().svg;
        let parts = [
            "z.q is not used",
            "as it is",
            "53.10",
            "0 of 768",
            "0.250",
            "2.0e-5",
            "0.125",
            "t-SNE",
            "postnet.p",
        ];
        for part in parts {
            assert!(svg.contains(part), "{part}");
        }
        assert_eq!((short(0.0), short(-0.5)), ("0.000".into(), "-0.500".into()));
    }
}
