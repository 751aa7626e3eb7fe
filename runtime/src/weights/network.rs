//! Weights and networks: what a network has, first values, runs as sources, and files in a network's own names.
//!
//! Comes in: a compiled network, a run folder. Goes out: names and shapes, host tensors, safetensors files. Guaranteed:
//! the same tensors give the same bytes, and a file that cannot be written is left as it was.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::Device;
use phg_compiler::Network;
use phg_compiler::plan::{Mode, Plan, WeightSource};

use super::{Source, Wanted};
use crate::bank::Bank;
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::{HostTensor, HostTensors};
use crate::output;
use crate::run::{Checkpoints, Which, tensors};
use crate::tensor::Value;

/// The parameters and running statistics of a network, as they are stored.
pub fn wanted(network: &Network) -> Vec<Wanted> {
    let plan = network.plan(Mode::Train);
    let stored = plan.weights.into_iter().filter(|weight| weight.source == WeightSource::Stored);
    stored.map(|weight| Wanted { name: weight.name, shape: weight.shape }).collect()
}

/// The names of those that predictions need.
pub fn needed(network: &Network) -> BTreeSet<String> {
    let plan = network.plan(Mode::Infer);
    let mut names = BTreeSet::new();
    for weight in plan.weights {
        let norm = match weight.source {
            WeightSource::Stored => {
                names.insert(weight.name);
                continue;
            }
            WeightSource::FoldedWeight { weight, norm, .. } => {
                names.insert(weight);
                norm
            }
            WeightSource::FoldedBias { bias, norm, .. } => {
                names.extend(bias);
                norm
            }
        };
        names.extend(["scale", "offset", "mean", "variance"].map(|part| format!("{norm}.{part}")));
    }
    names
}

/// First values of a network, as training would draw them from `seed`.
///
/// # Errors
/// A weight of a rank that no tensor has.
pub fn initial(network: &Network, seed: u64) -> Result<HostTensors> {
    Bank::init(&network.plan(Mode::Train), seed, &crate::device::open(crate::DeviceName::Cpu)?)?.store()
}

/// Writes a safetensors file; the same tensors give the same bytes. Returns the hash of the file.
///
/// # Errors
/// `phg::usage::output`; the file is then what it was.
pub fn write(path: &Path, values: &HostTensors) -> Result<String> {
    let bytes = tensors::encode(values)
        .map_err(|why| Error::new(codes::WEIGHTS_SHAPE, Kind::Data, why).at(path.display()))?;
    output::file(path, &bytes)?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

impl Source {
    /// The tensors of a run's checkpoint, averaged ones where the run keeps an average.
    ///
    /// # Errors
    /// Those of [`Checkpoints::load`].
    pub fn of_run(path: &Path, which: Which) -> Result<Self> {
        let loaded = Checkpoints::new(path.join("checkpoints")).load(which)?;
        let values = loaded.contents.into_predicting();
        let unfit = |why: String| Error::new(codes::RUN_DAMAGED, Kind::Data, why).at(path.display());
        let blake3 = blake3::hash(&tensors::encode(&values).map_err(unfit)?).to_hex().to_string();
        let mut source = Self::of_values(path.display().to_string(), "run", blake3, values);
        source.notes = loaded.notes;
        source.notes.push(format!("the tensors of {} are taken", loaded.name));
        Ok(source)
    }

    /// What `--init`, `--weights` and `import` name: a run folder's checkpoint, or a file.
    ///
    /// # Errors
    /// Those of [`Source::of_run`] and [`Source::open`].
    pub fn named(path: &Path, key: Option<&str>, which: Which) -> Result<Self> {
        if path.is_dir() { Self::of_run(path, which) } else { Self::open(path, key) }
    }

    /// All its values, as 32-bit floats.
    ///
    /// # Errors
    /// `phg::weights::dtype` for what is no float, `phg::weights::file` for a file that ends too early.
    pub fn into_values(self) -> Result<HostTensors> {
        let names: Vec<String> = self.tensors().map(|(name, _)| name.to_owned()).collect();
        let shapes: Vec<Vec<usize>> = self.tensors().map(|(_, stored)| stored.shape.clone()).collect();
        let named = names.into_iter().zip(shapes);
        named.map(|(name, shape)| Ok((name.clone(), HostTensor { shape, data: self.read(&name)? }))).collect()
    }
}

impl Bank {
    /// First values drawn from `seed`, and in the place of some those that were imported.
    ///
    /// # Errors
    /// A name that the network does not have, or another shape.
    pub fn begin(plan: &Plan, seed: u64, given: Option<&HostTensors>, device: &Device) -> Result<Self> {
        let mut bank = Self::init(plan, seed, device)?;
        for (name, tensor) in given.into_iter().flatten() {
            let value = Value::from_host(tensor, bank.device())?;
            bank.set(name, value)?;
        }
        Ok(bank)
    }
}
