//! Points of a latent space on a page: t-SNE (van der Maaten and Hinton 2008), by the crate `bhtsne`.
//!
//! Comes in: points of any length. Goes out: two coordinates for each. Guaranteed: the same points and seed give the
//! same picture; distances between far groups mean nothing, and neither do sizes of groups.

use bhtsne::tSNE;

use crate::random::{Purpose, Stream, counter};

/// Neighbours that a point takes for near.
const PERPLEXITY: f32 = 30.0;
const EPOCHS: usize = 750;
/// Above so many points the forces of far ones are taken together.
const EXACT: usize = 400;

/// Coordinates of `points`; all zero where there are too few to have neighbours, or some are not
/// finite.
pub fn tsne(points: &[Vec<f32>], seed: u64) -> Vec<[f32; 2]> {
    if points.len() < 4 || !points.iter().flatten().all(|value| value.is_finite()) {
        return vec![[0.0; 2]; points.len()];
    }
    let rows: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
    let mut stream = Stream::new(seed, Purpose::Node, [counter("tsne"), points.len() as u64]);
    let start: Vec<f32> = (0..2 * points.len()).map(|_| 1e-4 * stream.normal()).collect();
    // On one thread: sums of forces depend on who adds them up, and a picture would change from run to run.
    match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(|| embed(&rows, start)),
        Err(_) => embed(&rows, start),
    }
}

fn embed(rows: &[&[f32]], start: Vec<f32>) -> Vec<[f32; 2]> {
    let distance =
        |a: &&[f32], b: &&[f32]| a.iter().zip(*b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    let mut tsne: tSNE<'_, f32, &[f32], 2> = tSNE::new(rows);
    tsne.perplexity(PERPLEXITY.min((rows.len() - 1) as f32 / 3.0)).epochs(EPOCHS).initial_embedding(start);
    if rows.len() <= EXACT {
        tsne.exact(distance);
    } else {
        tsne.barnes_hut(0.5, distance);
    }
    tsne.embedding().chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three groups far from one another.
    fn groups(count: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut stream = Stream::new(3, Purpose::Scene, [0, 0]);
        let group: Vec<usize> = (0..count).map(|at| at % 3).collect();
        let point = |group: &usize| {
            (0..6).map(|axis| if axis == *group { 9.0 } else { 0.0 } + 0.3 * stream.normal()).collect()
        };
        (group.iter().map(point).collect(), group)
    }

    #[test]
    fn groups_stay_groups_and_the_picture_stays_the_picture() {
        for count in [45, EXACT + 20] {
            let (points, group) = groups(count);
            let places = tsne(&points, 5);
            let near = |at: usize| {
                let squares = |other: usize| {
                    (places[at][0] - places[other][0]).powi(2) + (places[at][1] - places[other][1]).powi(2)
                };
                (0..count).filter(|other| *other != at).min_by(|a, b| squares(*a).total_cmp(&squares(*b)))
            };
            let kept =
                (0..count).filter(|at| near(*at).map(|other| group[other]) == Some(group[*at])).count();
            assert!(kept * 100 >= count * 98, "{kept} of {count} have a neighbour of their own group");
            assert_eq!(tsne(&points, 5), places);
        }
    }

    #[test]
    fn few_points_have_no_neighbours() {
        assert_eq!(tsne(&[vec![1.0], vec![2.0]], 1), [[0.0; 2]; 2]);
        assert_eq!(tsne(&vec![vec![f32::NAN]; 9], 1), [[0.0; 2]; 9]);
    }

    /// A space that has collapsed: every image says the same.
    #[test]
    fn equal_points_are_drawn() {
        for count in [40, EXACT + 8] {
            let points: Vec<Vec<f32>> = (0..count).map(|at| vec![(at % 4) as f32; 3]).collect();
            assert!(tsne(&points, 1).iter().flatten().all(|value| value.is_finite()));
        }
    }
}
