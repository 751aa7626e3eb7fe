//! Counter-based random numbers: every draw is a function of the seed and of what it is for.
//!
//! A [`Stream`] is named by a seed, a [`Purpose`] and two counters (an epoch and an index, or a step and
//! a node), so no draw depends on how many were made before it, in which thread, or in which order. This
//! is what makes resuming exact and the number of loader threads irrelevant.
//! The generator is ChaCha with eight rounds, whose values its authors promise not to change.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of random numbers is for; streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial values; counters: hash of the parameter's path, 0.
    Init,
    /// The order of an epoch's samples; counters: epoch, 0.
    Shuffle,
    /// A sample's augmentation; counters: epoch, place in the epoch.
    Augment,
    /// Dropout masks and sampled latents; counters: step, hash of the node's path.
    Node,
    /// Procedural scenes; counters: split, index.
    Scene,
    /// Operands of the check of a device; counters: hash of the case's name, place of the operand.
    Check,
}

/// A stream of random numbers.
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream that `seed`, `purpose` and the two counters name.
    pub fn new(seed: u64, purpose: Purpose, counters: [u64; 2]) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = match purpose {
            Purpose::Init => 1,
            Purpose::Shuffle => 2,
            Purpose::Augment => 3,
            Purpose::Node => 4,
            Purpose::Scene => 5,
            Purpose::Check => 6,
        };
        key[16..24].copy_from_slice(&counters[0].to_le_bytes());
        key[24..].copy_from_slice(&counters[1].to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-24.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Uniform in `0..n` by multiplication and rejection (Lemire 2019); 0 when `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let wide = u64::from(self.bits()) * u64::from(n);
            if wide as u32 >= threshold {
                return (wide >> 32) as u32;
            }
        }
    }

    /// A standard normal value (Box and Muller 1958, cosine branch).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * f64::from(1.0 - self.unit()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * f64::from(self.unit())).cos()) as f32
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

/// A 64-bit counter for a name, such as a parameter's path.
pub fn counter(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_functions_of_their_names() {
        let draw = |seed, purpose, counters| Stream::new(seed, purpose, counters).bits();
        assert_eq!(draw(1, Purpose::Init, [2, 3]), draw(1, Purpose::Init, [2, 3]));
        assert_ne!(draw(1, Purpose::Init, [2, 3]), draw(2, Purpose::Init, [2, 3]));
        assert_ne!(draw(1, Purpose::Init, [2, 3]), draw(1, Purpose::Node, [2, 3]));
        assert_ne!(draw(1, Purpose::Init, [2, 3]), draw(1, Purpose::Init, [3, 2]));
    }

    #[test]
    fn normal_values_have_mean_zero_and_variance_one() {
        let mut stream = Stream::new(7, Purpose::Node, [0, 0]);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(stream.normal())).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut stream = Stream::new(7, Purpose::Shuffle, [0, 0]);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[stream.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (9_500..10_500).contains(n)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
    }
}
