//! Error near the boundaries of objects: the trimap curve.
//!
//! Comes in: label maps and predictions of a split. Goes out: for each width, the share of labelled pixels within that
//! width of a boundary that are predicted wrongly. Guaranteed: sums over the whole split, so that neither the order nor
//! the sizes of images weigh anything.
//!
//! Protocol. P. Kohli, L. Ladicky and P. Torr, "Robust Higher Order Potentials for Enforcing Label Consistency", IJCV
//! 2009, and P. Krähenbühl and V. Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge
//! Potentials", NIPS 2011, count wrong pixels in a band around the boundaries of the *truth*; publications differ in
//! what a band is. Here:
//!
//! - a boundary pixel is either one of two neighbours, side by side or one above the other, that have different
//!   classes; void is no class, and borders on it count only on request;
//! - a pixel is in the band of width `w` when its Euclidean distance to the nearest boundary pixel is less than `w`:
//!   width 1 is the boundary pixels alone, on both sides;
//! - pixels whose truth is void are in no band; a labelled pixel predicted void is wrong.

use serde::Serialize;

use super::distance::squared_distances;
use crate::codes;
use crate::data::OUTSIDE;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// Wrong and labelled pixels in bands of several widths.
#[derive(Clone, Debug, PartialEq)]
pub struct Trimap {
    void: Option<u8>,
    void_edges: bool,
    /// Ascending.
    widths: Vec<u32>,
    /// Wrong and labelled pixels whose narrowest band is that of the width in the same place.
    rings: Vec<[u64; 2]>,
    labelled: u64,
}

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// In pixels.
    pub width: u32,
    /// Percent of the band's pixels that are predicted wrongly; `None` for an empty band.
    pub error: Option<f64>,
    /// Those pixels.
    pub wrong: u64,
    /// Labelled pixels in the band.
    pub pixels: u64,
    /// The band's share of all labelled pixels, percent; `None` when there are none.
    pub share: Option<f64>,
}

impl Trimap {
    /// Empty bands of `widths` pixels for the classes of `table`. With `void_edges`, borders between a class and void
    /// are boundaries too.
    ///
    /// # Errors
    /// `phg::metrics::width` without widths, and for a width of 0.
    pub fn new(table: &ClassTable, widths: &[u32], void_edges: bool) -> Result<Self> {
        let mut widths = widths.to_vec();
        widths.sort_unstable();
        widths.dedup();
        if widths.first().is_none_or(|width| *width == 0) {
            let message = "a trimap needs widths of 1 pixel and more";
            return Err(Error::new(codes::METRICS_WIDTH, Kind::Usage, message)
                .at("--widths")
                .help("write pixels such as `--widths 1,2,5,10`"));
        }
        Ok(Self { void: table.void(), void_edges, rings: vec![[0; 2]; widths.len()], widths, labelled: 0 })
    }

    /// Counts one image, `[rows][columns]` pixels of truth and prediction.
    ///
    /// # Errors
    /// `phg::metrics::labels` when truth or prediction do not fill the size.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Result<()> {
        if truth.len() != size[0] * size[1] || truth.len() != prediction.len() {
            let (labels, pixels) = (truth.len(), prediction.len());
            let message =
                format!("{labels} labels and {pixels} predicted pixels for {} by {}", size[0], size[1]);
            return Err(Error::new(codes::METRICS_LABELS, Kind::Data, message));
        }
        let counts = |id: u8| id != OUTSIDE && Some(id) != self.void;
        self.labelled += truth.iter().filter(|id| counts(**id)).count() as u64;
        let edges = |a: u8, b: u8| {
            let (a_counts, b_counts) = (counts(a), counts(b));
            a != b && if self.void_edges { a_counts || b_counts } else { a_counts && b_counts }
        };
        let Some(squared) = squared_distances(&boundary(truth, size[1], &edges), size) else {
            return Ok(());
        };
        let limits: Vec<u64> = self.widths.iter().map(|width| u64::from(*width).pow(2)).collect();
        for ((truth, prediction), squared) in truth.iter().zip(prediction).zip(squared) {
            let narrowest = limits.partition_point(|limit| *limit <= u64::from(squared));
            if counts(*truth)
                && let Some([wrong, pixels]) = self.rings.get_mut(narrowest)
            {
                *wrong += u64::from(truth != prediction);
                *pixels += 1;
            }
        }
        Ok(())
    }

    /// The curve, a point for each width, ascending.
    pub fn points(&self) -> Vec<Point> {
        let percent = |part: u64, whole: u64| (whole > 0).then(|| 100.0 * part as f64 / whole as f64);
        let mut sum = [0; 2];
        let point = |(width, ring): (&u32, &[u64; 2])| {
            sum = [sum[0] + ring[0], sum[1] + ring[1]];
            let [wrong, pixels] = sum;
            let share = percent(pixels, self.labelled);
            Point { width: *width, error: percent(wrong, pixels), wrong, pixels, share }
        };
        self.widths.iter().zip(&self.rings).map(point).collect()
    }
}

/// The pixels with a neighbour, beside, above or below, that they have an edge with.
fn boundary(labels: &[u8], columns: usize, edge: &dyn Fn(u8, u8) -> bool) -> Vec<bool> {
    let mut on = vec![false; labels.len()];
    for at in 0..labels.len() {
        let beside = (!(at + 1).is_multiple_of(columns)).then_some(at + 1);
        for other in [beside, Some(at + columns)].into_iter().flatten() {
            if labels.get(other).is_some_and(|label| edge(labels[at], *label)) {
                on[at] = true;
                on[other] = true;
            }
        }
    }
    on
}

#[cfg(test)]
mod tests {
    use super::super::confusion::tests::table;
    use super::*;

    /// `r`oad, `s`ky, `c`ar, and `.` for void.
    fn ids(map: &[&str]) -> Vec<u8> {
        let id = |cell: u8| match cell {
            b'r' => 1,
            b's' => 2,
            b'c' => 3,
            _ => 0,
        };
        map.iter().flat_map(|row| row.bytes().map(id)).collect()
    }

    fn trimap(widths: &[u32], void_edges: bool) -> Trimap {
        Trimap::new(&table(&["void", "road", "sky", "car"], "void"), widths, void_edges).unwrap()
    }

    fn counts(trimap: &Trimap) -> Vec<(u64, u64)> {
        trimap.points().iter().map(|point| (point.wrong, point.pixels)).collect()
    }

    /// Columns 2 and 3 are the boundary; distances along a row are 2 1 0 0 1 2.
    #[test]
    fn a_straight_boundary_worked_by_hand() {
        let truth = ids(&["rrrsss", "rrrsss"]);
        let said = ids(&["rrssss", "srrssr"]);
        let mut bands = trimap(&[1, 2, 3], false);
        bands.add(&truth, &said, [2, 6]).unwrap();
        // Wrong: (0, 2) on the boundary; (1, 0) and (1, 5) at distance 2.
        assert_eq!(counts(&bands), [(1, 4), (1, 8), (3, 12)]);
        let points = bands.points();
        assert_eq!((points[0].error, points[0].share), (Some(25.0), Some(100.0 / 3.0)));
        assert_eq!((points[2].error, points[2].share), (Some(25.0), Some(100.0)));
    }

    /// The car's pixel and its four neighbours are the boundary; the map's corners are the root of 5 = 1 + 2 * 2 away,
    /// where a distance along rows and columns would be 3.
    #[test]
    fn distances_are_euclidean() {
        let truth = ids(&["rrrrr", "rrrrr", "rrcrr", "rrrrr", "rrrrr"]);
        let mut bands = trimap(&[1, 2, 3], false);
        bands.add(&truth, &truth, [5, 5]).unwrap();
        // At 0: 5 pixels. At 1: 4 diagonal ones and the middles of the 4 sides. At the root of 2: 8 beside these.
        assert_eq!(counts(&bands), [(0, 5), (0, 21), (0, 25)]);
        assert_eq!(bands.points()[2].error, Some(0.0));
    }

    #[test]
    fn void_has_edges_only_on_request_and_never_counts() {
        let truth = ids(&["rr..ss"]);
        let said = ids(&["rs.ss."]);
        let mut bands = trimap(&[1, 2], false);
        bands.add(&truth, &said, [1, 6]).unwrap();
        assert_eq!(counts(&bands), [(0, 0), (0, 0)]);
        assert_eq!((bands.points()[0].error, bands.points()[0].share), (None, Some(0.0)));
        // Boundary: 1, 2, 3, 4, of which 1 and 4 are labelled.
        let mut bands = trimap(&[1, 2], true);
        bands.add(&truth, &said, [1, 6]).unwrap();
        assert_eq!(counts(&bands), [(1, 2), (2, 4)], "void predicted on a labelled pixel is wrong");
    }

    #[test]
    fn images_add_up() {
        let (truth, said) = (ids(&["rs"]), ids(&["rr"]));
        let mut bands = trimap(&[2, 1, 2], false);
        bands.add(&truth, &said, [1, 2]).unwrap();
        bands.add(&truth, &truth, [2, 1]).unwrap();
        bands.add(&ids(&["rr"]), &said, [1, 2]).unwrap();
        assert_eq!(counts(&bands), [(1, 4), (1, 4)]);
        assert_eq!(bands.points()[0].share, Some(400.0 / 6.0));
    }

    #[test]
    fn nothing_is_counted_of_what_does_not_fit() {
        let mut bands = trimap(&[1], false);
        assert_eq!(bands.add(&[1, 2], &[1], [1, 2]).unwrap_err().code, codes::METRICS_LABELS);
        assert_eq!(bands.add(&[1, 2], &[1, 2], [2, 2]).unwrap_err().code, codes::METRICS_LABELS);
        assert_eq!(counts(&bands), [(0, 0)]);
        let table = table(&["road"], "");
        for widths in [&[][..], &[0, 1]] {
            assert_eq!(Trimap::new(&table, widths, false).unwrap_err().code, codes::METRICS_WIDTH);
        }
    }
}
