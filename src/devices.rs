//! `phgc devices`: what this build can compute on, on this machine; and which device a command takes.

use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::Error;
use serde_json::json;

use crate::Outcome;
use crate::args::{Devices, Format};
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

/// Such as `cpu (processor, 8 threads)`.
pub(crate) fn full_name(name: DeviceName) -> String {
    format!("{name} ({})", device::describe(name))
}

/// Lists devices, the processor first.
pub(crate) fn run(args: &Devices) -> Outcome {
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
