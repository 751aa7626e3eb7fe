//! Augmentation: a sample goes in, a changed sample comes out, as a function of the seed, epoch and place.
//!
//! What is drawn is split by type. A [`Placement`] moves pixels and is applied to image and labels alike;
//! a [`Tint`] changes colours and has no way to touch labels. Label maps are only ever copied from by
//! the nearest resampler, so no class appears that the sample did not hold, [`OUTSIDE`] excepted.

use crate::codes;
use crate::data::resize;
use crate::data::{Image, LabelMap, OUTSIDE, Sample};
use crate::error::{Error, Kind, Result};
use crate::random::{Purpose, Stream};

/// Which changes are made, and how strong they are; [`Augment::NONE`] makes none.
///
/// Colours change in the order brightness, contrast, saturation, hue. Each factor is uniform in
/// `[1 - strength, 1 + strength]`, floored at 0, as torchvision's `ColorJitter` has it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Probability of mirroring left and right, in `[0, 1]`.
    pub flip: f32,
    /// Range of the factor by which both sides are scaled, uniform, in `(0, 16]`; drawn after resizing.
    pub scale: Option<[f32; 2]>,
    /// Rows and columns to cut out at a uniform place. `None`: the size before scaling. Where the cut is
    /// larger than the scaled image, this lies at a uniform place in it, the rest is [`OUTSIDE`] and mean colour.
    pub crop: Option<[usize; 2]>,
    /// Strength in `[0, 1]` of a factor on all values.
    pub brightness: f32,
    /// Strength in `[0, 1]` of a factor on the distance from the image's mean grey.
    pub contrast: f32,
    /// Strength in `[0, 1]` of a factor on the distance from the pixel's own grey.
    pub saturation: f32,
    /// Largest turn of the hue in `[0, 0.5]` of a circle, uniform in both directions.
    pub hue: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self::NONE
    }
}

impl Augment {
    /// No change.
    pub const NONE: Self = Self {
        flip: 0.0,
        scale: None,
        crop: None,
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        hue: 0.0,
    };

    /// Whether no sample is ever changed.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Checks the ranges stated at the fields.
    ///
    /// # Errors
    /// `phg::data::augment`, naming the setting and its range.
    pub fn check(&self) -> Result<()> {
        let strengths = [
            ("flip", self.flip, 1.0),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("saturation", self.saturation, 1.0),
            ("hue", self.hue, 0.5),
        ];
        for (name, value, most) in strengths {
            if !(0.0..=most).contains(&value) {
                return Err(wrong(format!("`{name}` is {value}, not between 0 and {most}"))
                    .help(format!("write `{name} = {}`", if value > most { most } else { 0.0 })));
            }
        }
        if let Some([low, high]) = self.scale
            && !(low > 0.0 && low <= high && high <= 16.0)
        {
            return Err(wrong(format!(
                "`scale` is [{low}, {high}], not a range within 0 (exclusive) and 16"
            ))
            .help("write the smaller factor first, such as `scale = [0.5, 2.0]`"));
        }
        match self.crop {
            Some([0, _] | [_, 0]) => Err(wrong("`crop` has a side of 0".into())
                .help("write rows and columns, such as `crop = [360, 480]`")),
            Some(_) | None => Ok(()),
        }
    }

    /// Changes a sample as drawn for the `place`-th sample of `epoch`; uncovered pixels become `fill`.
    ///
    /// # Errors
    /// `phg::data::size` when scaling leaves no pixel that can be resized to.
    pub fn apply(&self, sample: Sample, seed: u64, epoch: u64, place: u64, fill: [u8; 3]) -> Result<Sample> {
        if self.is_none() {
            return Ok(sample);
        }
        let (placement, tint) = self.draw(seed, epoch, place, [sample.image.height, sample.image.width]);
        let mut image = placement.image(sample.image, fill)?;
        tint.apply(&mut image);
        Ok(Sample { image, labels: placement.labels(sample.labels) })
    }

    /// Draws what happens to a sample of `size` (rows, columns).
    ///
    /// Eight numbers are drawn whatever is switched on, so one setting does not shift the draws of another.
    pub fn draw(&self, seed: u64, epoch: u64, place: u64, size: [usize; 2]) -> (Placement, Tint) {
        let mut stream = Stream::new(seed, Purpose::Augment, [epoch, place]);
        let flip = stream.chance(self.flip);
        let factor = stream.unit();
        let (top, left) = (stream.unit(), stream.unit());
        let mut strength = |s: f32| stream.uniform((1.0 - s).max(0.0), 1.0 + s);
        let (brightness, contrast) = (strength(self.brightness), strength(self.contrast));
        let saturation = strength(self.saturation);
        let hue = stream.uniform(-self.hue, self.hue);

        let scaled = match self.scale {
            Some([low, high]) => {
                let factor = low + (high - low) * factor;
                size.map(|side| ((side as f32 * factor).round() as usize).max(1))
            }
            None => size,
        };
        let cut = self.crop.unwrap_or(size);
        let offset = |draw: f32, from: usize, to: usize| {
            let room = from.abs_diff(to);
            let shift = ((draw * (room + 1) as f32) as usize).min(room) as isize;
            if from >= to { shift } else { -shift }
        };
        let offsets = [offset(top, scaled[0], cut[0]), offset(left, scaled[1], cut[1])];
        (Placement { flip, scaled, offsets, cut }, Tint { brightness, contrast, saturation, hue })
    }
}

fn wrong(message: String) -> Error {
    Error::new(codes::DATA_AUGMENT, Kind::Usage, message)
}

/// A drawn geometric change: mirror, then resize, then cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Mirrors left and right.
    pub flip: bool,
    /// Rows and columns to resize to.
    pub scaled: [usize; 2],
    /// Where the cut begins in the resized image (row, column); negative: outside it.
    pub offsets: [isize; 2],
    /// Rows and columns of the result.
    pub cut: [usize; 2],
}

impl Placement {
    /// The moved image; pixels outside the source become `fill`.
    ///
    /// # Errors
    /// `phg::data::size` when a side is 0.
    pub fn image(&self, mut source: Image, fill: [u8; 3]) -> Result<Image> {
        if self.flip {
            for row in source.data.chunks_exact_mut(3 * source.width.max(1)) {
                row.reverse();
                row.chunks_exact_mut(3).for_each(<[u8]>::reverse);
            }
        }
        let [height, width] = self.scaled;
        let scaled = resize::image(&source, height, width)?.into_owned();
        if self.keeps_all() {
            return Ok(scaled);
        }
        let data = self.window(&scaled.data, fill);
        Ok(Image { width: self.cut[1], height: self.cut[0], data })
    }

    /// The moved labels; pixels outside the source become [`OUTSIDE`].
    pub fn labels(&self, mut source: LabelMap) -> LabelMap {
        if self.flip {
            source.data.chunks_exact_mut(source.width.max(1)).for_each(<[u8]>::reverse);
        }
        let [height, width] = self.scaled;
        let scaled = resize::labels(&source, height, width).into_owned();
        if self.keeps_all() {
            return scaled;
        }
        LabelMap { width: self.cut[1], height: self.cut[0], data: self.window(&scaled.data, [OUTSIDE]) }
    }

    fn keeps_all(&self) -> bool {
        self.scaled == self.cut && self.offsets == [0, 0]
    }

    /// Copies the cut out of rows of `C`-byte pixels; what it does not cover stays `fill`.
    fn window<const C: usize>(&self, source: &[u8], fill: [u8; C]) -> Vec<u8> {
        let mut data = fill.repeat(self.cut[0] * self.cut[1]);
        // First row or column of the result that is covered, and the first of the source that is used.
        let [(into_row, from_row), (into_column, from_column)] = self
            .offsets
            .map(|offset| if offset < 0 { (offset.unsigned_abs(), 0) } else { (0, offset as usize) });
        let columns =
            (self.cut[1].saturating_sub(into_column)).min(self.scaled[1].saturating_sub(from_column));
        let rows = source.chunks_exact(C * self.scaled[1].max(1)).skip(from_row);
        for (into, from) in data.chunks_exact_mut(C * self.cut[1].max(1)).skip(into_row).zip(rows) {
            let into = into.get_mut(C * into_column..C * (into_column + columns));
            let from = from.get(C * from_column..C * (from_column + columns));
            if let (Some(into), Some(from)) = (into, from) {
                into.copy_from_slice(from);
            }
        }
        data
    }
}

/// A drawn change of colours: factors (1 changes nothing) and a turn of the hue (0 changes nothing).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tint {
    /// Factor on all values.
    pub brightness: f32,
    /// Factor on the distance from the image's mean grey.
    pub contrast: f32,
    /// Factor on the distance from the pixel's grey.
    pub saturation: f32,
    /// Turn of the hue, in circles.
    pub hue: f32,
}

impl Tint {
    /// Changes an image's colours in place. Values are rounded and clamped to `0..=255` once, at the end.
    pub fn apply(&self, image: &mut Image) {
        let Self { brightness, contrast, saturation, hue } = *self;
        if (brightness, contrast, saturation, hue) == (1.0, 1.0, 1.0, 0.0) {
            return;
        }
        let sum: u64 = image.data.chunks_exact(3).map(|p| u64::from(grey_in_thousandths(p))).sum();
        let pixels = (image.data.len() / 3).max(1) as f64;
        let mean = brightness * (sum as f64 / (1000.0 * pixels)) as f32;
        for pixel in image.data.chunks_exact_mut(3) {
            let own = brightness * grey_in_thousandths(pixel) as f32 / 1000.0;
            // Contrast moves a pixel's grey with it; saturation then turns around that moved grey.
            let grey = mean + contrast * (own - mean);
            let mut values = [0.0; 3];
            for (value, &old) in values.iter_mut().zip(pixel.iter()) {
                let contrasted = mean + contrast * (brightness * f32::from(old) - mean);
                *value = (grey + saturation * (contrasted - grey)).clamp(0.0, 255.0);
            }
            if hue != 0.0 {
                values = turn_hue(values, hue).map(|value| value.clamp(0.0, 255.0));
            }
            for (new, value) in pixel.iter_mut().zip(values) {
                // Rounds, since values are not negative; `round` is a function call on plain x86-64.
                *new = (value + 0.5) as u8;
            }
        }
    }
}

/// A pixel's luma (ITU-R BT.601), times 1000.
fn grey_in_thousandths(pixel: &[u8]) -> u32 {
    match *pixel {
        [r, g, b] => 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b),
        _ => 0,
    }
}

/// Turns the hue of a colour by `turn` circles; its largest and smallest value (HSV) stay what they are.
fn turn_hue([r, g, b]: [f32; 3], turn: f32) -> [f32; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = high - low;
    if chroma <= 0.0 {
        return [r, g, b];
    }
    let sixths = if high == r {
        (g - b) / chroma
    } else if high == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    let hue = sixths + 6.0 * turn;
    // A channel is high within one sixth of its own hue, low beyond two, and falls linearly in between.
    [5.0, 3.0, 1.0].map(|shift: f32| {
        let k = (shift + hue).rem_euclid(6.0);
        high - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Augment = Augment {
        flip: 0.5,
        scale: Some([0.5, 2.0]),
        crop: Some([9, 13]),
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.4,
        hue: 0.1,
    };

    /// A colour for each id that no other id has.
    fn colour(id: u8) -> [u8; 3] {
        if id == OUTSIDE { [1, 2, 3] } else { [10 * id, 200 - id, 7] }
    }

    fn sample(height: usize, width: usize) -> Sample {
        let data: Vec<u8> = (0..height * width).map(|n| (n * 7 % 12) as u8).collect();
        let image = data.iter().flat_map(|&id| colour(id)).collect();
        Sample { image: Image { width, height, data: image }, labels: LabelMap { width, height, data } }
    }

    fn moved(augment: Augment, place: u64) -> Sample {
        augment.apply(sample(10, 12), 3, 1, place, colour(OUTSIDE)).unwrap()
    }

    #[test]
    fn nothing_changes_nothing() {
        assert_eq!(moved(Augment::NONE, 0), sample(10, 12));
        let (placement, tint) = Augment::NONE.draw(3, 1, 0, [10, 12]);
        assert_eq!(placement, Placement { flip: false, scaled: [10, 12], offsets: [0, 0], cut: [10, 12] });
        assert_eq!(tint, Tint { brightness: 1.0, contrast: 1.0, saturation: 1.0, hue: 0.0 });
    }

    #[test]
    fn a_flip_mirrors_rows_and_keeps_channels() {
        let flip = Placement { flip: true, scaled: [1, 3], offsets: [0, 0], cut: [1, 3] };
        let image = Image { width: 3, height: 1, data: vec![1, 2, 3, 4, 5, 6, 7, 8, 9] };
        assert_eq!(flip.image(image, [0; 3]).unwrap().data, [7, 8, 9, 4, 5, 6, 1, 2, 3]);
        assert_eq!(flip.labels(LabelMap { width: 3, height: 1, data: vec![4, 5, 6] }).data, [6, 5, 4]);
    }

    #[test]
    fn a_cut_past_the_border_is_outside_and_filled() {
        let labels = LabelMap { width: 2, height: 2, data: vec![1, 2, 3, 4] };
        let placed = |offsets, cut| {
            Placement { flip: false, scaled: [2, 2], offsets, cut }.labels(labels.clone()).data
        };
        const O: u8 = OUTSIDE;
        assert_eq!(placed([-1, 0], [3, 2]), [O, O, 1, 2, 3, 4]);
        assert_eq!(placed([0, -1], [2, 4]), [O, 1, 2, O, O, 3, 4, O]);
        assert_eq!(placed([1, 1], [1, 1]), [4]);
        assert_eq!(placed([1, -1], [2, 2]), [O, 3, O, O]);
        let image = Image { width: 1, height: 1, data: vec![7, 8, 9] };
        let placement = Placement { flip: false, scaled: [1, 1], offsets: [0, -1], cut: [1, 2] };
        assert_eq!(placement.image(image, [1, 2, 3]).unwrap().data, [1, 2, 3, 7, 8, 9]);
    }

    #[test]
    fn draws_depend_on_seed_epoch_and_place_only_and_cover_their_ranges() {
        assert_eq!(moved(ALL, 5), moved(ALL, 5));
        assert_ne!(moved(ALL, 5), moved(ALL, 6));
        let drawn: Vec<(Placement, Tint)> = (0..4000).map(|place| ALL.draw(1, 0, place, [10, 12])).collect();
        let share = |test: &dyn Fn(&(Placement, Tint)) -> bool| {
            drawn.iter().filter(|d| test(d)).count() as f32 / 4000.0
        };
        assert!((share(&|d| d.0.flip) - 0.5).abs() < 0.03);
        // Heights 5 to 20 from a scale uniform in [0.5, 2].
        assert!((share(&|d| d.0.scaled[0] > 12) - 0.5).abs() < 0.03);
        assert!(drawn.iter().all(|d| (5..=20).contains(&d.0.scaled[0]) && (6..=24).contains(&d.0.scaled[1])));
        assert!((share(&|d| d.1.brightness < 1.0) - 0.5).abs() < 0.03);
        assert!(drawn.iter().all(|d| (0.6..=1.4).contains(&d.1.contrast) && d.1.hue.abs() <= 0.1));
        // One setting does not shift the draws of another.
        let calm = Augment { brightness: 0.0, scale: None, ..ALL };
        assert!((0..50).all(|place| calm.draw(1, 0, place, [10, 12]).0.flip == drawn[place as usize].0.flip));
        assert_eq!(calm.draw(1, 0, 9, [10, 12]).1.hue, drawn[9].1.hue);
    }

    #[test]
    fn every_offset_of_a_cut_is_drawn() {
        let crop = Augment { crop: Some([8, 14]), ..Augment::NONE };
        let mut seen = [[false; 3]; 3];
        for place in 0..500 {
            let ([top, left], cut) = {
                let (p, _) = crop.draw(0, 0, place, [10, 12]);
                (p.offsets, p.cut)
            };
            assert_eq!(cut, [8, 14]);
            seen[top as usize][(-left) as usize] = true;
        }
        assert!(seen.as_flattened().iter().all(|seen| *seen), "{seen:?}");
    }

    /// By hand, with greys 0.299 r + 0.587 g + 0.114 b.
    #[test]
    fn colours_change_as_defined() {
        let same = Tint { brightness: 1.0, contrast: 1.0, saturation: 1.0, hue: 0.0 };
        let tinted = |tint: Tint| {
            let mut image = Image { width: 2, height: 1, data: vec![200, 100, 50, 0, 0, 0] };
            tint.apply(&mut image);
            image.data
        };
        assert_eq!(tinted(same), [200, 100, 50, 0, 0, 0]);
        assert_eq!(tinted(Tint { brightness: 1.5, ..same }), [255, 150, 75, 0, 0, 0]);
        // Greys 124.2 and 0, mean 62.1: half way to it.
        assert_eq!(tinted(Tint { contrast: 0.5, ..same }), [131, 81, 56, 31, 31, 31]);
        // Half way to the pixel's own grey, 124.2.
        assert_eq!(tinted(Tint { saturation: 0.5, ..same }), [162, 112, 87, 0, 0, 0]);
        assert_eq!(tinted(Tint { saturation: 0.0, ..same }), [124, 124, 124, 0, 0, 0]);
        // Brightness first: values 100, 50, 25, grey 62.1, mean 31.05; then half way to the mean.
        assert_eq!(tinted(Tint { brightness: 0.5, contrast: 0.5, ..same }), [66, 41, 28, 16, 16, 16]);
    }

    /// Values of Python's `colorsys`.
    #[test]
    fn the_hue_turns_around_the_circle() {
        let turned = |colour: [f32; 3], turn| turn_hue(colour, turn).map(|value| value.round() as i32);
        assert_eq!(turned([200.0, 100.0, 50.0], 0.25), [75, 200, 50]);
        assert_eq!(turned([200.0, 100.0, 50.0], -0.1), [200, 50, 90]);
        assert_eq!(turned([10.0, 20.0, 250.0], 0.5), [250, 240, 10]);
        assert_eq!(turned([9.0, 9.0, 9.0], 0.3), [9, 9, 9]);
    }

    #[test]
    fn ranges_are_checked() {
        let refused = |augment: Augment, name: &str| {
            let error = augment.check().unwrap_err();
            assert_eq!(error.code, codes::DATA_AUGMENT);
            assert!(error.message.contains(name), "{}", error.message);
        };
        assert_eq!(ALL.check(), Ok(()));
        refused(Augment { flip: 1.5, ..ALL }, "flip");
        refused(Augment { brightness: f32::NAN, ..ALL }, "brightness");
        refused(Augment { hue: 0.6, ..ALL }, "hue");
        refused(Augment { scale: Some([2.0, 0.5]), ..ALL }, "scale");
        refused(Augment { scale: Some([0.0, 0.5]), ..ALL }, "scale");
        refused(Augment { crop: Some([3, 0]), ..ALL }, "crop");
    }

    proptest! {
        /// Without scaling, every pixel keeps the colour of its own label, and `OUTSIDE` has the fill.
        #[test]
        fn image_and_labels_move_together(place in 0u64..1000, rows in 1usize..20, columns in 1usize..20) {
            let augment = Augment { flip: 0.5, crop: Some([rows, columns]), ..Augment::NONE };
            let Sample { image, labels } = moved(augment, place);
            prop_assert_eq!((image.height, image.width), (rows, columns));
            let colours: Vec<u8> = labels.data.iter().flat_map(|&id| colour(id)).collect();
            prop_assert_eq!(image.data, colours);
            prop_assert_eq!((labels.height, labels.width), (rows, columns));
        }

        #[test]
        fn no_class_appears_that_was_not_there(place in 0u64..1000, ids in proptest::collection::vec(0u8..12, 120)) {
            let mut sample = sample(10, 12);
            sample.labels.data = ids.clone();
            let labels = ALL.apply(sample, 3, 1, place, [0; 3]).unwrap().labels;
            prop_assert_eq!((labels.height, labels.width, labels.data.len()), (9, 13, 117));
            prop_assert!(labels.data.iter().all(|id| *id == OUTSIDE || ids.contains(id)));
        }
    }
}
