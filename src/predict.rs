//! `phgc predict`: label map, colour picture and overlay of every image.

mod submission;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use phg_runtime::Model;
use phg_runtime::data::{LabelMap, decode};
use phg_runtime::error::{Error, Kind};
use phg_runtime::figures::maps;
use serde_json::json;

use crate::args::{Format, Predict};
use crate::failure::{self, Failure};
use crate::{Outcome, output, score, signals};
use submission::Submission;

/// Endings of files that are taken for images in folders.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// Segments every image; one that cannot be read does not keep the others from being segmented.
pub(crate) fn run(args: &Predict) -> Outcome {
    let device = score::start(&args.inference)?;
    let model = score::load_with(&args.run, &args.loading, &args.table, &args.inference, device)?;
    let mut images = Vec::new();
    for path in &args.paths {
        collect(path, &mut images)?;
    }
    if images.is_empty() {
        return Err(Error::new("phg::data::empty", Kind::Data, "there are no images")
            .help("name PNG or JPEG files, or folders that hold some")
            .into());
    }
    phg_runtime::output::folder(&args.output)?;
    let mut submission = match &args.cityscapes_zip {
        Some(path) => Some(Submission::begin(path, &model.table, &images)?),
        None => None,
    };
    let interrupted = signals::watch()?;
    let bar = indicatif::ProgressBar::new(images.len() as u64);
    let mut failed: Vec<Error> = Vec::new();
    let mut written = Vec::new();
    for (path, name) in images.iter().zip(names(&images)) {
        if interrupted.load(Ordering::Relaxed) {
            bar.finish_and_clear();
            if let Some(submission) = submission {
                submission.discard();
            }
            return Err(Failure::Interrupted);
        }
        let done = one(&model, path, &args.output.join(&name)).and_then(|labels| match &mut submission {
            Some(submission) => submission.add(path, &labels),
            None => Ok(()),
        });
        match done {
            Ok(()) => written.push(json!({ "image": path, "name": name })),
            Err(error) => failed.push(error),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    // An archive that lacks images would be refused by the server, or scored as wrong.
    let archive = match submission {
        Some(submission) if failed.is_empty() => Some(submission.finish()?),
        Some(submission) => {
            submission.discard();
            None
        }
        None => None,
    };
    match args.format {
        Format::Json => failure::print_json(&json!({
            "ok": failed.is_empty(),
            "output": args.output,
            "images": written,
            "cityscapes_zip": archive,
            "failed": failed.iter().map(|e| json!({ "code": e.code, "message": e.message, "place": e.place })).collect::<Vec<_>>(),
        })),
        Format::Text => {
            output::out(format_args!(
                "{} images segmented; {}/NAME.labels.png (class ids), NAME.colour.png, NAME.overlay.png\n",
                written.len(),
                args.output.display()
            ));
            if let Some(archive) = archive {
                output::out(format_args!("archive for the evaluation server: {}\n", archive.display()));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Several(failed)) }
}

/// What the three files of each image are called: its name without the ending, and a number where an earlier image
/// has that name.
fn names(images: &[PathBuf]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |path: &PathBuf| {
        let stem =
            path.file_stem().map_or_else(|| "image".into(), |stem| stem.to_string_lossy().into_owned());
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let mut free = std::iter::once(stem.clone()).chain(numbered).filter(|name| !taken.contains(name));
        let name = free.next().unwrap_or_default();
        taken.insert(name.clone());
        name
    };
    images.iter().map(name).collect()
}

/// Segments one image; `output` is what its three files' names begin with.
fn one(model: &Model, path: &Path, output: &Path) -> Result<LabelMap, Error> {
    let image = decode::read(path)?;
    let labels = model.predict(&image)?;
    let file = |what: &str| PathBuf::from(format!("{}.{what}.png", output.display()));
    maps::write_ids(&file("labels"), &labels)?;
    maps::write(&file("colour"), &maps::colour(&labels, &model.table))?;
    maps::write(&file("overlay"), &maps::overlay(&image, &labels, &model.table, 0.5))?;
    Ok(labels)
}

fn collect(path: &Path, images: &mut Vec<PathBuf>) -> Outcome {
    if !path.is_dir() {
        images.push(path.to_path_buf());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| {
        Error::new("phg::data::unreadable", Kind::Data, format!("the folder cannot be read: {error}"))
            .at(path.display())
    })?;
    let is_image = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    };
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).partition(|path| path.is_dir());
    for folder in folders {
        output::err(format_args!(
            "note: `{}` is a folder in a folder: name it to segment what it holds\n",
            folder.display()
        ));
    }
    let mut inner: Vec<PathBuf> = files.into_iter().filter(is_image).collect();
    inner.sort();
    images.extend(inner);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_one_name_do_not_overwrite_each_other() {
        let images = ["a/odd.png", "b/odd.png", "odd-2.jpg", "odd.jpg", "even.png"].map(PathBuf::from);
        assert_eq!(names(&images), ["odd", "odd-2", "odd-2-2", "odd-3", "even"]);
    }
}
