//! Devices: the only file that chooses a backend.
//!
//! Comes in: `--device auto|cpu|cuda[:i]`. Goes out: a Burn device and its name for the manifest. Guaranteed: a
//! device that this build or this machine does not have is an error before any tensor is made.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::codes;
use crate::error::{Error, Kind, Result};

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

/// The devices that this build can use on this machine, the processor first.
pub fn list() -> Vec<DeviceInfo> {
    vec![DeviceInfo { name: DeviceName::Cpu, description: format!("processor, {} threads", threads()) }]
}

/// The device that `auto` stands for here; another name is itself.
pub fn resolve(name: DeviceName) -> DeviceName {
    match name {
        DeviceName::Auto => DeviceName::Cpu,
        DeviceName::Cpu | DeviceName::Cuda(_) => name,
    }
}

/// The Burn device of that name, without autodiff.
///
/// # Errors
/// `phg::device::missing` for a device that this build or this machine does not have.
pub fn open(name: DeviceName) -> Result<Device> {
    match name {
        DeviceName::Auto | DeviceName::Cpu => Ok(Device::flex()),
        DeviceName::Cuda(_) => {
            Err(Error::new(codes::DEVICE_MISSING, Kind::Usage, format!("this build has no `{name}`"))
                .at("--device")
                .help("write `--device cpu`"))
        }
    }
}

/// Threads that the processor computes with. Results are repeatable bit for bit at a given number.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs `f` on one of the threads that the processor computes with. A parallel operation begins there without
/// waking somebody to hand it over to, and finds its operands in that core's cache.
pub(crate) fn compute<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| f())
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
}
