//! Evaluation: a model and a split go in; one confusion matrix over the whole split comes out, or each image's truth
//! and prediction, for other measures.

use std::borrow::Cow;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use phg_compiler::plan::ValueId;

use crate::codes;
use crate::data::batch::{Batch, Feed, Preparation};
use crate::data::loader::{Loader, Options};
use crate::data::order::Plan;
use crate::data::table::ClassTable;
use crate::data::{Dataset, Image, LabelMap, Split, resize};
use crate::error::{Error, Kind, Result};
use crate::exec::Bindings;
use crate::host::HostTensor;
use crate::metrics::{At, Confusion, Evaluation, Scores};
use crate::model::Model;
use crate::tensor::Value;

/// What to evaluate on.
pub struct Evaluating<'a> {
    /// The data; its table must be the model's.
    pub dataset: Arc<dyn Dataset>,
    /// Which part.
    pub split: Split,
    /// Only so many images, the first ones of the split.
    pub first: Option<usize>,
    /// At which resolution predictions meet labels.
    pub at: At,
    /// Images at once; images that are looked at in several ways come one by one.
    pub batch: usize,
    /// Threads that load.
    pub threads: usize,
    /// Called after each batch with the images done and their number in all; false stops.
    pub progress: &'a mut dyn FnMut(usize, usize) -> bool,
}

/// An image of a split, seen by a network.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its place in the split.
    pub index: usize,
    /// Rows and columns at which pixels are compared.
    pub size: [usize; 2],
    /// `[rows][columns]`, the true classes.
    pub truth: &'a [u8],
    /// `[rows][columns]`, the predicted ones.
    pub prediction: &'a [u8],
}

/// Scores `model`.
///
/// # Errors
/// As [`each`].
pub fn evaluate(model: &Model, on: Evaluating<'_>) -> Result<Evaluation> {
    let mut confusion = Confusion::new(&model.table);
    let mut resolution: Option<Option<[usize; 2]>> = None;
    let mut images = 0;
    let (at, split, data) = (on.at, on.split, on.dataset.name().to_owned());
    each(model, on, &mut |seen| {
        images += 1;
        resolution = Some(match resolution {
            None => Some(seen.size),
            Some(known) => known.filter(|known| *known == seen.size),
        });
        confusion.add(seen.truth, seen.prediction)
    })?;
    Ok(Evaluation {
        scores: Scores::new(&confusion, &model.table),
        images,
        resolution: resolution.flatten(),
        at,
        checkpoint: model.checkpoint.clone(),
        data,
        split,
        views: model.views.clone(),
    })
}

/// Shows every image to `model` and what it says of it to `see`, in the order of the split.
///
/// # Errors
/// `phg::data::table` when dataset and model have different classes, those of loading, of the device and of `see`,
/// and `phg::run::interrupted` when `progress` stops it.
pub fn each(model: &Model, on: Evaluating<'_>, see: &mut dyn FnMut(Seen<'_>) -> Result<()>) -> Result<()> {
    same_classes(&model.table, on.dataset.as_ref())?;
    if model.views.is_single() {
        in_batches(model, on, &mut |images, _, size| model.classify(images, size), see)
    } else {
        one_by_one(model, on, see)
    }
}

/// As [`each`], in one look, by a network whose values are edited: `edit` is shown each value of a batch as it is
/// written, with the place in the split of the batch's first image.
///
/// # Errors
/// As [`each`], and what `edit` returns.
pub(crate) fn each_edited(
    model: &Model,
    on: Evaluating<'_>,
    edit: &mut (dyn FnMut(usize, ValueId, &mut Value) -> Result<()> + Send),
    see: &mut dyn FnMut(Seen<'_>) -> Result<()>,
) -> Result<()> {
    same_classes(&model.table, on.dataset.as_ref())?;
    let mut predict = |images, from, size| {
        model.classify_edited(images, size, &mut |id, value: &mut Value| edit(from, id, value))
    };
    in_batches(model, on, &mut predict, see)
}

/// Class ids of images, the first of which has this place in the split, at a size.
type Predict<'a> = &'a mut dyn FnMut(Tensor<4>, usize, [usize; 2]) -> Result<Vec<u8>>;

/// An image of a split, seen by several networks.
#[derive(Clone, Copy, Debug)]
pub struct SeenByAll<'a> {
    /// Its place in the split.
    pub index: usize,
    /// The image, at its own size.
    pub image: &'a Image,
    /// The true classes, at the size at which pixels are compared.
    pub truth: &'a LabelMap,
    /// What each network says, at that size.
    pub predictions: &'a [LabelMap],
}

/// Shows every image to all `models`, each prepared as its network wants it, and what they say to `see`. Pixels are
/// compared at the labels' resolution, or at the input resolution of the first model.
///
/// # Errors
/// As [`each`].
pub fn together(
    models: &[Model],
    on: Evaluating<'_>,
    see: &mut dyn FnMut(SeenByAll<'_>) -> Result<()>,
) -> Result<()> {
    models.iter().try_for_each(|model| same_classes(&model.table, on.dataset.as_ref()))?;
    let images = on.dataset.len(on.split).min(on.first.unwrap_or(usize::MAX));
    Plan::evaluation(images, 1)?;
    for index in 0..images {
        let sample = on.dataset.sample(on.split, index)?;
        let input = models.first().and_then(|model| model.preparation().size);
        let truth = truth(&sample.labels, on.at, input);
        let size = [truth.height, truth.width];
        let said: Result<Vec<LabelMap>> =
            models.iter().map(|model| model.predict_at(&sample.image, size)).collect();
        see(SeenByAll { index, image: &sample.image, truth: &truth, predictions: &said? })?;
        if !(on.progress)(index + 1, images) {
            return Err(interrupted());
        }
    }
    Ok(())
}

/// Whether the classes of a dataset are those that a run was trained on.
///
/// # Errors
/// `phg::data::table`.
pub fn same_classes(table: &ClassTable, dataset: &dyn Dataset) -> Result<()> {
    let names = |t: &ClassTable| t.classes.iter().map(|c| (c.name.clone(), c.void)).collect::<Vec<_>>();
    if names(table) == names(dataset.table()) {
        return Ok(());
    }
    let message = format!(
        "the run was trained on the classes of `{}`, the dataset has those of `{}`",
        table.name,
        dataset.table().name
    );
    Err(Error::new(codes::DATA_TABLE, Kind::Data, message).at(dataset.name()))
}

/// The true classes at the resolution at which pixels are compared: the labels' own, or that of the network's input.
fn truth(labels: &LabelMap, at: At, input: Option<[usize; 2]>) -> Cow<'_, LabelMap> {
    match (at, input) {
        (At::Input, Some([height, width])) => resize::labels(labels, height, width),
        (At::Labels, _) | (At::Input, None) => Cow::Borrowed(labels),
    }
}

fn interrupted() -> Error {
    Error::new(codes::RUN_INTERRUPTED, Kind::Training, "the evaluation was interrupted")
}

fn in_batches(
    model: &Model,
    on: Evaluating<'_>,
    predict: Predict<'_>,
    see: &mut dyn FnMut(Seen<'_>) -> Result<()>,
) -> Result<()> {
    let preparation = Preparation { keep_full_labels: on.at == At::Labels, ..*model.preparation() };
    let feed = Arc::new(Feed::new(Arc::clone(&on.dataset), on.split, preparation)?);
    let images = feed.len().min(on.first.unwrap_or(usize::MAX));
    let plan = Plan::evaluation(images, on.batch)?;
    let options = Options { threads: on.threads, prefetch: 2 };
    let loader = Loader::start(feed, plan, 0..plan.per_epoch(), options)?;
    let mut done = 0;
    for batch in loader {
        let batch = batch?;
        let n = batch.n;
        classify(model.device(), batch, on.at, done, predict, see)?;
        done += n;
        if !(on.progress)(done, images) {
            return Err(interrupted());
        }
    }
    Ok(())
}

/// One batch, whose first image is the split's number `from`.
fn classify(
    device: &Device,
    batch: Batch,
    at: At,
    from: usize,
    predict: Predict<'_>,
    see: &mut dyn FnMut(Seen<'_>) -> Result<()>,
) -> Result<()> {
    let Batch { images, labels, full_labels, n, height, width, .. } = batch;
    let images = HostTensor { shape: vec![n, 3, height, width], data: images };
    let images = Bindings::from_host(&images, None, device)?.images;
    let truths: Vec<([usize; 2], &[u8])> = match at {
        At::Input => {
            let pixels = (height * width).max(1);
            labels.chunks_exact(pixels).map(|truth| ([height, width], truth)).collect()
        }
        At::Labels => {
            full_labels.iter().map(|labels| ([labels.height, labels.width], &labels.data[..])).collect()
        }
    };
    let first = truths.first().map(|(size, _)| *size);
    let alike = first.filter(|first| truths.iter().all(|(size, _)| size == first));
    // Images of one size are brought to it together.
    let together = alike.map(|size| predict(images.clone(), from, size)).transpose()?;
    for (place, (size, truth)) in truths.into_iter().enumerate() {
        let alone;
        let prediction = match &together {
            Some(all) => all.get(place * truth.len()..(place + 1) * truth.len()).unwrap_or_default(),
            None => {
                alone = predict(images.clone().narrow(0, place, 1), from + place, size)?;
                alone.as_slice()
            }
        };
        see(Seen { index: from + place, size, truth, prediction })?;
    }
    Ok(())
}

/// Looks are made of the image's own pixels, so each image is read whole.
fn one_by_one(model: &Model, on: Evaluating<'_>, see: &mut dyn FnMut(Seen<'_>) -> Result<()>) -> Result<()> {
    let images = on.dataset.len(on.split).min(on.first.unwrap_or(usize::MAX));
    // As in batches, so that an empty split is the same error.
    Plan::evaluation(images, 1)?;
    for index in 0..images {
        let sample = on.dataset.sample(on.split, index)?;
        let truth = truth(&sample.labels, on.at, model.preparation().size);
        let size = [truth.height, truth.width];
        let said = model.predict_at(&sample.image, size)?;
        see(Seen { index, size, truth: &truth.data, prediction: &said.data })?;
        if !(on.progress)(index + 1, images) {
            return Err(interrupted());
        }
    }
    Ok(())
}
