//! What the instructions of losses and divergences are given: a part of [`instr`](super::instr), which names them.

use serde::Serialize;

/// See [`Instr::CrossEntropy`](super::instr::Instr::CrossEntropy).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrossEntropy {
    /// Weights of the classes; the mean is weighted by them.
    pub weights: ClassWeights,
    /// Share of the target spread evenly over the classes, in `[0, 1)`.
    pub smoothing: f32,
    /// Only the hardest pixels count.
    pub hard: Option<HardPixels>,
}

/// Which pixels are hard enough to count (online hard example mining, Shrivastava et al. 2016): those whose class
/// got a probability below `below`, and where they are fewer than `at_least` of the pixels that have a class, the
/// `floor(at_least * pixels)` with the least probability, and what equals the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HardPixels {
    /// A probability in `(0, 1)`.
    pub below: f32,
    /// A share in `[0, 1]`.
    pub at_least: f32,
}

/// Weights of classes in a loss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ClassWeights {
    /// All 1.
    Uniform,
    /// One for each class, void included.
    List(Vec<f32>),
    /// From the training split: median frequency over frequency (Eigen and Fergus 2015).
    MedianFrequency,
    /// From the training split: `1 / ln(1.02 + share)` (Paszke et al. 2016).
    InverseLog,
}

/// What a loss makes of classes that the batch's labels do not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum AbsentClasses {
    /// Left out of the mean.
    Skip,
    /// In the mean with an intersection of 0.
    Count,
}

/// Whether a divergence is summed over the latent dimensions or divided by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum KlReduce {
    /// Divided by the latent size.
    Mean,
    /// As it is.
    Sum,
}

/// How the KL of two mixtures is approximated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum KlMethod {
    /// `KL(weights) + sum_k w_k KL(component_k)`, an upper bound.
    Matched,
    /// Hershey and Olsen 2007, eq. 20; no bound, can be negative.
    Variational,
    /// Reparameterised draws, `samples` from every component.
    MonteCarlo {
        /// Draws from every component.
        samples: usize,
    },
}
