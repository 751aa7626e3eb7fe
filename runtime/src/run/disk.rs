//! The few operations that a run folder needs of a file system, each either done or an error.
//!
//! Comes in: paths and bytes. Goes out: files whose content is on the disk before their name is. Guaranteed:
//! nothing else in `run` changes files that must survive a crash, so that tests can make each operation fail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Kind};

/// A file system.
pub trait Disk: Send + Sync {
    /// Makes one folder; its parent exists, it does not.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a whole file, over an older one if need be. The content is on the disk when this returns; the
    /// file's name is after [`Disk::sync_folder`] of its folder.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Puts the names in a folder on the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Gives a file or folder another name on the same file system, at once; an older *file* is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file, or a folder with all it holds.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        // Same handle: an error of an earlier write-back is reported here.
        file.sync_all()
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    // Other systems have no handle of a folder to synchronise; they order renames themselves.
    #[cfg(not(unix))]
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        // Not `is_dir`: a link to a folder is removed, not followed.
        if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }
}

/// What the names of unfinished files and folders begin with; whoever starts to write may remove them.
pub(super) const UNFINISHED: &str = ".tmp-";

/// Puts `bytes` into the file `folder/name` such that a reader, at any time and after any crash, sees the old
/// content or the new one.
///
/// # Errors
/// Those of the disk; the old content is untouched then.
pub fn replace(disk: &dyn Disk, folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!("{UNFINISHED}{name}-{}", std::process::id()));
    let done = disk
        .write(&unfinished, bytes)
        .and_then(|()| disk.rename(&unfinished, &folder.join(name)))
        .and_then(|()| disk.sync_folder(folder));
    if done.is_err() {
        // The first error is the one to report; what cannot be removed now is at the next start.
        let _ = disk.remove(&unfinished);
    }
    done
}

/// Removes what interrupted writes left in `folder`; returns the names.
///
/// # Errors
/// Those of the disk. A folder that does not exist has no leftovers.
pub fn remove_unfinished(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<String>> {
    let mut removed = Vec::new();
    for name in names(folder)? {
        if name.starts_with(UNFINISHED) {
            disk.remove(&folder.join(&name))?;
            removed.push(name);
        }
    }
    Ok(removed)
}

/// The names in a folder, sorted; none when it does not exist. Names that are not UTF-8 are not ours.
///
/// # Errors
/// Those of the disk.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// An error of the disk as one of ours: `cannot WHAT: REASON`, at `path`. Of [`Kind::Training`] when writing failed.
pub(crate) fn failed(code: &'static str, kind: Kind, what: &str, path: &Path, error: &io::Error) -> Error {
    let wrapped = Error::new(code, kind, format!("cannot {what}: {error}")).at(path.display());
    let reason = error.kind();
    if kind != Kind::Training {
        wrapped
    } else if reason == io::ErrorKind::StorageFull || reason == io::ErrorKind::QuotaExceeded {
        wrapped.help("make space, then `phgc train ... --resume`; the last complete checkpoint is untouched")
    } else if reason == io::ErrorKind::PermissionDenied || reason == io::ErrorKind::ReadOnlyFilesystem {
        wrapped.help("name a folder that you may write to with `--run`")
    } else {
        wrapped
    }
}
