//! Room on the disk, looked at before hours of work depend on it.
//!
//! Comes in: where a run is, or shall be, and what one checkpoint takes. Goes out: nothing, or an error that says how
//! much is missing. Guaranteed: changes nothing; a file system that does not tell its free space is taken at its word
//! when it is written to.

use std::path::Path;

use crate::codes;
use crate::error::{Error, Kind, Result};

/// Checkpoints that are there at once: the last one, the one before it, the best, and the one being written.
const KEPT: u64 = 4;

/// Sees whether the disk of `path`, which need not exist yet, takes the checkpoints of a run.
///
/// `checkpoint` is the size of one in bytes.
///
/// # Errors
/// `phg::run::space` when it does not.
pub fn expect(path: &Path, checkpoint: u64) -> Result<()> {
    let existing =
        path.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let Some(free) = existing.filter(|path| path.exists()).find_map(|path| fs4::statvfs(path).ok()) else {
        return Ok(());
    };
    // A total of nothing: a file system that does not count.
    if free.total_space() == 0 { Ok(()) } else { fits(path, checkpoint, free.available_space()) }
}

fn fits(path: &Path, checkpoint: u64, free: u64) -> Result<()> {
    let needed = checkpoint.saturating_mul(KEPT);
    if needed <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let message = format!(
        "no room for the run's checkpoints: {KEPT} of {} MiB are kept at most, and the disk has {} MiB left",
        mib(checkpoint),
        free >> 20
    );
    Err(Error::new(codes::RUN_SPACE, Kind::Limit, message)
        .at(path.display())
        .help("make space, or name a folder on another disk with `--run`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_checkpoints_have_to_fit() {
        let path = Path::new("runs/a");
        assert!(fits(path, 100, 400).is_ok());
        let error = fits(path, 100, 399).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::RUN_SPACE, Kind::Limit));
        assert_eq!(fits(path, u64::MAX / 2, u64::MAX - 1).unwrap_err().code, codes::RUN_SPACE);
    }

    #[test]
    fn the_disk_is_that_of_the_nearest_folder_that_exists() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("not/there/yet");
        assert!(expect(&path, 1).is_ok());
        assert_eq!(expect(&path, u64::MAX / 8).unwrap_err().code, codes::RUN_SPACE);
        assert!(expect(Path::new("not-there-either"), 1).is_ok());
    }
}
