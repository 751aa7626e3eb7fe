//! Fills, normal draws, dropout.

use phg_compiler::plan::{Instr, Mode};

use super::{Array, Case};

fn dropout(channels: bool) -> Case {
    let instr = Instr::Dropout { rate: 0.25, channels };
    Case::new(instr, vec![Array::random(&[4, 8, 5, 7], 1).map(|x| x.abs() + 0.5)])
}

/// Zero or scaled by 4/3; a share of about a quarter is dropped; whole channels where asked.
#[test]
fn dropout_drops_and_scales() {
    for channels in [false, true] {
        let case = dropout(channels);
        let super::Operand::Float(x) = &case.reads[0] else { panic!("a float operand") };
        let y = case.result();
        let mut dropped = 0;
        for (at, (y, x)) in y.data.iter().zip(&x.data).enumerate() {
            assert!(*y == 0.0 || (y - x / 0.75).abs() < 1e-5);
            dropped += usize::from(*y == 0.0);
            if channels {
                let first = at / 35 * 35;
                assert_eq!(*y == 0.0, case.result().data[first] == 0.0);
            }
        }
        let share = dropped as f64 / x.data.len() as f64;
        assert!((0.08..0.45).contains(&share), "{share}");
    }
}

#[test]
fn dropout_passes_gradients_where_it_passes_values() {
    let case = dropout(false);
    let super::Operand::Float(x) = case.reads[0].clone() else { panic!("a float operand") };
    let y = case.result();
    let mask = Array::new(&x.shape, y.data.iter().map(|y| if *y == 0.0 { 0.0 } else { 4.0 / 3.0 }).collect());
    case.check(|x, _| {
        Array::new(&mask.shape, x[0].data.iter().zip(&mask.data).map(|(x, m)| x * m).collect())
    });
}

#[test]
fn dropout_is_the_identity_outside_training() {
    let case = dropout(false).mode(Mode::Eval);
    case.check(|x, _| x[0].clone());
}

/// Draws are functions of the step counter and the path: equal names give equal draws.
#[test]
fn draws_are_named() {
    let draw = |step: u64, path: &str| {
        let mut case = Case::new(Instr::Normal { dims: [2, 3, 5].map(Into::into).to_vec() }, vec![]);
        case.step = step;
        case.path = path.into();
        case.result().data
    };
    assert_eq!(draw(1, "a"), draw(1, "a"));
    assert_ne!(draw(1, "a"), draw(2, "a"));
    assert_ne!(draw(1, "a"), draw(1, "b"));
}

#[test]
fn fills_are_filled() {
    let y = Case::new(Instr::Fill { value: 0.5, dims: [2, 3].map(Into::into).to_vec() }, vec![]).result();
    assert_eq!((y.shape, y.data), (vec![2, 3], vec![0.5; 6]));
}

/// `min((s + 1) / steps, 1)` of the updates that lie behind, whatever the micro-batch; 1 outside training.
#[test]
fn ramps_grow_with_the_updates() {
    let weight = |steps: usize, update: u64, mode: Mode| {
        let mut case = Case::new(Instr::Ramp { steps }, vec![]).mode(mode);
        (case.update, case.step) = (update, update.wrapping_mul(3) + 1);
        case.result().data[0]
    };
    for (update, expected) in [(0, 0.25), (1, 0.5), (2, 0.75), (3, 1.0), (4, 1.0), (u64::MAX, 1.0)] {
        assert!((weight(4, update, Mode::Train) - expected).abs() < 1e-7, "update {update}");
        assert!((weight(0, update, Mode::Train) - 1.0).abs() < 1e-7);
        assert!((weight(4, update, Mode::Eval) - 1.0).abs() < 1e-7);
    }
}
