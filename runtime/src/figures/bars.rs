//! Figures by name: a horizontal bar each, in groups that share one scale from zero.

use plotters::prelude::DrawingBackend;

use super::axes::short;
use super::canvas::{Align, Colour, Drawing, Drawn, INK, Pen, cut, width_of};

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it is of; a long one is broken after its commas.
    pub name: String,
    /// The figure, at least 0.
    pub value: f64,
    /// Drawn as a whisker either way.
    pub deviation: Option<f64>,
    /// Written behind the bar.
    pub text: String,
    /// Of the bar.
    pub colour: Colour,
}

/// Bars that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Above them; empty for none.
    pub name: String,
    /// From the top.
    pub bars: Vec<Bar>,
}

/// The diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// What the axis says, with the unit.
    pub axis: String,
    /// From the top.
    pub groups: Vec<Group>,
}

const SIZE: f64 = 13.0;
const ROW: f64 = 26.0;
const MARGIN: f64 = 14.0;
const TOP: f64 = 36.0;
const BAR: f64 = 420.0;
const LONGEST_NAME: f64 = 320.0;
const LONGEST_TITLE: f64 = 1000.0;
const CAP: f64 = 5.0;
/// From line to line of a name.
const LINE: f64 = 16.0;
const GREY: Colour = [90; 3];

impl Bar {
    /// Its name in lines that fit.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for part in self.name.split_inclusive(", ") {
            match lines.last_mut().filter(|line| width_of(&format!("{line}{part}"), SIZE) <= LONGEST_NAME) {
                Some(line) => line.push_str(part),
                None => lines.push(part.to_owned()),
            }
        }
        lines.iter().map(|line| cut(line.trim_end(), SIZE, LONGEST_NAME)).collect()
    }

    fn height(&self) -> f64 {
        ROW.max(LINE * self.lines().len() as f64 + 6.0)
    }
}

/// A round number of about `most / 5`: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let rough = most / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= rough * 0.999).unwrap_or(10.0);
    digit * power
}

impl Bars {
    fn bars(&self) -> impl Iterator<Item = &Bar> {
        self.groups.iter().flat_map(|group| &group.bars)
    }

    fn names(&self) -> f64 {
        let lines = self.bars().flat_map(Bar::lines);
        lines.map(|line| width_of(&line, SIZE)).fold(40.0, f64::max) + 12.0
    }

    fn texts(&self) -> f64 {
        self.bars().map(|bar| width_of(&bar.text, SIZE)).fold(0.0, f64::max) + 10.0
    }

    fn width(&self) -> f64 {
        let title = width_of(&self.title, 17.0).min(LONGEST_TITLE);
        2.0 * MARGIN + (self.names() + BAR + self.texts()).max(title)
    }

    /// What the scale reaches to: the longest bar with its whisker, never 0.
    fn most(&self) -> f64 {
        let ends = self.bars().map(|bar| bar.value + bar.deviation.unwrap_or(0.0));
        let most = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
        if most > 0.0 { most } else { 1.0 }
    }

    /// Units from the first row to the axis, headings of groups included.
    fn rows(&self) -> f64 {
        let heading = |group: &Group| if group.name.is_empty() { 0.0 } else { ROW };
        self.groups.iter().map(heading).sum::<f64>() + self.bars().map(Bar::height).sum::<f64>()
    }
}

impl Drawing for Bars {
    fn size(&self) -> [u32; 2] {
        let height = MARGIN + TOP + self.rows() + 46.0 + MARGIN;
        [self.width().ceil() as u32, height.ceil() as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        let width = self.width() - 2.0 * MARGIN;
        pen.text(&cut(&self.title, 17.0, width), [MARGIN, MARGIN + 10.0], 17.0, INK, Align::Left)?;
        let (left, top, most) = (MARGIN + self.names(), MARGIN + TOP, self.most());
        let bottom = top + self.rows();
        let x = |value: f64| left + BAR * value / most;
        let step = step(most);
        let ticks = (0..=(most / step * 1.0001) as usize).map(|at| at as f64 * step);
        for tick in ticks {
            pen.line(&[[x(tick), top], [x(tick), bottom]], [224; 3], 0.75)?;
            pen.line(&[[x(tick), bottom], [x(tick), bottom + 4.0]], INK, 1.0)?;
            pen.text(&short(tick), [x(tick), bottom + 13.0], SIZE, INK, Align::Centre)?;
        }
        pen.line(&[[left, bottom], [left + BAR, bottom]], INK, 1.0)?;
        pen.text(&self.axis, [left + BAR / 2.0, bottom + 34.0], 15.0, INK, Align::Centre)?;
        let mut y = top;
        for group in &self.groups {
            if !group.name.is_empty() {
                let name = cut(&group.name, 15.0, width);
                // White below, so that no line of the grid runs through the words.
                let end = MARGIN + width_of(&name, 15.0) + 6.0;
                pen.fill([MARGIN, y + 2.0], [end, y + ROW - 2.0], [255; 3])?;
                pen.text(&name, [MARGIN, y + ROW / 2.0], 15.0, INK, Align::Left)?;
                y += ROW;
            }
            for bar in &group.bars {
                let middle = y + bar.height() / 2.0;
                let lines = bar.lines();
                for (at, line) in lines.iter().enumerate() {
                    let below = (at as f64 - (lines.len() as f64 - 1.0) / 2.0) * LINE;
                    pen.text(line, [left - 8.0, middle + below], SIZE, INK, Align::Right)?;
                }
                let (above, below) = (middle - ROW / 2.0 + 4.0, middle + ROW / 2.0 - 4.0);
                pen.fill([left, above], [x(bar.value), below], bar.colour)?;
                let mut end = bar.value;
                if let Some(deviation) = bar.deviation {
                    let (low, high) = (x((bar.value - deviation).max(0.0)), x(bar.value + deviation));
                    pen.line(&[[low, middle], [high, middle]], INK, 1.25)?;
                    for end in [low, high] {
                        pen.line(&[[end, middle - CAP], [end, middle + CAP]], INK, 1.25)?;
                    }
                    end += deviation;
                }
                let from = x(end) + 6.0;
                let to = from + width_of(&bar.text, SIZE) + 2.0;
                pen.fill([from - 2.0, above], [to, below], [255; 3])?;
                pen.text(&bar.text, [from, middle], SIZE, GREY, Align::Left)?;
                y += bar.height();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::super::palette;
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        for (most, wanted) in
            [(1.0, 0.2), (0.9, 0.2), (47.0, 10.0), (26.0, 10.0), (23.0, 5.0), (340.0, 100.0)]
        {
            assert!((step(most) - wanted).abs() < 1e-9, "{most}: {}", step(most));
            assert!(most / step(most) <= 5.01);
        }
    }

    #[test]
    fn bars_are_as_long_as_their_figures() {
        let bar = |name: &str, value: f64, deviation| Bar {
            name: name.into(),
            value,
            deviation,
            text: format!("{value} ms"),
            colour: palette::BLUE,
        };
        let group = |name: &str, bars| Group { name: name.into(), bars };
        let figure = Bars {
            title: "times".into(),
            axis: "milliseconds".into(),
            groups: vec![
                group("training", vec![bar("encoder", 30.0, Some(10.0)), bar("decoder", 20.0, None)]),
                group("inference", vec![bar("encoder", 10.0, None)]),
            ],
        };
        assert_eq!((figure.most(), figure.rows()), (40.0, 5.0 * ROW));
        let svg = render(&figure).unwrap().svg;
        for part in ["times", "milliseconds", "training", "inference", "decoder", "30 ms"] {
            assert!(svg.contains(part), "{part}");
        }
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("<rect") && line.contains("#0072B2"))
            .filter_map(|line| line.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(widths.len(), 3, "{svg}");
        for (width, wanted) in widths.iter().zip([30.0, 20.0, 10.0]) {
            assert!((width - BAR * wanted / 40.0).abs() <= 1.0, "{widths:?}");
        }
        // No part of a long name is lost: it takes several lines.
        let name = "train.optimizer=sgd(rate: 1e-2, momentum: 0.9), train.predict_void=true, train.clip=1.0";
        let long = bar(name, 1.0, None);
        assert!(long.lines().len() > 1 && long.height() > ROW);
        assert_eq!(long.lines().join(" "), name);
        let empty = Bars { groups: Vec::new(), ..figure };
        assert!(render(&empty).is_ok(), "nothing to show is no failure");
    }
}
