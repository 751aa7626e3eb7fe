//! `phgc weights`: files of weights into a spec's own names and back; and what other commands take from such files.

use std::collections::BTreeSet;
use std::path::Path;

use phg_compiler::Network;
use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::host::HostTensors;
use phg_runtime::run::{InitSource, Which};
use phg_runtime::weights::{self, Coverage, Filling, Map, Source};
use serde_json::json;

use crate::args::{CheckpointName, ExportWeights, Format, Import, Inference, Init, Loading, Weights};
use crate::failure::{self, Failure};
use crate::{Outcome, output, score, spec};

mod table;

/// Runs a subcommand.
pub(crate) fn run(args: &Weights) -> Outcome {
    match args {
        Weights::Import(args) => import(args),
        Weights::Export(args) => export(args),
    }
}

/// Where weights come from, and what of a network they are for.
struct Ask<'a> {
    file: &'a Path,
    which: Which,
    key: Option<&'a str>,
    map: Option<&'a Path>,
    only: &'a [String],
    /// What must be there; everything if `None`.
    needed: Option<&'a BTreeSet<String>>,
}

/// What was found.
struct Found {
    source: Source,
    map: Option<Map>,
    coverage: Coverage,
}

impl Found {
    fn of(network: &Network, ask: &Ask<'_>) -> Result<Self, Error> {
        // A map is short: its mistakes are said before a large file is read.
        let map = ask.map.map(Map::read).transpose()?;
        let source = Source::named(ask.file, ask.key, ask.which)?;
        let filling = Filling { map: map.as_ref(), only: ask.only, needed: ask.needed };
        let coverage = Coverage::of(&source, &weights::wanted(network), filling);
        Ok(Self { source, map, coverage })
    }

    fn problems(&self) -> Vec<Error> {
        self.coverage.problems(&self.source, self.map.as_ref().map(|map| map.name.as_str()))
    }

    /// The values, or the first of what keeps them from being taken; `spec` is named in its help.
    fn values(&self, spec: &Path) -> Result<HostTensors, Error> {
        let problems = self.problems();
        let count = problems.len();
        match problems.into_iter().next() {
            None => weights::values(&self.source, &self.coverage),
            Some(first) => {
                let map = self.map.as_ref().map_or(String::new(), |map| format!(" --map {}", map.name));
                let all = format!(
                    "`phgc weights import {} {}{map}` shows what fits",
                    spec.display(),
                    self.source.name
                );
                let more = if count > 1 { format!("one of {count} problems, ") } else { String::new() };
                let help = first.help.clone().map_or_else(String::new, |help| format!("{help}; "));
                Err(first.help(format!("{help}{more}{all}")))
            }
        }
    }
}

fn import(args: &Import) -> Outcome {
    let network = spec::load(&args.spec, &args.compile)?.network;
    let found = Found::of(
        &network,
        &Ask {
            file: &args.file,
            which: Which::Last,
            key: args.names.key.as_deref(),
            map: args.names.map.as_deref(),
            only: &args.only,
            needed: None,
        },
    )?;
    let mut problems = found.problems();
    let mut written = None;
    if problems.is_empty() {
        let done = weights::values(&found.source, &found.coverage)
            .and_then(|values| args.output.as_ref().map(|path| weights::write(path, &values)).transpose());
        match done {
            Ok(hash) => written = args.output.as_ref().zip(hash),
            Err(error) => problems.push(error),
        }
    }
    let Found { source, coverage, .. } = &found;
    match args.format {
        Format::Json => failure::print_json(&json!({
            "ok": problems.is_empty(),
            "spec": args.spec,
            "file": source.name,
            "kind": source.kind,
            "blake3": source.blake3,
            "map": args.names.map,
            "coverage": coverage,
            "notes": source.notes.iter().cloned().chain(coverage.notes()).collect::<Vec<_>>(),
            "output": written.as_ref().map(|(path, hash)| json!({ "file": path, "blake3": hash })),
            "errors": problems.iter().map(|error| json!({
                "code": error.code, "message": error.message, "place": error.place, "help": error.help,
            })).collect::<Vec<_>>(),
        })),
        Format::Text => {
            output::out(table::text(source, coverage, &args.spec));
            match &written {
                Some((path, _)) => output::out(format_args!("written: {}\n", path.display())),
                None if problems.is_empty() => {
                    output::out("everything fits; `-o FILE.safetensors` writes it\n");
                }
                None => output::out("nothing is written\n"),
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Several(problems)) }
}

fn export(args: &ExportWeights) -> Outcome {
    let (values, what) = if args.from.is_dir() {
        let source = Source::of_run(&args.from, score::which(args.checkpoint))?;
        for note in &source.notes {
            output::err(format_args!("note: {note}\n"));
        }
        (source.into_values()?, "run")
    } else {
        let network = spec::load(&args.from, &args.compile)?.network;
        (weights::initial(&network, args.seed.unwrap_or(network.training.seed))?, "spec")
    };
    let hash = weights::write(&args.output, &values)?;
    let numbers: usize = values.values().map(|tensor| tensor.data.len()).sum();
    match args.format {
        Format::Json => failure::print_json(&json!({
            "ok": true, "from": args.from, "kind": what, "file": args.output, "blake3": hash,
            "tensors": values.len(), "numbers": numbers,
        })),
        Format::Text => output::out(format_args!(
            "{}: {} tensors, {numbers} numbers, {hash}\n",
            args.output.display(),
            values.len()
        )),
    }
    Ok(())
}

/// The values that a training of `network` begins with, and what its manifest says of them.
pub(crate) fn first(
    network: &Network,
    spec: &Path,
    args: &Init,
) -> Result<Option<(HostTensors, InitSource)>, Error> {
    let Some(said) = asked_for(args) else { return Ok(None) };
    let ask = Ask {
        file: Path::new(&said.path),
        which: Which::Last,
        key: args.key.as_deref(),
        map: args.map.as_deref(),
        only: &args.only,
        needed: None,
    };
    let found = Found::of(network, &ask)?;
    let values = found.values(spec)?;
    for note in found.source.notes.iter().cloned().chain(found.coverage.notes()) {
        output::err(format_args!("note: {}: {note}\n", found.source.name));
    }
    let kept: usize = found.coverage.kept.iter().map(|kept| kept.names.len()).sum();
    output::err(format_args!(
        "note: {} parameters and statistics begin with {}, {kept} with first values of their own\n",
        values.len(),
        found.source.name
    ));
    let source = InitSource {
        blake3: found.source.blake3.clone(),
        map_blake3: found.map.as_ref().map(|map| map.blake3.clone()),
        taken: values.len(),
        ..said
    };
    Ok(Some((values, source)))
}

/// What the flags say of first weights, without a look at the files.
pub(crate) fn asked_for(args: &Init) -> Option<InitSource> {
    args.init.as_ref().map(|path| InitSource {
        path: path.display().to_string(),
        blake3: String::new(),
        map: args.map.as_ref().map(|path| path.display().to_string()),
        map_blake3: None,
        only: args.only.clone(),
        taken: 0,
    })
}

/// The network of a spec that is named in the place of a run.
pub(crate) fn network(spec: &Path, args: &Loading) -> Result<Network, Failure> {
    Ok(spec::load_with(spec, &args.sets, &[])?.network)
}

/// The weights of `--weights`: all of them, or those that predictions need.
pub(crate) fn stored(
    network: &Network,
    spec: &Path,
    file: &Path,
    args: &Loading,
    inference: &Inference,
    all: bool,
) -> Result<HostTensors, Error> {
    named(network, spec, file, (args.map.as_deref(), args.key.as_deref()), inference.checkpoint, all)
}

/// The weights of a file or run folder by a map and a key: all of them, or those that predictions need.
pub(crate) fn named(
    network: &Network,
    spec: &Path,
    file: &Path,
    (map, key): (Option<&Path>, Option<&str>),
    checkpoint: CheckpointName,
    all: bool,
) -> Result<HostTensors, Error> {
    let needed = weights::needed(network);
    let ask =
        Ask { file, which: score::which(checkpoint), key, map, only: &[], needed: (!all).then_some(&needed) };
    let found = Found::of(network, &ask)?;
    let values = found.values(spec)?;
    for note in found.source.notes.iter().cloned().chain(found.coverage.notes()) {
        output::err(format_args!("note: {}: {note}\n", found.source.name));
    }
    Ok(values)
}

/// The error for a spec where a run is looked for.
pub(crate) fn no_weights(spec: &Path) -> Error {
    Error::new(codes::USAGE_ARGUMENTS, Kind::Usage, "a spec has no weights of its own")
        .at(spec.display())
        .help("write `--weights FILE`, or name a run folder")
}
