//! `phgc report trimap`: the error near boundaries, run by run.

use std::fmt::Write;

use phg_runtime::figures::curves::{Curves, Panel};
use phg_runtime::metrics::csv;
use phg_runtime::metrics::trimap::{Point, Trimap as Bands};
use serde_json::json;

use crate::args::{Format, Trimap};
use crate::score::{Scorer, distinct, name_of};
use crate::{Outcome, failure, output};

/// The curve of one run.
struct Curve {
    name: String,
    /// On what it was measured.
    source: String,
    points: Vec<Point>,
}

/// Measures every run and draws the curves into one diagram.
pub(crate) fn run(args: &Trimap) -> Outcome {
    let scorer = Scorer::start(&args.scoring)?;
    let mut curves = Vec::new();
    let names = distinct(args.runs.iter().map(|run| name_of(run)).collect());
    for (run, name) in args.runs.iter().zip(names) {
        let subject = scorer.open(run)?;
        let mut bands = Bands::new(&subject.model.table, &args.widths, args.void_edges)?;
        let mut sizes: Vec<[usize; 2]> = Vec::new();
        scorer.each(&subject, &mut |seen| {
            if !sizes.contains(&seen.size) {
                sizes.push(seen.size);
            }
            bands.add(seen.truth, seen.prediction, seen.size)
        })?;
        let size = match sizes.as_slice() {
            [[height, width]] => format!("{height}x{width}"),
            _ => "various sizes".into(),
        };
        let images = scorer.images(subject.dataset.as_ref());
        let (data, split) = (subject.dataset.name(), scorer.split().name());
        let source = format!("{data} {split}, {images} images at {size} ({})", scorer.at().name());
        curves.push(Curve { name, source, points: bands.points() });
    }
    let mut sources: Vec<&str> = curves.iter().map(|curve| curve.source.as_str()).collect();
    sources.dedup();
    if sources.len() > 1 {
        output::err(format_args!(
            "note: the runs were measured on different images or sizes, in which widths mean different things: {}\n",
            sources.join("; ")
        ));
    }
    let mut json = json!({
        "ok": true,
        "void_edges": args.void_edges,
        "runs": curves
            .iter()
            .map(|curve| json!({ "name": curve.name, "source": curve.source, "points": curve.points }))
            .collect::<Vec<_>>(),
    });
    if let Some(folder) = &args.output {
        let figure = figure(&curves, &sources.join("; "));
        json["files"] = json!(super::save(folder, "trimap", &figure, &table(&curves), &json)?);
    }
    match args.format {
        Format::Json => failure::print_json(&json),
        Format::Text => output::out(text(&curves)),
    }
    Ok(())
}

fn figure(curves: &[Curve], source: &str) -> Curves {
    let points = |curve: &Curve| {
        let point = |point: &Point| Some((f64::from(point.width), point.error?));
        curve.points.iter().filter_map(point).collect()
    };
    let panel = Panel {
        title: format!("Error near boundaries: {source}"),
        x: "trimap width, pixels".into(),
        y: "wrong pixels in the band, percent".into(),
        lines: curves.iter().map(points).collect(),
        from_zero: false,
    };
    Curves { names: curves.iter().map(|curve| curve.name.clone()).collect(), panels: vec![panel] }
}

fn table(curves: &[Curve]) -> String {
    let mut text = csv::line(&["run", "width", "error", "wrong", "pixels", "share"]);
    for curve in curves {
        for point in &curve.points {
            text += &csv::line(&[
                curve.name.clone(),
                point.width.to_string(),
                csv::number(point.error),
                point.wrong.to_string(),
                point.pixels.to_string(),
                csv::number(point.share),
            ]);
        }
    }
    text
}

/// A line for each width: the band's share of the pixels, and the error of each run.
fn text(curves: &[Curve]) -> String {
    let cell = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.2}"));
    let widths: Vec<usize> = curves.iter().map(|curve| curve.name.chars().count().max(6)).collect();
    let mut text = "width  pixels %".to_owned();
    for (curve, width) in curves.iter().zip(&widths) {
        let _ = write!(text, "  {:>width$}", curve.name);
    }
    text.push('\n');
    let first = curves.first().map(|curve| curve.points.as_slice()).unwrap_or_default();
    for (at, point) in first.iter().enumerate() {
        let _ = write!(text, "{:>5}  {:>8}", point.width, cell(point.share));
        for (curve, width) in curves.iter().zip(&widths) {
            let error = curve.points.get(at).and_then(|point| point.error);
            let _ = write!(text, "  {:>width$}", cell(error));
        }
        text.push('\n');
    }
    text += "percent of the labelled pixels nearer than `width` to a boundary that are wrong\n";
    for curve in curves {
        let _ = writeln!(text, "{}: {}", curve.name, curve.source);
    }
    text
}
