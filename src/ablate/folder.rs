//! The grid's folder: what it is a grid of, and who works on which training.
//!
//! ```text
//! grid/ablate.json                    specs, varied values, seeds, settings, data
//! grid/K=4,use_g=true/seed-0/         a run folder
//! grid/K=4,use_g=true/seed-0.json     its scores, or why it failed
//! grid/table.csv, table.json          a row a cell
//! grid/figure.svg, figure.png
//! ```
//!
//! Guaranteed: a folder holds one grid; one process at a time works on a training; files are replaced at once, so that
//! a reader sees the old or the new content.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::run::SpecSource;
use phg_runtime::run::disk::{self, RealDisk};
use serde_json::{Value, json};

const MANIFEST: &str = "ablate.json";
const LOCK: &str = ".lock";

/// The folder, which holds this grid.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Takes a new or empty folder for the grid that `identity` describes, or one that holds this grid already.
    /// `identity` is an object; whatever differs in it is another grid.
    ///
    /// # Errors
    /// `phg::ablate::folder`, `phg::usage::output`, `phg::run::write`.
    pub(super) fn take(path: &Path, identity: &Value, notes: &Value) -> Result<Self, Error> {
        phg_runtime::output::folder(path)?;
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let folder = Self { path };
        // Of several processes that begin at once one writes down what the grid is.
        let _lock = folder.lock()?;
        let file = folder.path.join(MANIFEST);
        let other = |message: String| {
            Error::new(codes::ABLATE_FOLDER, Kind::Usage, message).at(folder.path.display())
        };
        if !file.exists() {
            let names = disk::names(&folder.path).unwrap_or_default();
            if let Some(name) = names.iter().find(|name| !name.starts_with('.')) {
                return Err(other(format!("the folder holds `{name}` and is no grid"))
                    .help("name a folder that does not exist"));
            }
            let all = json!({ "format": 1, "grid": identity, "started": notes });
            folder.replace(MANIFEST, format!("{all:#}\n").as_bytes())?;
            return Ok(folder);
        }
        let known = read(&file)
            .ok_or_else(|| other(format!("its `{MANIFEST}` cannot be read")).help("name another folder"))?;
        let differing = differences(&known["grid"], identity);
        if differing.is_empty() {
            return Ok(folder);
        }
        let message = format!("the folder holds another grid: {}", differing.join(", "));
        Err(other(message)
            .help("name another folder, or give the values of its `ablate.json` to go on with it"))
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until no other process looks at the grid as a whole.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let file = open(&self.path.join(LOCK))?;
        // Some network file systems have no locks; refusing to work there would help nobody.
        let _ = file.lock();
        Ok(file)
    }

    /// Takes a training for this process until the file is dropped; `None` while another process has it.
    pub(super) fn claim(&self, run: &Path) -> Result<Option<File>, Error> {
        let cell = run.parent().unwrap_or(&self.path);
        phg_runtime::output::folder(cell)?;
        let name = run.file_name().unwrap_or_default().to_string_lossy();
        let file = open(&cell.join(format!(".{name}.lock")))?;
        match file.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
        }
    }

    /// Writes a file of the folder at once.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        put(&self.path.join(name), bytes)
    }
}

/// Writes a file at once.
fn put(path: &Path, bytes: &[u8]) -> Result<PathBuf, Error> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(unwritable(path, "it has no name"));
    };
    disk::replace(&RealDisk, folder, name, bytes).map_err(|error| unwritable(path, &error.to_string()))?;
    Ok(path.to_path_buf())
}

fn unwritable(path: &Path, why: &str) -> Error {
    Error::new(codes::RUN_WRITE, Kind::Training, format!("the file cannot be written: {why}"))
        .at(path.display())
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| unwritable(path, &error.to_string()))
}

/// A file of JSON; `None` where there is none.
pub(super) fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// What `then` and `now` disagree on, with both values where they are short.
fn differences(then: &Value, now: &Value) -> Vec<String> {
    let none = serde_json::Map::new();
    let (then, now) = (then.as_object().unwrap_or(&none), now.as_object().unwrap_or(&none));
    let mut keys: Vec<&String> = then.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    let said = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "not given".to_owned(),
        Some(value) => value.to_string(),
    };
    let differing = keys.into_iter().filter(|key| {
        then.get(*key).filter(|value| !value.is_null()) != now.get(*key).filter(|value| !value.is_null())
    });
    differing
        .map(|key| {
            let (then, now) = (said(then.get(key)), said(now.get(key)));
            if then.len() + now.len() > 160 {
                format!("`{key}` differs")
            } else {
                format!("`{key}` was {then}, now {now}")
            }
        })
        .collect()
}

/// What came of a training: the file beside its run folder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    path: PathBuf,
    value: Value,
}

impl Record {
    /// Of a run; empty where nothing came of it yet.
    pub(super) fn of(run: &Path) -> Self {
        let name = format!("{}.json", run.file_name().unwrap_or_default().to_string_lossy());
        let path = run.with_file_name(name);
        let value = read(&path).filter(Value::is_object).unwrap_or_else(|| json!({}));
        Self { path, value }
    }

    /// The evaluation of `what`, such as `val last`.
    pub(super) fn score(&self, what: &str) -> Option<&Value> {
        self.value.get("scores")?.get(what)
    }

    /// Why it failed.
    pub(super) fn error(&self) -> Option<&Value> {
        self.value.get("error").filter(|error| !error.is_null())
    }

    /// Writes an evaluation down; the training did not fail.
    pub(super) fn keep(&mut self, what: &str, evaluation: Value) -> Result<(), Error> {
        self.value["error"] = Value::Null;
        self.value["scores"][what] = evaluation;
        self.write()
    }

    /// Writes down why it failed.
    pub(super) fn fail(&mut self, error: &Error) -> Result<(), Error> {
        let Error { code, message, place, help, .. } = error;
        self.value["error"] = json!({ "code": code, "message": message, "place": place, "help": help });
        self.write()
    }

    fn write(&self) -> Result<(), Error> {
        put(&self.path, format!("{:#}\n", self.value).as_bytes()).map(drop)
    }
}

/// The hash of a text.
pub(super) fn hash(text: &str) -> String {
    SpecSource::new("", text).blake3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_one_grid() {
        let root = tempfile::tempdir().unwrap();
        let grid = json!({ "seeds": [0, 1], "vary": "K", "minutes": null });
        let take = |name: &str, grid: &Value| {
            Folder::take(&root.path().join(name), grid, &json!({})).map(|folder| folder.path)
        };
        let first = take("a/b", &grid).unwrap();
        assert_eq!(take("a/b", &grid).unwrap(), first);
        // What is not given is what was not known.
        assert!(take("a/b", &json!({ "seeds": [0, 1], "vary": "K" })).is_ok());
        let error = take("a/b", &json!({ "seeds": [0], "vary": "K", "steps": 3 })).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::ABLATE_FOLDER, Kind::Usage));
        assert!(
            error.message.ends_with("`seeds` was [0,1], now [0], `steps` was not given, now 3"),
            "{error}"
        );
        let error = take("a", &grid).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (codes::ABLATE_FOLDER, "the folder holds `b` and is no grid")
        );
        std::fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(take("file", &grid).unwrap_err().code, codes::USAGE_OUTPUT);
        std::fs::write(first.join(MANIFEST), "{").unwrap();
        assert_eq!(take("a/b", &grid).unwrap_err().code, codes::ABLATE_FOLDER);
    }

    #[test]
    fn a_training_is_one_process_s_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::take(root.path(), &json!({}), &json!({})).unwrap();
        let run = folder.path().join("K=1/seed-0");
        let held = folder.claim(&run).unwrap();
        assert!(held.is_some() && folder.claim(&run).unwrap().is_none());
        assert!(folder.claim(&folder.path().join("K=1/seed-1")).unwrap().is_some());
        drop(held);
        assert!(folder.claim(&run).unwrap().is_some());
    }

    #[test]
    fn a_record_keeps_scores_and_forgets_a_failure() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("seed-0");
        let mut record = Record::of(&run);
        assert_eq!((record.score("val last"), record.error()), (None, None));
        record.fail(&Error::new(codes::TRAIN_NOT_FINITE, Kind::Training, "not finite")).unwrap();
        assert_eq!(Record::of(&run).error().unwrap()["code"], codes::TRAIN_NOT_FINITE);
        record.keep("val last", json!({ "miou": 50.0 })).unwrap();
        record.keep("test best", json!({ "miou": 40.0 })).unwrap();
        let read = Record::of(&run);
        assert_eq!((read.error(), read.score("val last").unwrap()["miou"].as_f64()), (None, Some(50.0)));
        assert!(read.score("test best").is_some() && read.score("val best").is_none());
        std::fs::write(root.path().join("seed-0.json"), "[1").unwrap();
        assert_eq!(Record::of(&run).score("val last"), None, "a damaged record is none");
    }
}
