//! Checkpoints: each is one folder that is either complete and verified, or not there.
//!
//! Comes in: [`Contents`]. Goes out: the same, after a crash too. A checkpoint is written into a folder whose name
//! begins with `.tmp-`; when all its files are on the disk, it gets its name, `step-<n>`, and only then do the
//! pointers `best` and `last` (files that hold such a name) change. Guaranteed:
//!
//! - killed or out of space at any moment, the checkpoint that `last` names is complete: the older or the newer one;
//! - every byte of a checkpoint is covered by a hash, so that what loads is what was saved;
//! - a saved checkpoint is never changed; saving the same step again makes `step-<n>-r1`.
//!
//! Only one process may save at a time; [`super::RunFolder`] sees to it. Reading beside it is fine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::disk::{self, Disk, RealDisk, UNFINISHED};
use super::manifest::Versions;
use super::state::{Contents, State};
use super::tensors;
use crate::codes;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// The format that this version writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const EMA: &str = "ema.safetensors";
const STATE: &str = "state.json";
const SPEC: &str = "spec.phg";
const PARAMETERS: &str = "parameters.json";
const TABLE: &str = "table.toml";
/// The files that every checkpoint has; [`EMA`] is there when the run keeps an average.
const REQUIRED: [&str; 6] = [MODEL, OPTIMIZER, STATE, SPEC, PARAMETERS, TABLE];
const MANIFEST: &str = "manifest.json";
/// The hash of the manifest, as `b3sum` writes it.
const SEAL: &str = "manifest.b3";
/// Far above what a manifest of seven files takes.
const LARGEST_MANIFEST: u64 = 1 << 16;

const LAST: &str = "last";
const BEST: &str = "best";

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one to go on from.
    Last,
    /// The one with the best score while training.
    Best,
    /// The one after so many steps, if it is kept.
    Step(u64),
}

/// A saved checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its folder's name, such as `step-924`.
    pub name: String,
    /// What went wrong afterwards, while older checkpoints were removed; the checkpoint itself is complete.
    pub notes: Vec<String>,
}

/// A loaded checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Its folder's name, such as `step-924`.
    pub name: String,
    /// What it holds.
    pub contents: Contents,
    /// Sentences for the user: that another checkpoint was asked for, and why this one was taken.
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    versions: Versions,
    step: u64,
    files: BTreeMap<String, FileRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    bytes: u64,
    blake3: String,
}

/// The `checkpoints` folder of a run.
pub struct Checkpoints {
    folder: PathBuf,
    disk: Box<dyn Disk>,
}

impl Checkpoints {
    /// The checkpoints in `folder`, which need not exist before the first save.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_disk(folder, RealDisk)
    }

    /// The same over another file system, for tests that make it fail.
    pub fn with_disk(folder: impl Into<PathBuf>, disk: impl Disk + 'static) -> Self {
        Self { folder: folder.into(), disk: Box::new(disk) }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of all checkpoints, by ascending step. Those with a name are complete unless changed afterwards.
    ///
    /// # Errors
    /// `phg::checkpoint::missing` when the folder cannot be read.
    pub fn list(&self) -> Result<Vec<String>> {
        let mut names = disk::names(&self.folder).map_err(|error| {
            disk::failed(codes::CHECKPOINT_MISSING, Kind::Data, "list checkpoints", &self.folder, &error)
        })?;
        names.retain(|name| order(name).is_some());
        names.sort_by_key(|name| order(name));
        Ok(names)
    }

    /// Saves a checkpoint, makes it the last one (and the best one if `best`), and then removes all but this one,
    /// the last one before it, and the best.
    ///
    /// # Errors
    /// `phg::checkpoint::write` when the disk refuses, or when a tensor does not fit its shape; the last and best
    /// checkpoints are what they were.
    pub fn save(&self, contents: &Contents, best: bool) -> Result<Saved> {
        let before = self.pointed(LAST);
        let name = self.write(contents)?;
        // The best first: were the process killed in between, `last` would still name a checkpoint whose steps
        // lead to this one again.
        for pointer in [(best, BEST), (true, LAST)].into_iter().filter(|(set, _)| *set).map(|(_, name)| name)
        {
            disk::replace(&*self.disk, &self.folder, pointer, format!("{name}\n").as_bytes())
                .map_err(|error| write_failed(&self.folder.join(pointer), &error))?;
        }
        let notes = self.prune(&[Some(name.clone()), before, self.pointed(BEST)]);
        Ok(Saved { name, notes })
    }

    /// Loads a checkpoint and verifies it, for evaluation and prediction; changes nothing.
    ///
    /// When the last checkpoint is damaged, the newest complete older one is taken, and `notes` says so.
    ///
    /// # Errors
    /// `phg::checkpoint::missing` when there is none, `damaged` when it (and for [`Which::Last`] all older ones) is
    /// not what was saved, `format` when another version wrote it.
    pub fn load(&self, which: Which) -> Result<Loaded> {
        match which {
            Which::Last => self.load_last(),
            Which::Best => {
                let name = self.pointed(BEST).ok_or_else(|| {
                    self.missing("the run has no best checkpoint".into())
                        .help("use `--checkpoint last`; the best is known once an evaluation was made while training")
                })?;
                // No other one in its place: its scores would be reported as those of the best.
                let contents = read(&self.folder.join(&name))
                    .map_err(|error| with_help(error, "use `--checkpoint last`"))?;
                Ok(Loaded { name, contents, notes: Vec::new() })
            }
            Which::Step(step) => {
                let names = self.list()?;
                let name = names.into_iter().rfind(|name| order(name).is_some_and(|key| key.0 == step));
                let name =
                    name.ok_or_else(|| self.missing(format!("no checkpoint of step {step} is kept")))?;
                let contents = read(&self.folder.join(&name))?;
                Ok(Loaded { name, contents, notes: Vec::new() })
            }
        }
    }

    /// Loads the last checkpoint in order to go on from it: removes what an interrupted save left, and if `last` was
    /// damaged, puts it aside as `damaged-<name>` and lets `last` name the one that is loaded.
    ///
    /// # Errors
    /// Those of [`Checkpoints::load`], and `phg::checkpoint::write`.
    pub fn resume(&self) -> Result<Loaded> {
        self.clean()?;
        let mut loaded = self.load_last()?;
        let pointed = self.pointed(LAST);
        if pointed.as_ref() == Some(&loaded.name) {
            return Ok(loaded);
        }
        let write = |error| write_failed(&self.folder, &error);
        if let Some(damaged) = pointed.filter(|name| self.folder.join(name).exists()) {
            let aside = self.free(&format!("damaged-{damaged}"));
            self.disk.rename(&self.folder.join(&damaged), &self.folder.join(&aside)).map_err(write)?;
            loaded.notes.push(format!("the damaged checkpoint is kept as `{aside}`"));
        }
        let line = format!("{}\n", loaded.name);
        disk::replace(&*self.disk, &self.folder, LAST, line.as_bytes()).map_err(write)?;
        Ok(loaded)
    }

    /// Removes what interrupted saves left behind; returns the names.
    ///
    /// # Errors
    /// `phg::checkpoint::write` when the disk refuses.
    pub fn clean(&self) -> Result<Vec<String>> {
        disk::remove_unfinished(&*self.disk, &self.folder).map_err(|error| write_failed(&self.folder, &error))
    }

    /// The checkpoint that `last` or `best` names; `None` when the pointer is absent or no such name.
    fn pointed(&self, pointer: &str) -> Option<String> {
        let bytes = read_limited(&self.folder.join(pointer), 64).ok()?;
        let name = String::from_utf8(bytes).ok()?.strip_suffix('\n')?.to_string();
        order(&name).map(|_| name)
    }

    fn load_last(&self) -> Result<Loaded> {
        let pointed = self.pointed(LAST);
        let mut notes = Vec::new();
        let mut first = None;
        if let Some(name) = pointed.clone() {
            match read(&self.folder.join(&name)) {
                Ok(contents) => return Ok(Loaded { name, contents, notes }),
                Err(error) if error.code == codes::CHECKPOINT_FORMAT => return Err(error),
                Err(error) => {
                    notes.push(format!("checkpoint `{name}` is damaged: {error}"));
                    first = Some(error);
                }
            }
        }
        // Without a usable pointer (killed before the first one was written) every checkpoint is a candidate.
        let newest = pointed.as_deref().and_then(order).unwrap_or((u64::MAX, u64::MAX));
        for name in self.list()?.into_iter().rev().filter(|name| order(name) < Some(newest)) {
            match read(&self.folder.join(&name)) {
                Ok(contents) => {
                    let which = if pointed.is_some() { "older" } else { "of all, `last` naming none" };
                    notes.push(format!("took `{name}`, the newest complete checkpoint {which}"));
                    return Ok(Loaded { name, contents, notes });
                }
                Err(error) => {
                    notes.push(format!("checkpoint `{name}` is damaged: {error}"));
                    first = first.or(Some(error));
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            self.missing("the run has no checkpoint yet".into())
                .help("start it again without `--resume`, in a new folder")
        }))
    }

    fn missing(&self, message: String) -> Error {
        Error::new(codes::CHECKPOINT_MISSING, Kind::Data, message).at(self.folder.display())
    }

    /// `name`, or the first of `name-r1`, `name-r2`, .. that is not taken.
    fn free(&self, name: &str) -> String {
        let taken = |name: &String| fs::symlink_metadata(self.folder.join(name)).is_ok();
        let more = (1u64..).map(|revision| format!("{name}-r{revision}"));
        std::iter::once(name.to_string()).chain(more).find(|name| !taken(name)).unwrap_or_default()
    }

    /// Writes a complete checkpoint under a new name; the pointers stay.
    fn write(&self, contents: &Contents) -> Result<String> {
        let step = contents.state.step;
        let unfinished = self.folder.join(format!("{UNFINISHED}{step}-{}", std::process::id()));
        let written = self.write_files(contents, &unfinished).and_then(|()| {
            let name = self.free(&format!("step-{step}"));
            let target = self.folder.join(&name);
            self.disk
                .rename(&unfinished, &target)
                .and_then(|()| self.disk.sync_folder(&self.folder))
                .map_err(|error| write_failed(&target, &error))?;
            Ok(name)
        });
        if written.is_err() {
            // The first error is the one to report; what cannot be removed now is at the next start.
            let _ = self.disk.remove(&unfinished);
        }
        written
    }

    fn write_files(&self, contents: &Contents, unfinished: &Path) -> Result<()> {
        let failed = |error| write_failed(unfinished, &error);
        if !self.folder.exists() {
            self.disk.create_folder(&self.folder).map_err(failed)?;
            if let Some(parent) = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                self.disk.sync_folder(parent).map_err(failed)?;
            }
        }
        if fs::symlink_metadata(unfinished).is_ok() {
            self.disk.remove(unfinished).map_err(failed)?;
        }
        self.disk.create_folder(unfinished).map_err(failed)?;

        let mut files = BTreeMap::new();
        let mut put = |name: &str, bytes: Vec<u8>| {
            let path = unfinished.join(name);
            self.disk.write(&path, &bytes).map_err(|error| write_failed(&path, &error))?;
            let blake3 = blake3::hash(&bytes).to_hex().to_string();
            files.insert(name.to_string(), FileRecord { bytes: bytes.len() as u64, blake3 });
            Ok(())
        };
        let unfit = |message: String| Error::new(codes::CHECKPOINT_WRITE, Kind::Training, message);
        put(MODEL, tensors::encode(&contents.tensors).map_err(unfit)?)?;
        put(OPTIMIZER, tensors::encode(&contents.optimizer).map_err(unfit)?)?;
        if let Some(average) = &contents.ema {
            put(EMA, tensors::encode(average).map_err(unfit)?)?;
        }
        put(STATE, json(&contents.state)?)?;
        put(SPEC, contents.spec.clone().into_bytes())?;
        put(PARAMETERS, json(&contents.parameters)?)?;
        put(TABLE, toml::to_string(&contents.table).map_err(|error| unfit(error.to_string()))?.into_bytes())?;

        let versions = Versions::default();
        let manifest = json(&Manifest { format: FORMAT, versions, step: contents.state.step, files })?;
        for (name, bytes) in [(SEAL, seal(&manifest)), (MANIFEST, manifest)] {
            let path = unfinished.join(name);
            self.disk.write(&path, &bytes).map_err(|error| write_failed(&path, &error))?;
        }
        self.disk.sync_folder(unfinished).map_err(failed)
    }

    /// Removes checkpoints that are not among `keep`; returns what went wrong.
    fn prune(&self, keep: &[Option<String>]) -> Vec<String> {
        let names = match self.list() {
            Ok(names) => names,
            Err(error) => return vec![error.to_string()],
        };
        let mut notes = Vec::new();
        for name in names.into_iter().filter(|name| !keep.contains(&Some(name.clone()))) {
            // Renamed first: a checkpoint that is half removed must not bear its name.
            let doomed = self.folder.join(format!("{UNFINISHED}removed-{name}"));
            let removed =
                self.disk.rename(&self.folder.join(&name), &doomed).and_then(|()| self.disk.remove(&doomed));
            if let Err(error) = removed {
                notes.push(format!("the old checkpoint `{name}` could not be removed: {error}"));
            }
        }
        notes
    }
}

/// The step and revision in a checkpoint's name, `step-<n>` or `step-<n>-r<k>`.
fn order(name: &str) -> Option<(u64, u64)> {
    let rest = name.strip_prefix("step-")?;
    let (step, revision) = rest.split_once("-r").unwrap_or((rest, "0"));
    let key = (step.parse().ok()?, revision.parse().ok()?);
    // Only the spelling that `save` uses, so that a name is one file name and says one thing.
    let canonical = if key.1 == 0 { format!("step-{}", key.0) } else { format!("step-{}-r{}", key.0, key.1) };
    (canonical == name).then_some(key)
}

/// Reads the checkpoint in `folder` and verifies every byte of it.
fn read(folder: &Path) -> Result<Contents> {
    let damaged = |message: String| Error::new(codes::CHECKPOINT_DAMAGED, Kind::Data, message);
    let manifest_path = folder.join(MANIFEST);
    let bytes = read_limited(&manifest_path, LARGEST_MANIFEST).map_err(|e| unreadable(&manifest_path, &e))?;
    let seal_path = folder.join(SEAL);
    let sealed = read_limited(&seal_path, LARGEST_MANIFEST).map_err(|e| unreadable(&seal_path, &e))?;
    if sealed != seal(&bytes) {
        return Err(damaged("the manifest does not have its hash".into()).at(manifest_path.display()));
    }
    // The hash is right, so this is what some version of ours wrote: which one, before anything else is asked of it.
    let head: serde_json::Value = parse(&manifest_path, &bytes)?;
    if head["format"] != FORMAT {
        let by = head["versions"]["phgc"].as_str().unwrap_or("of unknown version");
        let message = format!(
            "the checkpoint has format {}, written by phgc {by}; this is phgc {}, which reads format {FORMAT}",
            head["format"],
            Versions::default().phgc,
        );
        return Err(Error::new(codes::CHECKPOINT_FORMAT, Kind::Data, message)
            .at(folder.display())
            .help(format!("use phgc {by}, or train again with this version")));
    }
    let manifest: Manifest = parse(&manifest_path, &bytes)?;

    // Names come from here, not from the manifest: no path of a stranger's is ever opened.
    let file = |name: &str| {
        let path = folder.join(name);
        let record = manifest
            .files
            .get(name)
            .ok_or_else(|| damaged(format!("the manifest lacks `{name}`")).at(manifest_path.display()))?;
        let bytes = read_limited(&path, record.bytes).map_err(|error| unreadable(&path, &error))?;
        if bytes.len() as u64 != record.bytes {
            let message = format!("{} bytes where {} were saved", bytes.len(), record.bytes);
            return Err(damaged(message).at(path.display()));
        }
        if blake3::hash(&bytes).to_hex().as_str() != record.blake3 {
            return Err(
                damaged("the content does not have the hash of what was saved".into()).at(path.display())
            );
        }
        Ok((path, bytes))
    };
    let tensors = |name: &str| {
        let (path, bytes) = file(name)?;
        tensors::decode(&bytes).map_err(|message| damaged(message).at(path.display()))
    };
    let text = |name: &str| {
        let (path, bytes) = file(name)?;
        String::from_utf8(bytes).map_err(|error| damaged(error.to_string()).at(path.display()))
    };
    let known = |name: &String| REQUIRED.contains(&name.as_str()) || name == EMA;
    if let Some(name) = manifest.files.keys().find(|name| !known(name)) {
        return Err(damaged(format!("the manifest lists `{name}`, which no checkpoint has"))
            .at(manifest_path.display()));
    }
    let (state_path, bytes) = file(STATE)?;
    let state: State = parse(&state_path, &bytes)?;
    if state.step != manifest.step {
        let message = format!("step {} in a checkpoint of step {}", state.step, manifest.step);
        return Err(damaged(message).at(state_path.display()));
    }
    let (parameters_path, parameters) = file(PARAMETERS)?;
    Ok(Contents {
        tensors: tensors(MODEL)?,
        optimizer: tensors(OPTIMIZER)?,
        ema: if manifest.files.contains_key(EMA) { Some(tensors(EMA)?) } else { None },
        state,
        spec: text(SPEC)?,
        parameters: parse(&parameters_path, &parameters)?,
        table: ClassTable::parse(&text(TABLE)?, &folder.join(TABLE).display().to_string())
            .map_err(|error| damaged(error.message).at(folder.join(TABLE).display()))?,
    })
}

/// The content of the seal of a manifest: a line as `b3sum` writes it, so that `b3sum -c` checks it.
fn seal(manifest: &[u8]) -> Vec<u8> {
    format!("{}  {MANIFEST}\n", blake3::hash(manifest).to_hex()).into_bytes()
}

/// Reads a file, but no more than one byte past `limit`: whoever expects `limit` bytes sees that there are more.
fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::new(codes::CHECKPOINT_WRITE, Kind::Training, error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(codes::CHECKPOINT_DAMAGED, Kind::Data, format!("cannot understand it: {error}"))
            .at(path.display())
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    disk::failed(codes::CHECKPOINT_DAMAGED, Kind::Data, "read a file of the checkpoint", path, error)
}

fn write_failed(path: &Path, error: &io::Error) -> Error {
    disk::failed(codes::CHECKPOINT_WRITE, Kind::Training, "save the checkpoint", path, error)
}

fn with_help(error: Error, help: &str) -> Error {
    if error.help.is_some() { error } else { error.help(help) }
}
