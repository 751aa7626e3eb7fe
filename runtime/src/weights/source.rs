//! Files of weights: safetensors, what `torch.save` wrote, and host tensors in their place.
//!
//! Comes in: a file's path. Goes out: names, shapes and types, and the values of each tensor when they are asked for.
//! Guaranteed: what is no such file, or is cut off, is an error; prefixes and keys that are taken off are told.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensors};

use super::{Element, pytorch};
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::HostTensors;

/// What is known of a tensor before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub element: Element,
}

/// Where the values of a tensor are.
pub(super) enum Values {
    Torch(pytorch_reader::Tensor),
    /// A range of the bytes of a file.
    Bytes(Arc<Vec<u8>>, std::ops::Range<usize>),
    Host(Vec<f32>),
}

/// Tensors of a file by name.
pub(super) type Tensors = BTreeMap<String, (Stored, Values)>;

/// Named tensors from elsewhere.
pub struct Source {
    /// What messages call it: its path.
    pub name: String,
    /// `safetensors`, `PyTorch` or `run`.
    pub kind: &'static str,
    /// BLAKE3 of the file; of a run, of the tensors as a file would have them.
    pub blake3: String,
    /// Sentences for the user: what was taken off of names.
    pub notes: Vec<String>,
    tensors: Tensors,
}

/// What DataParallel puts before every name.
const MODULE: &str = "module.";

impl Source {
    /// Looks into a file. Of a PyTorch file with more than weights, `key` names the dictionary that holds them.
    ///
    /// # Errors
    /// `phg::weights::file` for a file that is not there, cut off or of another kind; `phg::weights::code` for a pickle
    /// that holds more than plain values and tensors.
    pub fn open(path: &Path, key: Option<&str>) -> Result<Self> {
        let refuse = |why: String| unreadable(path, &why);
        let mut head = Vec::new();
        let mut file = File::open(path).map_err(|error| {
            let absent = error.kind() == std::io::ErrorKind::NotFound;
            refuse(if absent { "there is no such file".into() } else { error.to_string() })
        })?;
        file.by_ref().take(9).read_to_end(&mut head).map_err(|error| refuse(error.to_string()))?;
        if head.is_empty() {
            return Err(refuse("the file is empty".into()));
        }
        let blake3 = digest(path).map_err(|error| refuse(error.to_string()))?;
        let safe =
            path.extension().is_some_and(|ending| ending == "safetensors") || head.get(8) == Some(&b'{');
        let (kind, tensors, notes) = if safe {
            ("safetensors", safetensors(path)?, Vec::new())
        } else {
            let (tensors, notes) = pytorch::open(path, key)?;
            ("PyTorch", tensors, notes)
        };
        if tensors.is_empty() {
            return Err(refuse("there are no tensors in it".into()));
        }
        let mut source = Self { name: path.display().to_string(), kind, blake3, notes, tensors };
        source.take_off(MODULE);
        Ok(source)
    }

    /// Tensors at hand.
    pub fn of_values(name: String, kind: &'static str, blake3: String, values: HostTensors) -> Self {
        let tensors = values.into_iter().map(|(name, tensor)| {
            let stored = Stored { shape: tensor.shape, element: Element::F32 };
            (name, (stored, Values::Host(tensor.data)))
        });
        Self { name, kind, blake3, notes: Vec::new(), tensors: tensors.collect() }
    }

    /// Removes what all names begin with.
    fn take_off(&mut self, prefix: &str) {
        if self.tensors.keys().all(|name| name.starts_with(prefix)) {
            let tensors = std::mem::take(&mut self.tensors).into_iter();
            self.tensors = tensors.map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect();
            self.notes.push(format!("`{prefix}` is taken off every name"));
        }
    }

    /// Names and what is known, sorted.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Stored)> {
        self.tensors.iter().map(|(name, (stored, _))| (name.as_str(), stored))
    }

    /// The values of a tensor, as 32-bit floats.
    ///
    /// # Errors
    /// `phg::weights::dtype` for what is no float, `phg::weights::file` for a file that ends too early.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>> {
        let refuse = |why: String| unreadable(Path::new(&self.name), &why);
        let (stored, values) =
            self.tensors.get(name).ok_or_else(|| refuse(format!("there is no tensor `{name}`")))?;
        let bytes = match values {
            Values::Host(values) => return Ok(values.clone()),
            Values::Torch(tensor) => &tensor.read().map_err(|error| refuse(error.to_string()))?,
            Values::Bytes(bytes, range) => bytes.get(range.clone()).unwrap_or_default(),
        };
        let values = stored.element.floats(bytes).ok_or_else(|| {
            let message = format!("`{name}` holds {}, not floats", stored.element.name());
            Error::new(codes::WEIGHTS_DTYPE, Kind::Data, message).at(&self.name)
        })?;
        if crate::host::HostTensor::elements(&stored.shape) != Some(values.len()) {
            return Err(refuse(format!("`{name}` of shape {:?} has {} values", stored.shape, values.len())));
        }
        Ok(values)
    }
}

/// The error for a file that cannot be used.
pub(super) fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(codes::WEIGHTS_FILE, Kind::Data, format!("the weights cannot be read: {why}")).at(path.display()).help(
        "name a whole file that `torch.save(model.state_dict(), FILE)` wrote, a safetensors file, or a run folder",
    )
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// What safetensors calls the types of numbers.
const ELEMENTS: [(Dtype, Element); 13] = [
    (Dtype::F64, Element::F64),
    (Dtype::F32, Element::F32),
    (Dtype::F16, Element::F16),
    (Dtype::BF16, Element::Bf16),
    (Dtype::BOOL, Element::Other("bool")),
    (Dtype::U8, Element::Other("u8")),
    (Dtype::I8, Element::Other("i8")),
    (Dtype::I16, Element::Other("i16")),
    (Dtype::U16, Element::Other("u16")),
    (Dtype::I32, Element::Other("i32")),
    (Dtype::U32, Element::Other("u32")),
    (Dtype::I64, Element::Other("i64")),
    (Dtype::U64, Element::Other("u64")),
];

fn safetensors(path: &Path) -> Result<Tensors> {
    let refuse = |why: String| unreadable(path, &why);
    let bytes = Arc::new(std::fs::read(path).map_err(|error| refuse(error.to_string()))?);
    let header = bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let length = bytes.len() as u64;
    if header.saturating_add(8) > length {
        return Err(refuse(format!("it is cut off: a header of {header} bytes in a file of {length}")));
    }
    let file =
        SafeTensors::deserialize(&bytes).map_err(|error| refuse(format!("damaged or cut off: {error}")))?;
    let start = bytes.as_ptr() as usize;
    let tensors = file.iter().map(|(name, view)| {
        let from = view.data().as_ptr() as usize - start;
        let known = ELEMENTS.iter().find(|(kind, _)| *kind == view.dtype());
        let element = known.map_or(Element::Other("other numbers"), |(_, element)| *element);
        let stored = Stored { shape: view.shape().to_vec(), element };
        (name.to_owned(), (stored, Values::Bytes(Arc::clone(&bytes), from..from + view.data().len())))
    });
    Ok(tensors.collect())
}
