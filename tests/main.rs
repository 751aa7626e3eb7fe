//! End-to-end tests of the real binary.

mod cli;
mod data;
mod latents;
mod memory;
mod numerics;
mod reports;
mod training;
