//! The systems that PHGMM is compared with, `specs/zoo`: parameters and arithmetic against published definitions.
//!
//! Comes in: the specs, and for each what its reference counts, from a run of a public PyTorch definition or from its
//! authors' Caffe, TensorFlow or MatConvNet files (`docs/zoo.md` says which). Comes in too: `specs/zoo/narrow.tsv`, the settings that
//! make each small enough to train in a test. A spec that the table does not know fails.

mod shipped;

use std::collections::BTreeSet;
use std::path::Path;

use insta::{Settings, assert_snapshot};
use miette::{GraphicalReportHandler, GraphicalTheme};
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
    /// Operations (1e9; a multiplication and an addition are two) of convolutions and matrix products for an image of
    /// 384 x 768, without auxiliary heads.
    gflops: f64,
}

const fn row(name: &'static str, train: u64, infer: u64, gflops: f64) -> System {
    System { name, train, infer, gflops }
}

const SYSTEMS: &[System] = &[
    row("adapnet-pp", 30_151_558, 30_145_366, 146.2),
    row("bisenet", 13_423_012, 13_273_740, 33.3),
    row("ccnet", 68_812_793, 66_449_901, 626.7),
    row("cgbnet", 84_404_018, 84_404_018, 143.5),
    row("danet", 68_826_130, 66_450_926, 651.5),
    row("deconvnet", 251_805_068, 251_805_068, 430.0),
    row("deeplab-v2", 43_384_944, 43_384_944, 418.7),
    row("deeplab-v3", 60_991_576, 58_628_684, 542.6),
    row("dunet", 51_047_296, 48_425_088, 468.2),
    row("enet", 350_652, 350_652, 4.39),
    row("espnet", 354_517, 354_517, 4.56),
    row("fastnet", 20_607_096, 20_607_096, 186.4),
    row("fc-densenet67", 3_463_532, 3_463_532, 245.9),
    row("fcn8s", 134_360_420, 134_360_420, 424.2),
    row("hrnet", 65_854_332, 65_854_332, 210.1),
    row("hrnet-ocr", 70_364_040, 70_364_040, 364.5),
    row("icnet", 6_703_716, 6_699_084, 8.13),
    row("ocnet", 56_694_136, 54_331_244, 511.4),
    row("parsenet", 20_510_552, 20_510_552, 282.6),
    row("pspnet", 67_962_232, 65_599_340, 575.7),
    row("segnet", 29_449_932, 29_449_932, 363.9),
    row("unet", 31_032_460, 31_032_460, 433.9),
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

/// The network of a spec without any remark, or all of them as text.
fn network(spec: &Spec, sets: &[(String, String)]) -> Result<Network, String> {
    let request = Request { provider: &Files, sets, both_ways: true, ..Request::new(&spec.path, &spec.text) };
    let outcome = compile(&request);
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut said = String::new();
    for report in outcome.reports() {
        handler.render_report(&mut said, &report).unwrap();
    }
    outcome.network.filter(|_| said.is_empty()).ok_or(said)
}

#[test]
fn specs_compile_without_a_remark() {
    let wrong: String = zoo().iter().filter_map(|spec| network(spec, &[]).err()).collect();
    assert!(wrong.is_empty(), "\n{wrong}");
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
            (written(&network) as f64 * 2e-9, network.cost(Mode::Infer, &FULL).macs as f64 * 2e-9);
        assert!(network.bind(&FULL).is_ok(), "{} does not take {FULL:?}", system.name);
        if (found / system.gflops - 1.0).abs() > 0.002 {
            wrong.push_str(&format!("{}: {found:.3} G, not {}\n", system.name, system.gflops));
        }
        // What the passes make of it is at most as much.
        if planned > found {
            wrong.push_str(&format!("{}: {planned:.3} G planned, {found:.3} G written\n", system.name));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The table of `docs/zoo.md` says what is counted here.
#[test]
fn the_page_says_the_same() {
    let page = std::fs::read_to_string(root().join("docs/zoo.md")).unwrap();
    let grouped = |count: u64| {
        let digits = count.to_string().into_bytes();
        let groups: Vec<&str> =
            digits.rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    };
    for spec in zoo() {
        let (system, gflops) = (system(&spec), written(&compiled(&spec)) as f64 * 2e-9);
        let (train, infer) = (grouped(system.train), grouped(system.infer));
        let row = format!("| {} | {train} | {infer} | {gflops:.1} |", system.name);
        assert!(page.contains(&row), "docs/zoo.md lacks `{row}`");
        // Counted, chosen, compared.
        assert!(page.matches(&format!("\n| {} |", system.name)).count() == 3, "{}", system.name);
    }
}

#[test]
fn specs_are_short_and_formatted() {
    let mut wrong = String::new();
    for Spec { path, text, .. } in zoo() {
        let lines = text.lines().count();
        if lines > 120 {
            wrong.push_str(&format!("{path} has {lines} lines\n"));
        }
        if !text.starts_with("//! ") {
            wrong.push_str(&format!("{path} does not say what it is\n"));
        }
        if fmt::format(&text).ok() != Some(text) {
            wrong.push_str(&format!("{path}: `phgc fmt` changes it\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
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
    network(&spec, &small.sets).unwrap_or_else(|said| panic!("{}:\n{said}", small.name))
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
