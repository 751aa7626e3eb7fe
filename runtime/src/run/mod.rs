//! Run folders: everything that a training leaves behind, in one place that is never overwritten.
//!
//! Comes in: a spec, its resolved parameters, and what the training measures. Goes out: a folder that says what
//! was run, on what, how it went, and from which it can go on:
//!
//! ```text
//! runs/unet-small-1f0c93ab-1/
//!   manifest.json                command, spec, parameters, seed, versions, device, data
//!   spec.phg  table.toml         as they were at the start
//!   metrics.jsonl                a line for each logged step and each evaluation
//!   events.out.tfevents.*        the same for TensorBoard, one file for each start of a process
//!   checkpoints/last, best       the names of two of these:
//!   checkpoints/step-<n>/        one checkpoint: all of it, or it is not there
//!   report.json  report.md       at the end
//! ```
//!
//! Guaranteed: one process at a time writes; killed at any moment, the folder can be resumed from its last
//! complete checkpoint; nothing outside the folder is touched.

pub mod checkpoint;
pub mod disk;
pub mod events;
pub mod folder;
pub mod history;
pub mod log;
pub mod manifest;
pub mod report;
pub mod room;
pub mod state;
pub mod tensors;
pub mod time;

pub use checkpoint::{Checkpoints, Loaded, Saved, Which};
pub use folder::{RunFolder, Target};
pub use manifest::{DataSource, InitSource, Manifest, Process, SpecSource, Versions};
pub use report::{Outcome, Report};
pub use state::{Contents, OptimizerState, State};
pub use tensors::HostTensor;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod kill;
