//! Lists of pairs, and folders that are searched for them by the stem of a name.
//!
//! A list file and two folders go in; pairs come out, and everything that is wrong with the list. Lists name files in
//! many ways, so only the stem of a name counts. A bad line does not hide the ones after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::codes;
use crate::data::decode;
use crate::data::files::{Listed, Pair};
use crate::error::{Error, Kind, Result};

/// Endings of images, by preference.
pub(crate) const IMAGE_ENDINGS: &[&str] = &["png", "jpg", "jpeg"];

/// Endings of label maps.
pub(crate) const LABEL_ENDINGS: &[&str] = &["png"];

/// The files of a folder by stem.
pub(crate) struct Folder {
    path: PathBuf,
    /// What its files are, in messages.
    what: &'static str,
    endings: &'static [&'static str],
    files: BTreeMap<String, PathBuf>,
}

impl Folder {
    /// Lists a folder; of several files with one stem, that counts whose ending `endings` names first. A folder that
    /// cannot be listed holds no files: each of its pairs is then reported as missing.
    pub(crate) fn list(path: PathBuf, what: &'static str, endings: &'static [&'static str]) -> Self {
        let rank = |path: &Path| {
            let ending =
                path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
            endings.iter().position(|known| **known == ending)
        };
        let mut found: Vec<(usize, PathBuf)> = (std::fs::read_dir(&path).into_iter().flatten().flatten())
            .filter_map(|entry| Some((rank(&entry.path())?, entry.path())))
            .collect();
        found.sort();
        found.reverse();
        let files = (found.into_iter())
            .filter_map(|(_, path)| Some((path.file_stem()?.to_str()?.to_owned(), path)))
            .collect();
        Self { path, what, endings, files }
    }

    /// The stems of its files, in order.
    pub(crate) fn stems(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The file called `stem`, for the pair `id`. `instead` is what can be done besides putting it there.
    ///
    /// # Errors
    /// `phg::data::missing`, with a file of nearly that name where there is one.
    pub(crate) fn file(&self, stem: &str, id: &str, instead: &str) -> Result<PathBuf> {
        if let Some(path) = self.files.get(stem) {
            return Ok(path.clone());
        }
        let wanted = stem.to_lowercase();
        let near = self.files.iter().find(|(known, _)| {
            let known = known.to_lowercase();
            // Such as `NAME_L`, as the labels of the original CamVid are called.
            known.starts_with(&wanted) || known.trim() == wanted
        });
        let first = self.endings.first().copied().unwrap_or_default();
        let file = self.path.join(format!("{stem}.{first}"));
        let help = match near {
            Some((_, near)) => {
                format!("rename `{}`, if that is it, to `{}`", near.display(), file.display())
            }
            None => {
                format!("put the file there, with the ending {}, or {instead}", self.endings.join(" or "))
            }
        };
        let message = format!("`{id}` has no {}", self.what);
        Err(Error::new(codes::DATA_MISSING, Kind::Data, message).at(file.display()).help(help))
    }
}

/// The pairs that a list names. `taken` holds the stems of earlier lists over the same folder of images, with the list
/// of each; a stem that is taken stands in two splits.
pub(crate) fn pairs(
    list: &Path,
    images: &Folder,
    labels: &Folder,
    taken: &mut BTreeMap<String, String>,
) -> Listed {
    let bytes = match decode::bytes_of(list) {
        Ok(bytes) => bytes,
        Err(error) => return Listed { pairs: Vec::new(), problems: vec![error] },
    };
    let text = String::from_utf8_lossy(&bytes);
    let list_name = list.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let instead = format!("take the name out of {list_name}");
    let (mut listed, mut seen) = (Listed::default(), BTreeSet::new());
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let mut problem = |message: String, help: &str| {
            let error = Error::new(codes::DATA_LIST, Kind::Data, message);
            listed.problems.push(error.at(format!("{}:{}", list.display(), number + 1)).help(help));
        };
        // A line is a name, or the paths of image and label map on somebody's machine.
        let stems: Vec<&str> = line.split_whitespace().map(stem).collect();
        let (id, label_stem) = match stems.as_slice() {
            [] => continue,
            [id] => (*id, *id),
            [id, label_stem] => (*id, *label_stem),
            [_, _, _, ..] => {
                problem(
                    format!("line holds {} names, more than an image and its label map", stems.len()),
                    "write one name a line, without spaces in it",
                );
                continue;
            }
        };
        if !seen.insert(id.to_owned()) {
            problem(format!("`{id}` stands twice in the list"), "delete one of the lines");
            continue;
        }
        if let Some(other) = taken.get(id) {
            problem(format!("`{id}` stands in {other} as well"), "keep it in one split only");
            continue;
        }
        listed.pairs.push(Pair {
            id: id.to_owned(),
            image: images.file(id, id, &instead),
            labels: labels.file(label_stem, id, &instead),
        });
    }
    taken.extend(seen.into_iter().map(|stem| (stem, list_name.clone())));
    listed
}

/// The last part of a path of either kind of slash, without its ending.
fn stem(path: &str) -> &str {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(root: &Path, what: &'static str) -> Folder {
        Folder::list(root.join(what), what, LABEL_ENDINGS)
    }

    fn read(text: &[u8], taken: &[(&str, &str)]) -> Listed {
        let root = tempfile::tempdir().unwrap();
        for folder in ["images", "labels"] {
            fs::create_dir(root.path().join(folder)).unwrap();
            for name in ["a", "b", "c"] {
                fs::write(root.path().join(folder).join(format!("{name}.png")), "").unwrap();
            }
        }
        let list = root.path().join("train.txt");
        fs::write(&list, text).unwrap();
        let mut taken = taken.iter().map(|(stem, list)| (stem.to_string(), list.to_string())).collect();
        pairs(&list, &folder(root.path(), "images"), &folder(root.path(), "labels"), &mut taken)
    }

    #[test]
    fn every_bad_line_is_named_and_the_good_ones_are_kept() {
        let listed = read(b"a.png\na.png\n\nb.png x.png y.png\nc\nb b\nc.jpg\n", &[]);
        let ids: Vec<&str> = listed.pairs.iter().map(|pair| pair.id.as_str()).collect();
        assert_eq!(ids, ["a", "c", "b"]);
        let told: Vec<(String, String)> = (listed.problems.iter())
            .map(|error| {
                assert_eq!((error.code, error.kind), (codes::DATA_LIST, Kind::Data));
                let line = error.place.clone().unwrap().rsplit_once(':').unwrap().1.to_owned();
                (line, error.message.clone())
            })
            .collect();
        let wanted = [
            ("2", "`a` stands twice in the list"),
            ("4", "line holds 3 names, more than an image and its label map"),
            ("7", "`c` stands twice in the list"),
        ];
        assert_eq!(told, wanted.map(|(line, message)| (line.to_owned(), message.to_owned())));
    }

    #[test]
    fn a_name_in_two_splits_is_a_problem_of_the_second() {
        let listed = read(b"a\nb\n", &[("b", "test.txt")]);
        assert_eq!(listed.pairs.len(), 1);
        assert_eq!(listed.problems[0].message, "`b` stands in test.txt as well");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_a_problem_and_no_end() {
        let root = tempfile::tempdir().unwrap();
        let (images, labels) = (folder(root.path(), "images"), folder(root.path(), "labels"));
        let listed = pairs(&root.path().join("none.txt"), &images, &labels, &mut BTreeMap::new());
        assert_eq!((listed.pairs.len(), listed.problems[0].code), (0, codes::DATA_UNREADABLE));
    }
}
