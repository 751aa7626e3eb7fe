//! End-to-end tests of the real binary.

mod cli;
mod numerics;
mod training;
