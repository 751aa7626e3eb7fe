//! Folders and files that results go to, as flags name them.
//!
//! A folder that cannot be made is a mistake of the command line ([`Kind::Usage`]) whatever was to be written into it:
//! another flag repairs it, and no data was read and no step trained yet. What fails later, on a full disk for
//! instance, is an error of the work that was going on.

use std::io;
use std::path::Path;

use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::run::disk::{RealDisk, replace};

/// Makes a folder and those that it lies in; one that is there already is left as it is.
///
/// # Errors
/// `phg::usage::output`.
pub fn folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| unusable(path, &error))
}

/// Writes a file such that a reader sees what was there or all of `bytes`; its folder is made.
///
/// # Errors
/// `phg::usage::output`, and `phg::run::write` of a disk that is full.
pub fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder_of = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder(folder_of)?;
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    replace(&RealDisk, folder_of, &name, bytes).map_err(|error| {
        Error::new(codes::RUN_WRITE, Kind::Data, format!("the file cannot be written: {error}"))
            .at(path.display())
            .help("name a file in a folder that you may write to")
    })
}

/// The error for a folder that cannot be made or written to.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(codes::USAGE_OUTPUT, Kind::Usage, format!("the output folder cannot be used: {error}"))
        .at(path.display())
        .help("name a folder that you may write to")
}
