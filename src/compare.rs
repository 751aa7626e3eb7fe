//! `phgc compare`: where one run is right and others are wrong.

use std::fmt::Write;

use phg_runtime::data::{Image, resize};
use phg_runtime::error::Error;
use phg_runtime::evaluate::SeenByAll;
use phg_runtime::figures::shares::{SharesFigure, legend};
use phg_runtime::figures::{self, maps, panels};
use phg_runtime::metrics::agreement::{Agreement, Shares};
use phg_runtime::metrics::csv;
use phg_runtime::{Model, data::table::ClassTable};
use serde_json::json;

use crate::args::{Compare, Format};
use crate::score::{Scorer, distinct, name_of};
use crate::{Outcome, failure, output};

/// Compares the first run with each of the others.
pub(crate) fn run(args: &Compare) -> Outcome {
    let scorer = Scorer::start(&args.scoring)?;
    let names = distinct(args.runs.iter().map(|run| name_of(run)).collect());
    let mut models: Vec<Model> = Vec::new();
    let mut dataset = None;
    for run in &args.runs {
        let subject = scorer.open(run)?;
        models.push(subject.model);
        // All are shown what the first one is shown.
        dataset.get_or_insert(subject.dataset);
    }
    let (Some(dataset), Some((this, others))) = (dataset, names.split_first()) else { return Ok(()) };
    let table = dataset.table().clone();
    let images = scorer.images(dataset.as_ref());
    let drawn = spread(images, args.pictures);
    let folder = args.output.join("pictures");
    let mut agreements = vec![Agreement::new(&table); others.len()];
    let mut pictures = Vec::new();
    scorer.together(&models, &dataset, &mut |seen| {
        let Some((first, rest)) = seen.predictions.split_first() else { return Ok(()) };
        let mut verdicts = Vec::new();
        for (agreement, other) in agreements.iter_mut().zip(rest) {
            verdicts.push(agreement.add(&seen.truth.data, &first.data, &other.data)?);
        }
        if drawn.contains(&seen.index) {
            let id = dataset.id(scorer.split(), seen.index);
            let compared = verdicts.iter().map(|verdicts| panels::verdicts(verdicts, seen.truth.width));
            let picture = picture(&seen, &table, &names, compared)?;
            // Names of images may have folders in them.
            let name = format!("{}.png", id.replace(['/', '\\'], "_"));
            std::fs::create_dir_all(&folder).map_err(|error| cannot(&folder, &error))?;
            maps::write(&folder.join(&name), &picture)?;
            pictures.push(folder.join(name));
        }
        Ok(())
    })?;
    let shares: Vec<Vec<Shares>> = agreements.iter().map(|agreement| agreement.shares(&table)).collect();
    let mut files = Vec::new();
    for (number, (other, shares)) in others.iter().zip(&shares).enumerate() {
        let figure = SharesFigure { this: this.clone(), other: other.clone(), shares: shares.clone() };
        files.extend(figures::save(&args.output, &format!("compare-{}", number + 1), &figure)?);
    }
    let pairs: Vec<_> = others
        .iter()
        .zip(&shares)
        .map(|(other, shares)| json!({ "other": other, "shares": shares }))
        .collect();
    let mut json = json!({
        "ok": true, "this": this, "data": dataset.name(), "split": scorer.split(), "images": images, "pairs": pairs,
    });
    files.push(figures::write(&args.output, "compare.csv", lines(this, others, &shares).as_bytes())?);
    files.push(figures::write(&args.output, "compare.json", format!("{json:#}\n").as_bytes())?);
    json["files"] = json!(files);
    json["pictures"] = json!(pictures);
    match args.format {
        Format::Json => failure::print_json(&json),
        Format::Text => {
            let (data, split) = (dataset.name(), scorer.split().name());
            output::out(format_args!("{data} {split}, {images} images\n"));
            output::out(text(this, others, &shares));
            output::out(format_args!("pictures: {}\n", folder.display()));
        }
    }
    Ok(())
}

/// `number` places spread over `0..images`.
fn spread(images: usize, number: usize) -> Vec<usize> {
    let number = number.min(images);
    (0..number).map(|at| (2 * at + 1) * images / (2 * number)).collect()
}

/// Image, truth, what each run says, and how the first compares with the others.
fn picture(
    seen: &SeenByAll<'_>,
    table: &ClassTable,
    names: &[String],
    compared: impl Iterator<Item = Image>,
) -> Result<Image, Error> {
    let image = resize::image(seen.image, seen.truth.height, seen.truth.width)?.into_owned();
    let mut pictures =
        vec![("image".to_owned(), image), ("truth".to_owned(), maps::colour(seen.truth, table))];
    for (name, prediction) in names.iter().zip(seen.predictions) {
        pictures.push((name.clone(), maps::colour(prediction, table)));
    }
    let (this, others) = names.split_first().map_or(("", &[][..]), |(this, others)| (this.as_str(), others));
    for (other, verdicts) in others.iter().zip(compared) {
        pictures.push((format!("{this} against {other}"), verdicts));
    }
    let other = if let [other] = others { other.as_str() } else { "the other" };
    panels::panels(&pictures, vec![legend(this, other), panels::classes(table)])
}

fn cannot(folder: &std::path::Path, error: &std::io::Error) -> Error {
    let message = format!("the folder cannot be made: {error}");
    Error::new("phg::run::write", phg_runtime::error::Kind::Data, message).at(folder.display())
}

fn lines(this: &str, others: &[String], shares: &[Vec<Shares>]) -> String {
    let mut text =
        csv::line(&["this", "other", "class", "pixels", "both", "only_this", "only_other", "neither"]);
    for (other, shares) in others.iter().zip(shares) {
        for line in shares {
            let mut cells = vec![this.to_owned(), other.clone(), line.class.clone(), line.pixels.to_string()];
            cells.extend(line.all().map(csv::number));
            text += &csv::line(&cells);
        }
    }
    text
}

fn text(this: &str, others: &[String], shares: &[Vec<Shares>]) -> String {
    let mut text = String::new();
    for (other, shares) in others.iter().zip(shares) {
        let _ = writeln!(text, "\n{this} against {other}, percent of each class's pixels");
        let width = shares.iter().map(|line| line.class.chars().count()).max().unwrap_or(0).max(5);
        let _ = writeln!(
            text,
            "{:width$}  {:>10}  {:>10}  {:>10}  {:>10}  {:>10}",
            "class", "pixels", "both right", "only this", "only other", "both wrong"
        );
        for line in shares {
            let _ = write!(text, "{:width$}  {:>10}", line.class, line.pixels);
            for share in line.all() {
                let _ = match share {
                    Some(share) => write!(text, "  {share:>10.2}"),
                    None => write!(text, "  {:>10}", "-"),
                };
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_spread_over_the_images() {
        assert_eq!(spread(100, 4), [12, 37, 62, 87]);
        assert_eq!(spread(3, 9), [0, 1, 2]);
        assert_eq!(spread(0, 3), [0usize; 0]);
        assert_eq!(spread(5, 0), [0usize; 0]);
    }
}
