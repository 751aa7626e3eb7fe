//! Writes a dataset to files: any [`Dataset`] goes in, a folder in a published layout comes out.
//!
//! Classes are written by *name* as the raw values that the layout's own tools use, so that the files can
//! be read by this crate and by others. Every picture is PNG and loses nothing. A folder that holds
//! something already is left alone.
//!
//! Layouts and values: Cityscapes from the labels and README of cityscapesScripts; SYNTHIA from the
//! RAND_CITYSCAPES set (16-bit RGB, the class in the first channel, an instance in the second); CamVid
//! from SegNet's tutorial.

use std::fs;
use std::io::BufWriter;
use std::path::Path;

use rayon::prelude::*;

use super::table::ClassTable;
use super::{Dataset, Image, LabelMap, Split};
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::output;

/// A published arrangement of folders, names and label values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `leftImg8bit/SPLIT/CITY/*_leftImg8bit.png` and `gtFine/SPLIT/CITY/*_gtFine_labelIds.png`, 8-bit
    /// grey ids of 0 to 33.
    Cityscapes,
    /// `RGB/N.png` and `GT/LABELS/N.png`, 16-bit RGB; `train.txt`, `val.txt` and `test.txt` list the
    /// numbers, as the set itself has no splits.
    Synthia,
    /// `train.txt`, `train/NAME.png` and `trainannot/NAME.png`, 8-bit grey ids of 0 to 11, void last; the
    /// same for val and test.
    Camvid,
}

/// The raw value of a class, by the names that class tables give it.
type Values = &'static [(&'static [&'static str], u8)];

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 3] = [Self::Cityscapes, Self::Synthia, Self::Camvid];

    /// What flags call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cityscapes => "cityscapes",
            Self::Synthia => "synthia",
            Self::Camvid => "camvid",
        }
    }

    /// The layout that flags call `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    fn values(self) -> Values {
        match self {
            Self::Cityscapes => &[
                (&["void"], 0),
                (&["road"], 7),
                (&["sidewalk", "pavement"], 8),
                (&["building"], 11),
                (&["fence"], 13),
                (&["pole"], 17),
                (&["sign"], 20),
                (&["vegetation", "tree"], 21),
                (&["sky"], 23),
                (&["person", "pedestrian"], 24),
                (&["car"], 26),
                (&["cyclist", "bicyclist"], 33),
            ],
            Self::Synthia => &[
                (&["void"], 0),
                (&["sky"], 1),
                (&["building"], 2),
                (&["road"], 3),
                (&["sidewalk", "pavement"], 4),
                (&["fence"], 5),
                (&["vegetation", "tree"], 6),
                (&["pole"], 7),
                (&["car"], 8),
                (&["sign"], 9),
                (&["person", "pedestrian"], 10),
                (&["cyclist", "bicyclist"], 11),
            ],
            Self::Camvid => &[
                (&["sky"], 0),
                (&["building"], 1),
                (&["pole"], 2),
                (&["road"], 3),
                (&["sidewalk", "pavement"], 4),
                (&["vegetation", "tree"], 5),
                (&["sign"], 6),
                (&["fence"], 7),
                (&["car"], 8),
                (&["person", "pedestrian"], 9),
                (&["cyclist", "bicyclist"], 10),
                (&["void"], 11),
            ],
        }
    }

    /// The raw value of every class of `table`, by id.
    fn raw(self, table: &ClassTable) -> Result<Vec<u8>> {
        let value =
            |name: &str| self.values().iter().find(|(names, _)| names.contains(&name)).map(|(_, v)| *v);
        let one = |class: &super::table::Class| {
            // A void class is void by its mark, whatever it is called.
            value(if class.void { "void" } else { &class.name }).ok_or_else(|| {
                let known: Vec<&str> =
                    self.values().iter().filter_map(|(names, _)| names.first().copied()).collect();
                let message = format!("class `{}` has no value in the layout `{}`", class.name, self.name());
                Error::new(codes::DATA_WRITE, Kind::Data, message)
                    .at(format!("class table `{}`", table.name))
                    .help(format!("the layout knows: {}", known.join(", ")))
            })
        };
        table.classes.iter().map(one).collect()
    }

    /// Where pair `index` of a split goes below the root: image, label map, and the line for the list.
    fn places(self, split: Split, index: usize, before: usize, id: &str) -> [String; 3] {
        let part = split.name();
        match self {
            Self::Cityscapes => {
                // Sequence and frame number have six digits, as in the original names.
                let stem = format!("{part}/scenes/scenes_000000_{index:06}");
                [
                    format!("leftImg8bit/{stem}_leftImg8bit.png"),
                    format!("gtFine/{stem}_gtFine_labelIds.png"),
                    String::new(),
                ]
            }
            Self::Synthia => {
                let number = format!("{:07}", before + index);
                [format!("RGB/{number}.png"), format!("GT/LABELS/{number}.png"), number]
            }
            Self::Camvid => {
                [format!("{part}/{id}.png"), format!("{part}annot/{id}.png"), format!("{id}.png")]
            }
        }
    }
}

/// Writes all splits of `dataset` below `root`, which must be empty or not exist; `done` is called after
/// each pair, from several threads. Returns the number of pairs.
///
/// # Errors
/// `phg::usage::output` when `root` cannot be made; `phg::data::write` when it holds something, a file cannot be
/// written, or a class has no value in the layout; whatever reading a sample gives.
pub fn write(dataset: &dyn Dataset, layout: Layout, root: &Path, done: &(dyn Fn() + Sync)) -> Result<usize> {
    let values = layout.raw(dataset.table())?;
    let occupied = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) || root.is_file();
    if occupied {
        return Err(Error::new(
            codes::DATA_WRITE,
            Kind::Usage,
            "the folder to write to holds something already",
        )
        .at(root.display())
        .help("name a folder that does not exist yet"));
    }
    output::folder(root)?;
    let mut total = 0;
    for split in Split::ALL {
        let count = dataset.len(split);
        let lines = (0..count)
            .into_par_iter()
            .map(|index| {
                let [image, labels, line] = layout.places(split, index, total, &dataset.id(split, index));
                let sample = dataset.sample(split, index)?;
                write_image(&root.join(image), &sample.image)?;
                write_labels(&root.join(labels), &sample.labels, &values, layout)?;
                done();
                Ok(line)
            })
            .collect::<Result<Vec<String>>>()?;
        if layout != Layout::Cityscapes && count > 0 {
            let path = root.join(format!("{}.txt", split.name()));
            fs::write(&path, lines.join("\n") + "\n").map_err(|error| failed(&path, &error))?;
        }
        total += count;
    }
    Ok(total)
}

fn write_image(path: &Path, image: &Image) -> Result<()> {
    encode(path, [image.width, image.height], png::ColorType::Rgb, png::BitDepth::Eight, &image.data)
}

fn write_labels(path: &Path, labels: &LabelMap, values: &[u8], layout: Layout) -> Result<()> {
    let mut raw = Vec::with_capacity(labels.data.len());
    for &id in &labels.data {
        raw.push(values.get(usize::from(id)).copied().ok_or_else(|| {
            Error::new(codes::DATA_WRITE, Kind::Data, format!("label {id} is in no class")).at(path.display())
        })?);
    }
    let size = [labels.width, labels.height];
    match layout {
        Layout::Cityscapes | Layout::Camvid => {
            encode(path, size, png::ColorType::Grayscale, png::BitDepth::Eight, &raw)
        }
        Layout::Synthia => {
            // Big-endian 16-bit values: class, instance (none is known), nothing.
            let wide: Vec<u8> = raw.iter().flat_map(|&value| [0, value, 0, 0, 0, 0]).collect();
            encode(path, size, png::ColorType::Rgb, png::BitDepth::Sixteen, &wide)
        }
    }
}

fn encode(
    path: &Path,
    size: [usize; 2],
    colour: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    }
    let [width, height] = size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let file = fs::File::create(path).map_err(|error| failed(path, &error))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(data)?;
        writer.finish()
    });
    written.map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(codes::DATA_WRITE, Kind::Data, format!("cannot be written: {error}"))
        .at(path.display())
        .help("name a folder that you may write to, on a disk with space")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;
    use crate::data::scenes::Scenes;

    fn written(layout: Layout) -> (tempfile::TempDir, PathBuf, Scenes) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        let scenes = Scenes::with_lengths(48, 96, [3, 2, 1]).unwrap();
        assert_eq!(write(&scenes, layout, &root, &|| ()).unwrap(), 6);
        (folder, root, scenes)
    }

    /// Every file below `root`, by its path with slashes.
    fn files(root: &Path) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![root.to_path_buf()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                    found.insert(name.replace('\\', "/"));
                }
            }
        }
        found
    }

    /// Colour type, bits, width, height and raw bytes of a PNG, as stored.
    fn stored(path: &Path) -> (png::ColorType, png::BitDepth, u32, u32, Vec<u8>) {
        let mut decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()));
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        bytes.truncate(info.buffer_size());
        (info.color_type, info.bit_depth, info.width, info.height, bytes)
    }

    /// Checks a label file against the dataset: `value(raw bytes of a pixel)` must map ids by `expect`.
    fn compare(path: &Path, scenes: &Scenes, split: Split, index: usize, bytes: usize, expect: [u8; 12]) {
        let labels = scenes.sample(split, index).unwrap().labels;
        let (.., raw) = stored(path);
        assert_eq!(raw.len(), bytes * labels.data.len());
        let at = if bytes == 6 { 1 } else { 0 };
        for (pixel, &id) in raw.chunks(bytes).zip(&labels.data) {
            assert_eq!(pixel[at], expect[usize::from(id)]);
            assert!(pixel.iter().enumerate().all(|(k, &byte)| k == at || byte == 0));
        }
    }

    #[test]
    fn cityscapes_layout() {
        let (_folder, root, scenes) = written(Layout::Cityscapes);
        let found = files(&root);
        assert_eq!(found.len(), 12, "{found:?}");
        assert!(found.contains("leftImg8bit/train/scenes/scenes_000000_000002_leftImg8bit.png"));
        assert!(found.contains("gtFine/val/scenes/scenes_000000_000001_gtFine_labelIds.png"));
        assert!(found.contains("gtFine/test/scenes/scenes_000000_000000_gtFine_labelIds.png"));
        let labels = root.join("gtFine/train/scenes/scenes_000000_000002_gtFine_labelIds.png");
        let (colour, depth, width, height, _) = stored(&labels);
        assert_eq!((colour, depth, width, height), (png::ColorType::Grayscale, png::BitDepth::Eight, 96, 48));
        // Void, sky, building, road, sidewalk, fence, vegetation, pole, car, sign, person, cyclist as the
        // ids of cityscapesScripts.
        let ids = [0, 23, 11, 7, 8, 13, 21, 17, 26, 20, 24, 33];
        compare(&labels, &scenes, Split::Train, 2, 1, ids);
        let image = root.join("leftImg8bit/train/scenes/scenes_000000_000002_leftImg8bit.png");
        let (colour, depth, .., bytes) = stored(&image);
        assert_eq!((colour, depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        assert_eq!(bytes, scenes.sample(Split::Train, 2).unwrap().image.data);
    }

    #[test]
    fn synthia_layout() {
        let (_folder, root, scenes) = written(Layout::Synthia);
        let found = files(&root);
        assert_eq!(found.len(), 15, "{found:?}");
        assert!(found.contains("RGB/0000005.png") && found.contains("GT/LABELS/0000000.png"));
        // Numbers go on through the splits.
        assert_eq!(fs::read_to_string(root.join("val.txt")).unwrap(), "0000003\n0000004\n");
        let labels = root.join("GT/LABELS/0000004.png");
        let (colour, depth, ..) = stored(&labels);
        assert_eq!((colour, depth), (png::ColorType::Rgb, png::BitDepth::Sixteen));
        compare(&labels, &scenes, Split::Val, 1, 6, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn camvid_layout() {
        let (_folder, root, scenes) = written(Layout::Camvid);
        let found = files(&root);
        assert_eq!(found.len(), 15, "{found:?}");
        assert!(found.contains("train/000002.png") && found.contains("valannot/000001.png"));
        assert_eq!(
            fs::read_to_string(root.join("train.txt")).unwrap(),
            "000000.png\n000001.png\n000002.png\n"
        );
        let labels = root.join("testannot/000000.png");
        let (colour, depth, ..) = stored(&labels);
        assert_eq!((colour, depth), (png::ColorType::Grayscale, png::BitDepth::Eight));
        compare(&labels, &scenes, Split::Test, 0, 1, [11, 0, 1, 3, 4, 7, 5, 2, 8, 6, 9, 10]);
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine.txt"), "mine").unwrap();
        let scenes = Scenes::with_lengths(8, 16, [1, 0, 0]).unwrap();
        let error = write(&scenes, Layout::Camvid, folder.path(), &|| ()).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::DATA_WRITE, Kind::Usage));
        let below = folder.path().join("mine.txt/below");
        let error = write(&scenes, Layout::Camvid, &below, &|| ()).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::USAGE_OUTPUT, Kind::Usage));
        assert_eq!(files(folder.path()).len(), 1);
    }

    #[test]
    fn a_class_that_the_layout_lacks_is_named() {
        let table = ClassTable::parse(
            "name = \"t\"\n[[class]]\nid = 0\nname = \"boat\"\ncolour = [0, 0, 0]\n",
            "t.toml",
        )
        .unwrap();
        let error = Layout::Synthia.raw(&table).unwrap_err();
        assert!(error.message.contains("`boat`") && error.message.contains("`synthia`"), "{error}");
    }

    #[test]
    fn layouts_are_found_by_name() {
        for layout in Layout::ALL {
            assert_eq!(Layout::named(layout.name()), Some(layout));
        }
        assert_eq!(Layout::named("kitti"), None);
    }
}
