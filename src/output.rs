//! Writing to standard output and error where the reader may have gone away.
//!
//! `println!` panics over a closed pipe. A training must not end because of one, and a failure must still have
//! its exit status, so these two write what they can.

use std::io::Write;

/// Writes to standard output.
pub(crate) fn out(text: impl std::fmt::Display) {
    drop(write!(std::io::stdout(), "{text}"));
}

/// Writes to standard error.
pub(crate) fn err(text: impl std::fmt::Display) {
    drop(write!(std::io::stderr(), "{text}"));
}
