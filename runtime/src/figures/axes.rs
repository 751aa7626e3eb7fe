//! A diagram's axes: words, ranges and a grid go in; where its points lie on the area comes out.

use plotters::chart::ChartBuilder;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::DrawingBackend;

use super::canvas::{Align, INK, Pen};

/// Units from side to side.
pub(super) const WIDTH: f64 = 620.0;
/// Units from the title to the words below the horizontal axis.
pub(super) const HEIGHT: f64 = 430.0;
/// Units around everything.
pub(super) const MARGIN: f64 = 14.0;

/// What stands around a diagram.
pub(super) struct Axes<'a> {
    /// Above it.
    pub(super) title: &'a str,
    /// Below the horizontal axis.
    pub(super) x: &'a str,
    /// Beside the vertical axis.
    pub(super) y: &'a str,
    /// Both ends of the horizontal axis.
    pub(super) columns: [f64; 2],
    /// Both ends of the vertical axis.
    pub(super) rows: [f64; 2],
}

/// Points of a diagram, and where they lie.
pub(super) type Places = Vec<Vec<(i32, i32)>>;

impl Axes<'_> {
    /// Draws title, axes and grid `left` units from the side; returns where the points of `lines` lie, in pixels.
    ///
    /// # Errors
    /// Those of the backend.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        pen: &Pen<'_, DB>,
        left: f64,
        lines: &[Vec<(f64, f64)>],
    ) -> Result<Places, DrawingAreaErrorKind<DB::ErrorType>> {
        let [x0, x1] = self.columns;
        let [y0, y1] = self.rows;
        pen.text(self.title, [left + WIDTH / 2.0, MARGIN + 8.0], 17.0, INK, Align::Centre)?;
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
            .x_desc(self.x)
            .y_desc(self.y)
            .draw()?;
        let area = chart.plotting_area();
        let places = |line: &Vec<(f64, f64)>| line.iter().map(|point| area.map_coordinate(point)).collect();
        Ok(lines.iter().map(places).collect())
    }
}

/// The range of an axis: of all finite values, a little wider, never empty.
pub(super) fn range(values: impl Iterator<Item = f64>, from_zero: bool, room: f64) -> [f64; 2] {
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
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
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
}
