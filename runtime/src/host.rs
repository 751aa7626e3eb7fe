//! Tensors in host memory, by name: what checkpoints hold and what a [`crate::bank::Bank`] is made from.

use std::collections::BTreeMap;

pub use crate::run::tensors::{HostTensor, decode, encode};

/// Host tensors by parameter path.
pub type HostTensors = BTreeMap<String, HostTensor>;
