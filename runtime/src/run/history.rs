//! What a run logged, read back from its `metrics.jsonl`.
//!
//! Comes in: a run folder, whose training may still be going on. Goes out: loss and mean IoU by step. Guaranteed:
//! values that were not finite are left out, and so is a last line that is still being written.

use std::path::Path;

use serde_json::Value;

use super::folder::read_manifest;
use super::log::NAME;
use crate::codes;
use crate::error::{Error, Kind, Result};

/// Figures by step, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The loss of each training step.
    pub loss: Vec<(u64, f64)>,
    /// The mean IoU of each evaluation of the validation split, percent.
    pub miou: Vec<(u64, f64)>,
}

/// Reads the log of the run in `folder`.
///
/// # Errors
/// `phg::run::missing` when it is no run, `phg::run::damaged` for a line that is none of a log.
pub fn read(folder: &Path) -> Result<History> {
    read_manifest(folder)?;
    let path = folder.join(NAME);
    let damaged = |message: String| Error::new(codes::RUN_DAMAGED, Kind::Data, message).at(path.display());
    let text = std::fs::read(&path).map_err(|error| damaged(format!("the log cannot be read: {error}")))?;
    let mut history = History::default();
    let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.last() == Some(&b'\n'));
    for (at, line) in whole.enumerate() {
        let line: Value = serde_json::from_slice(line)
            .map_err(|error| damaged(format!("line {} is no line of a log: {error}", at + 1)))?;
        let Some(step) = line["step"].as_u64() else { continue };
        match line["kind"].as_str() {
            Some("train") => history.loss.extend(line["loss"].as_f64().map(|loss| (step, loss))),
            Some("val") => history.miou.extend(line["miou"].as_f64().map(|miou| (step, miou))),
            _ => {}
        }
    }
    Ok(history)
}

/// Means over at most `pieces` runs of neighbouring points, each at its last step.
pub fn smooth(points: &[(u64, f64)], pieces: usize) -> Vec<(u64, f64)> {
    let size = points.len().div_ceil(pieces.max(1)).max(1);
    let mean = |piece: &[(u64, f64)]| {
        let (step, _) = piece.last().copied()?;
        Some((step, piece.iter().map(|(_, value)| value).sum::<f64>() / piece.len() as f64))
    };
    points.chunks(size).filter_map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::super::folder::{RunFolder, Target};
    use super::super::manifest::tests::manifest;
    use super::*;

    #[test]
    fn a_log_is_read_while_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        let mut run = RunFolder::create(&Target::Exact(path.clone()), manifest(), "network a {}\n").unwrap();
        for (step, loss) in [(1, 3.0), (2, f64::NAN), (3, 1.0)] {
            run.record(step, "train", &serde_json::json!({ "loss": loss })).unwrap();
        }
        run.record(3, "val", &serde_json::json!({ "miou": 12.5 })).unwrap();
        let log = path.join(NAME);
        let mut text = std::fs::read_to_string(&log).unwrap();
        text.push_str("{\"step\":4,\"ki");
        std::fs::write(&log, &text).unwrap();
        let history = read(&path).unwrap();
        assert_eq!((history.loss, history.miou), (vec![(1, 3.0), (3, 1.0)], vec![(3, 12.5)]));
        std::fs::write(&log, "hello\n").unwrap();
        assert_eq!(read(&path).unwrap_err().code, codes::RUN_DAMAGED);
        assert_eq!(read(root.path()).unwrap_err().code, codes::RUN_MISSING);
    }

    #[test]
    fn pieces_are_means_at_their_last_step() {
        let points = [(1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0), (5, 9.0)];
        assert_eq!(smooth(&points, 3), [(2, 2.0), (4, 6.0), (5, 9.0)]);
        assert_eq!(smooth(&points, 9), points);
        assert_eq!(smooth(&[], 3), []);
    }
}
