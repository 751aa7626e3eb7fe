//! Kullback-Leibler divergences of diagonal gaussians and mixtures, in log space.

use burn::tensor::{Tensor, TensorData};
use phg_compiler::plan::instr::{KlMethod, KlReduce};

use super::Context;

/// A weight of `e^-10000` is zero; a logarithm below would only make `0 * infinity`.
const LOG_ZERO: f32 = -1e4;

/// A diagonal gaussian for each image.
pub(super) struct Gaussian {
    /// `[n, d]`.
    pub(super) mean: Tensor<2>,
    /// `[n, d]`.
    pub(super) log_variance: Tensor<2>,
}

/// A mixture of diagonal gaussians for each image.
#[derive(Clone)]
pub(super) struct Mixture {
    /// `[n, k]`.
    log_weights: Tensor<2>,
    /// `[n, k, d]`.
    mean: Tensor<3>,
    /// `[n, k, d]`.
    log_variance: Tensor<3>,
}

impl Mixture {
    /// From log-weights `[n, k]`, means and log-variances `[n, k, d]`.
    pub(super) fn new(log_weights: Tensor<2>, mean: Tensor<3>, log_variance: Tensor<3>) -> Self {
        Self { log_weights: log_weights.clamp_min(LOG_ZERO), mean, log_variance }
    }
}

/// What is made of a divergence's dimensions.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    /// Divide by their number?
    pub(super) reduce: KlReduce,
    /// Least that the mean of each over the batch counts (Kingma et al. 2016, eq. 15).
    pub(super) free_bits: f32,
}

impl Scale {
    /// The divergence of each image and dimension, `[n, d]`, as one number: mean over the batch, sum over the rest.
    fn sum(self, each: Tensor<2>) -> Tensor<1> {
        if self.free_bits > 0.0 {
            return each.mean_dim(0).clamp_min(self.free_bits).sum();
        }
        each.sum_dim(1).mean()
    }

    fn apply(self, x: Tensor<1>, d: usize) -> Tensor<1> {
        match self.reduce {
            KlReduce::Mean => x.div_scalar(d as f64),
            KlReduce::Sum => x,
        }
    }
}

/// KL(q || p), mean over the batch; p is the standard normal when absent.
pub(super) fn gaussian(q: Gaussian, p: Option<Gaussian>, scale: Scale) -> Tensor<1> {
    let [_, d] = q.mean.dims();
    let each = match p {
        Some(p) => elements(q.mean, q.log_variance, p.mean, p.log_variance),
        None => {
            let moved = q.log_variance.clone().exp() + q.mean.square() - q.log_variance;
            moved.sub_scalar(1.0f32).mul_scalar(0.5f32)
        }
    };
    scale.apply(scale.sum(each), d)
}

/// KL(q || p) of two mixtures, mean over the batch.
pub(super) fn mixture(
    q: Mixture,
    p: Mixture,
    by: KlMethod,
    scale: Scale,
    context: &Context<'_>,
) -> Tensor<1> {
    let [n, k, d] = q.mean.dims();
    let weights = q.log_weights.clone().exp();
    let each = match by {
        KlMethod::Matched => {
            let components = elements(q.mean, q.log_variance, p.mean, p.log_variance);
            let between = q.log_weights - p.log_weights;
            if scale.free_bits > 0.0 {
                let shares = weights.clone().reshape([n, k, 1]);
                let dimensions = (components * shares).sum_dim(1).reshape([n, d]);
                return scale.apply(scale.sum(dimensions) + (weights * between).sum_dim(1).mean(), d);
            }
            between + squeeze(components.sum_dim(2))
        }
        KlMethod::Variational => {
            let own = log_sum(against(&q, &q));
            let other = log_sum(against(&q, &p));
            own - other
        }
        KlMethod::MonteCarlo { samples } => sampled(&q, &p, samples, context),
    };
    scale.apply((weights * each).sum_dim(1).mean(), d)
}

/// `log p_b - KL(q_a || p_b)` for every component `a` of `q` and `b` of `p`: `[n, a, b]`.
fn against(q: &Mixture, p: &Mixture) -> Tensor<3> {
    let rows = |x: &Tensor<3>| x.clone().unsqueeze_dim::<4>(2);
    let columns = |x: &Tensor<3>| x.clone().unsqueeze_dim::<4>(1);
    let each = elements(rows(&q.mean), rows(&q.log_variance), columns(&p.mean), columns(&p.log_variance));
    let [n, a, b, _] = each.dims();
    p.log_weights.clone().unsqueeze_dim::<3>(1) - each.sum_dim(3).reshape([n, a, b])
}

/// Mean over draws from each component of `log q - log p`: `[n, k]`.
fn sampled(q: &Mixture, p: &Mixture, samples: usize, context: &Context<'_>) -> Tensor<2> {
    let [n, k, d] = q.mean.dims();
    let mut stream = context.stream();
    let noise: Vec<f32> = (0..n * k * samples * d).map(|_| stream.normal()).collect();
    let noise = Tensor::<4>::from_data(TensorData::new(noise, [n, k, samples, d]), context.device);
    let deviation = q.log_variance.clone().mul_scalar(0.5f32).exp().unsqueeze_dim::<4>(2);
    let draws = (q.mean.clone().unsqueeze_dim::<4>(2) + deviation * noise).reshape([n, k * samples, d]);
    let difference = log_density(&draws, q) - log_density(&draws, p);
    difference.reshape([n, k, samples]).mean_dim(2).reshape([n, k])
}

/// Logarithm of a mixture's density at `[n, s, d]`: `[n, s]`.
fn log_density(x: &Tensor<3>, q: &Mixture) -> Tensor<2> {
    let x = x.clone().unsqueeze_dim::<4>(2);
    let mean = q.mean.clone().unsqueeze_dim::<4>(1);
    let log_variance = q.log_variance.clone().unsqueeze_dim::<4>(1);
    let distance = (x - mean).square() * log_variance.clone().neg().exp() + log_variance;
    let [n, s, k, _] = distance.dims();
    let exponent = distance.add_scalar(std::f64::consts::TAU.ln()).sum_dim(3).mul_scalar(-0.5f32);
    log_sum(exponent.reshape([n, s, k]) + q.log_weights.clone().unsqueeze_dim::<3>(1))
}

/// KL of each pair of one-dimensional gaussians, elementwise with broadcasting.
fn elements<const D: usize>(m1: Tensor<D>, lv1: Tensor<D>, m2: Tensor<D>, lv2: Tensor<D>) -> Tensor<D> {
    let ratio = (lv1.clone() - lv2.clone()).exp();
    let distance = (m1 - m2).square() * lv2.clone().neg().exp();
    (lv2 - lv1 + ratio + distance).sub_scalar(1.0f32).mul_scalar(0.5f32)
}

/// `log(sum(exp(x)))` over the last axis: `[n, a, b]` to `[n, a]`.
fn log_sum(x: Tensor<3>) -> Tensor<2> {
    let largest = x.clone().inner().max_dim(2);
    squeeze((x - largest.clone()).exp().sum_dim(2).log() + largest)
}

/// `[n, a, 1]` to `[n, a]`.
fn squeeze(x: Tensor<3>) -> Tensor<2> {
    let [n, a, _] = x.dims();
    x.reshape([n, a])
}
