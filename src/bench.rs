//! `phgc bench`: time and memory of a step, on made-up input or on a dataset.

mod figure;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_runtime::bench::{Benching, Loading, Measured, bench};
use phg_runtime::codes;
use phg_runtime::data::Split;
use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::{Error, Kind};
use phg_runtime::train::prepare;
use serde_json::json;

use crate::args::{Batch, Bench, Format, ModeName};
use crate::failure::{self, Failure};
use crate::spec::Compiled;
use crate::{Outcome, data, devices, memory, output, signals, spec};

/// Times steps and prints their median, with the parts of a step.
pub(crate) fn run(args: &Bench) -> Outcome {
    let device = devices::choose(&args.device)?;
    if let Some(threads) = args.threads {
        device::set_threads(threads)?;
    }
    memory::prepare(args.memory_limit);
    let compiled = spec::load(&args.spec, &args.compile)?;
    if let Some(folder) = args.output.as_ref().filter(|_| args.figure) {
        return figure::run(args, folder, &compiled, device);
    }
    let Timed { measured, sizes, .. } = time(args, args.mode, &compiled, device)?;
    match args.format {
        Format::Json => {
            let mut view = json!(measured);
            machine(&mut view, args, device);
            failure::print_json(&view);
        }
        Format::Text => {
            output::out(format_args!("{}\n", headline(args, &sizes, device)));
            output::out(format_args!("median {:>9.1} ms of {} steps\n", measured.median_ms, measured.steps));
            output::out(format_args!("least  {:>9.1} ms\n", measured.min_ms));
            if let (Some(peak), Some(start)) = (measured.peak_bytes, measured.start_bytes) {
                let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
                output::out(format_args!(
                    "memory {:>9.1} MiB, {:.1} before the first step\n",
                    mebibytes(peak),
                    mebibytes(start)
                ));
            }
            for (name, time) in &measured.sections {
                output::out(format_args!("  {name:<12} {time:>8.1} ms\n"));
            }
        }
    }
    Ok(())
}

/// What was measured, and at which sizes.
struct Timed {
    measured: Measured,
    sizes: Sizes,
    /// Images of a pass over the split: the training split, or for inference the validation split.
    images: Option<usize>,
}

/// Times steps of one mode.
fn time(args: &Bench, mode: ModeName, compiled: &Compiled, device: DeviceName) -> Result<Timed, Failure> {
    let network = &compiled.network;
    let loading = loading(args, mode, network)?;
    let split = if mode == ModeName::Train { Split::Train } else { Split::Val };
    let images = loading.as_ref().map(|loading| loading.dataset.len(split));
    let [h, w] = match &loading {
        // What a crop leaves is what the network is given.
        Some(loading) => loading.preparation.augment.crop.or(loading.preparation.size),
        None => args.size,
    }
    .unwrap_or_else(|| network.default_size());
    let asked = args.batch.unwrap_or(Batch::Of(network.training.batch.max(1)));
    let sizes = Sizes { n: 1, h, w };
    let sizes = Sizes { n: memory::batch(asked, network, &sizes, args.memory_limit)?, ..sizes };
    network.bind(&sizes).map_err(|diags| Failure::Spec { sources: compiled.sources.clone(), diags })?;
    let what = Benching {
        mode: spec::mode(mode),
        sizes,
        steps: args.steps.max(1),
        warmup: args.warmup,
        memory_limit: args.memory_limit,
        precision: devices::precision(args.precision),
    };
    let interrupted = signals::watch()?;
    let bar = indicatif::ProgressBar::new((args.warmup + args.steps.max(1)) as u64);
    let measured = bench(network, &what, loading, &device::open(device)?, &mut |step| {
        bar.set_position(step as u64);
        !interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    Ok(Timed { measured: measured?, sizes, images })
}

/// Adds on what it was measured.
fn machine(view: &mut serde_json::Value, args: &Bench, device: DeviceName) {
    view["device"] = json!(device.to_string());
    view["precision"] = json!(devices::precision(args.precision));
    view["threads"] = json!(device::threads());
}

/// `specs/unet-small.phg at 180x240, batch 8, made-up input, f32 on cpu (...)`.
fn headline(args: &Bench, sizes: &Sizes, device: DeviceName) -> String {
    let input = args.data.data.as_deref().unwrap_or("made-up input");
    let Sizes { n, h, w } = sizes;
    let (spec, precision) = (args.spec.display(), devices::precision(args.precision));
    format!("{spec} at {h}x{w}, batch {n}, {input}, {precision} on {}", devices::full_name(device))
}

/// The dataset of `--data`, prepared as in a training; for a forward pass without augmentation.
fn loading(args: &Bench, mode: ModeName, network: &Network) -> Result<Option<Loading>, Failure> {
    if args.data.data.is_none() {
        let given = [("--root", args.data.root.is_some()), ("--table", args.data.table.is_some())];
        return match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                Err(Error::new(codes::USAGE_ARGUMENTS, Kind::Usage, format!("`{flag}` without `--data`"))
                    .at(flag)
                    .help("name the dataset: `--data camvid`")
                    .into())
            }
            None => Ok(None),
        };
    }
    let mut preparation = prepare::preparation(&network.training);
    if mode != ModeName::Train {
        preparation.augment = phg_runtime::data::augment::Augment::NONE;
    }
    preparation.size = args.size.or(preparation.size).or_else(|| Some(network.default_size()));
    let dataset = Arc::from(data::open(&args.data, preparation.size)?);
    Ok(Some(Loading { dataset, preparation, threads: args.loaders, cache: args.cache }))
}
