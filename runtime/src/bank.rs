//! The tensors that a network owns: parameters and running statistics, by the names of its plan.
//!
//! Comes in: a plan's weights, and a seed or stored host tensors. Goes out: tensors on a device, and host tensors
//! for checkpoints. Guaranteed: first values depend on the seed and on each parameter's path alone; loading is
//! strict, so a bank holds exactly what its plan asks for; what was stored comes back bit for bit.

use std::collections::BTreeMap;

use burn::tensor::Device;
use phg_compiler::plan::{Init, Mode, Plan, Weight, WeightSource};

use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::{HostTensor, HostTensors};
use crate::random::{Purpose, Stream, counter};
use crate::tensor::{Value, each_float, unfit};

/// A parameter or a running statistic.
#[derive(Clone)]
struct Entry {
    value: Value,
    trainable: bool,
}

/// All tensors that a network owns.
///
/// A clone shares the tensors of the moment; what is set in one later is not seen in the other.
#[derive(Clone)]
pub struct Bank {
    device: Device,
    /// Trainable tensors carry gradients.
    train: bool,
    entries: BTreeMap<String, Entry>,
}

impl Bank {
    /// First values, drawn from `seed`.
    ///
    /// Tensors of a plan for training carry gradients; a bank made from it serves the plan for evaluation too.
    ///
    /// # Errors
    /// A weight of a rank that no tensor has.
    pub fn init(plan: &Plan, seed: u64, device: &Device) -> Result<Self> {
        let values = plan.weights.iter().map(|weight| (weight.name.clone(), first_values(weight, seed)));
        Self::from_values(plan, values.collect(), device)
    }

    /// Values that [`Bank::store`] returned, from this plan or from the same network's plan for training: where
    /// a plan for inference says so, a convolution's values are made from the stored convolution and batch norm.
    ///
    /// # Errors
    /// `phg::weights::missing` and `phg::weights::shape` for what the plan needs and `stored` does not have;
    /// `phg::weights::unexpected` for a stored name that the plan does not know (a plan for inference needs only
    /// a part, and leaves the rest).
    pub fn load(plan: &Plan, stored: &HostTensors, device: &Device) -> Result<Self> {
        let mut values = HostTensors::new();
        for weight in &plan.weights {
            values.insert(weight.name.clone(), recipe(weight, stored)?);
        }
        match plan.mode {
            Mode::Train | Mode::Eval => {
                let known = |name: &String| values.contains_key(name);
                if let Some(name) = stored.keys().find(|name| !known(name)) {
                    let message = format!("`{name}` is stored, but the network has no such parameter");
                    return Err(Error::new(codes::WEIGHTS_UNEXPECTED, Kind::Data, message)
                        .at(name)
                        .help(nearest(name, values.keys())));
                }
            }
            Mode::Infer => {}
        }
        Self::from_values(plan, values, device)
    }

    fn from_values(plan: &Plan, mut values: HostTensors, device: &Device) -> Result<Self> {
        let train = matches!(plan.mode, Mode::Train);
        let mut bank = Self { device: device.clone().inner(), train, entries: BTreeMap::new() };
        for weight in &plan.weights {
            let tensor = values.remove(&weight.name).ok_or_else(|| unknown(&weight.name))?;
            let value = Value::from_host(&tensor, &bank.device)?;
            bank.entries.insert(weight.name.clone(), Entry { value, trainable: weight.trainable });
            bank.set(&weight.name, bank.get(&weight.name)?.clone())?;
        }
        Ok(bank)
    }

    /// All values, bit for bit.
    ///
    /// # Errors
    /// A device that fails.
    pub fn store(&self) -> Result<HostTensors> {
        self.entries.iter().map(|(name, entry)| Ok((name.clone(), entry.value.to_host()?))).collect()
    }

    /// The device that the tensors are on, without autodiff.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// A name that the network does not have.
    pub fn get(&self, name: &str) -> Result<&Value> {
        self.entries.get(name).map(|entry| &entry.value).ok_or_else(|| unknown(name))
    }

    /// Replaces the tensor of that name; the new one starts a graph of its own.
    ///
    /// # Errors
    /// A name that the network does not have, or another shape.
    pub fn set(&mut self, name: &str, value: Value) -> Result<()> {
        let entry = self.entries.get_mut(name).ok_or_else(|| unknown(name))?;
        if entry.value.shape() != value.shape() {
            return Err(unfit(format!("`{name}` is {}, not {}", entry.value.describe(), value.describe())));
        }
        entry.value = if self.train && entry.trainable {
            each_float!(value, "a parameter", x => x.inner().autodiff().require_grad().into())
        } else {
            value.inner()
        };
        Ok(())
    }

    /// Names of the tensors that gradients reach, sorted.
    pub fn trainable(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, entry)| entry.trainable).map(|(name, _)| name.as_str())
    }

    /// Elements of all tensors, and of those that gradients reach.
    pub fn elements(&self) -> (u64, u64) {
        let count = |entry: &Entry| entry.value.shape().iter().product::<usize>() as u64;
        let trainable = self.entries.values().filter(|entry| entry.trainable).map(count).sum();
        (self.entries.values().map(count).sum(), trainable)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

fn unknown(name: &str) -> Error {
    unfit(format!("the network has no parameter `{name}`"))
}

/// The first values of a weight.
fn first_values(weight: &Weight, seed: u64) -> HostTensor {
    let len: usize = weight.shape.iter().product();
    let mut stream = Stream::new(seed, Purpose::Init, [counter(&weight.name), 0]);
    let data = match weight.init {
        Init::Constant(value) => vec![value; len],
        Init::Uniform { bound } => (0..len).map(|_| stream.uniform(-bound, bound)).collect(),
        Init::Normal { deviation } => (0..len).map(|_| deviation * stream.normal()).collect(),
        Init::Bilinear => bilinear(&weight.shape),
    };
    HostTensor { shape: weight.shape.clone(), data }
}

/// The weight `[i, o, kh, kw]` of a transposed convolution that enlarges each channel by itself with a triangle
/// filter; zeros for other ranks.
fn bilinear(shape: &[usize]) -> Vec<f32> {
    let &[inputs, outputs, rows, columns] = shape else {
        return vec![0.0; shape.iter().product()];
    };
    let tent = |size: usize, at: usize| {
        let factor = size.div_ceil(2) as f64;
        let centre = (size as f64 - 1.0) / 2.0;
        1.0 - (at as f64 - centre).abs() / factor
    };
    let mut data = vec![0.0; inputs * outputs * rows * columns];
    for input in 0..inputs {
        let filter = (input * outputs + input % outputs) * rows * columns;
        for row in 0..rows {
            for column in 0..columns {
                data[filter + row * columns + column] = (tent(rows, row) * tent(columns, column)) as f32;
            }
        }
    }
    data
}

/// A weight's values from what is stored.
fn recipe(weight: &Weight, stored: &HostTensors) -> Result<HostTensor> {
    match &weight.source {
        WeightSource::Stored => {
            let tensor = find(&weight.name, stored)?;
            if tensor.shape != weight.shape {
                let message = format!("`{}` is stored with shape {:?}", weight.name, tensor.shape);
                return Err(Error::new(codes::WEIGHTS_SHAPE, Kind::Data, message).at(&weight.name).help(
                    format!(
                        "the network wants {:?}: use the spec that the run was trained with",
                        weight.shape
                    ),
                ));
            }
            Ok(tensor.clone())
        }
        WeightSource::FoldedWeight { weight: name, norm, epsilon } => {
            let (convolution, norm) = (find(name, stored)?, Norm::find(norm, *epsilon, stored)?);
            let outputs = convolution.shape.first().copied().unwrap_or(0);
            let taps = convolution.data.len().checked_div(outputs).unwrap_or(0);
            norm.check(outputs, name)?;
            let scaled = |(at, value): (usize, &f32)| (f64::from(*value) * norm.factor(at / taps)) as f32;
            let data = convolution.data.iter().enumerate().map(scaled).collect();
            fits(weight, HostTensor { shape: convolution.shape.clone(), data })
        }
        WeightSource::FoldedBias { bias, norm, epsilon } => {
            let norm = Norm::find(norm, *epsilon, stored)?;
            let outputs = weight.shape.iter().product();
            norm.check(outputs, &weight.name)?;
            let bias = bias.as_ref().map(|name| find(name, stored)).transpose()?;
            let data = (0..outputs).map(|at| {
                let bias = bias.and_then(|bias| bias.data.get(at)).map_or(0.0, |value| f64::from(*value));
                norm.shift(at, bias) as f32
            });
            fits(weight, HostTensor { shape: weight.shape.clone(), data: data.collect() })
        }
    }
}

fn fits(weight: &Weight, tensor: HostTensor) -> Result<HostTensor> {
    if tensor.shape == weight.shape {
        Ok(tensor)
    } else {
        Err(unfit(format!("`{}` is folded to {:?}, not {:?}", weight.name, tensor.shape, weight.shape)))
    }
}

/// A stored batch norm.
struct Norm<'a> {
    scale: &'a [f32],
    offset: &'a [f32],
    mean: &'a [f32],
    variance: &'a [f32],
    epsilon: f64,
}

impl<'a> Norm<'a> {
    fn find(path: &str, epsilon: f32, stored: &'a HostTensors) -> Result<Self> {
        let part = |part: &str| find(&format!("{path}.{part}"), stored).map(|tensor| tensor.data.as_slice());
        Ok(Self {
            scale: part("scale")?,
            offset: part("offset")?,
            mean: part("mean")?,
            variance: part("variance")?,
            epsilon: f64::from(epsilon),
        })
    }

    fn check(&self, channels: usize, name: &str) -> Result<()> {
        if [self.scale, self.offset, self.mean, self.variance].iter().all(|part| part.len() == channels) {
            return Ok(());
        }
        let message = format!("the batch norm after `{name}` is stored with another number of channels");
        Err(Error::new(codes::WEIGHTS_SHAPE, Kind::Data, message)
            .at(name)
            .help("use the spec that the run was trained with"))
    }

    /// What the convolution's values of a channel are multiplied by.
    fn factor(&self, channel: usize) -> f64 {
        f64::from(self.scale[channel]) / (f64::from(self.variance[channel]) + self.epsilon).sqrt()
    }

    /// The folded bias of a channel.
    fn shift(&self, channel: usize, bias: f64) -> f64 {
        f64::from(self.offset[channel]) + (bias - f64::from(self.mean[channel])) * self.factor(channel)
    }
}

fn find<'a>(name: &str, stored: &'a HostTensors) -> Result<&'a HostTensor> {
    stored.get(name).ok_or_else(|| {
        Error::new(codes::WEIGHTS_MISSING, Kind::Data, format!("`{name}` is not stored"))
            .at(name)
            .help(nearest(name, stored.keys()))
    })
}

/// A help that names what is there and reads most like `name`.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> String {
    let mut scored: Vec<_> =
        names.map(|other| (strsim::normalized_levenshtein(name, other), other)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let close: Vec<_> = scored.iter().take(3).map(|(_, other)| format!("`{other}`")).collect();
    if close.is_empty() {
        return "there are no others: use the spec that the run was trained with".into();
    }
    format!("use the spec that the run was trained with; the nearest names are {}", close.join(", "))
}

#[cfg(test)]
mod tests;
