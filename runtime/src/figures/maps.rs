//! Class maps as pictures: colours of the table, laid over the image, or beside it.

use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::codes;
use crate::data::table::ClassTable;
use crate::data::{Image, LabelMap};
use crate::error::{Error, Kind, Result};

/// The colour of ids that the table does not have (such as [`crate::data::OUTSIDE`]).
const NO_CLASS: [u8; 3] = [0, 0, 0];

/// Each pixel in the colour of its class.
pub fn colour(labels: &LabelMap, table: &ClassTable) -> Image {
    let colour = |id: &u8| table.classes.get(usize::from(*id)).map_or(NO_CLASS, |class| class.colour);
    let data = labels.data.iter().flat_map(colour).collect();
    Image { width: labels.width, height: labels.height, data }
}

/// The image with the classes' colours over it, `strength` in `[0, 1]`; both of one size.
pub fn overlay(image: &Image, labels: &LabelMap, table: &ClassTable, strength: f32) -> Image {
    let over = colour(labels, table);
    let mix = |(below, above): (&u8, &u8)| {
        (f32::from(*below) * (1.0 - strength) + f32::from(*above) * strength).round() as u8
    };
    let data = image.data.iter().zip(&over.data).map(mix).collect();
    Image { width: image.width, height: image.height, data }
}

/// Pictures of one height beside one another, with a white gap of 4 pixels.
pub fn beside(pictures: &[&Image]) -> Image {
    const GAP: usize = 4;
    let height = pictures.iter().map(|picture| picture.height).max().unwrap_or(0);
    let width = pictures.iter().map(|picture| picture.width + GAP).sum::<usize>().saturating_sub(GAP);
    let mut data = vec![255; 3 * width * height];
    let mut left = 0;
    for picture in pictures {
        for (row, line) in picture.data.chunks_exact((3 * picture.width).max(1)).enumerate() {
            let start = 3 * (row * width + left);
            if let Some(place) = data.get_mut(start..start + line.len()) {
                place.copy_from_slice(line);
            }
        }
        left += picture.width + GAP;
    }
    Image { width, height, data }
}

/// Writes an RGB picture as PNG.
///
/// # Errors
/// `phg::run::write`.
pub fn write(path: &Path, picture: &Image) -> Result<()> {
    put(path, encode(&picture.data, picture.width, picture.height, ExtendedColorType::Rgb8))
}

/// Writes class ids as an 8-bit grey PNG.
///
/// # Errors
/// `phg::run::write`.
pub fn write_ids(path: &Path, labels: &LabelMap) -> Result<()> {
    put(path, encode_ids(labels))
}

/// Class ids, or other values of eight bits, as the bytes of an 8-bit grey PNG.
///
/// # Errors
/// `phg::run::write`.
pub fn encode_ids(labels: &LabelMap) -> Result<Vec<u8>> {
    encode(&labels.data, labels.width, labels.height, ExtendedColorType::L8)
}

fn encode(data: &[u8], width: usize, height: usize, colour: ExtendedColorType) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(data, width as u32, height as u32, colour)
        .map_err(|error| failed(&error.to_string()))?;
    Ok(bytes)
}

fn put(path: &Path, bytes: Result<Vec<u8>>) -> Result<()> {
    bytes
        .and_then(|bytes| std::fs::write(path, bytes).map_err(|error| failed(&error.to_string())))
        .map_err(|error| error.at(path.display()))
}

fn failed(why: &str) -> Error {
    Error::new(codes::RUN_WRITE, Kind::Data, format!("the picture cannot be written: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ClassTable {
        ClassTable::parse(
            "name = \"two\"\n[[class]]\nid = 0\nname = \"road\"\ncolour = [10, 20, 30]\n\
             [[class]]\nid = 1\nname = \"sky\"\ncolour = [200, 100, 0]\n",
            "test",
        )
        .unwrap()
    }

    #[test]
    fn ids_take_their_colours() {
        let labels = LabelMap { width: 3, height: 1, data: vec![0, 1, 255] };
        assert_eq!(colour(&labels, &table()).data, [10, 20, 30, 200, 100, 0, 0, 0, 0]);
        let image = Image { width: 3, height: 1, data: vec![100; 9] };
        assert_eq!(overlay(&image, &labels, &table(), 0.5).data[..3], [55, 60, 65]);
        assert_eq!(overlay(&image, &labels, &table(), 0.0), image);
    }

    #[test]
    fn pictures_stand_beside_one_another() {
        let a = Image { width: 1, height: 2, data: vec![1; 6] };
        let b = Image { width: 2, height: 1, data: vec![2; 6] };
        let both = beside(&[&a, &b]);
        assert_eq!((both.width, both.height), (7, 2));
        assert_eq!(both.data[..3], [1, 1, 1]);
        assert_eq!(both.data[15..21], [2; 6]);
        assert_eq!(both.data[7 * 3 + 15..], [255; 6]);
    }
}
