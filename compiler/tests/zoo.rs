//! The systems that PHGMM is compared with, `specs/zoo`: parameters and arithmetic against published definitions.
//!
//! Comes in: the specs, and for each what its reference counts, from a run of a public PyTorch definition or from its
//! authors' Caffe, TensorFlow or MatConvNet files (`docs/zoo.md` says which). Comes in too: `specs/zoo/narrow.tsv`, the settings that
//! make each small enough to train in a test. A spec that the table does not know fails.

mod shipped;

use std::collections::BTreeSet;
use std::path::Path;

use insta::{Settings, assert_snapshot};
use phg_compiler::ir::dim::Sizes;
use phg_compiler::ir::print;
use phg_compiler::passes::PIPELINE;
use phg_compiler::plan::cost::cost;
use phg_compiler::{Mode, Network, Request, compile, fmt};

use shipped::files::{Files, root};
use shipped::{Spec, compiled, specs};

/// What a reference counts with twelve classes.
struct System {
    name: &'static str,
    /// Trainable parameters, auxiliary heads among them.
    train: u64,
    /// Those that a prediction needs.
    infer: u64,
    /// Multiply-accumulates (1e9) of convolutions and matrix products for an image of 384 x 768, without auxiliary
    /// heads.
    gmacs: f64,
}

const fn row(name: &'static str, train: u64, infer: u64, gmacs: f64) -> System {
    System { name, train, infer, gmacs }
}

const SYSTEMS: &[System] = &[
    row("bisenet", 13_423_012, 13_273_740, 16.6),
    row("deconvnet", 251_805_068, 251_805_068, 215.0),
    row("deeplab-v2", 43_384_944, 43_384_944, 209.3),
    row("deeplab-v3", 60_991_576, 58_628_684, 271.3),
    row("fastnet", 20_607_096, 20_607_096, 93.2),
    row("hrnet", 65_854_332, 65_854_332, 105.0),
    row("icnet", 6_703_716, 6_699_084, 4.07),
    row("pspnet", 67_962_232, 65_599_340, 287.9),
    row("segnet", 29_449_932, 29_449_932, 181.9),
    row("unet", 31_032_460, 31_032_460, 217.0),
];

const FULL: Sizes = Sizes { n: 1, h: 384, w: 768 };

fn zoo() -> Vec<Spec> {
    specs().into_iter().filter(|spec| spec.name.starts_with("zoo.")).collect()
}

fn short(spec: &Spec) -> &str {
    spec.name.trim_start_matches("zoo.")
}

fn system(spec: &Spec) -> &'static System {
    let found = SYSTEMS.iter().find(|system| system.name == short(spec));
    found.unwrap_or_else(|| panic!("{}: the table does not know it", spec.path))
}

#[test]
fn every_spec_has_a_row_and_a_miniature() {
    let names = |list: &mut dyn Iterator<Item = String>| list.collect::<BTreeSet<String>>();
    let files = names(&mut zoo().iter().map(|spec| short(spec).to_owned()));
    assert_eq!(files, names(&mut SYSTEMS.iter().map(|system| system.name.to_owned())));
    assert_eq!(files, names(&mut miniatures().into_iter().map(|small| small.name)));
}

#[test]
fn parameters_are_those_of_the_references() {
    let mut wrong = String::new();
    for spec in zoo() {
        let (network, system) = (compiled(&spec), system(&spec));
        for (mode, wanted) in
            [(Mode::Train, system.train), (Mode::Eval, system.train), (Mode::Infer, system.infer)]
        {
            let found = network.cost(mode, &FULL).parameters;
            if found != wanted {
                let more = found as i64 - wanted as i64;
                wrong.push_str(&format!("{}: {mode:?} has {found}, {more:+} of {wanted}\n", system.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Multiply-accumulates of what is written: no pass moves a convolution to a smaller map.
fn written(network: &Network) -> u64 {
    let off: Vec<String> = PIPELINE
        .iter()
        .map(|pass| pass.name.to_owned())
        .filter(|name| !matches!(name.as_str(), "prune-training" | "dead-code"))
        .collect();
    cost(&network.plan_without(Mode::Infer, &off), &FULL).macs
}

#[test]
fn arithmetic_is_that_of_the_references() {
    let mut wrong = String::new();
    for spec in zoo() {
        let (network, system) = (compiled(&spec), system(&spec));
        let (found, planned) =
            (written(&network) as f64 / 1e9, network.cost(Mode::Infer, &FULL).macs as f64 / 1e9);
        if (found / system.gmacs - 1.0).abs() > 0.01 {
            wrong.push_str(&format!("{}: {found:.3} G, not {}\n", system.name, system.gmacs));
        }
        // What the passes make of it is at most as much.
        if planned > found {
            wrong.push_str(&format!("{}: {planned:.3} G planned, {found:.3} G written\n", system.name));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn specs_are_short_and_formatted() {
    for spec in zoo() {
        assert!(spec.text.starts_with("//! "), "{} says what it is", spec.path);
        assert_eq!(fmt::format(&spec.text).unwrap(), spec.text, "{}: `phgc fmt`", spec.path);
        let lines = spec.text.lines().count();
        assert!(lines <= 120, "{} has {lines} lines", spec.path);
    }
}

/// A system in miniature.
struct Miniature {
    name: String,
    sets: Vec<(String, String)>,
    smallest: Sizes,
}

/// The rows of `specs/zoo/narrow.tsv`.
fn miniatures() -> Vec<Miniature> {
    let text = std::fs::read_to_string(root().join("specs/zoo/narrow.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let [name, sets, size] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let pair = |set: &str| {
            let (key, value) = set.split_once('=').unwrap();
            (key.to_owned(), value.to_owned())
        };
        let (h, w) = size.split_once('x').unwrap();
        Miniature {
            name: name.to_owned(),
            sets: sets.split(' ').map(pair).collect(),
            smallest: Sizes { n: 1, h: h.parse().unwrap(), w: w.parse().unwrap() },
        }
    })
    .collect()
}

fn miniature(small: &Miniature) -> Network {
    let spec = zoo().into_iter().find(|spec| short(spec) == small.name).unwrap();
    let request = Request { provider: &Files, sets: &small.sets, ..Request::new(&spec.path, &spec.text) };
    let outcome = compile(&request);
    let said: Vec<&str> = outcome.diags.iter().map(|diag| diag.message.as_str()).collect();
    assert!(said.is_empty(), "{}: {said:?}", small.name);
    outcome.network.unwrap()
}

/// In every dimension: one row or column less is refused.
#[test]
fn miniatures_take_the_size_that_the_table_says_and_none_below() {
    for small in miniatures() {
        let network = miniature(&small);
        let size = small.smallest;
        assert!(network.bind(&size).is_ok(), "{}: {size:?} is refused", small.name);
        for less in [Sizes { h: size.h - 1, ..size }, Sizes { w: size.w - 1, ..size }] {
            assert!(
                less.h * less.w == 0 || network.bind(&less).is_err(),
                "{}: {less:?} is taken",
                small.name
            );
        }
        let parameters = network.cost(Mode::Train, &size).parameters;
        assert!(parameters < 200_000, "{}: {parameters} parameters are no miniature", small.name);
    }
}

/// What a miniature is made of: `tests/snapshots/zoo.<system>@narrow.snap`.
#[test]
fn miniatures_are_what_they_were() {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for small in miniatures() {
        let graph = print::graph(miniature(&small).graph());
        settings.bind(|| assert_snapshot!(format!("zoo.{}@narrow", small.name), graph));
    }
}
