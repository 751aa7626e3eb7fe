//! `phgc devices`: what this build can compute on, on this machine, and whether it computes it rightly; and which
//! device a command takes.

mod parity;

use std::path::Path;

use phg_runtime::Precision;
use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::Error;
use phg_runtime::run::folder::read_manifest;
use serde_json::json;

use crate::Outcome;
use crate::args::{Devices, Format, PrecisionName};
use crate::failure;
use crate::output;

/// The device of a command line. When `auto` takes a GPU, standard error says so.
pub(crate) fn choose(text: &str) -> Result<DeviceName, Error> {
    let asked: DeviceName = text.parse()?;
    let name = device::resolve(asked);
    if asked != name && name != DeviceName::Cpu {
        output::err(format_args!("note: `{asked}` takes {}\n", full_name(name)));
    }
    Ok(name)
}

/// The runtime's name for a precision.
pub(crate) fn precision(name: PrecisionName) -> Precision {
    match name {
        PrecisionName::F32 => Precision::F32,
        PrecisionName::Bf16 => Precision::Bf16,
    }
}

/// The precision that is asked for, or else that of the run.
pub(crate) fn of_run(asked: Option<PrecisionName>, run: &Path) -> Result<Precision, Error> {
    match asked {
        Some(name) => Ok(precision(name)),
        None => Ok(read_manifest(run)?.precision),
    }
}

/// Such as `cpu (processor, 8 threads)`.
pub(crate) fn full_name(name: DeviceName) -> String {
    format!("{name} ({})", device::describe(name))
}

/// Lists devices, the processor first; or checks one.
pub(crate) fn run(args: &Devices) -> Outcome {
    if args.check {
        return parity::run(args);
    }
    let devices = device::list();
    let count = devices.len();
    match args.format {
        Format::Json => {
            let list: Vec<serde_json::Value> = devices
                .iter()
                .map(|device| json!({ "name": device.name.to_string(), "description": device.description }))
                .collect();
            failure::print_json(&serde_json::Value::Array(list));
        }
        Format::Text => {
            for device in devices {
                output::out(format_args!("{:<8} {}\n", device.name.to_string(), device.description));
            }
            match device::kernels_kept_in() {
                None => output::out(format_args!("{:<8} not in this build: `--features cuda`\n", "cuda")),
                Some(_) if count == 1 => output::out(format_args!("{:<8} no GPU answers\n", "cuda")),
                Some(folder) => {
                    output::out(format_args!("compiled kernels are kept in {}\n", folder.display()));
                }
            }
        }
    }
    Ok(())
}
