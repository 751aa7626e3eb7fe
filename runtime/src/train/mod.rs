//! Training: the loop, one step of it, the learning rate, and when to stop.

pub mod early;
pub mod fit;
pub mod memory;
pub mod prepare;
pub mod schedule;
pub mod step;
