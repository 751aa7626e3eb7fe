//! Named tensors in host memory, and as safetensors files.
//!
//! Comes in: `f32` tensors by path. Goes out: the bytes of a safetensors file, and back. Guaranteed: values
//! come back bit for bit (not-a-number included), the same tensors give the same bytes, and no bytes make
//! [`decode`] panic.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, View};

/// A dense tensor in row-major order.
#[derive(Clone, Debug, Default)]
pub struct HostTensor {
    /// Size of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many values as the product of `shape`.
    pub data: Vec<f32>,
}

impl HostTensor {
    /// Number of values that `shape` stands for; `None` when it does not fit.
    pub fn elements(shape: &[usize]) -> Option<usize> {
        shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
    }
}

/// Same shape and same bits: two not-a-numbers are equal, and `0.0` is not `-0.0`.
impl PartialEq for HostTensor {
    fn eq(&self, other: &Self) -> bool {
        let bits = |tensor: &Self| tensor.data.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        self.shape == other.shape && self.data.len() == other.data.len() && bits(self) == bits(other)
    }
}

impl View for &HostTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        self.data.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.data.len() * size_of::<f32>()
    }
}

/// The bytes of a safetensors file.
///
/// # Errors
/// A sentence, when a tensor does not hold as many values as its shape says.
pub fn encode(tensors: &BTreeMap<String, HostTensor>) -> Result<Vec<u8>, String> {
    for (name, tensor) in tensors {
        if HostTensor::elements(&tensor.shape) != Some(tensor.data.len()) {
            return Err(format!(
                "tensor `{name}` of shape {:?} has {} values",
                tensor.shape,
                tensor.data.len()
            ));
        }
    }
    safetensors::serialize(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)), None)
        .map_err(|error| error.to_string())
}

/// The tensors of a safetensors file, all of them `f32`.
///
/// # Errors
/// A sentence, when the bytes are no safetensors file or hold another type of value.
pub fn decode(bytes: &[u8]) -> Result<BTreeMap<String, HostTensor>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("tensor `{name}` is {:?}, not F32", view.dtype()));
        }
        let (words, _) = view.data().as_chunks::<4>();
        let data = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        tensors.insert(name.to_string(), HostTensor { shape: view.shape().to_vec(), data });
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_come_back_bit_for_bit() {
        let special =
            [0.0, -0.0, f32::NAN, f32::from_bits(0x7fc0_1234), f32::INFINITY, f32::MIN_POSITIVE, 1e-45];
        let tensors = BTreeMap::from([
            ("encoder.conv.weight".to_string(), HostTensor { shape: vec![7, 1], data: special.to_vec() }),
            ("scalar".to_string(), HostTensor { shape: vec![], data: vec![2.5] }),
            ("none".to_string(), HostTensor { shape: vec![0, 3], data: vec![] }),
        ]);
        let bytes = encode(&tensors).unwrap();
        assert_eq!(decode(&bytes).unwrap(), tensors);
        assert_eq!(encode(&tensors).unwrap(), bytes);
    }

    #[test]
    fn a_wrong_number_of_values_is_refused() {
        for (shape, len) in [(vec![2, 3], 5), (vec![usize::MAX, 3], 3), (vec![], 0)] {
            let tensors = BTreeMap::from([("w".to_string(), HostTensor { shape, data: vec![0.0; len] })]);
            assert!(encode(&tensors).unwrap_err().contains("`w`"));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0u64..200) {
            let _ = decode(&bytes);
            // Past the check of the header's length.
            if bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&length.to_le_bytes());
                let _ = decode(&bytes);
            }
        }

        #[test]
        fn no_changed_file_panics(at in 0usize..200, value in any::<u8>(), cut in 0usize..200) {
            let tensors = BTreeMap::from([
                ("a".to_string(), HostTensor { shape: vec![2, 3], data: vec![1.0; 6] }),
                ("b".to_string(), HostTensor { shape: vec![4], data: vec![2.0; 4] }),
            ]);
            let mut bytes = encode(&tensors).unwrap();
            let _ = decode(&bytes[..cut.min(bytes.len())]);
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(tensors) = decode(&bytes) {
                for tensor in tensors.values() {
                    prop_assert_eq!(HostTensor::elements(&tensor.shape), Some(tensor.data.len()));
                }
            }
        }
    }
}
