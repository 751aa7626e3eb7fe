//! The intermediate representation: what a spec means.
//!
//! A [`graph::Graph`] of operations, a [`fact::Fact`] for every value, sizes as [`dim::Dim`]s, and the
//! [`constraint::Constraint`]s that binding those sizes must meet, which [`solve`] solves.

pub mod constraint;
pub mod dim;
pub mod fact;
pub mod graph;
pub mod print;
pub mod rewrite;
pub mod solve;
pub mod view;
