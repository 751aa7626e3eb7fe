//! A process that saves checkpoints is killed, again and again, at random moments.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoints, Which};
use super::disk::names;
use super::faults::contents;
use crate::random::{Purpose, Stream};

/// Tells the child where to save. Without it the test that is the child does nothing.
const FOLDER: &str = "PHG_KILL_TEST_FOLDER";
const KILLS: u64 = 200;

/// The child: goes on from the last checkpoint, a step for each save, until it is killed.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let checkpoints = Checkpoints::new(folder);
    let mut step = match checkpoints.resume() {
        Ok(loaded) => loaded.contents.state.step,
        Err(_) => 0,
    };
    println!("\nready {step}");
    loop {
        step += 1;
        checkpoints.save(&contents(step), step.is_multiple_of(3)).unwrap();
        println!("saved {step}");
    }
}

/// After every kill the checkpoint that was reported as saved, or the next one, loads without a fallback.
#[test]
fn killed_at_random_moments_the_last_checkpoint_is_complete() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("checkpoints");
    let checkpoints = Checkpoints::new(&folder);
    let this = module_path!().split_once("::").unwrap().1;
    // How long a save takes depends on the disk; kills fall into the first three of a child.
    let started = Instant::now();
    Checkpoints::new(root.path().join("trial")).save(&contents(1), true).unwrap();
    let window = (3 * started.elapsed()).clamp(Duration::from_millis(5), Duration::from_millis(250));
    let (mut step, mut amidst, mut before_first) = (0, 0, 0);
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([&format!("{this}::child"), "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, &folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let ready = lines.find_map(|line| line.strip_prefix("ready ")?.parse::<u64>().ok());
        assert_eq!(ready, Some(step), "kill {kill}: it goes on from what was found");

        let mut stream = Stream::new(kill, Purpose::Scene, [0, 0]);
        std::thread::sleep(window.mul_f32(stream.unit()));
        child.kill().unwrap();
        child.wait().unwrap();
        let saved = lines.filter_map(|line| line.strip_prefix("saved ")?.parse::<u64>().ok()).last();
        let saved = saved.unwrap_or(step);

        amidst += u64::from(names(&folder).unwrap().iter().any(|name| name.starts_with(".tmp-")));
        match checkpoints.load(Which::Last) {
            Ok(loaded) => {
                step = loaded.contents.state.step;
                // Before the first pointer was ever written there is nothing to fall back from.
                assert!(loaded.notes.is_empty() || saved == 0, "kill {kill}: {:?}", loaded.notes);
                assert_eq!(loaded.contents, contents(step), "kill {kill}");
            }
            Err(error) => {
                assert_eq!(
                    (saved, error.code),
                    (0, crate::codes::CHECKPOINT_MISSING),
                    "kill {kill}: {error}"
                );
                before_first += 1;
            }
        }
        assert!(step == saved || step == saved + 1, "kill {kill}: saved {saved}, found {step}");
    }
    assert_eq!(checkpoints.resume().unwrap().contents.state.step, step);
    let left = names(&folder).unwrap();
    assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
    // Otherwise the kills hit nothing worth testing.
    assert!(step > KILLS / 10 && amidst > KILLS / 20, "{step} steps, {amidst} kills amidst a save");
    println!(
        "{KILLS} kills within {window:?}, {amidst} amidst a save, {before_first} before the first, {step} steps"
    );
}
