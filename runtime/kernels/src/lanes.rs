//! Sums of long runs.

use pulp::Arch;

/// As many as the widest vector of any processor holds: the compiler may not reorder a plain sum of floats,
/// which would leave it scalar.
const LANES: usize = 16;

/// The sum of `f(0)` to `f(len - 1)`, lane by lane.
#[inline(always)]
pub(crate) fn sum_by(len: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let whole = len - len % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += f(start + lane);
        }
    }
    for at in whole..len {
        sums[at - whole] += f(at);
    }
    sums.iter().sum()
}

/// The sum of a run.
pub(crate) fn sum(x: &[f32]) -> f32 {
    Arch::new().dispatch(|| sum_by(x.len(), |at| x[at]))
}

/// The sum of products of two runs.
pub(crate) fn dot(x: &[f32], y: &[f32]) -> f32 {
    assert_eq!(x.len(), y.len(), "runs of equal length");
    Arch::new().dispatch(|| sum_by(x.len(), |at| x[at] * y[at]))
}
