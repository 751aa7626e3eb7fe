//! What `export` and `infer` work on: a run, or a spec with weights from a file or drawn anew.

use std::path::Path;

use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::source::SourceMap;
use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::forward::{self, OfRun};
use phg_runtime::host::{self, HostTensors};
use phg_runtime::weights::initial;

use crate::args::Subject;
use crate::failure::Failure;
use crate::spec::{self, Compiled};
use crate::{output, score, weights};

/// A network and its weights.
pub(crate) struct Opened {
    pub(crate) network: Network,
    /// By the names of parameters.
    pub(crate) stored: HostTensors,
    /// The files of a spec; a run's are not at hand.
    sources: Option<SourceMap>,
}

/// Loads it; what there is to say about that goes to standard error.
pub(crate) fn open(args: &Subject) -> Result<Opened, Failure> {
    let path = args.subject.as_path();
    if path.is_dir() {
        let of_specs = [
            ("--set", !args.compile.sets.is_empty()),
            ("--weights", args.weights.is_some()),
            ("--map", args.names.map.is_some()),
            ("--key", args.names.key.is_some()),
            ("--seed", args.seed.is_some()),
        ];
        if let Some((flag, _)) = of_specs.into_iter().find(|(_, given)| *given) {
            return Err(Error::new(
                codes::USAGE_ARGUMENTS,
                Kind::Usage,
                format!("`{flag}` with a run folder"),
            )
            .at(flag)
            .help("a run has its parameters and weights: name its spec, or leave the flag out")
            .into());
        }
        let OfRun { network, stored, notes } = forward::of_run(path, score::which(args.checkpoint))?;
        for note in &notes {
            output::err(format_args!("note: {note}\n"));
        }
        return Ok(Opened { network, stored, sources: None });
    }
    let Compiled { network, sources } = spec::load(path, &args.compile)?;
    let stored = match &args.weights {
        Some(file) => {
            let names = (args.names.map.as_deref(), args.names.key.as_deref());
            weights::named(&network, path, file, names, args.checkpoint, false)?
        }
        None => initial(&network, args.seed.unwrap_or(network.training.seed))?,
    };
    Ok(Opened { network, stored, sources: Some(sources) })
}

impl Opened {
    /// Does the network take images of that size?
    pub(crate) fn fits(&self, n: usize, [h, w]: [usize; 2]) -> Result<(), Failure> {
        let Err(diags) = self.network.bind(&Sizes { n, h, w }) else { return Ok(()) };
        Err(match (&self.sources, diags.first()) {
            (None, Some(first)) => {
                let error = Error::new(first.code.id, Kind::Usage, first.message.clone());
                let help = first.help.clone().unwrap_or_else(|| "choose another size".into());
                error.help(help).into()
            }
            (sources, _) => Failure::Spec { sources: sources.clone().unwrap_or_default(), diags },
        })
    }
}

/// The tensors of a safetensors file.
pub(crate) fn tensors(path: &Path) -> Result<HostTensors, Error> {
    let unusable = |why: String| {
        Error::new(codes::WEIGHTS_FILE, Kind::Data, format!("the file cannot be read: {why}"))
            .at(path.display())
            .help("name a safetensors file with tensors of type F32")
    };
    let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    host::decode(&bytes).map_err(unusable)
}
