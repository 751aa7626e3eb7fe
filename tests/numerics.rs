//! Every pass keeps what a network computes: with it and without it, the same numbers.

use phg_compiler::source::Provider;
use phg_compiler::{Mode, Network, Request, bundle, compile, passes};
use phg_runtime::bank::Bank;
use phg_runtime::device::{self, DeviceName};
use phg_runtime::exec::{Bindings, Executor};
use phg_runtime::host::HostTensor;
use phg_runtime::random::{Purpose, Stream};

struct Files;

impl Provider for Files {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let name = bundle::join(from, path);
        std::fs::read_to_string(&name).map(|text| (name, text)).map_err(|error| error.to_string())
    }
}

pub(crate) fn network(spec: &str, sets: &[(&str, &str)]) -> Network {
    let name = format!("{}/specs/{spec}.phg", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&name).expect("a spec");
    let sets: Vec<(String, String)> = sets.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let compilation = compile(&Request { sets: &sets, provider: &Files, ..Request::new(&name, &text) });
    compilation.network.unwrap_or_else(|| panic!("{:?}", compilation.diags))
}

/// Weights with running statistics that are not those of a fresh network, or folding would be trivial.
fn weights(network: &Network) -> std::collections::BTreeMap<String, HostTensor> {
    let device = device::open(DeviceName::Cpu).expect("the processor");
    let bank = Bank::init(&network.plan(Mode::Train), 3, &device).expect("a bank");
    let mut stored = bank.store().expect("values");
    for (at, (name, tensor)) in stored.iter_mut().enumerate() {
        let mut stream = Stream::new(11, Purpose::Scene, [at as u64, 0]);
        let (low, high) = match name.rsplit('.').next() {
            Some("mean" | "offset") => (-0.5, 0.5),
            Some("variance" | "scale") => (0.5, 2.0),
            _ => continue,
        };
        tensor.data.iter_mut().for_each(|value| *value = stream.uniform(low, high));
    }
    stored
}

/// The first prediction of a plan on random images.
fn predict(network: &Network, mode: Mode, off: &[String]) -> Vec<f32> {
    let device = device::open(DeviceName::Cpu).expect("the processor");
    let plan = network.plan_without(mode, off);
    let bank = Bank::load(&plan, &weights(network), &device).expect("weights that fit");
    let (n, h, w) = (2, 45, 70);
    let mut stream = Stream::new(5, Purpose::Scene, [0, 0]);
    let images =
        HostTensor { shape: vec![n, 3, h, w], data: (0..n * 3 * h * w).map(|_| stream.normal()).collect() };
    let labels: Vec<u8> = (0..n * h * w).map(|_| stream.below(12) as u8).collect();
    let mut bindings = Bindings::from_host(&images, Some(&labels), &device).expect("a batch");
    bindings.void = Some(0);
    let outputs = Executor::new(plan, &device).run(&bank, &bindings).expect("a prediction");
    let (_, scores) = outputs.predictions.into_iter().next().expect("an output");
    scores.into_data().try_to_vec::<f32>().expect("floats")
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

/// A pointwise convolution after an enlargement, which no shipped spec has.
const ENLARGED: &str = "input image: float[N, 3, H, W]
let x = image |> conv(8, kernel: 3, stride: 2) |> relu
let y = x |> resize(like: image) |> conv(4, bias: false) |> norm |> relu
output p = softmax(y + (image |> conv(4)))
";

/// Equal expressions, which no shipped spec has.
const TWICE: &str = "input image: float[N, 3, H, W]
let x = image |> conv(12, kernel: 3, bias: false) |> norm
let a = x |> sigmoid
let b = x |> sigmoid
output y = softmax(a * 2 + b)
";

fn networks() -> Vec<(&'static str, Network)> {
    let small = [("base", "4"), ("dim", "8"), ("K", "3"), ("D", "4"), ("M", "4"), ("z_map", "8")];
    let enlarged = compile(&Request::new("enlarged.phg", ENLARGED)).network.expect("a network");
    let twice = compile(&Request::new("twice.phg", TWICE)).network.expect("a network");
    vec![
        ("unet-small", network("unet-small", &[("base", "4"), ("levels", "2")])),
        ("phgmm-small", network("phgmm-small", &small)),
        ("twice", twice),
        ("enlarged", enlarged),
    ]
}

#[test]
fn passes_keep_predictions() {
    for (spec, network) in networks() {
        let names: Vec<String> = passes::PIPELINE.iter().map(|pass| pass.name.to_owned()).collect();
        let plain = predict(&network, Mode::Eval, &names);
        let (low, high) = plain.iter().fold((1.0f32, 0.0f32), |(low, high), p| (low.min(*p), high.max(*p)));
        assert!(high - low > 0.02, "{spec}: predictions that say something, not {low} to {high}");
        // Probabilities; folding reorders sums of some hundred products in single precision.
        let tolerance = 2e-5;
        let all = largest_difference(&plain, &predict(&network, Mode::Infer, &[]));
        assert!(all < tolerance, "{spec}: all passes change predictions by {all}");
        for name in &names {
            let others: Vec<String> = names.iter().filter(|other| *other != name).cloned().collect();
            let only = largest_difference(&plain, &predict(&network, Mode::Infer, &others));
            assert!(only < tolerance, "{spec}: {name} changes predictions by {only}");
        }
    }
}

#[test]
fn every_pass_changes_one_of_the_networks() {
    let mut counts = std::collections::BTreeMap::new();
    for (_, network) in networks() {
        for change in network.graph_for(Mode::Infer, None, &[]).1 {
            *counts.entry(change.pass).or_insert(0) += change.count;
        }
    }
    assert_eq!(counts.len(), passes::PIPELINE.len());
    assert!(counts.values().all(|count| *count > 0), "{counts:?}");
}
