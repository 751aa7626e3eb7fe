//! `phgc report curves`: loss and mean IoU against the step.

use phg_runtime::figures::curves::{Curves as Figure, Panel};
use phg_runtime::metrics::csv;
use phg_runtime::run::history::{self, History};
use serde_json::json;

use crate::args::{Curves, Format};
use crate::score::{distinct, name_of};
use crate::{Outcome, failure, output};

/// A loss is drawn as means over so many pieces of a run: single steps hide one another.
const PIECES: usize = 120;

/// Draws what the runs logged.
pub(crate) fn run(args: &Curves) -> Outcome {
    let names = distinct(args.runs.iter().map(|run| name_of(run)).collect());
    let mut histories = Vec::new();
    for run in &args.runs {
        histories.push(history::read(run)?);
    }
    let panel = |title: &str, y: &str, points: &dyn Fn(&History) -> Vec<(u64, f64)>| Panel {
        title: title.into(),
        x: "step".into(),
        y: y.into(),
        lines: histories
            .iter()
            .map(|history| points(history).into_iter().map(|(step, value)| (step as f64, value)).collect())
            .collect(),
        from_zero: false,
    };
    let figure = Figure {
        names: names.clone(),
        panels: vec![
            panel("Training loss", "loss, mean over neighbouring steps", &|h| {
                history::smooth(&h.loss, PIECES)
            }),
            panel("Validation", "mean IoU, percent", &|h| h.miou.clone()),
        ],
    };
    let mut table = csv::line(&["run", "kind", "step", "value"]);
    for (name, history) in names.iter().zip(&histories) {
        for (kind, points) in [("loss", &history.loss), ("miou", &history.miou)] {
            for (step, value) in points {
                table += &csv::line(&[name.as_str(), kind, &step.to_string(), &value.to_string()]);
            }
        }
    }
    let runs: Vec<_> = names
        .iter()
        .zip(&histories)
        .map(|(name, history)| json!({ "name": name, "loss": history.loss, "miou": history.miou }))
        .collect();
    let mut json = json!({ "ok": true, "runs": runs });
    let files = super::save(&args.output, "curves", &figure, &table, &json)?;
    match args.format {
        Format::Json => {
            json["files"] = json!(files);
            failure::print_json(&json);
        }
        Format::Text => {
            for (name, history) in names.iter().zip(&histories) {
                let last = |points: &[(u64, f64)]| {
                    points.last().map_or_else(|| "-".into(), |(step, value)| format!("{value:.4} at {step}"))
                };
                let (loss, miou) = (last(&history.loss), last(&history.miou));
                output::out(format_args!("{name}: loss {loss}, mIoU {miou}\n"));
            }
            for file in files {
                output::out(format_args!("{}\n", file.display()));
            }
        }
    }
    Ok(())
}
