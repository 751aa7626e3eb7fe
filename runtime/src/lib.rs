//! Trains, evaluates and predicts with compiled `.phg` networks on Burn.
//!
//! `data`, `metrics` and `run` know nothing of Burn; `device` alone chooses a backend; `exec` walks a plan.

pub mod bank;
pub mod bench;
pub mod codes;
pub mod data;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod exec;
pub mod figures;
pub mod forward;
pub mod host;
pub mod instr;
pub mod latents;
pub mod metrics;
pub mod model;
mod native;
pub mod optim;
pub mod output;
pub mod parity;
pub mod precision;
pub mod random;
pub mod run;
pub mod tensor;
pub mod train;
pub mod views;
pub mod weights;

pub use device::DeviceName;
pub use error::{Error, Result};
pub use model::Model;
pub use precision::Precision;
pub use run::Which;
