//! `phgc devices --check`: whether a device computes what the processor computes.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::Instr;
use phg_runtime::error::{Error, Kind};
use phg_runtime::parity::{Checked, Checking, Report, Worst, check};
use phg_runtime::{codes, device};
use serde_json::json;

use crate::args::{Devices, Format};
use crate::failure::{self, Failure};
use crate::{Outcome, output, signals, spec};

/// Networks that make a step on both sides, and batch, rows and columns: odd sizes, one image, a wide one.
const NETWORKS: [(&str, [usize; 3]); 4] = [
    ("unet-small.phg", [2, 37, 53]),
    ("phgmm-small.phg", [2, 45, 70]),
    ("phgmm-small.phg", [1, 96, 161]),
    ("unet-small.phg", [1, 384, 768]),
];

/// Checks one device and tells every kind of instruction's worst element.
pub(crate) fn run(args: &Devices) -> Outcome {
    let name = super::choose(&args.device)?;
    if let Some(threads) = args.threads {
        device::set_threads(threads)?;
    }
    let mut networks = Vec::new();
    for (spec, [n, h, w]) in NETWORKS {
        networks.push((spec.trim_end_matches(".phg").to_owned(), spec::shipped(spec)?, Sizes { n, h, w }));
    }
    let opened = device::open(name)?;
    let interrupted = signals::watch()?;
    let bar = indicatif::ProgressBar::new(0);
    let limit = args.minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes));
    let precision = super::precision(args.precision);
    let what = Checking { device: &opened, precision, networks: &networks, limit };
    let mut log = args.log.as_deref().map(create).transpose()?;
    let mut unwritten: Option<std::io::Error> = None;
    let report = check(&what, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done.len() as u64);
        if let (Some(log), Some(case)) = (&mut log, done.last()) {
            unwritten = writeln!(log, "{}", json!(case)).err().or(unwritten.take());
        }
        !interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    if report.cases.is_empty() {
        let message = "there was no time to check anything";
        return Err(Error::new(codes::DEVICE_PARITY, Kind::Usage, message)
            .at("--minutes")
            .help("give it a minute or two, such as `--minutes 2`")
            .into());
    }
    if let (Some(path), Some(error)) = (&args.log, unwritten) {
        return Err(cannot_write(path, &error).into());
    }
    let device = super::full_name(name);
    match args.format {
        Format::Json => {
            let mut view = json!(report);
            view["device"] = json!(name.to_string());
            view["description"] = json!(device::describe(name));
            view["precision"] = json!(precision);
            view["threads"] = json!(device::threads());
            failure::print_json(&view);
        }
        Format::Text => output::out(text(&report, &format!("{device}, {precision}"))),
    }
    let failed: Vec<Error> =
        report.cases.iter().filter(|case| !case.ok).map(|case| told(case, &device)).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Several(failed)) }
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::new(codes::RUN_WRITE, Kind::Data, format!("the log cannot be written: {error}")).at(path.display())
}

/// A case that failed as an error.
fn told(case: &Checked, device: &str) -> Error {
    let message = match (&case.worst, &case.failure) {
        (_, Some(why)) => format!("{device} fails: {why}"),
        (Some(worst), None) => format!("{device} computes something else: {}", farthest(worst)),
        (None, None) => format!("{device} computes nothing"),
    };
    let place = if case.kind == "network" { case.name.clone() } else { format!("`{}`", case.name) };
    Error::new(codes::DEVICE_PARITY, Kind::Training, message)
        .at(place)
        .help("compute on another device (`--device cpu`), and report this with the version of the driver")
}

/// Such as `result at [0, 2, 1, 1]: 0.75 instead of 0.7, 1.2e-3 of the largest, 1.0e-4 is allowed`.
fn farthest(worst: &Worst) -> String {
    let Worst { what, at, found, expected, error, allowed } = worst;
    let (place, of) = if at.is_empty() {
        (": a length of".to_owned(), "of the length")
    } else {
        (format!(" at {at:?}:"), "of the largest")
    };
    format!("{what}{place} {found:.6e} instead of {expected:.6e}, {error:.1e} {of}, {allowed:.1e} is allowed")
}

/// A line for each kind of instruction and each network, and what failed in full.
fn text(report: &Report, device: &str) -> String {
    let mut out = format!("{device}, compared with {}\n\n", report.against);
    let kinds = Instr::KINDS.iter().copied().chain(["network"]);
    for kind in kinds {
        let cases: Vec<&Checked> = report.cases.iter().filter(|case| case.kind == kind).collect();
        if cases.is_empty() {
            continue;
        }
        let failed = cases.iter().filter(|case| !case.ok).count();
        let share = cases.iter().filter_map(|case| case.worst.as_ref()).map(|worst| worst.error);
        let worst = share.fold(0.0, f64::max);
        let verdict = if failed == 0 { "ok".to_owned() } else { format!("{failed} FAILED") };
        out.push_str(&format!("{kind:<20} {:>3} cases  {worst:>8.1e}  {verdict}\n", cases.len()));
    }
    let failed = report.cases.iter().filter(|case| !case.ok).count();
    let skipped = match report.skipped {
        0 => String::new(),
        number => format!("; {number} were left out for want of time"),
    };
    let count = report.cases.len();
    out.push_str(&format!(
        "\n{} of {count} cases agree, in {:.0} s{skipped}\n",
        count - failed,
        report.seconds
    ));
    out
}
