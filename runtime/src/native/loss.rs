//! Losses of class scores against labels.

use std::sync::Arc;

use burn::tensor::{Int, Tensor};
use phg_kernels::loss::{self, CrossEntropy, Pixels};

use super::{Kernel, View, apply, is_here};
use crate::error::Result;
use crate::tensor::Value;

/// Which loss.
#[derive(Clone, Debug)]
enum Rule {
    CrossEntropy(CrossEntropy),
    /// Over so many classes, or those present.
    SoftIou(Option<usize>),
}

#[derive(Clone, Debug)]
struct Loss {
    rule: Rule,
    /// The class of each pixel.
    classes: Arc<[u32]>,
}

impl Loss {
    fn pixels<'a>(&'a self, scores: &'a View<'_>) -> Pixels<'a> {
        Pixels { scores: &scores.values, shape: scores.map(), classes: &self.classes }
    }
}

impl Kernel<1> for Loss {
    const READS: [bool; 1] = [true];

    fn forward(&mut self, [scores]: [View<'_>; 1]) -> (Vec<f32>, Vec<usize>) {
        let pixels = self.pixels(&scores);
        let value = match &self.rule {
            Rule::CrossEntropy(rule) => rule.forward(&pixels),
            Rule::SoftIou(all) => loss::soft_iou(&pixels, *all),
        };
        (vec![value], vec![1])
    }

    fn gradients(
        &self,
        [scores]: [View<'_>; 1],
        _: View<'_>,
        gradient: &[f32],
        wanted: [bool; 1],
    ) -> [Option<Vec<f32>>; 1] {
        let pixels = self.pixels(&scores);
        let by = gradient.first().copied().unwrap_or(0.0);
        [wanted[0].then(|| match &self.rule {
            Rule::CrossEntropy(rule) => rule.gradient(&pixels, by),
            Rule::SoftIou(all) => loss::soft_iou_gradient(&pixels, *all, by),
        })]
    }
}

/// Labels as classes; void and what is no class become a number that is none.
fn classes(labels: &Tensor<3, Int>, count: usize, void: Option<i64>) -> Result<Arc<[u32]>> {
    let class = |label: i64| match u32::try_from(label) {
        Ok(class) if (class as usize) < count && Some(label) != void => class,
        Ok(_) | Err(_) => u32::MAX,
    };
    Ok(Value::from(labels.clone()).to_ints()?.into_iter().map(class).collect())
}

fn run(rule: Rule, scores: &Value, labels: &Tensor<3, Int>, void: Option<i64>) -> Result<Option<Tensor<1>>> {
    if !is_here(scores)? {
        return Ok(None);
    }
    let count = scores.shape().get(1).copied().unwrap_or(0);
    apply(&mut Loss { rule, classes: classes(labels, count, void)? }, [scores])
}

/// Cross-entropy of `scores [n, c, h, w]`; nothing where they are not on the processor.
pub(crate) fn cross_entropy(
    scores: &Value,
    labels: &Tensor<3, Int>,
    void: Option<i64>,
    weights: Vec<f32>,
    smoothing: f32,
) -> Result<Option<Tensor<1>>> {
    run(Rule::CrossEntropy(CrossEntropy { weights, smoothing }), scores, labels, void)
}

/// One minus the soft intersection over union of `scores [n, c, h, w]`, the mean over `all` classes or over those
/// present; nothing where they are not on the processor.
pub(crate) fn soft_iou(
    scores: &Value,
    labels: &Tensor<3, Int>,
    void: Option<i64>,
    all: Option<usize>,
) -> Result<Option<Tensor<1>>> {
    run(Rule::SoftIou(all), scores, labels, void)
}
