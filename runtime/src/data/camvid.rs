//! CamVid as SegNet's tutorial lays it out: lists, images and label maps in three splits.
//!
//! A folder goes in, samples come out. Lists name files in many ways; pairs are matched by the stem of the
//! name, and an image may be PNG or JPEG whatever its list says. A pair that lacks a file is an error when
//! it is asked for, so that a check can name all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::codes;
use crate::data::table::ClassTable;
use crate::data::{Dataset, Sample, Split, decode, labels};
use crate::error::{Error, Kind, Result};

/// What a root must look like.
pub const LAYOUT: &str = "\
ROOT/train.txt            a name a line, such as 0001TP_006690.png
ROOT/train/NAME.png       or NAME.jpg: the image
ROOT/trainannot/NAME.png  ids 0 to 11 as grey levels or palette indices
the same for val and test; a split without a list is absent";

/// By preference.
const IMAGE_ENDINGS: &[&str] = &["png", "jpg", "jpeg"];
const LABEL_ENDINGS: &[&str] = &["png"];

/// The dataset.
pub struct CamVid {
    root: PathBuf,
    table: ClassTable,
    /// By split, in the order of its list.
    pairs: BTreeMap<Split, Vec<Pair>>,
}

struct Pair {
    id: String,
    /// `None` where no file of that stem exists.
    image: Option<PathBuf>,
    labels: Option<PathBuf>,
}

/// The table that is used unless another is given.
///
/// # Errors
/// None: a test reads it.
pub fn table() -> Result<ClassTable> {
    ClassTable::parse(include_str!("tables/camvid.toml"), "tables/camvid.toml")
}

impl CamVid {
    /// Opens the dataset below `root`, with `table` or its own.
    ///
    /// # Errors
    /// `phg::data::root` when no list is there; `phg::data::list` when a list names a pair twice.
    pub fn open(root: &Path, table: Option<ClassTable>) -> Result<Self> {
        let mut pairs = BTreeMap::new();
        for split in Split::ALL {
            let name = split.name();
            let list = root.join(format!("{name}.txt"));
            if list.is_file() {
                pairs.insert(split, read_pairs(root, name, &list)?);
            }
        }
        if pairs.is_empty() {
            return Err(wrong_root(root));
        }
        let table = match table {
            Some(table) => table,
            None => self::table()?,
        };
        Ok(Self { root: root.to_owned(), table, pairs })
    }

    fn pair(&self, split: Split, index: usize) -> Option<&Pair> {
        self.pairs.get(&split)?.get(index)
    }
}

impl Dataset for CamVid {
    fn name(&self) -> &str {
        "camvid"
    }

    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn len(&self, split: Split) -> usize {
        self.pairs.get(&split).map_or(0, Vec::len)
    }

    fn id(&self, split: Split, index: usize) -> String {
        self.pair(split, index).map(|pair| pair.id.clone()).unwrap_or_default()
    }

    fn sample(&self, split: Split, index: usize) -> Result<Sample> {
        let name = split.name();
        let pair = self.pair(split, index).ok_or_else(|| {
            let message = format!("pair {index} of {}", self.len(split));
            Error::new(codes::DATA_MISSING, Kind::Data, message).at(format!("{} {name}", self.root.display()))
        })?;
        let missing = |what, folder: String, endings: &[&str]| {
            missing(&pair.id, what, &self.root.join(folder), endings, name)
        };
        let image_path =
            pair.image.as_ref().ok_or_else(|| missing("image", name.to_owned(), IMAGE_ENDINGS))?;
        let labels_path = pair
            .labels
            .as_ref()
            .ok_or_else(|| missing("label map", format!("{name}annot"), LABEL_ENDINGS))?;
        let image = decode::read(image_path)?;
        let labels = labels::read(labels_path, labels::Encoding::Index, &self.table)?;
        Sample::pair(image, labels).map_err(|error| error.at(labels_path.display()))
    }

    fn fingerprint(&self, split: Split) -> String {
        let mut hash = blake3::Hasher::new();
        for pair in self.pairs.get(&split).into_iter().flatten() {
            hash.update(pair.id.as_bytes());
            for path in [&pair.image, &pair.labels] {
                let size = path.as_ref().and_then(|path| std::fs::metadata(path).ok()).map(|file| file.len());
                // A name cannot hold a line feed, so fields cannot run into each other.
                hash.update(format!("\n{}\n", size.map_or(-1, i128::from)).as_bytes());
            }
        }
        hash.finalize().to_hex().to_string()
    }
}

fn read_pairs(root: &Path, name: &str, list: &Path) -> Result<Vec<Pair>> {
    let bytes = decode::bytes_of(list)?;
    let text = String::from_utf8_lossy(&bytes);
    let images = files_by_stem(&root.join(name), IMAGE_ENDINGS);
    let label_maps = files_by_stem(&root.join(format!("{name}annot")), LABEL_ENDINGS);
    let (mut pairs, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        // A line is a name, or the paths of image and label map on somebody's machine.
        let mut stems = line.split_whitespace().map(stem);
        let Some(id) = stems.next() else { continue };
        let label_id = stems.next().unwrap_or(id);
        if !seen.insert(id.to_owned()) {
            return Err(Error::new(codes::DATA_LIST, Kind::Data, format!("`{id}` stands twice in the list"))
                .at(format!("{}:{}", list.display(), number + 1))
                .help("delete one of the lines"));
        }
        pairs.push(Pair {
            id: id.to_owned(),
            image: images.get(id).cloned(),
            labels: label_maps.get(label_id).cloned(),
        });
    }
    Ok(pairs)
}

/// The last part of a path of either kind of slash, without its ending.
fn stem(path: &str) -> &str {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The files of a folder by stem; of several with one stem, that with the ending that `endings` names first.
fn files_by_stem(folder: &Path, endings: &[&str]) -> BTreeMap<String, PathBuf> {
    let rank = |path: &Path| {
        let ending =
            path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        endings.iter().position(|known| **known == ending)
    };
    // A folder that cannot be listed holds no files: each of its pairs is then reported as missing.
    let mut found: Vec<(usize, PathBuf)> = (std::fs::read_dir(folder).into_iter().flatten().flatten())
        .filter_map(|entry| Some((rank(&entry.path())?, entry.path())))
        .collect();
    found.sort();
    found.reverse();
    (found.into_iter()).filter_map(|(_, path)| Some((path.file_stem()?.to_str()?.to_owned(), path))).collect()
}

/// The error for a file that is not there, with one of nearly its name where there is one.
fn missing(id: &str, what: &str, folder: &Path, endings: &[&str], list: &str) -> Error {
    let wanted = id.to_lowercase();
    let near = files_by_stem(folder, endings).into_iter().find(|(stem, _)| {
        let stem = stem.to_lowercase();
        // Such as `NAME_L`, as the labels of the original CamVid are called.
        stem.starts_with(&wanted) || stem.trim() == wanted
    });
    let first = endings.first().copied().unwrap_or_default();
    let file = folder.join(format!("{id}.{first}"));
    let help = match near {
        Some((_, near)) => format!("rename `{}`, if that is it, to `{}`", near.display(), file.display()),
        None => format!(
            "put the file there, with the ending {}, or take the name out of {list}.txt",
            endings.join(" or ")
        ),
    };
    Error::new(codes::DATA_MISSING, Kind::Data, format!("`{id}` has no {what}")).at(file.display()).help(help)
}

fn wrong_root(root: &Path) -> Error {
    let message = match (root.is_dir(), root.exists()) {
        (true, _) => "folder holds none of train.txt, val.txt, test.txt",
        (false, true) => "root is a file, not a folder",
        (false, false) => "root does not exist",
    };
    let inner = (std::fs::read_dir(root).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.join("train.txt").is_file())
        .min();
    let help = match inner {
        Some(inner) => format!("write `--root {}`", inner.display()),
        None => format!("this layout is read:\n{LAYOUT}"),
    };
    Error::new(codes::DATA_ROOT, Kind::Data, message).at(root.display()).help(help)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::fixtures;

    fn made() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fixtures::camvid(root.path(), "train", &["a_1", "b_2", "c_3"]);
        fixtures::camvid(root.path(), "val", &["d_4"]);
        root
    }

    #[test]
    fn the_table_has_void_last_and_the_published_colours() {
        let table = table().unwrap();
        assert_eq!((table.len(), table.void()), (12, Some(11)));
        assert_eq!((table.id_of("sky"), table.id_of("bicyclist")), (Some(0), Some(10)));
        assert_eq!(table.classes[4].colour, [60, 40, 222]);
    }

    #[test]
    fn pairs_are_matched_by_stem_and_read() {
        let root = made();
        let set = CamVid::open(root.path(), None).unwrap();
        assert_eq!((set.len(Split::Train), set.len(Split::Val), set.len(Split::Test)), (3, 1, 0));
        assert_eq!(set.id(Split::Train, 1), "b_2");
        let sample = set.sample(Split::Train, 1).unwrap();
        assert_eq!((sample.image.height, sample.image.width), (4, 6));
        assert_eq!(sample.labels.data[..4], [1, 2, 3, 4]);
        assert_eq!(set.sample(Split::Train, 0).unwrap().image, fixtures::pattern(4, 6));
        assert_eq!(set.sample(Split::Train, 3).unwrap_err().code, codes::DATA_MISSING);
    }

    #[test]
    fn lists_of_two_paths_a_line_are_understood() {
        let root = made();
        let list =
            "\u{feff}/SegNet/CamVid/train/c_3.png /SegNet/CamVid/trainannot/a_1.png\r\n\r\nC:\\x\\b_2.png\n";
        fs::write(root.path().join("train.txt"), list).unwrap();
        let set = CamVid::open(root.path(), None).unwrap();
        assert_eq!((set.id(Split::Train, 0), set.id(Split::Train, 1)), ("c_3".into(), "b_2".into()));
        // The label map that the line names, not the one with the image's stem.
        assert_eq!(set.sample(Split::Train, 0).unwrap().labels.data[0], 0);
    }

    #[test]
    fn of_two_images_with_one_stem_the_png_is_read() {
        let root = made();
        fs::copy(root.path().join("train/b_2.jpg"), root.path().join("train/a_1.jpg")).unwrap();
        let set = CamVid::open(root.path(), None).unwrap();
        assert_eq!(set.sample(Split::Train, 0).unwrap().image, fixtures::pattern(4, 6));
    }

    #[test]
    fn missing_files_are_named_and_likely_ones_pointed_at() {
        let root = made();
        fs::rename(root.path().join("trainannot/b_2.png"), root.path().join("trainannot/b_2_L.png")).unwrap();
        fs::remove_file(root.path().join("train/c_3.png")).unwrap();
        let set = CamVid::open(root.path(), None).unwrap();
        let error = set.sample(Split::Train, 1).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (codes::DATA_MISSING, "`b_2` has no label map"));
        assert!(error.place.unwrap().ends_with("trainannot/b_2.png"));
        assert!(error.help.unwrap().contains("b_2_L.png"));
        let error = set.sample(Split::Train, 2).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (codes::DATA_MISSING, "`c_3` has no image"));
        assert!(set.sample(Split::Train, 0).is_ok());
    }

    #[test]
    fn sizes_that_differ_within_a_pair_are_refused() {
        let root = made();
        fs::write(root.path().join("trainannot/a_1.png"), fixtures::grey([2, 3], &[0; 6])).unwrap();
        let error = CamVid::open(root.path(), None).unwrap().sample(Split::Train, 0).unwrap_err();
        assert_eq!(error.code, codes::DATA_SIZE);
        assert_eq!(error.message, "label map has 2 rows and 3 columns, its image 4 and 6");
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let root = made();
        fs::write(root.path().join("train.txt"), "a_1.png\nb_2.png\na_1.png\n").unwrap();
        let error = CamVid::open(root.path(), None).err().unwrap();
        assert_eq!(error.code, codes::DATA_LIST);
        assert!(error.place.unwrap().ends_with("train.txt:3"));
    }

    #[test]
    fn a_wrong_root_is_explained() {
        let root = made();
        let refused = |path: &Path| {
            let error = CamVid::open(path, None).err().unwrap();
            assert_eq!(error.code, codes::DATA_ROOT);
            (error.message, error.help.unwrap())
        };
        let (message, help) = refused(&root.path().join("nothing"));
        assert!(message.contains("does not exist") && help.contains("ROOT/trainannot/NAME.png"));
        assert!(refused(&root.path().join("train.txt")).0.contains("a file"));
        assert!(refused(&root.path().join("train")).0.contains("none of train.txt"));
        // One folder too high.
        let above = tempfile::tempdir().unwrap();
        fs::create_dir(above.path().join("CamVid")).unwrap();
        fixtures::camvid(&above.path().join("CamVid"), "train", &["a"]);
        assert_eq!(
            refused(above.path()).1,
            format!("write `--root {}`", above.path().join("CamVid").display())
        );
    }

    #[test]
    fn the_fingerprint_follows_names_and_sizes() {
        let (one, other) = (made(), made());
        let of =
            |root: &tempfile::TempDir, split| CamVid::open(root.path(), None).unwrap().fingerprint(split);
        assert_eq!(of(&one, Split::Train), of(&other, Split::Train));
        assert_ne!(of(&one, Split::Train), of(&one, Split::Val));
        fs::write(other.path().join("train/a_1.png"), "short").unwrap();
        assert_ne!(of(&one, Split::Train), of(&other, Split::Train));
    }
}
