//! The exact Euclidean distance of every pixel to the nearest of some pixels.
//!
//! Comes in: a map of seeds. Goes out: squared distances between pixel centres, whole numbers. Guaranteed: exact, in
//! time linear in the number of pixels.
//!
//! P. F. Felzenszwalb and D. P. Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012):
//! along each column, then along each row, the lower envelope of parabolas. Along columns the function is 0 or
//! infinite, and its transform is the distance to the seed before or after, found by walking both ways.

/// The squared distance of each pixel of `[rows][columns]` to the nearest seed; `None` when there is no seed.
///
/// Distances are exact for sides up to 32768 ([`crate::data::decode::MAX_SIDE`]).
pub fn squared_distances(seeds: &[bool], [rows, columns]: [usize; 2]) -> Option<Vec<u32>> {
    if seeds.len() != rows * columns || !seeds.contains(&true) {
        return None;
    }
    let in_columns = along_columns(seeds, columns);
    let mut envelope = Envelope::default();
    let mut squared = Vec::with_capacity(seeds.len());
    for row in in_columns.chunks_exact(columns) {
        envelope.fit(row);
        squared.extend((0..columns).map(|x| envelope.at(x)));
    }
    Some(squared)
}

/// The distance of each pixel to the nearest seed of its column; [`FAR`] where the column has none.
fn along_columns(seeds: &[bool], columns: usize) -> Vec<u32> {
    let mut distances: Vec<u32> = seeds.iter().map(|seed| if *seed { 0 } else { FAR }).collect();
    let nearer = |before: u32, here: &mut u32| {
        if before != FAR {
            *here = (*here).min(before + 1);
        }
    };
    for at in columns..distances.len() {
        let before = distances[at - columns];
        nearer(before, &mut distances[at]);
    }
    for at in (0..distances.len().saturating_sub(columns)).rev() {
        let after = distances[at + columns];
        nearer(after, &mut distances[at]);
    }
    distances
}

/// No seed in the column.
const FAR: u32 = u32::MAX;

/// The lower envelope of the parabolas `(x - place)^2 + height` of one row.
#[derive(Default)]
struct Envelope {
    /// Places and heights of the parabolas in it, from the left.
    parabolas: Vec<(usize, u64)>,
    /// Where each begins to be the lowest.
    begins: Vec<f64>,
    /// The one that was the lowest at the place asked for last.
    lowest: usize,
}

impl Envelope {
    /// Takes the distances along columns of one row, whose squares are the heights.
    fn fit(&mut self, row: &[u32]) {
        self.parabolas.clear();
        self.begins.clear();
        self.lowest = 0;
        for (place, distance) in row.iter().enumerate().filter(|(_, distance)| **distance != FAR) {
            let height = u64::from(*distance).pow(2);
            let mut begin = f64::NEG_INFINITY;
            while let (Some(last), Some(last_begin)) = (self.parabolas.last(), self.begins.last()) {
                // Whole numbers below 2^53 but for the division. It cannot turn a place that is not whole into a
                // whole one: these are 1 / (2 * columns) apart at least.
                let lifted = |(place, height): (usize, u64)| (height + (place as u64).pow(2)) as f64;
                let apart = 2.0 * (place - last.0) as f64;
                let meet = (lifted((place, height)) - lifted(*last)) / apart;
                if meet > *last_begin {
                    begin = meet;
                    break;
                }
                self.parabolas.pop();
                self.begins.pop();
            }
            self.parabolas.push((place, height));
            self.begins.push(begin);
        }
    }

    /// The envelope at `x`, which may only grow from call to call; 0 without parabolas.
    fn at(&mut self, x: usize) -> u32 {
        while self.begins.get(self.lowest + 1).is_some_and(|begin| *begin < x as f64) {
            self.lowest += 1;
        }
        let (place, height) = self.parabolas.get(self.lowest).copied().unwrap_or((x, 0));
        let across = place.abs_diff(x) as u64;
        u32::try_from(across * across + height).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seeds(map: &[&str]) -> (Vec<bool>, [usize; 2]) {
        let cells: Vec<bool> = map.iter().flat_map(|row| row.bytes().map(|cell| cell == b'#')).collect();
        (cells, [map.len(), map[0].len()])
    }

    #[test]
    fn distances_worked_by_hand() {
        let (map, size) = seeds(&["#....", ".....", "....#"]);
        let expected = [
            0, 1, 4, 5, 4, //
            1, 2, 5, 2, 1, //
            4, 5, 4, 1, 0,
        ];
        assert_eq!(squared_distances(&map, size).unwrap(), expected);
        let (line, size) = seeds(&["..#......#"]);
        assert_eq!(squared_distances(&line, size).unwrap(), [4, 1, 0, 1, 4, 9, 9, 4, 1, 0]);
        assert_eq!(squared_distances(&[false; 6], [2, 3]), None);
        assert_eq!(squared_distances(&[true; 5], [2, 3]), None, "a map that does not fill its size");
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_definition(
            cells in prop::collection::vec(prop::bool::weighted(0.07), 1..700), columns in 1usize..40,
        ) {
            let columns = columns.min(cells.len());
            let rows = cells.len() / columns;
            let map = &cells[..rows * columns];
            let places: Vec<(usize, usize)> = (0..map.len())
                .filter(|at| map[*at])
                .map(|at| (at / columns, at % columns))
                .collect();
            let nearest = |at: usize| {
                let to = |(row, column): &(usize, usize)| {
                    (row.abs_diff(at / columns).pow(2) + column.abs_diff(at % columns).pow(2)) as u32
                };
                places.iter().map(to).min()
            };
            let expected: Option<Vec<u32>> = (0..map.len()).map(nearest).collect();
            prop_assert_eq!(squared_distances(map, [rows, columns]), expected);
        }
    }
}
