//! Pictures beside one another with a title above each and a legend below: image, truth, predictions, comparisons.
//!
//! Comes in: pictures of one size. Goes out: one picture. Guaranteed: small pictures are enlarged by whole numbers, so
//! that each of their pixels stays one square.

use plotters::prelude::DrawingBackend;

use super::canvas::{Align, Drawing, Drawn, INK, Pen, cut, render};
use super::legend::{Legend, Sample};
use super::palette;
use crate::data::Image;
use crate::data::table::ClassTable;
use crate::error::Result;
use crate::metrics::agreement::Verdict;

/// Pictures are enlarged to about this many columns.
const WIDTH: usize = 320;
/// So many panels stand in one line.
const IN_A_LINE: usize = 4;
const GAP: usize = 8;
const TITLE: usize = 52;
/// Pixels of a rendered strip for each unit.
const DENSITY: usize = 2;

/// Each pixel in the colour of its verdict; light grey where it does not count. `width` columns.
pub fn verdicts(verdicts: &[Option<Verdict>], width: usize) -> Image {
    let colour = |verdict: &Option<Verdict>| verdict.map_or(palette::UNCOUNTED, palette::verdict);
    let height = verdicts.len().checked_div(width).unwrap_or(0);
    Image { width, height, data: verdicts.iter().flat_map(colour).collect() }
}

/// A legend entry for each class of `table` but void.
pub fn classes(table: &ClassTable) -> Vec<(Sample, String)> {
    let counted = table.classes.iter().filter(|class| !class.void);
    counted.map(|class| (Sample::Patch(class.colour), class.name.clone())).collect()
}

/// Puts titled pictures of one size together, four in a line, and the legends below them, each on lines of its own.
///
/// # Errors
/// `phg::figure::draw` for pictures without pixels.
pub fn panels(pictures: &[(String, Image)], legends: Vec<Vec<(Sample, String)>>) -> Result<Image> {
    let own = pictures.first().map_or([0, 0], |(_, picture)| [picture.height, picture.width]);
    let times = WIDTH.div_ceil(own[1].max(1)).clamp(1, WIDTH);
    let [height, width] = own.map(|side| side * times);
    let in_a_line = pictures.len().clamp(1, IN_A_LINE);
    let lines = pictures.len().div_ceil(in_a_line);
    let whole_width = in_a_line * (width + GAP) + GAP;
    let strip = |drawing: &Strip| render(drawing).map(|figure| figure.png);
    let foot = Strip { width: whole_width / DENSITY, lines: Lines::Legends(legends) };
    let foot = strip(&foot)?;
    let whole_height = lines * (TITLE + height + GAP) + GAP + foot.height;
    let mut whole =
        Image { width: whole_width, height: whole_height, data: vec![255; 3 * whole_width * whole_height] };
    for (at, (title, picture)) in pictures.iter().enumerate() {
        let left = GAP + at % in_a_line * (width + GAP);
        let top = at / in_a_line * (TITLE + height + GAP);
        let head = strip(&Strip { width: width / DENSITY, lines: Lines::Title(title.clone()) })?;
        paste(&mut whole, &head, [top, left], 1);
        paste(&mut whole, picture, [top + TITLE, left], times);
    }
    paste(&mut whole, &foot, [whole_height - foot.height, 0], 1);
    Ok(whole)
}

/// Copies `picture`, each pixel `times` wide and high, to `[top, left]`; what reaches past the edge is left out.
fn paste(whole: &mut Image, picture: &Image, [top, left]: [usize; 2], times: usize) {
    for row in 0..(picture.height * times).min(whole.height.saturating_sub(top)) {
        for column in 0..(picture.width * times).min(whole.width.saturating_sub(left)) {
            let from = 3 * (row / times * picture.width + column / times);
            let to = 3 * ((top + row) * whole.width + left + column);
            if let (Some(to), Some(from)) = (whole.data.get_mut(to..to + 3), picture.data.get(from..from + 3))
            {
                to.copy_from_slice(from);
            }
        }
    }
}

/// A strip of text, `width` units wide.
struct Strip {
    width: usize,
    lines: Lines,
}

enum Lines {
    Title(String),
    Legends(Vec<Vec<(Sample, String)>>),
}

impl Strip {
    fn room(&self) -> f64 {
        self.width as f64 - 2.0 * GAP as f64
    }
}

impl Drawing for Strip {
    fn size(&self) -> [u32; 2] {
        let height = match &self.lines {
            Lines::Title(_) => (TITLE / DENSITY) as f64,
            Lines::Legends(legends) => {
                let each = legends.iter().map(|entries| Legend::new(entries.clone()).height(self.room()));
                each.sum::<f64>() + GAP as f64
            }
        };
        [self.width.max(1) as u32, height.ceil().max(1.0) as u32]
    }

    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
        match &self.lines {
            Lines::Title(title) => {
                let middle = [self.width as f64 / 2.0, (TITLE / DENSITY) as f64 / 2.0];
                pen.text(&cut(title, 14.0, self.width as f64), middle, 14.0, INK, Align::Centre)
            }
            Lines::Legends(legends) => {
                let mut top = 0.0;
                for entries in legends {
                    let legend = Legend::new(entries.clone());
                    legend.draw(pen, [GAP as f64, top], self.room())?;
                    top += legend.height(self.room());
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_pixels() {
        let (red, green) = ([255, 0, 0], [0, 255, 0]);
        let a = Image { width: 2, height: 1, data: [red, green].concat() };
        let b = verdicts(&[Some(Verdict::Neither), None], 2);
        let whole = panels(&[("a".into(), a), ("b".into(), b)], vec![vec![(Sample::Patch(red), "r".into())]])
            .unwrap();
        // Two pictures of 2 x 160 columns and 160 rows.
        assert_eq!(whole.width, 2 * (320 + GAP) + GAP);
        let pixel = |row: usize, column: usize| whole.data[3 * (row * whole.width + column)..][..3].to_vec();
        let row = TITLE + 80;
        assert_eq!((pixel(row, GAP), pixel(row, GAP + 159)), (red.to_vec(), red.to_vec()));
        assert_eq!((pixel(row, GAP + 160), pixel(row, GAP + 319)), (green.to_vec(), green.to_vec()));
        assert_eq!(pixel(row, 2 * GAP + 320), palette::PURPLE.to_vec());
        assert_eq!(pixel(row, 2 * GAP + 320 + 160), palette::UNCOUNTED.to_vec());
        assert_eq!(pixel(row, GAP + 320), vec![255; 3], "a gap");
    }

    #[test]
    fn nothing_to_show_is_a_picture_of_nothing() {
        let whole = panels(&[], Vec::new()).unwrap();
        assert!(whole.data.iter().all(|value| *value == 255));
    }
}
