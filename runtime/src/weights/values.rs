//! The values that a coverage matched, as the network's parameters.
//!
//! Comes in: a source and what of it becomes what. Goes out: host tensors by the network's own names. Guaranteed: each
//! has its parameter's shape and is finite.

use super::{Coverage, Source, Turn};
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::{HostTensor, HostTensors};

/// Reads what `coverage` matched, turned and converted.
///
/// # Errors
/// `phg::weights::not_finite`, and `phg::weights::file` for a file that ends too early.
pub fn values(source: &Source, coverage: &Coverage) -> Result<HostTensors> {
    let mut values = HostTensors::new();
    for found in &coverage.matched {
        let data = source.read(&found.tensor)?;
        if let Some(at) = data.iter().position(|value| !value.is_finite()) {
            let message = format!("`{}` holds {} at place {at}", found.tensor, data[at]);
            return Err(Error::new(codes::WEIGHTS_NOT_FINITE, Kind::Data, message).at(&source.name).help(
                "take a checkpoint from before the training diverged, or one that was saved in 32-bit floats",
            ));
        }
        let shape = found.shape.clone();
        let data = match (found.turn, shape.as_slice()) {
            (Turn::Transposed, &[rows, columns]) => {
                (0..data.len()).map(|at| data[at % columns * rows + at / columns]).collect()
            }
            (Turn::AsIs | Turn::Reshaped | Turn::Transposed, _) => data,
        };
        values.insert(found.parameter.clone(), HostTensor { shape, data });
    }
    Ok(values)
}
