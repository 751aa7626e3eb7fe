//! How fast a loader is: a feed goes in, images a second come out.
//!
//! Nothing is computed with the batches, so that the loader alone decides. The clock starts when the first batches
//! have come: starting threads and filling the window is in no figure.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::data::batch::Feed;
use crate::data::loader::{Loader, Options};
use crate::data::order::Plan;
use crate::error::Result;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// Images over the seconds in which they came.
    pub images_per_second: f64,
    /// Images that came.
    pub images: u64,
    /// How long that took.
    pub seconds: f64,
    /// The same for each pass over the split; where samples are kept in memory the first one is slower.
    pub passes: Vec<f64>,
    /// Samples that were kept in memory.
    pub kept_samples: usize,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Rows and columns of the batches; of the last one where they differ.
    pub size: [usize; 2],
}

/// Loads `passes` passes over the split, after `warmup` batches that are not timed. `progress` hears of each batch and
/// may stop by `false`.
///
/// # Errors
/// Those of [`Loader`].
pub fn measure(
    feed: &Arc<Feed>,
    plan: Plan,
    options: Options,
    warmup: u64,
    passes: u64,
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<Throughput> {
    let each = plan.per_epoch();
    let end = warmup + each * passes.max(1);
    let mut loader = Loader::start(Arc::clone(feed), plan, 0..end, options)?;
    let (mut images, mut seconds, mut rates) = (0, 0.0, Vec::new());
    let mut size = [0, 0];
    for batch in loader.by_ref().take(usize::try_from(warmup).unwrap_or(usize::MAX)) {
        batch?;
    }
    let (mut begun, mut pass) = (Instant::now(), 0);
    let mut at = 0;
    for batch in loader {
        let batch = batch?;
        pass += batch.n as u64;
        size = [batch.height, batch.width];
        at += 1;
        if at % each == 0 {
            let took = begun.elapsed().as_secs_f64();
            rates.push(pass as f64 / took.max(f64::MIN_POSITIVE));
            (images, seconds) = (images + pass, seconds + took);
            (begun, pass) = (Instant::now(), 0);
        }
        if !progress(at) {
            break;
        }
    }
    let images_per_second = images as f64 / f64::max(seconds, f64::MIN_POSITIVE);
    let (kept_samples, kept_bytes) = feed.kept();
    Ok(Throughput { images_per_second, images, seconds, passes: rates, kept_samples, kept_bytes, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::data::batch::Preparation;
    use crate::data::fixtures::Memory;

    #[test]
    fn every_image_of_every_pass_is_counted_and_the_warm_up_is_not() {
        let preparation = Preparation { size: Some([2, 3]), ..Preparation::default() };
        let feed = Feed::new(Arc::new(Memory::new(12)), Split::Train, preparation).unwrap();
        let feed = Arc::new(feed.keeping(1 << 20));
        let plan = Plan::training(0, 12, 4).unwrap();
        let mut heard = Vec::new();
        let measured = measure(&feed, plan, Options::default(), 3, 2, &mut |at| {
            heard.push(at);
            true
        });
        let measured = measured.unwrap();
        // Three batches of four a pass.
        assert_eq!((measured.images, measured.passes.len(), measured.size), (24, 2, [2, 3]));
        assert_eq!((heard, measured.kept_samples), ((1..=6).collect::<Vec<u64>>(), 12));
        let rate = measured.images as f64 / measured.seconds;
        assert!((measured.images_per_second - rate).abs() < 1e-6 * rate);
    }
}
