//! What is chosen for a limit.

use proptest::prelude::*;

use super::*;
use crate::compile::{Request, compile};
use crate::plan::Mode;

/// Twelve residual blocks.
fn plan() -> Plan {
    let mut text = String::from("input image: float[N, 3, H, W]\ninput labels: class(4)[N, H, W]\n");
    text.push_str("let x0 = image |> conv(8, kernel: 3)\n");
    for at in 0..12 {
        text.push_str(&format!(
            "let x{} = (x{at} |> conv(8, kernel: 3, bias: false) |> norm |> relu |> conv(8, kernel: 3) |> norm) + x{at}\n",
            at + 1
        ));
    }
    text.push_str("output p = x12 |> conv(4, kernel: 1)\nloss { l = cross_entropy(p, labels) }\n");
    let outcome = compile(&Request::new("plan", &text));
    outcome.network.unwrap_or_else(|| panic!("{:#?}", outcome.diags)).plan(Mode::Train)
}

const SIZES: Sizes = Sizes { n: 4, h: 64, w: 64 };

#[test]
fn nothing_is_computed_again_without_need() {
    let plan = plan();
    for limit in [None, Some(u64::MAX), Some(memory::training(&plan, &SIZES, &Segments::whole(&plan)))] {
        let choice = choose(&plan, &SIZES, limit).unwrap();
        assert!(!choice.segments.recomputes() && choice.macs_again == 0, "{limit:?}");
        assert_eq!(choice.peak, choice.peak_before);
    }
}

#[test]
fn less_memory_costs_more_work() {
    let plan = plan();
    let all: u64 = Work::new(&plan, &SIZES).macs.iter().sum();
    let before = choose(&plan, &SIZES, None).unwrap().peak_before;
    let mut last = 0;
    for tenths in [9, 7, 5, 4] {
        let limit = before * tenths / 10;
        let choice = choose(&plan, &SIZES, Some(limit)).unwrap();
        assert!(choice.peak <= limit, "{} of {limit}", choice.peak);
        assert!(choice.macs_again >= last && choice.macs_again < all, "{tenths}: {}", choice.macs_again);
        assert_eq!(choice, choose(&plan, &SIZES, Some(limit)).unwrap());
        last = choice.macs_again;
    }
    assert!(last > all / 4, "{last} of {all}");
}

#[test]
fn what_cannot_be_had_says_what_can() {
    let plan = plan();
    let TooLittle { least } = choose(&plan, &SIZES, Some(1000)).unwrap_err();
    assert!(choose(&plan, &SIZES, Some(least)).is_ok());
    assert!(choose(&plan, &SIZES, Some(least - 1)).is_err());
}

#[test]
fn the_largest_batch_is_the_last_that_fits() {
    let plan = plan();
    let limit = memory::training(&plan, &SIZES, &Segments::whole(&plan));
    let n = largest_batch(&plan, &SIZES, limit, 1000).unwrap();
    assert!(n > SIZES.n, "{n}");
    assert!(choose(&plan, &Sizes { n: n + 1, ..SIZES }, Some(limit)).is_err());
    assert_eq!(largest_batch(&plan, &SIZES, limit, n - 1), Some(n - 1));
    assert_eq!(largest_batch(&plan, &SIZES, 1000, 8), None);
}

proptest! {
    #[test]
    fn pieces_are_all_steps_in_order(pieces in 1usize..200) {
        let plan = plan();
        let cuts = Work::new(&plan, &SIZES).cuts(pieces);
        prop_assert!(cuts.len() < pieces);
        prop_assert!(cuts.windows(2).all(|pair| pair[0] < pair[1]));
        let segments = Segments::new(&plan, &cuts, |_| true);
        let steps: Vec<usize> = segments.list().iter().flat_map(|segment| segment.steps.clone()).collect();
        prop_assert_eq!(steps, (0..plan.steps.len()).collect::<Vec<_>>());
    }
}
