//! `phgc eval`: scores a run on a split.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use phg_runtime::data::{Dataset, Split};
use phg_runtime::device;
use phg_runtime::evaluate::{Evaluating, evaluate};
use phg_runtime::metrics::At;
use phg_runtime::run::folder::read_manifest;
use phg_runtime::{Model, Which, codes};
use serde_json::json;

use crate::args::{AtName, CheckpointName, DataArgs, Eval, Format, SplitName};
use crate::failure::{self, Failure};
use crate::{Outcome, data, devices, signals};

/// Scores the run on its own dataset, or on the one named.
pub(crate) fn run(args: &Eval) -> Outcome {
    let name = devices::choose(&args.device)?;
    if let Some(threads) = args.threads {
        device::set_threads(threads)?;
    }
    let mut model = Model::load(&args.run, which(args.checkpoint), name)?;
    model = model.with_precision(devices::of_run(args.precision, &args.run)?);
    model.predict_void |= args.predict_void;
    for note in &model.notes {
        eprintln!("note: {note}");
    }
    let manifest = read_manifest(&args.run)?;
    let own = DataArgs {
        data: Some(args.data.data.clone().unwrap_or_else(|| manifest.data.name.clone())),
        root: args.data.root.clone().or_else(|| manifest.data.root.clone().map(PathBuf::from)),
        table: args.data.table.clone(),
    };
    let size = model.preparation().size;
    let dataset: Arc<dyn Dataset> = if own.table.is_none() && own.data.as_ref() == Some(&manifest.data.name) {
        Arc::from(data::reopen(&manifest.data, own.root.as_deref(), size)?)
    } else {
        Arc::from(data::open(&own, size)?)
    };
    let interrupted = signals::watch()?;
    let bar = indicatif::ProgressBar::new(0);
    let result = evaluate(
        &model,
        Evaluating {
            dataset,
            split: split(args.split),
            at: match args.at {
                AtName::Labels => At::Labels,
                AtName::Input => At::Input,
            },
            batch: args.batch,
            threads: 1,
            progress: &mut |done, images| {
                bar.set_length(images as u64);
                bar.set_position(done as u64);
                !interrupted.load(Ordering::Relaxed)
            },
        },
    );
    bar.finish_and_clear();
    let evaluation = match result {
        Err(error) if error.code == codes::RUN_INTERRUPTED => return Err(Failure::Interrupted),
        other => other?,
    };
    match args.format {
        Format::Json => failure::print_json(&json!(evaluation)),
        Format::Text => println!("{}", evaluation.table()),
    }
    Ok(())
}

/// The runtime's name for a checkpoint.
pub(crate) fn which(name: CheckpointName) -> Which {
    match name {
        CheckpointName::Best => Which::Best,
        CheckpointName::Last => Which::Last,
    }
}

/// The runtime's name for a part of a dataset.
pub(crate) fn split(name: SplitName) -> Split {
    match name {
        SplitName::Train => Split::Train,
        SplitName::Val => Split::Val,
        SplitName::Test => Split::Test,
    }
}
