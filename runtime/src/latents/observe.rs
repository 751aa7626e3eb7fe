//! What a network's latents are for each image.
//!
//! Comes in: a network with its weights, images and labels. Goes out: the tensors of each distribution, image by
//! image, on the host. Guaranteed: running statistics and no dropout, as in an evaluation; what latents do not need
//! is not computed, so that no loss and no decoder takes time.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::{Device, FloatDType};
use phg_compiler::plan::{Against, InputKind, Latent, Plan, ValueId, liveness};
use phg_compiler::{Mode, Network};

use crate::bank::Bank;
use crate::data::batch::{Batch, Preparation};
use crate::data::{Dataset, Split, resize};
use crate::error::Result;
use crate::exec::{Bindings, Executor};
use crate::host::{HostTensor, HostTensors};
use crate::precision::Precision;
use crate::run::{Checkpoints, Which};
use crate::tensor::{Value, unfit};

/// A distribution for one image; a gaussian is a mixture of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// `[k]`.
    pub log_weights: Vec<f32>,
    /// `[k][d]`.
    pub mean: Vec<f32>,
    /// `[k][d]`.
    pub log_variance: Vec<f32>,
}

/// One latent for several images.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its name, such as `z.q`.
    pub name: String,
    /// Its path in the spec, the same in every mode.
    pub path: String,
    /// Is it a mixture?
    pub mixture: bool,
    /// Components; 1 for a gaussian.
    pub components: usize,
    /// Dimensions of a component.
    pub dim: usize,
    /// What its divergence is taken from.
    pub against: Option<Against>,
    /// By image.
    pub images: Vec<Distribution>,
}

/// Computes the latents of a network.
pub struct Observer {
    executor: Executor,
    latents: Vec<Latent>,
    void: Option<i64>,
}

impl Observer {
    /// An observer of `network`; `None` when it has no latents. `void` is the id of void pixels.
    pub fn new(network: &Network, device: &Device, precision: Precision, void: Option<u8>) -> Option<Self> {
        let plan = narrowed(network.plan(Mode::Eval));
        let latents = plan.latents.clone();
        let executor = Executor::new(plan, device).with_precision(precision);
        (!latents.is_empty()).then_some(Self { executor, latents, void: void.map(i64::from) })
    }

    /// The weights of the run in `path`, those of its average if it has one.
    ///
    /// # Errors
    /// Those of [`Checkpoints::load`], and of weights that do not fit.
    pub fn bank(&self, path: &Path, which: Which, device: &Device) -> Result<Bank> {
        let contents = Checkpoints::new(path.join("checkpoints")).load(which)?.contents;
        let stored = contents.into_predicting();
        self.bank_of(&stored, device)
    }

    /// The network's weights by name.
    ///
    /// # Errors
    /// Those of weights that do not fit.
    pub fn bank_of(&self, stored: &HostTensors, device: &Device) -> Result<Bank> {
        Bank::load(self.executor.plan(), stored, device)
    }

    /// Do the labels reach the latent called `name`?
    pub fn reads_labels(&self, name: &str) -> bool {
        let plan = self.executor.plan();
        let labels = plan.inputs.iter().filter(|input| matches!(input.kind, InputKind::Labels { .. }));
        let mut reached: BTreeSet<ValueId> = labels.map(|input| input.value).collect();
        for step in &plan.steps {
            if step.reads.iter().any(|read| reached.contains(read)) {
                reached.extend(step.writes.iter().copied());
            }
        }
        self.latents.iter().any(|latent| latent.name == name && reached.contains(&latent.mean))
    }

    /// The latents of a batch.
    ///
    /// # Errors
    /// A batch that the network does not take, and of a device that fails.
    pub fn batch(&self, bank: &Bank, bindings: &Bindings) -> Result<Vec<Observed>> {
        let wanted: BTreeSet<ValueId> = self.latents.iter().flat_map(tensors).collect();
        let mut found: Vec<(ValueId, Value)> = Vec::new();
        self.executor.run_edited(bank, bindings, &mut |id, value| {
            if wanted.contains(&id) {
                found.push((id, value.clone()));
            }
            Ok(())
        })?;
        let host = |id: ValueId| {
            let value = found.iter().find(|(at, _)| *at == id).map(|(_, value)| value.clone());
            value.ok_or_else(|| unfit("a latent was not computed"))?.cast(FloatDType::F32).to_host()
        };
        self.latents.iter().map(|latent| observed(latent, &host)).collect()
    }

    /// The latents of images spread over a split, one after the other: neighbours are frames of one film in many
    /// datasets, and vary less than images do. The labels that an image is shown are those of the one `labels_from`
    /// places further on among them. `progress` is told the images done; false stops early.
    ///
    /// # Errors
    /// Those of the dataset and of [`Observer::batch`].
    pub fn split(
        &self,
        bank: &Bank,
        from: &Source<'_>,
        labels_from: usize,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Observed>> {
        let all = from.dataset.len(from.split);
        let images = from.images.min(all);
        let place = |at: usize| (2 * at + 1) * all / (2 * images).max(1);
        let mut observed: Vec<Observed> = Vec::new();
        for at in 0..images {
            let sample = from.dataset.sample(from.split, place(at))?;
            let other = (at + labels_from) % images;
            let labels = if other == at {
                sample.labels
            } else {
                from.dataset.sample(from.split, place(other))?.labels
            };
            let Batch { images: pixels, height, width, .. } = from.preparation.picture(&sample.image)?;
            let picture = HostTensor { shape: vec![1, 3, height, width], data: pixels };
            let labels = resize::labels(&labels, height, width);
            let mut bindings = Bindings::from_host(&picture, Some(&labels.data), bank.device())?;
            bindings.void = self.void;
            bindings.step = at as u64;
            let found = self.batch(bank, &bindings)?;
            if observed.is_empty() {
                observed = found;
            } else {
                observed.iter_mut().zip(found).for_each(|(all, one)| all.images.extend(one.images));
            }
            if !progress(at + 1) {
                break;
            }
        }
        Ok(observed)
    }
}

/// The images that are looked at.
pub struct Source<'a> {
    /// The dataset.
    pub dataset: &'a dyn Dataset,
    /// Which part of it.
    pub split: Split,
    /// So many, spread over it.
    pub images: usize,
    /// How they are prepared.
    pub preparation: &'a Preparation,
}

fn tensors(latent: &Latent) -> Vec<ValueId> {
    latent.log_weights.into_iter().chain([latent.mean, latent.log_variance]).collect()
}

/// The part of a plan that its latents need.
fn narrowed(mut plan: Plan) -> Plan {
    let mut needed: BTreeSet<ValueId> = plan.latents.iter().flat_map(tensors).collect();
    let mut steps = Vec::new();
    while let Some(mut step) = plan.steps.pop() {
        if step.writes.iter().any(|write| needed.contains(write)) {
            needed.extend(step.reads.iter().copied());
            step.frees.clear();
            steps.push(step);
        }
    }
    steps.reverse();
    liveness::mark(&mut steps, plan.values.len(), &[]);
    Plan { steps, outputs: Vec::new(), ..plan }
}

fn observed(latent: &Latent, host: &dyn Fn(ValueId) -> Result<HostTensor>) -> Result<Observed> {
    let mean = host(latent.mean)?;
    let log_variance = host(latent.log_variance)?;
    let (images, components, dim) = match mean.shape[..] {
        [n, d] => (n, 1, d),
        [n, k, d] => (n, k, d),
        _ => return Err(unfit(format!("the means of `{}` have shape {:?}", latent.name, mean.shape))),
    };
    let log_weights = match latent.log_weights {
        Some(id) => host(id)?.data,
        None => vec![0.0; images],
    };
    let size = (components * dim).max(1);
    let rows = log_weights.chunks_exact(components.max(1));
    let each = rows.zip(mean.data.chunks_exact(size)).zip(log_variance.data.chunks_exact(size));
    let images = each
        .map(|((weights, mean), variance)| Distribution {
            log_weights: weights.to_vec(),
            mean: mean.to_vec(),
            log_variance: variance.to_vec(),
        })
        .collect();
    Ok(Observed {
        name: latent.name.clone(),
        path: latent.path.clone(),
        mixture: latent.log_weights.is_some(),
        components,
        dim,
        against: latent.against.clone(),
        images,
    })
}
