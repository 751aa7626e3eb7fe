//! The command line's contract: exit statuses, JSON, and what each command prints.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `phgc` in the workspace's root.
pub(crate) fn phgc(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phgc"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CAMVID_DATASET")
        .env_remove("CITYSCAPES_DATASET")
        .env_remove("SYNTHIA_DATASET")
        .output()
        .expect("the binary runs")
}

/// Standard output as JSON.
pub(crate) fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn spec(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a temporary file");
    path.display().to_string()
}

#[test]
fn check_says_ok_or_what_is_wrong() {
    let good = phgc(&["check", "specs/unet-small.phg", "--format", "json"]);
    assert_eq!((status(&good), json(&good)["ok"].as_bool()), (0, Some(true)));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let bad = spec(
        folder.path(),
        "bad.phg",
        "input image: float[N, 3, H, W]\nlet x = image |> conv(8, kernal: 3)\nlet y = image |> conv(8) + x\noutput y = softmax(nothing)\n",
    );
    let bad = phgc(&["check", &bad, "--format", "json"]);
    assert_eq!(status(&bad), 1);
    let report = json(&bad);
    assert_eq!(report["ok"], false);
    let first = &report["diagnostics"][0];
    assert!(first["code"].as_str().is_some_and(|code| code.starts_with("phg::")), "{report}");
    let label = &first["labels"][0];
    assert!(label["line"].as_u64().is_some() && label["column"].as_u64().is_some(), "{report}");
    assert!(label["file"].as_str().is_some_and(|file| file.ends_with("bad.phg")), "{report}");
}

#[test]
fn sizes_are_bound_and_the_nearest_that_works_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = spec(
        folder.path(),
        "exact.phg",
        "input image: float[N, 3, H, W]\nlet x: map[N, 8, H/32, W/32] = image |> conv(8, kernel: 32, stride: 32, padding: 0)\noutput y = x\n",
    );
    let any = phgc(&["check", &path]);
    assert_eq!(status(&any), 0, "{}", String::from_utf8_lossy(&any.stderr));
    let odd = phgc(&["check", &path, "--size", "180x256", "--format", "json"]);
    assert_eq!(status(&odd), 1);
    let help = json(&odd)["diagnostics"][0]["help"].to_string();
    assert!(help.contains("192x256"), "{help}");
    assert_eq!(status(&phgc(&["check", &path, "--size", "192x256"])), 0);
}

#[test]
fn summary_counts_what_the_paper_s_networks_have() {
    let output =
        phgc(&["summary", "specs/phgmm.phg", "specs/phgmm-small.phg", "--mode", "train", "--format", "json"]);
    assert_eq!(status(&output), 0);
    let both = json(&output);
    let sections = &both[0]["parameters"]["sections"];
    let expected = [
        ("encoder", 42_500_160u64),
        ("z", 3_878_076),
        ("g", 575_344),
        ("postnet", 44_547_196),
        ("decoder", 2_184_804),
        ("merge", 155_056),
    ];
    for (name, count) in expected {
        assert_eq!(sections[name].as_u64(), Some(count), "{name}");
    }
    assert_eq!(both[0]["parameters"]["total"].as_u64(), Some(93_840_636));
    assert_eq!(both[1]["parameters"]["total"].as_u64(), Some(2_338_636));
    let infer = json(&phgc(&["summary", "specs/phgmm.phg", "--format", "json"]));
    assert_eq!(infer["parameters"]["total"].as_u64(), Some(49_293_440));
    assert_eq!(infer["parameters"]["sections"].get("postnet"), None);
    assert_eq!(infer["size"], serde_json::json!([384, 768]));
    // 111.6 GFLOP an image, two for each multiply-accumulate.
    let gflop = 2.0 * infer["macs"].as_f64().unwrap_or(0.0) / 1e9;
    assert!((gflop - 111.6).abs() < 0.1, "{gflop}");
}

#[test]
fn statuses_tell_usage_data_and_limits_apart() {
    assert_eq!(status(&phgc(&["check", "no-such.phg"])), 2);
    assert_eq!(status(&phgc(&["frobnicate"])), 2);
    assert_eq!(status(&phgc(&["train", "specs/unet-small.phg", "--data", "no-such"])), 2);
    let limit = phgc(&["check", "specs/phgmm.phg", "--limit", "nodes=100", "--format", "json"]);
    assert_eq!(status(&limit), 5);
    assert_eq!(json(&limit)["diagnostics"][0]["code"], "phg::limit::nodes");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let place = empty.path().display().to_string();
    let camvid = phgc(&["data", "check", "--data", "camvid", "--root", &place, "--format", "json"]);
    assert!([2, 3].contains(&status(&camvid)));
    assert!(json(&camvid)["error"]["help"].is_string());
    assert_eq!(status(&phgc(&["eval", &place])), 2 + i32::from(status(&phgc(&["eval", &place])) == 3));
    let set = phgc(&["check", "specs/phgmm.phg", "--set", "KK=4", "--format", "json"]);
    assert_eq!(
        (status(&set), json(&set)["diagnostics"][0]["code"].as_str()),
        (1, Some("phg::param::unknown"))
    );
}

#[test]
fn every_code_is_explained() {
    let list = String::from_utf8(phgc(&["explain"]).stdout).expect("text");
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(codes.len() > 80, "{}", codes.len());
    let page = phgc(&["explain", "phg::shape::mismatch"]);
    assert!(String::from_utf8_lossy(&page.stdout).starts_with("# phg::shape::mismatch"));
    assert_eq!(status(&phgc(&["explain", "phg::shape::mismatsch"])), 2);
}

#[test]
fn specs_are_formatted_and_show_prints_every_stage() {
    let fmt = phgc(&["fmt", "--check", "specs"]);
    assert_eq!(status(&fmt), 0, "{}", String::from_utf8_lossy(&fmt.stdout));
    for stage in ["ast", "graph", "facts", "plan", "cost", "after:dead-code"] {
        let output = phgc(&["show", "specs/unet-small.phg", "--emit", stage]);
        assert!(status(&output) == 0 && !output.stdout.is_empty(), "{stage}");
    }
    let graph = json(&phgc(&["show", "specs/phgmm-small.phg", "--emit", "graph", "--format", "json"]));
    assert!(graph["nodes"].as_array().is_some_and(|nodes| nodes.len() > 100));
    let infer = phgc(&["show", "specs/phgmm.phg", "--emit", "plan", "--mode", "infer"]);
    let text = String::from_utf8_lossy(&infer.stdout);
    assert!(!text.contains("postnet") && !text.contains("labels") && text.contains("segmentation"));
    for format in ["dot", "mermaid"] {
        let output = phgc(&["show", "specs/phgmm.phg", "--emit", "graph", "--format", format]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("postnet"), "{format}");
    }
}

#[test]
fn diff_names_what_changes() {
    let output = phgc(&["diff", "specs/phgmm.phg", "specs/phgmm-small.phg", "--format", "json"]);
    let changes = json(&output);
    assert!(changes["parameters"].to_string().contains("z_map"));
    assert_eq!(changes["cost"]["b"]["parameters"].as_u64(), Some(2_338_636));
    let same = phgc(&["diff", "specs/phgmm.phg", "specs/phgmm.phg"]);
    assert!(String::from_utf8_lossy(&same.stdout).contains("the same"));
}

#[test]
fn devices_and_completions_are_listed() {
    assert_eq!(json(&phgc(&["devices", "--format", "json"]))[0]["name"], "cpu");
    let missing = phgc(&["train", "specs/unet-small.phg", "--device", "cuda", "--format", "json"]);
    assert_eq!(
        (status(&missing), json(&missing)["error"]["code"].as_str()),
        (2, Some("phg::device::missing"))
    );
    assert!(String::from_utf8_lossy(&phgc(&["completions", "bash"]).stdout).contains("phgc"));
}

/// The whole check takes a minute of a release build; here a few of its cases, smallest first.
#[test]
fn a_device_is_checked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("cases.jsonl").display().to_string();
    let args = ["devices", "--check", "--device", "cpu", "--minutes", "0.02", "--log", &log];
    let output = phgc(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stdout));
    let report = json(&output);
    assert_eq!((report["ok"].as_bool(), report["device"].as_str()), (Some(true), Some("cpu")));
    let case = &report["cases"][0];
    assert_eq!(case["kind"], "convolve");
    assert!(case["worst"]["error"].as_f64() <= case["worst"]["allowed"].as_f64(), "{case}");
    assert!(report["skipped"].as_u64() > Some(0));
    let lines = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(lines.lines().count(), report["cases"].as_array().map_or(0, Vec::len));
    let first: Value = serde_json::from_str(lines.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(&first, case);
    let none = phgc(&["devices", "--check", "--minutes", "1e-9", "--format", "json"]);
    assert_eq!(status(&none), 2);
    for wrong in [&["devices", "--minutes", "1"][..], &["devices", "--check", "--minutes", "0"]] {
        assert_eq!(status(&phgc(wrong)), 2, "{wrong:?}");
    }
}

/// A failure is one JSON document, whoever found it.
#[test]
fn every_error_is_one_json_document() {
    let usage: [&[&str]; 4] = [
        &["check", "--format", "json"],
        &["check", "specs/unet-small.phg", "--format", "json", "--wat"],
        &["summary", "specs/unet-small.phg", "--batch", "0", "--format=json"],
        &["show", "specs/unet-small.phg", "--emit", "everything", "--format", "json"],
    ];
    for args in usage {
        let output = phgc(args);
        assert_eq!(status(&output), 2, "{args:?}");
        let failure = json(&output);
        assert_eq!(failure["ok"], false, "{args:?}");
        assert!(failure["error"]["code"].as_str().is_some_and(|code| code.starts_with("phg::")), "{failure}");
        assert_eq!(failure["diagnostics"][0]["message"], failure["error"]["message"]);
    }
    let missing = json(&phgc(&["check", "no-such.phg", "--format", "json"]));
    assert_eq!(missing["diagnostics"][0]["severity"], "error");
    // Text stays text, on standard error; and help is no error.
    let plain = phgc(&["check"]);
    assert!(plain.stdout.is_empty() && !plain.stderr.is_empty());
    assert_eq!(status(&phgc(&["check", "--help", "--format", "json"])), 0);
    // A dataset with findings: the report, and nothing after it.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("scenes");
    let place = root.display().to_string();
    let args =
        ["data", "write", "scenes", "--layout", "camvid", "--images", "6", "--size", "32x64", "-o", &place];
    let written = phgc(&[&args[..], &["--format", "json"]].concat());
    assert_eq!((status(&written), json(&written)["pairs"].as_u64()), (0, Some(8)));
    let label = std::fs::read_dir(root.join("trainannot")).expect("a folder").next();
    std::fs::write(label.expect("a label map").expect("a label map").path(), "no picture").expect("a write");
    let found = phgc(&["data", "check", "--data", "camvid", "--root", &place, "--format", "json"]);
    assert_eq!(status(&found), 3);
    assert!(json(&found).is_object());
}

#[test]
fn stages_are_shown_for_the_mode_that_is_asked_for() {
    let shown = |more: &[&str]| {
        let output = phgc(&[&["show", "specs/phgmm-small.phg", "--emit"], more].concat());
        assert_eq!(status(&output), 0, "{more:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert!(shown(&["graph"]).contains("postnet."));
    for stage in ["graph", "facts", "plan"] {
        let text = shown(&[stage, "--mode", "infer"]);
        assert!(!text.contains("postnet.") && !text.contains("loss."), "{stage}");
    }
    let tree: Value = serde_json::from_str(&shown(&["ast", "--format", "json"])).expect("JSON");
    assert!(tree["ast"]["items"][0]["kind"]["Extend"].is_object(), "{tree}");
    assert_eq!(status(&phgc(&["show", "specs/phgmm-small.phg", "--emit", "cost", "--format", "dot"])), 2);
}
