//! Who is right where, as a figure: a bar for each class, cut into the four verdicts.

use plotters::prelude::DrawingBackend;

use super::canvas::{Align, Drawing, Drawn, INK, Pen, cut, width_of};
use super::legend::{Legend, Sample};
use super::palette;
use crate::metrics::agreement::{Shares, Verdict};

/// Bars of one network against another.
#[derive(Clone, Debug)]
pub struct SharesFigure {
    /// This network.
    pub this: String,
    /// The other.
    pub other: String,
    /// A bar each.
    pub shares: Vec<Shares>,
}

const SIZE: f64 = 13.0;
const ROW: f64 = 26.0;
const MARGIN: f64 = 14.0;
const TOP: f64 = 36.0;
const BAR: f64 = 560.0;
/// A share is written into its piece where there is room for it.
const WRITTEN: f64 = 7.0;

/// What the four colours mean.
pub fn legend(this: &str, other: &str) -> Vec<(Sample, String)> {
    let entry = |verdict: Verdict| {
        let words = match verdict {
            Verdict::Both => "both right".to_owned(),
            Verdict::OnlyThis => format!("{other} wrong"),
            Verdict::OnlyOther => format!("{this} wrong"),
            Verdict::Neither => "both wrong".to_owned(),
        };
        (Sample::Patch(palette::verdict(verdict)), words)
    };
    Verdict::ALL.into_iter().map(entry).collect()
}

impl SharesFigure {
    fn names(&self) -> f64 {
        let names = self.shares.iter().map(|line| width_of(&line.class, SIZE));
        names.fold(40.0, f64::max).min(200.0) + 12.0
    }

    fn width(&self) -> f64 {
        2.0 * MARGIN + self.names() + BAR
    }

    fn legend(&self) -> Legend {
        Legend::new(legend(&self.this, &self.other))
    }
}

impl Drawing for SharesFigure {
    fn size(&self) -> [u32; 2] {
        let width = self.width();
        let rows = self.shares.len() as f64 * ROW;
        let height = MARGIN + TOP + rows + 28.0 + self.legend().height(width - 2.0 * MARGIN) + MARGIN;
        [width.ceil() as u32, height.ceil() as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        let width = self.width() - 2.0 * MARGIN;
        let title = format!("{} against {}: share of each class's pixels", self.this, self.other);
        pen.text(&cut(&title, 17.0, width), [MARGIN, MARGIN + 10.0], 17.0, INK, Align::Left)?;
        let (left, top) = (MARGIN + self.names(), MARGIN + TOP);
        for (at, line) in self.shares.iter().enumerate() {
            let y = top + at as f64 * ROW;
            pen.text(&cut(&line.class, SIZE, 200.0), [MARGIN, y + ROW / 2.0], SIZE, INK, Align::Left)?;
            let mut from = left;
            for (verdict, share) in Verdict::ALL.into_iter().zip(line.all()) {
                let Some(share) = share else { continue };
                let to = from + BAR * share / 100.0;
                pen.fill([from, y + 3.0], [to, y + ROW - 3.0], palette::verdict(verdict))?;
                if share >= WRITTEN {
                    let colour = if verdict == Verdict::Neither { INK } else { [255; 3] };
                    let place = [(from + to) / 2.0, y + ROW / 2.0];
                    pen.text(&format!("{share:.1}"), place, SIZE, colour, Align::Centre)?;
                }
                from = to;
            }
            if line.pixels == 0 {
                pen.text("not in the images", [left, y + ROW / 2.0], SIZE, [110; 3], Align::Left)?;
            }
        }
        let bottom = top + self.shares.len() as f64 * ROW;
        for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
            let x = left + BAR * percent / 100.0;
            pen.line(&[[x, bottom], [x, bottom + 4.0]], INK, 1.0)?;
            let (place, align) = match percent {
                0.0 => ([x, bottom + 13.0], Align::Left),
                100.0 => ([x, bottom + 13.0], Align::Right),
                _ => ([x, bottom + 13.0], Align::Centre),
            };
            pen.text(&format!("{percent} %"), place, SIZE, INK, align)?;
        }
        pen.line(&[[left, bottom], [left + BAR, bottom]], INK, 1.0)?;
        self.legend().draw(pen, [MARGIN, bottom + 28.0], width)
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::render;
    use super::*;
    use crate::data::table::ClassTable;
    use crate::metrics::agreement::Agreement;

    #[test]
    fn bars_are_cut_by_verdict() {
        let class =
            |id: u8, name: &str| format!("[[class]]\nid = {id}\nname = \"{name}\"\ncolour = [0, 0, {id}]\n");
        let text = format!("name = \"two\"\n{}{}", class(0, "road"), class(1, "sky"));
        let table = ClassTable::parse(&text, "test").unwrap();
        let mut agreement = Agreement::new(&table);
        agreement.add(&[0, 0, 0, 0], &[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap();
        let figure =
            SharesFigure { this: "new".into(), other: "old".into(), shares: agreement.shares(&table) };
        let svg = render(&figure).unwrap().svg;
        for part in
            ["road", "not in the images", "both right", "old wrong", "new wrong", "both wrong", "25.0"]
        {
            assert!(svg.contains(part), "{part}");
        }
        // Each quarter of the bar of `road`, and of `all`.
        for colour in ["#009E73", "#D55E00", "#0072B2", "#CC79A7"] {
            assert!(svg.matches(colour).count() >= 3, "{colour}: two bars and the legend");
        }
    }
}
