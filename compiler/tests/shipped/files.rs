//! The repository's files, for tests.

use std::path::{Path, PathBuf};

use phg_compiler::source::Provider;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Reads imported files from the repository.
pub(crate) struct Files;

impl Provider for Files {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let name = phg_compiler::bundle::join(from, path);
        let text = std::fs::read_to_string(root().join(&name)).map_err(|error| error.to_string())?;
        Ok((name, text))
    }
}
