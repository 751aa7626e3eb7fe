//! A dataset of files: pairs of paths by split go in, decoded samples come out.
//!
//! What CamVid, Cityscapes and SYNTHIA have in common once their folders are listed. A pair that lacks a file, and a
//! line of a list that is unusable, are errors when they are asked for and not before, so that a check can name all
//! of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::codes;
use crate::data::labels::{self, Encoding};
use crate::data::table::ClassTable;
use crate::data::{Dataset, Sample, Split, decode, same_size};
use crate::error::{Error, Kind, Result};

/// The dataset.
pub struct Files {
    name: &'static str,
    table: ClassTable,
    encoding: Encoding,
    splits: BTreeMap<Split, Listed>,
}

/// What a split holds.
#[derive(Default)]
pub(crate) struct Listed {
    /// In the order of the split.
    pub(crate) pairs: Vec<Pair>,
    /// What is wrong with the list itself.
    pub(crate) problems: Vec<Error>,
}

/// An image and its label map; an error in the place of a file that is not there.
pub(crate) struct Pair {
    pub(crate) id: String,
    pub(crate) image: Result<PathBuf>,
    pub(crate) labels: Result<PathBuf>,
}

impl Files {
    /// A dataset of these pairs, whose label files are read as `encoding` says and mapped by `table`.
    pub(crate) fn new(
        name: &'static str,
        table: ClassTable,
        encoding: Encoding,
        splits: BTreeMap<Split, Listed>,
    ) -> Self {
        Self { name, table, encoding, splits }
    }

    /// The paths of image and label map.
    fn paths(&self, split: Split, index: usize) -> Result<(&Path, &Path)> {
        let pair = self.pair(split, index).ok_or_else(|| {
            let message = format!("pair {index} of {}", self.len(split));
            Error::new(codes::DATA_MISSING, Kind::Data, message).at(format!("{} {}", self.name, split.name()))
        })?;
        match (&pair.image, &pair.labels) {
            (Ok(image), Ok(labels)) => Ok((image, labels)),
            (Err(error), _) | (_, Err(error)) => Err(error.clone()),
        }
    }

    fn pair(&self, split: Split, index: usize) -> Option<&Pair> {
        self.splits.get(&split)?.pairs.get(index)
    }
}

impl Dataset for Files {
    fn name(&self) -> &str {
        self.name
    }

    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn len(&self, split: Split) -> usize {
        self.splits.get(&split).map_or(0, |listed| listed.pairs.len())
    }

    fn id(&self, split: Split, index: usize) -> String {
        self.pair(split, index).map(|pair| pair.id.clone()).unwrap_or_default()
    }

    fn sample(&self, split: Split, index: usize) -> Result<Sample> {
        let (image_path, labels_path) = self.paths(split, index)?;
        let image = decode::read(image_path)?;
        let labels = labels::read(labels_path, self.encoding, &self.table)?;
        Sample::pair(image, labels).map_err(|error| error.at(labels_path.display()))
    }

    fn probe(&self, split: Split, index: usize) -> Result<()> {
        let (image_path, labels_path) = self.paths(split, index)?;
        let size = decode::probe(image_path)?;
        let labels = labels::read(labels_path, self.encoding, &self.table)?;
        same_size(size, [labels.height, labels.width]).map_err(|error| error.at(labels_path.display()))
    }

    fn problems(&self, split: Split) -> &[Error] {
        self.splits.get(&split).map_or(&[], |listed| &listed.problems)
    }

    fn fingerprint(&self, split: Split) -> String {
        let mut hash = blake3::Hasher::new();
        for pair in self.splits.get(&split).into_iter().flat_map(|listed| &listed.pairs) {
            hash.update(pair.id.as_bytes());
            for path in [&pair.image, &pair.labels] {
                let file = path.as_ref().ok().and_then(|path| std::fs::metadata(path).ok());
                // A name cannot hold a line feed, so fields cannot run into each other.
                hash.update(format!("\n{}\n", file.map_or(-1, |file| i128::from(file.len()))).as_bytes());
            }
        }
        hash.finalize().to_hex().to_string()
    }
}

/// The error for a root that is not in the layout. `inner` is a folder that is, `layout` says how it looks.
pub(crate) fn wrong_root(root: &Path, not: &str, inner: Option<&Path>, layout: &str) -> Error {
    let message = match (root.is_dir(), root.exists()) {
        (true, _) => not,
        (false, true) => "root is a file, not a folder",
        (false, false) => "root does not exist",
    };
    let help = match inner {
        Some(inner) => format!("write `--root {}`", inner.display()),
        None => format!("this layout is read:\n{layout}"),
    };
    Error::new(codes::DATA_ROOT, Kind::Data, message).at(root.display()).help(help)
}

/// The first folder in `root` of which `holds` is true, in the order of names.
pub(crate) fn inner(root: &Path, holds: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| holds(path)).min()
}
