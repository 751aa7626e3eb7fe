//! `phgc infer`: a network as a function of tensors, for comparisons with other implementations.

use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::{Error, Kind};
use phg_runtime::forward::Forward;
use phg_runtime::{codes, host};
use serde_json::json;

use crate::args::{Format, Infer};
use crate::failure;
use crate::{Outcome, output, subject};

/// Runs the network on the tensor of a file.
pub(crate) fn run(args: &Infer) -> Outcome {
    let opened = subject::open(&args.subject)?;
    let input = subject::tensors(&args.input)?;
    let unfit = |why: &str| {
        Error::new(codes::DATA_SIZE, Kind::Data, why.to_owned())
            .at(args.input.display())
            .help("write one tensor of shape [n, 3, h, w] into the file")
    };
    let mut tensors = input.into_values();
    let (Some(images), None) = (tensors.next(), tensors.next()) else {
        return Err(unfit("the file does not hold one tensor").into());
    };
    let [n, 3, h, w] = images.shape[..] else {
        return Err(unfit("the tensor does not hold images of three channels").into());
    };
    opened.fits(n, [h, w])?;
    let device = device::open(DeviceName::Cpu)?;
    let outputs = Forward::new(&opened.network, &opened.stored, &device)?.run(&images)?;
    let shapes: Vec<_> =
        outputs.iter().map(|(name, tensor)| json!({ "name": name, "shape": tensor.shape })).collect();
    let lines: Vec<String> =
        outputs.iter().map(|(name, tensor)| format!("{name} {:?}\n", tensor.shape)).collect();
    let bytes = host::encode(&outputs.into_iter().collect()).map_err(|why| unfit(&why))?;
    phg_runtime::output::file(&args.output, &bytes)?;
    match args.format {
        Format::Json => {
            failure::print_json(&json!({ "ok": true, "output": args.output, "predictions": shapes }))
        }
        Format::Text => output::out(lines.concat()),
    }
    Ok(())
}
