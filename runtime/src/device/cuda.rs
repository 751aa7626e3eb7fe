//! NVIDIA GPUs through Burn's CUDA backend, in builds with the feature `cuda`.
//!
//! Comes in: a GPU's number. Goes out: how many there are, what they are, and a Burn device that has computed
//! something. Guaranteed: a driver, a GPU or a toolkit that is not there is an error, although Burn panics;
//! nothing here is called for the processor, so that computing there never loads the driver.

use std::path::PathBuf;
use std::sync::Once;

use burn::tensor::{Device, DeviceType, Tensor};
use cubecl::config::cache::CacheConfig;
use cubecl::config::streaming::StreamPolicy;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

use super::{DeviceName, caught};
use crate::codes;
use crate::error::{Error, Kind, Result};

/// The environment variable with the folder of [`kept_in`].
const FOLDER: &str = "PHGC_CACHE";

/// GPUs that answer; none without a driver.
pub(super) fn count() -> usize {
    configure();
    // A library that is called as the driver's is, but is not it, panics.
    caught(|| Device::enumerate(DeviceType::Cuda).len()).unwrap_or(0)
}

/// What the GPU is, such as `NVIDIA H200, sm_90`. Opens it.
pub(super) fn describe(index: usize) -> String {
    configure();
    let identity = caught(|| Device::cuda(index).identity()).ok().flatten();
    identity.map_or_else(
        || "an NVIDIA GPU that cannot be opened".into(),
        |identity| format!("{}, {}", identity.name, identity.fingerprint.trim_start_matches("ptx_")),
    )
}

/// The GPU as a Burn device, after a first sum on it: that takes the driver, the compiler NVRTC and its headers.
///
/// # Errors
/// `phg::device::missing` where no such GPU answers, `phg::device::failed` where it does not compute.
pub(super) fn open(index: usize) -> Result<Device> {
    let (name, number) = (DeviceName::Cuda(index), count());
    if index >= number {
        let missing = |message: String, help: String| {
            Error::new(codes::DEVICE_MISSING, Kind::Usage, message).at("--device").help(help)
        };
        return Err(match number {
            0 => missing(
                format!("no GPU answers as `{name}`"),
                "install NVIDIA's driver (`nvidia-smi` says whether it answers), or write `--device cpu`"
                    .into(),
            ),
            1 => missing("this machine has one GPU".into(), "write `--device cuda`".into()),
            _ => missing(
                format!("this machine has {number} GPUs"),
                format!("write `cuda:0` to `cuda:{}`", number - 1),
            ),
        });
    }
    let refuse = |why: String| {
        Error::new(codes::DEVICE_FAILED, Kind::Usage, format!("`{name}` does not compute: {why}"))
            .at("--device")
            .help(
                "give the folder of a CUDA toolkit, 12.8 or newer, in `CUDA_PATH`, and the one with its \
                 libraries in `LD_LIBRARY_PATH`; or write `--device cpu`",
            )
    };
    if !cubecl::cuda::install::cuda_path().is_some_and(|path| path.join("include").is_dir()) {
        return Err(refuse("there are no CUDA headers".into()));
    }
    let device = Device::cuda(index);
    let sum = caught(|| {
        let two = Tensor::<1>::full([1], 2.0f32, &device);
        (two.clone() + two).try_into_scalar::<f32>().map_err(|error| error.to_string())
    });
    match sum.and_then(|sum| sum) {
        Ok(4.0) => Ok(device),
        Ok(other) => Err(refuse(format!("2 + 2 gives {other}"))),
        Err(why) => Err(refuse(first_line(&why))),
    }
}

/// The folder where compiled kernels, and which of several is fastest, are kept from one run of the program to
/// the next: `$PHGC_CACHE`, else `phgc` in the user's cache folder. It may be deleted.
pub(super) fn kept_in() -> PathBuf {
    configure();
    cubecl::environment::root()
}

/// Settings of CubeCL, on which Burn's backend is built. A `cubecl.toml` and CubeCL's environment variables are
/// heard first; what is set here makes no difference to results.
fn configure() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        // Its default is the nearest `target` folder, another one for each project.
        if matches!(config.environment.path, CacheConfig::Target) {
            config.environment.path = CacheConfig::Directory(folder());
        }
        // Compiled kernels too, not only which is fastest.
        config.compilation.cache = true;
        // Its default is a stream for each thread, and a step runs on whichever thread of the pool is free.
        config.streaming.policy = StreamPolicy::Single;
        CubeClRuntimeConfig::try_set(config);
    });
}

fn folder() -> PathBuf {
    let given = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given(FOLDER)
        .or_else(|| Some(given("XDG_CACHE_HOME")?.join("phgc")))
        .or_else(|| Some(given("HOME")?.join(".cache").join("phgc")))
        .unwrap_or_else(|| std::env::temp_dir().join("phgc"))
}

/// The first line that says something.
fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use cubecl::cuda::compiler::CudaBackend;

    use super::*;

    /// The other compiler is a stand-in that compiles nothing.
    #[test]
    fn kernels_are_compiled_by_nvrtc() {
        assert_eq!(CudaBackend::default(), CudaBackend::Cpp);
    }

    #[test]
    fn kernels_are_kept_in_the_stated_place() {
        assert_eq!(kept_in(), folder());
        let config = CubeClRuntimeConfig::get();
        assert!(config.compilation.cache && !config.autotune.disable_cache);
        assert_eq!(config.streaming.policy, StreamPolicy::Single);
    }

    #[test]
    fn the_first_line_is_the_message() {
        assert_eq!(first_line("\n  a\nb"), "a");
    }
}
