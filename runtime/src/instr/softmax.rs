//! Softmax and its logarithm along an axis.

use burn::tensor::activation;

use crate::error::Result;
use crate::native;
use crate::tensor::{Value, each_float, unfit};

/// `exp(x) / sum(exp(x))` along `axis`, or its logarithm, without overflow.
pub(super) fn softmax(x: Value, axis: usize, log: bool) -> Result<Value> {
    if axis >= x.shape().len() {
        return Err(unfit(format!("no axis {axis} in {}", x.describe())));
    }
    if let (Value::F4(_), 1) = (&x, axis)
        && let Some(y) = native::softmax(&x, log)?
    {
        return Ok(y.into());
    }
    Ok(each_float!(x, "softmax", x => if log {
        activation::log_softmax(x, axis).into()
    } else {
        activation::softmax(x, axis).into()
    }))
}
