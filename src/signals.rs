//! Signals: the first one asks for an orderly end, the second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use phg_runtime::error::{Error, Kind};
use signal_hook::consts::{SIGINT, SIGTERM};

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
