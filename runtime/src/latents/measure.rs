//! Figures of a latent space: what there is to see before it is asked whether predictions need it.
//!
//! Comes in: distributions of images ([`Observed`]). Goes out: divergences, active dimensions, weights and variation.
//! Guaranteed: computed in double precision; divergences are closed forms, of mixtures `matched` (component by
//! component, an upper bound), and are divided by the size of the latent space, as `kl` does by default.

use serde::Serialize;

use super::observe::{Distribution, Observed};
use phg_compiler::plan::Against;

/// A dimension is active when its mean varies over images by more than this (Burda, Grosse and Salakhutdinov 2016).
pub const ACTIVE: f64 = 0.01;

/// What is told of a latent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Its name, such as `z.q`.
    pub name: String,
    /// Components of a mixture; 1 for a gaussian.
    pub components: usize,
    /// Dimensions of a component.
    pub dimensions: usize,
    /// Images looked at.
    pub images: usize,
    /// What its divergence is taken from: `standard_normal`, or the name of a latent.
    pub against: Option<String>,
    /// The divergence, nats for each dimension, mean over images.
    pub kl: Option<f64>,
    /// Dimensions, of all components, whose mean varies over images; `None` for fewer than two images.
    pub active: Option<usize>,
    /// Mean over dimensions of the mean's standard deviation over images; `None` for fewer than two images.
    pub variation: Option<f64>,
    /// Mean standard deviation of the distributions.
    pub sigma: f64,
    /// Distance of two components' centres for each dimension (root mean square), mean over pairs; `None` for a
    /// gaussian.
    pub component_distance: Option<f64>,
    /// A line for each component of a mixture.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_component: Vec<Component>,
}

/// What is told of a component of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// Its weight, mean over images.
    pub weight: f64,
    /// Divergence from the component that it is matched with, nats for each dimension, mean over images.
    pub kl: Option<f64>,
    /// Dimensions whose mean varies over images.
    pub active: Option<usize>,
}

/// The figures of every latent, beside those that they are compared with.
pub fn figures(observed: &[Observed]) -> Vec<Figures> {
    observed.iter().map(|latent| of(latent, observed)).collect()
}

fn of(latent: &Observed, all: &[Observed]) -> Figures {
    let partner = latent.against.as_ref().map(|against| Partner::find(latent, against, all));
    let (against, partner) = match partner {
        Some(Some(partner)) => (Some(partner.name()), Some(partner)),
        Some(None) | None => (None, None),
    };
    let (k, d) = (latent.components, latent.dim);
    let count = latent.images.len().max(1) as f64;
    let kl = partner.as_ref().map(|partner| {
        let each = latent.images.iter().enumerate().map(|(at, q)| matched(q, &partner.at(at, k, d), d));
        each.sum::<f64>() / count
    });
    let deviations = deviations(latent);
    let active = |range: std::ops::Range<usize>| {
        let deviations = deviations.as_ref()?.get(range)?;
        Some(deviations.iter().filter(|deviation| deviation.powi(2) > ACTIVE).count())
    };
    let sigma = latent.images.iter().flat_map(|image| &image.log_variance);
    let by_component = (0..if latent.mixture { k } else { 0 })
        .map(|component| Component {
            weight: latent.images.iter().map(|image| exp(image.log_weights[component])).sum::<f64>() / count,
            kl: partner.as_ref().map(|partner| {
                let each = latent
                    .images
                    .iter()
                    .enumerate()
                    .map(|(at, q)| gaussians(q, &partner.at(at, k, d), component, d));
                each.sum::<f64>() / count
            }),
            active: active(component * d..(component + 1) * d),
        })
        .collect();
    Figures {
        name: latent.name.clone(),
        components: k,
        dimensions: d,
        images: latent.images.len(),
        against,
        kl,
        active: active(0..k * d),
        variation: deviations.as_ref().map(|all| all.iter().sum::<f64>() / all.len().max(1) as f64),
        sigma: sigma.map(|value| exp(0.5 * value)).sum::<f64>() / (count * (k * d).max(1) as f64),
        component_distance: (latent.mixture && k > 1).then(|| component_distance(latent)),
        by_component,
    }
}

fn exp(x: f32) -> f64 {
    f64::from(x).exp()
}

/// What a divergence is taken from.
enum Partner<'a> {
    Latent(&'a Observed),
    StandardNormal,
}

impl<'a> Partner<'a> {
    /// `None` when the divergence is not the closed form: mixtures of different sizes.
    fn find(of: &Observed, against: &Against, all: &'a [Observed]) -> Option<Self> {
        match against {
            Against::StandardNormal => Some(Self::StandardNormal),
            Against::Latent(name) => {
                let same = |latent: &&Observed| {
                    latent.name == *name && (latent.components, latent.dim) == (of.components, of.dim)
                };
                all.iter().find(same).map(Self::Latent)
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Latent(latent) => latent.name.clone(),
            Self::StandardNormal => "standard_normal".to_owned(),
        }
    }

    /// The distribution for the image number `at`, for a partner of `k` components of `d` dimensions.
    fn at(&self, at: usize, k: usize, d: usize) -> Distribution {
        let standard = || Distribution {
            log_weights: vec![-(k as f32).ln(); k],
            mean: vec![0.0; k * d],
            log_variance: vec![0.0; k * d],
        };
        match self {
            Self::Latent(latent) => latent.images.get(at).cloned().unwrap_or_else(standard),
            Self::StandardNormal => standard(),
        }
    }
}

/// `KL(q || p)` of distributions of one size, component by component with the weights' part, for each dimension: at
/// least the true divergence.
pub fn matched(q: &Distribution, p: &Distribution, d: usize) -> f64 {
    let weights = q.log_weights.iter().zip(&p.log_weights).enumerate();
    let each = weights.map(|(component, (a, b))| {
        let (a, b) = (f64::from(*a), f64::from(*b));
        let weight = a.exp();
        // A weight of zero says nothing, whatever its logarithm.
        if weight == 0.0 { 0.0 } else { weight * ((a - b) / d as f64 + gaussians(q, p, component, d)) }
    });
    each.sum()
}

/// `KL(q_k || p_k)` of one component, for each dimension.
fn gaussians(q: &Distribution, p: &Distribution, component: usize, d: usize) -> f64 {
    let range = component * d..(component + 1) * d;
    let cut = |values: &[f32]| -> Vec<f64> {
        values.get(range.clone()).unwrap_or_default().iter().map(|value| f64::from(*value)).collect()
    };
    let (means, others) = (cut(&q.mean), cut(&p.mean));
    let (variances, their) = (cut(&q.log_variance), cut(&p.log_variance));
    let terms = means.iter().zip(&others).zip(variances.iter().zip(&their));
    let sum: f64 =
        terms.map(|((m, n), (v, w))| w - v + (v - w).exp() + (m - n).powi(2) * (-w).exp() - 1.0).sum();
    0.5 * sum / d.max(1) as f64
}

/// Standard deviation over images of each mean, `n - 1` in the denominator.
fn deviations(latent: &Observed) -> Option<Vec<f64>> {
    let count = latent.images.len();
    if count < 2 {
        return None;
    }
    let size = latent.components * latent.dim;
    let deviation = |at: usize| {
        let values = || latent.images.iter().map(|image| f64::from(image.mean[at]));
        let mean = values().sum::<f64>() / count as f64;
        (values().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1) as f64).sqrt()
    };
    Some((0..size).map(deviation).collect())
}

/// How far the components' centres are from one another.
fn component_distance(latent: &Observed) -> f64 {
    let (k, d) = (latent.components, latent.dim);
    let count = latent.images.len().max(1) as f64;
    let centre: Vec<f64> = (0..k * d)
        .map(|at| latent.images.iter().map(|image| f64::from(image.mean[at])).sum::<f64>() / count)
        .collect();
    let mut sum = 0.0;
    for a in 0..k {
        for b in 0..k {
            let squares = (0..d).map(|at| (centre[a * d + at] - centre[b * d + at]).powi(2));
            sum += (squares.sum::<f64>() / d.max(1) as f64).sqrt();
        }
    }
    sum / (k * (k - 1)).max(1) as f64
}

/// How far the distributions of the same images are apart: with other labels, how much PostNet listens to them.
pub fn divergence(a: &Observed, b: &Observed) -> f64 {
    let pairs = a.images.iter().zip(&b.images);
    pairs.map(|(q, p)| matched(q, p, a.dim)).sum::<f64>() / a.images.len().min(b.images.len()).max(1) as f64
}

/// The same between each image and the one half of the images further on.
pub fn divergence_of_images(latent: &Observed) -> f64 {
    let count = latent.images.len();
    let each = (0..count)
        .map(|at| matched(&latent.images[at], &latent.images[(at + count / 2) % count], latent.dim));
    each.sum::<f64>() / count.max(1) as f64
}

/// Below it a divergence is none: nats for each dimension.
const NO_DIVERGENCE: f64 = 1e-3;

/// Above it one component is the whole mixture.
const ALL_WEIGHT: f64 = 0.99;

/// Signs of a latent space that has collapsed, each with a word that names it.
pub fn collapse(figures: &Figures) -> Vec<(&'static str, String)> {
    let name = &figures.name;
    let mut signs = Vec::new();
    let of = figures.components * figures.dimensions;
    if figures.active == Some(0) {
        signs.push(("active", format!("no dimension of `{name}` varies between images (0 of {of})")));
    }
    if let (Some(kl), Some(against)) = (figures.kl, &figures.against)
        && kl.abs() < NO_DIVERGENCE
    {
        signs.push((
            "kl",
            format!("`{name}` is as good as `{against}`: the divergence is {kl:.1e} for each dimension"),
        ));
    }
    let largest = figures.by_component.iter().enumerate().max_by(|a, b| a.1.weight.total_cmp(&b.1.weight));
    if let Some((component, largest)) = largest
        && figures.components > 1
        && largest.weight > ALL_WEIGHT
    {
        let percent = 100.0 * largest.weight;
        signs.push(("weight", format!("component {component} of `{name}` has {percent:.1} % of the weight")));
    }
    signs
}
