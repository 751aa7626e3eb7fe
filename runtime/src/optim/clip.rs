//! The global L2 norm of gradients, and scaling them to a limit (Pascanu et al. 2013).

use burn::tensor::Tensor;

use super::{Gradients, flat};
use crate::error::Result;
use crate::tensor::{Value, each_float, read};

/// The L2 norm of all gradients as one vector; not a number or infinite when a gradient is.
///
/// # Errors
/// A device that fails.
pub fn global_norm(gradients: &Gradients) -> Result<f64> {
    Ok(read(squares(gradients)?)?.into_iter().sum::<f64>().sqrt())
}

/// The sum of squares `[1]` of each gradient, on the gradients' device.
pub(crate) fn squares(gradients: &Gradients) -> Result<Vec<Tensor<1>>> {
    gradients.values().map(|gradient| Ok(flat(gradient.clone())?.square().sum())).collect()
}

/// Multiplies all gradients by `factor`.
///
/// # Errors
/// A gradient that is no float tensor.
pub fn scale(gradients: &mut Gradients, factor: f64) -> Result<()> {
    for gradient in gradients.values_mut() {
        let scaled: Value = each_float!(gradient.clone(), "a gradient", x => x.mul_scalar(factor).into());
        *gradient = scaled;
    }
    Ok(())
}
