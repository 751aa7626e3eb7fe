//! Pictures: what a network saw and what it said of it.

pub mod maps;
