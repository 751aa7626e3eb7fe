//! `cross_entropy`: pixel-wise cross-entropy of logits with labels, void left out.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::diag::codes;
use crate::ir::fact::Fact;
use crate::plan::instr::{self, ClassWeights, HardPixels, Instr};
use crate::plan::lower::Lower;

/// The weighted mean of `-log softmax(logits)[label]` over pixels that are not void; the mean is weighted
/// by the class weights as in PyTorch.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Weights of the classes.
    pub weights: ClassWeights,
    /// Share of the target spread evenly over the classes.
    pub smoothing: f32,
    /// Only the hardest pixels count.
    pub hard: Option<HardPixels>,
}

/// Logits and labels of one size with one number of classes, which it returns.
pub(super) fn pixels(inputs: &mut Infer<'_>) -> Result<usize, Diag> {
    if let Fact::Labels { .. } = inputs.fact(0) {
        return Err(inputs.wrong_kind(0, "logits before labels"));
    }
    let (channels, height, width) = inputs.map(0)?;
    let (classes, rows, columns) = inputs.labels(1)?;
    if channels != classes {
        return Err(inputs
            .mismatch("channels", &channels.to_string(), 0, &format!("{classes} (classes)"), 1)
            .help(format!("give the logits a channel for each class: `|> conv({classes}, kernel: 1)`")));
    }
    inputs.equal("height", (&height, 0), (&rows, 1))?;
    inputs.equal("width", (&width, 0), (&columns, 1))?;
    Ok(classes)
}

impl OpRules for CrossEntropy {
    const DEF: OpDef = OpDef {
        name: "cross_entropy",
        callable: true,
        summary: "pixel-wise cross-entropy of logits with labels, void left out",
        inputs: &[
            InputDef::one("logits", "a map with a channel for each class"),
            InputDef::one("labels", "the class labels"),
        ],
        params: &[
            ParamDef::with(
                "weights",
                ParamType::Weights(&["uniform", "median_frequency", "inverse_log"]),
                "uniform",
                "weights of the classes, in the order of their ids, or a rule on the training split's frequencies",
            ),
            ParamDef::with(
                "smoothing",
                ParamType::Float,
                "0",
                "share of the target spread evenly over the classes",
            ),
            ParamDef::with(
                "ohem",
                ParamType::Float,
                "1",
                "online hard example mining: only pixels whose class got a probability below this count; 1 for all",
            ),
            ParamDef::with(
                "min_kept",
                ParamType::Float,
                "0.0625",
                "with `ohem`: at least this share of the labelled pixels counts, the hardest ones",
            ),
        ],
        outputs: &["out"],
        example: "cross_entropy(logits, labels)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let smoothing = args.float("smoothing") as f32;
        if !(0.0..1.0).contains(&smoothing) {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                format!("label smoothing is a share in [0, 1), not {smoothing}"),
                args.span("smoothing"),
                "out of range",
            ));
        }
        let (below, at_least) = (args.float("ohem") as f32, args.float("min_kept") as f32);
        if !(below > 0.0 && below <= 1.0) {
            let message = format!("`ohem` is a probability above 0 and up to 1, not {below}");
            return Err(Diag::new(&codes::PARAM_VALUE, message, args.span("ohem"), "out of range")
                .help("a pixel counts where its class got less: `ohem: 0.7`"));
        }
        if !(0.0..=1.0).contains(&at_least) {
            let message = format!("`min_kept` is a share of the labelled pixels in [0, 1], not {at_least}");
            return Err(Diag::new(&codes::PARAM_VALUE, message, args.span("min_kept"), "out of range")
                .help("one pixel in sixteen is `min_kept: 0.0625`"));
        }
        let hard = (below < 1.0).then_some(HardPixels { below, at_least });
        let weights = match (args.floats("weights"), args.word("weights")) {
            (Some(list), _) => ClassWeights::List(list.to_vec()),
            (None, "median_frequency") => ClassWeights::MedianFrequency,
            (None, "inverse_log") => ClassWeights::InverseLog,
            (None, _) => ClassWeights::Uniform,
        };
        Ok(Self { weights, smoothing, hard })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let classes = pixels(inputs)?;
        if let ClassWeights::List(list) = &self.weights
            && list.len() != classes
        {
            return Err(inputs.bad_parameter(
                format!("{} weights for {classes} classes", list.len()),
                "one weight for each class, void included",
            ));
        }
        Ok(vec![Fact::Loss])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::CrossEntropy(instr::CrossEntropy {
            weights: self.weights.clone(),
            smoothing: self.smoothing,
            hard: self.hard,
        }));
    }

    fn describe(&self) -> String {
        let mut parts = Vec::new();
        match &self.weights {
            ClassWeights::Uniform => {}
            ClassWeights::MedianFrequency => parts.push("weights: median_frequency".to_string()),
            ClassWeights::InverseLog => parts.push("weights: inverse_log".to_string()),
            ClassWeights::List(list) => parts.push(format!("weights: {list:?}")),
        }
        if self.smoothing != 0.0 {
            parts.push(format!("smoothing: {}", self.smoothing));
        }
        if let Some(HardPixels { below, at_least }) = self.hard {
            parts.push(format!("ohem: {below}, min_kept: {at_least}"));
        }
        parts.join(", ")
    }
}
