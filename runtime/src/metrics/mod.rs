//! How good predictions are: one integer confusion matrix over a whole split, and what follows from it.
//!
//! Comes in: label maps and predictions as class ids. Goes out: [`Scores`] in percent, as JSON or as a
//! table for a terminal. Guaranteed: nothing is averaged over batches or images, so scores depend neither
//! on batch size nor on order.

pub mod confusion;
pub mod report;

pub use confusion::Confusion;
pub use report::{At, Evaluation, PerClass, Scores};
