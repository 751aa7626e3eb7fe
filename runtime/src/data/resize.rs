//! Changes the size of images and label maps.
//!
//! Images: bilinear with a support that grows with the reduction (antialiased), by `fast_image_resize` in
//! fixed point; this is what Pillow's `BILINEAR` does. Labels: the one nearest resampler below, which only
//! ever copies ids. Where the size stays the same, both return what they were given.

use std::borrow::Cow;

use fast_image_resize::images::{Image as Target, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::codes;
use crate::data::{Image, LabelMap, OUTSIDE};
use crate::error::{Error, Kind, Result};

/// Names the two resamplers and their version, for manifests: another version may give other pixels.
pub const RESAMPLERS: &str =
    "image: fast_image_resize 6 bilinear convolution; labels: nearest, centre-aligned, 1";

/// Resizes an image to `height` rows and `width` columns.
///
/// # Errors
/// `phg::data::size` for a side of 0 or beyond 2^32.
pub fn image(source: &Image, height: usize, width: usize) -> Result<Cow<'_, Image>> {
    if (height, width) == (source.height, source.width) {
        return Ok(Cow::Borrowed(source));
    }
    let impossible = |reason: String| {
        let message = format!(
            "image of {} rows and {} columns cannot become {height} by {width} ({reason})",
            source.height, source.width
        );
        Error::new(codes::DATA_SIZE, Kind::Data, message)
    };
    let side = |value: usize| match u32::try_from(value) {
        Ok(side) if side > 0 => Ok(side),
        _ => Err(impossible(format!("{value} is no side of an image"))),
    };
    let (rows, columns) = (side(height)?, side(width)?);
    let from = TypedImageRef::<U8x3>::from_buffer(side(source.width)?, side(source.height)?, &source.data)
        .map_err(|error| impossible(error.to_string()))?;
    let mut to = Target::new(columns, rows, PixelType::U8x3);
    let Some(mut typed) = to.typed_image_mut::<U8x3>() else {
        return Err(impossible("its pixels are not of three bytes".to_owned()));
    };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    // Typed, because the call for any type of pixel compiles the kernels of all of them.
    Resizer::new()
        .resize_typed(&from, &mut typed, &options)
        .map_err(|error| impossible(error.to_string()))?;
    Ok(Cow::Owned(Image { width, height, data: to.into_vec() }))
}

/// Resizes a label map to `height` rows and `width` columns by copying, so that no id appears that was not there.
///
/// The pixel at `x` takes the source pixel in which its centre lies, `floor((x + 1/2) * from / to)`, in exact
/// integer arithmetic. Pillow's `NEAREST` chooses the same pixels, except where a centre lies on the edge of two
/// and its rounding decides; PyTorch's plain `nearest` is not aligned and chooses others.
pub fn labels(source: &LabelMap, height: usize, width: usize) -> Cow<'_, LabelMap> {
    if (height, width) == (source.height, source.width) {
        return Cow::Borrowed(source);
    }
    let columns: Vec<usize> = (0..width).map(|x| nearest(x, source.width, width)).collect();
    let mut data = Vec::with_capacity(height * width);
    for y in 0..height {
        let start = nearest(y, source.height, height) * source.width;
        let row = source.data.get(start..start + source.width).unwrap_or_default();
        data.extend(columns.iter().map(|&x| row.get(x).copied().unwrap_or(OUTSIDE)));
    }
    Cow::Owned(LabelMap { width, height, data })
}

/// The source place whose cell holds the centre of `place`; less than `from`, provided that `place < to`.
pub(crate) fn nearest(place: usize, from: usize, to: usize) -> usize {
    ((2 * place + 1) * from) / (2 * to).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::fixtures::pattern;

    /// Pillow 12, `Image.fromarray(pattern).resize((width, height), Image.BILINEAR)`.
    #[test]
    fn images_agree_with_pillow_to_one_level() {
        let reduced = [
            94, 131, 153, 135, 128, 140, 151, 135, 142, 116, 106, 128, 139, 147, 140, 124, 125, 126, 147,
            112, 141, 131, 128, 127, 144, 134, 140, 116, 123, 135, 139, 110, 117, 139, 124, 130,
        ];
        let odd = [
            107, 136, 147, 141, 121, 142, 137, 135, 135, 100, 111, 153, 134, 143, 145, 125, 122, 120, 144,
            112, 138, 119, 121, 136, 138, 139, 150, 124, 122, 122, 127, 103, 127, 130, 141, 136,
        ];
        let enlarged = [
            0, 53, 106, 19, 72, 125, 43, 96, 149, 68, 121, 174, 93, 146, 199, 111, 164, 217, 40, 93, 146, 59,
            112, 165, 84, 137, 173, 109, 162, 130, 134, 136, 138, 153, 103, 156, 101, 154, 207, 120, 173,
            226, 145, 198, 209, 171, 224, 63, 196, 121, 46, 215, 12, 65, 162, 215, 114, 181, 157, 134, 181,
            106, 142, 104, 132, 99, 105, 107, 108, 124, 74, 127, 202, 255, 52, 222, 147, 72, 205, 45, 98, 60,
            70, 123, 44, 97, 150, 63, 116, 169,
        ];
        let cases: [([usize; 2], [usize; 2], &[u8]); 3] =
            [([6, 8], [3, 4], &reduced), ([7, 9], [3, 4], &odd), ([3, 4], [5, 6], &enlarged)];
        for ([h, w], [height, width], golden) in cases {
            let resized = image(&pattern(h, w), height, width).unwrap().into_owned();
            assert_eq!(resized.data.len(), golden.len());
            let worst = resized.data.iter().zip(golden).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(1), "{h}x{w} to {height}x{width}: {:?}", resized.data);
        }
    }

    /// Pillow 12, `resize((width, height), Image.NEAREST)` of `9y + x` on 7 rows and 9 columns.
    #[test]
    fn labels_agree_with_pillow() {
        let source = LabelMap { width: 9, height: 7, data: (0..63).collect() };
        assert_eq!(labels(&source, 3, 4).data, [10, 12, 14, 16, 28, 30, 32, 34, 46, 48, 50, 52]);
        let rows = [0, 9, 9, 18, 27, 27, 36, 45, 45, 54].map(|row| [0, 2, 4, 6, 8].map(|x| row + x));
        assert_eq!(labels(&source, 10, 5).data, rows.concat());
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let picture = pattern(5, 7);
        assert!(matches!(image(&picture, 5, 7), Ok(Cow::Borrowed(same)) if *same == picture));
        let map = LabelMap { width: 7, height: 5, data: (0..35).collect() };
        assert!(matches!(labels(&map, 5, 7), Cow::Borrowed(same) if *same == map));
    }

    #[test]
    fn a_side_of_0_is_an_error() {
        assert_eq!(image(&pattern(5, 7), 0, 7).unwrap_err().code, codes::DATA_SIZE);
        assert_eq!(
            image(&Image { width: 0, height: 0, data: vec![] }, 2, 2).unwrap_err().code,
            codes::DATA_SIZE
        );
        // Nothing to copy from: no pixel has a class.
        assert_eq!(labels(&LabelMap { width: 0, height: 0, data: vec![] }, 1, 2).data, [OUTSIDE; 2]);
    }

    proptest! {
        #[test]
        fn resized_labels_hold_only_ids_of_their_source(
            ids in proptest::collection::vec(0u8..12, 1..400), from in 1usize..40, height in 1usize..60, width in 1usize..60,
        ) {
            let (w, h) = (from.min(ids.len()), ids.len() / from.min(ids.len()));
            let source = LabelMap { width: w, height: h, data: ids[..w * h].to_vec() };
            let resized = labels(&source, height, width);
            prop_assert_eq!(resized.data.len(), height * width);
            prop_assert!(resized.data.iter().all(|id| source.data.contains(id)));
        }

        #[test]
        fn nearest_places_rise_and_mirror(from in 1usize..500, to in 1usize..500) {
            let places: Vec<usize> = (0..to).map(|x| nearest(x, from, to)).collect();
            prop_assert!(places.is_sorted() && places[to - 1] < from);
            // Centre-aligned: seen from the other end, the same, but where a centre lies on an edge.
            for (x, &place) in places.iter().enumerate() {
                let mirrored = from - 1 - places[to - 1 - x];
                let on_edge = ((2 * x + 1) * from).is_multiple_of(2 * to);
                prop_assert!(mirrored == place || on_edge && mirrored + 1 == place);
            }
        }
    }
}
