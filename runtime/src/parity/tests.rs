//! The check of a device: small cases pass on the processor, and what is wrong fails.

use phg_compiler::plan::instr::Unary;

use super::*;
use crate::instr::case::Operand;

fn elements(case: &Case) -> usize {
    let read = |read: &Operand| match read {
        Operand::Float(tensor) => tensor.data.len(),
        Operand::Int(data, _) => data.len(),
    };
    case.reads.iter().map(read).chain(case.weights.iter().map(|weight| weight.data.len())).sum()
}

fn small() -> Vec<Named> {
    cases::all().into_iter().filter(|named| elements(&named.case) < 5_000).collect()
}

fn check_on_processor(cases: Vec<Named>, precision: Precision) -> Report {
    let device = Device::flex();
    check_cases(&Checking { device: &device, precision, networks: &[], limit: None }, cases, &mut |_, _| true)
}

#[test]
fn the_processor_agrees_with_burn_s_operations() {
    let report = check_on_processor(small(), Precision::F32);
    let wrong: Vec<&Checked> = report.cases.iter().filter(|case| !case.ok).collect();
    assert!(report.ok && wrong.is_empty(), "{wrong:#?}");
    for kind in Instr::KINDS {
        assert!(report.cases.iter().any(|case| case.kind == *kind), "{kind}");
    }
    // Gradients are compared, not only results.
    let farthest = |kind: &str| {
        let worst =
            report.cases.iter().filter(|case| case.kind == kind).filter_map(|case| case.worst.clone());
        worst.map(|worst| worst.what).collect::<Vec<_>>()
    };
    assert!(farthest("convolve").iter().any(|what| what.starts_with("gradient of weight")));
}

/// Mixed precision agrees within eight bits of mantissa, and is not what it is compared with.
#[test]
fn mixed_precision_agrees_within_rounding() {
    let report = check_on_processor(small(), Precision::Bf16);
    let wrong: Vec<&Checked> = report.cases.iter().filter(|case| !case.ok).collect();
    assert!(report.ok && wrong.is_empty(), "{wrong:#?}");
    let rounded = |kind: &str| {
        let cases = report.cases.iter().filter(|case| case.kind == kind);
        cases.filter_map(|case| case.worst.as_ref()).any(|worst| worst.error > 1e-3)
    };
    for kind in ["convolve", "linear", "matmul", "normalise", "resize_bilinear"] {
        assert!(rounded(kind), "{kind} was not rounded");
    }
    for kind in ["softmax", "cross_entropy", "kl_matched", "reduce_sum"] {
        assert!(!rounded(kind), "{kind} was rounded");
    }
}

/// An operand that does not fit is a case that failed, and the others go on.
#[test]
fn a_case_that_fails_is_told() {
    let mut cases: Vec<Named> =
        small().into_iter().filter(|named| named.case.instr.kind() == "relu").collect();
    let count = cases.len();
    cases[0].case.reads = vec![Operand::Int(vec![1], vec![1])];
    let report = check_on_processor(cases, Precision::F32);
    assert!(!report.ok && report.cases.len() == count);
    assert!(report.cases[0].failure.as_ref().is_some_and(|why| why.contains("int [1]")), "{report:?}");
    assert!(report.cases[1..].iter().all(|case| case.ok));
}

/// Two sides that compute different functions.
#[test]
fn another_function_is_found() {
    let device = Device::flex();
    let precision = Precision::F32;
    let sides = Sides { device: &device, gpu: false, products: Products::Float, precision };
    let named = cases::all().into_iter().find(|named| named.case.instr.kind() == "relu").unwrap();
    let mut other = named.case.clone();
    other.instr = Instr::Unary(Unary::LeakyRelu(1e-3));
    let compute = |_: &Device, precision| {
        execute(if native::is_off() { &other } else { &named.case }, &device, precision)
            .map(|found| found.tensors)
    };
    let checked = judge("relu", "relu", &sides, compute, |found, expected| {
        let ((name, a), (_, b)) = (&found[0], &expected[0]);
        Ok(compare::elements(name, &a.data, &b.data, &b.shape, 0.0))
    });
    assert!(!checked.ok, "{checked:?}");
    let worst = checked.worst.unwrap();
    assert!(worst.found == 0.0 && worst.expected < 0.0 && worst.at.len() == 3, "{worst:?}");
}

#[test]
fn nothing_is_begun_after_the_limit() {
    let device = Device::flex();
    let limit = Some(Duration::ZERO);
    let report =
        check(&Checking { device: &device, precision: Precision::F32, networks: &[], limit }, &mut |_, _| {
            true
        });
    assert!(!report.ok && report.cases.is_empty() && report.skipped > 200, "{}", report.skipped);
}
