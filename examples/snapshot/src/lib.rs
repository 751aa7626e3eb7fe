//! A crate of your own with a network in it. `tests/network.rs` keeps watch over its graph in three lines.

/// The network's text.
pub const NETWORK: &str = include_str!("../network.phg");
