//! Which samples are in which batch: a function of the seed and the batch's number, without any history.
//!
//! Batches are numbered through a whole run, over the borders of epochs. A run that resumes at batch 500
//! therefore asks for batch 500 and gets what it would have got without the stop.

use std::ops::Range;
use std::sync::Arc;

use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::random::{Purpose, Stream};

/// The order in which `epoch` visits `0..len`.
pub fn permutation(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    Stream::new(seed, Purpose::Shuffle, [epoch, 0]).shuffle(&mut order);
    order
}

/// How samples are dealt into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Of the run: shuffling and augmentation follow from it.
    pub seed: u64,
    /// Samples in the split.
    pub len: usize,
    /// Samples in a batch.
    pub batch: usize,
    /// Samples in an epoch; [`Plan::len`] unless a training asks for more or fewer.
    pub samples: usize,
    /// A new order each epoch; otherwise that of the dataset.
    pub shuffle: bool,
    /// Leaves out the samples at the end of an epoch that do not fill a batch.
    pub drop_last: bool,
}

/// The samples of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Counted from the start of the run.
    pub number: u64,
    /// Counted from 0.
    pub epoch: u64,
    /// Places in the epoch's order.
    pub places: Range<usize>,
    /// The epoch's order, dataset indices by place.
    pub order: Arc<[usize]>,
}

impl Deal {
    /// Dataset indices, in the order of the batch.
    pub fn indices(&self) -> &[usize] {
        self.order.get(self.places.clone()).unwrap_or_default()
    }
}

impl Plan {
    /// A plan for training: shuffled, full batches only, the split once an epoch.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn training(seed: u64, len: usize, batch: usize) -> Result<Self> {
        Self::sampling(seed, len, batch, None)
    }

    /// As [`Plan::training`], with `samples` samples an epoch.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn sampling(seed: u64, len: usize, batch: usize, samples: Option<usize>) -> Result<Self> {
        let samples = samples.unwrap_or(len);
        Self { seed, len, batch, samples, shuffle: true, drop_last: true }.check()
    }

    /// A plan for one pass over every sample in the dataset's order.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn evaluation(len: usize, batch: usize) -> Result<Self> {
        Self { seed: 0, len, batch, samples: len, shuffle: false, drop_last: false }.check()
    }

    /// Returns a plan that has at least one batch an epoch.
    ///
    /// # Errors
    /// `phg::data::empty` when it has none.
    pub fn check(self) -> Result<Self> {
        let Self { len, batch, .. } = self;
        let empty = |message: String| Error::new(codes::DATA_EMPTY, Kind::Data, message);
        if len == 0 {
            return Err(empty("split has no samples".into())
                .help("`phgc data check` lists the splits and their sizes"));
        }
        if batch == 0 {
            return Err(
                Error::new(codes::DATA_EMPTY, Kind::Usage, "a batch of 0 samples").help("write `--batch 1`")
            );
        }
        if self.per_epoch() == 0 {
            let Self { samples, .. } = self;
            let what = if samples == len { "split has" } else { "an epoch has" };
            return Err(empty(format!("{what} {samples} samples, too few for one batch of {batch}"))
                .help(format!("write `--batch {samples}`")));
        }
        Ok(self)
    }

    /// Batches in an epoch.
    pub fn per_epoch(&self) -> u64 {
        let batch = self.batch.max(1);
        (if self.drop_last { self.samples / batch } else { self.samples.div_ceil(batch) }) as u64
    }

    /// The epoch of a batch, and its number within.
    pub fn position(&self, number: u64) -> (u64, u64) {
        let per_epoch = self.per_epoch().max(1);
        (number / per_epoch, number % per_epoch)
    }

    /// The order of an epoch.
    ///
    /// Shuffled epochs are cut from one sequence, the split again and again in a new order each time. So every sample
    /// comes as often as every other, give or take once, whatever the samples of an epoch are.
    pub fn order(&self, epoch: u64) -> Arc<[usize]> {
        let (len, samples) = (self.len as u64, self.samples as u64);
        if !self.shuffle || len == 0 || samples == 0 {
            return (0..self.samples).collect();
        }
        let (from, to) = (epoch * samples, (epoch + 1) * samples);
        let passes = from / len..to.div_ceil(len);
        let sequence = passes.flat_map(|pass| permutation(self.seed, pass, self.len));
        sequence.skip((from % len) as usize).take(self.samples).collect()
    }

    /// The samples of batch `number`.
    pub fn deal(&self, number: u64) -> Deal {
        let (epoch, _) = self.position(number);
        self.deal_from(number, self.order(epoch))
    }

    /// As [`Plan::deal`], with the epoch's order at hand.
    fn deal_from(&self, number: u64, order: Arc<[usize]>) -> Deal {
        let (epoch, within) = self.position(number);
        let start = (within as usize).saturating_mul(self.batch).min(self.samples);
        let places = start..(start + self.batch).min(self.samples);
        Deal { number, epoch, places, order }
    }

    /// Deals the batches of a range one after the other, shuffling once an epoch.
    pub fn deals(self, numbers: Range<u64>) -> impl Iterator<Item = Deal> + Send {
        let mut current: Option<(u64, Arc<[usize]>)> = None;
        numbers.map(move |number| {
            let (epoch, _) = self.position(number);
            let order = match &current {
                Some((known, order)) if *known == epoch => Arc::clone(order),
                Some(_) | None => self.order(epoch),
            };
            current = Some((epoch, Arc::clone(&order)));
            self.deal_from(number, order)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by ChaCha8 and the draws of [`Stream`] written anew in another language.
    #[test]
    fn orders_are_pinned() {
        assert_eq!(permutation(7, 0, 10), [1, 7, 0, 5, 9, 2, 4, 3, 8, 6]);
        assert_eq!(permutation(7, 1, 10), [3, 1, 6, 8, 5, 4, 0, 7, 2, 9]);
        assert_eq!(permutation(8, 0, 10), [4, 2, 6, 1, 3, 8, 5, 9, 0, 7]);
    }

    #[test]
    fn an_epoch_visits_each_sample_once() {
        let plan = Plan { drop_last: false, ..Plan::training(3, 23, 5).unwrap() };
        assert_eq!(plan.per_epoch(), 5);
        for epoch in 0..3 {
            let mut seen: Vec<usize> =
                (5 * epoch..5 * epoch + 5).flat_map(|number| plan.deal(number).indices().to_vec()).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..23).collect::<Vec<_>>());
        }
    }

    #[test]
    fn training_drops_what_fills_no_batch_and_goes_on_in_the_next_epoch() {
        // CamVid's training split in batches of 8: 45 a epoch, 7 samples left over.
        let plan = Plan::training(0, 367, 8).unwrap();
        assert_eq!(plan.per_epoch(), 45);
        assert_eq!((plan.position(44), plan.position(45)), ((0, 44), (1, 0)));
        assert_eq!((plan.deal(44).places, plan.deal(45).places), (352..360, 0..8));
        assert_eq!(plan.deal(45).indices(), &permutation(0, 1, 367)[..8]);
    }

    #[test]
    fn evaluation_goes_through_in_order_to_the_last() {
        let plan = Plan::evaluation(7, 3).unwrap();
        let dealt: Vec<Vec<usize>> =
            plan.deals(0..plan.per_epoch()).map(|deal| deal.indices().to_vec()).collect();
        assert_eq!(dealt, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    }

    #[test]
    fn a_batch_depends_on_its_number_alone() {
        let plan = Plan::training(5, 20, 3).unwrap();
        for (number, deal) in (4..40).zip(plan.deals(4..40)) {
            assert_eq!(deal, plan.deal(number));
            assert_eq!(deal.number, number);
        }
    }

    /// 17500 samples of Cityscapes' 2975 are 5.88 passes, as the PHGMM paper has them.
    #[test]
    fn an_epoch_may_have_more_samples_than_the_split() {
        let plan = Plan::sampling(3, 2975, 8, Some(17_500)).unwrap();
        assert_eq!(plan.per_epoch(), 2187);
        let order = plan.order(0);
        assert_eq!(order.len(), 17_500);
        assert_eq!(order[..2975], permutation(3, 0, 2975));
        assert_eq!(order[2975..5950], permutation(3, 1, 2975));
        assert_eq!(order[14_875..], permutation(3, 5, 2975)[..2625]);
        // The next epoch goes on where this one ended.
        assert_eq!(plan.order(1)[..350], permutation(3, 5, 2975)[2625..]);
        let mut counts = [0; 2975];
        (0..2).for_each(|epoch| plan.order(epoch).iter().for_each(|index| counts[*index] += 1));
        assert!(counts.iter().all(|count| *count == 11 || *count == 12));
        assert_eq!(plan.deal(2186).places, 17_488..17_496);
        // Fewer are a part of the split, and the parts make up the whole.
        let few = Plan::sampling(3, 10, 2, Some(5)).unwrap();
        assert_eq!([few.order(0), few.order(1)].concat(), permutation(3, 0, 10));
        assert_eq!(Plan::sampling(3, 10, 6, Some(5)).unwrap_err().help.unwrap(), "write `--batch 5`");
        assert!(Plan::sampling(3, 2, 8, Some(80)).is_ok());
    }

    #[test]
    fn a_plan_without_batches_is_refused() {
        let help = |plan: Result<Plan>| plan.unwrap_err().help.unwrap();
        assert_eq!(help(Plan::training(0, 5, 8)), "write `--batch 5`");
        assert_eq!(help(Plan::training(0, 5, 0)), "write `--batch 1`");
        assert_eq!(Plan::evaluation(0, 1).unwrap_err().code, codes::DATA_EMPTY);
        assert!(Plan::evaluation(5, 8).is_ok());
    }
}
