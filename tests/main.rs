//! End-to-end tests of the real binary.

mod ablate;
mod cli;
mod data;
mod export;
mod latents;
mod learning;
mod memory;
mod numerics;
mod phgmm;
mod reports;
mod training;
mod weights;
mod zoo;
