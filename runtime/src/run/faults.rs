//! Checkpoints on disks that fail: every operation in turn, with and without a crash, and every byte changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::checkpoint::{Checkpoints, Which};
use super::disk::{Disk, RealDisk, names};
use super::state::{Contents, OptimizerState, State};
use super::tensors::HostTensor;
use crate::codes;
use crate::train::early::{Best, Progress};
use crate::train::schedule::{Decay, Schedule};

/// Different in every part for every step.
pub(super) fn contents(step: u64) -> Contents {
    let tensor = |shape: &[usize], salt: u64| HostTensor {
        shape: shape.to_vec(),
        data: (0..shape.iter().product::<usize>() as u64)
            .map(|at| (step * 1000 + salt + at) as f32)
            .collect(),
    };
    Contents {
        tensors: [("conv.weight".into(), tensor(&[4, 3, 3], 1)), ("conv.bias".into(), tensor(&[4], 2))]
            .into(),
        optimizer: [("conv.weight/moment1".into(), tensor(&[4, 3, 3], 3))].into(),
        ema: step.is_multiple_of(2).then(|| [("conv.weight".into(), tensor(&[4, 3, 3], 4))].into()),
        state: State {
            step,
            epoch: step / 10,
            place: step % 10,
            samples: 8 * step,
            seconds: 0.1 * step as f64,
            seed: u64::MAX - step,
            schedule: Schedule { base: 1e-3, decay: Decay::Poly { power: 0.9 }, total: 924, warmup: 0 },
            optimizer: OptimizerState { name: "adam".into(), updates: step },
            progress: Progress { best: Some(Best { score: 100.0 / 3.0, step }), stale: step },
        },
        spec: format!("network small {{}} // {step}\n"),
        parameters: serde_json::json!({"width": step}),
        table: super::manifest::tests::manifest().data.table,
    }
}

/// The names in the folder of checkpoints, without the pointers.
fn kept(folder: &Path) -> Vec<String> {
    names(folder).unwrap().into_iter().filter(|name| name != "last" && name != "best").collect()
}

#[test]
fn what_loads_is_what_was_saved() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path().join("checkpoints"));
    assert_eq!(checkpoints.load(Which::Last).unwrap_err().code, codes::CHECKPOINT_MISSING);
    for step in [5, 9, 10, 100, 101] {
        let saved = checkpoints.save(&contents(step), step == 9).unwrap();
        assert_eq!((saved.name.as_str(), saved.notes.len()), (format!("step-{step}").as_str(), 0));
        let loaded = checkpoints.load(Which::Last).unwrap();
        assert_eq!((loaded.contents, loaded.notes.len()), (contents(step), 0));
    }
    assert_eq!(checkpoints.list().unwrap(), ["step-9", "step-100", "step-101"], "the last two and the best");
    assert_eq!(checkpoints.load(Which::Best).unwrap().contents, contents(9));
    assert_eq!(checkpoints.load(Which::Step(100)).unwrap().contents, contents(100));
    assert_eq!(checkpoints.load(Which::Step(10)).unwrap_err().code, codes::CHECKPOINT_MISSING);
}

#[test]
fn the_same_step_is_saved_beside_itself() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path());
    checkpoints.save(&contents(3), false).unwrap();
    let mut evaluated = contents(3);
    evaluated.state.progress.stale = 77;
    assert_eq!(checkpoints.save(&evaluated, true).unwrap().name, "step-3-r1");
    assert_eq!(checkpoints.load(Which::Last).unwrap().contents, evaluated);
    assert_eq!(checkpoints.load(Which::Step(3)).unwrap().contents, evaluated);
    checkpoints.save(&contents(4), false).unwrap();
    assert_eq!(checkpoints.list().unwrap(), ["step-3-r1", "step-4"]);
}

#[test]
fn unsaveable_tensors_are_an_error_and_leave_nothing() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path());
    let mut bad = contents(1);
    bad.optimizer.insert("odd".into(), HostTensor { shape: vec![2, 2], data: vec![0.0; 3] });
    assert_eq!(checkpoints.save(&bad, true).unwrap_err().code, codes::CHECKPOINT_WRITE);
    assert_eq!(kept(root.path()), Vec::<String>::new());
}

/// Every file of a checkpoint, cut at and changed in every byte (of the larger ones: every 7th).
#[test]
fn every_change_of_a_file_is_found() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path());
    checkpoints.save(&contents(2), false).unwrap();
    let folder = root.path().join("step-2");
    let damaged = |what: &str| {
        let error = checkpoints.load(Which::Step(2)).expect_err(what);
        assert_eq!(error.code, codes::CHECKPOINT_DAMAGED, "{what}: {error}");
        assert!(error.place.is_some(), "{what}");
    };
    let files = names(&folder).unwrap();
    assert_eq!(files.len(), 9, "{files:?}");
    let mut changes = 0;
    for name in files {
        let path = folder.join(&name);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        damaged(&format!("{name} missing"));
        for at in (0..whole.len()).step_by(if whole.len() > 200 { 7 } else { 1 }) {
            fs::write(&path, &whole[..at]).unwrap();
            damaged(&format!("{name} cut at {at}"));
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            damaged(&format!("{name} flipped at {at}"));
            changes += 2;
        }
        fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
        damaged(&format!("{name} longer"));
        fs::write(&path, &whole).unwrap();
        assert!(checkpoints.load(Which::Step(2)).is_ok());
    }
    assert!(changes > 1000, "{changes}");
}

#[test]
fn another_format_is_named() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path());
    checkpoints.save(&contents(1), false).unwrap();
    checkpoints.save(&contents(2), false).unwrap();
    let manifest = br#"{"format": 7, "versions": {"phgc": "3.1.0"}, "files": "elsewhere"}"#;
    let folder = root.path().join("step-2");
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    let seal = format!("{}  manifest.json\n", blake3::hash(manifest).to_hex());
    fs::write(folder.join("manifest.b3"), seal).unwrap();
    // Not passed over: an older checkpoint would silently throw steps of the newer program away.
    let error = checkpoints.load(Which::Last).unwrap_err();
    assert_eq!(error.code, codes::CHECKPOINT_FORMAT);
    assert!(error.message.contains("format 7") && error.message.contains("3.1.0"), "{error}");
}

#[test]
fn a_damaged_last_checkpoint_is_passed_over_and_said_so() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path());
    checkpoints.save(&contents(1), true).unwrap();
    checkpoints.save(&contents(2), false).unwrap();
    checkpoints.save(&contents(3), true).unwrap();
    fs::write(root.path().join("step-3/model.safetensors"), b"").unwrap();

    let loaded = checkpoints.load(Which::Last).unwrap();
    assert_eq!((loaded.contents, loaded.name.as_str()), (contents(2), "step-2"));
    assert!(loaded.notes[0].contains("`step-3` is damaged"), "{:?}", loaded.notes);
    assert_eq!(kept(root.path()), ["step-2", "step-3"], "reading changes nothing");
    // Another one would be taken for the best.
    let error = checkpoints.load(Which::Best).unwrap_err();
    assert_eq!(error.code, codes::CHECKPOINT_DAMAGED);
    assert_eq!(error.help.as_deref(), Some("use `--checkpoint last`"));

    assert_eq!(checkpoints.resume().unwrap().contents, contents(2));
    assert_eq!(kept(root.path()), ["damaged-step-3", "step-2"]);
    checkpoints.save(&contents(3), true).unwrap();
    assert_eq!(checkpoints.resume().unwrap().notes, Vec::<String>::new());
    assert_eq!(checkpoints.load(Which::Best).unwrap().contents, contents(3));

    for name in ["step-2", "step-3"] {
        fs::remove_file(root.path().join(name).join("state.json")).unwrap();
    }
    assert_eq!(checkpoints.resume().unwrap_err().code, codes::CHECKPOINT_DAMAGED);
}

#[test]
fn unusable_pointers_and_strange_names_do_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path());
    checkpoints.save(&contents(1), false).unwrap();
    checkpoints.save(&contents(2), false).unwrap();
    for name in ["step-03", "step-3-r0", "step-+3", "step-", "step-3-r1-r2", "notes"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    for pointer in ["", "step-2", "step-9\n", "../step-2\n", "step-2\0\n", &"x".repeat(1 << 16)] {
        fs::write(root.path().join("last"), pointer).unwrap();
        let loaded = checkpoints.load(Which::Last).unwrap();
        assert_eq!(loaded.contents, contents(2), "{pointer:?}");
        assert!(!loaded.notes.is_empty(), "{pointer:?}");
    }
    assert_eq!(checkpoints.resume().unwrap().contents, contents(2));
    assert_eq!(fs::read_to_string(root.path().join("last")).unwrap(), "step-2\n");
}

/// A disk whose operation number `fail_at` fails: half-way for a write. In a crash all later ones fail too, and
/// names made or changed in a folder since its last synchronisation are lost, all or some of them.
#[derive(Default)]
struct Faulty {
    fail_at: u64,
    crash: Option<Loss>,
    done: Mutex<(u64, Vec<Pending>)>,
}

/// Which of the changes that are not yet on the disk a crash takes back, disks writing them in any order: of each
/// `of` in turn the one with this number.
#[derive(Clone, Copy, Debug)]
struct Loss {
    number: usize,
    of: usize,
}

/// A change of a name that a crash takes back.
enum Pending {
    Made(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, replaced: Option<Vec<u8>> },
}

impl Faulty {
    fn step(&self) -> io::Result<()> {
        let mut done = self.done.lock().unwrap();
        done.0 += 1;
        let fails = if self.crash.is_some() { done.0 >= self.fail_at } else { done.0 == self.fail_at };
        if fails { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn pend(&self, pending: Pending) {
        self.done.lock().unwrap().1.push(pending);
    }

    fn failed(&self) -> bool {
        self.done.lock().unwrap().0 >= self.fail_at
    }

    /// What the disk holds after the power comes back.
    fn lose_power(&self, loss: Loss) {
        let pending = std::mem::take(&mut self.done.lock().unwrap().1);
        let lost = |at: usize| at % loss.of == loss.number;
        for (_, pending) in pending.into_iter().enumerate().rev().filter(|(at, _)| lost(*at)) {
            match pending {
                Pending::Made(path) => drop(RealDisk.remove(&path)),
                Pending::Renamed { from, to, replaced } => {
                    let _ = fs::rename(&to, &from);
                    if let Some(bytes) = replaced {
                        fs::write(&to, bytes).unwrap();
                    }
                }
            }
        }
    }
}

impl Disk for Arc<Faulty> {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.pend(Pending::Made(path.into()));
        RealDisk.create_folder(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.pend(Pending::Made(path.into()));
        if let Err(error) = self.step() {
            let _ = fs::write(path, &bytes[..bytes.len() / 2]);
            return Err(error);
        }
        fs::write(path, bytes)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.done.lock().unwrap().1.retain(|pending| match pending {
            Pending::Made(made) => made.parent() != Some(path),
            Pending::Renamed { to, .. } => to.parent() != Some(path),
        });
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        let replaced = fs::read(to).ok();
        fs::rename(from, to)?;
        for pending in &mut self.done.lock().unwrap().1 {
            if let Pending::Made(path) = pending
                && let Ok(rest) = path.strip_prefix(from)
            {
                // The file moves with its folder; without a rest it is the folder or file itself.
                *path = if rest.as_os_str().is_empty() { from.into() } else { to.join(rest) };
            }
        }
        self.pend(Pending::Renamed { from: from.into(), to: to.into(), replaced });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove(path)
    }
}

/// Fails operation n of saving step 3 over steps 1 (best) and 2, for n = 1, 2, .. until none fails.
fn fail_every_operation(crash: Option<Loss>) -> u64 {
    for fail_at in 1.. {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("checkpoints");
        // Fails never; waits for no disk, which would take most of the test's time.
        let unfailing = Arc::new(Faulty { fail_at: u64::MAX, ..Faulty::default() });
        let sound = Checkpoints::with_disk(&folder, unfailing);
        sound.save(&contents(1), true).unwrap();
        sound.save(&contents(2), false).unwrap();

        let disk = Arc::new(Faulty { fail_at, crash, ..Faulty::default() });
        let saved = Checkpoints::with_disk(&folder, Arc::clone(&disk)).save(&contents(3), true);
        let failed = disk.failed();
        if let Some(loss) = crash {
            disk.lose_power(loss);
        }
        let loaded = sound.load(Which::Last).unwrap();
        assert_eq!(loaded.notes, Vec::<String>::new(), "none is damaged, operation {fail_at}, {crash:?}");
        let step = loaded.contents.state.step;
        match &saved {
            Ok(_) => assert_eq!(step, 3, "operation {fail_at}: what is saved stays saved"),
            Err(error) => {
                assert_eq!(error.code, codes::CHECKPOINT_WRITE);
                assert!(error.help.as_ref().is_some_and(|help| help.starts_with("make space")));
                assert!(step == 2 || step == 3, "operation {fail_at}: step {step}");
            }
        }
        assert_eq!(loaded.contents, contents(step));
        let best = sound.load(Which::Best).unwrap().contents;
        assert!(best == contents(1) || best == contents(3), "operation {fail_at}");
        if crash.is_none() && saved.is_err() {
            let left: Vec<_> = kept(&folder).into_iter().filter(|name| name.starts_with('.')).collect();
            assert_eq!(left, Vec::<String>::new(), "operation {fail_at}");
        }
        // The next start goes on, and leaves nothing of the failure behind.
        assert_eq!(sound.resume().unwrap().contents, contents(step));
        assert_eq!(sound.save(&contents(4), true).unwrap().notes, Vec::<String>::new());
        assert_eq!(sound.load(Which::Last).unwrap().contents, contents(4));
        assert_eq!(kept(&folder).len(), 2, "operation {fail_at}: {:?}", kept(&folder));
        if !failed {
            return fail_at - 1;
        }
    }
    unreachable!("a save has a number of operations")
}

#[test]
fn a_failing_operation_leaves_the_old_checkpoint_or_the_new_one() {
    // Folder, eight files, synchronise, rename, synchronise; two pointers of three each; step 1 goes in two.
    assert_eq!(fail_every_operation(None), 12 + 6 + 2);
}

#[test]
fn a_crash_at_any_operation_leaves_the_old_checkpoint_or_the_new_one() {
    for (number, of) in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)] {
        fail_every_operation(Some(Loss { number, of }));
    }
}
