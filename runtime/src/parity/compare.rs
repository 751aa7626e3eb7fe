//! Whether two devices computed the same: how far they may be apart, and which element is farthest.

use phg_compiler::plan::Instr;
use phg_compiler::plan::instr::{Pool, PoolKind, Reduction, ResizeMode, Unary};
use serde::Serialize;

use crate::precision::Precision;

/// In which numbers the checked device multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Products {
    /// 32-bit floats, 24 bits of mantissa.
    Float,
    /// TF32: operands are rounded to 11 bits of mantissa before they are multiplied, and sums are 32-bit floats.
    /// NVIDIA's tensor cores do so, and Burn uses them for 32-bit floats where it finds them faster.
    Tf32,
    /// Mixed precision: products, and what [`Precision`] rounds besides, have 8 bits of mantissa.
    Bf16,
}

/// What an instruction does to its numbers, which says how far two correct devices may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    /// Numbers are copied or chosen: no rounding at all.
    Copies,
    /// A function of one or two numbers: a few units in the last place, more for `exp`, `log` and `tanh` of a GPU.
    Functions,
    /// Sums of many numbers, whose order differs: the rounding error of a sum of `n` numbers grows as `sqrt(n)`.
    Sums,
    /// Sums of products, whose operands a GPU may round to TF32.
    Products,
}

fn arithmetic(instr: &Instr) -> Arithmetic {
    match instr {
        Instr::Convolve(_)
        | Instr::ConvolveTransposed(_)
        | Instr::Linear { .. }
        | Instr::MatMul
        | Instr::GaussianBlur { .. } => Arithmetic::Products,
        Instr::Normalise(_)
        | Instr::Pool(Pool { kind: PoolKind::Average, .. })
        | Instr::PoolCells { .. }
        | Instr::Unpool { .. }
        | Instr::Resize { mode: ResizeMode::Bilinear, .. }
        | Instr::Softmax { .. }
        | Instr::Reduce { by: Reduction::Sum | Reduction::Mean, .. }
        | Instr::CrossEntropy(_)
        | Instr::SoftIou { .. }
        | Instr::KlGaussian { .. }
        | Instr::KlMixture { .. } => Arithmetic::Sums,
        Instr::Unary(Unary::Relu | Unary::Relu6 | Unary::Negate | Unary::Clamp(..) | Unary::Above(_))
        | Instr::Pool(Pool { kind: PoolKind::Max, .. })
        | Instr::Resize { mode: ResizeMode::Nearest, .. }
        | Instr::Reduce { by: Reduction::Max, .. }
        | Instr::Concat { .. }
        | Instr::Slice { .. }
        | Instr::Pad { .. }
        | Instr::Reshape { .. }
        | Instr::Permute { .. }
        | Instr::Expand { .. }
        | Instr::OneHot { .. }
        | Instr::Fill { .. }
        | Instr::Diagonal { .. }
        | Instr::Argmax
        | Instr::ResizeLabels { .. }
        | Instr::Normal { .. }
        | Instr::StopGradient
        | Instr::Ramp { .. }
        | Instr::Learned { .. } => Arithmetic::Copies,
        Instr::Unary(
            Unary::LeakyRelu(_)
            | Unary::Sigmoid
            | Unary::Tanh
            | Unary::Exp
            | Unary::Log
            | Unary::Sqrt
            | Unary::Scale(_)
            | Unary::Offset(_),
        )
        | Instr::Prelu { .. }
        | Instr::Binary(_)
        | Instr::Dropout { .. } => Arithmetic::Functions,
    }
}

/// How far results, and gradients, of an instruction may be apart, as a share of the largest magnitude in the
/// tensor.
///
/// Copies 0, functions 1e-5, sums 1e-4: single precision has a unit of 6e-8, and sums here have up to 600,000
/// terms, whose rounding errors add up to some `sqrt(600000) * 6e-8 = 5e-5` of a term's size. Products 1e-4 in
/// single precision; in TF32 4e-3: each operand is rounded by up to 2^-11, so a product by up to 1e-3, and where
/// few products are added up nothing averages that out. Gradients of copies and functions are sums where an
/// operand was repeated. What mixed precision rounds is off by 2^-9 for each rounding, of two operands, the result
/// and its gradient: 2e-2, and twice that for gradients.
pub(crate) fn allowed(instr: &Instr, products: Products) -> (f64, f64) {
    const SUMS: f64 = 1e-4;
    if products == Products::Bf16 && Precision::Bf16.rounds(instr) {
        return (2e-2, 4e-2);
    }
    match (arithmetic(instr), products) {
        (Arithmetic::Copies, _) => (0.0, SUMS),
        (Arithmetic::Functions, _) => (1e-5, SUMS),
        (Arithmetic::Sums, _) | (Arithmetic::Products, Products::Float) => (SUMS, SUMS),
        (Arithmetic::Products, Products::Tf32 | Products::Bf16) => (4e-3, 4e-3),
    }
}

/// The element that is farthest from what it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    /// Such as `result` or `gradient of weight 0`.
    pub what: String,
    /// Its place; empty where tensors were compared as a whole.
    pub at: Vec<usize>,
    /// What the checked device computed.
    pub found: f64,
    /// What the other one computed.
    pub expected: f64,
    /// Their difference, as a share of the largest magnitude that was expected. Not a number where one of the
    /// two is not finite.
    pub error: f64,
    /// The largest error that is let pass.
    pub allowed: f64,
}

impl Worst {
    /// Is it within what is allowed?
    pub fn passes(&self) -> bool {
        self.error <= self.allowed
    }

    /// Error over what is allowed, for ordering.
    pub(crate) fn rank(&self) -> f64 {
        if self.error.is_nan() { f64::INFINITY } else { self.error / self.allowed.max(1e-12) }
    }

    /// The worse of two.
    pub(crate) fn or(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.rank() > self.rank() => other,
            Some(_) | None => self,
        }
    }
}

/// Compares element by element; nothing for tensors without elements. Lengths must be equal: shapes are compared
/// before.
pub(crate) fn elements(
    what: &str,
    found: &[f32],
    expected: &[f32],
    shape: &[usize],
    allowed: f64,
) -> Option<Worst> {
    // Where all that is expected is close to zero, errors are measured absolutely.
    const LEAST: f32 = 1e-2;
    let scale = expected.iter().filter(|x| x.is_finite()).fold(LEAST, |scale, x| scale.max(x.abs()));
    let error = |found: f32, expected: f32| match (found.is_finite(), expected.is_finite()) {
        (true, true) => f64::from(found - expected).abs() / f64::from(scale),
        // Both may overflow, in the same direction.
        (false, false) if found == expected => 0.0,
        _ => f64::NAN,
    };
    let rank = |error: f64| if error.is_nan() { f64::INFINITY } else { error };
    let errors = found.iter().zip(expected).map(|(f, e)| error(*f, *e));
    let (at, error) = errors.enumerate().max_by(|a, b| rank(a.1).total_cmp(&rank(b.1)))?;
    let (found, expected) = (f64::from(*found.get(at)?), f64::from(*expected.get(at)?));
    Some(Worst { what: what.into(), at: place(at, shape), found, expected, error, allowed })
}

/// Compares whole tensors by the length of their difference, as a share of the expected length, which counts as
/// `least` where it is smaller. `found` and `expected` of what is returned are the two lengths.
pub(crate) fn lengths(what: &str, found: &[f32], expected: &[f32], least: f64, allowed: f64) -> Worst {
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = length(&mut found.iter().zip(expected).map(|(f, e)| f64::from(*f) - f64::from(*e)));
    let own = length(&mut found.iter().map(|x| f64::from(*x)));
    let other = length(&mut expected.iter().map(|x| f64::from(*x)));
    let error = difference / other.max(least).max(f64::MIN_POSITIVE);
    Worst { what: what.into(), at: vec![], found: own, expected: other, error, allowed }
}

/// The index of each axis for an element's place in row-major order.
fn place(at: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = at;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let place = rest % (*size).max(1);
            rest /= (*size).max(1);
            place
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_element_is_named() {
        let expected = [1.0, -2.0, 4.0, 0.5, 0.0, 3.0];
        let mut found = expected;
        found[4] = 0.02;
        found[5] = 3.01;
        let worst = elements("result", &found, &expected, &[2, 3], 1e-3).unwrap();
        assert_eq!((worst.at.clone(), worst.passes()), (vec![1, 1], false));
        assert!((worst.error - 0.005).abs() < 1e-9, "a share of the largest, 4: {}", worst.error);
        assert!(elements("result", &found, &expected, &[2, 3], 1e-2).unwrap().passes());
        assert!(elements("result", &expected, &expected, &[2, 3], 0.0).unwrap().passes());
        assert_eq!(elements("result", &[], &[], &[0], 0.0), None);
    }

    #[test]
    fn what_is_not_finite_fails_unless_both_overflow() {
        let infinite = f32::INFINITY;
        for (found, expected, passes) in [
            (f32::NAN, 1.0, false),
            (1.0, f32::NAN, false),
            (infinite, 1.0, false),
            (infinite, infinite, true),
            (infinite, -infinite, false),
            (f32::NAN, f32::NAN, false),
        ] {
            let worst = elements("result", &[1.0, found], &[1.0, expected], &[2], 1.0).unwrap();
            assert_eq!(worst.passes(), passes, "{found} for {expected}");
            assert!(passes || worst.rank().is_infinite());
        }
        assert!(!lengths("gradient", &[f32::NAN], &[1.0], 0.0, 1.0).passes());
    }

    #[test]
    fn tensors_are_compared_by_length() {
        let worst = lengths("gradient", &[3.0, 4.1], &[3.0, 4.0], 0.0, 0.03);
        assert!((worst.error - 0.02).abs() < 1e-6 && worst.passes());
        assert!(!lengths("gradient", &[1e-6], &[0.0], 0.0, 0.03).passes());
        assert!(lengths("gradient", &[1e-6], &[0.0], 1e-3, 0.03).passes(), "less than counts");
    }
}
