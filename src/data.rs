//! `phgc data`: looks at datasets, times their loading, prints class tables, writes the built-in dataset to files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use phg_runtime::data::augment::Augment;
use phg_runtime::data::batch::{Feed, Preparation};
use phg_runtime::data::loader::Options;
use phg_runtime::data::order::Plan;
use phg_runtime::data::scenes::Scenes;
use phg_runtime::data::table::{ClassTable, SHIPPED};
use phg_runtime::data::write::{self, Layout};
use phg_runtime::data::{Dataset, check, registry, throughput};
use phg_runtime::error::{Error, Kind};
use phg_runtime::run::DataSource;
use phg_runtime::train::prepare;
use serde_json::json;

use crate::args::{Data, DataArgs, DataBench, DataCheck, DataTable, DataWrite, Format};
use crate::failure::{self, Failure};
use crate::{Outcome, output, score, signals, spec};

/// Runs a subcommand.
pub(crate) fn run(args: &Data) -> Outcome {
    match args {
        Data::Check(args) => look(args),
        Data::Write(args) => write_out(args),
        Data::Table(args) => table(args),
        Data::Bench(args) => time(args),
    }
}

/// Opens what `--data`, `--root` and `--table` name; without `--data` the built-in dataset.
pub(crate) fn open(args: &DataArgs, size: Option<[usize; 2]>) -> Result<Box<dyn Dataset>, Failure> {
    let name = args.data.as_deref().unwrap_or("scenes");
    let table = args.table.as_deref().map(ClassTable::named).transpose()?;
    registry::open(name, args.root.as_deref(), table, size).map_err(Failure::from)
}

/// Opens the dataset that a run was trained on, with the table of that time.
pub(crate) fn reopen(
    source: &DataSource,
    root: Option<&Path>,
    size: Option<[usize; 2]>,
) -> Result<Box<dyn Dataset>, Failure> {
    // The built-in dataset has one table.
    let table = (source.name != "scenes").then(|| source.table.clone());
    registry::open(&source.name, root, table, size).map_err(Failure::from)
}

fn look(args: &DataCheck) -> Outcome {
    let dataset = open(&args.data, None)?;
    let report = check::check(dataset.as_ref(), args.name);
    match args.format {
        Format::Json => failure::print_json(&json!(report)),
        Format::Text => print!("{report}"),
    }
    report.verdict().map_err(|error| Failure::Several(vec![error]))
}

fn table(args: &DataTable) -> Outcome {
    match (&args.name, args.format) {
        (None, Format::Text) => SHIPPED.iter().for_each(|(name, _)| output::out(format_args!("{name}\n"))),
        (None, Format::Json) => {
            failure::print_json(&json!(SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>()));
        }
        (Some(name), Format::Json) => failure::print_json(&json!(ClassTable::shipped(name)?)),
        (Some(name), Format::Text) => {
            ClassTable::shipped(name)?;
            let text = SHIPPED.iter().find(|(known, _)| known == name).map_or("", |(_, text)| *text);
            output::out(text);
        }
    }
    Ok(())
}

fn time(args: &DataBench) -> Outcome {
    let (mut preparation, own_batch) = match &args.spec {
        Some(path) => {
            let network = spec::load(path, &args.compile)?.network;
            (prepare::preparation(&network.training), network.training.batch)
        }
        None => {
            let augment = Augment { flip: 0.5, ..Augment::NONE };
            (Preparation { augment, ..Preparation::default() }, 8)
        }
    };
    preparation.size = args.size.or(preparation.size);
    let dataset: Arc<dyn Dataset> = Arc::from(open(&args.data, preparation.size)?);
    let name = dataset.name().to_owned();
    let split = score::split(args.split);
    let batch = args.batch.unwrap_or(own_batch);
    let feed = Arc::new(Feed::new(dataset, split, preparation)?.keeping(args.cache));
    let plan = Plan::training(0, feed.len(), batch)?;
    let options = Options { threads: args.loaders, ..Options::default() };
    let interrupted = signals::watch()?;
    let bar = indicatif::ProgressBar::new(plan.per_epoch() * args.passes);
    let measured = throughput::measure(&feed, plan, options, args.warmup, args.passes, &mut |batches| {
        bar.set_position(batches);
        !interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    let measured = measured?;
    let [height, width] = measured.size;
    match args.format {
        Format::Json => {
            let mut view = json!(measured);
            view["data"] = json!(name);
            view["split"] = json!(split.name());
            view["batch"] = json!(batch);
            view["loaders"] = json!(args.loaders);
            failure::print_json(&view);
        }
        Format::Text => {
            output::out(format_args!(
                "{name} {} at {height}x{width}, batch {batch}, {} loader threads\n{:.1} images/s: {} in {:.2} s\n",
                split.name(),
                args.loaders,
                measured.images_per_second,
                measured.images,
                measured.seconds
            ));
            for (at, rate) in measured.passes.iter().enumerate() {
                output::out(format_args!("  pass {}: {rate:.1} images/s\n", at + 1));
            }
        }
    }
    Ok(())
}

fn write_out(args: &DataWrite) -> Outcome {
    if args.name != "scenes" {
        let message = format!("only `scenes` is made by this program, not `{}`", args.name);
        return Err(Error::new("phg::data::unknown", Kind::Usage, message)
            .help("write `phgc data write scenes ...`")
            .into());
    }
    let Some(layout) = Layout::named(&args.layout) else {
        let names: Vec<&str> = Layout::ALL.iter().map(|layout| layout.name()).collect();
        let message = format!("there is no layout `{}`", args.layout);
        return Err(Error::new("phg::data::unknown", Kind::Usage, message)
            .at("--layout")
            .help(format!("layouts are {}", names.join(", ")))
            .into());
    };
    let [height, width] = args.size;
    let others = args.images.div_ceil(6);
    let dataset = Scenes::with_lengths(height, width, [args.images, others, others])?;
    let done = AtomicUsize::new(0);
    let total = args.images + 2 * others;
    let bar = indicatif::ProgressBar::new(total as u64);
    let pairs = write::write(&dataset, layout, &args.output, &|| {
        bar.set_position(done.fetch_add(1, Ordering::Relaxed) as u64 + 1);
    })?;
    bar.finish_and_clear();
    let (output, name) = (args.output.display().to_string(), layout.name());
    match args.format {
        Format::Json => {
            failure::print_json(
                &json!({ "ok": true, "pairs": pairs, "size": args.size, "output": output, "layout": name }),
            );
        }
        Format::Text => {
            println!("wrote {pairs} pairs of {height}x{width} to {output} in the layout of {name}");
        }
    }
    Ok(())
}
