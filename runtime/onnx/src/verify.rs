//! An independent engine for ONNX models.
//!
//! Comes in: a model's bytes and an image. Goes out: what the engine, `rten`, computes, to be compared with what the
//! runtime computes. Guaranteed: nothing of the compiler or the runtime takes part.

use rten::{Model, ModelOptions, Value};
use rten_tensor::prelude::*;
use rten_tensor::{AsView, NdTensor, Tensor};

/// A model, loaded by the engine.
pub struct Engine {
    model: Model,
}

/// Values and their shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes, batch first.
    pub shape: Vec<usize>,
    /// Values.
    pub data: Vec<f32>,
}

impl Engine {
    /// Loads a model.
    ///
    /// # Errors
    /// What the engine says of operations that it lacks.
    pub fn load(bytes: Vec<u8>) -> Result<Self, String> {
        let model = ModelOptions::with_all_ops().load(bytes).map_err(|error| error.to_string())?;
        Ok(Self { model })
    }

    /// The first output for normalised images `[n, 3, h, w]`.
    ///
    /// # Errors
    /// What the engine says of an operation that fails.
    pub fn run(&self, images: &Array) -> Result<Array, String> {
        let [n, c, h, w] = images.shape[..] else { return Err("images have four axes".into()) };
        let input = NdTensor::<f32, 4>::from_data([n, c, h, w], images.data.clone());
        let (Some(image), Some(output)) = (self.model.input_ids().first(), self.model.output_ids().first())
        else {
            return Err("the model has no input or no output".into());
        };
        let inputs = vec![(*image, Value::from(input).into())];
        let results = self.model.run(inputs, &[*output], None).map_err(|error| error.to_string())?;
        let first = results.into_iter().next().ok_or("the engine gave nothing")?;
        let tensor: Tensor<f32> = first.try_into().map_err(|_| "the output is no float tensor")?;
        Ok(Array { shape: tensor.shape().to_vec(), data: tensor.to_vec() })
    }
}
