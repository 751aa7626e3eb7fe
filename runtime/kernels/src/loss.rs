//! Losses of class scores `[n, c, h, w]` against a class for each pixel, and their gradients.
//!
//! Probabilities exist for a block of pixels at a time; a gradient computes them again.

use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use crate::Shape;
use crate::softmax::{self, WIDTH};
use crate::window::fills;

/// Scores, and the class of each pixel.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// `[n, c, h, w]`.
    pub scores: &'a [f32],
    /// Of the scores.
    pub shape: Shape,
    /// `[n, h, w]`; a number that is no class does not count.
    pub classes: &'a [u32],
}

/// A block of pixels of one image.
struct Block<'a> {
    /// Scores of the image.
    scores: &'a [f32],
    /// Pixels of the image.
    positions: usize,
    /// Pixels of the block.
    range: Range<usize>,
    /// Their classes.
    classes: &'a [u32],
}

impl<'a> Pixels<'a> {
    fn check(&self) {
        let [n, _, h, w] = self.shape;
        fills(self.scores, self.shape);
        assert_eq!(self.classes.len(), n * h * w, "a class for each pixel");
    }

    fn channels(&self) -> usize {
        self.shape[1]
    }

    /// Pixels of an image.
    fn positions(&self) -> usize {
        self.shape[2] * self.shape[3]
    }

    fn image(&self, image: usize) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let (channels, positions) = (self.channels(), self.positions());
        let scores = &self.scores[image * channels * positions..][..channels * positions];
        let classes = &self.classes[image * positions..][..positions];
        (0..positions).step_by(WIDTH).map(move |start| {
            let range = start..(start + WIDTH).min(positions);
            Block { scores, positions, classes: &classes[range.clone()], range }
        })
    }

    /// What `f` makes of the image's blocks, added up element by element; then the images in their order.
    fn sum(&self, len: usize, f: impl Fn(&Block<'a>, &mut Room, &mut [f64]) + Sync) -> Vec<f64> {
        let images: Vec<Vec<f64>> = (0..self.shape[0])
            .into_par_iter()
            .map_init(Room::default, |room, image| {
                let mut sums = vec![0.0; len];
                self.image(image).for_each(|block| f(&block, room, &mut sums));
                sums
            })
            .collect();
        let mut total = vec![0.0; len];
        images.iter().for_each(|image| total.iter_mut().zip(image).for_each(|(to, from)| *to += from));
        total
    }

    /// The gradient, block by block: `f` writes `[c, pixels]` over the probabilities in the room.
    fn map(&self, f: impl Fn(&Block<'a>, &mut Room) + Sync) -> Vec<f32> {
        let mut gradient = vec![0.0; self.scores.len()];
        let positions = self.positions();
        if gradient.is_empty() {
            return gradient;
        }
        gradient.par_chunks_exact_mut(self.channels() * positions).enumerate().for_each_init(
            Room::default,
            |room, (image, to)| {
                for block in self.image(image) {
                    room.fill(&block);
                    f(&block, room);
                    let from = room.probabilities.chunks_exact(block.range.len());
                    let to = to.chunks_exact_mut(positions);
                    to.zip(from).for_each(|(to, from)| to[block.range.clone()].copy_from_slice(from));
                }
            },
        );
        gradient
    }
}

/// Room for a block.
#[derive(Default)]
struct Room {
    /// `[c, pixels]`.
    probabilities: Vec<f32>,
    /// Logarithm of the sum of `e^score` for each pixel.
    log_sums: Vec<f32>,
}

impl Room {
    /// Softmax of a block's scores.
    fn fill(&mut self, block: &Block<'_>) {
        let width = block.range.len();
        self.probabilities.clear();
        for row in block.scores.chunks_exact(block.positions) {
            self.probabilities.extend_from_slice(&row[block.range.clone()]);
        }
        let probabilities = &mut self.probabilities;
        let totals = Arch::new().dispatch(|| softmax::block(probabilities, 0, width, width, false));
        self.log_sums.clear();
        let log_sum = |(most, sum): (&f32, &f32)| most + sum.ln();
        self.log_sums.extend(totals.most[..width].iter().zip(&totals.sums[..width]).map(log_sum));
    }
}

/// Cross-entropy with class weights and label smoothing: for a pixel of class `t`
/// `(1 - s) w[t] nll[t] + s / c * sum over classes of w nll`, where `nll = -log softmax(scores)`; the sum over
/// pixels over the sum of `w[t]`.
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// One for each class.
    pub weights: Vec<f32>,
    /// Share `s` of all classes.
    pub smoothing: f32,
}

impl CrossEntropy {
    /// The mean over the pixels that count; 0 when none does.
    ///
    /// # Panics
    /// Operands that do not fit each other.
    pub fn forward(&self, pixels: &Pixels<'_>) -> f32 {
        self.check(pixels);
        let spread = f64::from(self.smoothing) / self.weights.len() as f64;
        let sums = pixels.sum(2, |block, room, sums| {
            room.fill(block);
            let score =
                |class: usize, at: usize| block.scores[class * block.positions + block.range.start + at];
            for (at, (class, log_sum)) in block.classes.iter().zip(&room.log_sums).enumerate() {
                let class = *class as usize;
                let Some(weight) = self.weights.get(class) else { continue };
                let nll = |class: usize| f64::from(log_sum - score(class, at));
                sums[0] += (1.0 - f64::from(self.smoothing)) * f64::from(*weight) * nll(class);
                if spread > 0.0 {
                    let all = self
                        .weights
                        .iter()
                        .enumerate()
                        .map(|(class, weight)| f64::from(*weight) * nll(class));
                    sums[0] += spread * all.sum::<f64>();
                }
                sums[1] += f64::from(*weight);
            }
        });
        if sums[1] == 0.0 { 0.0 } else { (sums[0] / sums[1]) as f32 }
    }

    /// The gradient with respect to the scores, given the one with respect to the loss.
    ///
    /// # Panics
    /// Operands that do not fit each other.
    pub fn gradient(&self, pixels: &Pixels<'_>, by: f32) -> Vec<f32> {
        self.check(pixels);
        let weight = |class: &u32| self.weights.get(*class as usize).map_or(0.0, |weight| f64::from(*weight));
        let total: f64 = pixels.classes.iter().map(weight).sum();
        let by = if total == 0.0 { 0.0 } else { f64::from(by) / total };
        let spread: Vec<f32> = self
            .weights
            .iter()
            .map(|weight| (by * f64::from(self.smoothing * weight) / self.weights.len() as f64) as f32)
            .collect();
        let all: f32 = spread.iter().sum();
        let own: Vec<f32> =
            self.weights.iter().map(|w| (by * f64::from(*w)) as f32 * (1.0 - self.smoothing)).collect();
        pixels.map(|block, room| {
            let width = block.range.len();
            // (sum over classes of a) p - a, where a is what each class's nll counts.
            let pulls: Vec<f32> = block
                .classes
                .iter()
                .map(|class| own.get(*class as usize).map_or(0.0, |own| own + all))
                .collect();
            for (class, p) in room.probabilities.chunks_exact_mut(width).enumerate() {
                for ((p, pull), target) in p.iter_mut().zip(&pulls).zip(block.classes) {
                    let mine = if *target as usize == class { own[class] } else { 0.0 };
                    let spread = if (*target as usize) < own.len() { spread[class] } else { 0.0 };
                    *p = *p * pull - mine - spread;
                }
            }
        })
    }

    fn check(&self, pixels: &Pixels<'_>) {
        pixels.check();
        assert_eq!(self.weights.len(), pixels.channels(), "a weight for each class");
    }
}

/// What the soft intersection over union of each class is made of.
struct Overlap {
    intersection: Vec<f64>,
    /// Summed probability.
    mass: Vec<f64>,
    /// Pixels.
    count: Vec<f64>,
}

/// Smallest union that is divided by.
const UNION: f64 = 1e-6;

impl Overlap {
    fn of(pixels: &Pixels<'_>) -> Self {
        let channels = pixels.channels();
        let mut sums = pixels.sum(3 * channels, |block, room, sums| {
            room.fill(block);
            let width = block.range.len();
            let (intersection, sums) = sums.split_at_mut(channels);
            let (mass, count) = sums.split_at_mut(channels);
            let counts: Vec<f32> =
                block.classes.iter().map(|class| f32::from((*class as usize) < channels)).collect();
            for (p, mass) in room.probabilities.chunks_exact(width).zip(mass) {
                *mass += f64::from(crate::lanes::dot(p, &counts));
            }
            for (at, class) in block.classes.iter().enumerate() {
                if let Some(count) = count.get_mut(*class as usize) {
                    *count += 1.0;
                    intersection[*class as usize] +=
                        f64::from(room.probabilities[*class as usize * width + at]);
                }
            }
        });
        let count = sums.split_off(2 * channels);
        let mass = sums.split_off(channels);
        Self { intersection: sums, mass, count }
    }

    /// How many classes the mean is over.
    fn among(&self, all: Option<usize>) -> f64 {
        let present = || self.count.iter().filter(|count| **count > 0.0).count();
        all.unwrap_or_else(present).max(1) as f64
    }

    fn union(&self, class: usize) -> f64 {
        self.count[class] + self.mass[class] - self.intersection[class]
    }
}

/// `1 - mean over classes of intersection / union` of softmax(scores) (Rahman and Wang 2016), where
/// `union = pixels of the class + summed probability - intersection`; 1 when no pixel counts. The mean is over the
/// classes present, or over `all` classes, absent ones having an intersection of 0.
///
/// # Panics
/// Operands that do not fit each other.
pub fn soft_iou(pixels: &Pixels<'_>, all: Option<usize>) -> f32 {
    pixels.check();
    let overlap = Overlap::of(pixels);
    let iou = |class: usize| overlap.intersection[class] / overlap.union(class).max(UNION);
    let present = (0..pixels.channels()).filter(|class| overlap.count[*class] > 0.0);
    (1.0 - present.map(iou).sum::<f64>() / overlap.among(all)) as f32
}

/// The gradient of [`soft_iou`] with respect to the scores, given the one with respect to the loss.
///
/// # Panics
/// Operands that do not fit each other.
pub fn soft_iou_gradient(pixels: &Pixels<'_>, all: Option<usize>, by: f32) -> Vec<f32> {
    pixels.check();
    let overlap = Overlap::of(pixels);
    let by = -f64::from(by) / overlap.among(all);
    // With respect to the probability of the pixel's own class, beyond that of any class.
    let (mut own, mut any) = (vec![0.0_f32; pixels.channels()], vec![0.0_f32; pixels.channels()]);
    for class in 0..pixels.channels() {
        let union = overlap.union(class);
        if overlap.count[class] > 0.0 && union > UNION {
            let slope = overlap.intersection[class] / (union * union);
            own[class] = (by * (1.0 / union + slope)) as f32;
            any[class] = (-by * slope) as f32;
        }
    }
    pixels.map(|block, room| {
        let width = block.range.len();
        let pull =
            |class: usize, target: u32| any[class] + if target as usize == class { own[class] } else { 0.0 };
        let mut mean = [0.0_f32; WIDTH];
        for (class, p) in room.probabilities.chunks_exact(width).enumerate() {
            for ((mean, p), target) in mean.iter_mut().zip(p).zip(block.classes) {
                *mean += p * pull(class, *target);
            }
        }
        for (class, p) in room.probabilities.chunks_exact_mut(width).enumerate() {
            for ((p, mean), target) in p.iter_mut().zip(&mean).zip(block.classes) {
                let counts = f32::from((*target as usize) < own.len());
                *p *= counts * (pull(class, *target) - mean);
            }
        }
    })
}
