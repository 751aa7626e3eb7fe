//! What can go wrong at run time: every error has a code, a place, and where possible an edit that helps.
//!
//! The compiler's diagnostics point into a spec; these point at files, flags and steps.

use std::fmt;

/// Which exit status an error leads to, and whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A flag or argument is unusable (exit status 2).
    Usage,
    /// A dataset, image, label map or run folder is unusable (exit status 3).
    Data,
    /// Training failed: a loss that is not finite, a checkpoint that cannot be written (exit status 4).
    Training,
    /// A stated limit was met (exit status 5).
    Limit,
}

/// A failure outside the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Stable code, such as `phg::data::label_value`; `phgc explain CODE` prints its page.
    pub code: &'static str,
    /// Whom it concerns.
    pub kind: Kind,
    /// One line, lower case, no full stop.
    pub message: String,
    /// The file, folder, flag or step that the message is about.
    pub place: Option<String>,
    /// An edit or command that the user can make.
    pub help: Option<String>,
}

impl Error {
    /// An error with `code` (as listed in [`crate::codes`]) and a one-line message.
    pub fn new(code: &'static str, kind: Kind, message: impl Into<String>) -> Self {
        Self { code, kind, message: message.into(), place: None, help: None }
    }

    /// Names the file, folder, flag or step concerned.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Adds an edit or command that helps.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}: {place}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
