//! End-to-end tests of the real binary.

mod ablate;
mod cli;
mod data;
mod memory;
mod numerics;
mod reports;
mod training;
