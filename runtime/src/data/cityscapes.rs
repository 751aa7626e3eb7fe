//! Cityscapes in its official layout: images and label maps by split and city.
//!
//! A folder goes in, a dataset comes out. The folders are the splits; there are no lists. A pair is what its image and
//! its label map are called before their endings, `aachen_000000_000019`; one without the other is an error when it is
//! asked for. Layout and names: README of cityscapesScripts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::codes;
use crate::data::Split;
use crate::data::files::{self, Files, Listed, Pair};
use crate::data::labels::Encoding;
use crate::data::lists::IMAGE_ENDINGS;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// What a root must look like.
pub const LAYOUT: &str = "\
ROOT/leftImg8bit/train/CITY/CITY_SEQUENCE_FRAME_leftImg8bit.png    or .jpg: the image
ROOT/gtFine/train/CITY/CITY_SEQUENCE_FRAME_gtFine_labelIds.png     ids 0 to 33 as grey levels
the same for val and test; a split without files is absent";

const IMAGES: &str = "leftImg8bit";
const LABELS: &str = "gtFine";

/// City and name of a pair.
type Key = (String, String);

/// Opens the dataset below `root`, with `table` or the twelve classes of `tables/cityscapes.toml`.
///
/// # Errors
/// `phg::data::root` when the folders or all pairs are missing.
pub fn open(root: &Path, table: Option<ClassTable>) -> Result<Files> {
    let holds = |path: &Path| path.join(IMAGES).is_dir() && path.join(LABELS).is_dir();
    let wrong = |not: &str| files::wrong_root(root, not, files::inner(root, holds).as_deref(), LAYOUT);
    match (root.join(IMAGES).is_dir(), root.join(LABELS).is_dir()) {
        (true, true) => {}
        (true, false) => return Err(wrong("folder holds no `gtFine`, the label maps")),
        (false, true) => return Err(wrong("folder holds no `leftImg8bit`, the images")),
        (false, false) => return Err(wrong("folder holds no `leftImg8bit` and no `gtFine`")),
    }
    let splits: BTreeMap<Split, Listed> = (Split::ALL.into_iter())
        .map(|split| (split, listed(root, split.name())))
        .filter(|(_, listed)| !listed.pairs.is_empty())
        .collect();
    if splits.is_empty() {
        return Err(wrong("`leftImg8bit` and `gtFine` hold no files of this layout"));
    }
    let table = match table {
        Some(table) => table,
        None => ClassTable::shipped("cityscapes")?,
    };
    Ok(Files::new("cityscapes", table, Encoding::Index, splits))
}

/// Every pair of which there is at least one file, in the order of cities and names.
fn listed(root: &Path, split: &str) -> Listed {
    let (image_root, label_root) = (root.join(IMAGES).join(split), root.join(LABELS).join(split));
    let images = found(&image_root, "_leftImg8bit", IMAGE_ENDINGS);
    let labels = found(&label_root, "_gtFine_labelIds", &["png"]);
    let keys: BTreeSet<&Key> = images.keys().chain(labels.keys()).collect();
    let pair = |key: &Key| {
        let (city, id) = key;
        let image = images.get(key).cloned().ok_or_else(|| {
            let wanted = image_root.join(city).join(format!("{id}_leftImg8bit.png"));
            missing(id, "image", &wanted, "put the file there, or take its label map away")
        });
        let label_map = labels.get(key).cloned().ok_or_else(|| {
            let wanted = label_root.join(city).join(format!("{id}_gtFine_labelIds.png"));
            missing(
                id,
                "label map",
                &wanted,
                "put the file there, or take its image away; the coloured picture beside it holds no ids",
            )
        });
        Pair { id: id.clone(), image, labels: label_map }
    };
    Listed { pairs: keys.into_iter().map(pair).collect(), problems: Vec::new() }
}

/// The files of a split whose stem ends in `mark`.
fn found(split: &Path, mark: &str, endings: &[&str]) -> BTreeMap<Key, PathBuf> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<BTreeSet<PathBuf>>()
    };
    let mut found = BTreeMap::new();
    for folder in entries(split).iter().filter(|path| path.is_dir()) {
        let city = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for path in entries(folder) {
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if let Some(id) = stem.strip_suffix(mark)
                && endings.contains(&ending.to_ascii_lowercase().as_str())
            {
                let key = (city.clone(), id.to_owned());
                // In the order of names `.png` comes after the others, and so it is kept.
                found.insert(key, path);
            }
        }
    }
    found
}

fn missing(id: &str, what: &str, wanted: &Path, help: &str) -> Error {
    Error::new(codes::DATA_MISSING, Kind::Data, format!("`{id}` has no {what}"))
        .at(wanted.display())
        .help(help)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::scenes::Scenes;
    use crate::data::write::Layout;
    use crate::data::{Dataset, fixtures};

    /// Three, two and one scenes in this layout.
    fn made() -> (tempfile::TempDir, Scenes) {
        fixtures::scenes(Layout::Cityscapes)
    }

    fn label(root: &Path, index: usize) -> PathBuf {
        root.join(format!("gtFine/train/scenes/scenes_000000_{index:06}_gtFine_labelIds.png"))
    }

    #[test]
    fn what_was_written_is_read() {
        let (root, scenes) = made();
        let set = open(root.path(), None).unwrap();
        for split in Split::ALL {
            assert_eq!(set.len(split), scenes.len(split));
            for index in 0..set.len(split) {
                assert_eq!(set.sample(split, index), scenes.sample(split, index), "{split:?} {index}");
                assert_eq!(set.probe(split, index), Ok(()));
            }
        }
        assert_eq!((set.id(Split::Val, 1).as_str(), set.name()), ("scenes_000000_000001", "cityscapes"));
    }

    #[test]
    fn ids_that_scenes_do_not_have_become_the_classes_of_the_table() {
        let (root, _) = made();
        let ids: Vec<u8> = (0..34).chain([0, 0]).collect();
        fs::write(label(root.path(), 0), fixtures::grey([4, 9], &ids)).unwrap();
        let image = root.path().join("leftImg8bit/train/scenes/scenes_000000_000000_leftImg8bit.png");
        let picture = fixtures::pattern(4, 9);
        let colours = fixtures::png([4, 9], png::ColorType::Rgb, png::BitDepth::Eight, &picture.data);
        fs::write(image, colours).unwrap();
        let read = |table| open(root.path(), table).unwrap().sample(Split::Train, 0).unwrap().labels.data;
        let twelve = read(None);
        // Sidewalk, parking; wall, fence; traffic light, traffic sign; terrain; rider, car, truck.
        let places = [8, 9, 12, 13, 19, 20, 22, 25, 26, 27];
        assert_eq!(places.map(|id| twelve[id]), [4, 0, 0, 5, 0, 9, 0, 11, 8, 8]);
        let nineteen = read(Some(ClassTable::shipped("cityscapes-19").unwrap()));
        assert_eq!(places.map(|id| nineteen[id]), [1, 19, 3, 4, 6, 7, 9, 12, 13, 14]);
    }

    #[test]
    fn cities_are_read_in_order_and_other_files_are_left_alone() {
        let (root, _) = made();
        let copy = |from: &str, to: &str| {
            let to = root.path().join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(root.path().join(from), to).unwrap();
        };
        let image = "leftImg8bit/train/scenes/scenes_000000_000000_leftImg8bit.png";
        let labels = "gtFine/train/scenes/scenes_000000_000000_gtFine_labelIds.png";
        copy(image, "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png");
        copy(labels, "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png");
        copy(labels, "gtFine/train/aachen/aachen_000000_000019_gtFine_color.png");
        copy(labels, "gtFine/train/aachen/aachen_000000_000020_gtFine_instanceIds.png");
        fs::write(root.path().join("gtFine/train/aachen/.DS_Store"), "").unwrap();
        let set = open(root.path(), None).unwrap();
        assert_eq!((set.len(Split::Train), set.id(Split::Train, 0).as_str()), (4, "aachen_000000_000019"));
        assert!(set.sample(Split::Train, 0).is_ok());
    }

    #[test]
    fn bad_files_are_named() {
        let (root, _) = made();
        fs::remove_file(label(root.path(), 0)).unwrap();
        let train_ids = [0, 1, 255, 2, 3, 4];
        fs::write(label(root.path(), 1), fixtures::grey([2, 3], &train_ids)).unwrap();
        let whole = fs::read(label(root.path(), 2)).unwrap();
        fs::write(label(root.path(), 2), &whole[..whole.len() / 2]).unwrap();
        fs::remove_file(root.path().join("leftImg8bit/val/scenes/scenes_000000_000001_leftImg8bit.png"))
            .unwrap();
        let set = open(root.path(), None).unwrap();
        let wanted = [
            (Split::Train, 0, codes::DATA_MISSING, "000000_gtFine_labelIds.png"),
            (Split::Train, 1, codes::DATA_LABEL_VALUE, "000001_gtFine_labelIds.png"),
            (Split::Train, 2, codes::DATA_UNREADABLE, "000002_gtFine_labelIds.png"),
            (Split::Val, 1, codes::DATA_MISSING, "scenes_000000_000001_leftImg8bit.png"),
        ];
        for (split, index, code, file) in wanted {
            let error = set.sample(split, index).unwrap_err();
            assert_eq!((error.code, error.kind), (code, Kind::Data));
            assert!(error.place.as_ref().unwrap().ends_with(file), "{error}");
            assert_eq!(set.probe(split, index), Err(error));
        }
    }

    #[test]
    fn a_wrong_root_is_explained() {
        let (root, _) = made();
        let refused = |path: &Path| {
            let error = open(path, None).err().unwrap();
            assert_eq!(error.code, codes::DATA_ROOT);
            (error.message, error.help.unwrap())
        };
        assert!(refused(&root.path().join("nothing")).0.contains("does not exist"));
        assert!(refused(&root.path().join("gtFine")).1.contains("ROOT/leftImg8bit/train/CITY"));
        let above = tempfile::tempdir().unwrap();
        let inner = above.path().join("cityscapes");
        fs::create_dir(&inner).unwrap();
        fs::rename(root.path().join("leftImg8bit"), inner.join("leftImg8bit")).unwrap();
        assert!(refused(&inner).0.contains("no `gtFine`"));
        assert!(refused(root.path()).0.contains("no `leftImg8bit`"));
        fs::create_dir(inner.join("gtFine")).unwrap();
        assert_eq!(refused(above.path()).1, format!("write `--root {}`", inner.display()));
        fs::remove_dir_all(inner.join("leftImg8bit/train")).unwrap();
        fs::remove_dir_all(inner.join("leftImg8bit/val")).unwrap();
        fs::remove_dir_all(inner.join("leftImg8bit/test")).unwrap();
        assert!(refused(&inner).0.contains("no files of this layout"));
    }
}
