//! What `train { ... }` says, resolved and typed: the compiler checks it, the runtime obeys it.

use serde::Serialize;

/// A setting, for the reference and for did-you-mean messages.
#[derive(Clone, Copy, Debug)]
pub struct SettingDoc {
    /// Its name.
    pub name: &'static str,
    /// What it takes, as it would be written.
    pub example: &'static str,
    /// Without it.
    pub default: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
}

const fn setting(
    name: &'static str,
    example: &'static str,
    default: &'static str,
    doc: &'static str,
) -> SettingDoc {
    SettingDoc { name, example, default, doc }
}

/// Every setting of `train { ... }`.
pub const SETTINGS: &[SettingDoc] = &[
    setting("epochs", "20", "100", "passes over the training images"),
    setting("steps", "924", "from `epochs`", "optimiser steps, in place of `epochs`"),
    setting("batch", "4", "8", "images in a batch"),
    setting(
        "samples",
        "17500",
        "the training images once",
        "samples in an epoch: more than there are images means that each comes several times, augmented anew",
    ),
    setting(
        "resize",
        "[384, 768]",
        "the dataset's own size",
        "rows and columns of images and labels before augmentation",
    ),
    setting("crop", "[360, 480]", "none", "rows and columns of a random crop; also in `augment`"),
    setting(
        "optimizer",
        "adam(rate: 1e-4)",
        "`adam(rate: 1e-3)`",
        "the rule that turns gradients into updates",
    ),
    setting("schedule", "poly(0.9)", "`constant`", "how the rate changes with the step"),
    setting(
        "warmup",
        "100",
        "0",
        "steps over which the rate rises linearly; also an argument of every schedule",
    ),
    setting("augment", "{ flip = 0.5 }", "none", "random changes of training images, see below"),
    setting(
        "freeze",
        "[\"encoder\"]",
        "nothing",
        "parts of the network that are not trained; their batch norms use the running statistics and leave them",
    ),
    setting(
        "rates",
        "{ encoder = 0.1 }",
        "none",
        "parts of the network and what their learning rate is multiplied by",
    ),
    setting("accumulate", "4", "1", "batches whose gradients are added up before an update"),
    setting("clip", "1.0", "none", "largest global L2 norm of the gradients"),
    setting("ema", "0.999", "none", "decay of a moving average of the weights, which is then evaluated"),
    setting("patience", "10", "none", "validations without a better mean IoU before training stops"),
    setting("validate", "2", "1", "epochs between validations"),
    setting("mean", "[0.5, 0.5, 0.5]", "ImageNet's", "subtracted from red, green and blue in 0 to 1"),
    setting("deviation", "[0.25, 0.25, 0.25]", "ImageNet's", "what they are divided by"),
    setting("predict_void", "true", "false", "predictions may be void"),
    setting("seed", "7", "0", "of initial values, order, augmentation and dropout"),
];

/// Every setting of `augment { ... }`.
pub const AUGMENT: &[SettingDoc] = &[
    setting("flip", "0.5", "0", "probability of a horizontal flip"),
    setting("scale", "[0.75, 1.5]", "none", "smallest and largest factor of a random scale, uniform"),
    setting("crop", "[360, 480]", "none", "rows and columns of a random crop, after scaling"),
    setting("brightness", "0.2", "0", "brightness times a factor between 1 less and 1 plus this"),
    setting("contrast", "0.2", "0", "contrast likewise"),
    setting("saturation", "0.2", "0", "saturation likewise"),
    setting("hue", "0.05", "0", "turns the hue by up to this share of the circle, at most 0.5"),
];

/// Optimisers and schedules: how a call reads, with its defaults.
pub const RULES: &[SettingDoc] = &[
    setting(
        "adam",
        "adam(rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0)",
        "",
        "Kingma and Ba 2015; `decay` is added to the gradient",
    ),
    setting(
        "adamw",
        "adamw(rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01)",
        "",
        "Loshchilov and Hutter 2019: decay apart from the gradient",
    ),
    setting(
        "sgd",
        "sgd(rate: 1e-2, momentum: 0, nesterov: false, decay: 0)",
        "",
        "stochastic gradient descent",
    ),
    setting("constant", "constant(warmup: 0)", "", "the same rate throughout"),
    setting("poly", "poly(power: 0.9, warmup: 0)", "", "rate * (1 - step / steps) ^ power"),
    setting("cosine", "cosine(warmup: 0)", "", "half a cosine down to 0 (Loshchilov and Hutter 2017)"),
    setting(
        "step",
        "step(milestones: [0.5, 0.75], factor: 0.1, warmup: 0)",
        "",
        "times `factor` at each milestone, a share of the whole",
    ),
];

/// Everything that `train { ... }` may set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    /// How long to train.
    pub length: Length,
    /// Images in a step.
    pub batch: usize,
    /// Samples in an epoch; the training split once if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// Rows and columns that images and labels are resized to before augmentation; the dataset's own size if none.
    pub resize: Option<[usize; 2]>,
    /// The rule that turns gradients into updates.
    pub optimizer: Optimizer,
    /// How the rate falls.
    pub schedule: Schedule,
    /// Parts of the network that are not trained, by path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// What the learning rate of parts of the network is multiplied by, by path; the longest path counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<(String, f32)>,
    /// Random changes of the training images.
    pub augment: Augment,
    /// Gradients are added up over this many batches before an update; at least 1.
    pub accumulate: usize,
    /// Gradients are scaled so that their global L2 norm is at most this.
    pub clip: Option<f32>,
    /// Decay of an exponential moving average of the weights, which is then evaluated and exported.
    pub ema: Option<f32>,
    /// Stop after this many validations without a better mean IoU.
    pub patience: Option<usize>,
    /// Validations are made every so many epochs; at least 1.
    pub validate: usize,
    /// Per-channel mean of RGB in `[0, 1]`, subtracted.
    pub mean: [f32; 3],
    /// Per-channel standard deviation, divided by.
    pub deviation: [f32; 3],
    /// Predictions may be void.
    pub predict_void: bool,
    /// Random number seed.
    pub seed: u64,
}

impl Training {
    /// Whether the parameter or running statistic called `name` is frozen.
    pub fn is_frozen(&self, name: &str) -> bool {
        self.freeze.iter().any(|path| is_within(name, path))
    }

    /// What the learning rate of the parameter called `name` is multiplied by.
    pub fn rate_of(&self, name: &str) -> f32 {
        let parts = self.rates.iter().filter(|(path, _)| is_within(name, path));
        parts.max_by_key(|(path, _)| path.len()).map_or(1.0, |(_, factor)| *factor)
    }
}

/// Whether `name` is `path` or lies in it: `encoder.stem.conv.weight` lies in `encoder.stem`, and not in `enc`.
pub fn is_within(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Passes over the training split.
    Epochs(u64),
    /// Optimiser steps.
    Steps(u64),
}

/// A rule that turns gradients into updates; PyTorch's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Optimizer {
    /// Kingma and Ba 2015; `decay` is L2 regularisation, added to the gradient.
    Adam {
        /// Learning rate.
        rate: f32,
        /// Decay rates of the two moments.
        beta1: f32,
        /// Of the second moment.
        beta2: f32,
        /// Added to the denominator.
        epsilon: f32,
        /// Weight decay.
        decay: f32,
    },
    /// Loshchilov and Hutter 2019: decay apart from the gradient.
    AdamW {
        /// Learning rate.
        rate: f32,
        /// Of the first moment.
        beta1: f32,
        /// Of the second moment.
        beta2: f32,
        /// Added to the denominator.
        epsilon: f32,
        /// Weight decay.
        decay: f32,
    },
    /// Stochastic gradient descent with momentum, as PyTorch writes it.
    Sgd {
        /// Learning rate.
        rate: f32,
        /// Share of the old velocity.
        momentum: f32,
        /// Nesterov's variant.
        nesterov: bool,
        /// Weight decay, added to the gradient.
        decay: f32,
    },
}

/// How the rate changes with the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Schedule {
    /// The rule.
    pub kind: ScheduleKind,
    /// The rate rises linearly from near 0 over this many steps.
    pub warmup: u64,
}

/// See [`Schedule`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ScheduleKind {
    /// The same rate throughout.
    Constant,
    /// `rate * (1 - step / steps)^power`.
    Poly {
        /// The power.
        power: f32,
    },
    /// Half a cosine from the rate to 0 (Loshchilov and Hutter 2017).
    Cosine,
    /// The rate is multiplied by `factor` at each milestone, a share of the whole in `(0, 1)`.
    Step {
        /// Shares of the whole, ascending.
        milestones: Vec<f32>,
        /// The factor.
        factor: f32,
    },
}

/// Random changes of training images; a field at its neutral value changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Augment {
    /// Probability of a horizontal flip.
    pub flip: f32,
    /// Smallest and largest factor of a random scale (uniform).
    pub scale: Option<[f32; 2]>,
    /// Rows and columns of a random crop, after scaling.
    pub crop: Option<[usize; 2]>,
    /// Brightness is multiplied by a factor in `[1 - b, 1 + b]`.
    pub brightness: f32,
    /// Contrast likewise.
    pub contrast: f32,
    /// Saturation likewise.
    pub saturation: f32,
    /// Hue turns by up to this share of the circle either way, in `[0, 0.5]`.
    pub hue: f32,
}
