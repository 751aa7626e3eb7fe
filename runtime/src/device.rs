//! Devices: the only file that chooses a backend.
//!
//! Comes in: `--device auto|cpu|cuda[:i]`. Goes out: a Burn device and its name for the manifest. Guaranteed: a
//! device that this build or this machine does not have is an error before any tensor is made; the processor is
//! opened without asking for a GPU.

#[cfg(feature = "cuda")]
mod cuda;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::str::FromStr;

use burn::tensor::Device;

use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::native;
use crate::tensor::device_failed;

/// What a build without CUDA answers.
#[cfg(not(feature = "cuda"))]
mod cuda {
    use super::*;

    pub(super) fn count() -> usize {
        0
    }

    pub(super) fn describe(_: usize) -> String {
        "an NVIDIA GPU".into()
    }

    pub(super) fn open(index: usize) -> Result<Device> {
        let message = format!("this build has no `{}`", DeviceName::Cuda(index));
        Err(Error::new(codes::DEVICE_MISSING, Kind::Usage, message)
            .at("--device")
            .help("build with `cargo build --release --features cuda`, or write `--device cpu`"))
    }
}

/// What `--device` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum DeviceName {
    /// The best device of this build and machine; the processor in builds without CUDA.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by number.
    Cuda(usize),
}

impl FromStr for DeviceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            Error::new(codes::DEVICE_NAME, Kind::Usage, format!("no device is called `{text}`"))
                .at("--device")
                .help("write `auto`, `cpu`, `cuda` or `cuda:1`; `phgc devices` lists what this machine has")
        };
        match text.split_once(':') {
            None => match text {
                "auto" => Ok(Self::Auto),
                "cpu" => Ok(Self::Cpu),
                "cuda" => Ok(Self::Cuda(0)),
                _ => Err(unknown()),
            },
            Some(("cuda", index)) if index.bytes().all(|b| b.is_ascii_digit()) => {
                index.parse().map(Self::Cuda).map_err(|_| unknown())
            }
            Some(_) => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// A device of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// What `--device` takes.
    pub name: DeviceName,
    /// Such as `processor, 8 threads`.
    pub description: String,
}

/// The devices that this build can use on this machine, the processor first. Asks the GPUs' driver where the
/// build has CUDA, and opens every GPU.
pub fn list() -> Vec<DeviceInfo> {
    let names = std::iter::once(DeviceName::Cpu).chain((0..cuda::count()).map(DeviceName::Cuda));
    names.map(|name| DeviceInfo { name, description: describe(name) }).collect()
}

/// What the device is, such as `processor, 8 threads`.
pub fn describe(name: DeviceName) -> String {
    match resolve(name) {
        DeviceName::Auto | DeviceName::Cpu => format!("processor, {} threads", threads()),
        DeviceName::Cuda(index) => cuda::describe(index),
    }
}

/// The device that `auto` stands for here, the first GPU that answers or else the processor; another name is
/// itself. For `auto` in a build with CUDA the driver is asked.
pub fn resolve(name: DeviceName) -> DeviceName {
    match name {
        DeviceName::Auto if cuda::count() > 0 => DeviceName::Cuda(0),
        DeviceName::Auto => DeviceName::Cpu,
        DeviceName::Cpu | DeviceName::Cuda(_) => name,
    }
}

/// The folder where compiled and tuned GPU kernels are kept from one run of the program to the next; none in
/// builds without CUDA.
pub fn kernels_kept_in() -> Option<PathBuf> {
    #[cfg(feature = "cuda")]
    return Some(cuda::kept_in());
    #[cfg(not(feature = "cuda"))]
    None
}

/// The Burn device of that name, without autodiff.
///
/// # Errors
/// `phg::device::missing` for a device that this build or this machine does not have; `phg::device::failed` for
/// a GPU that does not compute, mostly for want of a CUDA toolkit.
pub fn open(name: DeviceName) -> Result<Device> {
    match resolve(name) {
        DeviceName::Auto | DeviceName::Cpu => Ok(Device::flex()),
        DeviceName::Cuda(index) => cuda::open(index),
    }
}

/// Does the device do its work after it was asked for, while the program goes on?
pub(crate) fn queues(device: &Device) -> bool {
    device.clone().inner() != Device::flex()
}

/// Waits until everything that the device was asked for is done.
pub(crate) fn wait(device: &Device) -> Result<()> {
    device.clone().inner().sync().map_err(device_failed)
}

/// Bytes that the device's own allocator has taken, with what it keeps for reuse; `None` for the processor, whose
/// memory is the process's. It gives little back, so this is close to the most that was ever needed.
pub(crate) fn reserved(device: &Device) -> Option<u64> {
    device.clone().inner().memory_pool_usage().map(|usage| usage.bytes_reserved)
}

/// What `f` returns; the message of its panic otherwise. Burn panics over what a device cannot do.
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "Burn panicked".into())
    })
}

/// Threads that the processor computes with. Results are repeatable bit for bit at a given number.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs `f` on one of the threads that the processor computes with. A parallel operation begins there without
/// waking somebody to hand it over to, and finds its operands in that core's cache. Where the project's kernels are
/// switched off, which holds for one thread, it stays on that thread.
pub(crate) fn compute<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    if native::is_off() { f() } else { rayon::scope(|_| f()) }
}

/// Sets the number of threads that the processor computes with. It has to be called before anything is
/// computed, and once; the environment variable `RAYON_NUM_THREADS` does the same from outside.
///
/// # Errors
/// `phg::device::threads` when threads are already running, or for no threads at all.
pub fn set_threads(number: usize) -> Result<()> {
    let refuse = |why: String| Error::new(codes::DEVICE_THREADS, Kind::Usage, why).at("--threads");
    if number == 0 {
        return Err(refuse("no threads, no results".into()).help("write `--threads 1` or more"));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(number)
        .build_global()
        .map_err(|error| refuse(format!("the number of threads cannot be set: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        let names = [
            ("auto", DeviceName::Auto),
            ("cpu", DeviceName::Cpu),
            ("cuda", DeviceName::Cuda(0)),
            ("cuda:3", DeviceName::Cuda(3)),
        ];
        for (text, name) in names {
            assert_eq!(text.parse::<DeviceName>().unwrap(), name);
            assert_eq!(name.to_string().parse::<DeviceName>().unwrap(), name);
        }
        for text in
            ["", "gpu", "cuda:", "cuda:-1", "cuda:+1", "cuda:x", "cpu:0", "cuda:99999999999999999999999"]
        {
            assert_eq!(text.parse::<DeviceName>().unwrap_err().code, codes::DEVICE_NAME, "{text}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        assert_eq!(open(DeviceName::Cuda(0)).unwrap_err().code, codes::DEVICE_MISSING);
        assert!(open(DeviceName::Auto).is_ok());
        assert_eq!(list()[0].name, DeviceName::Cpu);
        assert_eq!(set_threads(0).unwrap_err().code, codes::DEVICE_THREADS);
    }

    #[test]
    fn the_processor_does_its_work_at_once_in_the_process_s_memory() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            assert!(!queues(&device));
            assert_eq!(reserved(&device), None);
            assert_eq!(wait(&device), Ok(()));
        }
    }

    #[test]
    fn panics_become_messages() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| -> u8 { panic!("no {}", "driver") }), Err("no driver".into()));
    }

    #[test]
    fn kernels_are_kept_where_there_are_gpus() {
        assert_eq!(kernels_kept_in().is_some(), cfg!(feature = "cuda"));
    }
}
