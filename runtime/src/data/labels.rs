//! Reads label files: a PNG goes in, raw values come out, and a class table turns them into class ids.
//!
//! A label file is an array of numbers that happens to be stored as a picture. So nothing here treats it
//! as one: palettes are not looked up, greys are not stretched, 16 bits are not halved. Colour pictures are
//! refused, because a colour says nothing about an id. A map that leaves this module holds only ids of its table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use png::{BitDepth, ColorType};

use crate::codes;
use crate::data::LabelMap;
use crate::data::decode;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// How a label file stores its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// One channel: palette indices or grey levels of 1, 2, 4, 8 or 16 bits.
    #[default]
    Index,
    /// 16-bit RGB whose first channel is the class and whose second is the instance (SYNTHIA).
    FirstOfRgb16,
}

/// The numbers of a label file, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLabels {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height][width]`.
    pub data: Vec<u16>,
}

/// Reads and maps a label file.
///
/// # Errors
/// Those of [`decode_file`] and [`RawLabels::classes`].
pub fn read(path: &Path, encoding: Encoding, table: &ClassTable) -> Result<LabelMap> {
    decode_file(path, encoding)?.classes(table, &path.display().to_string())
}

/// Reads the numbers of a label file.
///
/// # Errors
/// As [`decode_bytes`], and `phg::data::unreadable` when the file cannot be read.
pub fn decode_file(path: &Path, encoding: Encoding) -> Result<RawLabels> {
    decode_bytes(&decode::bytes_of(path)?, encoding, &path.display().to_string())
}

/// Decodes a PNG held in memory; `place` names it in messages.
///
/// # Errors
/// `phg::data::unreadable` for bytes that are no whole, sound PNG; `phg::data::label_format` for a colour
/// type that `encoding` does not cover; `phg::data::too_large` beyond [`decode::MAX_SIDE`] or
/// [`decode::MAX_PIXELS`].
pub fn decode_bytes(bytes: &[u8], encoding: Encoding, place: &str) -> Result<RawLabels> {
    let broken = |error: png::DecodingError| decode::unreadable(place, bytes, &error.to_string());
    if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(decode::unreadable(place, bytes, "it is no PNG")
            .help("label maps are read from PNG files only: other formats lose or rescale ids"));
    }
    let mut options = png::DecodeOptions::default();
    options.set_ignore_checksums(false);
    let mut decoder = png::Decoder::new_with_options(std::io::Cursor::new(bytes), options);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let header = decoder.read_header_info().map_err(broken)?;
    let (width, height) = decode::checked_size(header.width, header.height, place)?;
    let (colour, depth) = (header.color_type, header.bit_depth);
    if !covered(encoding, colour, depth) {
        return Err(format_error(encoding, colour, depth, place));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().ok_or_else(|| decode::too_large(place, width, height))?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(broken)?;
    // The rest of the file is read too, so that one cut off behind its last pixel does not pass as whole.
    reader.finish().map_err(broken)?;
    let mut data = Vec::with_capacity(width * height);
    for row in buffer.chunks_exact(frame.line_size).take(height) {
        unpack(row, encoding, depth, width, &mut data);
    }
    if data.len() != width * height {
        return Err(decode::unreadable(place, bytes, "it holds fewer pixels than its header states"));
    }
    Ok(RawLabels { width, height, data })
}

fn covered(encoding: Encoding, colour: ColorType, depth: BitDepth) -> bool {
    match encoding {
        Encoding::Index => matches!(colour, ColorType::Grayscale | ColorType::Indexed),
        Encoding::FirstOfRgb16 => colour == ColorType::Rgb && depth == BitDepth::Sixteen,
    }
}

fn format_error(encoding: Encoding, colour: ColorType, depth: BitDepth, place: &str) -> Error {
    let found = match colour {
        ColorType::Grayscale => "grey",
        ColorType::Rgb => "RGB",
        ColorType::Indexed => "palette",
        ColorType::GrayscaleAlpha => "grey with alpha",
        ColorType::Rgba => "RGB with alpha",
    };
    let (wanted, help) = match encoding {
        Encoding::Index => (
            "a palette or grey PNG",
            "name the files that hold ids; colour pictures of labels are for viewing, and often lie beside them",
        ),
        Encoding::FirstOfRgb16 => {
            ("a 16-bit RGB PNG", "use the files as distributed: 8-bit copies have lost the class")
        }
    };
    let message = format!("label map is {}-bit {found}, not {wanted}", depth as u8);
    Error::new(codes::DATA_LABEL_FORMAT, Kind::Data, message).at(place).help(help)
}

/// Appends the `width` values of one packed row; samples of fewer than eight bits lie from the high bit down.
fn unpack(row: &[u8], encoding: Encoding, depth: BitDepth, width: usize, data: &mut Vec<u16>) {
    match (encoding, depth) {
        (Encoding::FirstOfRgb16, _) => {
            data.extend(row.chunks_exact(6).take(width).map(|p| u16::from_be_bytes([p[0], p[1]])));
        }
        (Encoding::Index, BitDepth::Sixteen) => {
            data.extend(row.chunks_exact(2).take(width).map(|p| u16::from_be_bytes([p[0], p[1]])));
        }
        (Encoding::Index, BitDepth::Eight) => data.extend(row.iter().take(width).map(|&v| u16::from(v))),
        (Encoding::Index, BitDepth::One | BitDepth::Two | BitDepth::Four) => {
            let bits = depth as usize;
            let (per_byte, mask) = (8 / bits, (1u8 << bits) - 1);
            data.extend((0..width).map_while(|x| {
                let byte = row.get(x / per_byte)?;
                Some(u16::from(byte >> (8 - bits * (x % per_byte + 1)) & mask))
            }));
        }
    }
}

impl RawLabels {
    /// Turns raw values into class ids: through the names of `table.raw`, or unchanged where that is empty.
    ///
    /// # Errors
    /// `phg::data::label_value` when a value is in no row of the table: names the first such pixel and counts
    /// them all; `phg::data::label_mask` when the file holds nothing but 0 and 255, which are intensities.
    pub fn classes(&self, table: &ClassTable, place: &str) -> Result<LabelMap> {
        let map = ValueMap::new(table);
        let mut unknown = false;
        let data: Vec<u8> = (self.data.iter())
            .map(|&value| {
                let id = map.id(value);
                unknown |= id.is_none();
                id.unwrap_or_default()
            })
            .collect();
        if unknown {
            return Err(self.unknown_values(&map, table, place));
        }
        Ok(LabelMap { width: self.width, height: self.height, data })
    }

    fn unknown_values(&self, map: &ValueMap, table: &ClassTable, place: &str) -> Error {
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        let mut first = None;
        for (at, &value) in self.data.iter().enumerate().filter(|(_, value)| map.id(**value).is_none()) {
            *counts.entry(value).or_default() += 1;
            first.get_or_insert((at, value));
        }
        let (at, value) = first.unwrap_or_default();
        let (row, column) = (at / self.width.max(1), at % self.width.max(1));
        let pixels: usize = counts.values().sum();
        if self.data.iter().all(|value| matches!(value, 0 | 255)) {
            let message = format!(
                "label map holds nothing but 0 and 255 ({pixels} pixels of 255): a mask, not class ids"
            );
            return Error::new(codes::DATA_LABEL_MASK, Kind::Data, message)
                .at(place)
                .help("give the table `[[raw]]` rows that say which class 0 and 255 mean");
        }
        let mut message = format!(
            "label value {value} at row {row}, column {column} is not in the table `{}`; {pixels} pixels of such values:",
            table.name
        );
        for (value, count) in counts.iter().take(5) {
            // Writing to a string cannot fail.
            let _ = write!(message, " {value} ({count}x)");
        }
        if counts.len() > 5 {
            let _ = write!(message, " and {} more values", counts.len() - 5);
        }
        let help = if table.raw.is_empty() {
            format!("ids of this table are 0 to {}: is it the right table for these files?", table.len() - 1)
        } else {
            format!(
                "is it the right table for these files? then add a row for {value} to its `raw`, with a class"
            )
        };
        Error::new(codes::DATA_LABEL_VALUE, Kind::Data, message).at(place).help(help)
    }
}

/// Raw value to class id, made once per file: small values by index, the rare large ones by search.
struct ValueMap {
    small: [Option<u8>; 256],
    large: BTreeMap<u16, u8>,
}

impl ValueMap {
    fn new(table: &ClassTable) -> Self {
        let mut map = Self { small: [None; 256], large: BTreeMap::new() };
        let own = table.classes.iter().filter(|_| table.raw.is_empty()).map(|c| (u16::from(c.id), c.id));
        let raw = table.raw.iter().filter_map(|raw| Some((raw.value, table.id_of(&raw.class)?)));
        for (value, id) in own.chain(raw) {
            match map.small.get_mut(usize::from(value)) {
                Some(slot) => *slot = Some(id),
                None => {
                    map.large.insert(value, id);
                }
            }
        }
        map
    }

    fn id(&self, value: u16) -> Option<u8> {
        match self.small.get(usize::from(value)) {
            Some(id) => *id,
            None => self.large.get(&value).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixtures::{grey, png, table};

    fn raw(bytes: &[u8], encoding: Encoding) -> Vec<u16> {
        decode_bytes(bytes, encoding, "test").unwrap().data
    }

    #[test]
    fn indices_come_out_as_stored_whatever_the_palette_and_depth() {
        for colour in [ColorType::Indexed, ColorType::Grayscale] {
            let read = |size, depth, rows: &[u8]| raw(&png(size, colour, depth, rows), Encoding::Index);
            assert_eq!(read([2, 3], BitDepth::Eight, &[0, 1, 2, 3, 4, 255]), [0, 1, 2, 3, 4, 255]);
            // Rows of 5 and 9 values end within a byte.
            assert_eq!(read([1, 5], BitDepth::Four, &[0x1F, 0x30, 0x70]), [1, 15, 3, 0, 7]);
            assert_eq!(
                read([2, 5], BitDepth::Two, &[0b00_01_10_11, 0b10 << 6, 0, 3 << 6]),
                [0, 1, 2, 3, 2, 0, 0, 0, 0, 3]
            );
            assert_eq!(read([1, 9], BitDepth::One, &[0b1010_0001, 0x80]), [1, 0, 1, 0, 0, 0, 0, 1, 1]);
        }
    }

    #[test]
    fn sixteen_bits_are_kept() {
        let file = png([1, 2], ColorType::Grayscale, BitDepth::Sixteen, &[0x01, 0x02, 0x00, 0x07]);
        assert_eq!(raw(&file, Encoding::Index), [0x0102, 7]);
        let rows = [0, 3, 0x12, 0x34, 9, 9, 0, 10, 0, 1, 9, 9];
        let file = png([1, 2], ColorType::Rgb, BitDepth::Sixteen, &rows);
        assert_eq!(raw(&file, Encoding::FirstOfRgb16), [3, 10]);
    }

    /// A 5x5 palette PNG of 2 bits, interlaced, put together from the format's definition.
    #[test]
    fn interlaced_files_are_put_together() {
        let file = [
            137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 5, 0, 0, 0, 5, 2, 3, 0, 0,
            1, 135, 6, 254, 224, 0, 0, 0, 12, 80, 76, 84, 69, 9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 200, 96,
            221, 80, 128, 0, 0, 0, 25, 73, 68, 65, 84, 120, 156, 99, 96, 0, 131, 6, 32, 84, 96, 184, 192, 80,
            0, 196, 171, 26, 24, 58, 26, 0, 43, 42, 5, 99, 135, 14, 120, 40, 0, 0, 0, 0, 73, 69, 78, 68, 174,
            66, 96, 130,
        ];
        let rows = [[0, 3, 2, 1, 0], [2, 2, 2, 2, 2], [0, 1, 2, 3, 0], [2, 0, 2, 0, 2], [0, 3, 2, 1, 0]];
        assert_eq!(raw(&file, Encoding::Index), rows.concat());
    }

    #[test]
    fn colour_pictures_are_refused_by_name() {
        let refused = |colour, depth, encoding, values| {
            let bytes = vec![1; values];
            let error = decode_bytes(&png([1, 1], colour, depth, &bytes), encoding, "f.png").unwrap_err();
            assert_eq!((error.code, error.place.as_deref()), (codes::DATA_LABEL_FORMAT, Some("f.png")));
            error.message
        };
        use BitDepth::{Eight, Sixteen};
        use Encoding::{FirstOfRgb16, Index};
        assert!(refused(ColorType::Rgb, Eight, Index, 3).contains("8-bit RGB,"));
        assert!(refused(ColorType::Rgba, Eight, Index, 4).contains("8-bit RGB with alpha"));
        assert!(refused(ColorType::GrayscaleAlpha, Eight, Index, 2).contains("grey with alpha"));
        assert!(refused(ColorType::Rgb, Sixteen, Index, 6).contains("16-bit RGB,"));
        assert!(refused(ColorType::Rgb, Eight, FirstOfRgb16, 3).contains("8-bit RGB,"));
        assert!(refused(ColorType::Grayscale, Eight, FirstOfRgb16, 1).contains("8-bit grey"));
    }

    #[test]
    fn every_truncation_is_an_error_that_names_the_file() {
        let file = png([5, 7], ColorType::Indexed, BitDepth::Eight, &(0..35).collect::<Vec<u8>>());
        for length in 0..file.len() {
            let error = decode_bytes(&file[..length], Encoding::Index, "cut.png").unwrap_err();
            assert_eq!(error.code, codes::DATA_UNREADABLE, "{length} of {} bytes", file.len());
            assert_eq!(error.place.as_deref(), Some("cut.png"));
        }
    }

    #[test]
    fn flipped_bits_give_an_error_or_a_map_of_the_stated_size() {
        let file = png([5, 7], ColorType::Indexed, BitDepth::Eight, &(0..35).collect::<Vec<u8>>());
        for bit in 0..8 * file.len() {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(labels) = decode_bytes(&damaged, Encoding::Index, "x") {
                assert_eq!((labels.height, labels.width, labels.data.len()), (5, 7, 35), "bit {bit}");
            }
        }
    }

    #[test]
    fn absurd_sizes_are_refused_before_memory_is_taken() {
        // The header of a grey PNG of 60000 by 60000.
        let header = [
            137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 234, 96, 0, 0, 234, 96, 8, 0,
            0, 0, 0, 165, 185, 42, 158,
        ];
        let error = decode_bytes(&header, Encoding::Index, "x").unwrap_err();
        assert_eq!((error.code, error.kind), (codes::DATA_TOO_LARGE, Kind::Limit));
        assert!(error.message.contains("60000 columns"));
    }

    #[test]
    fn raw_values_are_mapped_by_the_name_of_their_class() {
        let mut table = table();
        let text = r#"
            name = "raw"
            class = [{ id = 0, name = "void", colour = [0, 0, 0], void = true }, { id = 1, name = "road", colour = [1, 1, 1] }]
            raw = [{ name = "lane", value = 1000, class = "road" }, { name = "road", value = 7, class = "road" },
                   { name = "static", value = 4, class = "void" }]"#;
        let mapped = ClassTable::parse(text, "test").unwrap();
        let labels = RawLabels { width: 2, height: 2, data: vec![7, 4, 1000, 7] };
        assert_eq!(labels.classes(&mapped, "x").unwrap().data, [1, 0, 1, 1]);
        // Without rows of that kind, values are ids.
        let labels = RawLabels { width: 3, height: 1, data: vec![2, 0, 1] };
        assert_eq!(labels.classes(&table, "x").unwrap().data, [2, 0, 1]);
        table.classes.truncate(2);
        assert_eq!(labels.classes(&table, "x").unwrap_err().code, codes::DATA_LABEL_VALUE);
    }

    #[test]
    fn an_unknown_value_is_named_with_its_pixel_and_count() {
        let file = grey([3, 3], &[0, 1, 2, 1, 0, 1, 9, 9, 0]);
        let error =
            decode_bytes(&file, Encoding::Index, "x").unwrap().classes(&table(), "a.png").unwrap_err();
        assert_eq!((error.code, error.place.as_deref()), (codes::DATA_LABEL_VALUE, Some("a.png")));
        assert!(error.message.starts_with("label value 9 at row 2, column 0 "), "{}", error.message);
        assert!(error.message.contains("; 2 pixels of such values: 9 (2x)"), "{}", error.message);
    }

    #[test]
    fn a_mask_of_0_and_255_is_recognised() {
        let labels = RawLabels { width: 3, height: 1, data: vec![0, 255, 255] };
        let error = labels.classes(&table(), "x").unwrap_err();
        assert_eq!(error.code, codes::DATA_LABEL_MASK);
        let labels = RawLabels { width: 3, height: 1, data: vec![0, 255, 1] };
        assert_eq!(labels.classes(&table(), "x").unwrap_err().code, codes::DATA_LABEL_VALUE);
    }
}
