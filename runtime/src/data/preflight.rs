//! Looks at the pairs of a split before hours of work depend on them.
//!
//! A dataset and a rule about bad samples go in; the samples that will be passed over come out, or an error. Every pair
//! is probed ([`Dataset::probe`]): files that are missing, cut off, of another format or size, and label values that the
//! table does not have are found before the first step. Damage inside an image is met when it is decoded.

use rayon::prelude::*;

use crate::codes;
use crate::data::batch::{OnBad, Skipped, too_many};
use crate::data::{Dataset, Split};
use crate::error::{Error, Kind, Result};

/// Probes every pair of a split; returns those that `on_bad` allows to be passed over, in the order of the split.
/// `go_on` is asked before each pair, from several threads.
///
/// # Errors
/// The first pair's error where none may be passed over, with the number of the others; `phg::data::skipped` for more
/// of them than are allowed; `phg::run::interrupted` when `go_on` says so.
pub fn look(
    dataset: &dyn Dataset,
    split: Split,
    on_bad: OnBad,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Skipped>> {
    let bad: Vec<Skipped> = (0..dataset.len(split))
        .into_par_iter()
        .take_any_while(|_| go_on())
        .filter_map(|index| {
            let error = dataset.probe(split, index).err()?;
            Some(Skipped { id: dataset.id(split, index), error })
        })
        .collect();
    if !go_on() {
        return Err(Error::new(
            codes::RUN_INTERRUPTED,
            Kind::Training,
            "the look at the data was interrupted",
        ));
    }
    match (on_bad, bad.as_slice()) {
        (OnBad::Fail, [first, others @ ..]) => Err(and_others(first.error.clone(), others.len())),
        (OnBad::Fail, []) => Ok(bad),
        (OnBad::Skip { max }, found) => match found.get(max) {
            Some(last) => Err(too_many(max, &last.error)),
            None => Ok(bad),
        },
    }
}

/// An error that stands for `others` more of its kind.
pub(crate) fn and_others(error: Error, others: usize) -> Error {
    match others {
        0 => error,
        _ => Error {
            message: format!("{} (and {others} more; `phgc data check` names them)", error.message),
            ..error
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::data::{camvid, fixtures};

    /// Five pairs of which the second and the fourth have no label map.
    fn made() -> (tempfile::TempDir, impl Dataset) {
        let root = tempfile::tempdir().unwrap();
        fixtures::camvid(root.path(), "train", &["a", "b", "c", "d", "e"]);
        for name in ["b", "d"] {
            std::fs::remove_file(root.path().join(format!("trainannot/{name}.png"))).unwrap();
        }
        let set = camvid::open(root.path(), None).unwrap();
        (root, set)
    }

    #[test]
    fn the_first_bad_pair_is_named_and_the_others_counted() {
        let (_root, set) = made();
        let error = look(&set, Split::Train, OnBad::Fail, &|| true).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::DATA_MISSING, Kind::Data));
        assert!(error.message.starts_with("`b` has no label map (and 1 more;"), "{error}");
        // A split that is absent has nothing wrong.
        assert_eq!(look(&set, Split::Test, OnBad::Fail, &|| true), Ok(Vec::new()));
    }

    #[test]
    fn as_many_as_are_allowed_are_passed_over() {
        let (_root, set) = made();
        let skipped = look(&set, Split::Train, OnBad::Skip { max: 2 }, &|| true).unwrap();
        assert_eq!(skipped.iter().map(|bad| bad.id.as_str()).collect::<Vec<_>>(), ["b", "d"]);
        let error = look(&set, Split::Train, OnBad::Skip { max: 1 }, &|| true).unwrap_err();
        assert_eq!(error.code, codes::DATA_SKIPPED);
        assert!(error.message.contains("`d` has no label map"), "{error}");
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let (_root, set) = made();
        let asked = AtomicUsize::new(0);
        let go_on = || asked.fetch_add(1, Ordering::SeqCst) < 1;
        let error = look(&set, Split::Train, OnBad::Fail, &go_on).unwrap_err();
        assert_eq!(error.code, codes::RUN_INTERRUPTED);
    }
}
