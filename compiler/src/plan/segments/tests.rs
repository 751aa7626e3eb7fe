//! What crosses from segment to segment, worked out by hand.

use super::*;
use crate::compile::{Request, compile};
use crate::plan::Mode;

/// Steps: 0 conv a, 1 relu, 2 conv b, 3 add, 4 conv c, then the loss.
fn plan() -> Plan {
    let text = "input image: float[N, 3, H, W]
input labels: class(4)[N, H, W]
let x = image |> conv(4) |> relu
let y = (x |> conv(4)) + x
output p = softmax(y |> conv(4))
loss { l = cross_entropy(p, labels) }
";
    let outcome = compile(&Request::new("plan", text));
    outcome.network.unwrap_or_else(|| panic!("{:#?}", outcome.diags)).plan(Mode::Train)
}

fn written(plan: &Plan, step: usize) -> ValueId {
    plan.steps[step].writes[0]
}

#[test]
fn values_are_stored_until_the_last_segment_that_reads_them() {
    let plan = plan();
    let image = plan.inputs[0].value;
    let (relu, second) = (written(&plan, 1), written(&plan, 2));
    // conv relu | conv | add conv loss
    let segments = Segments::new(&plan, &[2, 3], |_| false);
    let [a, b, c] = segments.list() else { panic!("{segments:?}") };
    assert_eq!(
        (a.reads.as_slice(), a.writes.as_slice(), a.drops.as_slice()),
        (&[image][..], &[relu][..], &[image][..])
    );
    assert_eq!(
        (b.reads.as_slice(), b.writes.as_slice(), b.drops.as_slice()),
        (&[relu][..], &[second][..], &[][..])
    );
    assert!(c.reads.contains(&relu) && c.reads.contains(&second) && c.drops.contains(&relu));
    assert!(segments.list().iter().all(|segment| segment.drops_backward.is_empty()));
    assert!(!segments.recomputes());
}

#[test]
fn what_is_computed_again_needs_its_operands_until_then() {
    let plan = plan();
    let (image, relu) = (plan.inputs[0].value, written(&plan, 1));
    let segments = Segments::new(&plan, &[2, 3], |at| at < 2);
    let [a, b, c] = segments.list() else { panic!("{segments:?}") };
    assert_eq!((a.drops.as_slice(), a.drops_backward.as_slice()), (&[][..], &[image][..]));
    // The second segment is the first one on the way back that needs no more than it.
    assert_eq!((b.drops.as_slice(), b.drops_backward.as_slice()), (&[][..], &[relu][..]));
    assert!(!c.drops.contains(&relu));
    assert!(segments.recomputes());
}

#[test]
fn gradients_reach_what_comes_from_weights_and_not_the_input() {
    let plan = plan();
    let segments = Segments::whole(&plan);
    assert!(!segments.is_tracked(plan.inputs[0].value) && !segments.is_tracked(plan.inputs[1].value));
    assert!((0..plan.steps.len()).all(|at| segments.is_tracked(written(&plan, at))));
}

#[test]
fn cuts_outside_the_plan_are_none() {
    let plan = plan();
    let count = plan.steps.len();
    let segments = Segments::new(&plan, &[0, 2, 2, count, count + 5], |_| false);
    let steps: Vec<Range<usize>> = segments.list().iter().map(|segment| segment.steps.clone()).collect();
    assert_eq!(steps, [0..2, 2..count]);
}
