//! Learning-rate schedules: pure functions of the step.
//!
//! Comes in: a base rate, how it decays, over how many steps, and how many steps of warm-up. Goes out: the
//! rate of any step. Guaranteed: a schedule has no state, so a resumed run has the rates of an uninterrupted
//! one, and pausing changes nothing. Steps are updates of the parameters, counted from 0.
//!
//! The rate of step `s` is `base * warmup(s) * decay(s)`. Warm-up is a factor on top of the decay; it does
//! not shift it.

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::error::{Error, Kind, Result};

/// How the rate decays; `t` is the share of the run that is done, `step / total`, in `[0, 1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Decay {
    /// Factor 1.
    Constant,
    /// Factor `(1 - t)^power`: "poly" of Liu, Rabinovich and Berg, "ParseNet", 2015, and of DeepLab (Chen et al.,
    /// TPAMI 2018), there with power 0.9.
    Poly {
        /// At least 0.
        power: f64,
    },
    /// Factor `floor + (1 - floor) * (1 + cos(pi * t)) / 2`: Loshchilov and Hutter, "SGDR", ICLR 2017, without
    /// restarts.
    Cosine {
        /// What is left at the end, as a share of the base rate, in `[0, 1]`.
        floor: f64,
    },
    /// Factor `gamma^k`, `k` being the number of milestones at or before the step (He et al., "Deep Residual
    /// Learning", CVPR 2016: the rate is divided by 10 at given iterations).
    Step {
        /// Steps, strictly ascending.
        milestones: Vec<u64>,
        /// Above 0.
        gamma: f64,
    },
}

/// A learning-rate schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The rate that the factors multiply.
    pub base: f64,
    /// How it decays.
    pub decay: Decay,
    /// Steps of the whole run; what `--pause-after` leaves undone is part of it.
    pub total: u64,
    /// Steps of linear warm-up (Goyal et al., "Accurate, Large Minibatch SGD", 2017): the factor of step `s` is
    /// `(s + 1) / warmup` until it reaches 1.
    #[serde(default)]
    pub warmup: u64,
}

impl Schedule {
    /// Checks the numbers.
    ///
    /// # Errors
    /// `phg::train::schedule` when one is out of its range, or when warm-up is longer than the run.
    pub fn check(&self) -> Result<()> {
        let bad = |message: String, help: &str| {
            Err(Error::new(codes::TRAIN_SCHEDULE, Kind::Usage, message).help(help))
        };
        if !(self.base.is_finite() && self.base > 0.0) {
            return bad(format!("a learning rate of {}", self.base), "give a rate above 0, such as `1e-3`");
        }
        if self.warmup > self.total {
            let message = format!("{} steps of warm-up in a run of {} steps", self.warmup, self.total);
            return bad(message, "shorten `warmup`, or train for more steps");
        }
        match &self.decay {
            Decay::Constant => Ok(()),
            Decay::Poly { power } if power.is_finite() && *power >= 0.0 => Ok(()),
            Decay::Poly { power } => {
                bad(format!("poly with power {power}"), "give a power of 0 or more; 0.9 is usual")
            }
            Decay::Cosine { floor } if (0.0..=1.0).contains(floor) => Ok(()),
            Decay::Cosine { floor } => {
                bad(format!("cosine with floor {floor}"), "give a floor between 0 and 1")
            }
            Decay::Step { gamma, .. } if !(gamma.is_finite() && *gamma > 0.0) => {
                bad(format!("step with gamma {gamma}"), "give a gamma above 0; 0.1 is usual")
            }
            Decay::Step { milestones, .. } if milestones.windows(2).any(|pair| pair[0] >= pair[1]) => {
                bad(format!("step with milestones {milestones:?}"), "give the milestones in ascending order")
            }
            Decay::Step { .. } => Ok(()),
        }
    }

    /// The rate of step `step`, counted from 0. Steps at or past `total` have the rate of the end.
    pub fn rate(&self, step: u64) -> f64 {
        let done = if self.total == 0 { 1.0 } else { step as f64 / self.total as f64 };
        self.rate_when(step, done)
    }

    /// The rate of step `step` when the share `done` of the run lies behind it: for runs that end by time, whose
    /// number of steps nobody knows. `done` is taken into `[0, 1]`.
    pub fn rate_when(&self, step: u64, done: f64) -> f64 {
        let done = done.clamp(0.0, 1.0);
        let warmup = if step < self.warmup { (step + 1) as f64 / self.warmup as f64 } else { 1.0 };
        let decay = match &self.decay {
            Decay::Constant => 1.0,
            Decay::Poly { power } => (1.0 - done).powf(*power),
            Decay::Cosine { floor } => {
                floor + (1.0 - floor) * (1.0 + (std::f64::consts::PI * done).cos()) / 2.0
            }
            Decay::Step { milestones, gamma } => {
                let passed = milestones.iter().filter(|&&milestone| milestone <= step).count();
                // At most 2^31 milestones: a list of more does not fit a spec.
                gamma.powi(i32::try_from(passed).unwrap_or(i32::MAX))
            }
        };
        self.base * warmup * decay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(decay: Decay, warmup: u64) -> Schedule {
        Schedule { base: 0.1, decay, total: 10, warmup }
    }

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-12, "{value} is not {expected}");
    }

    // Expected values: computed in Python from the formulas of the sources named above.

    #[test]
    fn poly() {
        let s = schedule(Decay::Poly { power: 0.9 }, 0);
        close(s.rate(0), 0.1);
        close(s.rate(1), 0.090_953_257_608_296_23);
        close(s.rate(5), 0.053_588_673_126_814_66);
        close(s.rate(9), 0.012_589_254_117_941_673);
        close(s.rate(10), 0.0);
        close(s.rate(11), 0.0);
    }

    #[test]
    fn cosine() {
        let s = schedule(Decay::Cosine { floor: 0.0 }, 0);
        close(s.rate(0), 0.1);
        close(s.rate(5), 0.05);
        close(s.rate(1), 0.097_552_825_814_757_68);
        close(s.rate(10), 0.0);
        close(schedule(Decay::Cosine { floor: 0.2 }, 0).rate(5), 0.06);
        close(schedule(Decay::Cosine { floor: 0.2 }, 0).rate(99), 0.02);
    }

    #[test]
    fn step_and_constant() {
        let s = schedule(Decay::Step { milestones: vec![3, 7], gamma: 0.1 }, 0);
        for (step, expected) in [(0, 0.1), (2, 0.1), (3, 0.01), (6, 0.01), (7, 0.001), (100, 0.001)] {
            close(s.rate(step), expected);
        }
        close(schedule(Decay::Constant, 0).rate(9), 0.1);
    }

    #[test]
    fn warm_up_multiplies() {
        let s = schedule(Decay::Constant, 4);
        for (step, expected) in [(0, 0.025), (1, 0.05), (2, 0.075), (3, 0.1), (4, 0.1)] {
            close(s.rate(step), expected);
        }
        let (plain, warm) =
            (schedule(Decay::Poly { power: 0.9 }, 0), schedule(Decay::Poly { power: 0.9 }, 4));
        close(warm.rate(1), plain.rate(1) / 2.0);
        close(warm.rate(5), plain.rate(5));
    }

    #[test]
    fn a_run_by_time_follows_its_share() {
        let s = Schedule { base: 1.0, decay: Decay::Poly { power: 1.0 }, total: 0, warmup: 0 };
        close(s.rate_when(123, 0.25), 0.75);
        close(s.rate_when(123, 1.5), 0.0);
    }

    #[test]
    fn unusable_numbers_are_refused() {
        let unusable = [
            Schedule { base: 0.0, ..schedule(Decay::Constant, 0) },
            Schedule { base: f64::NAN, ..schedule(Decay::Constant, 0) },
            schedule(Decay::Constant, 11),
            schedule(Decay::Poly { power: -1.0 }, 0),
            schedule(Decay::Cosine { floor: 1.5 }, 0),
            schedule(Decay::Step { milestones: vec![7, 3], gamma: 0.1 }, 0),
            schedule(Decay::Step { milestones: vec![3], gamma: 0.0 }, 0),
        ];
        for schedule in unusable {
            assert_eq!(schedule.check().unwrap_err().code, codes::TRAIN_SCHEDULE, "{schedule:?}");
        }
        assert!(schedule(Decay::Step { milestones: vec![3, 7], gamma: 0.1 }, 10).check().is_ok());
    }

    #[test]
    fn a_schedule_survives_json_exactly() {
        let s = schedule(Decay::Poly { power: 0.1 + 0.2 }, 3);
        let text = serde_json::to_string(&s).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), s);
    }
}
