//! Reads images: a PNG or JPEG file goes in, 8-bit RGB comes out.
//!
//! Alpha is dropped, grey is repeated in three channels, 16 bits are scaled to 8. Orientation tags are not
//! applied: a label map drawn over the stored pixels would no longer fit. A file that is cut off is an error,
//! also where its decoder would have filled up the rest with grey.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::codes;
use crate::data::Image;
use crate::error::{Error, Kind, Result};

/// The most columns or rows of a file that is decoded.
pub const MAX_SIDE: u32 = 32_768;

/// The most pixels of a file that is decoded: 2^27, 384 MiB as 8-bit RGB.
pub const MAX_PIXELS: u64 = 1 << 27;

/// The largest file that is read, in bytes: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;

/// Reads an image file.
///
/// # Errors
/// As [`decode_bytes`], and `phg::data::unreadable` when the file cannot be read.
pub fn read(path: &Path) -> Result<Image> {
    decode_bytes(&bytes_of(path)?, &path.display().to_string())
}

/// Rows and columns of an image file that is whole: by its header and its end, and where those do not tell, by decoding
/// it. Damage in between is not seen.
///
/// # Errors
/// As [`read`].
pub fn probe(path: &Path) -> Result<[usize; 2]> {
    match glance(path) {
        Some(size) => Ok(size),
        None => read(path).map(|image| [image.height, image.width]),
    }
}

/// `None` where only decoding tells whether the file is whole.
fn glance(path: &Path) -> Option<[usize; 2]> {
    const PNG_END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82];
    let mut file = std::fs::File::open(path).ok()?;
    let mut end = [0; 12];
    file.seek(SeekFrom::End(-12)).ok()?;
    file.read_exact(&mut end).ok()?;
    file.rewind().ok()?;
    let reader = ImageReader::new(BufReader::new(file)).with_guessed_format().ok()?;
    let whole = match reader.format() {
        Some(ImageFormat::Png) => end == PNG_END,
        Some(ImageFormat::Jpeg) => end.ends_with(&[0xFF, 0xD9]),
        Some(_) | None => false,
    };
    let (width, height) = reader.into_dimensions().ok().filter(|_| whole)?;
    let (width, height) = checked_size(width, height, "").ok()?;
    Some([height, width])
}

/// Decodes a PNG or JPEG held in memory; `place` names it in messages. The format is that of the bytes: a
/// wrong ending of the name does no harm.
///
/// # Errors
/// `phg::data::unreadable` for other formats and for damaged or incomplete files; `phg::data::too_large`
/// beyond [`MAX_SIDE`] or [`MAX_PIXELS`].
pub fn decode_bytes(bytes: &[u8], place: &str) -> Result<Image> {
    let broken = |reason: String| unreadable(place, bytes, &reason);
    let format = image::guess_format(bytes).ok();
    if format != Some(ImageFormat::Png) && format != Some(ImageFormat::Jpeg) {
        return Err(broken("it is neither PNG nor JPEG".into()).help("convert it to PNG"));
    }
    if format == Some(ImageFormat::Jpeg) && !jpeg_is_whole(bytes) {
        return Err(broken("the JPEG has no end: it was cut off".into()));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes));
    if let Some(format) = format {
        reader.set_format(format);
    }
    // The size is checked by hand below, with a message of its own.
    reader.no_limits();
    let decoder = reader.into_decoder().map_err(|error| broken(error.to_string()))?;
    let (width, height) = decoder.dimensions();
    let (width, height) = checked_size(width, height, place)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| broken(error.to_string()))?;
    let data = picture.into_rgb8().into_raw();
    if data.len() != 3 * width * height {
        return Err(broken("it holds fewer pixels than its header states".into()));
    }
    Ok(Image { width, height, data })
}

/// The bytes of a file, with an error that names it.
///
/// # Errors
/// `phg::data::unreadable` when the file cannot be opened or read, `phg::data::too_large` beyond [`MAX_BYTES`].
pub fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let message = format!("file cannot be read ({error})");
        Error::new(codes::DATA_UNREADABLE, Kind::Data, message).at(path.display())
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_BYTES {
        let message = format!("file has {size} bytes, more than {MAX_BYTES}");
        return Err(Error::new(codes::DATA_TOO_LARGE, Kind::Limit, message).at(path.display()));
    }
    std::fs::read(path).map_err(failed)
}

pub(crate) fn checked_size(width: u32, height: u32, place: &str) -> Result<(usize, usize)> {
    if width == 0 || height == 0 {
        let message = format!("picture has no pixels ({width} by {height})");
        return Err(Error::new(codes::DATA_UNREADABLE, Kind::Data, message).at(place));
    }
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large(place, width as usize, height as usize));
    }
    Ok((width as usize, height as usize))
}

pub(crate) fn too_large(place: &str, width: usize, height: usize) -> Error {
    let message = format!(
        "picture states {width} columns and {height} rows, more than {MAX_SIDE} a side or {MAX_PIXELS} in all"
    );
    Error::new(codes::DATA_TOO_LARGE, Kind::Limit, message)
        .at(place)
        .help("the file's header may be damaged; otherwise cut the picture into tiles")
}

pub(crate) fn unreadable(place: &str, bytes: &[u8], reason: &str) -> Error {
    let message = match bytes.len() {
        0 => "file is empty".to_owned(),
        size => format!("file of {size} bytes cannot be decoded ({reason})"),
    };
    Error::new(codes::DATA_UNREADABLE, Kind::Data, message)
        .at(place)
        .help("copy or download the file again; `phgc data check` lists all such files")
}

/// Whether a JPEG's entropy-coded data is followed by an end-of-image marker (ITU-T T.81, annex B).
///
/// Segments are stepped over by their lengths, so that the end of a thumbnail inside one does not count.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let (mut at, mut scanned) = (2, false);
    while let Some(&[lead, marker]) = bytes.get(at..at + 2).and_then(|pair| pair.first_chunk()) {
        match (lead, marker) {
            (0xFF, 0xD9) => return scanned,
            // A stuffed byte, a restart marker, or a marker without a segment.
            (0xFF, 0x00 | 0x01 | 0xD0..=0xD8) => at += 2,
            // Fill bytes before a marker.
            (0xFF, 0xFF) => at += 1,
            (0xFF, _) => {
                let Some(&length) = bytes.get(at + 2..at + 4).and_then(|pair| pair.first_chunk::<2>()) else {
                    return false;
                };
                scanned |= marker == 0xDA;
                at += 2 + usize::from(u16::from_be_bytes(length)).max(2);
            }
            // Entropy-coded data.
            _ => at += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use png::{BitDepth, ColorType};

    use super::*;
    use crate::data::fixtures::{grey, jpeg, pattern, png};

    fn decoded(bytes: &[u8]) -> Image {
        decode_bytes(bytes, "test").unwrap()
    }

    #[test]
    fn every_colour_type_becomes_rgb_of_8_bits() {
        let rgb = png([1, 2], ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(decoded(&rgb), Image { width: 2, height: 1, data: vec![1, 2, 3, 4, 5, 6] });
        let rgba = png([1, 2], ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 0, 4, 5, 6, 128]);
        assert_eq!(decoded(&rgba).data, [1, 2, 3, 4, 5, 6]);
        assert_eq!(decoded(&grey([1, 2], &[7, 200])).data, [7, 7, 7, 200, 200, 200]);
        // 0x8080 is 128/255 of the range, 0x0100 rounds to 1.
        let deep = png([1, 1], ColorType::Rgb, BitDepth::Sixteen, &[0xFF, 0xFF, 0x80, 0x80, 0x01, 0x00]);
        assert_eq!(decoded(&deep).data, [255, 128, 1]);
        // As the fixture's palette has it: entry 1 begins at the fourth value.
        let palette = png([1, 1], ColorType::Indexed, BitDepth::Eight, &[1]);
        assert_eq!(decoded(&palette).data, [3, 4, 5].map(|n: u32| (n * 97 % 251) as u8));
    }

    #[test]
    fn a_jpeg_is_read_whatever_its_name() {
        let smooth = Image { width: 16, height: 8, data: [[200u8, 100, 50]; 128].concat() };
        let read = decoded(&jpeg(&smooth));
        assert_eq!((read.height, read.width), (8, 16));
        assert!(read.data.iter().zip(&smooth.data).all(|(a, b)| a.abs_diff(*b) <= 2));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let image = pattern(9, 11);
        for file in [jpeg(&image), png([9, 11], ColorType::Rgb, BitDepth::Eight, &image.data)] {
            // A PNG's last 12 bytes are its empty end chunk: no pixel is lost with them.
            let needed = file.len() - if file[0] == 0x89 { 12 } else { 0 };
            for length in 0..needed {
                let error = decode_bytes(&file[..length], "cut").map(|_| length).unwrap_err();
                assert_eq!((error.code, error.place.as_deref()), (codes::DATA_UNREADABLE, Some("cut")));
            }
        }
    }

    #[test]
    fn a_probe_says_what_decoding_says_of_files_that_are_cut_off_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let image = pattern(9, 11);
        for file in [jpeg(&image), png([9, 11], ColorType::Rgb, BitDepth::Eight, &image.data)] {
            for length in 0..=file.len() {
                std::fs::write(&path, &file[..length]).unwrap();
                let decoded = read(&path).map(|image| [image.height, image.width]);
                assert_eq!(probe(&path), decoded, "{length} of {} bytes", file.len());
            }
            assert_eq!(probe(&path), Ok([9, 11]));
            // Bytes behind the end: the file is decoded to know.
            std::fs::write(&path, [&file[..], b"tail"].concat()).unwrap();
            assert_eq!(probe(&path), Ok([9, 11]));
        }
        assert_eq!(probe(&folder.path().join("none")).unwrap_err().code, codes::DATA_UNREADABLE);
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_file() {
        let whole = jpeg(&pattern(9, 11));
        // An application segment of 4 bytes, two of them an end-of-image marker.
        let mut file = whole.clone();
        file.splice(2..2, [0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xD9]);
        assert!(decode_bytes(&file, "x").is_ok());
        file.truncate(file.len() - 2);
        assert!(decode_bytes(&file, "x").is_err());
        // Bytes behind the end do no harm, nor do fill bytes before it.
        assert!(jpeg_is_whole(&[&whole[..whole.len() - 2], &[0xFF, 0xFF, 0xFF, 0xD9]].concat()));
        assert!(decode_bytes(&[&whole[..], b"tail"].concat(), "x").is_ok());
    }

    #[test]
    fn flipped_bits_never_panic() {
        let image = pattern(9, 11);
        for file in [jpeg(&image), png([9, 11], ColorType::Rgb, BitDepth::Eight, &image.data)] {
            for bit in 0..8 * file.len() {
                let mut damaged = file.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                if let Ok(read) = decode_bytes(&damaged, "x") {
                    assert_eq!(read.data.len(), 3 * read.height * read.width, "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_an_image_is_said_plainly() {
        let says = |bytes: &[u8], text: &str| {
            let error = decode_bytes(bytes, "x").unwrap_err();
            assert!(error.message.contains(text), "{}", error.message);
            error.code
        };
        assert_eq!(says(b"", "empty"), codes::DATA_UNREADABLE);
        assert_eq!(says(b"<html>", "neither PNG nor JPEG"), codes::DATA_UNREADABLE);
        // The header of an RGB PNG of 60000 by 60000.
        let header = [
            137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 234, 96, 0, 0, 234, 96, 8, 2,
            0, 0, 0, 15, 176, 226, 21, 0, 0, 0, 4, 73, 68, 65, 84,
        ];
        assert_eq!(says(&header, "60000"), codes::DATA_TOO_LARGE);
        let error = read(Path::new("/nowhere/a.png")).unwrap_err();
        assert_eq!((error.code, error.place.as_deref()), (codes::DATA_UNREADABLE, Some("/nowhere/a.png")));
    }
}
