//! `metrics.jsonl`: one JSON object a line, for every logged step and every evaluation.
//!
//! Comes in: a step, a kind of line (`train`, `val`, ..) and values. Goes out: a line with `step` and `kind` first.
//! Guaranteed: lines are in the order of steps and never repeat: when a run is resumed, those past its
//! checkpoint are removed, because the same steps will write them again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::disk::{self, RealDisk};
use crate::codes;
use crate::error::{Error, Kind, Result};

/// The file's name in a run folder.
pub const NAME: &str = "metrics.jsonl";

#[derive(Serialize)]
struct Line<'a, T> {
    step: u64,
    kind: &'a str,
    #[serde(flatten)]
    values: &'a T,
}

/// The log of a run, open for appending.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// The log of the run in `folder` after its first `step` steps; a new run has 0 of them and no file yet.
    ///
    /// Lines of later steps are removed, and a line that a crash cut short.
    ///
    /// # Errors
    /// `phg::run::write` when the disk refuses, `phg::run::damaged` when a whole line is no line of a log.
    pub fn open(folder: &Path, step: u64) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |error| write_failed(&path, &error);
        let old = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let kept = until(&old, step).map_err(|(number, reason)| {
            Error::new(codes::RUN_DAMAGED, Kind::Data, format!("line {number} is no line of a log: {reason}"))
                .at(path.display())
                .help("remove the line")
        })?;
        if kept.len() != old.len() {
            disk::replace(&RealDisk, folder, NAME, &kept).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        Ok(Self { path, file })
    }

    /// Appends the line of step `step`; `values` serialises as an object without `step` and `kind`.
    ///
    /// Numbers that are not finite become `null`. The lines of a step are written before the checkpoint that
    /// is taken after it.
    ///
    /// # Errors
    /// `phg::run::write`.
    pub fn append(&mut self, step: u64, kind: &str, values: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(&Line { step, kind, values })
            .map_err(|error| write_failed(&self.path, &io::Error::other(error)))?;
        line.push(b'\n');
        // One write for each line, so that a reader never sees half of one.
        self.file.write_all(&line).map_err(|error| write_failed(&self.path, &error))
    }

    /// Puts what has been appended on the disk.
    ///
    /// # Errors
    /// `phg::run::write`.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| write_failed(&self.path, &error))
    }
}

/// The lines of `bytes` up to and with step `step`; the number of a bad line and what is wrong with it otherwise.
fn until(bytes: &[u8], step: u64) -> std::result::Result<Vec<u8>, (usize, String)> {
    #[derive(serde::Deserialize)]
    struct Head {
        step: u64,
    }
    let mut kept = Vec::new();
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if line.last() != Some(&b'\n') {
            break;
        }
        let head: Head = serde_json::from_slice(line).map_err(|error| (at + 1, error.to_string()))?;
        if head.step <= step {
            kept.extend_from_slice(line);
        }
    }
    Ok(kept)
}

fn write_failed(path: &Path, error: &io::Error) -> Error {
    disk::failed(codes::RUN_WRITE, Kind::Training, "write the log", path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Values {
        loss: f32,
        rate: f64,
    }

    #[test]
    fn lines_never_repeat_after_resuming() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0).unwrap();
        for step in 1..=4 {
            log.append(step, "train", &Values { loss: step as f32, rate: 0.5 }).unwrap();
        }
        log.append(4, "val", &serde_json::json!({"miou": null})).unwrap();
        log.file.write_all(b"{\"step\":5,\"ki").unwrap(); // the process dies here
        drop(log);

        let mut log = Log::open(folder.path(), 3).unwrap();
        log.append(4, "train", &Values { loss: f32::NAN, rate: 0.25 }).unwrap();
        log.sync().unwrap();
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        let expected = "\
            {\"step\":1,\"kind\":\"train\",\"loss\":1.0,\"rate\":0.5}\n\
            {\"step\":2,\"kind\":\"train\",\"loss\":2.0,\"rate\":0.5}\n\
            {\"step\":3,\"kind\":\"train\",\"loss\":3.0,\"rate\":0.5}\n\
            {\"step\":4,\"kind\":\"train\",\"loss\":null,\"rate\":0.25}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_foreign_line_is_an_error_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "{\"step\":1}\nhello\n").unwrap();
        let error = Log::open(folder.path(), 9).unwrap_err();
        assert_eq!(error.code, codes::RUN_DAMAGED);
        assert!(error.message.starts_with("line 2 "), "{error}");
    }
}
