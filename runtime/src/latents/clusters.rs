//! How well groups of points are apart: the three indices of the PHGMM paper's Fig. 9.
//!
//! Comes in: points and the group of each. Goes out: the silhouette (Rousseeuw 1987), the Calinski-Harabasz index
//! (1974) and the Davies-Bouldin index (1979), on Euclidean distances. Guaranteed: the values of scikit-learn,
//! degenerate cases included. None of them says that groups mean anything: points that do not depend on the image at
//! all are perfect clusters.

use serde::Serialize;

/// The indices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Indices {
    /// Mean over points of `(b - a) / max(a, b)`, from -1 to 1; larger is further apart. `a`: mean distance to the
    /// point's own group, `b`: to the nearest other one.
    pub silhouette: f64,
    /// Variance between groups over variance within them; larger is further apart.
    pub calinski_harabasz: f64,
    /// Mean over groups of the worst `(spread + spread) / distance`; smaller is further apart.
    pub davies_bouldin: f64,
}

/// The indices of `points`, all of one length, in `groups` `0..`; `None` unless there are at least two groups and
/// more points than groups.
pub fn indices(points: &[Vec<f32>], groups: &[usize]) -> Option<Indices> {
    let places = groups.iter().max()? + 1;
    let mut counts = vec![0usize; places];
    groups.iter().for_each(|group| counts[*group] += 1);
    let present = counts.iter().filter(|count| **count > 0).count();
    if points.len() != groups.len() || present < 2 || points.len() <= present {
        return None;
    }
    let centres = centres(points, groups, &counts);
    Some(Indices {
        silhouette: silhouette(points, groups, &counts),
        calinski_harabasz: calinski_harabasz(points, groups, &counts, &centres),
        davies_bouldin: davies_bouldin(points, groups, &counts, &centres),
    })
}

fn distance<A: Copy + Into<f64>, B: Copy + Into<f64>>(a: &[A], b: &[B]) -> f64 {
    a.iter().zip(b).map(|(a, b)| ((*a).into() - (*b).into()).powi(2)).sum::<f64>().sqrt()
}

/// Means of the groups; zeros where a group is empty.
fn centres(points: &[Vec<f32>], groups: &[usize], counts: &[usize]) -> Vec<Vec<f64>> {
    let length = points.first().map_or(0, Vec::len);
    let mut centres = vec![vec![0.0; length]; counts.len()];
    for (point, group) in points.iter().zip(groups) {
        for (sum, value) in centres[*group].iter_mut().zip(point) {
            *sum += f64::from(*value);
        }
    }
    for (centre, count) in centres.iter_mut().zip(counts) {
        centre.iter_mut().for_each(|sum| *sum /= (*count).max(1) as f64);
    }
    centres
}

fn silhouette(points: &[Vec<f32>], groups: &[usize], counts: &[usize]) -> f64 {
    let mut total = 0.0;
    for (at, point) in points.iter().enumerate() {
        let own = groups[at];
        // A group of one says nothing of itself.
        if counts[own] < 2 {
            continue;
        }
        let mut sums = vec![0.0; counts.len()];
        for (other, group) in points.iter().zip(groups) {
            sums[*group] += distance(point, other);
        }
        let inside = sums[own] / (counts[own] - 1) as f64;
        let others = sums.iter().zip(counts).enumerate().filter(|(group, (_, n))| *group != own && **n > 0);
        let outside = others.map(|(_, (sum, n))| sum / *n as f64).fold(f64::INFINITY, f64::min);
        let larger = inside.max(outside);
        if larger > 0.0 {
            total += (outside - inside) / larger;
        }
    }
    total / points.len() as f64
}

fn calinski_harabasz(points: &[Vec<f32>], groups: &[usize], counts: &[usize], centres: &[Vec<f64>]) -> f64 {
    let all = centres_of_all(points);
    let within: f64 =
        points.iter().zip(groups).map(|(point, group)| distance(point, &centres[*group]).powi(2)).sum();
    let between: f64 =
        centres.iter().zip(counts).map(|(centre, n)| *n as f64 * distance(centre, &all).powi(2)).sum();
    let present = counts.iter().filter(|count| **count > 0).count();
    if within == 0.0 {
        return 1.0;
    }
    between * (points.len() - present) as f64 / (within * (present - 1) as f64)
}

fn centres_of_all(points: &[Vec<f32>]) -> Vec<f64> {
    centres(points, &vec![0; points.len()], &[points.len()]).pop().unwrap_or_default()
}

fn davies_bouldin(points: &[Vec<f32>], groups: &[usize], counts: &[usize], centres: &[Vec<f64>]) -> f64 {
    /// Below it scikit-learn takes all spreads, or all distances, for zero.
    const NOTHING: f64 = 1e-8;
    let mut spreads = vec![0.0; counts.len()];
    for (point, group) in points.iter().zip(groups) {
        spreads[*group] += distance(point, &centres[*group]) / counts[*group] as f64;
    }
    let present: Vec<usize> = (0..counts.len()).filter(|group| counts[*group] > 0).collect();
    let apart = |a: usize, b: usize| distance(&centres[a], &centres[b]);
    let pairs = || present.iter().flat_map(|a| present.iter().map(move |b| (*a, *b)));
    let near = |value: f64| value.abs() <= NOTHING;
    if present.iter().all(|group| near(spreads[*group])) || pairs().all(|(a, b)| near(apart(a, b))) {
        return 0.0;
    }
    let worst = |a: usize| {
        let others = present.iter().filter(|b| **b != a && apart(a, **b) > 0.0);
        others.map(|b| (spreads[a] + spreads[*b]) / apart(a, *b)).fold(0.0, f64::max)
    };
    present.iter().map(|group| worst(*group)).sum::<f64>() / present.len() as f64
}
