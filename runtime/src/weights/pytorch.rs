//! What `torch.save` wrote: dictionaries of tensors, read without running what is in them.
//!
//! Comes in: a `.pth` or `.pt` file. Goes out: its tensors by name, those of the one dictionary that holds weights.
//! Guaranteed: a file that holds other objects than plain values and tensors, which Python would have to run code for,
//! is refused; a file with several dictionaries of tensors is asked about, not guessed at.

use std::path::Path;

use pytorch_reader::{DType, PickleError, PickleValue, PytorchError, PytorchReader};

use super::Element;
use super::source::{Stored, Tensors, Values, unreadable};
use crate::codes;
use crate::error::{Error, Kind, Result};

/// What training scripts call the dictionary of weights, the most usual first.
const KEYS: [&str; 5] = ["state_dict", "model_state_dict", "model", "model_state", "net"];

/// What the reader calls a tensor.
const TENSOR: &str = "torch.Tensor";

/// The tensors of a file, those under `key` if there is one, and what to say of it.
pub(super) fn open(path: &Path, key: Option<&str>) -> Result<(Tensors, Vec<String>)> {
    let root = PytorchReader::read_pickle_data(path, None).map_err(|error| refused(path, &error))?;
    if let Some(object) = strange(&root) {
        return Err(code(path, &object));
    }
    let chosen = chosen(path, &root, key)?;
    let reader = match &chosen {
        Some(key) => PytorchReader::with_top_level_key(path, key),
        None => PytorchReader::new(path),
    };
    let reader = reader.map_err(|error| refused(path, &error))?;
    let tensors = reader.into_tensors().into_iter().map(|(name, tensor)| {
        let stored = Stored { shape: tensor.shape().to_vec(), element: element(tensor.dtype()) };
        (name, (stored, Values::Torch(tensor)))
    });
    let notes = chosen.into_iter().map(|key| format!("the tensors under `{key}` are taken"));
    Ok((tensors.collect(), notes.collect()))
}

fn element(kind: DType) -> Element {
    match kind {
        DType::F64 => Element::F64,
        DType::F32 => Element::F32,
        DType::F16 => Element::F16,
        DType::BF16 => Element::Bf16,
        DType::I64 => Element::Other("i64"),
        DType::I32 => Element::Other("i32"),
        DType::I16 => Element::Other("i16"),
        DType::I8 => Element::Other("i8"),
        DType::U64 => Element::Other("u64"),
        DType::U32 => Element::Other("u32"),
        DType::U16 => Element::Other("u16"),
        DType::U8 => Element::Other("u8"),
        DType::Bool => Element::Other("bool"),
    }
}

/// The key of the dictionary that holds the weights; `None` for the file's own.
fn chosen(path: &Path, root: &PickleValue, key: Option<&str>) -> Result<Option<String>> {
    let PickleValue::Dict(entries) = root else {
        return Err(unreadable(path, "it holds no dictionary of tensors"));
    };
    let is_tensor = |value: &PickleValue| matches!(value, PickleValue::Unsupported(name) if name == TENSOR);
    let mut inner: Vec<&str> = entries
        .iter()
        .filter(|(_, value)| matches!(value, PickleValue::Dict(_)) && holds_tensors(value))
        .map(|(key, _)| key.as_str())
        .collect();
    inner.sort_unstable();
    let list = || inner.iter().map(|key| format!("`--key {key}`")).collect::<Vec<_>>().join(", ");
    if let Some(key) = key {
        return match inner.contains(&key) {
            true => Ok(Some(key.to_owned())),
            false if inner.is_empty() => {
                Err(unreadable(path, &format!("there is no `{key}`: the tensors lie in no inner dictionary"))
                    .help("leave `--key` out"))
            }
            false => {
                Err(unreadable(path, &format!("under `{key}` are no tensors"))
                    .help(format!("write {}", list())))
            }
        };
    }
    if inner.is_empty() || entries.values().any(is_tensor) {
        return Ok(None);
    }
    let usual = KEYS.into_iter().find(|key| inner.contains(key));
    let only = if let [key] = inner.as_slice() { Some(*key) } else { None };
    match usual.or(only) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(unreadable(path, "it holds several dictionaries of tensors")
            .help(format!("say which one holds the weights: {}", list()))),
    }
}

fn holds_tensors(value: &PickleValue) -> bool {
    match value {
        PickleValue::Unsupported(name) => name == TENSOR,
        PickleValue::Dict(entries) => entries.values().any(holds_tensors),
        PickleValue::List(items) => items.iter().any(holds_tensors),
        PickleValue::None
        | PickleValue::Bool(_)
        | PickleValue::Int(_)
        | PickleValue::Float(_)
        | PickleValue::String(_)
        | PickleValue::Bytes(_) => false,
    }
}

/// An object that is neither a plain value nor part of a tensor: Python would run code to make it.
fn strange(value: &PickleValue) -> Option<String> {
    match value {
        PickleValue::Unsupported(name) => (!is_plain(name)).then(|| name.clone()),
        PickleValue::Dict(entries) => {
            let mut found: Vec<String> = entries.values().filter_map(strange).collect();
            found.sort_unstable();
            found.into_iter().next()
        }
        PickleValue::List(items) => items.iter().find_map(strange),
        PickleValue::None
        | PickleValue::Bool(_)
        | PickleValue::Int(_)
        | PickleValue::Float(_)
        | PickleValue::String(_)
        | PickleValue::Bytes(_) => None,
    }
}

/// What a file of weights holds besides plain values: tensors, their types, numbers of NumPy, large integers.
fn is_plain(name: &str) -> bool {
    const PLAIN: [&str; 9] = [
        TENSOR,
        "torch.TypedStorage",
        "torch.UntypedStorage",
        "torch.Size",
        "torch.device",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "int",
    ];
    let is_type = |kind: &str| {
        kind.starts_with(['f', 'i', 'u', 'b', 'c', 'q'])
            && kind.contains(|c: char| c.is_ascii_digit())
            && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            || kind == "bool"
    };
    PLAIN.contains(&name) || name.strip_prefix("torch.").is_some_and(is_type)
}

fn code(path: &Path, object: &str) -> Error {
    let message = format!(
        "the file holds a `{object}`, which is neither a tensor nor a plain value; nothing of it is run"
    );
    Error::new(codes::WEIGHTS_CODE, Kind::Data, message).at(path.display()).help(
        "if you trust its author, save the tensors alone: \
         `torch.save(torch.load(FILE, weights_only=False)[\"state_dict\"], \"weights.pth\")`",
    )
}

fn refused(path: &Path, error: &PytorchError) -> Error {
    if let PytorchError::Pickle(PickleError::UnsupportedType(name)) = error {
        return code(path, name);
    }
    let early = |inner: &std::io::Error| inner.kind() == std::io::ErrorKind::UnexpectedEof;
    let other =
        matches!(error, PytorchError::Pickle(PickleError::NoDataSource) | PytorchError::InvalidFormat(_))
            || matches!(error, PytorchError::Io(inner) if !early(inner));
    let refused = unreadable(path, &error.to_string());
    if other { refused } else { refused.help("it is damaged or cut off: fetch or copy it again") }
}
