//! The `.phg` language: text becomes a graph, the graph is proved, the plan is dumb.

pub mod ast;
pub mod bundle;
pub mod check;
pub mod compile;
pub mod diag;
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a value or expression of any other kind is one case: the wrong one"
)]
pub mod elaborate;
pub mod fmt;
pub mod ir;
#[allow(clippy::wildcard_enum_match_arm, reason = "a fact of any other kind is one case: the wrong one")]
pub mod ops;
pub mod parse;
pub mod passes;
pub mod plan;
pub mod resolve;
pub mod settings;
pub mod source;

pub use compile::{Compilation, Network, Request, compile};
pub use plan::{Mode, Plan};
