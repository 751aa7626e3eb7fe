//! Proofs and nearest sizes, by hand and against every small image.

use super::*;
use crate::source::{FileId, Span};
use proptest::prelude::*;

fn constraints(kinds: Vec<ConstraintKind>) -> Vec<Constraint> {
    let span = Span::new(FileId(0), 0, 0);
    kinds.into_iter().map(|kind| Constraint { kind, span, because: String::new(), stated: true }).collect()
}

fn multiple(dim: Dim, by: i64) -> ConstraintKind {
    ConstraintKind::Multiple(dim, by)
}

fn at(h: usize, w: usize) -> Sizes {
    Sizes { n: 2, h, w }
}

#[test]
fn axes_are_solved_apart_and_exactly() {
    let list = constraints(vec![multiple(Dim::h(), 12), multiple(Dim::h(), 8), multiple(Dim::w(), 1000)]);
    assert_eq!(nearest(&list, &at(181, 240)), Some(at(192, 1000)));
    // 24 and 48 are as far from 36: the larger.
    assert_eq!(nearest(&list, &at(36, 1500)), Some(at(48, 2000)));
    let fixed = constraints(vec![ConstraintKind::Equal(Dim::h(), Dim::constant(30_000))]);
    assert_eq!(nearest(&fixed, &at(1, 7)), Some(at(30_000, 7)));
}

#[test]
fn linked_axes_are_solved_together() {
    let square = constraints(vec![ConstraintKind::Equal(Dim::h(), Dim::w()), multiple(Dim::h(), 32)]);
    assert_eq!(nearest(&square, &at(180, 240)), Some(at(192, 192)));
    // Two columns for each row: 120 x 240 is 60 away, nothing is nearer.
    let wide = constraints(vec![ConstraintKind::Equal(Dim::w(), Dim::h().scale(2))]);
    assert_eq!(nearest(&wide, &at(180, 240)), Some(at(120, 240)));
    // The halves of rows and columns, rounded up and down, are equal.
    let halves = constraints(vec![ConstraintKind::Equal(Dim::h().ceil_div(2), Dim::w().floor_div(2))]);
    assert_eq!(nearest(&halves, &at(9, 9)), Some(at(9, 10)));
    let area = constraints(vec![ConstraintKind::Equal(Dim::h().times(&Dim::w()), Dim::constant(77))]);
    assert_eq!(nearest(&area, &at(8, 8)), Some(at(7, 11)));
}

#[test]
fn a_batch_changes_only_where_no_image_fits() {
    let by_batch = constraints(vec![ConstraintKind::Equal(Dim::h(), Dim::n().scale(16))]);
    assert_eq!(nearest(&by_batch, &at(40, 5)), Some(at(32, 5)));
    let four = constraints(vec![multiple(Dim::n(), 4)]);
    assert_eq!(nearest(&four, &at(40, 5)), Some(Sizes { n: 4, h: 40, w: 5 }));
}

#[test]
fn what_no_size_meets_is_proved() {
    let refused = |kinds: Vec<ConstraintKind>| conflict(&constraints(kinds)).map(|core| core.len());
    let (h, w) = (Dim::h(), Dim::w());
    assert_eq!(refused(vec![ConstraintKind::Equal(h.floor_div(2), h.clone())]), Some(1));
    assert_eq!(refused(vec![multiple(h.scale(2).offset(1), 2)]), Some(1));
    assert_eq!(refused(vec![ConstraintKind::AtLeast(h.scale(-1), 0)]), Some(1));
    // The last two of three contradict each other.
    let odd_and_even = vec![multiple(w.clone(), 3), multiple(h.clone(), 4), multiple(h.offset(1), 2)];
    assert_eq!(refused(odd_and_even), Some(2));
    // H = W and H = W + 1; H = 2W and W = 2H; H = 2W + 1 with H even.
    let equal = |a: &Dim, b: &Dim| ConstraintKind::Equal(a.clone(), b.clone());
    assert_eq!(refused(vec![equal(&h, &w), equal(&h, &w.offset(1))]), Some(2));
    assert_eq!(refused(vec![equal(&h, &w.scale(2)), equal(&w, &h.scale(2))]), Some(2));
    assert_eq!(refused(vec![equal(&h, &w.scale(2).offset(1)), multiple(h.clone(), 2)]), Some(2));
    assert_eq!(refused(vec![equal(&h.scale(6), &w.scale(4).offset(1))]), Some(1));
}

#[test]
fn what_some_size_meets_is_not_refused() {
    let (h, w) = (Dim::h(), Dim::w());
    let equal = |a: &Dim, b: &Dim| ConstraintKind::Equal(a.clone(), b.clone());
    let fine = |kinds: Vec<ConstraintKind>| conflict(&constraints(kinds)).is_none();
    assert!(fine(vec![equal(&h.ceil_div(2), &h)]), "H = 1");
    assert!(fine(vec![multiple(h.clone(), 4096), multiple(h.clone(), 5)]));
    assert!(fine(vec![equal(&h, &w.scale(2)), equal(&h, &w.offset(7)), multiple(w.clone(), 7)]), "14 x 7");
    assert!(fine(vec![equal(&h, &Dim::constant(1_000_000))]));
    assert!(fine(vec![equal(&h.times(&w), &Dim::constant(-1))]), "products are not looked into");
}

/// A size in one or two free sizes.
fn dims() -> impl Strategy<Value = Dim> {
    (0i64..4, -3i64..4, -6i64..7, 1i64..5, prop::bool::ANY).prop_map(|(a, b, c, by, outer)| {
        let inner = Dim::h().scale(a).plus(&Dim::w().scale(b)).offset(c).floor_div(by);
        if outer { inner.plus(&Dim::h()) } else { inner }
    })
}

fn kinds() -> impl Strategy<Value = ConstraintKind> {
    prop_oneof![
        (dims(), dims()).prop_map(|(a, b)| ConstraintKind::Equal(a, b)),
        (dims(), 2i64..7).prop_map(|(dim, by)| ConstraintKind::Multiple(dim, by)),
        (dims(), -5i64..20).prop_map(|(dim, least)| ConstraintKind::AtLeast(dim, least)),
    ]
}

proptest! {
    /// Against every size up to 40 x 40: none of them meets what is refused, and nothing that meets all is
    /// nearer than what is called the nearest.
    #[test]
    fn proofs_and_nearest_sizes_hold_for_small_images(
        list in prop::collection::vec(kinds(), 1..4), h in 1usize..40, w in 1usize..40,
    ) {
        let list = constraints(list);
        let distance = |sizes: &Sizes| sizes.h.abs_diff(h) + sizes.w.abs_diff(w);
        let every = (1usize..=40).flat_map(|h| (1usize..=40).map(move |w| at(h, w)));
        let meeting: Vec<Sizes> =
            every.filter(|sizes| list.iter().all(|each| each.holds(sizes))).collect();
        let refused = conflict(&list);
        prop_assert!(refused.is_none() || meeting.is_empty(), "{:?} meets {refused:?}", meeting.first());
        let found = nearest(&list, &at(h, w));
        if let Some(found) = &found {
            prop_assert!(list.iter().all(|each| each.holds(found)), "{found:?} does not meet all");
            prop_assert!(refused.is_none());
        }
        if let Some(least) = meeting.iter().map(distance).min() {
            prop_assert!(found.is_some_and(|found| distance(&found) <= least));
        }
    }
}
