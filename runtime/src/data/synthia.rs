//! SYNTHIA-RAND-CITYSCAPES: images, and label maps of 16 bits whose first channel is the class.
//!
//! A folder goes in, a dataset comes out. The set has no official splits. Where lists lie beside its folders they
//! decide, otherwise the number of a frame does ([`split_of`]), which needs no file and no order. A pair is the stem of
//! its two files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::codes;
use crate::data::Split;
use crate::data::files::{self, Files, Listed, Pair};
use crate::data::labels::Encoding;
use crate::data::lists::{self, Folder, IMAGE_ENDINGS, LABEL_ENDINGS};
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// What a root must look like.
pub const LAYOUT: &str = "\
ROOT/RGB/0000000.png        or .jpg: the image
ROOT/GT/LABELS/0000000.png  16-bit RGB, ids 0 to 22 in the first channel
ROOT/train.txt              a name a line, the same for val and test; without any list, by number: of each nine frames
                            from 0 to 8999 those with remainder 3 or 7 are test and the others train; from 9000 on val";

/// The split of a frame where there are no lists.
///
/// Of the frames 0 to 8999 those whose number leaves 3 or 7 when divided by 9 are test, the others train: 7000 and 2000,
/// the numbers of the PHGMM paper, which does not publish its lists. What the set has beyond 9000 is val.
pub fn split_of(number: u64) -> Split {
    match (number, number % 9) {
        (9000.., _) => Split::Val,
        (_, 3 | 7) => Split::Test,
        (_, _) => Split::Train,
    }
}

/// Opens the dataset below `root`, with `table` or the twelve classes of `tables/synthia.toml`.
///
/// # Errors
/// `phg::data::root` when the folders or all pairs are missing. What is wrong with a list is told by
/// [`problems`](crate::data::Dataset::problems).
pub fn open(root: &Path, table: Option<ClassTable>) -> Result<Files> {
    let holds = |path: &Path| path.join("RGB").is_dir() && path.join("GT/LABELS").is_dir();
    let wrong = |not: &str| files::wrong_root(root, not, files::inner(root, holds).as_deref(), LAYOUT);
    match (root.join("RGB").is_dir(), root.join("GT/LABELS").is_dir()) {
        (true, true) => {}
        (true, false) => return Err(wrong("folder holds no `GT/LABELS`, the label maps")),
        (false, true) => return Err(wrong("folder holds no `RGB`, the images")),
        (false, false) => return Err(wrong("folder holds no `RGB` and no `GT/LABELS`")),
    }
    let images = Folder::list(root.join("RGB"), "image", IMAGE_ENDINGS);
    let labels = Folder::list(root.join("GT/LABELS"), "label map", LABEL_ENDINGS);
    let by_list = listed(root, &images, &labels);
    let splits = if by_list.is_empty() { numbered(root, &images, &labels) } else { by_list };
    if splits.is_empty() {
        return Err(wrong("`RGB` and `GT/LABELS` hold no files of this layout"));
    }
    let table = match table {
        Some(table) => table,
        None => ClassTable::shipped("synthia")?,
    };
    Ok(Files::new("synthia", table, Encoding::FirstOfRgb16, splits))
}

/// The splits by the lists that are there.
fn listed(root: &Path, images: &Folder, labels: &Folder) -> BTreeMap<Split, Listed> {
    // One folder for all splits: a name in two of them would be trained on and scored with.
    let mut taken = BTreeMap::new();
    let lists = Split::ALL.into_iter().map(|split| (split, root.join(format!("{}.txt", split.name()))));
    lists
        .filter(|(_, list)| list.is_file())
        .map(|(split, list)| (split, lists::pairs(&list, images, labels, &mut taken)))
        .collect()
}

/// The splits by number.
fn numbered(root: &Path, images: &Folder, labels: &Folder) -> BTreeMap<Split, Listed> {
    let mut splits: BTreeMap<Split, Listed> = BTreeMap::new();
    for id in images.stems().chain(labels.stems()).collect::<BTreeSet<&str>>() {
        let Ok(number) = id.parse() else {
            let message = format!("`{id}` is no number, so that it belongs to no split");
            let error = Error::new(codes::DATA_LIST, Kind::Data, message)
                .at(root.display())
                .help("write train.txt, val.txt and test.txt with a name a line, or take the file away");
            splits.entry(Split::Train).or_default().problems.push(error);
            continue;
        };
        let instead = "take the other file of the pair away";
        splits.entry(split_of(number)).or_default().pairs.push(Pair {
            id: id.to_owned(),
            image: images.file(id, id, instead),
            labels: labels.file(id, id, instead),
        });
    }
    splits
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use png::{BitDepth, ColorType};

    use super::*;
    use crate::data::scenes::Scenes;
    use crate::data::write::Layout;
    use crate::data::{Dataset, fixtures};

    /// Three, two and one scenes in this layout, with lists.
    fn made() -> (tempfile::TempDir, Scenes) {
        fixtures::scenes(Layout::Synthia)
    }

    fn label(root: &Path, number: usize) -> PathBuf {
        root.join(format!("GT/LABELS/{number:07}.png"))
    }

    fn without_lists(root: &Path) {
        for split in Split::ALL {
            fs::remove_file(root.join(format!("{}.txt", split.name()))).unwrap();
        }
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
        assert_eq!((set.id(Split::Val, 1).as_str(), set.name()), ("0000004", "synthia"));
    }

    #[test]
    fn without_lists_the_number_decides() {
        let count = |numbers: std::ops::Range<u64>, split| numbers.filter(|n| split_of(*n) == split).count();
        assert_eq!([Split::Train, Split::Val, Split::Test].map(|s| count(0..9000, s)), [7000, 0, 2000]);
        assert_eq!([Split::Train, Split::Val, Split::Test].map(|s| count(9000..9400, s)), [0, 400, 0]);
        let (root, _) = made();
        without_lists(root.path());
        for folder in ["RGB", "GT/LABELS"] {
            let file = |number: usize| root.path().join(folder).join(format!("{number:07}.png"));
            fs::copy(file(0), file(7)).unwrap();
            fs::copy(file(0), file(9001)).unwrap();
        }
        let set = open(root.path(), None).unwrap();
        let ids = |split| (0..set.len(split)).map(|at| set.id(split, at)).collect::<Vec<_>>();
        assert_eq!(ids(Split::Train), ["0000000", "0000001", "0000002", "0000004", "0000005"]);
        assert_eq!(ids(Split::Val), ["0009001"]);
        assert_eq!(ids(Split::Test), ["0000003", "0000007"]);
        fs::copy(root.path().join("RGB/0000000.png"), root.path().join("RGB/mine.png")).unwrap();
        let set = open(root.path(), None).unwrap();
        assert_eq!((set.len(Split::Train), set.problems(Split::Train)[0].code), (5, codes::DATA_LIST));
    }

    #[test]
    fn the_class_is_the_first_channel_whatever_the_others_hold() {
        let (root, _) = made();
        // Lane marking, rider, truck, wall, void, road; instances and rubbish in the other channels.
        let pixels: Vec<u8> =
            [22, 17, 18, 21, 0, 3].iter().flat_map(|&class| [0, class, 1, 44, 9, 9]).collect();
        let colour = ColorType::Rgb;
        fs::write(label(root.path(), 0), fixtures::png([2, 3], colour, BitDepth::Sixteen, &pixels)).unwrap();
        let picture = fixtures::png([2, 3], colour, BitDepth::Eight, &[7; 18]);
        fs::write(root.path().join("RGB/0000000.png"), picture).unwrap();
        let sample = open(root.path(), None).unwrap().sample(Split::Train, 0).unwrap();
        assert_eq!(sample.labels.data, [0, 11, 8, 0, 0, 3]);
    }

    #[test]
    fn bad_files_are_named() {
        let (root, _) = made();
        let eight = fixtures::png([24, 48], ColorType::Rgb, BitDepth::Eight, &[3; 3 * 24 * 48]);
        fs::write(label(root.path(), 0), eight).unwrap();
        let beyond: Vec<u8> = [0, 23, 0, 0, 0, 0].repeat(24 * 48);
        let beyond = fixtures::png([24, 48], ColorType::Rgb, BitDepth::Sixteen, &beyond);
        fs::write(label(root.path(), 1), beyond).unwrap();
        let whole = fs::read(label(root.path(), 2)).unwrap();
        fs::write(label(root.path(), 2), &whole[..whole.len() - 20]).unwrap();
        fs::remove_file(label(root.path(), 3)).unwrap();
        let set = open(root.path(), None).unwrap();
        let wanted = [
            (Split::Train, 0, codes::DATA_LABEL_FORMAT),
            (Split::Train, 1, codes::DATA_LABEL_VALUE),
            (Split::Train, 2, codes::DATA_UNREADABLE),
            (Split::Val, 0, codes::DATA_MISSING),
        ];
        for (split, index, code) in wanted {
            let error = set.sample(split, index).unwrap_err();
            assert_eq!((error.code, error.kind), (code, Kind::Data));
            assert!(error.place.is_some() && error.help.is_some(), "{error:?}");
            assert_eq!(set.probe(split, index), Err(error));
        }
    }

    #[test]
    fn a_name_in_two_lists_is_a_problem() {
        let (root, _) = made();
        fs::write(root.path().join("test.txt"), "0000005\n0000001\n").unwrap();
        let set = open(root.path(), None).unwrap();
        let [error] = set.problems(Split::Test) else { panic!("one problem") };
        assert_eq!(
            (error.code, error.message.as_str()),
            (codes::DATA_LIST, "`0000001` stands in train.txt as well")
        );
        assert!(error.place.as_ref().unwrap().ends_with("test.txt:2"));
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
        assert!(refused(&root.path().join("RGB")).1.contains("ROOT/GT/LABELS"));
        let above = tempfile::tempdir().unwrap();
        let inner = above.path().join("RAND_CITYSCAPES");
        fs::rename(root.path(), &inner).unwrap();
        fs::create_dir(root.path()).unwrap();
        assert_eq!(refused(above.path()).1, format!("write `--root {}`", inner.display()));
        fs::remove_dir_all(inner.join("GT")).unwrap();
        assert!(refused(&inner).0.contains("no `GT/LABELS`"));
    }
}
