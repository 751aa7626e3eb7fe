//! The best score so far, and when to stop waiting for a better one.
//!
//! Comes in: a score after every evaluation. Goes out: whether it is the best, and whether patience has run
//! out. Guaranteed: the state is part of a checkpoint, and a score that is not finite is never the best.

use serde::{Deserialize, Serialize};

/// The best score and where it was reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Higher is better; percent of mean IoU unless the caller says otherwise.
    pub score: f64,
    /// Steps done when it was reached.
    pub step: u64,
}

/// What has been seen so far: the best score, and how many evaluations have passed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// `None` before the first finite score.
    pub best: Option<Best>,
    /// Evaluations since the best one.
    pub stale: u64,
}

impl Progress {
    /// Takes in the score of an evaluation after `step` steps; true when it is the best so far.
    ///
    /// Of equal scores the first counts. `None` (no class counted) and scores that are not finite are no
    /// better than anything.
    pub fn observe(&mut self, step: u64, score: Option<f64>) -> bool {
        let better =
            score.filter(|score| score.is_finite() && self.best.is_none_or(|best| *score > best.score));
        match better {
            Some(score) => *self = Self { best: Some(Best { score, step }), stale: 0 },
            None => self.stale += 1,
        }
        better.is_some()
    }

    /// Whether `patience` evaluations have passed without a better one; never when `patience` is 0.
    pub fn exhausted(&self, patience: u64) -> bool {
        patience > 0 && self.stale >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_patience_evaluations_without_a_better_one() {
        let mut progress = Progress::default();
        let scores = [Some(40.0), Some(f64::NAN), Some(41.0), Some(41.0), None, Some(40.0)];
        let best: Vec<bool> = (1..).zip(scores).map(|(at, score)| progress.observe(at * 10, score)).collect();
        assert_eq!(best, [true, false, true, false, false, false]);
        assert_eq!(progress, Progress { best: Some(Best { score: 41.0, step: 30 }), stale: 3 });
        assert!(progress.exhausted(3) && !progress.exhausted(4) && !progress.exhausted(0));
    }
}
