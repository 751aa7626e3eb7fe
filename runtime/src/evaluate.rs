//! Evaluation: a model and a split go in, one confusion matrix over the whole split comes out.

use std::sync::Arc;

use crate::codes;
use crate::data::batch::{Feed, Preparation};
use crate::data::loader::{Loader, Options};
use crate::data::order::Plan;
use crate::data::{Dataset, Split};
use crate::error::{Error, Kind, Result};
use crate::exec::Bindings;
use crate::host::HostTensor;
use crate::metrics::{At, Confusion, Evaluation, Scores};
use crate::model::Model;

/// What to evaluate on.
pub struct Evaluating<'a> {
    /// The data; its table must be the model's.
    pub dataset: Arc<dyn Dataset>,
    /// Which part.
    pub split: Split,
    /// At which resolution predictions meet labels.
    pub at: At,
    /// Images at once.
    pub batch: usize,
    /// Threads that load.
    pub threads: usize,
    /// Called after each batch with the images done and their number in all; false stops.
    pub progress: &'a mut dyn FnMut(usize, usize) -> bool,
}

/// Scores `model`.
///
/// # Errors
/// `phg::data::table` when dataset and model have different classes, those of loading and of the device, and
/// `phg::run::interrupted` when `progress` stops it.
pub fn evaluate(model: &Model, on: Evaluating<'_>) -> Result<Evaluation> {
    let table = &model.table;
    let names = |t: &crate::data::table::ClassTable| {
        t.classes.iter().map(|c| (c.name.clone(), c.void)).collect::<Vec<_>>()
    };
    if names(table) != names(on.dataset.table()) {
        let message = format!(
            "the run was trained on the classes of `{}`, the dataset has those of `{}`",
            table.name,
            on.dataset.table().name
        );
        return Err(Error::new(codes::DATA_TABLE, Kind::Data, message).at(on.dataset.name()));
    }
    let preparation = Preparation { keep_full_labels: on.at == At::Labels, ..*model.preparation() };
    let feed = Arc::new(Feed::new(Arc::clone(&on.dataset), on.split, preparation)?);
    let images = feed.len();
    let plan = Plan::evaluation(images, on.batch)?;
    let options = Options { threads: on.threads, prefetch: 2 };
    let loader = Loader::start(feed, plan, 0..plan.per_epoch(), options)?;
    let mut confusion = Confusion::new(table);
    let mut resolution: Option<Option<[usize; 2]>> = None;
    let mut done = 0;
    for batch in loader {
        let batch = batch?;
        let shape = vec![batch.n, 3, batch.height, batch.width];
        let bindings = Bindings::from_host(&HostTensor { shape, data: batch.images }, None, model.device())?;
        let mut see = |size: [usize; 2]| {
            resolution = Some(match resolution {
                None => Some(size),
                Some(known) => known.filter(|known| *known == size),
            });
        };
        match on.at {
            At::Input => {
                let size = [batch.height, batch.width];
                see(size);
                confusion.add(&batch.labels, &model.classify(bindings.images, size)?)?;
            }
            At::Labels => {
                let first = batch.full_labels.first().map(|labels| [labels.height, labels.width]);
                let same =
                    batch.full_labels.iter().all(|labels| Some([labels.height, labels.width]) == first);
                if let (true, Some(size)) = (same, first) {
                    see(size);
                    let truth: Vec<u8> =
                        batch.full_labels.iter().flat_map(|labels| labels.data.iter().copied()).collect();
                    confusion.add(&truth, &model.classify(bindings.images, size)?)?;
                } else {
                    for (at, labels) in batch.full_labels.iter().enumerate() {
                        let size = [labels.height, labels.width];
                        see(size);
                        let image = bindings.images.clone().narrow(0, at, 1);
                        confusion.add(&labels.data, &model.classify(image, size)?)?;
                    }
                }
            }
        }
        done += batch.n;
        if !(on.progress)(done, images) {
            return Err(Error::new(codes::RUN_INTERRUPTED, Kind::Training, "the evaluation was interrupted"));
        }
    }
    Ok(Evaluation {
        scores: Scores::new(&confusion, table),
        images: done as u64,
        resolution: resolution.flatten(),
        at: on.at,
        checkpoint: model.checkpoint.clone(),
        data: on.dataset.name().to_owned(),
        split: on.split,
    })
}
