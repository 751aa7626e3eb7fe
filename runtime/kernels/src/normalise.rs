//! Batch normalisation by the batch's own statistics (Ioffe and Szegedy 2015), and its gradients.
//!
//! Maps are `[n, c, ...]`: each channel has `n` planes of equal length.

use pulp::Arch;
use rayon::prelude::*;

use crate::lanes::sum_by;

/// What a batch norm makes of a map.
pub struct Normalised {
    /// As long as the map.
    pub y: Vec<f32>,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Biased variance of each channel.
    pub variance: Vec<f32>,
}

/// Gradients with respect to the operands of a batch norm.
pub struct Gradients {
    /// As long as the map.
    pub x: Vec<f32>,
    /// One for each channel.
    pub scale: Vec<f32>,
    /// One for each channel.
    pub offset: Vec<f32>,
}

/// The planes of each channel.
fn by_channel(map: &mut [f32], channels: usize, plane: usize) -> Vec<Vec<&mut [f32]>> {
    let mut planes: Vec<Vec<&mut [f32]>> = (0..channels).map(|_| Vec::new()).collect();
    for (at, part) in map.chunks_exact_mut(plane.max(1)).enumerate() {
        planes[at % channels].push(part);
    }
    planes
}

fn length(map: &[f32], channels: usize, images: usize) -> usize {
    assert!(
        channels > 0 && images > 0 && map.len().is_multiple_of(channels * images),
        "planes of equal length"
    );
    map.len() / (channels * images)
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + offset` for each channel of `x [images, channels, ...]`.
///
/// # Panics
/// A map that does not fall into that many planes.
pub fn forward(x: &[f32], images: usize, scale: &[f32], offset: &[f32], epsilon: f32) -> Normalised {
    let channels = scale.len();
    assert_eq!(offset.len(), channels, "an offset for each channel");
    let plane = length(x, channels, images);
    let count = (images * plane) as f32;
    let mut y = vec![0.0; x.len()];
    let statistics: Vec<(f32, f32)> = by_channel(&mut y, channels, plane)
        .into_par_iter()
        .enumerate()
        .map(|(channel, y)| {
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    let x = |image: usize| &x[(image * channels + channel) * plane..][..plane];
                    let mean = (0..images).map(|image| sum_by(plane, |at| x(image)[at])).sum::<f32>() / count;
                    let square = |image: usize| {
                        let x = x(image);
                        sum_by(plane, |at| (x[at] - mean) * (x[at] - mean))
                    };
                    let variance = (0..images).map(square).sum::<f32>() / count;
                    let factor = scale[channel] / (variance + epsilon).sqrt();
                    for (image, y) in y.into_iter().enumerate() {
                        for (y, x) in y.iter_mut().zip(x(image)) {
                            *y = (x - mean) * factor + offset[channel];
                        }
                    }
                    (mean, variance)
                },
            )
        })
        .collect();
    let (mean, variance) = statistics.into_iter().unzip();
    Normalised { y, mean, variance }
}

/// The gradients, given the one with respect to the result.
///
/// # Panics
/// Operands that do not fit each other.
pub fn gradients(
    x: &[f32],
    images: usize,
    scale: &[f32],
    (mean, variance): (&[f32], &[f32]),
    epsilon: f32,
    dy: &[f32],
) -> Gradients {
    let channels = scale.len();
    let plane = length(x, channels, images);
    assert!(dy.len() == x.len() && mean.len() == channels && variance.len() == channels, "operands fit");
    let count = (images * plane) as f32;
    let mut dx = vec![0.0; x.len()];
    let sums: Vec<(f32, f32)> = by_channel(&mut dx, channels, plane)
        .into_par_iter()
        .enumerate()
        .map(|(channel, dx)| {
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    let part = |image: usize| {
                        (image * channels + channel) * plane..(image * channels + channel + 1) * plane
                    };
                    let mean = mean[channel];
                    let inverse = 1.0 / (variance[channel] + epsilon).sqrt();
                    let (mut offset, mut scaled) = (0.0, 0.0);
                    for image in 0..images {
                        let (x, dy) = (&x[part(image)], &dy[part(image)]);
                        offset += sum_by(plane, |at| dy[at]);
                        scaled += sum_by(plane, |at| dy[at] * (x[at] - mean));
                    }
                    let scaled = scaled * inverse;
                    let factor = scale[channel] * inverse;
                    let (shift, slope) = (offset / count, scaled * inverse / count);
                    for (image, dx) in dx.into_iter().enumerate() {
                        let (x, dy) = (&x[part(image)], &dy[part(image)]);
                        for (dx, (x, dy)) in dx.iter_mut().zip(x.iter().zip(dy)) {
                            *dx = factor * (dy - shift - (x - mean) * slope);
                        }
                    }
                    (scaled, offset)
                },
            )
        })
        .collect();
    let (scale, offset) = sums.into_iter().unzip();
    Gradients { x: dx, scale, offset }
}
