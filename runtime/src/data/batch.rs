//! Makes batches: samples of a split go in, one block of normalised images and one of labels come out.
//!
//! [`Feed`] reads, resizes, keeps and augments; [`Batch`] is what a network is given. Images are
//! `(value / 255 - mean) / deviation` in single precision, laid out `[n][3][h][w]`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::data::augment::Augment;
use crate::data::order::Deal;
use crate::data::{Dataset, Image, LabelMap, Sample, Split, decode, preflight, resize};
use crate::error::{Error, Kind, Result};

/// Mean of ImageNet's RGB values over 255, as torchvision's models use it.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];

/// Standard deviation that goes with [`IMAGENET_MEAN`].
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// What happens to a sample between its file and the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Rows and columns to resize to; `None` keeps each sample's own size.
    pub size: Option<[usize; 2]>,
    /// Subtracted from `value / 255`, by channel.
    pub mean: [f32; 3],
    /// Divided by, by channel.
    pub std: [f32; 3],
    /// Random changes, after resizing.
    pub augment: Augment,
    /// Also hands over the label maps at their own size and not augmented, for scoring at that resolution.
    pub keep_full_labels: bool,
}

impl Default for Preparation {
    fn default() -> Self {
        Self {
            size: None,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
            augment: Augment::NONE,
            keep_full_labels: false,
        }
    }
}

impl Preparation {
    /// Checks sizes, deviations and augmentation.
    ///
    /// # Errors
    /// `phg::data::preparation` or `phg::data::augment`.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: String| Error::new(codes::DATA_PREPARATION, Kind::Usage, message);
        if let Some([height, width]) = self.size
            && (height == 0 || width == 0)
        {
            return Err(
                wrong(format!("size {height} by {width} has no pixels")).help("write `--size 180x240`")
            );
        }
        if let Some([height, width]) = self.size
            && (height.max(width) > decode::MAX_SIDE as usize || (height * width) as u64 > decode::MAX_PIXELS)
        {
            let most = decode::MAX_PIXELS;
            return Err(wrong(format!(
                "size {height} by {width} is more than {} a side or {most} in all",
                decode::MAX_SIDE
            ))
            .help("write a smaller `--size HxW`"));
        }
        if !self.mean.iter().all(|mean| mean.is_finite()) {
            return Err(
                wrong(format!("mean {:?} is not finite", self.mean)).help("write values such as 0.485")
            );
        }
        if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return Err(
                wrong(format!("deviation {:?} is not positive", self.std)).help("write values such as 0.229")
            );
        }
        self.augment.check()
    }

    /// The mean as a colour, which fills what a crop uncovers; normalised it is 0, but for rounding.
    pub fn mean_colour(&self) -> [u8; 3] {
        self.mean.map(|mean| (255.0 * mean).round().clamp(0.0, 255.0) as u8)
    }

    /// Appends an image to a block, channel by channel, normalised.
    pub fn normalise(&self, image: &Image, block: &mut Vec<f32>) {
        for channel in 0..3 {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            let values: [f32; 256] = std::array::from_fn(|value| (value as f32 / 255.0 - mean) / std);
            block.extend(image.data.iter().skip(channel).step_by(3).map(|&value| values[usize::from(value)]));
        }
    }

    /// A picture as a batch of one without labels, for prediction: `[3][h][w]` at [`Preparation::size`].
    ///
    /// # Errors
    /// `phg::data::size` when it cannot be resized.
    pub fn picture(&self, image: &Image) -> Result<Batch> {
        let fitted = self.fit(image)?;
        let mut images = Vec::with_capacity(3 * fitted.width * fitted.height);
        self.normalise(&fitted, &mut images);
        let (height, width) = (fitted.height, fitted.width);
        Ok(Batch { images, n: 1, height, width, ..Batch::default() })
    }

    fn fit<'a>(&self, image: &'a Image) -> Result<Cow<'a, Image>> {
        match self.size {
            Some([height, width]) => resize::image(image, height, width),
            None => Ok(Cow::Borrowed(image)),
        }
    }
}

/// What a network is given at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// `[n][3][height][width]`, normalised.
    pub images: Vec<f32>,
    /// `[n][height][width]`, ids of the dataset's table or [`OUTSIDE`](crate::data::OUTSIDE).
    pub labels: Vec<u8>,
    /// Label maps at their own sizes, `n` of them if asked for, otherwise none.
    pub full_labels: Vec<LabelMap>,
    /// Samples.
    pub n: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Names of the samples, unique in their split.
    pub ids: Vec<String>,
    /// Counted from the start of the run.
    pub number: u64,
    /// Counted from 0.
    pub epoch: u64,
}

/// A sample that could not be read and was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub id: String,
    /// Why.
    pub error: Error,
}

/// What a feed does about a sample that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// The batch fails.
    #[default]
    Fail,
    /// In a shuffled pass the next good sample of the epoch takes the place, in an ordered one the batch is
    /// shorter. More than `max` different samples of this kind are an error.
    Skip {
        /// How many different samples may be passed over.
        max: usize,
    },
}

/// The error for more bad samples than `max`, `last` being the one too many.
pub(crate) fn too_many(max: usize, last: &Error) -> Error {
    let message = format!("more than {max} samples cannot be read; the last one: {last}");
    Error::new(codes::DATA_SKIPPED, Kind::Data, message).help("`phgc data check` lists them all")
}

/// A sample as kept between epochs: resized, not yet augmented.
#[derive(Clone, Debug)]
struct Prepared {
    sample: Sample,
    full_labels: Option<LabelMap>,
}

impl Prepared {
    fn bytes(&self) -> u64 {
        let full = self.full_labels.as_ref().map_or(0, |labels| labels.data.len());
        (self.sample.image.data.len() + self.sample.labels.data.len() + full) as u64
    }
}

/// A split of a dataset with its preparation; shared by loader threads, and by the passes of a run.
pub struct Feed {
    dataset: Arc<dyn Dataset>,
    split: Split,
    preparation: Preparation,
    on_bad: OnBad,
    kept: Vec<OnceLock<Prepared>>,
    kept_bytes: AtomicU64,
    budget: u64,
}

impl Feed {
    /// A feed that keeps nothing and fails on bad samples.
    ///
    /// # Errors
    /// Those of [`Preparation::check`], the first of [`Dataset::problems`], and `phg::data::empty` when the split has no
    /// samples.
    pub fn new(dataset: Arc<dyn Dataset>, split: Split, preparation: Preparation) -> Result<Self> {
        preparation.check()?;
        if let [first, others @ ..] = dataset.problems(split) {
            return Err(preflight::and_others(first.clone(), others.len()));
        }
        if dataset.len(split) == 0 {
            let message = format!("dataset `{}` has no {} samples", dataset.name(), split.name());
            return Err(Error::new(codes::DATA_EMPTY, Kind::Data, message)
                .help("`phgc data check` lists the splits and their sizes"));
        }
        let on_bad = OnBad::Fail;
        Ok(Self {
            dataset,
            split,
            preparation,
            on_bad,
            kept: Vec::new(),
            kept_bytes: AtomicU64::new(0),
            budget: 0,
        })
    }

    /// Keeps decoded and resized samples in memory, until `bytes` of pixels are reached. None is ever
    /// dropped for another: an epoch visits each sample once, so the oldest is no worse than the newest.
    #[must_use]
    pub fn keeping(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        let slots = if bytes == 0 { 0 } else { self.len() };
        self.kept = (0..slots).map(|_| OnceLock::new()).collect();
        self
    }

    /// Says what happens about bad samples.
    #[must_use]
    pub fn on_bad(mut self, on_bad: OnBad) -> Self {
        self.on_bad = on_bad;
        self
    }

    /// Samples in the split.
    pub fn len(&self) -> usize {
        self.dataset.len(self.split)
    }

    /// A feed is never empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a sample.
    pub fn id(&self, index: usize) -> String {
        self.dataset.id(self.split, index)
    }

    /// How samples are prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// How many different samples may be passed over.
    pub(crate) fn tolerance(&self) -> usize {
        match self.on_bad {
            OnBad::Fail => 0,
            OnBad::Skip { max } => max,
        }
    }

    /// Samples kept, and their bytes.
    pub fn kept(&self) -> (usize, u64) {
        let samples = self.kept.iter().filter(|slot| slot.get().is_some()).count();
        (samples, self.kept_bytes.load(Ordering::Relaxed))
    }

    /// Makes the batch that `deal` names; the same for every call, in every thread.
    ///
    /// `replace` says whether another sample takes the place of a skipped one. Skipped samples come back
    /// beside the batch, each once.
    ///
    /// # Errors
    /// Those of the dataset, of resizing, and `phg::data::size` when the samples' sizes differ.
    pub fn batch(&self, deal: &Deal, seed: u64, replace: bool) -> Result<(Batch, Vec<Skipped>)> {
        let mut batch = Batch { number: deal.number, epoch: deal.epoch, ..Batch::default() };
        let mut skipped: Vec<Skipped> = Vec::new();
        for place in deal.places.clone() {
            let candidates =
                deal.order.iter().cycle().skip(place).take(if replace { deal.order.len() } else { 1 });
            for &index in candidates {
                match self.sample(index) {
                    Ok(prepared) => {
                        self.append(&mut batch, deal, (place, index), prepared.as_ref(), seed)?;
                        break;
                    }
                    Err(error) => {
                        let id = self.id(index);
                        if skipped.iter().all(|known| known.id != id) {
                            skipped.push(Skipped { id, error: error.clone() });
                        }
                        match self.on_bad {
                            OnBad::Fail => return Err(error),
                            OnBad::Skip { max } if skipped.len() > max => return Err(too_many(max, &error)),
                            OnBad::Skip { .. } => {}
                        }
                    }
                }
            }
        }
        Ok((batch, skipped))
    }

    fn sample(&self, index: usize) -> Result<Cow<'_, Prepared>> {
        let slot = self.kept.get(index);
        if let Some(kept) = slot.and_then(OnceLock::get) {
            return Ok(Cow::Borrowed(kept));
        }
        let Sample { image, labels } = self.dataset.sample(self.split, index)?;
        let place = || self.id(index);
        let image = self.preparation.fit(&image).map_err(|error| error.at(place()))?.into_owned();
        let small = match self.preparation.size {
            Some([height, width]) => resize::labels(&labels, height, width).into_owned(),
            None => labels.clone(),
        };
        let full_labels = self.preparation.keep_full_labels.then_some(labels);
        let prepared = Prepared { sample: Sample { image, labels: small }, full_labels };
        let Some(slot) = slot else { return Ok(Cow::Owned(prepared)) };
        let bytes = prepared.bytes();
        let room = |kept: u64| kept.checked_add(bytes).filter(|sum| *sum <= self.budget);
        if self.kept_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            return Ok(Cow::Owned(prepared));
        }
        match slot.set(prepared) {
            Ok(()) => {}
            // Another thread read the same sample meanwhile.
            Err(_) => {
                self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
        slot.get()
            .map(Cow::Borrowed)
            .ok_or_else(|| Error::new(codes::DATA_WORKER, Kind::Data, "a kept sample is gone").at(place()))
    }

    fn append(
        &self,
        batch: &mut Batch,
        deal: &Deal,
        (place, index): (usize, usize),
        from: &Prepared,
        seed: u64,
    ) -> Result<()> {
        let preparation = &self.preparation;
        let id = self.id(index);
        let sample = if preparation.augment.is_none() {
            Cow::Borrowed(&from.sample)
        } else {
            let fill = preparation.mean_colour();
            let sample = preparation.augment.apply(from.sample.clone(), seed, deal.epoch, place as u64, fill);
            Cow::Owned(sample.map_err(|error| error.at(&id))?)
        };
        let (height, width) = (sample.image.height, sample.image.width);
        if batch.n == 0 {
            (batch.height, batch.width) = (height, width);
            batch.images.reserve_exact(3 * height * width * deal.places.len());
            batch.labels.reserve_exact(height * width * deal.places.len());
        } else if (batch.height, batch.width) != (height, width) {
            let message = format!(
                "sizes differ within a batch: {height} by {width}, after {} by {}",
                batch.height, batch.width
            );
            return Err(Error::new(codes::DATA_SIZE, Kind::Data, message)
                .at(id)
                .help("resize all to one size with `--size HxW`, or use `--batch 1`"));
        }
        preparation.normalise(&sample.image, &mut batch.images);
        batch.labels.extend_from_slice(&sample.labels.data);
        batch.full_labels.extend(from.full_labels.clone());
        batch.ids.push(id);
        batch.n += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::codes;
    use crate::data::fixtures::Memory;
    use crate::data::order::Plan;

    fn feed(memory: Memory, preparation: Preparation) -> Feed {
        Feed::new(Arc::new(memory), Split::Train, preparation).unwrap()
    }

    fn sized(height: usize, width: usize) -> Preparation {
        Preparation { size: Some([height, width]), ..Preparation::default() }
    }

    fn deal(len: usize, batch: usize) -> Deal {
        Plan::evaluation(len, batch).unwrap().deal(0)
    }

    /// The formula in single precision, worked out by numpy.
    #[test]
    fn images_are_normalised_and_laid_out_by_channel() {
        let image = Image { width: 2, height: 1, data: vec![0, 255, 128, 0, 255, 128] };
        let batch = Preparation::default().picture(&image).unwrap();
        assert_eq!((batch.n, batch.height, batch.width), (1, 1, 2));
        let wanted = [-2.117_904, -2.117_904, 2.428_571_5, 2.428_571_5, 0.426_492_57, 0.426_492_57];
        assert_eq!(batch.images, wanted);
        assert!(batch.labels.is_empty());
    }

    #[test]
    fn a_batch_stacks_its_samples_in_order() {
        let (batch, skipped) = feed(Memory::new(5), sized(2, 3)).batch(&deal(5, 3), 0, false).unwrap();
        assert_eq!((batch.n, batch.height, batch.width), (3, 2, 3));
        assert_eq!(batch.ids, ["s0", "s1", "s2"]);
        assert_eq!(batch.labels, [[0; 6], [1; 6], [2; 6]].concat());
        assert_eq!(batch.images.len(), 3 * 3 * 6);
        assert_eq!(batch.images[18], (1.0 / 255.0 - 0.485) / 0.229);
        assert!(batch.full_labels.is_empty() && skipped.is_empty());
    }

    #[test]
    fn full_labels_come_along_when_asked_for() {
        let preparation = Preparation { keep_full_labels: true, ..sized(2, 3) };
        let (batch, _) = feed(Memory::new(5), preparation).batch(&deal(5, 2), 0, false).unwrap();
        let sizes: Vec<_> = batch.full_labels.iter().map(|labels| [labels.height, labels.width]).collect();
        assert_eq!(sizes, [[4, 6], [4, 6]]);
        assert_eq!(batch.full_labels[1].data, [1; 24]);
    }

    #[test]
    fn different_sizes_need_a_common_one() {
        let mixed = || Memory { size: |index| [4 + index, 6], ..Memory::new(3) };
        let error = feed(mixed(), Preparation::default()).batch(&deal(3, 2), 0, false).unwrap_err();
        assert_eq!((error.code, error.place.as_deref()), (codes::DATA_SIZE, Some("s1")));
        assert!(feed(mixed(), sized(4, 6)).batch(&deal(3, 2), 0, false).is_ok());
        assert!(feed(mixed(), Preparation::default()).batch(&deal(3, 1), 0, false).is_ok());
    }

    #[test]
    fn kept_samples_are_read_once_and_change_nothing() {
        let preparation =
            Preparation { augment: Augment { flip: 0.5, hue: 0.1, ..Augment::NONE }, ..sized(2, 3) };
        let memory = Arc::new(Memory::new(6));
        let keeping = Feed::new(Arc::clone(&memory) as Arc<dyn Dataset>, Split::Train, preparation).unwrap();
        let keeping = keeping.keeping(1 << 20);
        let plain = feed(Memory::new(6), preparation);
        let plan = Plan::training(1, 6, 3).unwrap();
        for number in 0..6 {
            let deal = plan.deal(number);
            assert_eq!(keeping.batch(&deal, 1, true).unwrap(), plain.batch(&deal, 1, true).unwrap());
        }
        assert_eq!(memory.reads.load(Ordering::SeqCst), 6);
        // Six samples of 2x3 pixels, 3 bytes of colour and 1 of label each.
        assert_eq!(keeping.kept(), (6, 6 * 24));
    }

    #[test]
    fn no_more_is_kept_than_the_budget() {
        let keeping = feed(Memory::new(6), sized(2, 3)).keeping(59);
        let (batch, _) = keeping.batch(&deal(6, 6), 0, false).unwrap();
        assert_eq!((batch.n, keeping.kept()), (6, (2, 48)));
        assert_eq!(keeping.batch(&deal(6, 6), 0, false).unwrap().0, batch);
    }

    #[test]
    fn bad_samples_fail_the_batch_or_are_replaced_or_left_out() {
        let bad = |on_bad| feed(Memory { bad: vec![1], ..Memory::new(4) }, sized(2, 3)).on_bad(on_bad);
        let error = bad(OnBad::Fail).batch(&deal(4, 3), 0, false).unwrap_err();
        assert_eq!((error.code, error.place.as_deref()), (codes::DATA_UNREADABLE, Some("s1.png")));
        let lenient = bad(OnBad::Skip { max: 1 });
        let (shorter, skipped) = lenient.batch(&deal(4, 3), 0, false).unwrap();
        assert_eq!((shorter.ids, skipped.len()), (vec!["s0".to_owned(), "s2".to_owned()], 1));
        let (full, skipped) = lenient.batch(&deal(4, 3), 0, true).unwrap();
        assert_eq!(full.ids, ["s0", "s2", "s2"]);
        assert_eq!((skipped[0].id.as_str(), skipped[0].error.code), ("s1", codes::DATA_UNREADABLE));
    }

    #[test]
    fn unusable_preparations_are_refused() {
        let refused = |preparation: Preparation| preparation.check().unwrap_err().code;
        let fine = Preparation::default();
        assert_eq!(fine.check(), Ok(()));
        assert_eq!(refused(sized(0, 3)), codes::DATA_PREPARATION);
        assert_eq!(refused(sized(1 << 20, 1 << 20)), codes::DATA_PREPARATION);
        assert_eq!(refused(Preparation { std: [0.2, 0.0, 0.2], ..fine }), codes::DATA_PREPARATION);
        assert_eq!(refused(Preparation { mean: [f32::NAN, 0.0, 0.2], ..fine }), codes::DATA_PREPARATION);
        assert_eq!(
            refused(Preparation { augment: Augment { flip: 2.0, ..Augment::NONE }, ..fine }),
            codes::DATA_AUGMENT
        );
        let empty = Feed::new(Arc::new(Memory::new(0)), Split::Train, fine).err().map(|error| error.code);
        assert_eq!(empty, Some(codes::DATA_EMPTY));
    }

    #[test]
    fn the_mean_colour_is_nearly_zero_when_normalised() {
        let preparation = Preparation::default();
        assert_eq!(preparation.mean_colour(), [124, 116, 104]);
        let image = Image { width: 1, height: 1, data: preparation.mean_colour().to_vec() };
        assert!(preparation.picture(&image).unwrap().images.iter().all(|value| value.abs() < 0.01));
    }
}
