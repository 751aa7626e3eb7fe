//! Loads batches ahead of the training loop: a feed and a plan go in, batches come out in order.
//!
//! Worker threads make whole batches, at most a stated number ahead of the one asked for. Which thread made
//! a batch, and how many there are, changes nothing in it. An error arrives in the place of the batch that it
//! befell, also one that a worker panicked over; after it no more batches come. Dropping a loader ends its threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::codes;
use crate::data::batch::{self, Batch, Feed, Skipped};
use crate::data::order::{Deal, Plan};
use crate::error::{Error, Kind, Result};

/// How batches are loaded; nothing here changes what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Worker threads; with 0 the thread that asks does the work.
    pub threads: usize,
    /// Batches that may be made or wait ahead of the one asked for, at least 1.
    pub prefetch: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, prefetch: 4 }
    }
}

type Made = Result<(Batch, Vec<Skipped>)>;

/// An iterator over the batches of a range of a plan.
pub struct Loader {
    feed: Arc<Feed>,
    plan: Plan,
    deals: Box<dyn Iterator<Item = Deal> + Send>,
    workers: Option<Workers>,
    /// Number of the batch that is due.
    due: u64,
    end: u64,
    skipped: Vec<Skipped>,
    data_wait: Duration,
}

struct Workers {
    orders: Sender<Deal>,
    made: Receiver<(u64, Made)>,
    /// Made, but not yet due.
    early: BTreeMap<u64, Made>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Loader {
    /// Starts loading the batches `numbers` of `plan`; an open range ends at `u64::MAX`.
    ///
    /// # Errors
    /// `phg::data::empty` when the plan has no batches, `phg::data::worker` when no thread can be started.
    pub fn start(feed: Arc<Feed>, plan: Plan, numbers: Range<u64>, options: Options) -> Result<Self> {
        let plan = plan.check()?;
        let (due, end) = (numbers.start, numbers.end);
        let mut deals: Box<dyn Iterator<Item = Deal> + Send> = Box::new(plan.deals(numbers));
        let workers = match options.threads {
            0 => None,
            threads => Some(Workers::start(&feed, plan, &mut deals, threads, options.prefetch.max(1))?),
        };
        Ok(Self { feed, plan, deals, workers, due, end, skipped: Vec::new(), data_wait: Duration::ZERO })
    }

    /// Time that the caller of `next` has waited in all.
    pub fn data_wait(&self) -> Duration {
        self.data_wait
    }

    /// The samples passed over so far, each once, in the order of the batches that they are missing from.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn make(&mut self) -> Made {
        match &mut self.workers {
            Some(workers) => {
                // One batch leaves the window of prefetched ones, so another may enter it.
                if let Some(deal) = self.deals.next() {
                    workers.order(deal);
                }
                workers.wait_for(self.due)
            }
            None => match self.deals.next() {
                Some(deal) => make(&self.feed, self.plan, &deal),
                None => Err(lost("the plan ended early")),
            },
        }
    }

    /// Adds newly skipped samples to those known. The count is taken here, in the order of the batches, so
    /// that it does not depend on which thread came first.
    fn note(&mut self, skipped: Vec<Skipped>) -> Result<()> {
        for new in skipped {
            if self.skipped.iter().any(|known| known.id == new.id) {
                continue;
            }
            let most = self.feed.tolerance();
            let error = batch::too_many(most, &new.error);
            self.skipped.push(new);
            if self.skipped.len() > most {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = Instant::now();
        let item = loop {
            if self.due >= self.end {
                break None;
            }
            let made = self.make();
            self.due += 1;
            match made.and_then(|(batch, skipped)| self.note(skipped).map(|()| batch)) {
                // All its samples were skipped.
                Ok(batch) if batch.n == 0 => {}
                Ok(batch) => break Some(Ok(batch)),
                Err(error) => {
                    self.end = self.due;
                    break Some(Err(error));
                }
            }
        };
        self.data_wait += start.elapsed();
        item
    }
}

impl Workers {
    fn start(
        feed: &Arc<Feed>,
        plan: Plan,
        deals: &mut dyn Iterator<Item = Deal>,
        threads: usize,
        prefetch: usize,
    ) -> Result<Self> {
        // Neither channel needs a bound of its own: at most `prefetch` deals are out at a time, and one
        // follows only when a batch was taken.
        let (orders, taken) = unbounded::<Deal>();
        let (done, made) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = Self { orders, made, early: BTreeMap::new(), stop, threads: Vec::new() };
        for number in 0..threads {
            let (feed, taken, done) = (Arc::clone(feed), taken.clone(), done.clone());
            let stop = Arc::clone(&workers.stop);
            let work = move || {
                for deal in &taken {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if done.send((deal.number, make(&feed, plan, &deal))).is_err() {
                        return;
                    }
                }
            };
            let thread = std::thread::Builder::new().name(format!("loader-{number}")).spawn(work);
            workers
                .threads
                .push(thread.map_err(|error| lost(&format!("no thread can be started ({error})")))?);
        }
        deals.take(prefetch).for_each(|deal| workers.order(deal));
        Ok(workers)
    }

    fn order(&self, deal: Deal) {
        // Fails only when every worker is gone, which `wait_for` reports.
        let _ = self.orders.send(deal);
    }

    fn wait_for(&mut self, number: u64) -> Made {
        loop {
            if let Some(made) = self.early.remove(&number) {
                return made;
            }
            let (other, made) = self.made.recv().map_err(|_| lost("the loader's threads have ended"))?;
            self.early.insert(other, made);
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Closes the channel, which ends the workers that wait for a deal.
        self.orders = unbounded().0;
        for thread in self.threads.drain(..) {
            // Panics were caught inside; there is nothing left to report.
            let _ = thread.join();
        }
    }
}

/// Makes a batch; a panic on the way, in a decoder say, becomes an error that names the samples.
fn make(feed: &Feed, plan: Plan, deal: &Deal) -> Made {
    // After a panic nothing half-done is seen again: kept samples are set whole or not at all.
    let made = catch_unwind(AssertUnwindSafe(|| feed.batch(deal, plan.seed, plan.shuffle)));
    made.unwrap_or_else(|panic| {
        let names: Vec<String> = deal.indices().iter().map(|&index| feed.id(index)).collect();
        Err(lost(&format!("a loader thread failed ({})", said(&*panic))).at(names.join(", ")))
    })
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

fn lost(message: &str) -> Error {
    Error::new(codes::DATA_WORKER, Kind::Data, message)
        .help("this is a bug: please report it with the samples named")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::data::augment::Augment;
    use crate::data::batch::{OnBad, Preparation};
    use crate::data::fixtures::Memory;

    fn feed(memory: Memory) -> Feed {
        let augment = Augment {
            flip: 0.5,
            scale: Some([0.5, 2.0]),
            crop: Some([3, 5]),
            brightness: 0.3,
            ..Augment::NONE
        };
        let preparation = Preparation { size: Some([4, 6]), augment, ..Preparation::default() };
        Feed::new(Arc::new(memory), Split::Train, preparation).unwrap()
    }

    fn load(feed: Feed, numbers: Range<u64>, threads: usize, prefetch: usize) -> Loader {
        let plan = Plan::training(9, feed.len(), 4).unwrap();
        Loader::start(Arc::new(feed), plan, numbers, Options { threads, prefetch }).unwrap()
    }

    fn ids(made: Option<Result<Batch>>) -> Option<Result<Vec<String>, &'static str>> {
        made.map(|made| made.map(|batch| batch.ids).map_err(|error| error.code))
    }

    #[test]
    fn batches_are_the_same_for_any_number_of_threads_and_any_window() {
        let all = |threads, prefetch, bytes| -> Vec<Batch> {
            let feed = feed(Memory::new(22)).keeping(bytes);
            load(feed, 0..12, threads, prefetch).map(Result::unwrap).collect()
        };
        let alone = all(0, 1, 0);
        assert_eq!(alone.len(), 12);
        assert!(alone.iter().enumerate().all(|(at, batch)| batch.number == at as u64 && batch.n == 4));
        assert_eq!(alone[5].epoch, 1);
        for (threads, prefetch, bytes) in [(1, 1, 0), (2, 1, 0), (3, 4, 0), (5, 20, 1 << 20), (2, 3, 200)] {
            assert_eq!(
                all(threads, prefetch, bytes),
                alone,
                "{threads} threads, {prefetch} ahead, {bytes} kept"
            );
        }
    }

    #[test]
    fn a_later_start_continues_where_an_earlier_one_stopped() {
        let all: Vec<Batch> = load(feed(Memory::new(22)), 0..12, 2, 4).map(Result::unwrap).collect();
        let rest: Vec<Batch> = load(feed(Memory::new(22)), 7..12, 2, 4).map(Result::unwrap).collect();
        assert_eq!(rest, all[7..]);
    }

    #[test]
    fn an_error_arrives_at_its_batch_and_ends_the_loading() {
        let bad = Plan::training(9, 22, 4).unwrap().deal(3).indices()[2];
        for threads in [0, 1, 3] {
            let mut loader =
                load(feed(Memory { bad: vec![bad], ..Memory::new(22) }), 0..u64::MAX, threads, 4);
            for _ in 0..3 {
                assert!(matches!(ids(loader.next()), Some(Ok(_))));
            }
            assert_eq!(ids(loader.next()), Some(Err(codes::DATA_UNREADABLE)));
            assert!(loader.next().is_none());
        }
    }

    #[test]
    fn a_panic_in_a_worker_becomes_an_error_that_names_the_samples() {
        let memory = || Memory { cursed: vec![6], ..Memory::new(8) };
        for threads in [0, 1, 3] {
            let error = load(feed(memory()), 0..2, threads, 2).find_map(Result::err).unwrap();
            assert_eq!(error.code, codes::DATA_WORKER);
            assert!(error.message.contains("cursed sample"), "{}", error.message);
            assert!(error.place.unwrap().split(", ").any(|id| id == "s6"));
        }
    }

    #[test]
    fn skipped_samples_are_counted_in_the_order_of_batches() {
        let run = |max, threads| {
            let memory = Memory { bad: vec![1, 4, 7], ..Memory::new(12) };
            let mut loader = load(feed(memory).on_bad(OnBad::Skip { max }), 0..6, threads, 3);
            let made: Vec<_> = std::iter::from_fn(|| ids(loader.next())).collect();
            let skipped: Vec<String> = loader.skipped().iter().map(|skipped| skipped.id.clone()).collect();
            (made, skipped)
        };
        let (made, skipped) = run(3, 0);
        assert_eq!((made.len(), skipped.len()), (6, 3));
        assert!(made.iter().flatten().flatten().all(|id| !["s1", "s4", "s7"].contains(&id.as_str())));
        let (short, _) = run(2, 0);
        assert_eq!(short.last(), Some(&Err(codes::DATA_SKIPPED)));
        for threads in [1, 4] {
            assert_eq!(run(3, threads), (made.clone(), skipped.clone()));
            assert_eq!(run(2, threads).0, short);
        }
    }

    #[test]
    fn no_more_than_the_window_is_read_ahead() {
        let memory = Arc::new(Memory::new(80));
        let preparation = Preparation::default();
        let feed = Feed::new(Arc::clone(&memory) as Arc<dyn crate::data::Dataset>, Split::Train, preparation)
            .unwrap();
        let plan = Plan::training(0, 80, 4).unwrap();
        let mut loader =
            Loader::start(Arc::new(feed), plan, 0..20, Options { threads: 2, prefetch: 2 }).unwrap();
        assert!(loader.next().is_some());
        std::thread::sleep(Duration::from_millis(200));
        // The batch taken, and two more.
        assert!(memory.reads.load(Ordering::SeqCst) <= 12);
        assert!(loader.data_wait() > Duration::ZERO);
    }

    #[test]
    fn dropping_a_loader_ends_its_threads() {
        let shared = Arc::new(feed(Memory::new(22)));
        let plan = Plan::training(9, 22, 4).unwrap();
        let options = Options { threads: 3, prefetch: 8 };
        let mut loader = Loader::start(Arc::clone(&shared), plan, 0..u64::MAX, options).unwrap();
        assert!(loader.next().is_some());
        drop(loader);
        // Every thread held the feed.
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn an_ordered_pass_leaves_bad_samples_out_and_empty_batches_too() {
        let memory = Memory { bad: vec![2, 3], ..Memory::new(5) };
        let feed = Feed::new(Arc::new(memory), Split::Train, Preparation::default()).unwrap();
        let feed = feed.on_bad(OnBad::Skip { max: 2 });
        let plan = Plan::evaluation(5, 2).unwrap();
        let loader = Loader::start(Arc::new(feed), plan, 0..3, Options::default()).unwrap();
        let names: Vec<Vec<String>> = loader.map(|made| made.unwrap().ids).collect();
        assert_eq!(names, [vec!["s0", "s1"], vec!["s4"]]);
    }
}
