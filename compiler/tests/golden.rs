//! Golden tests: what the compiler makes of every shipped spec.
//!
//! Comes in: every `.phg` file under `specs/` that is a network (the standard library has blocks only). Goes out:
//! a snapshot of each stage in `tests/snapshots/<spec>@<stage>.snap`, and assertions on what must hold of every
//! plan and on the published numbers of parameters. Of ablations the cost alone is kept: their stages are PHGMM's but
//! for a few lines, and `tests/ablations.rs` says which. So it is of the zoo, which `tests/zoo.rs` keeps in miniature.

mod shipped;

use std::collections::BTreeMap;
use std::path::Path;

use insta::{Settings, assert_snapshot};
use phg_compiler::ir::dim::Sizes;
use phg_compiler::parse::print_ast;
use phg_compiler::plan::{InputKind, Role};
use phg_compiler::{Mode, Network, ir, parse, plan};

use shipped::{compiled, specs};

/// Runs `body` with snapshots beside the root's tests, named after the spec: `unet-small@graph.snap`.
fn snapshots(spec: &str, body: impl FnOnce(&dyn Fn(&str, String))) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| body(&|stage, text| assert_snapshot!(format!("{spec}@{stage}"), text)));
}

/// The cost of `mode` at the spec's own size: one image to predict, a batch to train.
fn cost_text(network: &Network, mode: Mode) -> String {
    let [h, w] = network.default_size();
    let n = if mode == Mode::Infer { 1 } else { network.training.batch };
    plan::print::cost(&network.cost(mode, &Sizes { n, h, w }))
}

#[test]
fn every_stage_of_every_spec() {
    for spec in specs() {
        let network = compiled(&spec);
        snapshots(&spec.name, |check| {
            let cost = [Mode::Infer, Mode::Train].map(|mode| cost_text(&network, mode)).join("\n");
            check("cost", cost);
            if spec.name.starts_with("ablations.") || spec.name.starts_with("zoo.") {
                return;
            }
            let mut diags = phg_compiler::diag::Diags::default();
            let tree = parse::parse(phg_compiler::source::FileId(0), &spec.text, &mut diags);
            assert!(!diags.has_errors(), "{}: {diags:?}", spec.name);
            check("ast", print_ast(&tree));
            check("graph", ir::print::graph(network.graph()));
            check("facts", ir::print::facts(network.graph()));
            check("plan.train", plan::print::plan(&network.plan(Mode::Train)));
            check("plan.infer", plan::print::plan(&network.plan(Mode::Infer)));
        });
    }
}

/// Every snapshot belongs to a spec and a stage: one that does not would never be checked.
#[test]
fn every_snapshot_has_an_owner() {
    const STAGES: [&str; 7] = ["ast", "graph", "facts", "plan.train", "plan.infer", "cost", "narrow"];
    let names: Vec<String> = specs().into_iter().map(|spec| spec.name).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/snapshots");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some((spec, stage)) = file.strip_suffix(".snap").and_then(|name| name.split_once('@')) else {
            continue;
        };
        assert!(names.iter().any(|name| name == spec), "{file}: there is no such spec");
        assert!(STAGES.contains(&stage), "{file}: there is no such stage");
    }
}

/// Trainable parameters by section, at the spec's own size; sizes do not matter to them.
fn parameters(network: &Network, mode: Mode) -> BTreeMap<String, u64> {
    let cost = network.cost(mode, &Sizes { n: 1, h: 64, w: 64 });
    let mut counts: BTreeMap<String, u64> = cost
        .sections
        .into_iter()
        .filter(|(_, section)| section.parameters > 0)
        .map(|(name, section)| (name, section.parameters))
        .collect();
    counts.insert("total".to_owned(), cost.parameters);
    counts
}

fn expected(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
    rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn named(name: &str) -> Network {
    let spec = specs().into_iter().find(|spec| spec.name == name).unwrap();
    compiled(&spec)
}

/// The numbers of an independent implementation of the paper in PyTorch.
#[test]
fn phgmm_has_the_published_parameters() {
    let always = [
        ("encoder", 42_500_160),
        ("z", 3_878_076),
        ("g", 575_344),
        ("decoder", 2_184_804),
        ("merge", 155_056),
    ];
    let network = named("phgmm");
    let mut training = always.to_vec();
    training.extend([("postnet", 44_547_196), ("total", 93_840_636)]);
    assert_eq!(parameters(&network, Mode::Train), expected(&training));
    assert_eq!(parameters(&network, Mode::Eval), expected(&training));
    let mut inference = always.to_vec();
    inference.push(("total", 49_293_440));
    assert_eq!(parameters(&network, Mode::Infer), expected(&inference));
}

/// The same implementation at a quarter of the widths.
#[test]
fn phgmm_small_has_the_published_parameters() {
    let always =
        [("encoder", 506_384), ("z", 441_276), ("g", 116_224), ("decoder", 446_580), ("merge", 104_896)];
    let network = named("phgmm-small");
    let mut training = always.to_vec();
    training.extend([("postnet", 723_276), ("total", 2_338_636)]);
    assert_eq!(parameters(&network, Mode::Train), expected(&training));
    let mut inference = always.to_vec();
    inference.push(("total", 1_615_360));
    assert_eq!(parameters(&network, Mode::Infer), expected(&inference));
}

/// By hand: level `l` has `c = 8 * 2^l` channels; a double convolution from `i` channels has `9 * c * (i + c)`
/// weights and two norms of `2 * c`; the last 1x1 convolution has `8 * 12 + 12`.
#[test]
fn unet_small_has_the_parameters_of_the_formula() {
    let double = |i: u64, c: u64| 9 * c * (i + c) + 4 * c;
    let encoder = double(3, 8) + double(8, 16) + double(16, 32) + double(32, 64) + double(64, 128);
    let up = double(128 + 64, 64) + double(64 + 32, 32) + double(32 + 16, 16) + double(16 + 8, 8);
    let decoder = up + 8 * 12 + 12;
    assert_eq!(encoder + decoder, 491_972);
    let network = named("unet-small");
    let counts = expected(&[("encoder", encoder), ("decoder", decoder), ("total", 491_972)]);
    assert_eq!(parameters(&network, Mode::Train), counts);
    assert_eq!(parameters(&network, Mode::Infer), counts);
}

/// `postnet` and `loss` exist while training only: an inference plan holds nothing of them, and no labels.
#[test]
fn inference_has_no_trace_of_training() {
    let trained = |section: &str| matches!(section, "postnet" | "loss" | "auxiliary");
    for spec in specs() {
        let network = compiled(&spec);
        let plan = network.plan(Mode::Infer);
        let name = &spec.name;
        for step in &plan.steps {
            assert!(!trained(&step.section), "{name}: step {}", step.path);
            assert!(
                !step.path.starts_with("postnet.") && !step.path.starts_with("loss."),
                "{name}: {}",
                step.path
            );
        }
        for weight in &plan.weights {
            assert!(!trained(&weight.section), "{name}: weight {}", weight.name);
            assert!(!weight.name.starts_with("postnet."), "{name}: {}", weight.name);
        }
        assert!(plan.values.iter().all(|value| !trained(&value.section)), "{name}: a value");
        assert!(plan.inputs.iter().all(|input| input.kind == InputKind::Image), "{name}: {:?}", plan.inputs);
        assert!(plan.outputs.iter().all(|output| output.role == Role::Prediction), "{name}");
        // Without the passes that drop them they are there, so the assertions above can fail.
        let unpruned = network.plan_without(Mode::Infer, &["prune-training".to_owned()]);
        assert!(unpruned.outputs.iter().any(|output| output.role == Role::Loss), "{name}");
        assert!(unpruned.inputs.len() > plan.inputs.len(), "{name}");
    }
}
