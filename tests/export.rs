//! Networks as ONNX models and as functions of tensors, with the real binary.

use std::collections::BTreeMap;
use std::path::Path;

use phg_runtime::host::{self, HostTensor};
use serde_json::Value;

use crate::cli::{json, phgc, status};

/// A tiny PHGMM.
const TINY: &str = "base=4 units=[1,1,1,1] blocks=[1,1,1,1] dim=6 D=4 M=4 z_map=8 K=3 width=8";

fn code(output: &std::process::Output) -> (i32, Value) {
    (status(output), json(output)["error"]["code"].clone())
}

/// A file with one tensor of images.
fn images(path: &Path, shape: [usize; 4]) -> String {
    let len = shape.iter().product();
    let data = (0..len).map(|at| ((at * 37 % 101) as f32 - 50.0) / 25.0).collect();
    let tensors = BTreeMap::from([("image".to_owned(), HostTensor { shape: shape.to_vec(), data })]);
    std::fs::write(path, host::encode(&tensors).expect("a tensor")).expect("a file");
    path.display().to_string()
}

#[test]
fn models_compute_what_we_compute_at_every_size() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("models/net.onnx").display().to_string();
    let tiny: Vec<&str> = TINY.split(' ').flat_map(|set| ["--set", set]).collect();
    let cells = [&tiny[..], &["--set", "summary_pooling=cells", "--set", "summary_grid=[2,3]"]].concat();
    for (spec, sets) in [
        ("specs/unet-small.phg", vec!["--set", "base=4"]),
        ("specs/phgmm-small.phg", tiny),
        ("specs/phgmm-small.phg", cells),
    ] {
        let fixed = ["export", spec, "--onnx", &file, "--verify", "--seed", "7", "--format", "json"];
        let sizes = ["--size", "64x96", "--size", "45x77", "--size", "33x130"];
        let output = phgc(&[&fixed[..], &sizes, &sets].concat());
        assert_eq!(status(&output), 0, "{spec}: {}", String::from_utf8_lossy(&output.stdout));
        let found = json(&output);
        assert_eq!(found["opset"], 17);
        assert_eq!(found["bytes"], std::fs::metadata(&file).expect("a model").len());
        let verified = found["verified"].as_array().expect("sizes");
        assert_eq!(verified[1]["images"], serde_json::json!([1, 3, 45, 77]));
        for each in verified {
            assert!(each["max_relative"].as_f64().is_some_and(|most| most < 1e-5), "{spec}: {each}");
            assert!(each["argmax_agreement"].as_f64().is_some_and(|share| share > 99.8), "{spec}: {each}");
        }
    }
}

#[test]
fn a_run_is_exported_as_it_predicts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let output = crate::training::train(&run, &["--steps", "1"]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let run = run.display().to_string();
    let file = folder.path().join("net.onnx").display().to_string();
    let output = phgc(&["export", &run, "--onnx", &file, "--verify"]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("opset 17") && text.contains("largest difference"), "{text}");
    // Not written where the command line is wrong.
    std::fs::remove_file(&file).expect("the model");
    let wrong = phgc(&["export", &run, "--onnx", &file, "--seed", "1", "--format", "json"]);
    assert_eq!(code(&wrong), (2, "phg::usage::arguments".into()));
    assert!(!Path::new(&file).exists());
}

#[test]
fn tensors_go_in_and_come_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = images(&folder.path().join("x.safetensors"), [2, 3, 20, 28]);
    let infer = |more: &[&str], output: &str| {
        phgc(&[&["infer", "specs/unet-small.phg", "--set", "base=4", "-o", output], more].concat())
    };
    for (seed, name) in [("3", "a"), ("3", "b"), ("4", "c")] {
        let output = infer(&["--input", &input, "--seed", seed], &at(name));
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "segmentation [2, 12, 20, 28]\n");
    }
    let read = |name: &str| host::decode(&std::fs::read(at(name)).expect("a file")).expect("tensors");
    let (a, b, c) = (read("a"), read("b"), read("c"));
    assert!(a == b && a != c, "the seed decides");
    let scores = &a["segmentation"];
    let sum: f32 = (0..12).map(|class| scores.data[class * 20 * 28]).sum();
    assert!((sum - 1.0).abs() < 1e-5, "a softmax: {sum}");

    let wrong = [
        (images(&folder.path().join("flat"), [1, 1, 20, 28]), "phg::data::size"),
        (at("nothing"), "phg::weights::file"),
    ];
    for (input, expected) in wrong {
        let output = infer(&["--input", &input, "--format", "json"], &at("never"));
        assert_eq!(code(&output), (3, expected.into()));
    }
    // A size that the spec does not take is shown where it asks for another.
    let odd = images(&folder.path().join("odd"), [1, 3, 97, 131]);
    let enet = ["infer", "specs/zoo/enet.phg", "--set", "base=8", "--input", &odd, "-o", &at("never")];
    let output = phgc(&enet);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(status(&output), 1);
    assert!(text.contains("specs/zoo/enet.phg:") && text.contains("assert H % 8 == 0"), "{text}");
    let short = folder.path().join("short");
    let whole = std::fs::read(at("a")).expect("a file");
    std::fs::write(&short, &whole[..whole.len() / 2]).expect("a file");
    let cut = short.display().to_string();
    let output = infer(&["--input", &input, "--weights", &cut, "--format", "json"], &at("never"));
    assert_eq!(code(&output), (3, "phg::weights::file".into()));
    let others = infer(&["--input", &input, "--weights", &at("a"), "--format", "json"], &at("never"));
    assert_eq!(code(&others), (3, "phg::weights::missing".into()));
    assert!(!Path::new(&at("never")).exists());
}
