//! Ablations: each file of `specs/ablations` changes of PHGMM what it says, and nothing else.
//!
//! Comes in: the files, and for each what it sets, which sections differ, and by how many parameters: numbers worked
//! out by hand from the widths. A file that this table does not know fails.

mod shipped;

use std::collections::{BTreeMap, BTreeSet};

use phg_compiler::ast::ItemKind;
use phg_compiler::diag::Diags;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::ir::view;
use phg_compiler::plan::print;
use phg_compiler::source::FileId;
use phg_compiler::{Mode, Network, Request, compile, parse};

use shipped::files::Files;
use shipped::{Spec, compiled, specs};

/// What an ablation is.
struct Ablation {
    name: &'static str,
    sets: &'static [(&'static str, &'static str)],
    /// Sections whose operations differ.
    sections: &'static [&'static str],
    /// Trainable parameters more or fewer, by section.
    parameters: &'static [(&'static str, i64)],
}

/// One row of the table.
const fn row(
    name: &'static str,
    sets: &'static [(&'static str, &'static str)],
    sections: &'static [&'static str],
    parameters: &'static [(&'static str, i64)],
) -> Ablation {
    Ablation { name, sets, sections, parameters }
}

/// A component's heads: means and log-variances of 256, a logit, each from 256 numbers.
const HEAD: i64 = 2 * (256 * 256 + 256) + 256 + 1;
/// A component's decoding: 256 to 32, and its 32 channels of the 3x3 convolution to 512.
const DECODED: i64 = (256 * 32 + 32) + 9 * 32 * 512;
/// A summary with 8 cells for each of 48 channels in place of one number.
const CELLS: i64 = 7 * 48 * 256;
/// A summary that scores places: a 1x1 convolution for each of four maps of 12 channels.
const ATTENTION: i64 = 4 * (12 * 12 + 12);
/// Channels of the decoder's four encoder maps, in a 3x3 convolution to `w`, with that from the decoded z, and of
/// its 33 units with two convolutions and norms each.
const fn decoder(w: i64) -> i64 {
    (9 * 512 * w + w) + (9 * 3840 * w + 4 * w) + 33 * 2 * (9 * w * w + 2 * w)
}
/// Four levels and g's 64 channels, and the last two convolutions.
const fn merge(w: i64) -> i64 {
    4 * (9 * w * w + w) + (9 * 64 * 64 + 64) + (9 * (4 * w + 64) * w + w) + (9 * w * 12 + 12)
}
/// PostNet's encoder and summary at a quarter of the width with a bottleneck a stage: phgmm-small's encoder, with 12
/// channels of labels in the 7x7 convolution; the summary reads 64, 128, 256 and 512 channels.
const SMALL: i64 = 506_384 + 12 * 49 * 16 + (9 * 960 * 12 + 4 * 12) + (48 * 256 + 256);
/// The same at full size.
const LARGE: i64 = 42_500_160 + 12 * 49 * 64 + (9 * 3840 * 12 + 4 * 12) + (48 * 256 + 256);

const SPACES: &[&str] = &["z", "postnet"];
const SUMMARIES: &[&str] = &["z", "g", "postnet"];

const ABLATIONS: &[Ablation] = &[
    row("absent-classes", &[("absent", "count")], &["loss"], &[]),
    row(
        "attention-pooling",
        &[("summary_pooling", "attention")],
        SUMMARIES,
        &[("z", ATTENTION), ("g", ATTENTION), ("postnet", ATTENTION)],
    ),
    row(
        "cell-pooling",
        &[("summary_pooling", "cells")],
        SUMMARIES,
        &[("z", CELLS), ("g", CELLS), ("postnet", CELLS)],
    ),
    // The last map is larger, and with it all that is computed at its size.
    row(
        "dilated-stages",
        &[("dilation", "[1, 1, 1, 2]")],
        &["encoder", "z", "g", "postnet", "decoder", "merge"],
        &[],
    ),
    row("free-bits", &[("free_bits", "0.05")], &["loss"], &[]),
    row("k1", &[("K", "1")], SPACES, &[("z", -11 * (HEAD + DECODED)), ("postnet", -11 * HEAD)]),
    row("k12", &[("K", "12")], &[], &[]),
    row("k16", &[("K", "16")], SPACES, &[("z", 4 * (HEAD + DECODED)), ("postnet", 4 * HEAD)]),
    row("k20", &[("K", "20")], SPACES, &[("z", 8 * (HEAD + DECODED)), ("postnet", 8 * HEAD)]),
    row("k4", &[("K", "4")], SPACES, &[("z", -8 * (HEAD + DECODED)), ("postnet", -8 * HEAD)]),
    row("k8", &[("K", "8")], SPACES, &[("z", -4 * (HEAD + DECODED)), ("postnet", -4 * HEAD)]),
    row("kl-matched", &[("by", "matched")], &[], &[]),
    row("kl-monte-carlo", &[("by", "monte_carlo")], &["loss"], &[]),
    row("kl-sum", &[("reduce", "sum")], &["loss"], &[]),
    row("kl-variational", &[("by", "variational")], &["loss"], &[]),
    row("kl-warmup", &[("warmup", "500")], &["loss"], &[]),
    // A map of 12 x 24 values for each of 32 channels, from 32 numbers.
    row("linear-expand", &[("to_map", "linear")], &["z"], &[("z", 12 * (32 + 1) * 32 * 12 * 24)]),
    row("means-alone", &[("weigh_means", "false")], &["z"], &[]),
    row("postnet-decodes", &[("postnet_decodes", "true")], &["loss"], &[]),
    row("sampled-latents", &[("sampled", "true")], &["z", "g"], &[]),
    row("shared-codes", &[("share_codes", "true")], &["z"], &[("z", -11 * (256 * 32 + 32))]),
    row(
        "small-postnet",
        &[("postnet_blocks", "[1, 1, 1, 1]"), ("postnet_base", "16")],
        &["postnet"],
        &[("postnet", SMALL - LARGE)],
    ),
    row("stop-p", &[("postnet_decodes", "true"), ("stop", "p")], &["loss"], &[]),
    row("stop-q", &[("stop", "q")], &["loss"], &[]),
    row("summary-none", &[("summary_activation", "none")], SUMMARIES, &[]),
    row("summary-relu", &[("summary_activation", "relu")], SUMMARIES, &[]),
    row("upscaled-probabilities", &[("upscaled", "probabilities")], &["merge"], &[]),
    row(
        "width-c",
        &[("width", "12")],
        &["decoder", "merge"],
        &[("decoder", decoder(12) - decoder(36)), ("merge", merge(12) - merge(36))],
    ),
    // g's own convolution, and its 64 channels in the next one.
    row(
        "without-g",
        &[("use_g", "false")],
        &["g", "merge", "loss"],
        &[("g", -575_344), ("merge", -(9 * 64 * 64 + 64) - 9 * 64 * 36)],
    ),
    row("without-postnet", &[("use_postnet", "false")], &["postnet", "loss"], &[("postnet", -44_547_196)]),
];

const SIZES: Sizes = Sizes { n: 1, h: 384, w: 768 };

fn shipped(name: &str) -> Spec {
    specs().into_iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("there is no spec `{name}`"))
}

fn ablation(row: &Ablation) -> Spec {
    shipped(&format!("ablations.{}", row.name))
}

fn parameters(network: &Network) -> BTreeMap<String, i64> {
    let sections = network.cost(Mode::Train, &SIZES).sections.into_iter();
    let counted = sections.map(|(name, section)| (name, i64::try_from(section.parameters).unwrap()));
    counted.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn every_file_has_a_row() {
    let files: BTreeSet<String> = specs()
        .into_iter()
        .filter_map(|spec| spec.name.strip_prefix("ablations.").map(str::to_owned))
        .collect();
    let rows: BTreeSet<String> = ABLATIONS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(files, rows);
}

#[test]
fn each_has_the_parameters_worked_out_by_hand() {
    let whole = parameters(&compiled(&shipped("phgmm")));
    for row in ABLATIONS {
        let mut expected = whole.clone();
        for (section, change) in row.parameters {
            *expected.get_mut(*section).unwrap() += change;
        }
        expected.retain(|_, count| *count > 0);
        assert_eq!(parameters(&compiled(&ablation(row))), expected, "{}", row.name);
    }
}

/// Each operation with what it is given, by section.
fn operations(network: &Network) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in view::view(network.graph()).nodes {
        let text = format!("{} {}[{}] {} {:?}", node.path, node.op, node.parameters, node.params, node.facts);
        found.entry(node.section).or_default().push(text);
    }
    found
}

#[test]
fn each_differs_in_the_sections_that_it_should_and_no_other() {
    let whole = compiled(&shipped("phgmm"));
    let (before, infer) = (operations(&whole), print::plan(&whole.plan(Mode::Infer)));
    for row in ABLATIONS {
        let network = compiled(&ablation(row));
        let after = operations(&network);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differ: BTreeSet<&str> = names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name))
            .map(String::as_str)
            .collect();
        assert_eq!(differ, row.sections.iter().copied().collect(), "{}", row.name);
        // Draws are means when predicting.
        let training = |section: &&str| matches!(*section, "postnet" | "loss");
        let same = row.sections.iter().all(training) || row.name == "sampled-latents";
        assert_eq!(print::plan(&network.plan(Mode::Infer)) == infer, same, "{} when predicting", row.name);
    }
}

/// An ablation is a `--set`, and one of the small model as well.
#[test]
fn each_is_a_set_and_applies_to_the_small_model() {
    let whole = shipped("phgmm");
    for row in ABLATIONS {
        let sets: Vec<(String, String)> =
            row.sets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { provider: &Files, sets: &sets, ..Request::new(&whole.path, &whole.text) };
        let set = compile(&request).network.unwrap();
        let file = ablation(row);
        assert_eq!(set.params, compiled(&file).params, "{}", row.name);

        let mut diags = Diags::default();
        let tree = parse::parse(FileId(0), &file.text, &mut diags);
        let changes = tree.items.iter().map(|item| {
            let ItemKind::Extend(extend) = &item.kind else { panic!("{}: {:?}", row.name, item.kind) };
            extend.changes.len()
        });
        assert_eq!(changes.sum::<usize>(), row.sets.len(), "{}", row.name);
        assert!(file.text.starts_with("//! "), "{} says what it is", row.name);

        let small = file.text.replace("../phgmm.phg", "../phgmm-small.phg");
        let outcome = compile(&Request { provider: &Files, ..Request::new(&file.path, &small) });
        assert!(
            !outcome.diags.iter().any(phg_compiler::diag::Diag::is_error),
            "{}: {:?}",
            row.name,
            outcome.diags
        );
    }
}

/// By hand, at 96x192, 48x96, 24x48 and 12x24 pixels, for each: what comes from z's mixture is computed once more for
/// PostNet's, and what does not is not.
#[test]
fn a_second_decoding_costs_what_depends_on_the_mixture() {
    let pixels = [18_432u64, 4_608, 1_152, 288];
    let z = 12 * 256 * 32 + 9 * (12 * 32) * 512 * pixels[3];
    let entry = 9 * 512 * 36 * pixels[3];
    let units = 2 * 9 * 36 * 36 * (3 * pixels[3] + 23 * pixels[2] + 4 * pixels[1] + 3 * pixels[0]);
    let levels = 9 * 36 * 36 * pixels.iter().sum::<u64>();
    let last = 9 * (4 * 36 + 64) * 36 * pixels[0] + 9 * 36 * 12 * pixels[0];
    let network = compiled(&shipped("ablations.postnet-decodes"));
    let macs = |network: &Network, mode| network.cost(mode, &SIZES).macs;
    let cost = network.cost(Mode::Train, &SIZES);
    let (_, loss) = cost.sections.iter().find(|(name, _)| name == "loss").unwrap();
    assert_eq!(loss.macs, z + entry + units + levels + last);
    let whole = compiled(&shipped("phgmm"));
    assert_eq!(macs(&network, Mode::Train), macs(&whole, Mode::Train) + loss.macs);
    assert_eq!(macs(&network, Mode::Infer), macs(&whole, Mode::Infer));
}
