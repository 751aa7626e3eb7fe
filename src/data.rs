//! `phgc data`: looks at datasets, writes the built-in one to files.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use phg_runtime::data::scenes::Scenes;
use phg_runtime::data::table::ClassTable;
use phg_runtime::data::write::{self, Layout};
use phg_runtime::data::{Dataset, check, registry};
use phg_runtime::error::{Error, Kind};
use phg_runtime::run::DataSource;
use serde_json::json;

use crate::Outcome;
use crate::args::{Data, DataArgs, DataCheck, DataWrite, Format};
use crate::failure::{self, Failure};

/// Runs a subcommand.
pub(crate) fn run(args: &Data) -> Outcome {
    match args {
        Data::Check(args) => look(args),
        Data::Write(args) => write_out(args),
    }
}

/// Opens what `--data`, `--root` and `--table` name; without `--data` the built-in dataset.
pub(crate) fn open(args: &DataArgs, size: Option<[usize; 2]>) -> Result<Box<dyn Dataset>, Failure> {
    let name = args.data.as_deref().unwrap_or("scenes");
    let table = args.table.as_deref().map(ClassTable::read).transpose()?;
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
