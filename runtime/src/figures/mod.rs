//! Pictures: what a network saw and what it said of it, and figures of scores.
//!
//! A figure is drawn once and becomes SVG and PNG ([`canvas`]); [`save`] writes both. Curves, means, tables and bars are
//! drawings; [`panels`] and [`maps`] are pictures of pixels and become PNG alone.

mod axes;
pub mod bars;
pub mod canvas;
pub mod curves;
pub mod latents;
pub mod legend;
pub mod maps;
pub mod means;
pub mod palette;
pub mod panels;
pub mod scatter;
pub mod shares;
pub mod table;

use std::path::{Path, PathBuf};

use crate::codes;
use crate::error::{Error, Kind, Result};

/// Writes `name.svg` and `name.png` into `folder`, which is made if need be; returns their paths.
///
/// # Errors
/// `phg::figure::draw`, `phg::run::write`.
pub fn save(folder: &Path, name: &str, drawing: &impl canvas::Drawing) -> Result<[PathBuf; 2]> {
    let figure = canvas::render(drawing)?;
    let svg = write(folder, &format!("{name}.svg"), figure.svg.as_bytes())?;
    let png = folder.join(format!("{name}.png"));
    maps::write(&png, &figure.png)?;
    Ok([svg, png])
}

/// Writes a file into `folder`, which is made if need be; returns its path.
///
/// # Errors
/// `phg::run::write`.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes)).map_err(|error| {
        Error::new(codes::RUN_WRITE, Kind::Data, format!("the file cannot be written: {error}"))
            .at(path.display())
            .help("name a folder that you may write to with `-o`")
    })?;
    Ok(path)
}
