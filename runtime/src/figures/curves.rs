//! Curves of several runs: panels side by side with one legend below them.

use plotters::chart::ChartBuilder;
use plotters::element::PathElement;
use plotters::prelude::DrawingBackend;

use super::canvas::{Align, Drawing, Drawn, INK, Pen};
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

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 430.0;
const MARGIN: f64 = 14.0;
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

/// The range of an axis: of all finite values, a little wider, never empty.
fn range(values: impl Iterator<Item = f64>, from_zero: bool, room: f64) -> [f64; 2] {
    let finite = values.filter(|value| value.is_finite());
    let around = |[low, high]: [f64; 2], value: f64| [low.min(value), high.max(value)];
    let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], around);
    if low > high {
        return [0.0, 1.0];
    }
    let low = if from_zero { low.min(0.0) } else { low };
    // One value alone stands in the middle.
    let span = if high > low { high - low } else { 2.0 * low.abs().max(0.5) };
    let below = if from_zero && low == 0.0 { 0.0 } else { room * span };
    [low - below, high + room * span]
}

/// A figure without the zeros that nobody needs.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
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
        pen.text(&self.title, [left + WIDTH / 2.0, MARGIN + 8.0], 17.0, INK, Align::Centre)?;
        let points = || self.lines.iter().flatten();
        let [x0, x1] = range(points().map(|point| point.0), false, 0.02);
        let [y0, y1] = range(points().map(|point| point.1), self.from_zero, 0.05);
        let size = (pen.px(WIDTH) as u32, pen.px(HEIGHT) as u32);
        let place = pen.area.clone().shrink((pen.px(left), 0), size);
        let mut chart = ChartBuilder::on(&place)
            .margin_top(pen.px(MARGIN + 24.0))
            .margin_right(pen.px(24.0))
            .margin_left(pen.px(MARGIN))
            .x_label_area_size(pen.px(50.0))
            .y_label_area_size(pen.px(64.0))
            .build_cartesian_2d(x0..x1, y0..y1)?;
        let (small, larger) =
            (pen.type_style(13.0, INK, Align::Left), pen.type_style(15.0, INK, Align::Left));
        chart
            .configure_mesh()
            .max_light_lines(0)
            .bold_line_style(pen.stroke([224; 3], 0.75))
            .axis_style(pen.stroke([96; 3], 1.0))
            .set_all_tick_mark_size(pen.px(4.0))
            .x_labels(11)
            .y_labels(9)
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .label_style(small)
            .axis_desc_style(larger)
            .x_desc(self.x.clone())
            .y_desc(self.y.clone())
            .draw()?;
        for (at, line) in self.lines.iter().enumerate() {
            let (colour, marker) = palette::line(at);
            let finite: Vec<(f64, f64)> =
                line.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite()).collect();
            let places: Vec<(i32, i32)> =
                finite.iter().map(|point| chart.plotting_area().map_coordinate(point)).collect();
            pen.area.draw(&PathElement::new(places.clone(), pen.stroke(colour, 2.0)))?;
            for place in places.into_iter().filter(|_| finite.len() < CROWDED) {
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
    fn ranges_are_never_empty() {
        assert_eq!(range([f64::NAN].into_iter(), true, 0.1), [0.0, 1.0]);
        assert_eq!(range([2.0, 12.0].into_iter(), false, 0.1), [1.0, 13.0]);
        assert_eq!(range([2.0, 12.0].into_iter(), true, 0.5), [0.0, 18.0]);
        let [low, high] = range([3.0].into_iter(), false, 0.1);
        assert!(low < 3.0 && high > 3.0);
        assert_eq!([short(0.5), short(-0.0), short(40.0), short(0.12345)], ["0.5", "0", "40", "0.1235"]);
    }

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
