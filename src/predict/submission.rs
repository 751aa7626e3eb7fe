//! The archive that the evaluation server of Cityscapes takes.
//!
//! Predictions in the classes of a run go in; a ZIP of 8-bit grey PNG comes out, each pixel an id of `labelIds`, each
//! file named after its image. Guaranteed: nothing is predicted for an archive that the server would refuse, and the
//! archive has its name only when it is whole. Names and ids: cityscapesScripts, `evalPixelLevelSemanticLabeling.py`,
//! which takes one file `CITY_SEQUENCE_FRAME*.png` for each image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use phg_runtime::codes;
use phg_runtime::data::LabelMap;
use phg_runtime::data::table::ClassTable;
use phg_runtime::error::{Error, Kind};
use phg_runtime::figures::maps;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An archive that is being written.
pub(super) struct Submission {
    path: PathBuf,
    unfinished: PathBuf,
    archive: ZipWriter<File>,
    /// The id of each class of the run.
    ids: Vec<u8>,
}

impl Submission {
    /// Begins an archive for the predictions of `images` in the classes of `table`.
    ///
    /// # Errors
    /// `phg::data::submission` for images that are not named as those of Cityscapes, or classes that do not say which
    /// ids they are; `phg::usage::output` for a file that cannot be made.
    pub(super) fn begin(path: &Path, table: &ClassTable, images: &[PathBuf]) -> Result<Self, Error> {
        let ids = ids(table)?;
        let mut names: BTreeMap<String, &PathBuf> = BTreeMap::new();
        for image in images {
            if let Some(other) = names.insert(name(image)?, image) {
                let message =
                    format!("two images have one name in the archive, the other is {}", other.display());
                return Err(wrong(&message).at(image.display()).help("name each image once"));
            }
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            phg_runtime::output::folder(folder)?;
        }
        let unfinished = path.with_added_extension("part");
        let file = File::create(&unfinished).map_err(|error| {
            let message = format!("the archive cannot be made: {error}");
            Error::new(codes::USAGE_OUTPUT, Kind::Usage, message)
                .at(path.display())
                .help("name a file that you may write to")
        })?;
        Ok(Self { path: path.to_path_buf(), unfinished, archive: ZipWriter::new(file), ids })
    }

    /// Adds the prediction of `image`.
    pub(super) fn add(&mut self, image: &Path, labels: &LabelMap) -> Result<(), Error> {
        let id = |class: &u8| self.ids.get(usize::from(*class)).copied().unwrap_or_default();
        let raw = LabelMap { data: labels.data.iter().map(id).collect(), ..*labels };
        let bytes = maps::encode_ids(&raw)?;
        // PNG is compressed already.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let name = name(image)?;
        self.archive
            .start_file(name, options)
            .and_then(|()| Ok(self.archive.write_all(&bytes)?))
            .map_err(|error| unwritable(&self.path, &error.to_string()))
    }

    /// Ends the archive and gives it its name.
    pub(super) fn finish(self) -> Result<PathBuf, Error> {
        let Self { path, unfinished, archive, .. } = self;
        let file = archive.finish().map_err(|error| unwritable(&path, &error.to_string()))?;
        file.sync_all()
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .map_err(|error| unwritable(&path, &error.to_string()))?;
        Ok(path)
    }
}

impl Submission {
    /// Leaves no archive.
    pub(super) fn discard(self) {
        let Self { unfinished, archive, .. } = self;
        drop(archive);
        // What cannot be removed has a name that says it is unfinished.
        let _ = std::fs::remove_file(unfinished);
    }
}

/// The id of each class: that of its own name, otherwise the smallest that counts as it.
fn ids(table: &ClassTable) -> Result<Vec<u8>, Error> {
    let id = |(class, raw): (&phg_runtime::data::table::Class, Option<u16>)| {
        raw.and_then(|raw| u8::try_from(raw).ok()).ok_or_else(|| {
            wrong(&format!(
                "class `{}` of the table `{}` stands for no id of Cityscapes",
                class.name, table.name
            ))
            .help("train on `--data cityscapes`, or with a table whose `raw` lists the ids of `labelIds`")
        })
    };
    table.classes.iter().zip(table.raw_values()).map(id).collect()
}

/// `berlin_000000_000019_labelIds.png` of `berlin_000000_000019_leftImg8bit.png`.
fn name(image: &Path) -> Result<String, Error> {
    let stem = image.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let own = stem.strip_suffix("_leftImg8bit").unwrap_or(&stem);
    let parts: Vec<&str> = own.split('_').collect();
    let number = |part: &str| part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [city, sequence, frame] if !city.is_empty() && number(sequence) && number(frame) => {
            Ok(format!("{own}_labelIds.png"))
        }
        _ => {
            Err(wrong("the image is not named as those of Cityscapes, `CITY_SEQUENCE_FRAME_leftImg8bit.png`")
                .at(image.display())
                .help("name images of Cityscapes, or leave `--cityscapes-zip` out"))
        }
    }
}

fn wrong(message: &str) -> Error {
    Error::new(codes::DATA_SUBMISSION, Kind::Usage, message)
}

fn unwritable(path: &Path, why: &str) -> Error {
    Error::new(codes::RUN_WRITE, Kind::Data, format!("the archive cannot be written: {why}"))
        .at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_their_images() {
        let named = |path: &str| name(Path::new(path)).map_err(|error| error.code);
        let wanted = Ok("berlin_000000_000019_labelIds.png".to_owned());
        assert_eq!(named("a/b/berlin_000000_000019_leftImg8bit.png"), wanted);
        assert_eq!(named("berlin_000000_000019.jpg"), wanted);
        for other in ["street.png", "berlin_0_000019.png", "a_b_000000_000019.png", "_000000_000019.png"] {
            assert_eq!(named(other), Err(codes::DATA_SUBMISSION), "{other}");
        }
    }

    #[test]
    fn classes_that_stand_for_no_id_are_refused() {
        assert_eq!(ids(&ClassTable::shipped("cityscapes-19").unwrap()).unwrap()[..3], [7, 8, 11]);
        let error = ids(&ClassTable::shipped("scenes").unwrap()).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::DATA_SUBMISSION, Kind::Usage));
    }
}
