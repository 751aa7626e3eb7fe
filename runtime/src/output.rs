//! Folders that results go to, as flags name them.
//!
//! A folder that cannot be made is a mistake of the command line ([`Kind::Usage`]) whatever was to be written into it:
//! another flag repairs it, and no data was read and no step trained yet. What fails later, on a full disk for
//! instance, is an error of the work that was going on.

use std::io;
use std::path::Path;

use crate::codes;
use crate::error::{Error, Kind, Result};

/// Makes a folder and those that it lies in; one that is there already is left as it is.
///
/// # Errors
/// `phg::usage::output`.
pub fn folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| unusable(path, &error))
}

/// The error for a folder that cannot be made or written to.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(codes::USAGE_OUTPUT, Kind::Usage, format!("the output folder cannot be used: {error}"))
        .at(path.display())
        .help("name a folder that you may write to")
}
