//! `phgc bench`: time and memory of a step, on made-up input or on a dataset.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_runtime::bench::{Benching, Loading, bench};
use phg_runtime::error::{Error, Kind};
use phg_runtime::train::prepare;
use phg_runtime::{codes, device};
use serde_json::json;

use crate::args::{Batch, Bench, Format, ModeName};
use crate::failure::{self, Failure};
use crate::{Outcome, data, devices, memory, signals, spec};

/// Times steps and prints their median, with the parts of a step.
pub(crate) fn run(args: &Bench) -> Outcome {
    let name = devices::choose(&args.device)?;
    if let Some(threads) = args.threads {
        device::set_threads(threads)?;
    }
    memory::prepare(args.memory_limit);
    let compiled = spec::load(&args.spec, &args.compile)?;
    let loading = loading(args, &compiled.network)?;
    let [h, w] = match &loading {
        // What a crop leaves is what the network is given.
        Some(loading) => loading.preparation.augment.crop.or(loading.preparation.size),
        None => args.size,
    }
    .unwrap_or_else(|| compiled.network.default_size());
    let mode = spec::mode(args.mode);
    let asked = args.batch.unwrap_or(Batch::Of(compiled.network.training.batch.max(1)));
    let sizes = Sizes { n: 1, h, w };
    let sizes = Sizes { n: memory::batch(asked, &compiled.network, &sizes, args.memory_limit)?, ..sizes };
    compiled
        .network
        .bind(&sizes)
        .map_err(|diags| Failure::Spec { sources: compiled.sources.clone(), diags })?;
    let device = device::open(name)?;
    let precision = devices::precision(args.precision);
    let interrupted = signals::watch()?;
    let bar = indicatif::ProgressBar::new((args.warmup + args.steps.max(1)) as u64);
    let what = Benching {
        mode,
        sizes,
        steps: args.steps.max(1),
        warmup: args.warmup,
        memory_limit: args.memory_limit,
        precision,
    };
    let measured = bench(&compiled.network, &what, loading, &device, &mut |step| {
        bar.set_position(step as u64);
        !interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    let measured = measured?;
    let input = args.data.data.as_deref().unwrap_or("made-up input");
    match args.format {
        Format::Json => {
            let mut view = json!(measured);
            view["device"] = json!(name.to_string());
            view["precision"] = json!(precision);
            view["threads"] = json!(device::threads());
            failure::print_json(&view);
        }
        Format::Text => {
            println!(
                "{} at {h}x{w}, batch {}, {input}, {precision} on {}",
                args.spec.display(),
                sizes.n,
                devices::full_name(name)
            );
            println!("median {:>9.1} ms of {} steps", measured.median_ms, measured.steps);
            println!("least  {:>9.1} ms", measured.min_ms);
            if let (Some(peak), Some(start)) = (measured.peak_bytes, measured.start_bytes) {
                let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
                println!(
                    "memory {:>9.1} MiB, {:.1} before the first step",
                    mebibytes(peak),
                    mebibytes(start)
                );
            }
            for (name, time) in &measured.sections {
                println!("  {name:<12} {time:>8.1} ms");
            }
        }
    }
    Ok(())
}

/// The dataset of `--data`, prepared as in a training; for a forward pass without augmentation.
fn loading(args: &Bench, network: &Network) -> Result<Option<Loading>, Failure> {
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
    if args.mode != ModeName::Train {
        preparation.augment = phg_runtime::data::augment::Augment::NONE;
    }
    preparation.size = args.size.or(preparation.size).or_else(|| Some(network.default_size()));
    let dataset = Arc::from(data::open(&args.data, preparation.size)?);
    Ok(Some(Loading { dataset, preparation, threads: args.loaders, cache: args.cache }))
}
