//! Whether latents are in use, with the real binary on a tiny PHGMM.

use std::path::Path;

use serde_json::Value;

use crate::cli::{json, phgc, status};

/// A tiny PHGMM after six steps on tiny scenes, with validations on the way.
fn train(folder: &Path, more: &[&str]) -> String {
    let run = folder.join("run").display().to_string();
    let sets = "base=4 units=[1,1,1,1] blocks=[1,1,1,1] dim=6 D=4 M=4 z_map=8 K=3 width=8";
    let sets = sets.split(' ').flat_map(|set| ["--set", set]);
    let fixed = ["train", "specs/phgmm-small.phg", "--run", &run, "--seed", "3"];
    let tiny = ["--size", "32x64", "--batch", "2", "--threads", "1"];
    let args: Vec<&str> = fixed.into_iter().chain(sets).chain(tiny).chain(more.iter().copied()).collect();
    let output = phgc(&args);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    run
}

/// The lines of the log of one kind.
fn logged(run: &str, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(run).join("metrics.jsonl")).expect("a log");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines.filter(|line| line["kind"] == kind).collect()
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn latents_are_logged_probed_and_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = train(folder.path(), &["--steps", "2"]);

    // At the beginning, after the first step, and at the last validation.
    let lines = logged(&run, "latents");
    let has = |line: &Value| ["train", "val"].map(|split| line[split].is_object());
    let steps: Vec<(u64, [bool; 2])> =
        lines.iter().map(|line| (line["step"].as_u64().expect("a step"), has(line))).collect();
    assert_eq!(steps, [(0, [false, true]), (1, [true, false]), (2, [false, true])]);
    let z = &lines[2]["val"]["z.q"];
    assert_eq!(z["components"], 3);
    let weights = z["by_component"].as_array().expect("components").iter();
    let sum: f64 = weights.map(|component| component["weight"].as_f64().expect("a weight")).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    let events = std::fs::read_dir(Path::new(&run)).expect("a run").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        path.file_name()?.to_str()?.contains("tfevents").then(|| std::fs::read(path).expect("events"))
    });
    let events = events.flatten().collect::<Vec<u8>>();
    for tag in ["latents/val/z.q/kl", "latents/train/g.q/active"] {
        assert!(events.windows(tag.len()).any(|bytes| bytes == tag.as_bytes()), "{tag}");
    }

    let out = folder.path().join("out").display().to_string();
    let few = ["--images", "6", "--threads", "1", "--observe", "5"];
    let output = phgc(&[&["latents", &run, "-o", &out, "--format", "json"][..], &few].concat());
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let found = json(&output);
    let eval = json(&phgc(&["eval", &run, "--images", "6", "--threads", "1", "--format", "json"]));
    assert_eq!(found["miou"], eval["miou"], "as `eval` scores it");
    let latents = found["latents"].as_array().expect("latents");
    let names: Vec<&str> = latents.iter().filter_map(|latent| latent["name"].as_str()).collect();
    assert_eq!(names, ["z.q", "g.q", "postnet.p"]);
    for latent in &latents[..2] {
        let miou = &latent["miou"];
        assert!(["zeroed", "averaged", "exchanged"].iter().all(|how| miou[how].is_f64()), "{latent}");
        assert!(latent["verdict"].is_string() && latent["label_sensitivity"].is_null(), "{latent}");
        assert_eq!(latent["images"], 5);
    }
    assert!(latents[2]["miou"].is_null() && latents[2]["label_sensitivity"].is_f64());
    assert!(latents[0]["clusters"]["silhouette"].is_f64() && latents[1]["clusters"].is_null());
    for file in ["latents.svg", "latents.png", "latents.csv", "latents.json"] {
        assert!(Path::new(&out).join(file).is_file(), "{file}");
    }
    let words = text(&phgc(&[&["latents", &run][..], &few].concat()));
    assert!(words.contains("z.q is ") && words.contains("component  0: weight"), "{words}");

    let drawn = phgc(&["report", "latent", &run, "-o", &out, "--format", "json"]);
    assert_eq!(status(&drawn), 0, "{}", String::from_utf8_lossy(&drawn.stderr));
    let drawn = json(&drawn);
    assert_eq!(drawn["shown"], serde_json::json!([0, 2]));
    let lines = drawn["latents"]["z.q"].as_array().expect("a line a step");
    assert_eq!(lines.len(), 2);
    assert!(
        Path::new(&out).join("latent-z.q-tsne.png").is_file() && Path::new(&out).join("latent.csv").is_file()
    );
    let wrong = phgc(&["report", "latent", &run, "--steps", "1", "-o", &out, "--format", "json"]);
    assert_eq!(
        (status(&wrong), json(&wrong)["error"]["help"].as_str()),
        (2, Some("steps that it kept: 0, 2"))
    );

    let views = phgc(&["latents", &run, "--flip", "--format", "json"]);
    assert_eq!((status(&views), json(&views)["error"]["code"].as_str()), (2, Some("phg::usage::arguments")));
}

#[test]
fn without_validation_images_the_batches_tell_of_a_collapse() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("camvid").display().to_string();
    let few = ["--images", "6", "--size", "32x64", "-o", &data];
    let written = phgc(&[&["data", "write", "scenes", "--layout", "camvid"][..], &few].concat());
    assert_eq!(status(&written), 0);
    std::fs::remove_file(folder.path().join("camvid/val.txt")).expect("no validation split");
    // Divergences that outweigh everything else press the means together.
    let press = ["--set", "lambda_z=100", "--set", "lambda_g=100", "--steps", "50"];
    let run = train(folder.path(), &[&["--data", "camvid", "--root", &data][..], &press].concat());
    assert!(logged(&run, "latents").iter().all(|line| line["val"].is_null()));
    let report = std::fs::read_to_string(Path::new(&run).join("report.json")).expect("a report");
    assert!(report.contains("`phgc latents` on the finished run says whether it is used"), "{report}");
}

#[test]
fn a_network_without_latents_is_told_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let output = crate::training::train(&run, &["--steps", "1"]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let run = run.display().to_string();
    assert!(logged(&run, "latents").is_empty());
    let out = folder.path().join("out").display().to_string();
    for args in [vec!["latents", &run], vec!["report", "latent", &run, "-o", &out]] {
        let output = phgc(&[&args[..], &["--format", "json"]].concat());
        assert_eq!(
            (status(&output), json(&output)["error"]["code"].as_str()),
            (3, Some("phg::run::latents"))
        );
    }
}
