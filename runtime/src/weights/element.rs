//! The types of numbers that files hold, and 32-bit floats from them.
//!
//! Comes in: little-endian bytes. Goes out: 32-bit floats. Guaranteed: halves and bfloat16 are exact; doubles are rounded
//! to the nearest, which makes those that are too large infinite.

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// 64-bit floats.
    F64,
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE 754).
    F16,
    /// Bfloat16.
    Bf16,
    /// Something that is no float, by its name.
    Other(&'static str),
}

impl Element {
    /// Such as `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Other(name) => name,
        }
    }

    /// Whether it is one of the floats that are read.
    pub fn is_float(self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// The numbers in `bytes`; `None` for what is no float.
    pub(super) fn floats(self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match self {
            Self::F64 => bytes.as_chunks().0.iter().map(|word| f64::from_le_bytes(*word) as f32).collect(),
            Self::F32 => bytes.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect(),
            Self::F16 => half(bytes, |bits| half::f16::from_bits(bits).to_f32()),
            Self::Bf16 => half(bytes, |bits| half::bf16::from_bits(bits).to_f32()),
            Self::Other(_) => return None,
        })
    }
}

fn half(bytes: &[u8], float: impl Fn(u16) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|word| float(u16::from_le_bytes(*word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits by Python's `struct.pack("<e", x)` and `torch.tensor(x, dtype=torch.bfloat16)`.
    #[test]
    fn every_float_is_read() {
        assert_eq!(
            Element::F16.floats(&[0x00, 0x3e, 0x01, 0x00, 0x00, 0xfc]),
            Some(vec![1.5, 5.9604645e-8, f32::NEG_INFINITY])
        );
        assert_eq!(Element::Bf16.floats(&[0xc0, 0x3f, 0x49, 0xc0]), Some(vec![1.5, -3.140625]));
        assert_eq!(Element::F64.floats(&(-0.1f64).to_le_bytes()), Some(vec![-0.1]));
        assert_eq!(Element::F64.floats(&1e300f64.to_le_bytes()), Some(vec![f32::INFINITY]));
        assert_eq!(Element::F32.floats(&1e-45f32.to_le_bytes()), Some(vec![1e-45]));
        assert_eq!(Element::Other("i64").floats(&[0; 8]), None);
    }
}
