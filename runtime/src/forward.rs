//! A network as a function of tensors: images in, predictions out as the network gives them.
//!
//! Comes in: a network and its weights, of a run, of a file or drawn anew. Goes out: predictions by name, neither
//! resized nor turned into classes; what exports and comparisons with other implementations need. Guaranteed: what is
//! executed is the plan for inference that `phgc eval` and `phgc predict` execute.

use std::path::Path;

use burn::tensor::Device;
use phg_compiler::{Mode, Network, Plan};

use crate::bank::Bank;
use crate::error::Result;
use crate::exec::{Bindings, Executor};
use crate::host::{HostTensor, HostTensors};
use crate::model::recompile;
use crate::run::checkpoint::{Checkpoints, Which};
use crate::tensor::Value;

/// See the head of this file.
pub struct Forward {
    executor: Executor,
    bank: Bank,
}

/// What a run is made of.
pub struct OfRun {
    /// Its network.
    pub network: Network,
    /// The weights of one of its checkpoints; where it keeps averaged ones, those.
    pub stored: HostTensors,
    /// Sentences for the user about loading.
    pub notes: Vec<String>,
}

/// Reads a run without its data and its classes.
///
/// # Errors
/// Those of [`Checkpoints::load`], and `phg::run::damaged` when the run's spec does not compile with this version.
pub fn of_run(run: &Path, which: Which) -> Result<OfRun> {
    let loaded = Checkpoints::new(run.join("checkpoints")).load(which)?;
    let network = recompile(&loaded.contents.spec, &loaded.contents.parameters)?;
    Ok(OfRun { network, stored: loaded.contents.into_predicting(), notes: loaded.notes })
}

impl Forward {
    /// A network with stored weights.
    ///
    /// # Errors
    /// `phg::weights::missing` and `phg::weights::shape`.
    pub fn new(network: &Network, stored: &HostTensors, device: &Device) -> Result<Self> {
        let plan = network.plan(Mode::Infer);
        let bank = Bank::load(&plan, stored, device)?;
        Ok(Self { executor: Executor::new(plan, device), bank })
    }

    /// What is executed.
    pub fn plan(&self) -> &Plan {
        self.executor.plan()
    }

    /// The values of the plan's weights; where batch norms are folded into convolutions, the folded ones.
    ///
    /// # Errors
    /// A device that fails.
    pub fn weights(&self) -> Result<HostTensors> {
        self.bank.store()
    }

    /// Predictions by name for normalised images `[n, 3, h, w]`.
    ///
    /// # Errors
    /// Images of a size that the network does not take.
    pub fn run(&self, images: &HostTensor) -> Result<Vec<(String, HostTensor)>> {
        let bindings = Bindings::from_host(images, None, self.bank.device())?;
        let outputs = self.executor.run(&self.bank, &bindings)?;
        let host = |(name, value)| Ok((name, Value::from(value).to_host()?));
        outputs.predictions.into_iter().map(host).collect()
    }
}
