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
/// `phg::usage::output`; the file is then what it was.
pub fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    let refuse = |why: String| {
        Error::new(codes::USAGE_OUTPUT, Kind::Usage, format!("the file cannot be written: {why}"))
            .at(path.display())
            .help("name a file in a folder that you may write to")
    };
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(refuse("the path names no file".into()));
    };
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder(parent)?;
    replace(&RealDisk, parent, name, bytes).map_err(|error| refuse(error.to_string()))
}

/// The error for a folder that cannot be made or written to.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(codes::USAGE_OUTPUT, Kind::Usage, format!("the output folder cannot be used: {error}"))
        .at(path.display())
        .help("name a folder that you may write to")
}
