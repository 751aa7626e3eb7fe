//! Whole plans: modes, sizes, freed values, labels, the search for values that are not finite.

use burn::tensor::Device;
use phg_compiler::ir::dim::Dim;
use phg_compiler::plan::instr::Unary;
use phg_compiler::plan::{InputKind, Instr, Mode, Plan, Role};

use super::network::{Builder, batch, unet};
use super::*;

fn logits(executor: &Executor, bank: &Bank, batch: &Bindings) -> Vec<f32> {
    let outputs = executor.run(bank, batch).unwrap();
    assert_eq!(outputs.predictions[0].0, "segmentation");
    outputs.predictions[0].1.try_to_vec_as::<f32>().unwrap()
}

#[test]
fn modes_agree_on_one_bank() {
    let device = Device::flex();
    let train = unet(Mode::Train);
    let mut bank = Bank::init(&train, 1, &device).unwrap();
    let batch = batch(0, 2, 13, 10);
    let outputs = Executor::new(train, &device).run(&bank, &batch).unwrap();
    assert_eq!(outputs.statistics.len(), 6);
    assert_eq!(outputs.losses.len(), 1);
    assert_eq!(
        outputs.reports.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["l.cross_entropy", "l.soft_iou"]
    );
    outputs.update(&mut bank).unwrap();

    let (eval, infer) = (unet(Mode::Eval), unet(Mode::Infer));
    let stored = bank.store().unwrap();
    let loaded = Bank::load(&infer, &stored, &device).unwrap();
    let (eval, infer) = (Executor::new(eval, &device), Executor::new(infer, &device));
    let expected = logits(&eval, &bank, &batch);
    assert_eq!(expected, logits(&infer, &loaded, &batch));
    // Another batch beside it changes nothing outside training: running statistics.
    let evaluated = eval.run(&bank, &batch).unwrap();
    assert!(evaluated.statistics.is_empty());
    assert!(!evaluated.losses[0].1.is_tracked());
}

/// Values leave memory after their last reader, and results stay what they were.
#[test]
fn freed_values_change_nothing() {
    let device = Device::flex();
    let plan = unet(Mode::Infer);
    let mut freeing = plan.clone();
    for id in (0..plan.values.len() as u32).map(ValueId) {
        if let Some(step) = freeing.steps.iter_mut().rev().find(|step| step.reads.contains(&id)) {
            step.frees.push(id);
        }
    }
    let bank = Bank::init(&plan, 1, &device).unwrap();
    let batch = batch(0, 1, 9, 12);
    let expected = logits(&Executor::new(plan, &device), &bank, &batch);
    assert_eq!(logits(&Executor::new(freeing.clone(), &device), &bank, &batch), expected);

    // A value that is freed too early is an error, not a wrong result.
    freeing.steps[0].frees = vec![freeing.inputs[0].value];
    let first = freeing.steps[0].writes[0];
    freeing.steps[1].frees = vec![first];
    freeing.steps[2].reads = vec![first];
    let error = Executor::new(freeing, &device).run(&bank, &batch).unwrap_err();
    assert_eq!(error.code, codes::EXEC_PLAN);
}

#[test]
fn labels_that_are_missing_are_an_error() {
    let device = Device::flex();
    let plan = unet(Mode::Eval);
    let bank = Bank::init(&plan, 1, &device).unwrap();
    let mut batch = batch(0, 1, 8, 8);
    batch.labels = None;
    let error = Executor::new(plan, &device).run(&bank, &batch).unwrap_err();
    assert_eq!((error.code, error.place.as_deref()), (codes::EXEC_LABELS, Some("labels")));
}

#[test]
fn a_result_of_another_size_is_an_error() {
    let device = Device::flex();
    let mut plan = unet(Mode::Infer);
    let value = plan.steps[4].writes[0];
    plan.values[value.0 as usize].dims[2] = Dim::h();
    let path = plan.steps[4].path.clone();
    let bank = Bank::init(&plan, 1, &device).unwrap();
    let error = Executor::new(plan, &device).run(&bank, &batch(0, 1, 8, 8)).unwrap_err();
    assert_eq!((error.code, error.place), (codes::EXEC_PLAN, Some(path)));
}

/// `log` of the image, then `exp`: the logarithm of a negative number is the first bad value.
fn logarithm() -> Plan {
    let mut b = Builder::new(Mode::Eval);
    let image = b.input("image", InputKind::Image);
    let dims = b.dims(image);
    let half = b.step("half", Instr::Unary(Unary::Scale(0.5)), &[image], dims.clone());
    let log = b.step("encoder.log", Instr::Unary(Unary::Log), &[half], dims.clone());
    let y = b.step("encoder.exp", Instr::Unary(Unary::Exp), &[log], dims);
    b.output("y", y, Role::Prediction);
    b.plan
}

#[test]
fn the_first_bad_node_is_named() {
    let device = Device::flex();
    let executor = Executor::new(logarithm(), &device);
    let bank = Bank::init(executor.plan(), 1, &device).unwrap();
    let mut batch = batch(0, 1, 8, 8);
    let found = executor.find_not_finite(&bank, &batch).unwrap().unwrap();
    assert_eq!(found.path, "encoder.log");
    batch.images = batch.images.abs().add_scalar(1.0);
    assert_eq!(executor.find_not_finite(&bank, &batch).unwrap(), None);
    batch.images = batch.images / 0.0;
    assert_eq!(executor.find_not_finite(&bank, &batch).unwrap().unwrap().path, "images");
}
