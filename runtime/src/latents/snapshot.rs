//! The components of latents at a step of a training, kept in the run folder.
//!
//! Comes in: what was observed on the validation split. Goes out: `latents/step-<n>.safetensors`, with the tensors
//! `<name>.mean` `[images, k, d]` and `<name>.weight` `[images, k]`; and back. Guaranteed: a file is there whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::observe::Observed;
use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::run::disk::{self, RealDisk};
use crate::run::tensors::{self, HostTensor};

/// The folder in a run's.
pub const FOLDER: &str = "latents";

/// Component means of one latent at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Steps done.
    pub step: u64,
    /// The latent.
    pub name: String,
    /// Components.
    pub components: usize,
    /// Means `[images * k][d]`, image by image.
    pub points: Vec<Vec<f32>>,
}

/// Writes the snapshot of `step` into the run in `run`.
///
/// # Errors
/// `phg::run::write`.
pub fn write(run: &Path, step: u64, observed: &[Observed]) -> Result<()> {
    let folder = run.join(FOLDER);
    let name = format!("step-{step}.safetensors");
    let failed = |why: std::io::Error| {
        disk::failed(codes::RUN_WRITE, Kind::Training, "write the latents", &folder.join(&name), &why)
    };
    let mut all = BTreeMap::new();
    for latent in observed {
        let shape = vec![latent.images.len(), latent.components, latent.dim];
        let mean = latent.images.iter().flat_map(|image| image.mean.iter().copied()).collect();
        let weight =
            latent.images.iter().flat_map(|image| image.log_weights.iter().map(|log| log.exp())).collect();
        let [n, k, _] = [shape[0], shape[1], shape[2]];
        all.insert(format!("{}.mean", latent.name), HostTensor { shape, data: mean });
        all.insert(format!("{}.weight", latent.name), HostTensor { shape: vec![n, k], data: weight });
    }
    let bytes = tensors::encode(&all).map_err(std::io::Error::other).map_err(failed)?;
    std::fs::create_dir_all(&folder).map_err(failed)?;
    disk::replace(&RealDisk, &folder, &name, &bytes).map_err(failed)
}

/// Steps of which the run in `run` has a snapshot, ascending, with their files.
///
/// # Errors
/// `phg::run::latents` when there is none.
pub fn steps(run: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let folder = run.join(FOLDER);
    let mut steps: Vec<(u64, PathBuf)> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()?;
            Some((step, path))
        })
        .collect();
    steps.sort();
    if steps.is_empty() {
        let message =
            "the run kept no latents: its network has none, or it ended before its first validation";
        return Err(Error::new(codes::RUN_LATENTS, Kind::Data, message)
            .at(folder.display())
            .help("train a spec with a `latent` section; `phgc latents` looks at a run's last checkpoint"));
    }
    Ok(steps)
}

/// The latents in the file of a snapshot.
///
/// # Errors
/// `phg::run::damaged`.
pub fn read(step: u64, path: &Path) -> Result<Vec<Snapshot>> {
    let damaged = |why: String| {
        Error::new(codes::RUN_DAMAGED, Kind::Data, format!("the latents cannot be read: {why}"))
            .at(path.display())
            .help("remove the file: the other steps can still be drawn")
    };
    let bytes = std::fs::read(path).map_err(|error| damaged(error.to_string()))?;
    let all = tensors::decode(&bytes).map_err(damaged)?;
    let mut snapshots = Vec::new();
    for (name, tensor) in all {
        let Some(name) = name.strip_suffix(".mean") else { continue };
        let [_, components, dim] = tensor.shape[..] else {
            return Err(damaged(format!("`{name}.mean` has shape {:?}", tensor.shape)));
        };
        let points = tensor.data.chunks_exact(dim.max(1)).map(<[f32]>::to_vec).collect();
        snapshots.push(Snapshot { step, name: name.to_owned(), components, points });
    }
    Ok(snapshots)
}
