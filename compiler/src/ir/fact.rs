//! Facts: what is known of a value. Kinds that the domain knows, with symbolic sizes.
//!
//! The batch `N` is the first axis of every tensor and is not repeated in maps and vectors.

use std::fmt;

use crate::ir::dim::Dim;

/// What is known of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A feature map `[N, channels, height, width]`.
    Map {
        /// Channels.
        channels: usize,
        /// Rows.
        height: Dim,
        /// Columns.
        width: Dim,
    },
    /// A vector for each image, `[N, channels]`.
    Vector {
        /// Its size.
        channels: usize,
    },
    /// A tensor of any rank, batch first.
    Tensor {
        /// All sizes.
        dims: Vec<Dim>,
    },
    /// Positions of maxima, of the pooled map's size.
    Indices {
        /// Channels.
        channels: usize,
        /// Rows of the pooled map.
        height: Dim,
        /// Columns of the pooled map.
        width: Dim,
    },
    /// Class labels `[N, height, width]`.
    Labels {
        /// Number of classes, void included.
        classes: usize,
        /// Rows.
        height: Dim,
        /// Columns.
        width: Dim,
    },
    /// A diagonal gaussian for each image: mean and log-variance, each `[N, dim]`.
    Gaussian {
        /// Size of the latent space.
        dim: usize,
    },
    /// A mixture of diagonal gaussians for each image: log-weights `[N, components]`, means and
    /// log-variances `[N, components, dim]`.
    Mixture {
        /// Number of gaussians.
        components: usize,
        /// Size of the latent space.
        dim: usize,
    },
    /// The standard normal of whatever size its partner has.
    StandardNormal,
    /// One number.
    Scalar,
    /// What a loss is multiplied with: one number that the training step alone decides.
    LossWeight,
    /// One number that is minimised.
    Loss,
}

impl Fact {
    /// The wider of two maps that an operator joins, where one may have a single channel.
    pub fn widest(self, other: &Self) -> Self {
        match (&self, other) {
            (Self::Map { channels: a, .. }, Self::Map { channels: b, .. }) if b > a => other.clone(),
            _ => self,
        }
    }

    /// The word for its kind in the language.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Map { .. } => "map",
            Self::Vector { .. } => "vector",
            Self::Tensor { .. } => "tensor",
            Self::Indices { .. } => "indices",
            Self::Labels { .. } => "labels",
            Self::Gaussian { .. } => "gaussian",
            Self::Mixture { .. } => "mixture",
            Self::StandardNormal => "standard_normal",
            Self::Scalar => "scalar",
            Self::LossWeight => "loss weight",
            Self::Loss => "loss",
        }
    }

    /// Sizes of the tensors that carry the value, batch first; a distribution has several.
    pub fn tensors(&self) -> Vec<Vec<Dim>> {
        let n = Dim::n;
        match self {
            Self::Map { channels, height, width } | Self::Indices { channels, height, width } => {
                vec![vec![n(), (*channels).into(), height.clone(), width.clone()]]
            }
            Self::Vector { channels } => vec![vec![n(), (*channels).into()]],
            Self::Tensor { dims } => vec![dims.clone()],
            Self::Labels { height, width, .. } => vec![vec![n(), height.clone(), width.clone()]],
            Self::Gaussian { dim } => vec![vec![n(), (*dim).into()]; 2],
            Self::Mixture { components, dim } => {
                let each = vec![n(), (*components).into(), (*dim).into()];
                vec![vec![n(), (*components).into()], each.clone(), each]
            }
            Self::StandardNormal => vec![],
            Self::Scalar | Self::LossWeight | Self::Loss => vec![vec![1.into()]],
        }
    }
}

impl fmt::Display for Fact {
    /// `map[N, 64, ceil(H/4), ceil(W/4)]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { channels, height, width } => write!(f, "map[N, {channels}, {height}, {width}]"),
            Self::Vector { channels } => write!(f, "vector[N, {channels}]"),
            Self::Tensor { dims } => {
                f.write_str("tensor[")?;
                for (at, dim) in dims.iter().enumerate() {
                    write!(f, "{}{dim}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Indices { channels, height, width } => {
                write!(f, "indices[N, {channels}, {height}, {width}]")
            }
            Self::Labels { classes, height, width } => write!(f, "class({classes})[N, {height}, {width}]"),
            Self::Gaussian { dim } => write!(f, "gaussian({dim})"),
            Self::Mixture { components, dim } => write!(f, "mixture({components}, {dim})"),
            Self::StandardNormal => f.write_str("standard_normal"),
            Self::Scalar => f.write_str("scalar"),
            Self::LossWeight => f.write_str("loss weight"),
            Self::Loss => f.write_str("loss"),
        }
    }
}
