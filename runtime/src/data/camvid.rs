//! CamVid as SegNet's tutorial lays it out: lists, images and label maps in three splits.
//!
//! A folder goes in, a dataset comes out. Lists name files in many ways; pairs are matched by the stem of the
//! name, and an image may be PNG or JPEG whatever its list says.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::Split;
use crate::data::files::{self, Files};
use crate::data::labels::Encoding;
use crate::data::lists::{self, Folder, IMAGE_ENDINGS, LABEL_ENDINGS};
use crate::data::table::ClassTable;
use crate::error::Result;

/// What a root must look like.
pub const LAYOUT: &str = "\
ROOT/train.txt            a name a line, such as 0001TP_006690.png
ROOT/train/NAME.png       or NAME.jpg: the image
ROOT/trainannot/NAME.png  ids 0 to 11 as grey levels or palette indices
the same for val and test; a split without a list is absent";

/// The table that is used unless another is given.
///
/// # Errors
/// None: a test reads it.
pub fn table() -> Result<ClassTable> {
    ClassTable::shipped("camvid")
}

/// Opens the dataset below `root`, with `table` or its own.
///
/// # Errors
/// `phg::data::root` when no list is there. What is wrong with a list is told by
/// [`problems`](crate::data::Dataset::problems).
pub fn open(root: &Path, table: Option<ClassTable>) -> Result<Files> {
    let mut splits = BTreeMap::new();
    for split in Split::ALL {
        let name = split.name();
        let list = root.join(format!("{name}.txt"));
        if list.is_file() {
            let images = Folder::list(root.join(name), "image", IMAGE_ENDINGS);
            let labels = Folder::list(root.join(format!("{name}annot")), "label map", LABEL_ENDINGS);
            // Each split has folders of its own, so one name may stand in several.
            splits.insert(split, lists::pairs(&list, &images, &labels, &mut BTreeMap::new()));
        }
    }
    if splits.is_empty() {
        let inner = files::inner(root, |path| path.join("train.txt").is_file());
        let not = "folder holds none of train.txt, val.txt, test.txt";
        return Err(files::wrong_root(root, not, inner.as_deref(), LAYOUT));
    }
    let table = match table {
        Some(table) => table,
        None => self::table()?,
    };
    Ok(Files::new("camvid", table, Encoding::Index, splits))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::codes;
    use crate::data::{Dataset, fixtures};

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
        let set = open(root.path(), None).unwrap();
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
        let set = open(root.path(), None).unwrap();
        assert_eq!((set.id(Split::Train, 0), set.id(Split::Train, 1)), ("c_3".into(), "b_2".into()));
        // The label map that the line names, not the one with the image's stem.
        assert_eq!(set.sample(Split::Train, 0).unwrap().labels.data[0], 0);
    }

    #[test]
    fn of_two_images_with_one_stem_the_png_is_read() {
        let root = made();
        fs::copy(root.path().join("train/b_2.jpg"), root.path().join("train/a_1.jpg")).unwrap();
        let set = open(root.path(), None).unwrap();
        assert_eq!(set.sample(Split::Train, 0).unwrap().image, fixtures::pattern(4, 6));
    }

    #[test]
    fn missing_files_are_named_and_likely_ones_pointed_at() {
        let root = made();
        fs::rename(root.path().join("trainannot/b_2.png"), root.path().join("trainannot/b_2_L.png")).unwrap();
        fs::remove_file(root.path().join("train/c_3.png")).unwrap();
        let set = open(root.path(), None).unwrap();
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
        let error = open(root.path(), None).unwrap().sample(Split::Train, 0).unwrap_err();
        assert_eq!(error.code, codes::DATA_SIZE);
        assert_eq!(error.message, "label map has 2 rows and 3 columns, its image 4 and 6");
    }

    #[test]
    fn a_probe_finds_what_reading_would_but_for_the_inside_of_images() {
        let root = made();
        let cut = |path: &str| {
            let path = root.path().join(path);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() - 13]).unwrap();
        };
        cut("train/a_1.png");
        cut("train/b_2.jpg");
        fs::write(root.path().join("trainannot/c_3.png"), fixtures::grey([4, 6], &[12; 24])).unwrap();
        let set = open(root.path(), None).unwrap();
        let probed = |index| set.probe(Split::Train, index).unwrap_err();
        assert_eq!([0, 1].map(|index| probed(index).code), [codes::DATA_UNREADABLE; 2]);
        assert_eq!(probed(2).code, codes::DATA_LABEL_VALUE);
        assert_eq!(set.probe(Split::Val, 0), Ok(()));
        fs::write(root.path().join("valannot/d_4.png"), fixtures::grey([2, 3], &[0; 6])).unwrap();
        let (probe, read) = (set.probe(Split::Val, 0).unwrap_err(), set.sample(Split::Val, 0).unwrap_err());
        assert_eq!((probe.code, &probe), (codes::DATA_SIZE, &read));
    }

    #[test]
    fn a_name_that_stands_twice_is_a_problem_of_the_list() {
        let root = made();
        fs::write(root.path().join("train.txt"), "a_1.png\nb_2.png\na_1.png\n").unwrap();
        let set = open(root.path(), None).unwrap();
        let [error] = set.problems(Split::Train) else { panic!("one problem") };
        assert_eq!(error.code, codes::DATA_LIST);
        assert!(error.place.as_ref().unwrap().ends_with("train.txt:3"));
        assert_eq!((set.len(Split::Train), set.problems(Split::Val).len()), (2, 0));
    }

    #[test]
    fn a_wrong_root_is_explained() {
        let root = made();
        let refused = |path: &Path| {
            let error = open(path, None).err().unwrap();
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
        let of = |root: &tempfile::TempDir, split| open(root.path(), None).unwrap().fingerprint(split);
        assert_eq!(of(&one, Split::Train), of(&other, Split::Train));
        assert_ne!(of(&one, Split::Train), of(&one, Split::Val));
        fs::write(other.path().join("train/a_1.png"), "short").unwrap();
        assert_ne!(of(&one, Split::Train), of(&other, Split::Train));
    }
}
