//! Weights from elsewhere: files of PyTorch and safetensors, and what says which tensor is which parameter.
//!
//! Comes in: a file or a run, a network's parameters, and a map where names differ. Goes out: values by the network's
//! own names, and a table of what was found, what lacks and what is left over. Guaranteed: no code of a file is run;
//! nothing is left out that nobody allowed; values are finite 32-bit floats of the parameters' shapes.

mod coverage;
mod element;
mod map;
mod names;
mod network;
mod pattern;
mod problems;
mod pytorch;
mod search;
mod source;
mod values;

#[cfg(test)]
mod tests;

pub use coverage::{Coverage, Filling, LeftOut, Match, Missing, OtherShape, Unexpected, Wanted};
pub use element::Element;
pub use map::{Map, Turn};
pub use network::{initial, needed, wanted, write};
pub use source::{Source, Stored};
pub use values::values;
