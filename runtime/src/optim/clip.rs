//! The global L2 norm of gradients, and scaling them to a limit (Pascanu et al. 2013).

use super::{Gradients, flat};
use crate::error::Result;
use crate::tensor::{Value, device_failed, each_float};

/// The L2 norm of all gradients as one vector; not a number or infinite when a gradient is.
///
/// # Errors
/// A device that fails.
pub fn global_norm(gradients: &Gradients) -> Result<f64> {
    let mut sum = 0.0;
    for gradient in gradients.values() {
        let part = flat(gradient.clone())?.square().sum();
        sum += f64::from(part.try_into_scalar::<f32>().map_err(device_failed)?);
    }
    Ok(sum.sqrt())
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
