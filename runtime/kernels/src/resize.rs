//! Bilinear resizing of maps, half-pixel centres (`align_corners = false`), and its gradient.

use pulp::Arch;
use rayon::prelude::*;

use crate::Shape;
use crate::window::fills;

/// What one output position reads along an axis: two neighbours, and the share of the second.
#[derive(Clone, Copy)]
struct Pair {
    low: usize,
    high: usize,
    share: f32,
}

/// The neighbours of each output position: `(i + 1/2) from / to - 1/2`, kept within the map.
fn pairs(from: usize, to: usize) -> Vec<Pair> {
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let at = ((i as f64 + 0.5) * scale - 0.5).max(0.0);
            let low = (at as usize).min(from - 1);
            Pair { low, high: (low + 1).min(from - 1), share: (at - low as f64) as f32 }
        })
        .collect()
}

/// `x [n, c, h, w]` resized to `to`.
pub fn forward(x: &[f32], shape: Shape, to: [usize; 2]) -> Vec<f32> {
    fills(x, shape);
    let [n, c, h, w] = shape;
    let mut y = vec![0.0; n * c * to[0] * to[1]];
    if y.is_empty() || x.is_empty() {
        return y;
    }
    let (rows, columns) = (pairs(h, to[0]), pairs(w, to[1]));
    y.par_chunks_exact_mut(to[0] * to[1]).zip(x.par_chunks_exact(h * w)).for_each_init(
        || vec![0.0; w],
        |mixed, (y, x)| {
            Arch::new().dispatch(|| {
                for (y, row) in y.chunks_exact_mut(to[1]).zip(&rows) {
                    let (low, high) = (&x[row.low * w..][..w], &x[row.high * w..][..w]);
                    for (mixed, (low, high)) in mixed.iter_mut().zip(low.iter().zip(high)) {
                        *mixed = low + row.share * (high - low);
                    }
                    for (y, column) in y.iter_mut().zip(&columns) {
                        let (low, high) = (mixed[column.low], mixed[column.high]);
                        *y = low + column.share * (high - low);
                    }
                }
            });
        },
    );
    y
}

/// The gradient with respect to `x [n, c, h, w]`, given the gradient `dy [n, c, to[0], to[1]]`.
pub fn gradient(dy: &[f32], shape: Shape, to: [usize; 2]) -> Vec<f32> {
    let [n, c, h, w] = shape;
    fills(dy, [n, c, to[0], to[1]]);
    let mut dx = vec![0.0; n * c * h * w];
    if dx.is_empty() || dy.is_empty() {
        return dx;
    }
    let (rows, columns) = (pairs(h, to[0]), pairs(w, to[1]));
    dx.par_chunks_exact_mut(h * w).zip(dy.par_chunks_exact(to[0] * to[1])).for_each_init(
        || vec![0.0; w],
        |mixed, (dx, dy)| {
            Arch::new().dispatch(|| {
                for (dy, row) in dy.chunks_exact(to[1]).zip(&rows) {
                    mixed.fill(0.0);
                    for (dy, column) in dy.iter().zip(&columns) {
                        let high = column.share * dy;
                        mixed[column.low] += dy - high;
                        mixed[column.high] += high;
                    }
                    for (at, share) in [(row.low, 1.0 - row.share), (row.high, row.share)] {
                        let dx = &mut dx[at * w..][..w];
                        dx.iter_mut().zip(mixed.iter()).for_each(|(dx, mixed)| *dx += share * mixed);
                    }
                }
            });
        },
    );
    dx
}
