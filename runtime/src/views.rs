//! Several looks at one image: mirrored, at other scales, through a sliding window.
//!
//! Comes in: an image, how it is prepared, and a network's scores of a block of images. Goes out: class probabilities
//! averaged over the looks. Guaranteed: one look without a window is the network's plain answer.
//!
//! Protocol, that of mmsegmentation 1.x (`slide_inference` of `EncoderDecoder`, `SegTTAModel.merge_preds`):
//!
//! - windows of one image overlap by a third of their side, the last one ends at the image's edge; where several cover
//!   a pixel, their *scores* are averaged (logits; logarithms of probabilities where the network gives those);
//! - the scores of each look are mirrored back, brought to the wanted size bilinearly and become *probabilities* by
//!   softmax; these are averaged over scales and mirror images, each look with the same weight.
//!
//! A scale multiplies the size that the network was trained at; the image is resized from its own pixels.

use burn::tensor::{Device, Tensor, TensorData, activation};
use phg_compiler::plan::instr::ResizeMode;
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::data::Image;
use crate::data::batch::Preparation;
use crate::error::{Error, Kind, Result};
use crate::exec::Bindings;
use crate::host::HostTensor;
use crate::instr::resize::resize;

/// The smallest and the largest scale.
pub const SCALES: std::ops::RangeInclusive<f64> = 0.1..=8.0;

/// The looks that a prediction is averaged over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Views {
    /// Each look once more, mirrored left to right.
    pub flip: bool,
    /// Factors of the size that the network was trained at; at least one, each in [`SCALES`].
    pub scales: Vec<f64>,
    /// Rows and columns of a window that slides over each look; `None` shows the network all at once.
    pub window: Option<[usize; 2]>,
}

impl Default for Views {
    /// One look.
    fn default() -> Self {
        Self { flip: false, scales: vec![1.0], window: None }
    }
}

impl Views {
    /// True for one look at the whole image.
    pub fn is_single(&self) -> bool {
        *self == Self::default()
    }

    /// Checks scales and window.
    ///
    /// # Errors
    /// `phg::data::preparation`.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: String, help: &str| {
            Err(Error::new(codes::DATA_PREPARATION, Kind::Usage, message).help(help))
        };
        if self.scales.is_empty() {
            return wrong("no scale to look at".into(), "write `--scales 1`");
        }
        if let Some(scale) = self.scales.iter().copied().find(|scale: &f64| !SCALES.contains::<f64>(scale)) {
            let message = format!("scale {scale} is not in {} to {}", SCALES.start(), SCALES.end());
            return wrong(message, "write factors such as `--scales 0.75,1,1.25`");
        }
        if self.window.is_some_and(|[height, width]| height == 0 || width == 0) {
            return wrong(
                "a window without pixels".into(),
                "write rows x columns such as `--window 384x384`",
            );
        }
        Ok(())
    }

    /// Such as `flipped too, scales 0.75, 1, windows of 120x160`; empty for one look.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if self.flip {
            words.push("flipped too".to_owned());
        }
        if self.scales != [1.0] {
            let scales: Vec<String> = self.scales.iter().map(ToString::to_string).collect();
            words.push(format!("scales {}", scales.join(", ")));
        }
        if let Some([height, width]) = self.window {
            words.push(format!("windows of {height}x{width}"));
        }
        words.join(", ")
    }
}

/// A network's scores `[n, classes, h', w']` of normalised images `[n, 3, h, w]`.
pub(crate) type Score<'a> = &'a dyn Fn(Tensor<4>) -> Result<Tensor<4>>;

/// The averaged probabilities `[1, classes, rows, columns]` of `image` at `size`.
///
/// # Errors
/// Those of `score`, of [`Views::check`] and [`Preparation::check`], and of resizing.
pub(crate) fn probabilities(
    views: &Views,
    image: &Image,
    preparation: &Preparation,
    size: [usize; 2],
    device: &Device,
    score: Score<'_>,
) -> Result<Tensor<4>> {
    views.check()?;
    let trained_at = preparation.size.unwrap_or([image.height, image.width]);
    let mut sum: Option<Tensor<4>> = None;
    let mut looks = 0;
    for scale in &views.scales {
        let scaled = trained_at.map(|side| ((side as f64 * scale).round() as usize).max(1));
        let preparation = Preparation { size: Some(scaled), ..*preparation };
        preparation.check()?;
        let picture = preparation.picture(image)?;
        let shape = vec![1, 3, picture.height, picture.width];
        let images = Bindings::from_host(&HostTensor { shape, data: picture.images }, None, device)?.images;
        for mirrored in [false, true].into_iter().take(if views.flip { 2 } else { 1 }) {
            let scores = if mirrored {
                windows(images.clone().flip([3]), views.window, score)?.flip([3])
            } else {
                windows(images.clone(), views.window, score)?
            };
            let seen = activation::softmax(resize(scores, ResizeMode::Bilinear, size)?, 1);
            sum = Some(match sum {
                None => seen,
                Some(sum) => sum + seen,
            });
            looks += 1;
        }
    }
    let nothing = || Error::new(codes::DATA_PREPARATION, Kind::Usage, "no scale to look at");
    Ok(sum.ok_or_else(nothing)?.div_scalar(looks))
}

/// Scores of `images`, seen through windows where they are larger than one.
fn windows(images: Tensor<4>, window: Option<[usize; 2]>, score: Score<'_>) -> Result<Tensor<4>> {
    let [n, _, rows, columns] = images.dims();
    let Some([height, width]) = window.map(|[height, width]| [height.min(rows), width.min(columns)]) else {
        return score(images);
    };
    if [height, width] == [rows, columns] {
        return score(images);
    }
    let mut sum: Option<Tensor<4>> = None;
    let mut covered = vec![0f32; rows * columns];
    for top in starts(rows, height) {
        for left in starts(columns, width) {
            let part = images.clone().narrow(2, top, height).narrow(3, left, width);
            let seen = resize(score(part)?, ResizeMode::Bilinear, [height, width])?;
            let classes = seen.dims()[1];
            let all = sum.unwrap_or_else(|| Tensor::zeros([n, classes, rows, columns], &seen.device()));
            let place = [0..n, 0..classes, top..top + height, left..left + width];
            let before = all.clone().slice(place.clone());
            sum = Some(all.slice_assign(place, before + seen));
            for row in top..top + height {
                covered[row * columns + left..][..width].iter_mut().for_each(|count| *count += 1.0);
            }
        }
    }
    let nothing = || Error::new(codes::DATA_PREPARATION, Kind::Usage, "an image without pixels");
    let sum = sum.ok_or_else(nothing)?;
    let covered = Tensor::from_data(TensorData::new(covered, [1, 1, rows, columns]), &sum.device());
    Ok(sum / covered)
}

/// Where windows of `side` begin on a line of `length`: a third of a window overlaps, the last one ends with the line.
fn starts(length: usize, side: usize) -> impl Iterator<Item = usize> {
    let step = (2 * side).div_ceil(3).max(1);
    let last = length - side;
    (0..=last.div_ceil(step)).map(move |at| (at * step).min(last))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Scores of two classes, the second's logit given for each pixel of one row.
    fn row(logits: &[f32]) -> Tensor<4> {
        let zeros = std::iter::repeat_n(0.0, logits.len());
        let data: Vec<f32> = zeros.chain(logits.iter().copied()).collect();
        Tensor::from_data(TensorData::new(data, [1, 2, 1, logits.len()]), &Device::flex())
    }

    fn logit(p: f32) -> f32 {
        (p / (1.0 - p)).ln()
    }

    /// The second class's probability at each pixel of an image of one row.
    fn second(views: &Views, width: usize, score: Score<'_>) -> Vec<f32> {
        let image = Image { width, height: 1, data: vec![128; 3 * width] };
        let averaged =
            probabilities(views, &image, &Preparation::default(), [1, width], &Device::flex(), score);
        let all = averaged.unwrap().into_data().try_to_vec::<f32>().unwrap();
        all[width..].to_vec()
    }

    fn close(seen: &[f32], expected: &[f32]) {
        assert_eq!(seen.len(), expected.len());
        let near = seen.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "{seen:?}, not {expected:?}");
    }

    /// 0.9 at the left pixel and 0.3 at the right one, whatever the image: mirrored back the other way round, so that
    /// both pixels have (0.9 + 0.3) / 2. Averaged logits would give 0.663.
    #[test]
    fn mirror_images_are_averaged_as_probabilities() {
        let score = |_: Tensor<4>| Ok(row(&[logit(0.9), logit(0.3)]));
        let views = Views { flip: true, ..Views::default() };
        close(&second(&views, 2, &score), &[0.6, 0.6]);
        close(&second(&Views::default(), 2, &score), &[0.9, 0.3]);
    }

    /// 0.9 of what is 4 pixels wide, 0.2 of what is 2 wide, 0.4 of what is 6 wide.
    #[test]
    fn scales_are_averaged_as_probabilities() {
        let score = |images: Tensor<4>| {
            let columns = images.dims()[3];
            Ok(row(&vec![
                logit(match columns {
                    4 => 0.9,
                    2 => 0.2,
                    _ => 0.4,
                });
                columns
            ]))
        };
        let views = Views { scales: vec![0.5, 1.0, 1.5], ..Views::default() };
        close(&second(&views, 4, &score), &[0.5; 4]);
    }

    /// Windows of 3 over 5 pixels begin at 0 and 2; their logits 2 and 4 meet at the pixel 2.
    #[test]
    fn scores_of_windows_are_averaged_where_they_overlap() {
        let calls = Cell::new(0);
        let score = |images: Tensor<4>| {
            assert_eq!(images.dims(), [1, 3, 1, 3]);
            calls.set(calls.get() + 1);
            Ok(row(&[2.0 * calls.get() as f32; 3]))
        };
        let views = Views { window: Some([9, 3]), ..Views::default() };
        let p = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        close(&second(&views, 5, &score), &[p(2.0), p(2.0), p(3.0), p(4.0), p(4.0)]);
        assert_eq!(calls.get(), 2);
    }

    #[test]
    fn windows_cover_a_line_to_its_end() {
        let of = |length, side| starts(length, side).collect::<Vec<_>>();
        assert_eq!(of(5, 3), [0, 2]);
        assert_eq!(of(768, 384), [0, 256, 384]);
        assert_eq!(of(769, 769), [0]);
        assert_eq!(of(7, 1), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_window_larger_than_the_image_is_none() {
        let score = |images: Tensor<4>| {
            assert_eq!(images.dims(), [1, 3, 1, 4]);
            Ok(row(&[0.5, 1.0, 1.5, 2.0]))
        };
        let views = Views { window: Some([50, 60]), ..Views::default() };
        assert_eq!(second(&views, 4, &score), second(&Views::default(), 4, &score));
    }

    #[test]
    fn unusable_views_are_refused() {
        let refused = |views: Views| views.check().unwrap_err().code;
        for scales in [vec![], vec![0.0], vec![f64::NAN], vec![1.0, 9.0]] {
            assert_eq!(refused(Views { scales, ..Views::default() }), codes::DATA_PREPARATION);
        }
        assert_eq!(refused(Views { window: Some([0, 4]), ..Views::default() }), codes::DATA_PREPARATION);
        let views = Views { flip: true, scales: vec![0.75, 1.0], window: Some([12, 16]) };
        assert_eq!(views.check(), Ok(()));
        assert_eq!(views.words(), "flipped too, scales 0.75, 1, windows of 12x16");
    }
}
