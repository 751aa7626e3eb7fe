//! Datasets: pairs of an image and a label map, by split and index.
//!
//! Nothing below this module knows Burn: samples are plain arrays until `batch` hands them over.

use crate::codes;
use crate::error::{Error, Kind, Result};

/// Which part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trained on.
    Train,
    /// Looked at while training, to choose the best checkpoint.
    Val,
    /// Looked at once.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// As files, flags and reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// An 8-bit RGB image, rows from the top, `data.len() == 3 * width * height`, channels interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height][width][3]`.
    pub data: Vec<u8>,
}

/// A map of class ids, rows from the top; ids are those of the dataset's class table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height][width]`; [`OUTSIDE`] where a crop reaches past the image.
    pub data: Vec<u8>,
}

/// The label of a pixel that is no pixel of the source image: it has no class, not even void.
pub const OUTSIDE: u8 = 255;

/// One image and its labels, both of the same size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What the camera saw.
    pub image: Image,
    /// What it shows.
    pub labels: LabelMap,
}

impl Sample {
    /// Puts an image and its labels together.
    ///
    /// # Errors
    /// `phg::data::size` when they differ in size.
    pub fn pair(image: Image, labels: LabelMap) -> Result<Self> {
        same_size([image.height, image.width], [labels.height, labels.width])?;
        Ok(Self { image, labels })
    }
}

/// Refuses an image and labels whose rows and columns differ.
pub(crate) fn same_size(image: [usize; 2], labels: [usize; 2]) -> Result<()> {
    if image == labels {
        return Ok(());
    }
    let message = format!(
        "label map has {} rows and {} columns, its image {} and {}",
        labels[0], labels[1], image[0], image[1]
    );
    Err(Error::new(codes::DATA_SIZE, Kind::Data, message)
        .help("use image and labels of one size: neither is stretched to fit the other"))
}

/// A dataset: deterministic, random access, shared between loader threads.
pub trait Dataset: Send + Sync {
    /// The name that `--data` takes.
    fn name(&self) -> &str;
    /// Classes: ids, names, colours, which is void.
    fn table(&self) -> &table::ClassTable;
    /// Number of pairs in a split; 0 when the dataset lacks it.
    fn len(&self, split: Split) -> usize;
    /// The name of a pair, unique in its split, such as `0016E5_07959`.
    fn id(&self, split: Split, index: usize) -> String;
    /// Decodes a pair at its own size, labels mapped to the table's ids.
    ///
    /// # Errors
    /// A file that is missing, unreadable, of the wrong size or with unknown label values.
    fn sample(&self, split: Split, index: usize) -> Result<Sample>;
    /// Looks at a pair before it is needed: what [`Dataset::sample`] would refuse is refused here, except for damage
    /// inside an image whose header and end are sound. Much faster than decoding.
    ///
    /// # Errors
    /// As [`Dataset::sample`].
    fn probe(&self, _split: Split, _index: usize) -> Result<()> {
        Ok(())
    }
    /// What is wrong with the list of a split, apart from its pairs: a line that is unusable, for instance.
    fn problems(&self, _split: Split) -> &[Error] {
        &[]
    }
    /// A hash of what the split holds (names and sizes of files, or the generator's version), for the manifest.
    fn fingerprint(&self, split: Split) -> String;
}

pub mod augment;
pub mod batch;
pub mod camvid;
pub mod check;
pub mod cityscapes;
pub mod decode;
pub mod files;
#[cfg(test)]
mod fixtures;
pub mod frequency;
pub mod labels;
mod lists;
pub mod loader;
pub mod order;
pub mod preflight;
pub mod registry;
pub mod resize;
pub mod scenes;
pub mod synthia;
pub mod table;
pub mod throughput;
pub mod write;
