//! `phgc devices`: what this build can compute on, on this machine.

use phg_runtime::device;
use serde_json::json;

use crate::Outcome;
use crate::args::{Devices, Format};
use crate::failure;

/// Lists devices, the processor first.
pub(crate) fn run(args: &Devices) -> Outcome {
    let devices = device::list();
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
                println!("{:<8} {}", device.name.to_string(), device.description);
            }
        }
    }
    Ok(())
}
