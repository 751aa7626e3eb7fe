//! `phgc ablate`: a grid of specs, settings and seeds is trained, tabulated and drawn.
//!
//! Guaranteed: the whole grid is compiled and the data looked at before the first step; what is finished is kept; a
//! training that fails does not keep the others from going on; an interruption saves the one that is going on.

mod cell;
mod folder;
mod grid;
mod slurm;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use phg_compiler::Mode;
use phg_compiler::ir::dim::Sizes;
use phg_runtime::codes;
use phg_runtime::data::order::Plan as Order;
use phg_runtime::data::{Dataset, Split, preflight};
use phg_runtime::error::{Error, Kind};
use phg_runtime::run::Process;
use phg_runtime::train::prepare;
use serde_json::{Value, json};

use crate::args::{Ablate, Batch, Format};
use crate::failure::{self, Failure};
use crate::train::{self, Ready};
use crate::{Outcome, devices, output, score, signals};
use cell::{End, Worker};
use folder::Folder;
use grid::{Cell, Grid};
use table::Table;

/// A cell that was proved to train.
struct Proved {
    cell: Cell,
    parameters: u64,
}

/// Trains what is not finished of the grid, or of a part of it.
pub(crate) fn run(args: &Ablate) -> Outcome {
    let grid = Grid::new(args)?;
    let device = train::start(&args.training)?;
    let split = score::split(args.split);
    let mut cells = Vec::new();
    let mut first: Option<Arc<dyn Dataset>> = None;
    let mut hashes = Vec::new();
    for cell in &grid.cells {
        let named = |failure: Failure| {
            if grid.cells.len() > 1 {
                output::err(format_args!("in cell {}:\n", cell.name));
            }
            failure
        };
        let (ready, dataset) = prove(args, cell, split).map_err(named)?;
        let hash = json!(folder::hash(&ready.bundle));
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
        cells.push(Proved { cell: cell.clone(), parameters: parameters(&ready) });
        first.get_or_insert(dataset);
    }
    let Some(dataset) = first else { return Ok(()) };
    let process = Process::new(std::env::args().collect(), devices::full_name(device), 0);
    let notes = json!({ "at": process.started, "command": process.command });
    let folder = Folder::take(&args.output, &identity(args, &grid, hashes, dataset.as_ref()), &notes)?;
    let quiet = args.format == Format::Json;
    if let Some(parts) = args.slurm {
        let script = slurm::write(&folder, &grid, parts)?;
        match args.format {
            Format::Json => {
                failure::print_json(&json!({ "ok": true, "script": script.path, "parts": script.parts }))
            }
            Format::Text => output::out(format_args!(
                "{} trainings in {} parts; nothing is submitted: `sbatch {}`\n",
                grid.trainings().len(),
                script.parts,
                script.path.display()
            )),
        }
        return Ok(());
    }
    let worker = Worker { args, folder: &folder, device, interrupted: signals::watch()? };
    let trainings: Vec<(usize, u64)> = (grid.trainings().into_iter().enumerate())
        .filter(|(at, _)| args.shard.is_none_or(|shard| shard.has(*at)))
        .map(|(_, training)| training)
        .collect();
    if trainings.iter().any(|(at, seed)| grid.cells.get(*at).is_some_and(|cell| !worker.is_done(cell, *seed)))
    {
        look_ahead(args, dataset.as_ref(), split, &worker.interrupted)?;
    }
    let table = Table { args, folder: &folder, grid: &grid, cells: &cells, data: dataset.name().to_owned() };
    let mut interrupted = false;
    for (number, (at, seed)) in trainings.iter().enumerate() {
        let Some(cell) = grid.cells.get(*at) else { continue };
        let head = format!("[{}/{}] {} seed {seed}", number + 1, trainings.len(), cell.name);
        let say = |text: &str| {
            if !quiet {
                output::err(format_args!("{head}: {text}\n"));
            }
        };
        let end = worker.train(cell, *seed, &say)?;
        match &end {
            End::Kept => say("finished before"),
            End::Finished(miou) => {
                say(&format!("mIoU {}", miou.map_or_else(|| "-".into(), |m| format!("{m:.2}"))))
            }
            End::Elsewhere => say("another process has it"),
            // Also where nothing else is printed: hours may pass before the end.
            End::Failed(error) => output::err(format_args!("{head} failed: {}\n", one_line(error))),
            End::Interrupted => {}
        }
        interrupted = end == End::Interrupted;
        if interrupted {
            break;
        }
        if matches!(end, End::Finished(_)) {
            table.write()?;
        }
    }
    let written = table.finish()?;
    match args.format {
        Format::Json => failure::print_json(&written.json),
        Format::Text => output::out(&written.text),
    }
    if interrupted {
        output::err("interrupted and saved; the same command goes on\n");
        return Err(Failure::Interrupted);
    }
    match failed(&written.json) {
        Some(error) => Err(Failure::Several(vec![error])),
        None => Ok(()),
    }
}

/// Compiles a cell and checks all that can be checked without a step.
fn prove(args: &Ablate, cell: &Cell, split: Split) -> Result<(Ready, Arc<dyn Dataset>), Failure> {
    let ready = train::ready(&cell.spec, &args.training, &cell.sets, None)?;
    let training = &ready.network.training;
    let dataset = ready.dataset(&args.training)?;
    prepare::same_classes(&ready.network, dataset.as_ref())?;
    prepare::preparation(training).check()?;
    for (split, samples) in [(Split::Train, training.samples), (split, None)] {
        let batch = if split == Split::Train { training.batch } else { 1 };
        if dataset.len(split) == 0 {
            let message = format!("dataset `{}` has no {} samples", dataset.name(), split.name());
            return Err(Error::new(codes::DATA_EMPTY, Kind::Data, message)
                .help("`phgc data check` lists the splits and their sizes")
                .into());
        }
        Order::sampling(0, dataset.len(split), batch, samples)?;
    }
    Ok((ready, dataset))
}

/// Looks at the pairs that are trained on and scored with, once for the whole grid.
fn look_ahead(args: &Ablate, dataset: &dyn Dataset, split: Split, interrupted: &AtomicBool) -> Outcome {
    let go_on = || !interrupted.load(Ordering::Relaxed);
    let look = |split, on_bad| match preflight::look(dataset, split, on_bad, &go_on) {
        Err(error) if error.code == codes::RUN_INTERRUPTED => Err(Failure::Interrupted),
        other => Ok(other.map(drop)?),
    };
    look(Split::Train, train::on_bad(&args.training))?;
    for scored in [Split::Val, split] {
        look(scored, Default::default())?;
    }
    Ok(())
}

/// What makes this grid another one than any other: all that decides what is trained.
fn identity(args: &Ablate, grid: &Grid, hashes: Vec<Value>, data: &dyn Dataset) -> Value {
    let training = &args.training;
    let set: Vec<String> =
        train::settings(training, None).iter().map(|(name, value)| format!("{name}={value}")).collect();
    json!({
        "specs": hashes,
        "vary": grid.view(),
        "seeds": grid.seeds,
        "set": set,
        "minutes": training.minutes,
        "largest batch within": training.memory_limit.filter(|_| training.batch == Some(Batch::Max)),
        "skip-bad": training.skip_bad,
        "precision": devices::precision(training.precision),
        "data": data.name(),
        "class table": folder::hash(&json!(data.table()).to_string()),
        "training images": data.fingerprint(Split::Train),
    })
}

/// Trainable parameters.
fn parameters(ready: &Ready) -> u64 {
    let [h, w] = ready.network.default_size();
    let plan = ready.network.plan(Mode::Train);
    phg_compiler::plan::cost::cost(&plan, &Sizes { n: 1, h, w }).parameters
}

/// The error that stands for those of a table.
fn failed(table: &Value) -> Option<Error> {
    let cells = table["cells"].as_array()?.iter();
    let runs: Vec<(&Value, &Value)> = cells
        .flat_map(|cell| cell["runs"].as_array().into_iter().flatten().map(move |run| (cell, run)))
        .collect();
    let mut wrong = runs.iter().filter(|(_, run)| run["error"].is_object());
    let (cell, run) = wrong.next()?;
    let message = format!(
        "{} of {} trainings failed; {} seed {}: {}",
        wrong.count() + 1,
        runs.len(),
        cell["name"].as_str().unwrap_or_default(),
        run["seed"],
        run["error"]["message"].as_str().unwrap_or_default(),
    );
    let place = run["run"].as_str().unwrap_or_default();
    Some(
        Error::new(codes::ABLATE_CELLS, Kind::Training, message)
            .at(place)
            .help("run the same command again: it tries those that failed once more"),
    )
}

fn one_line(error: &Error) -> String {
    match &error.help {
        Some(help) => format!("{error} ({}); {help}", error.code),
        None => format!("{error} ({})", error.code),
    }
}
