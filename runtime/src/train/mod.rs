//! Training: the loop, one step of it, the learning rate, and when to stop.

pub mod early;
pub mod fit;
mod latents;
pub mod memory;
pub mod prepare;
pub mod schedule;
pub mod step;
pub mod watch;
