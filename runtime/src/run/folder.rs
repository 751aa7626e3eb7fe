//! The folder of one run, open for training.
//!
//! Comes in: where the run shall be, what it is, and what the training loop reports. Goes out: the files listed in
//! [`super`]. Guaranteed: a folder with anything in it is only ever gone on with, never written over, and only one
//! process at a time trains in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::checkpoint::{Checkpoints, Loaded, Saved};
use super::disk::{self, Disk, RealDisk};
use super::events::Events;
use super::log::Log;
use super::manifest::{self, Manifest};
use super::report::Report;
use super::state::Contents;
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::output;

const MANIFEST: &str = "manifest.json";
const LOCK: &str = ".lock";
/// A link to the newest run, beside the runs.
const LATEST: &str = "latest";

/// Where a new run shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A new folder `<parent>/<spec-stem>-<hash8>-<n>` with the first number that no such folder has had; `parent`
    /// is usually `runs`.
    Numbered(PathBuf),
    /// This folder (`--run`), which does not exist or is empty.
    Exact(PathBuf),
}

impl Target {
    /// The folder, or the one that it will be made in.
    pub fn path(&self) -> &Path {
        match self {
            Self::Numbered(path) | Self::Exact(path) => path,
        }
    }
}

/// A run that this process trains.
pub struct RunFolder {
    path: PathBuf,
    manifest: Manifest,
    checkpoints: Checkpoints,
    log: Log,
    events: Events,
    /// Held, not read: the lock ends with the process, however that ends.
    _lock: File,
}

impl RunFolder {
    /// Starts a run: makes its folder and writes down what it is. `spec` is the spec's text.
    ///
    /// # Errors
    /// `phg::usage::output` when the folder cannot be made, `phg::run::exists` when it holds something,
    /// `phg::run::locked` when another process has just taken it, `phg::run::write` when the disk refuses later.
    pub fn create(target: &Target, manifest: Manifest, spec: &str) -> Result<Self> {
        let path = match target {
            Target::Numbered(parent) => numbered(parent, &manifest)?,
            Target::Exact(path) => exact(path)?,
        };
        let lock = lock(&path, output::unusable)?;
        // Between looking and locking another process may have started a run here.
        if path.join(MANIFEST).exists() {
            return Err(exists(&path));
        }
        let write = |name: &str, bytes: &[u8]| {
            disk::replace(&RealDisk, &path, name, bytes)
                .map_err(|error| write_failed(&path.join(name), &error))
        };
        let table = toml::to_string(&manifest.data.table)
            .map_err(|error| write_failed(&path, &io::Error::other(error)))?;
        write("spec.phg", spec.as_bytes())?;
        write("table.toml", table.as_bytes())?;
        // Last: a folder with a manifest is a run.
        write(MANIFEST, &json(&path, &manifest)?)?;
        Ok(Self {
            checkpoints: Checkpoints::new(path.join("checkpoints")),
            log: Log::open(&path, 0)?,
            events: Events::create(&path, 0)?,
            path,
            manifest,
            _lock: lock,
        })
    }

    /// Goes on with the run in `path` from its last complete checkpoint. `now` is the manifest that a new run with
    /// the same command would have; its process is added to the run's.
    ///
    /// # Errors
    /// `phg::run::missing` when there is no run, `locked` when another process trains in it, `changed` when `now` is
    /// another run, `damaged` and `write`; those of [`Checkpoints::resume`].
    pub fn resume(path: &Path, now: &Manifest) -> Result<(Self, Loaded)> {
        read_manifest(path)?;
        let lock = lock(path, write_failed)?;
        // Again: before the lock another process may still have been adding its process.
        let manifest = read_manifest(path)?;
        manifest.check_continues(now)?;
        disk::remove_unfinished(&RealDisk, path).map_err(|error| write_failed(path, &error))?;
        let checkpoints = Checkpoints::new(path.join("checkpoints"));
        let loaded = checkpoints.resume()?;
        let step = loaded.contents.state.step;
        let log = Log::open(path, step)?;
        let events = Events::create(path, step)?;
        let mut run = Self { path: path.into(), manifest, checkpoints, log, events, _lock: lock };
        for process in &now.processes {
            let mut process = process.clone();
            process.from_step = step;
            run.manifest.processes.push(process);
        }
        run.write(MANIFEST, &json(path, &run.manifest)?)?;
        Ok((run, loaded))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its checkpoints, for reading.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// Its TensorBoard file, for pictures.
    pub fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    /// Logs what was measured after `step` steps: a line of `metrics.jsonl` with all of `values`, and for
    /// TensorBoard a scalar `kind/name` for each number in it (`kind/outer/name` for one in an inner object).
    ///
    /// # Errors
    /// `phg::run::write`.
    pub fn record(&mut self, step: u64, kind: &str, values: &impl Serialize) -> Result<()> {
        self.log.append(step, kind, values)?;
        let values = serde_json::to_value(values)
            .map_err(|error| write_failed(&self.path, &io::Error::other(error)))?;
        let mut scalars = Vec::new();
        collect(kind, &values, &mut scalars);
        self.events.scalars(step, scalars.iter().map(|(tag, value)| (tag.as_str(), *value)))
    }

    /// Saves a checkpoint; `best` when its score is the best so far. What was recorded is on the disk before it is.
    ///
    /// # Errors
    /// `phg::checkpoint::write`, `phg::run::write`.
    pub fn save(&mut self, contents: &Contents, best: bool) -> Result<Saved> {
        self.log.sync()?;
        self.checkpoints.save(contents, best)
    }

    /// Writes `report.json` and `report.md`, over those of an earlier process.
    ///
    /// # Errors
    /// `phg::run::write`.
    pub fn finish(&self, report: &Report) -> Result<()> {
        self.write("report.json", &json(&self.path, report)?)?;
        self.write("report.md", report.markdown(&self.manifest).as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        disk::replace(&RealDisk, &self.path, name, bytes)
            .map_err(|error| write_failed(&self.path.join(name), &error))
    }
}

/// The manifest of the run in `path`; changes nothing.
///
/// # Errors
/// `phg::run::missing` when there is none, `phg::run::damaged` when it does not parse or has another format.
pub fn read_manifest(path: &Path) -> Result<Manifest> {
    let file = path.join(MANIFEST);
    let bytes = fs::read(&file).map_err(|error| {
        let not_there = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        if not_there {
            Error::new(codes::RUN_MISSING, Kind::Data, "the folder is no run: it has no `manifest.json`")
                .at(path.display())
                .help("name the folder that `phgc train` printed")
        } else {
            disk::failed(codes::RUN_DAMAGED, Kind::Data, "read the manifest", &file, &error)
        }
    })?;
    let damaged = |message: String| Error::new(codes::RUN_DAMAGED, Kind::Data, message).at(file.display());
    let head: Value =
        serde_json::from_slice(&bytes).map_err(|e| damaged(format!("cannot understand it: {e}")))?;
    if head["format"] != manifest::FORMAT {
        let message = format!("the run has format {}; this phgc reads {}", head["format"], manifest::FORMAT);
        return Err(damaged(message));
    }
    serde_json::from_value(head).map_err(|error| damaged(format!("cannot understand it: {error}")))
}

/// Every number in `values`, named by the way to it.
fn collect(name: &str, values: &Value, scalars: &mut Vec<(String, f64)>) {
    match values {
        Value::Number(number) => scalars.extend(number.as_f64().map(|number| (name.to_string(), number))),
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(&format!("{name}/{key}"), value, scalars));
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
    }
}

/// Makes `<parent>/<stem>-<hash8>-<n>`.
fn numbered(parent: &Path, manifest: &Manifest) -> Result<PathBuf> {
    output::folder(parent)?;
    let stem = Path::new(&manifest.spec.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or("spec");
    let safe = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let prefix = format!("{}-{}-", stem.chars().map(safe).collect::<String>(), manifest.hash8());
    let names = disk::names(parent).map_err(|error| write_failed(parent, &error))?;
    let taken = names.iter().filter_map(|name| name.strip_prefix(&prefix)?.parse::<u64>().ok()).max();
    let mut number = taken.unwrap_or(0) + 1;
    loop {
        let name = format!("{prefix}{number}");
        let path = parent.join(&name);
        match RealDisk.create_folder(&path) {
            Ok(()) => {
                link_latest(parent, &name);
                return Ok(path);
            }
            // Another process took the number; making a folder tells who came first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(output::unusable(&path, &error)),
        }
    }
}

/// Lets `<parent>/latest` lead to the newest run. A convenience: where links cannot be made there is none, and a
/// file or folder of that name is left alone.
fn link_latest(parent: &Path, name: &str) {
    #[cfg(unix)]
    {
        let link = parent.join(LATEST);
        let ours = fs::symlink_metadata(&link).map_or(true, |metadata| metadata.is_symlink());
        let unfinished = parent.join(format!("{}{LATEST}-{}", disk::UNFINISHED, std::process::id()));
        if ours && std::os::unix::fs::symlink(name, &unfinished).is_ok() {
            let _ = fs::rename(&unfinished, &link).or_else(|_| fs::remove_file(&unfinished));
        }
    }
    #[cfg(not(unix))]
    let _ = (parent, name, LATEST);
}

/// Makes the folder of `--run`, or takes it when it is there and empty.
fn exact(path: &Path) -> Result<PathBuf> {
    if let Some(parent) = path.parent() {
        output::folder(parent)?;
    }
    match RealDisk.create_folder(path) {
        Ok(()) => Ok(path.into()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let empty = path.is_dir() && disk::names(path).is_ok_and(|names| names.is_empty());
            if empty { Ok(path.into()) } else { Err(exists(path)) }
        }
        Err(error) => Err(output::unusable(path, &error)),
    }
}

/// Takes the run for this process until it ends; `refused` makes the error for a file that cannot be opened.
fn lock(path: &Path, refused: fn(&Path, &io::Error) -> Error) -> Result<File> {
    let file = path.join(LOCK);
    let handle = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(|error| refused(&file, &error))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(codes::RUN_LOCKED, Kind::Usage, "another process is training in this run folder")
                .at(path.display())
                .help("wait for it, or stop it with Ctrl-C, which saves a checkpoint first"))
        }
        // Some network file systems have no locks; refusing to train there would help nobody.
        Err(TryLockError::Error(_)) => Ok(handle),
    }
}

fn exists(path: &Path) -> Error {
    let resumable = path.join(MANIFEST).exists();
    let (message, help) = if resumable {
        ("the folder holds a run already", "go on with it with `--resume`, or name another folder")
    } else {
        ("the folder is not empty", "name a folder that does not exist")
    };
    Error::new(codes::RUN_EXISTS, Kind::Usage, message).at(path.display()).help(help)
}

fn json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|error| write_failed(path, &io::Error::other(error)))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_failed(path: &Path, error: &io::Error) -> Error {
    disk::failed(codes::RUN_WRITE, Kind::Training, "write", path, error)
}

#[cfg(test)]
mod tests {
    use super::super::faults::contents;
    use super::super::manifest::tests::manifest;
    use super::super::report::Outcome;
    use super::*;

    const SPEC: &str = "network unet {}\n";

    fn create(target: &Target) -> Result<RunFolder> {
        RunFolder::create(target, manifest(), SPEC)
    }

    fn code(result: Result<RunFolder>) -> &'static str {
        result.map(|_| ()).unwrap_err().code
    }

    #[test]
    fn numbers_are_never_used_twice() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().join("runs");
        let target = Target::Numbered(parent.clone());
        let name = |number: u64| format!("unet-small-{}-{number}", manifest().hash8());
        for number in 1..=3 {
            assert_eq!(create(&target).unwrap().path(), parent.join(name(number)));
        }
        fs::remove_dir_all(parent.join(name(2))).unwrap();
        assert_eq!(create(&target).unwrap().path(), parent.join(name(4)));
        #[cfg(unix)]
        assert_eq!(fs::read_link(parent.join(LATEST)).unwrap(), Path::new(&name(4)));
    }

    #[test]
    fn many_at_once_get_folders_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let target = Target::Numbered(root.path().into());
        let start = || create(&target).unwrap().path().to_path_buf();
        let mut paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 8);
    }

    #[test]
    fn a_folder_with_anything_in_it_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let exact = |name: &str| Target::Exact(root.path().join(name));
        drop(create(&exact("a/b/new")).unwrap());
        let error = create(&exact("a/b/new")).map(|_| ()).unwrap_err();
        assert_eq!(error.code, codes::RUN_EXISTS);
        assert!(error.help.unwrap().contains("--resume"));
        assert_eq!(code(create(&exact("a"))), codes::RUN_EXISTS);
        fs::write(root.path().join("file"), "x").unwrap();
        assert_eq!(code(create(&exact("file"))), codes::RUN_EXISTS);
        assert_eq!(fs::read(root.path().join("file")).unwrap(), b"x");
        assert_eq!(code(create(&exact("file/below"))), codes::USAGE_OUTPUT);
        let numbered = create(&Target::Numbered(root.path().join("file/runs"))).map(|_| ()).unwrap_err();
        assert_eq!((numbered.code, numbered.kind), (codes::USAGE_OUTPUT, Kind::Usage));
        fs::create_dir(root.path().join("empty")).unwrap();
        assert!(create(&exact("empty")).is_ok());
    }

    #[test]
    fn a_run_goes_on_where_its_checkpoint_is() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        let mut run = create(&Target::Exact(path.clone())).unwrap();
        assert_eq!(fs::read_to_string(path.join("spec.phg")).unwrap(), SPEC);
        for step in 1..=3 {
            run.record(step, "train", &serde_json::json!({"loss": {"total": 2.5}, "rate": 0.5})).unwrap();
            if step == 2 {
                run.save(&contents(2), true).unwrap();
            }
        }
        assert_eq!(RunFolder::resume(&path, &manifest()).map(|_| ()).unwrap_err().code, codes::RUN_LOCKED);
        drop(run);

        let mut other = manifest();
        other.seed += 1;
        assert_eq!(RunFolder::resume(&path, &other).map(|_| ()).unwrap_err().code, codes::RUN_CHANGED);
        let (mut run, loaded) = RunFolder::resume(&path, &manifest()).unwrap();
        assert_eq!((loaded.contents, loaded.name.as_str()), (contents(2), "step-2"));
        run.record(3, "train", &serde_json::json!({"loss": null})).unwrap();
        let log = fs::read_to_string(path.join("metrics.jsonl")).unwrap();
        let steps: Vec<&str> = log.lines().map(|line| &line[..9]).collect();
        assert_eq!(steps, ["{\"step\":1", "{\"step\":2", "{\"step\":3"]);
        let processes = read_manifest(&path).unwrap().processes;
        assert_eq!(processes.iter().map(|process| process.from_step).collect::<Vec<_>>(), [0, 2]);
        let events = disk::names(&path).unwrap().into_iter().filter(|name| name.contains("tfevents"));
        assert_eq!(events.count(), 2);
    }

    #[test]
    fn what_is_no_run_is_said_so() {
        let root = tempfile::tempdir().unwrap();
        let missing = |path: &Path| read_manifest(path).unwrap_err().code;
        assert_eq!(missing(&root.path().join("none")), codes::RUN_MISSING);
        assert_eq!(missing(root.path()), codes::RUN_MISSING);
        for text in ["", "{", "[]", "{\"format\": 2}", "{\"format\": 1}"] {
            fs::write(root.path().join(MANIFEST), text).unwrap();
            assert_eq!(missing(root.path()), codes::RUN_DAMAGED, "{text:?}");
        }
        let path = root.path().join("run");
        drop(create(&Target::Exact(path.clone())).unwrap());
        let error = RunFolder::resume(&path, &manifest()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, codes::CHECKPOINT_MISSING, "a run that never saved");
    }

    #[test]
    fn numbers_are_found_in_inner_objects() {
        let mut scalars = Vec::new();
        let values =
            serde_json::json!({"loss": {"total": 2.5, "aux": null}, "n": 3, "name": "x", "list": [1]});
        collect("train", &values, &mut scalars);
        assert_eq!(scalars, [("train/loss/total".to_string(), 2.5), ("train/n".to_string(), 3.0)]);
    }

    #[test]
    fn the_report_says_what_was_run() {
        let root = tempfile::tempdir().unwrap();
        let run = create(&Target::Exact(root.path().join("run"))).unwrap();
        let report = Report {
            outcome: Outcome::Paused,
            steps: 10,
            samples: 80,
            seconds: 4.0,
            best: None,
            checkpoint: "step-10".into(),
            evaluations: Vec::new(),
            notes: vec!["checkpoint `step-9` is damaged".into()],
        };
        run.finish(&report).unwrap();
        let text = fs::read_to_string(run.path().join("report.md")).unwrap();
        for part in
            ["| seed | 7 |", "paused after 10 steps, 80 samples", "20.0 samples/s", "- checkpoint `step-9`"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        let json: Value = serde_json::from_slice(&fs::read(run.path().join("report.json")).unwrap()).unwrap();
        assert_eq!((&json["outcome"], &json["steps"]), (&"paused".into(), &10.into()));
    }
}
