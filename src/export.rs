//! `phgc export`: a network as an ONNX model, compared with an independent engine on request.
//!
//! Comes in: a run, or a spec with weights. Goes out: the model, and how far the engine's output is from ours.
//! Guaranteed: with `--verify` a model that does not compute what we compute is an error, and is not written.

use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_onnx::verify::{Array, Engine};
use phg_onnx::{About, Inexpressible, OPSET};
use phg_runtime::codes;
use phg_runtime::device::{self, DeviceName};
use phg_runtime::error::{Error, Kind};
use phg_runtime::forward::Forward;
use phg_runtime::host::HostTensor;
use phg_runtime::random::{Purpose, Stream};
use serde::Serialize;
use serde_json::json;

use crate::args::{Export, Format};
use crate::failure::{self, Failure};
use crate::subject::Opened;
use crate::{Outcome, output, subject};

/// Largest difference that two engines may have, relative to the largest score: sums in another order.
const TOLERANCE: f64 = 1e-4;

/// What the engine computed, beside ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Compared {
    /// Shape of the images.
    images: Vec<usize>,
    /// Largest difference of two scores.
    max_difference: f64,
    /// The same, relative to the largest score.
    max_relative: f64,
    /// Percent of the pixels with the same largest channel.
    argmax_agreement: f64,
}

/// Writes the model.
pub(crate) fn run(args: &Export) -> Outcome {
    let opened = subject::open(&args.subject)?;
    let network = &opened.network;
    let forward = Forward::new(network, &opened.stored, &device::open(DeviceName::Cpu)?)?;
    let mut weights = forward.weights()?;
    let values = std::cell::RefCell::new(&mut weights);
    let take = |name: &str| values.borrow_mut().remove(name).map(|tensor| tensor.data);
    let bytes = phg_onnx::model(forward.plan(), &take, &about(network)).map_err(inexpressible)?;
    let compared = if args.verify { verify(args, &opened, &forward, &bytes)? } else { Vec::new() };
    phg_runtime::output::file(&args.onnx, &bytes)?;
    match args.format {
        Format::Json => failure::print_json(&json!({
            "ok": true, "onnx": args.onnx, "opset": OPSET, "bytes": bytes.len(), "verified": compared,
        })),
        Format::Text => {
            let mebibytes = bytes.len() as f64 / f64::from(1 << 20);
            output::out(format_args!("{}: opset {OPSET}, {mebibytes:.1} MiB\n", args.onnx.display()));
            for each in &compared {
                output::out(format_args!("{}\n", said(each)));
            }
        }
    }
    Ok(())
}

/// `1x3x180x240: largest difference 2.1e-6 (relative 4.0e-7), argmax equal at 100.000 % of the pixels`.
fn said(compared: &Compared) -> String {
    let shape: Vec<String> = compared.images.iter().map(ToString::to_string).collect();
    format!(
        "{}: largest difference {:.1e} (relative {:.1e}), argmax equal at {:.3} % of the pixels",
        shape.join("x"),
        compared.max_difference,
        compared.max_relative,
        compared.argmax_agreement
    )
}

/// What the model says of itself.
fn about(network: &Network) -> About {
    let training = &network.training;
    let facts = [
        ("input", "images [N, 3, H, W], RGB, (value / 255 - mean) / deviation".to_owned()),
        ("mean", format!("{:?}", training.mean)),
        ("deviation", format!("{:?}", training.deviation)),
        ("classes", network.classes.to_string()),
        ("spec_hash", network.hash.clone()),
    ];
    About {
        name: network.name.clone(),
        doc: network.doc.join("\n"),
        facts: facts.map(|(key, value)| (format!("phgc.{key}"), value)).to_vec(),
    }
}

fn inexpressible(Inexpressible(what): Inexpressible) -> Error {
    let message = match what.as_slice() {
        [one] => one.clone(),
        several => format!("{} operations:\n{}", several.len(), several.join("\n")),
    };
    Error::new(codes::ONNX_INEXPRESSIBLE, Kind::Usage, message)
        .help("export a network without them, or predict with `phgc predict`")
}

/// Compares at each size; the sizes of the command line must fit, others are passed over when they do not.
fn verify(args: &Export, opened: &Opened, forward: &Forward, bytes: &[u8]) -> Result<Vec<Compared>, Failure> {
    let network = &opened.network;
    let engine = Engine::load(bytes.to_vec()).map_err(|why| lacking(&why))?;
    let sizes: Vec<(usize, [usize; 2])> = if args.size.is_empty() {
        let [h, w] = network.default_size();
        let beside = [[h + 13, w + 7], [h + 16, w + 48], [h + 32, w + 32]];
        let odd = beside.into_iter().find(|[h, w]| network.bind(&Sizes { n: 2, h: *h, w: *w }).is_ok());
        std::iter::once((1, [h, w])).chain(odd.map(|size| (2, size))).collect()
    } else {
        args.size.iter().map(|size| (1, *size)).collect()
    };
    let mut all = Vec::new();
    for (n, [h, w]) in sizes {
        opened.fits(n, [h, w])?;
        let mut stream = Stream::new(0, Purpose::Check, [h as u64, w as u64]);
        let data: Vec<f32> = (0..n * 3 * h * w).map(|_| stream.normal()).collect();
        let shape = vec![n, 3, h, w];
        let ours = forward.run(&HostTensor { shape: shape.clone(), data: data.clone() })?;
        let theirs = engine.run(&Array { shape: shape.clone(), data }).map_err(|why| lacking(&why))?;
        let Some((_, ours)) = ours.into_iter().next() else { continue };
        let compared = compare(shape, &ours, &theirs)?;
        if compared.max_relative.is_nan() || compared.max_relative > TOLERANCE {
            let message = format!("the model does not compute what the plan computes: {}", said(&compared));
            return Err(Error::new(codes::ONNX_DIFFERS, Kind::Data, message)
                .help("please report it with the spec; without `--verify` the model is written as it is")
                .into());
        }
        all.push(compared);
    }
    Ok(all)
}

fn lacking(why: &str) -> Error {
    Error::new(codes::ONNX_ENGINE, Kind::Data, format!("the engine cannot run the model: {why}"))
        .help("leave out `--verify`, and verify with another engine, such as onnxruntime")
}

fn compare(images: Vec<usize>, ours: &HostTensor, theirs: &Array) -> Result<Compared, Error> {
    let [n, channels, h, w] = ours.shape[..] else {
        return Err(lacking("the prediction has not four axes"));
    };
    if ours.shape != theirs.shape {
        let message = format!("the engine's output is {:?}, ours {:?}", theirs.shape, ours.shape);
        return Err(
            Error::new(codes::ONNX_DIFFERS, Kind::Data, message).help("please report it with the spec")
        );
    }
    let differences = ours.data.iter().zip(&theirs.data).map(|(a, b)| f64::from((a - b).abs()));
    // A difference that is no number must not get lost in a maximum.
    let max_difference =
        differences.fold(0.0, |most: f64, each| if most.is_nan() || each <= most { most } else { each });
    let largest = ours.data.iter().fold(0.0f64, |most, value| most.max(f64::from(value.abs())));
    let winner = |data: &[f32], image: usize, pixel: usize| {
        let score = |channel: usize| data.get((image * channels + channel) * h * w + pixel).copied();
        (0..channels).fold(0, |best, channel| if score(channel) > score(best) { channel } else { best })
    };
    let pixels = (0..n).flat_map(|image| (0..h * w).map(move |pixel| (image, pixel)));
    let equal = pixels
        .filter(|(image, pixel)| winner(&ours.data, *image, *pixel) == winner(&theirs.data, *image, *pixel));
    Ok(Compared {
        images,
        max_difference,
        max_relative: max_difference / largest.max(f64::MIN_POSITIVE),
        argmax_agreement: 100.0 * equal.count() as f64 / ((n * h * w).max(1)) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(data: [f32; 4]) -> HostTensor {
        HostTensor { shape: vec![1, 2, 1, 2], data: data.to_vec() }
    }

    #[test]
    fn outputs_are_compared_by_hand() {
        let theirs = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, -4.0, 0.5, 3.0] };
        let found = compare(vec![1, 3, 1, 2], &scores([1.0, -4.0, 1.5, 3.0]), &theirs).expect("shapes agree");
        assert_eq!((found.max_difference, found.max_relative, found.argmax_agreement), (1.0, 0.25, 50.0));
        let broken = Array { data: vec![f32::NAN, 0.0, 0.0, 0.0], ..theirs.clone() };
        let found = compare(Vec::new(), &scores([0.0; 4]), &broken).expect("shapes agree");
        assert!(found.max_difference.is_nan() && found.max_relative.is_nan());
        let other = Array { shape: vec![1, 1, 2, 2], ..theirs };
        assert_eq!(
            compare(Vec::new(), &scores([0.0; 4]), &other).expect_err("shapes").code,
            codes::ONNX_DIFFERS
        );
    }
}
