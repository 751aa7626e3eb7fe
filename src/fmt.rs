//! `phgc fmt`: formats specs in place, or says which are not formatted.

use std::path::{Path, PathBuf};

use phg_compiler::source::SourceMap;
use phg_runtime::error::{Error, Kind};
use serde_json::json;

use crate::args::{Fmt, Format};
use crate::failure::{self, Failure};
use crate::{Outcome, spec};

/// Formats every spec named, and every `.phg` file of every folder named.
pub(crate) fn run(args: &Fmt) -> Outcome {
    let mut files = Vec::new();
    for path in &args.paths {
        collect(path, &mut files)?;
    }
    let mut changed = Vec::new();
    for file in &files {
        let text = spec::read(file)?;
        let formatted = phg_compiler::fmt::format(&text).map_err(|diags| {
            let mut sources = SourceMap::default();
            sources.add(file.display().to_string(), text.clone());
            Failure::Spec { sources, diags }
        })?;
        if formatted == text {
            continue;
        }
        if !args.check {
            std::fs::write(file, &formatted).map_err(|error| failed(file, &error))?;
        }
        if args.format == Format::Text && args.check {
            println!("{} is not formatted", file.display());
        } else if args.format == Format::Text {
            println!("formatted {}", file.display());
        }
        changed.push(file.display().to_string());
    }
    let ok = !args.check || changed.is_empty();
    if args.format == Format::Json {
        let list = if args.check { "unformatted" } else { "formatted" };
        failure::print_json(&json!({ "ok": ok, "files": files.len(), list: changed }));
    }
    if ok { Ok(()) } else { Err(Failure::No) }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| failed(path, &error))?;
    let mut inner: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    inner.sort();
    for path in inner {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "phg") {
            files.push(path);
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Error::new("phg::import::missing", Kind::Usage, format!("the file cannot be used: {error}"))
        .at(path.display())
        .into()
}
