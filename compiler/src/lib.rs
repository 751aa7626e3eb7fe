//! The `.phg` language: text becomes a graph, the graph is proved, the plan is dumb.

pub mod ast;
pub mod bundle;
pub mod check;
pub mod compile;
pub mod diag;
pub mod elaborate;
pub mod fmt;
pub mod ir;
pub mod ops;
pub mod parse;
pub mod passes;
pub mod plan;
pub mod resolve;
pub mod settings;
pub mod source;

pub use compile::{Compilation, Network, Request, compile};
pub use plan::{Mode, Plan};
