//! The rectified linear unit.

use phg_kernels::rectify;

use super::{Kernel, View, apply};
use crate::error::Result;
use crate::tensor::Value;

#[derive(Clone, Debug)]
struct Rectify;

impl Kernel<1> for Rectify {
    const READS: [bool; 1] = [false];
    const READS_RESULT: bool = true;

    fn forward(&mut self, [x]: [View<'_>; 1]) -> (Vec<f32>, Vec<usize>) {
        (rectify::forward(&x.values), x.shape.to_vec())
    }

    fn gradients(
        &self,
        _: [View<'_>; 1],
        result: View<'_>,
        gradient: &[f32],
        wanted: [bool; 1],
    ) -> [Option<Vec<f32>>; 1] {
        [wanted[0].then(|| rectify::gradient(&result.values, gradient))]
    }
}

/// `max(x, 0)`; nothing where `x` is not on the processor.
pub(crate) fn rectify(x: &Value) -> Result<Option<Value>> {
    macro_rules! ranks {
        ($($variant:ident $rank:literal)*) => {
            match x {
                $(Value::$variant(_) => apply::<_, 1, $rank>(&mut Rectify, [x])?.map(Value::from),)*
                Value::I1(_) | Value::I2(_) | Value::I3(_) | Value::I4(_) => None,
            }
        };
    }
    Ok(ranks!(F1 1 F2 2 F3 3 F4 4 F5 5))
}
