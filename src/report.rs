//! `phgc report`: tables and figures of runs.

mod curves;
mod latent;
mod table;
mod trimap;

use std::path::{Path, PathBuf};

use phg_runtime::figures::{self, canvas::Drawing};
use serde_json::Value;

use crate::Outcome;
use crate::args::Report;
use crate::failure::Failure;

/// Runs a subcommand.
pub(crate) fn run(args: &Report) -> Outcome {
    match args {
        Report::Table(args) => table::run(args),
        Report::Trimap(args) => trimap::run(args),
        Report::Curves(args) => curves::run(args),
        Report::Latent(args) => latent::run(args),
    }
}

/// Writes a figure as SVG and PNG, and the same figures as CSV and JSON; returns the files.
fn save(
    folder: &Path,
    name: &str,
    drawing: &impl Drawing,
    csv: &str,
    json: &Value,
) -> Result<Vec<PathBuf>, Failure> {
    let mut files = figures::save(folder, name, drawing)?.to_vec();
    files.push(figures::write(folder, &format!("{name}.csv"), csv.as_bytes())?);
    files.push(figures::write(folder, &format!("{name}.json"), format!("{json:#}\n").as_bytes())?);
    Ok(files)
}
