//! How often classes occur, and the class weights that follow from it.
//!
//! Label maps go in; counts of pixels come out, as integers, so that the order of the maps is irrelevant.

use rayon::prelude::*;
use serde::Serialize;

use crate::data::batch::{OnBad, too_many};
use crate::data::table::ClassTable;
use crate::data::{Dataset, LabelMap, OUTSIDE, Split};
use crate::error::Result;

/// Pixel counts of a set of label maps, by class id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frequency {
    /// Label maps counted.
    pub images: u64,
    /// Pixels of each class.
    pub pixels: Vec<u64>,
    /// Label maps that hold each class.
    pub holding: Vec<u64>,
    /// Pixels, of whatever class, of the label maps that hold each class.
    pub area: Vec<u64>,
}

impl Frequency {
    /// Nothing counted yet, for ids below `classes`.
    pub fn new(classes: usize) -> Self {
        Self { images: 0, pixels: vec![0; classes], holding: vec![0; classes], area: vec![0; classes] }
    }

    /// Counts a split at its own size. Samples that `on_bad` lets a training pass over are not counted.
    ///
    /// # Errors
    /// That of the first sample, in the order of the dataset, which cannot be read; `phg::data::skipped` for more of
    /// them than may be passed over.
    pub fn of(dataset: &dyn Dataset, split: Split, on_bad: OnBad) -> Result<Self> {
        let classes = dataset.table().len();
        let empty = Self::new(classes);
        let each = (0..dataset.len(split)).into_par_iter().map(|index| {
            let mut one = Self::new(classes);
            one.add(&dataset.sample(split, index)?.labels);
            Ok(one)
        });
        // Collected before they are added, so that of several errors the first in order is reported.
        let each: Vec<Result<Self>> = each.collect();
        let mut passed_over = 0;
        each.into_iter().try_fold(empty, |mut sum, one| {
            match (one, on_bad) {
                (Ok(one), _) => sum.merge(&one),
                (Err(error), OnBad::Fail) => return Err(error),
                (Err(error), OnBad::Skip { max }) if passed_over == max => return Err(too_many(max, &error)),
                (Err(_), OnBad::Skip { .. }) => passed_over += 1,
            }
            Ok(sum)
        })
    }

    /// Counts a label map. [`OUTSIDE`] counts nowhere, nor do ids that the counts have no place for.
    pub fn add(&mut self, labels: &LabelMap) {
        let mut counts = [0u64; 256];
        labels.data.iter().for_each(|&id| counts[usize::from(id)] += 1);
        counts[usize::from(OUTSIDE)] = 0;
        let area: u64 = counts.iter().sum();
        self.images += 1;
        let slots = self.pixels.iter_mut().zip(&mut self.holding).zip(&mut self.area);
        for (((pixels, holding), areas), count) in slots.zip(counts).filter(|(_, count)| *count > 0) {
            *pixels += count;
            *holding += 1;
            *areas += area;
        }
    }

    /// Adds the counts of other label maps of the same table.
    pub fn merge(&mut self, other: &Self) {
        self.images += other.images;
        for (mine, theirs) in [
            (&mut self.pixels, &other.pixels),
            (&mut self.holding, &other.holding),
            (&mut self.area, &other.area),
        ] {
            mine.iter_mut().zip(theirs).for_each(|(sum, count)| *sum += count);
        }
    }

    /// Share of all pixels that each class has, void included; 0 when nothing was counted.
    pub fn shares(&self) -> Vec<f64> {
        let all = self.pixels.iter().sum::<u64>().max(1) as f64;
        self.pixels.iter().map(|&pixels| pixels as f64 / all).collect()
    }

    /// Weights `median(f) / f`, where `f` is a class's share of the pixels of the images that hold it, and the
    /// median is over the classes that occur (Eigen and Fergus, ICCV 2015). Void and absent classes weigh 0.
    pub fn median_frequency(&self, table: &ClassTable) -> Vec<f32> {
        let frequencies: Vec<f64> = self
            .pixels
            .iter()
            .zip(&self.area)
            .map(|(&pixels, &area)| pixels as f64 / area.max(1) as f64)
            .collect();
        let occurs =
            |id: usize| self.pixels[id] > 0 && table.void().is_none_or(|void| usize::from(void) != id);
        let mut sorted: Vec<f64> =
            frequencies.iter().enumerate().filter(|(id, _)| occurs(*id)).map(|(_, f)| *f).collect();
        sorted.sort_by(f64::total_cmp);
        let median = match sorted.len() {
            0 => 0.0,
            n if n % 2 == 1 => sorted[n / 2],
            n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        };
        let weight = |(id, f): (usize, &f64)| if occurs(id) { (median / f) as f32 } else { 0.0 };
        frequencies.iter().enumerate().map(weight).collect()
    }

    /// Weights `1 / ln(1.02 + p)`, where `p` is a class's share of the pixels that are not void (Paszke et al.,
    /// ENet, 2016). Void weighs 0; a class that does not occur weighs `1 / ln(1.02)`, some 50.5.
    pub fn inverse_log(&self, table: &ClassTable) -> Vec<f32> {
        let void = table.void().map(usize::from);
        let counted = |id: usize| void != Some(id);
        let all: u64 =
            self.pixels.iter().enumerate().filter(|(id, _)| counted(*id)).map(|(_, count)| count).sum();
        let weight = |(id, &pixels): (usize, &u64)| {
            let share = pixels as f64 / all.max(1) as f64;
            if counted(id) { (1.0 / (1.02 + share).ln()) as f32 } else { 0.0 }
        };
        self.pixels.iter().enumerate().map(weight).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::data::fixtures::{Memory, table};

    /// Two maps of 2x2: sky sky road void, and sky outside sky sky.
    fn counted() -> Frequency {
        let map = |data: [u8; 4]| LabelMap { width: 2, height: 2, data: data.to_vec() };
        let mut frequency = Frequency::new(3);
        frequency.add(&map([0, 0, 1, 2]));
        let mut other = Frequency::new(3);
        other.add(&map([0, OUTSIDE, 0, 0]));
        frequency.merge(&other);
        frequency
    }

    fn close(values: &[f32], wanted: &[f32]) {
        assert_eq!(values.len(), wanted.len());
        assert!(values.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5), "{values:?}");
    }

    #[test]
    fn pixels_images_and_areas_are_counted() {
        let frequency = counted();
        assert_eq!(frequency.images, 2);
        assert_eq!(frequency.pixels, [5, 1, 1]);
        assert_eq!(frequency.holding, [2, 1, 1]);
        assert_eq!(frequency.area, [7, 4, 4]);
        assert_eq!(frequency.shares(), [5.0 / 7.0, 1.0 / 7.0, 1.0 / 7.0]);
    }

    /// f = 5/7 and 1/4, whose median is 27/56: weights 27/40 and 27/14.
    #[test]
    fn median_frequency_weights() {
        close(&counted().median_frequency(&table()), &[0.675, 27.0 / 14.0, 0.0]);
        close(&Frequency::new(3).median_frequency(&table()), &[0.0; 3]);
    }

    /// p = 5/6 and 1/6 of the pixels that are not void: 1/ln(1.85333) and 1/ln(1.18667).
    #[test]
    fn inverse_log_weights() {
        close(&counted().inverse_log(&table()), &[1.620_782_8, 5.842_887_5, 0.0]);
        close(&Frequency::new(3).inverse_log(&table()), &[50.498_35, 50.498_35, 0.0]);
    }

    #[test]
    fn a_split_is_counted_or_its_first_bad_sample_reported() {
        // Labels 0, 1, 2, 0 on 24 pixels each.
        let mut memory = Memory::new(4);
        assert_eq!(Frequency::of(&memory, Split::Train, OnBad::Fail).unwrap().pixels, [48, 24, 24]);
        memory.bad = vec![3, 1];
        let of = |on_bad| Frequency::of(&memory, Split::Train, on_bad);
        assert_eq!(of(OnBad::Fail).unwrap_err().place.as_deref(), Some("s1.png"));
        // What a training passes over weighs nothing; one more than may be is an error.
        assert_eq!(of(OnBad::Skip { max: 2 }).unwrap().pixels, [24, 0, 24]);
        let error = of(OnBad::Skip { max: 1 }).unwrap_err();
        assert_eq!(error.code, codes::DATA_SKIPPED);
        assert!(error.message.contains("s3.png"), "{error}");
    }
}
