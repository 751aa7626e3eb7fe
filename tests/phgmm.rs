//! What the command line shows of PHGMM: what PostNet costs and that predicting has no trace of it; the ablations.

use serde_json::Value;

use super::cli::{json, phgc, status};

fn shown(args: &[&str]) -> Value {
    let output = phgc(&[args, &["--format", "json"]].concat());
    assert_eq!(status(&output), 0, "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    json(&output)
}

/// Training and predicting differ by PostNet and the loss: 44,547,196 parameters in a section of its own.
#[test]
fn show_says_what_training_has_and_predicting_has_not() {
    let text = |mode: &str| {
        let output = phgc(&["show", "specs/phgmm.phg", "--emit", "cost", "--mode", mode]);
        String::from_utf8(output.stdout).expect("text")
    };
    let (train, infer) = (text("train"), text("infer"));
    assert!(train.contains("postnet  44,547,196") && train.contains("total    93,840,636"), "{train}");
    assert!(!infer.contains("postnet") && !infer.contains("loss") && infer.contains("49,293,440"), "{infer}");
    let count = |mode: &str| {
        let summary = shown(&["summary", "specs/phgmm.phg", "--mode", mode]);
        summary["parameters"]["total"].as_u64().expect("a number")
    };
    assert_eq!(count("train") - count("infer"), 44_547_196);
}

/// Without PostNet nothing is missing when predicting; while training PostNet is, and nothing else but the loss.
#[test]
fn diff_says_where_postnet_is_missing() {
    let between = |mode: &str| {
        shown(&["diff", "specs/phgmm.phg", "specs/ablations/without-postnet.phg", "--mode", mode])
    };
    let paths = |diff: &Value, what: &str| -> Vec<String> {
        let list = diff["nodes"][what].as_array().expect("a list").iter();
        list.map(|path| path.as_str().unwrap_or_else(|| path["path"].as_str().expect("a path")).to_owned())
            .collect()
    };
    let train = between("train");
    assert!(train["parameters"].to_string().contains("use_postnet"), "{}", train["parameters"]);
    let (postnet, others): (Vec<String>, Vec<String>) =
        paths(&train, "removed").into_iter().partition(|path| path.starts_with("postnet."));
    assert!(postnet.len() > 300, "{}", postnet.len());
    for path in others.into_iter().chain(paths(&train, "added")).chain(paths(&train, "changed")) {
        assert!(path.starts_with("loss."), "{path}");
    }
    let infer = between("infer");
    for what in ["added", "removed", "changed"] {
        assert!(paths(&infer, what).is_empty(), "{what}: {infer}");
    }
    assert_eq!(infer["cost"]["a"], infer["cost"]["b"]);
}

#[test]
fn every_ablation_passes_check() {
    let folder =
        std::fs::read_dir(format!("{}/specs/ablations", env!("CARGO_MANIFEST_DIR"))).expect("ablations");
    let mut checked = 0;
    for entry in folder {
        let name = entry.expect("a file").file_name().into_string().expect("a name");
        let report = shown(&["check", &format!("specs/ablations/{name}")]);
        assert_eq!(report["ok"], true, "{name}");
        let warned = report["diagnostics"].as_array().map_or(0, Vec::len);
        assert_eq!(warned, usize::from(name == "kl-variational.phg"), "{name}: {report}");
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
}
