//! Small files and datasets for the tests of this module: made on the spot, never shipped.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use png::{BitDepth, ColorType};

use crate::codes;
use crate::data::scenes::Scenes;
use crate::data::table::ClassTable;
use crate::data::write::{self, Layout};
use crate::data::{Dataset, Image, LabelMap, Sample, Split};
use crate::error::{Error, Kind, Result};

/// A PNG of packed rows. Palettes bear no relation to their indices, as in real label files.
pub(crate) fn png(size: [u32; 2], colour: ColorType, depth: BitDepth, rows: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let [height, width] = size;
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        let entries = 1usize << (depth as usize);
        encoder.set_palette((0..3 * entries).map(|n| (n * 97 % 251) as u8).collect::<Vec<u8>>());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(rows).unwrap();
    writer.finish().unwrap();
    bytes
}

/// An 8-bit grey PNG.
pub(crate) fn grey(size: [u32; 2], values: &[u8]) -> Vec<u8> {
    png(size, ColorType::Grayscale, BitDepth::Eight, values)
}

/// An RGB image whose values are `37x + 101y + 53c + xy` modulo 256, the one that golden values were made of.
pub(crate) fn pattern(height: usize, width: usize) -> Image {
    let at = |n: usize| {
        let (y, x, c) = (n / 3 / width, n / 3 % width, n % 3);
        ((37 * x + 101 * y + 53 * c + x * y) % 256) as u8
    };
    Image { width, height, data: (0..3 * height * width).map(at).collect() }
}

/// An image as a JPEG file.
pub(crate) fn jpeg(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    let (width, height) = (image.width as u32, image.height as u32);
    image::ImageEncoder::write_image(encoder, &image.data, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Writes one split in SegNet's layout: 4x6 images, labels that run through the ids.
pub(crate) fn camvid(root: &Path, split: &str, names: &[&str]) {
    let list: Vec<String> = names.iter().map(|name| format!("{name}.png\n")).collect();
    fs::write(root.join(format!("{split}.txt")), list.concat()).unwrap();
    fs::create_dir_all(root.join(split)).unwrap();
    fs::create_dir_all(root.join(format!("{split}annot"))).unwrap();
    for (at, name) in names.iter().enumerate() {
        let image = pattern(4, 6);
        let bytes = match at % 2 {
            0 => png([4, 6], ColorType::Rgb, BitDepth::Eight, &image.data),
            _ => jpeg(&image),
        };
        let ending = if at % 2 == 0 { "png" } else { "jpg" };
        fs::write(root.join(split).join(format!("{name}.{ending}")), bytes).unwrap();
        let labels: Vec<u8> = (0..24).map(|n| ((n + at) % 12) as u8).collect();
        fs::write(root.join(format!("{split}annot")).join(format!("{name}.png")), grey([4, 6], &labels))
            .unwrap();
    }
}

/// Three, two and one scenes of 24 by 48 pixels, and a folder that holds them in a layout.
pub(crate) fn scenes(layout: Layout) -> (tempfile::TempDir, Scenes) {
    let root = tempfile::tempdir().unwrap();
    let scenes = Scenes::with_lengths(24, 48, [3, 2, 1]).unwrap();
    write::write(&scenes, layout, root.path(), &|| ()).unwrap();
    (root, scenes)
}

/// A table of three classes, the last of them void.
pub(crate) fn table() -> ClassTable {
    let text = r#"
        name = "three"
        class = [
            { id = 0, name = "sky", colour = [1, 2, 3] },
            { id = 1, name = "road", colour = [4, 5, 6] },
            { id = 2, name = "void", colour = [0, 0, 0], void = true },
        ]"#;
    ClassTable::parse(text, "test").unwrap()
}

/// A dataset in memory. Sample `i` is a grey of value `i`, its labels are `i % 3`.
pub(crate) struct Memory {
    pub(crate) len: usize,
    /// Rows and columns by index.
    pub(crate) size: fn(usize) -> [usize; 2],
    /// Cannot be read.
    pub(crate) bad: Vec<usize>,
    /// Make the reader panic.
    pub(crate) cursed: Vec<usize>,
    /// How often a sample was read.
    pub(crate) reads: AtomicUsize,
    pub(crate) table: ClassTable,
}

impl Memory {
    pub(crate) fn new(len: usize) -> Self {
        let (bad, cursed, reads) = (Vec::new(), Vec::new(), AtomicUsize::new(0));
        Self { len, size: |_| [4, 6], bad, cursed, reads, table: table() }
    }
}

impl Dataset for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn len(&self, split: Split) -> usize {
        if split == Split::Train { self.len } else { 0 }
    }

    fn id(&self, _: Split, index: usize) -> String {
        format!("s{index}")
    }

    fn sample(&self, _: Split, index: usize) -> Result<Sample> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        assert!(!self.cursed.contains(&index), "cursed sample");
        if self.bad.contains(&index) {
            return Err(Error::new(codes::DATA_UNREADABLE, Kind::Data, "broken").at(format!("s{index}.png")));
        }
        let [height, width] = (self.size)(index);
        let image = Image { width, height, data: vec![index as u8; 3 * height * width] };
        Sample::pair(image, LabelMap { width, height, data: vec![(index % 3) as u8; height * width] })
    }

    fn fingerprint(&self, _: Split) -> String {
        String::new()
    }
}
