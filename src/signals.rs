//! Signals: the first one asks for an orderly end, the second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use phg_runtime::error::{Error, Kind};
use signal_hook::consts::{SIGINT, SIGPIPE, SIGTERM};

use crate::failure::Failure;

/// A flag that SIGINT and SIGTERM set; once it is set, the next one exits with status 130.
pub(crate) fn watch() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registered in this order, the shutdown sees the flag as the signals before left it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .map_err(|error| {
                Error::new(
                    "phg::run::interrupted",
                    Kind::Usage,
                    format!("signals cannot be watched: {error}"),
                )
            })?;
    }
    Ok(flag)
}

/// Lets a closed pipe (`phgc ... | head`) end the program quietly, as it ends others. A training goes on: its
/// output is worth less than its work.
pub(crate) fn watch_pipes(training: bool) {
    // Without the handler a write to a closed pipe is an error that `println!` panics over.
    let ends = Arc::new(AtomicBool::new(!training));
    let _ = signal_hook::flag::register_conditional_default(SIGPIPE, ends);
}
