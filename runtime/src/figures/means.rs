//! Means over repetitions against a number: a line for each setting, with bars of one deviation either way.

use plotters::prelude::DrawingBackend;

use super::axes::{Axes, HEIGHT, MARGIN, WIDTH, range};
use super::canvas::{Drawing, Drawn, Pen};
use super::legend::{Legend, Sample};
use super::palette;

/// The mean of repetitions at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// On the horizontal axis.
    pub at: f64,
    /// On the vertical axis.
    pub mean: f64,
    /// Their sample deviation; none of a single repetition.
    pub deviation: Option<f64>,
}

/// Means of one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The setting; empty when there is one only.
    pub name: String,
    /// From left to right.
    pub means: Vec<Mean>,
}

/// The diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Means {
    /// What it shows.
    pub title: String,
    /// What the horizontal axis says.
    pub x: String,
    /// What the vertical axis says.
    pub y: String,
    /// In the order of the legend.
    pub lines: Vec<Line>,
}

/// Half of the stroke at either end of a bar.
const CAP: f64 = 4.0;
/// Units between lines at one place, so that their bars do not hide one another.
const APART: f64 = 5.0;

impl Means {
    fn legend(&self) -> Legend {
        let named = self.lines.iter().enumerate().filter(|(_, line)| !line.name.is_empty());
        let entry = |(at, line): (usize, &Line)| {
            let (colour, marker) = palette::line(at);
            (Sample::Line(colour, Some(marker)), line.name.clone())
        };
        Legend::new(named.map(entry).collect())
    }

    /// How far to the right line number `at` is drawn of its true place, in units.
    fn shift(&self, at: usize) -> f64 {
        let bars = self.lines.iter().flat_map(|line| &line.means).any(|mean| mean.deviation.is_some());
        let middle = (self.lines.len() as f64 - 1.0) / 2.0;
        if bars { (at as f64 - middle) * APART } else { 0.0 }
    }
}

impl Drawing for Means {
    fn size(&self) -> [u32; 2] {
        let legend = self.legend().height(WIDTH - 2.0 * MARGIN);
        [WIDTH as u32, (HEIGHT + legend + 2.0 * MARGIN) as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        let means = || self.lines.iter().flat_map(|line| &line.means);
        let ends = |mean: &Mean| {
            let deviation = mean.deviation.unwrap_or(0.0);
            [mean.mean - deviation, mean.mean + deviation]
        };
        let axes = Axes {
            title: &self.title,
            x: &self.x,
            y: &self.y,
            columns: range(means().map(|mean| mean.at), false, 0.05),
            rows: range(means().flat_map(ends), false, 0.06),
        };
        // Of each line its means, and the lower and upper ends of their bars.
        let points = |of: &dyn Fn(&Mean) -> f64| -> Vec<Vec<(f64, f64)>> {
            let line = |line: &Line| line.means.iter().map(|mean| (mean.at, of(mean))).collect();
            self.lines.iter().map(line).collect()
        };
        let all = [points(&|mean| mean.mean), points(&|mean| ends(mean)[0]), points(&|mean| ends(mean)[1])];
        let places = axes.draw(pen, 0.0, &all.concat())?;
        let of = |part: usize, line: usize| places.get(part * self.lines.len() + line).into_iter().flatten();
        let unit = f64::from(pen.px(1.0));
        for (at, line) in self.lines.iter().enumerate() {
            let (colour, marker) = palette::line(at);
            let shifted = |(x, y): &(i32, i32)| [f64::from(*x) / unit + self.shift(at), f64::from(*y) / unit];
            let centres: Vec<[f64; 2]> = of(0, at).map(shifted).collect();
            if centres.len() > 1 {
                pen.line(&centres, colour, 2.0)?;
            }
            for (((mean, [x, y]), low), high) in line.means.iter().zip(&centres).zip(of(1, at)).zip(of(2, at))
            {
                let ([_, bottom], [_, top]) = (shifted(low), shifted(high));
                if mean.deviation.is_some() {
                    pen.line(&[[*x, bottom], [*x, top]], colour, 1.25)?;
                    pen.line(&[[x - CAP, bottom], [x + CAP, bottom]], colour, 1.25)?;
                    pen.line(&[[x - CAP, top], [x + CAP, top]], colour, 1.25)?;
                }
                pen.mark((pen.px(*x), pen.px(*y)), marker, colour)?;
            }
        }
        self.legend().draw(pen, [MARGIN, HEIGHT + MARGIN], WIDTH - 2.0 * MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::*;

    fn figure(deviation: Option<f64>) -> Means {
        let mean = |at: f64, mean: f64| Mean { at, mean, deviation };
        let line = |name: &str, high: f64| Line {
            name: name.into(),
            means: vec![mean(1.0, high), mean(4.0, high + 5.0), mean(8.0, high + 4.0)],
        };
        Means {
            title: "scenes val".into(),
            x: "K".into(),
            y: "mean IoU, percent".into(),
            lines: vec![line("use_g=true", 40.0), line("use_g=false", 30.0)],
        }
    }

    #[test]
    fn every_line_is_named_and_every_mean_has_its_bar() {
        let svg = render(&figure(Some(1.5))).unwrap().svg;
        for part in ["scenes val", "K", "mean IoU, percent", "use_g=true", "use_g=false"] {
            assert!(svg.contains(part), "{part}");
        }
        // Of three means a stroke, and a cap at either end; the line; the sample in the legend.
        let strokes = |svg: &str| {
            svg.lines().filter(|line| line.contains("<polyline") && line.contains("#0072B2")).count()
        };
        assert_eq!(strokes(&svg), 3 * 3 + 1 + 1);
        assert_eq!(strokes(&render(&figure(None)).unwrap().svg), 1 + 1);
    }

    #[test]
    fn lines_stand_apart_only_where_bars_would_hide_one_another() {
        let with = figure(Some(1.0));
        assert_eq!([with.shift(0), with.shift(1)], [-2.5, 2.5]);
        assert_eq!(figure(None).shift(1), 0.0);
        let one = Means { lines: with.lines[..1].to_vec(), ..with };
        assert_eq!(one.shift(0), 0.0);
        assert!(render(&Means { lines: Vec::new(), ..one }).is_ok(), "nothing to show is no failure");
    }
}
