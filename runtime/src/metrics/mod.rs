//! How good predictions are: counts over a whole split, and what follows from them.
//!
//! Comes in: label maps and predictions as class ids. Goes out: [`Scores`] in percent, as JSON or as a table for a
//! terminal; the error near boundaries ([`trimap`]); where two networks are right ([`agreement`]); several runs in one
//! table ([`score_table`]). Guaranteed: nothing is averaged over batches or images, so no figure depends on batch size
//! or order.

pub mod agreement;
pub mod confusion;
pub mod csv;
pub mod distance;
pub mod published;
pub mod report;
pub mod score_table;
pub mod trimap;

pub use confusion::Confusion;
pub use report::{At, Evaluation, PerClass, Scores};
