//! One-hot labels, cross-entropy, soft IoU.

use phg_compiler::plan::Instr;
use phg_compiler::plan::instr::{AbsentClasses, ClassWeights, CrossEntropy};

use super::{Array, Case, close};
use crate::codes;

/// Labels of `[2, 3, 2]` with void (3), outside (255) and a negative id among four classes.
fn labels() -> Vec<i64> {
    vec![0, 1, 3, 2, 255, 1, 0, -1, 3, 3, 2, 0]
}

fn instr(weights: ClassWeights, smoothing: f32) -> Instr {
    Instr::CrossEntropy(CrossEntropy { weights, smoothing, hard: None })
}

/// The definition in the documentation of PyTorch's CrossEntropyLoss, with several ignored labels.
fn cross_entropy(x: &Array, labels: &[i64], void: i64, weights: &[f64], smoothing: f64) -> Array {
    let (classes, area) = (x.shape[1], x.shape[2] * x.shape[3]);
    let (mut sum, mut total) = (0.0, 0.0);
    for (pixel, label) in labels.iter().enumerate() {
        if *label == void || !(0..classes as i64).contains(label) {
            continue;
        }
        let score = |c: usize| x.data[(pixel / area * classes + c) * area + pixel % area];
        let normaliser = (0..classes).map(|c| score(c).exp()).sum::<f64>().ln();
        for (c, weight) in weights.iter().enumerate() {
            let target = smoothing / classes as f64 + if c as i64 == *label { 1.0 - smoothing } else { 0.0 };
            sum -= weight * target * (score(c) - normaliser);
        }
        total += weights[*label as usize];
    }
    Array::new(&[1], vec![if total > 0.0 { sum / total } else { 0.0 }])
}

#[test]
fn cross_entropy_leaves_out_void_and_outside() {
    let weighted = vec![0.5f32, 2.0, 1.25, 3.0];
    for (weights, list) in
        [(ClassWeights::Uniform, vec![1.0; 4]), (ClassWeights::List(weighted.clone()), weighted)]
    {
        let list: Vec<f64> = list.into_iter().map(f64::from).collect();
        for smoothing in [0.0f32, 0.125] {
            Case::new(instr(weights.clone(), smoothing), vec![Array::random(&[2, 4, 3, 2], 1)])
                .labels(labels(), &[2, 3, 2])
                .void(3)
                .check(|x, _| cross_entropy(&x[0], &labels(), 3, &list, f64::from(smoothing)));
        }
    }
}

#[test]
fn cross_entropy_without_void_counts_all_classes() {
    Case::new(instr(ClassWeights::Uniform, 0.0), vec![Array::random(&[2, 4, 3, 2], 1)])
        .labels(labels(), &[2, 3, 2])
        .check(|x, _| cross_entropy(&x[0], &labels(), i64::MAX, &[1.0; 4], 0.0));
}

/// Even scores for four classes: ln 4, whatever the labels.
#[test]
fn cross_entropy_of_even_scores() {
    let case = Case::new(instr(ClassWeights::Uniform, 0.0), vec![Array::zeros(&[2, 4, 3, 2])])
        .labels(labels(), &[2, 3, 2]);
    close("loss", &case.result(), &Array::new(&[1], vec![4f64.ln()]), 1e-6);
}

#[test]
fn a_batch_of_void_has_no_loss_and_no_gradient() {
    for smoothing in [0.0, 0.1] {
        let weights = ClassWeights::List(vec![1.0; 4]);
        Case::new(instr(weights, smoothing), vec![Array::random(&[1, 4, 2, 2], 1)])
            .labels(vec![3, 255, 3, 3], &[1, 2, 2])
            .void(3)
            .check(|_, _| Array::zeros(&[1]));
    }
    Case::new(Instr::SoftIou { absent: AbsentClasses::Skip }, vec![Array::random(&[1, 4, 2, 2], 1)])
        .labels(vec![3, 255, 3, 3], &[1, 2, 2])
        .void(3)
        .check(|_, _| Array::new(&[1], vec![1.0]));
}

#[test]
fn scores_far_apart_stay_finite() {
    let x = Array::new(&[1, 2, 1, 2], vec![2000.0, -2000.0, -2000.0, 2000.0]);
    for instr in [instr(ClassWeights::Uniform, 0.0), Instr::SoftIou { absent: AbsentClasses::Skip }] {
        let case = Case::new(instr, vec![x.clone()]).labels(vec![0, 1], &[1, 1, 2]);
        close("loss", &case.result(), &Array::zeros(&[1]), 1e-6);
    }
    let case = Case::new(instr(ClassWeights::Uniform, 0.0), vec![x]).labels(vec![1, 0], &[1, 1, 2]);
    close("loss", &case.result(), &Array::new(&[1], vec![4000.0]), 1e-6);
}

#[test]
fn class_weights_have_to_fit() {
    for weights in [ClassWeights::List(vec![1.0; 3]), ClassWeights::MedianFrequency, ClassWeights::InverseLog]
    {
        let case =
            Case::new(instr(weights, 0.0), vec![Array::zeros(&[1, 4, 1, 1])]).labels(vec![0], &[1, 1, 1]);
        assert_eq!(case.execute().err().unwrap().code, codes::TRAIN_CLASS_WEIGHTS);
    }
}

/// The formula of the paper, over the labelled pixels: the mean is over the classes present, or over all but void.
fn soft_iou(x: &Array, labels: &[i64], void: i64, absent: AbsentClasses) -> Array {
    let mut union = [0.0; 4];
    let (mut intersection, mut count) = ([0.0; 4], [0.0; 4]);
    for (pixel, label) in labels.iter().copied().enumerate() {
        if label == void || !(0..4).contains(&label) {
            continue;
        }
        let score = |c: usize| x.data[(pixel / 6 * 4 + c) * 6 + pixel % 6].exp();
        let sum: f64 = (0..4).map(score).sum();
        for c in 0..4 {
            let truth = f64::from(u8::from(c as i64 == label));
            intersection[c] += score(c) / sum * truth;
            union[c] += score(c) / sum + truth - score(c) / sum * truth;
            count[c] += truth;
        }
    }
    let among: Vec<usize> = match absent {
        AbsentClasses::Skip => (0..4).filter(|c| count[*c] > 0.0).collect(),
        AbsentClasses::Count => (0..4).filter(|c| *c as i64 != void).collect(),
    };
    let sum = among.iter().map(|c| intersection[*c] / union[*c]).sum::<f64>();
    Array::new(&[1], vec![1.0 - sum / among.len() as f64])
}

#[test]
fn soft_iou_is_a_mean_over_classes() {
    // All classes, and without the third.
    let without: Vec<i64> = labels().into_iter().map(|label| if label == 2 { 1 } else { label }).collect();
    for labels in [labels(), without] {
        for void in [3, 7] {
            for absent in [AbsentClasses::Skip, AbsentClasses::Count] {
                Case::new(Instr::SoftIou { absent }, vec![Array::random(&[2, 4, 3, 2], 1)])
                    .labels(labels.clone(), &[2, 3, 2])
                    .void(void)
                    .check(|x, _| soft_iou(&x[0], &labels, void, absent));
            }
        }
    }
}

/// Six pixels of four classes; the fourth is void, the third is not there.
fn by_pytorch() -> (Array, Vec<i64>) {
    let scores = [
        [0.5, -1.0, 2.0, 0.0, 1.5, -0.5],
        [1.0, 0.25, -0.75, 0.5, -1.5, 1.0],
        [-0.25, 0.75, 0.0, 2.0, 0.5, -1.0],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    ];
    (Array::new(&[1, 4, 2, 3], scores.concat()), vec![0, 1, 3, 1, 0, 1])
}

/// Computed by PyTorch 2.15 in double precision: `cross_entropy` with `weight` and `ignore_index`, and the formula
/// of soft IoU written out, over the classes present and over all three.
#[test]
fn losses_are_those_of_pytorch() {
    let (scores, labels) = by_pytorch();
    let iou = |absent| Instr::SoftIou { absent };
    for (instr, expected) in [
        (instr(ClassWeights::List(vec![0.5, 2.0, 1.25, 3.0]), 0.0), 1.282_276_606_346_137_3),
        (iou(AbsentClasses::Skip), 0.689_605_178_367_990_6),
        (iou(AbsentClasses::Count), 0.793_070_118_911_993_7),
    ] {
        let case = Case::new(instr, vec![scores.clone()]).labels(labels.clone(), &[1, 2, 3]).void(3);
        close("loss", &case.result(), &Array::new(&[1], vec![expected]), 1e-6);
        crate::native::without(|| {
            close("loss", &case.result(), &Array::new(&[1], vec![expected]), 1e-6);
        });
    }
}

#[test]
fn one_hot_keeps_void_and_drops_outside() {
    let y = Case::new(Instr::OneHot { classes: 4 }, vec![]).labels(labels(), &[2, 3, 2]).void(3).result();
    assert_eq!(y.shape, [2, 4, 3, 2]);
    for (pixel, label) in labels().into_iter().enumerate() {
        for c in 0..4 {
            let expected = f64::from(u8::from(c as i64 == label));
            assert_eq!(y.data[(pixel / 6 * 4 + c) * 6 + pixel % 6], expected, "pixel {pixel}, class {c}");
        }
    }
}
