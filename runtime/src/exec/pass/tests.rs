//! A plan in segments gives what the plan in one piece gives: losses, running statistics, gradients.

use burn::tensor::Device;
use phg_compiler::plan::segments::Segments;
use phg_compiler::plan::{Instr, Mode, Plan};

use super::*;
use crate::exec::network::{batch, unet};
use crate::optim;

struct Found {
    outputs: Outputs,
    gradients: optim::Gradients,
}

fn run(plan: &Plan, segments: Segments) -> Found {
    let device = Device::flex();
    let executor = Executor::new(plan.clone(), &device).in_segments(segments);
    let bank = Bank::init(plan, 2, &device).unwrap();
    let bindings = batch(3, 2, 20, 27);
    let pass = executor.forward(&bank, &bindings, &mut StepTimes::default()).unwrap();
    let outputs = pass.outputs.clone();
    let mut gradients = optim::Gradients::new();
    pass.backward(&mut |found| {
        for name in bank.trainable() {
            let parameter = bank.get(name)?;
            let gradient: Option<Value> =
                each_float!(parameter, "a gradient", x => x.grad_remove(found).map(Value::from));
            if let Some(gradient) = gradient {
                let sum = match gradients.remove(name) {
                    Some(earlier) => earlier.add(gradient)?,
                    None => gradient,
                };
                gradients.insert(name.to_owned(), sum);
            }
        }
        Ok(())
    })
    .unwrap();
    Found { outputs, gradients }
}

fn equal(plan: &Plan, whole: &Found, segments: Segments, what: &str) {
    let found = run(plan, segments);
    let values = |terms: &[(String, Tensor<1>)]| -> Vec<(String, Vec<f32>)> {
        let host = |x: &Tensor<1>| Value::from(x.clone()).to_host().unwrap().data;
        terms.iter().map(|(name, value)| (name.clone(), host(value))).collect()
    };
    // The forward pass is the same arithmetic.
    assert_eq!(values(&found.outputs.losses), values(&whole.outputs.losses), "{what}");
    assert_eq!(values(&found.outputs.reports), values(&whole.outputs.reports), "{what}");
    assert_eq!(values(&found.outputs.statistics), values(&whole.outputs.statistics), "{what}");
    // Gradients that meet are added up in another order.
    let names: Vec<&String> = whole.gradients.keys().collect();
    assert_eq!(found.gradients.keys().collect::<Vec<_>>(), names, "{what}");
    for (name, expected) in &whole.gradients {
        let (a, b) = (expected.to_host().unwrap().data, found.gradients[name].to_host().unwrap().data);
        let scale = a.iter().fold(0f32, |most, x| most.max(x.abs()));
        let difference = a.iter().zip(&b).fold(0f32, |most, (x, y)| most.max((x - y).abs()));
        assert!(difference <= 2e-6 * scale, "{what}, {name}: {difference} of {scale}");
    }
}

#[test]
fn every_cut_gives_the_same_gradients() {
    let plan = unet(Mode::Train);
    let whole = run(&plan, Segments::whole(&plan));
    for cut in 1..plan.steps.len() {
        for again in [0b00u32, 0b01, 0b10, 0b11] {
            let segments = Segments::new(&plan, &[cut], |at| again >> at & 1 == 1);
            equal(&plan, &whole, segments, &format!("cut before {cut}, again {again:02b}"));
        }
    }
}

#[test]
fn many_cuts_give_the_same_gradients() {
    let plan = unet(Mode::Train);
    let whole = run(&plan, Segments::whole(&plan));
    let all: Vec<usize> = (1..plan.steps.len()).collect();
    equal(&plan, &whole, Segments::new(&plan, &all, |_| true), "a segment for each step");
    equal(&plan, &whole, Segments::new(&plan, &all, |at| at % 2 == 0), "every other step again");
    equal(&plan, &whole, Segments::new(&plan, &[3, 7, 8], |at| at != 1), "four pieces");
}

/// A weight that several segments read has the sum of their gradients.
#[test]
fn a_shared_weight_has_one_gradient() {
    let mut plan = unet(Mode::Train);
    let weights: Vec<(usize, phg_compiler::plan::WeightId)> = (plan.steps.iter().enumerate())
        .filter_map(|(at, step)| {
            let Instr::Normalise(norm) = &step.instr else { return None };
            Some((at, norm.scale))
        })
        .collect();
    // The first and the last norm have eight channels each.
    let (first, last) = (weights[0], weights[2]);
    if let Instr::Normalise(norm) = &mut plan.steps[last.0].instr {
        norm.scale = first.1;
    }
    let whole = run(&plan, Segments::whole(&plan));
    let segments = Segments::new(&plan, &[first.0 + 1, last.0], |_| true);
    equal(&plan, &whole, segments, "a scale of two norms");
}

#[test]
fn what_nobody_reads_any_more_is_dropped() {
    let plan = unet(Mode::Train);
    let segments = Segments::new(&plan, &[4, 8], |at| at < 2);
    let device = Device::flex();
    let executor = Executor::new(plan.clone(), &device).in_segments(segments.clone());
    let bank = Bank::init(&plan, 2, &device).unwrap();
    let bindings = batch(3, 2, 20, 27);
    let pass = executor.forward(&bank, &bindings, &mut StepTimes::default()).unwrap();
    let stored: Vec<ValueId> = (0..plan.values.len() as u32)
        .map(ValueId)
        .filter(|id| pass.stored[id.0 as usize].is_some())
        .collect();
    // What segments read that are computed again: the image and what crosses into the second.
    let mut expected: Vec<ValueId> =
        segments.list()[..2].iter().flat_map(|segment| segment.reads.clone()).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(stored, expected);
}
