//! Watches the latent spaces of a network while it trains.
//!
//! Comes in: the network's weights and, now and then, a batch of the training or images of the validation split. Goes
//! out: lines of the log, snapshots of the components, and a warning when a space collapses. Guaranteed: training
//! itself is not touched, and a network without latents costs nothing.

use std::collections::{BTreeMap, BTreeSet};

use phg_compiler::Network;
use serde::Serialize;

use crate::bank::Bank;
use crate::data::batch::Preparation;
use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::exec::Bindings;
use crate::latents::measure::{self, Figures};
use crate::latents::observe::{Observed, Observer, Source};
use crate::precision::Precision;

/// A batch of the training is looked at every so many steps, and at the first one.
const EVERY: u64 = 50;

/// So many images of the validation split are looked at: what is measured are variances over images.
const IMAGES: usize = 32;

/// A line of the log: figures by latent, below the split that they were measured on, so that curves of two splits have
/// two names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Train(BTreeMap<String, Figures>),
    Val(BTreeMap<String, Figures>),
}

fn by_name(observed: &[Observed]) -> BTreeMap<String, Figures> {
    measure::figures(observed).into_iter().map(|figures| (figures.name.clone(), figures)).collect()
}

/// Looks at the latents.
pub(super) struct Watched {
    observer: Observer,
    /// Signs of collapse that were told.
    told: BTreeSet<(String, &'static str)>,
}

impl Watched {
    /// `None` for a network without latents.
    pub(super) fn new(
        network: &Network,
        bank: &Bank,
        precision: Precision,
        dataset: &dyn Dataset,
    ) -> Option<Self> {
        let observer = Observer::new(network, bank.device(), precision, dataset.table().void())?;
        Some(Self { observer, told: BTreeSet::new() })
    }

    /// Is a batch looked at after this step?
    pub(super) fn is_due(step: u64) -> bool {
        step == 1 || step.is_multiple_of(EVERY)
    }

    /// The latents of a batch that was trained on.
    ///
    /// # Errors
    /// Of a device that fails.
    pub(super) fn batch(&self, bank: &Bank, bindings: &Bindings) -> Result<Line> {
        Ok(Line::Train(by_name(&self.observer.batch(bank, bindings)?)))
    }

    /// The latents of images spread over the validation split; `None` when it is empty. `go_on` false stops early.
    ///
    /// # Errors
    /// Of the dataset, and of a device that fails.
    pub(super) fn split(
        &self,
        bank: &Bank,
        dataset: &dyn Dataset,
        preparation: &Preparation,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<(Line, Vec<Observed>)>> {
        let source = Source { dataset, split: Split::Val, images: IMAGES, preparation };
        let observed = self.observer.split(bank, &source, 0, &mut |_| go_on())?;
        if observed.is_empty() {
            return Ok(None);
        }
        Ok(Some((Line::Val(by_name(&observed)), observed)))
    }

    /// What should be said of a line that was not said before.
    pub(super) fn warnings(&mut self, line: &Line) -> Vec<String> {
        let mut notes = Vec::new();
        let (Line::Train(latents) | Line::Val(latents)) = line;
        for figures in latents.values() {
            for (sign, sentence) in measure::collapse(figures) {
                if self.told.insert((figures.name.clone(), sign)) {
                    notes.push(format!(
                        "{sentence}; `phgc latents` on the finished run says whether it is used"
                    ));
                }
            }
        }
        notes
    }
}
