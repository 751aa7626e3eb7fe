//! `phgc bench --figure`: what a training step and a forward pass spend their time on.
//!
//! Comes in: a spec, and possibly a dataset. Goes out: the time of a step and of a sample, training and inference, and
//! the share of each section, of the data and of the optimiser, as table and figure. Guaranteed: the parts of a step add
//! up to the step; what is in no part is called `other`.

use std::fmt::Write;
use std::path::Path;

use phg_compiler::Mode;
use phg_runtime::bench::Measured;
use phg_runtime::device::DeviceName;
use phg_runtime::figures::bars::{Bar, Bars, Group};
use phg_runtime::figures::{self, palette};
use phg_runtime::metrics::csv;
use serde_json::{Value, json};

use super::{Timed, headline, machine, time};
use crate::args::{Bench, Format, ModeName};
use crate::spec::Compiled;
use crate::{Outcome, failure, output};

/// Parts that are no section of the spec, in the order in which they are shown after the sections.
const LAST: [&str; 4] = ["backward", "optimizer", "data", OTHER];
const OTHER: &str = "other";

/// The steps of one mode.
struct Timing {
    name: &'static str,
    measured: Measured,
    batch: usize,
    /// Images of a pass over the dataset, if there is one.
    images: Option<usize>,
    parts: Vec<Part>,
}

/// A part of a step.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    name: String,
    /// Median milliseconds of a step.
    ms: f64,
    /// Percent of the parts' sum.
    share: f64,
}

/// Times both modes, writes and prints what they spend their time on.
pub(super) fn run(args: &Bench, folder: &Path, compiled: &Compiled, device: DeviceName) -> Outcome {
    phg_runtime::output::folder(folder)?;
    // The smaller one first: the memory of a process is the most that it ever held.
    let infer = time(args, ModeName::Infer, compiled, device)?;
    let train = time(args, ModeName::Train, compiled, device)?;
    let head = headline(args, &train.sizes, device);
    let cost = phg_compiler::plan::cost::cost(&compiled.network.plan(Mode::Train), &train.sizes);
    let order: Vec<&str> = cost.sections.iter().map(|(name, _)| name.as_str()).collect();
    let mode = |name, Timed { measured, sizes, images }| {
        let parts = parts(&measured, &order);
        Timing { name, measured, batch: sizes.n, images, parts }
    };
    let modes = [mode("training", train), mode("inference", infer)];
    let mut json = json!({ "ok": true, "spec": args.spec, "data": args.data.data });
    machine(&mut json, args, device);
    for mode in &modes {
        json[mode.name] = view(mode);
    }
    let mut files = figures::save(folder, "bench", &drawing(&head, &modes))?.to_vec();
    files.push(figures::write(folder, "bench.csv", table(&modes).as_bytes())?);
    files.push(figures::write(folder, "bench.json", format!("{json:#}\n").as_bytes())?);
    match args.format {
        Format::Json => {
            json["files"] = json!(files);
            failure::print_json(&json);
        }
        Format::Text => output::out(format_args!("{head}\n{}", text(&modes))),
    }
    Ok(())
}

/// The parts of a step, sections in the spec's order first.
fn parts(measured: &Measured, order: &[&str]) -> Vec<Part> {
    let known: f64 = measured.sections.values().sum();
    // On a GPU parts are timed in steps of their own, which wait after each operation and so take longer.
    let whole = known.max(measured.median_ms);
    let mut parts: Vec<(String, f64)> =
        measured.sections.iter().map(|(name, time)| (called(name).to_owned(), *time)).collect();
    parts.push((OTHER.into(), whole - known));
    let place = |name: &str| match LAST.iter().position(|last| *last == name) {
        Some(at) => order.len() + 1 + at,
        None => order.iter().position(|section| called(section) == name).unwrap_or(order.len()),
    };
    parts.sort_by_key(|(name, _)| place(name));
    let part =
        |(name, ms): (String, f64)| Part { name, ms, share: 100.0 * ms / whole.max(f64::MIN_POSITIVE) };
    parts.into_iter().map(part).collect()
}

/// A section's name; what stands outside of all, such as the outputs, has one too.
fn called(section: &str) -> &str {
    if section.is_empty() { "top level" } else { section }
}

fn per_sample(mode: &Timing, ms: f64) -> f64 {
    ms / mode.batch.max(1) as f64
}

/// Seconds of a pass over the images of the split.
fn epoch(mode: &Timing) -> Option<f64> {
    mode.images.map(|images| images as f64 * per_sample(mode, mode.measured.median_ms) / 1e3)
}

fn view(mode: &Timing) -> Value {
    let mut view = json!(mode.measured);
    view["batch"] = json!(mode.batch);
    view["ms_per_sample"] = json!(per_sample(mode, mode.measured.median_ms));
    view["epoch"] = json!(epoch(mode).map(|seconds| json!({ "images": mode.images, "seconds": seconds })));
    view["parts"] = mode
        .parts
        .iter()
        .map(|part| json!({ "name": part.name, "ms": part.ms, "ms_per_sample": per_sample(mode, part.ms), "percent": part.share }))
        .collect();
    view
}

fn table(modes: &[Timing]) -> String {
    let mut text = csv::line(&["mode", "part", "ms", "ms_per_sample", "percent"]);
    for mode in modes {
        let ms = mode.measured.median_ms;
        let whole = Part { name: "step".into(), ms, share: 100.0 };
        for part in [&whole].into_iter().chain(&mode.parts) {
            let figures = [part.ms, per_sample(mode, part.ms), part.share].map(|value| value.to_string());
            text += &csv::line(&[&[mode.name.to_owned(), part.name.clone()], &figures[..]].concat());
        }
    }
    text
}

fn drawing(head: &str, modes: &[Timing]) -> Bars {
    let bar = |part: &Part| Bar {
        name: part.name.clone(),
        value: part.ms,
        deviation: None,
        text: format!("{} ({:.1} %)", milliseconds(part.ms), part.share),
        colour: if LAST.contains(&part.name.as_str()) { palette::ORANGE } else { palette::BLUE },
    };
    let group = |mode: &Timing| Group { name: said(mode), bars: mode.parts.iter().map(bar).collect() };
    Bars {
        title: head.to_owned(),
        axis: "milliseconds of a step; blue: forward passes, by section; orange: the rest".into(),
        groups: modes.iter().map(group).collect(),
    }
}

/// `training: 412 ms a step, 51.5 ms a sample, 18.9 s for 367 images`.
fn said(mode: &Timing) -> String {
    let ms = mode.measured.median_ms;
    let mut text = format!(
        "{}: {} a step, {} a sample",
        mode.name,
        milliseconds(ms),
        milliseconds(per_sample(mode, ms))
    );
    if let (Some(seconds), Some(images)) = (epoch(mode), mode.images) {
        let _ = write!(text, ", {} for {images} images", duration(seconds));
    }
    text
}

/// `43.2 s`, or minutes and seconds from two minutes on.
fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    format!("{} min {} s", whole / 60, whole % 60)
}

/// Three digits at least.
fn milliseconds(ms: f64) -> String {
    let digits = if ms >= 100.0 {
        0
    } else if ms >= 10.0 {
        1
    } else {
        2
    };
    format!("{ms:.digits$} ms")
}

fn text(modes: &[Timing]) -> String {
    let mut text = String::new();
    for mode in modes {
        let _ = writeln!(text, "{}", said(mode));
        for part in &mode.parts {
            let _ = writeln!(text, "  {:<12} {:>10} {:>6.1} %", part.name, milliseconds(part.ms), part.share);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(median_ms: f64, sections: &[(&str, f64)]) -> Measured {
        Measured {
            median_ms,
            min_ms: median_ms,
            steps: 3,
            peak_bytes: None,
            start_bytes: None,
            predicted_bytes: phg_runtime::bench::Predicted { start: 0, peak: 0 },
            gflop: 1.0,
            sections: sections.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect(),
            instructions: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn parts_add_up_to_the_step() {
        let sections =
            [("backward", 50.0), ("data", 2.0), ("decoder", 10.0), ("encoder", 20.0), ("optimizer", 8.0)];
        let found = parts(&measured(100.0, &sections), &["encoder", "z", "decoder"]);
        let names: Vec<&str> = found.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["encoder", "decoder", "backward", "optimizer", "data", "other"]);
        assert_eq!(found[5], Part { name: "other".into(), ms: 10.0, share: 10.0 });
        assert!((found.iter().map(|part| part.share).sum::<f64>() - 100.0).abs() < 1e-9);
        // Parts that were timed apart may take longer than the step: nothing is left for others.
        let found = parts(&measured(40.0, &[("encoder", 30.0), ("decoder", 20.0)]), &["encoder", "decoder"]);
        assert_eq!(found.iter().map(|part| part.share).collect::<Vec<_>>(), [60.0, 40.0, 0.0]);
    }

    #[test]
    fn a_sample_takes_its_share_of_a_step() {
        let parts = vec![Part { name: "encoder".into(), ms: 60.0, share: 60.0 }];
        let mode = Timing { name: "training", measured: measured(100.0, &[]), batch: 8, images: None, parts };
        assert_eq!(said(&mode), "training: 100 ms a step, 12.5 ms a sample");
        assert_eq!(view(&mode)["ms_per_sample"], 12.5);
        assert_eq!(view(&mode)["epoch"], Value::Null);
        let whole = Timing { images: Some(7200), ..mode };
        assert_eq!(said(&whole), "training: 100 ms a step, 12.5 ms a sample, 90.0 s for 7200 images");
        assert_eq!(view(&whole)["epoch"], json!({ "images": 7200, "seconds": 90.0 }));
        assert_eq!(duration(150.4), "2 min 30 s");
        let table = table(&[whole]);
        assert_eq!(
            table.lines().collect::<Vec<_>>()[1..],
            ["training,step,100,12.5,100", "training,encoder,60,7.5,60"]
        );
    }
}
