//! A trained network: a run folder goes in, class maps of images come out.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use phg_compiler::bundle::Bundle;
use phg_compiler::plan::{Mode, Role, Scores, ValueId};
use phg_compiler::{Network, Request, compile};

use crate::bank::Bank;
use crate::codes;
use crate::data::augment::Augment;
use crate::data::batch::Preparation;
use crate::data::table::ClassTable;
use crate::data::{Image, LabelMap};
use crate::device::{self, DeviceName};
use crate::error::{Error, Kind, Result};
use crate::exec::{Bindings, Executor, Outputs};
use crate::host::HostTensor;
use crate::instr::resize::resize;
use crate::precision::Precision;
use crate::run::checkpoint::{Checkpoints, Loaded, Which};
use crate::run::{Manifest, folder};
use crate::tensor::Value;
use crate::views::{self, Views};
use phg_compiler::plan::instr::ResizeMode;

/// A network for inference with its weights and classes.
pub struct Model {
    /// What was compiled.
    pub network: Network,
    /// The classes that its channels stand for.
    pub table: ClassTable,
    /// The name of the checkpoint that it was loaded from, such as `step-924`.
    pub checkpoint: String,
    /// Sentences for the user about loading.
    pub notes: Vec<String>,
    /// May predictions be void?
    pub predict_void: bool,
    /// The looks that predictions of an image are averaged over; one unless set.
    pub views: Views,
    executor: Executor,
    bank: Bank,
    preparation: Preparation,
    scores: Scores,
}

impl Model {
    /// Loads the run in `path` for inference; of a run with averaged weights, those.
    ///
    /// # Errors
    /// `phg::run::missing` and `damaged`, those of [`Checkpoints::load`], of weights that do not fit, and
    /// `phg::run::damaged` when the run's spec does not compile with this version.
    pub fn load(path: impl AsRef<Path>, which: Which, device: DeviceName) -> Result<Self> {
        let path = path.as_ref();
        let manifest = folder::read_manifest(path)?;
        let loaded = Checkpoints::new(path.join("checkpoints")).load(which)?;
        Self::from_checkpoint(&manifest, loaded, &device::open(device)?)
    }

    fn from_checkpoint(manifest: &Manifest, loaded: Loaded, device: &Device) -> Result<Self> {
        let contents = loaded.contents;
        let network = recompile(&contents.spec, &contents.parameters)?;
        let stored = contents.into_predicting();
        let mut model = Self::new(network, manifest.data.table.clone(), device, |plan| {
            Bank::load(plan, &stored, device)
        })?;
        model.checkpoint = loaded.name;
        model.notes = loaded.notes;
        Ok(model)
    }

    /// A network with the weights that `bank` makes for its inference plan.
    ///
    /// # Errors
    /// `phg::run::damaged` when the network has no prediction, and those of `bank`.
    pub fn new(
        network: Network,
        table: ClassTable,
        device: &Device,
        bank: impl FnOnce(&phg_compiler::Plan) -> Result<Bank>,
    ) -> Result<Self> {
        let plan = network.plan(Mode::Infer);
        let output = plan.outputs.iter().find(|output| output.role == Role::Prediction);
        let Some(scores) = output.map(|output| output.scores) else {
            return Err(Error::new(codes::RUN_DAMAGED, Kind::Data, "the network has no prediction"));
        };
        let training = &network.training;
        let preparation = Preparation {
            size: training.resize,
            mean: training.mean,
            std: training.deviation,
            augment: Augment::NONE,
            keep_full_labels: false,
        };
        let bank = bank(&plan)?;
        Ok(Self {
            predict_void: training.predict_void,
            views: Views::default(),
            executor: Executor::new(plan, device),
            network,
            table,
            checkpoint: String::new(),
            notes: Vec::new(),
            bank,
            preparation,
            scores,
        })
    }

    /// The same, computing in the numbers of `precision`.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { executor: self.executor.with_precision(precision), ..self }
    }

    /// How images are prepared for the network, without augmentation.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// Scores `[n, classes, h, w]` of normalised images `[n, 3, h, w]`; larger is likelier. Probabilities come
    /// as their logarithms, so that resizing them gives the classes that resized logits would give.
    ///
    /// # Errors
    /// Images of a size that the network does not take.
    pub fn scores(&self, images: Tensor<4>) -> Result<Tensor<4>> {
        let outputs = self.executor.run(&self.bank, &pictures(images))?;
        self.prediction(outputs)
    }

    /// The scores among what the plan gave.
    fn prediction(&self, outputs: Outputs) -> Result<Tensor<4>> {
        let first = outputs.predictions.into_iter().next();
        let (_, scores) = first
            .ok_or_else(|| Error::new(codes::RUN_DAMAGED, Kind::Data, "the network has no prediction"))?;
        Ok(match self.scores {
            Scores::Logits => scores,
            // The smallest normal number keeps the logarithm finite.
            Scores::Probabilities => scores.clamp_min(f32::MIN_POSITIVE).log(),
        })
    }

    /// Class ids `[n][h][w]` at `size` (rows, columns): scores are resized bilinearly, then the largest of the
    /// classes wins; void takes part only where `predict_void` says so.
    ///
    /// # Errors
    /// As [`Model::scores`], and of a device that fails.
    pub fn classify(&self, images: Tensor<4>, size: [usize; 2]) -> Result<Vec<u8>> {
        self.winners(resize(self.scores(images)?, ResizeMode::Bilinear, size)?)
    }

    /// As [`Model::classify`], by a network whose values are edited while it runs.
    ///
    /// # Errors
    /// As [`Model::classify`], and what `edit` returns.
    pub(crate) fn classify_edited(
        &self,
        images: Tensor<4>,
        size: [usize; 2],
        edit: &mut (dyn FnMut(ValueId, &mut Value) -> Result<()> + Send),
    ) -> Result<Vec<u8>> {
        let outputs = self.executor.run_edited(&self.bank, &pictures(images), edit)?;
        self.winners(resize(self.prediction(outputs)?, ResizeMode::Bilinear, size)?)
    }

    /// What it executes.
    pub fn plan(&self) -> &phg_compiler::Plan {
        self.executor.plan()
    }

    /// The class map of an image, at the image's own size, averaged over [`Model::views`].
    ///
    /// # Errors
    /// As [`Model::predict_at`].
    pub fn predict(&self, image: &Image) -> Result<LabelMap> {
        self.predict_at(image, [image.height, image.width])
    }

    /// The class map of an image at `size` (rows, columns), averaged over [`Model::views`].
    ///
    /// # Errors
    /// As [`Model::classify`], and `phg::data::preparation` for views that cannot be.
    pub fn predict_at(&self, image: &Image, size: [usize; 2]) -> Result<LabelMap> {
        let data = if self.views.is_single() {
            let batch = self.preparation.picture(image)?;
            let shape = vec![1, 3, batch.height, batch.width];
            let images = HostTensor { shape, data: batch.images };
            let bindings = Bindings::from_host(&images, None, self.device())?;
            self.classify(bindings.images, size)?
        } else {
            let score = |images| self.scores(images);
            let (views, device) = (&self.views, self.device());
            self.winners(views::probabilities(views, image, &self.preparation, size, device, &score)?)?
        };
        Ok(LabelMap { width: size[1], height: size[0], data })
    }

    /// The class with the largest score at each pixel of `[n, classes, h, w]`.
    fn winners(&self, scores: Tensor<4>) -> Result<Vec<u8>> {
        let [n, channels, rows, columns] = scores.dims();
        let host = Value::from(scores).to_host()?;
        let void = if self.predict_void { None } else { self.table.void().map(usize::from) };
        Ok(largest(&host, [n, channels, rows * columns], void))
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        self.bank.device()
    }
}

/// Images without labels.
fn pictures(images: Tensor<4>) -> Bindings {
    Bindings { images, labels: None, void: None, class_weights: None, step: 0, update: 0, seed: 0 }
}

/// The place of the largest channel at each pixel, `void` left out; of equal ones the first.
fn largest(scores: &HostTensor, [n, channels, pixels]: [usize; 3], void: Option<usize>) -> Vec<u8> {
    let mut ids = Vec::with_capacity(n * pixels);
    for image in scores.data.chunks_exact((channels * pixels).max(1)) {
        let mut best = vec![f32::NEG_INFINITY; pixels];
        let mut place = vec![0u8; pixels];
        for (channel, plane) in image.chunks_exact(pixels.max(1)).enumerate() {
            if Some(channel) == void {
                continue;
            }
            for ((best, place), value) in best.iter_mut().zip(&mut place).zip(plane) {
                if value > best {
                    *best = *value;
                    *place = channel as u8;
                }
            }
        }
        ids.extend(place);
    }
    ids
}

/// Compiles the spec of a run again, with the `--set` of its command.
///
/// # Errors
/// `phg::run::damaged` when it does not compile.
pub fn recompile(bundle: &str, parameters: &serde_json::Value) -> Result<Network> {
    let damaged = |why: String| {
        Error::new(codes::RUN_DAMAGED, Kind::Data, format!("the run's spec does not compile: {why}"))
            .help("use the version of phgc that the run's manifest names")
    };
    let bundle = Bundle::parse(bundle).ok_or_else(|| damaged("it names no file".into()))?;
    let sets: Vec<(String, String)> = parameters
        .get("set")
        .and_then(|set| set.as_array())
        .into_iter()
        .flatten()
        .filter_map(|pair| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned())))
        .collect();
    let request = Request { sets: &sets, provider: &bundle, ..Request::new(&bundle.root, bundle.spec()) };
    let compilation = compile(&request);
    let first = compilation.diags.iter().find(|diag| diag.is_error()).map(|diag| diag.message.clone());
    compilation.network.ok_or_else(|| damaged(first.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_class_wins_and_void_never_does() {
        let scores = HostTensor { shape: vec![1, 3, 1, 2], data: vec![0.1, 0.9, 0.7, 0.2, 0.6, 0.9] };
        assert_eq!(largest(&scores, [1, 3, 2], None), [1, 0]);
        assert_eq!(largest(&scores, [1, 3, 2], Some(1)), [2, 0]);
        assert_eq!(largest(&scores, [1, 3, 2], Some(0)), [1, 2]);
    }

    const TABLE: &str = "name = \"two\"\n[[class]]\nid = 0\nname = \"a\"\ncolour = [1, 2, 3]\n\
                         [[class]]\nid = 1\nname = \"b\"\ncolour = [4, 5, 6]\n";

    /// A network of two classes with random weights.
    fn network(kernel: usize) -> Model {
        let text = format!(
            "input image: float[N, 3, H, W]\nlet x = image |> conv(2, kernel: {kernel})\noutput y = softmax(x)\n"
        );
        let network = compile(&Request::new("two.phg", &text)).network.unwrap();
        let device = Device::flex();
        let table = ClassTable::parse(TABLE, "test").unwrap();
        Model::new(network, table, &device, |plan| Bank::init(plan, 5, &device)).unwrap()
    }

    fn picture(symmetric: bool) -> Image {
        let (width, height) = (10usize, 6usize);
        let value = |at: usize| {
            let (row, column, channel) = (at / 3 / width, at / 3 % width, at % 3);
            let column = if symmetric { column.min(width - 1 - column) } else { column };
            (row * 41 + column * 67 + channel * 29 + row * column * 13) as u8
        };
        Image { width, height, data: (0..3 * width * height).map(value).collect() }
    }

    #[test]
    fn views_of_a_symmetric_picture_change_nothing() {
        let mut pointwise = network(1);
        let plain = pointwise.predict(&picture(true)).unwrap();
        assert!(plain.data.contains(&0) && plain.data.contains(&1), "a prediction that says something");
        pointwise.views.flip = true;
        assert_eq!(pointwise.predict(&picture(true)).unwrap(), plain);
        // What sees one pixel only says the same through any window.
        pointwise.views = Views { window: Some([4, 5]), ..Views::default() };
        assert_eq!(pointwise.predict(&picture(true)).unwrap(), plain);
    }

    #[test]
    fn a_window_as_large_as_the_input_is_none_and_a_smaller_one_is_not() {
        let mut network = network(5);
        let image = picture(false);
        let plain = network.predict(&image).unwrap();
        network.views.window = Some([6, 10]);
        assert_eq!(network.predict(&image).unwrap(), plain);
        network.views.window = Some([600, 600]);
        assert_eq!(network.predict(&image).unwrap(), plain);
        network.views.window = Some([2, 3]);
        assert_ne!(network.predict(&image).unwrap(), plain, "edges of windows are padded with zeros");
        network.views = Views { scales: vec![0.0], ..Views::default() };
        assert_eq!(network.predict(&image).unwrap_err().code, codes::DATA_PREPARATION);
    }
}
