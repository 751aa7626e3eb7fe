//! Who learns from what: the gradients of each term of PHGMM's loss, with the paper's reading and with the switches
//! that change it.

use std::collections::BTreeSet;

use phg_compiler::Mode;
use phg_runtime::bank::Bank;
use phg_runtime::device::{self, DeviceName};
use phg_runtime::exec::{Bindings, Executor, Outputs};
use phg_runtime::host::HostTensor;
use phg_runtime::random::{Purpose, Stream};
use phg_runtime::tensor::Value;

use super::numerics::network;

/// phgmm-small, cut down.
const TINY: [(&str, &str); 7] =
    [("classes", "4"), ("base", "4"), ("dim", "6"), ("K", "3"), ("D", "4"), ("M", "4"), ("z_map", "8")];

/// What a parameter belongs to, as the losses see it.
fn part(name: &str) -> &'static str {
    let heads = |space: &str, part: &str| name.starts_with(&format!("{space}.{part}."));
    match name.split('.').next() {
        Some("encoder") => "encoder",
        Some("postnet") => "PostNet",
        Some("decoder" | "merge") => "decoder",
        Some("z") if heads("z", "q") && name.contains("log_variance") => "z's deviations",
        Some("z") if heads("z", "q") => "z's head",
        Some("z") => "z's decoding",
        Some("g") if heads("g", "q") && name.contains("log_variance") => "g's deviations",
        Some("g") if heads("g", "q") => "g's head",
        Some("g") => "g's decoding",
        other => panic!("what is {other:?} of {name}?"),
    }
}

fn batch(update: u64) -> Bindings {
    let device = device::open(DeviceName::Cpu).expect("the processor");
    let (n, h, w) = (2, 64, 64);
    let mut stream = Stream::new(5, Purpose::Scene, [0, 0]);
    let images =
        HostTensor { shape: vec![n, 3, h, w], data: (0..n * 3 * h * w).map(|_| stream.normal()).collect() };
    let labels: Vec<u8> = (0..n * h * w).map(|_| stream.below(4) as u8).collect();
    let mut bindings = Bindings::from_host(&images, Some(&labels), &device).expect("a batch");
    (bindings.void, bindings.update) = (Some(3), update);
    bindings
}

/// One forward pass with some outputs of the plan.
fn run(sets: &[(&str, &str)], update: u64, keep: impl Fn(&str) -> bool) -> (Bank, Outputs) {
    let device = device::open(DeviceName::Cpu).expect("the processor");
    let mut plan = network("phgmm-small", &[&TINY[..], sets].concat()).plan(Mode::Train);
    plan.outputs.retain(|output| keep(&output.name));
    let bank = Bank::init(&plan, 3, &device).expect("a bank");
    let outputs = Executor::new(plan, &device).run(&bank, &batch(update)).expect("losses");
    (bank, outputs)
}

/// The parts with a parameter whose gradient of a term is not zero.
fn learners(sets: &[(&str, &str)], term: &str) -> BTreeSet<&'static str> {
    let (bank, outputs) = run(sets, 0, |name| name == term);
    let [(_, loss)] = outputs.losses.as_slice() else { panic!("one term `{term}`") };
    let gradients = loss.clone().backward();
    let length = |name: &str| -> f64 {
        let gradient: Option<Value> = match bank.get(name).expect("a parameter") {
            Value::F1(x) => x.grad(&gradients).map(Value::from),
            Value::F2(x) => x.grad(&gradients).map(Value::from),
            Value::F3(x) => x.grad(&gradients).map(Value::from),
            Value::F4(x) => x.grad(&gradients).map(Value::from),
            other @ (Value::F5(_) | Value::I1(_) | Value::I2(_) | Value::I3(_) | Value::I4(_)) => {
                panic!("{name} is {}", other.describe())
            }
        };
        let squares = |x: Value| x.to_host().expect("values").data.iter().map(|x| f64::from(x * x)).sum();
        gradient.map_or(0.0, squares)
    };
    bank.trainable().filter(|name| length(name) > 0.0).map(part).collect()
}

fn set(parts: &[&'static str]) -> BTreeSet<&'static str> {
    parts.iter().copied().collect()
}

const SEGMENTATION: [&str; 6] =
    ["encoder", "z's head", "z's decoding", "g's head", "g's decoding", "decoder"];

#[test]
fn each_term_teaches_whom_it_depends_on() {
    assert_eq!(learners(&[], "l_g"), set(&["encoder", "g's head", "g's deviations"]));
    assert_eq!(learners(&[], "l_z"), set(&["encoder", "z's head", "z's deviations", "PostNet"]));
    // Means are decoded, not draws: deviations learn from divergences alone.
    assert_eq!(learners(&[], "l_s"), set(&SEGMENTATION));
}

#[test]
fn draws_teach_deviations() {
    let more = [&SEGMENTATION[..], &["z's deviations", "g's deviations"]].concat();
    assert_eq!(learners(&[("sampled", "true")], "l_s"), set(&more));
}

#[test]
fn a_stopped_side_learns_nothing_from_l_z() {
    assert_eq!(learners(&[("stop", "q")], "l_z"), set(&["PostNet"]));
    let without = set(&["encoder", "z's head", "z's deviations"]);
    assert_eq!(learners(&[("stop", "p")], "l_z"), without);
    assert_eq!(learners(&[("use_postnet", "false")], "l_z"), without);
    assert_eq!(learners(&[("use_postnet", "false"), ("stop", "p")], "l_z"), without);
}

/// PostNet's mixture goes through the same decoder: the labels reach the segmentation, and z's own head does not
/// learn from it.
#[test]
fn a_postnet_that_decodes_learns_from_the_segmentation() {
    let decodes = [("postnet_decodes", "true")];
    let expected = ["encoder", "PostNet", "z's decoding", "g's head", "g's decoding", "decoder"];
    assert_eq!(learners(&decodes, "l_p"), set(&expected));
    assert_eq!(learners(&decodes, "l_s"), set(&SEGMENTATION));
    // The decoder's running statistics are those of z's own mixture, and move once.
    let all = |_: &str| true;
    let (bank, outputs) = run(&decodes, 0, all);
    let (plain_bank, plain) = run(&[], 0, all);
    let names =
        |outputs: &Outputs| outputs.statistics.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&outputs), names(&plain));
    assert_eq!(bank.elements(), plain_bank.elements(), "no parameter of its own");
    let values = |outputs: &Outputs, name: &str| -> Vec<f32> {
        let found = outputs.statistics.iter().find(|(known, _)| known == name).expect("a statistic");
        Value::from(found.1.clone()).to_host().expect("values").data
    };
    for name in names(&plain) {
        assert_eq!(values(&outputs, &name), values(&plain, &name), "{name}");
    }
}

fn number(terms: &[(String, burn::tensor::Tensor<1>)], name: &str) -> f32 {
    let (_, value) = terms.iter().find(|(known, _)| known == name).expect("a term");
    Value::from(value.clone().inner()).to_host().expect("a value").data[0]
}

/// The weight is a function of the updates that lie behind, so a resumed run goes on where it was; the divergence
/// itself is reported beside it.
#[test]
fn divergences_warm_up() {
    for (update, weight) in [(0, 0.25), (2, 0.75), (3, 1.0), (1000, 1.0)] {
        let (_, outputs) = run(&[("warmup", "4")], update, |_| true);
        for (term, lambda) in [("l_z", 0.4), ("l_g", 1.1)] {
            let (found, whole) =
                (number(&outputs.losses, term), number(&outputs.reports, &format!("{term}.kl")));
            assert!(
                whole > 0.0 && (found - lambda * weight * whole).abs() <= 1e-6 * whole,
                "{term} at {update}"
            );
        }
    }
}

/// Free bits are a floor under each dimension: the divergence is no smaller than they are.
#[test]
fn free_bits_are_a_floor() {
    let (_, plain) = run(&[], 0, |_| true);
    let (_, free) = run(&[("free_bits", "0.5")], 0, |_| true);
    assert!(number(&plain.reports, "l_g.kl") < 0.5, "a space that diverges less");
    assert!(number(&free.reports, "l_g.kl") >= 0.5 && number(&free.reports, "l_z.kl") >= 0.5);
}

/// The other ways to decode, to pool and to score: they run, and are not what the spec does without them.
#[test]
fn every_switch_changes_the_loss() {
    let (_, plain) = run(&[], 0, |_| true);
    let before = number(&plain.losses, "l_s");
    let labels_absent = [("classes", "6")];
    let (_, absent_plain) = run(&labels_absent, 0, |_| true);
    for (name, value) in [
        ("weigh_means", "false"),
        ("sampled", "true"),
        ("share_codes", "true"),
        ("to_map", "linear"),
        ("upscaled", "probabilities"),
        ("summary_relu", "false"),
        ("summary_activation", "relu"),
        ("summary_activation", "none"),
        ("summary_pooling", "attention"),
        ("summary_pooling", "cells"),
        ("dilation", "[1, 1, 1, 2]"),
        ("entry", "1"),
    ] {
        let (_, other) = run(&[(name, value)], 0, |_| true);
        let after = number(&other.losses, "l_s");
        assert!(after.is_finite() && after != before, "{name} = {value}: {after}");
    }
    let (_, counted) = run(&[labels_absent[0], ("absent", "count")], 0, |_| true);
    let iou = |outputs: &Outputs| number(&outputs.reports, "l_s.soft_iou");
    assert!(iou(&counted) > iou(&absent_plain), "absent classes count as missed");
    for (name, value) in [("by", "variational"), ("by", "monte_carlo"), ("reduce", "sum"), ("clamp", "0.01")]
    {
        let (_, other) = run(&[(name, value)], 0, |_| true);
        let (before, after) = (number(&plain.losses, "l_z"), number(&other.losses, "l_z"));
        assert!(after.is_finite() && after != before, "{name} = {value}: {after}");
    }
}
