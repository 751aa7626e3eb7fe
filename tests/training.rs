//! Training, evaluation and prediction with the real binary: small networks, small scenes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{json, phgc, status};

/// A tiny U-Net on tiny scenes.
pub(crate) fn train(run: &Path, more: &[&str]) -> std::process::Output {
    let run = run.display().to_string();
    let mut args = vec![
        "train",
        "specs/unet-small.phg",
        "--data",
        "scenes",
        "--run",
        &run,
        "--size",
        "32x64",
        "--batch",
        "2",
        "--set",
        "base=4",
        "--set",
        "levels=2",
        "--threads",
        "1",
        "--format",
        "json",
    ];
    args.extend_from_slice(more);
    phgc(&args)
}

/// The tensors of the newest checkpoint, as bytes.
fn last(run: &Path) -> (String, Vec<u8>, Vec<u8>) {
    let name = std::fs::read_to_string(run.join("checkpoints/last")).expect("a pointer").trim().to_owned();
    let folder = run.join("checkpoints").join(&name);
    let read = |file: &str| std::fs::read(folder.join(file)).expect("a checkpoint's file");
    (name, read("model.safetensors"), read("optimizer.safetensors"))
}

#[test]
fn a_spec_trains_is_evaluated_and_predicts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let output = train(&run, &["--steps", "6"]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let report = json(&output);
    assert_eq!(report["steps"], 6);
    assert_eq!(report["outcome"], "finished");

    // Every step is logged, the run says what it is, and TensorBoard has a file.
    let log = std::fs::read_to_string(run.join("metrics.jsonl")).expect("a log");
    let steps = log.lines().filter(|line| line.contains("\"train\"")).count();
    assert_eq!(steps, 6, "{log}");
    // A term that is a sum is logged with its parts.
    let first: serde_json::Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let (terms, parts) = (&first["terms"], &first["parts"]);
    let sum = number(&parts["l_s.cross_entropy"]) + number(&parts["l_s.soft_iou"]);
    assert!((number(&terms["l_s"]) - 0.4 * sum).abs() < 1e-5, "{first}");
    for file in ["manifest.json", "report.json", "report.md", "spec.phg", "table.toml"] {
        assert!(run.join(file).exists(), "{file}");
    }
    let names = |folder: &Path| -> Vec<String> {
        std::fs::read_dir(folder)
            .expect("a folder")
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    assert!(names(&run).iter().any(|name| name.contains("tfevents")), "{:?}", names(&run));
    assert_eq!(names(&run.join("pictures")).len(), 6);

    // A finished run is never overwritten.
    assert_eq!(status(&train(&run, &["--steps", "1"])), 2);

    let place = run.display().to_string();
    let eval = phgc(&["eval", &place, "--split", "val", "--format", "json", "--threads", "1"]);
    assert_eq!(status(&eval), 0, "{}", String::from_utf8_lossy(&eval.stderr));
    let scores = json(&eval);
    assert_eq!(scores["images"], 100);
    assert_eq!(scores["resolution"], serde_json::json!([32, 64]));
    assert_eq!(scores["classes_counted"].as_array().map(Vec::len), Some(11));
    assert!(scores["iou"].get("void").is_none());
    // The report's own evaluation is the same one.
    assert_eq!(scores["miou"], report["evaluations"][0]["miou"]);
    let confusion: u64 = scores["confusion"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|row| row.as_array().into_iter().flatten())
        .filter_map(serde_json::Value::as_u64)
        .sum();
    assert!(confusion > 100 * 32 * 64 / 2 && confusion <= 100 * 32 * 64, "{confusion}");

    // Any size is predicted at its own size.
    let images = folder.path().join("images");
    std::fs::create_dir(&images).expect("a folder");
    png(&images.join("street.png"), 37, 23);
    let out = folder.path().join("out");
    let (images, out_text) = (images.display().to_string(), out.display().to_string());
    let predict = phgc(&["predict", &place, &images, "-o", &out_text, "--threads", "1"]);
    assert_eq!(status(&predict), 0, "{}", String::from_utf8_lossy(&predict.stderr));
    for what in ["labels", "colour", "overlay"] {
        let decoder = png::Decoder::new(std::io::BufReader::new(
            std::fs::File::open(out.join(format!("street.{what}.png"))).expect("a picture"),
        ));
        let reader = decoder.read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (37, 23), "{what}");
    }
}

fn png(path: &Path, width: u32, height: u32) {
    let file = std::fs::File::create(path).expect("a file");
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let data: Vec<u8> = (0..3 * width * height).map(|at| (at * 7 % 251) as u8).collect();
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&data)).expect("a PNG");
}

#[test]
fn resuming_is_bit_exact() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (straight, stopped) = (folder.path().join("straight"), folder.path().join("stopped"));
    let options = ["--steps", "5", "--set", "train.augment.brightness=0.2", "--set", "train.ema=0.9"];
    assert_eq!(status(&train(&straight, &options)), 0);
    let pause: Vec<&str> = options.iter().copied().chain(["--pause-after", "2", "--loaders", "2"]).collect();
    let paused = train(&stopped, &pause);
    assert_eq!(status(&paused), 0, "{}", String::from_utf8_lossy(&paused.stderr));
    assert_eq!(json(&paused)["outcome"], "paused");
    assert_ne!(last(&straight), last(&stopped));
    let resume: Vec<&str> = options.iter().copied().chain(["--resume"]).collect();
    let resumed = train(&stopped, &resume);
    assert_eq!(status(&resumed), 0, "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(last(&straight), last(&stopped), "model and optimiser are the same, bit for bit");

    // Another spec is another run.
    let other: Vec<&str> = resume.iter().copied().chain(["--set", "train.clip=1.0"]).collect();
    let refused = train(&stopped, &other);
    assert_eq!((status(&refused), json(&refused)["error"]["code"].as_str()), (2, Some("phg::run::changed")));
}

#[test]
fn another_seed_is_another_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runs: Vec<PathBuf> = ["a", "b", "c"].iter().map(|name| folder.path().join(name)).collect();
    for (run, seed) in runs.iter().zip(["1", "1", "2"]) {
        assert_eq!(status(&train(run, &["--steps", "1", "--seed", seed, "--pause-after", "1"])), 0);
    }
    assert_eq!(last(&runs[0]), last(&runs[1]));
    assert_ne!(last(&runs[0]).1, last(&runs[2]).1);
}

#[test]
fn an_interruption_saves_and_has_a_status_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = Command::new(env!("CARGO_BIN_EXE_phgc"))
        .args(["train", "specs/unet-small.phg", "--steps", "100000", "--size", "32x64", "--batch", "2"])
        .args(["--set", "base=4", "--set", "levels=2", "--threads", "1", "--run"])
        .arg(&run)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let begun = Instant::now();
    let logged =
        || std::fs::read_to_string(run.join("metrics.jsonl")).is_ok_and(|log| log.lines().count() >= 3);
    while !logged() && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(kill.success());
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(130));
    let (name, _, _) = last(&run);
    let step: u64 =
        name.trim_start_matches("step-").split('-').next().and_then(|n| n.parse().ok()).expect("a step");
    assert!(step >= 3);
    let report = std::fs::read_to_string(run.join("report.json")).expect("a report");
    assert!(report.contains("interrupted"));
}

#[test]
fn scenes_written_as_camvid_are_read_as_camvid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("camvid").display().to_string();
    let write = phgc(&[
        "data", "write", "scenes", "--layout", "camvid", "--images", "6", "--size", "48x64", "-o", &root,
    ]);
    assert_eq!(status(&write), 0, "{}", String::from_utf8_lossy(&write.stderr));
    let check = phgc(&["data", "check", "--data", "camvid", "--root", &root, "--format", "json"]);
    let report = json(&check);
    assert_eq!((status(&check), report["ok"].as_bool()), (0, Some(true)), "{report}");
    assert_eq!(report["splits"][0]["good"], 6);

    // A broken pair is found, named, and stops a training before its first step.
    let victim = Path::new(&root).join("train");
    let image =
        std::fs::read_dir(&victim).expect("a folder").next().expect("an image").expect("an entry").path();
    let bytes = std::fs::read(&image).expect("an image");
    std::fs::write(&image, &bytes[..bytes.len() / 2]).expect("a cut image");
    let check = phgc(&["data", "check", "--data", "camvid", "--root", &root, "--format", "json"]);
    assert_eq!(status(&check), 3);
    let run = folder.path().join("run").display().to_string();
    let train = phgc(&[
        "train",
        "specs/unet-small.phg",
        "--data",
        "camvid",
        "--root",
        &root,
        "--run",
        &run,
        "--steps",
        "3",
        "--batch",
        "6",
        "--size",
        "32x64",
        "--set",
        "base=4",
        "--set",
        "levels=2",
        "--format",
        "json",
    ]);
    assert_eq!(status(&train), 3, "{}", String::from_utf8_lossy(&train.stderr));
    assert!(json(&train)["error"]["place"].is_string());
}

/// `phgc train ... | head -1`: the reader goes away, the training goes on.
#[test]
fn a_closed_pipe_does_not_end_a_training() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run").display().to_string();
    let command = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phgc"));
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    };
    let mut training = command(&[
        "train",
        "specs/unet-small.phg",
        "--run",
        &run,
        "--size",
        "32x64",
        "--batch",
        "2",
        "--steps",
        "3",
        "--set",
        "base=4",
        "--set",
        "levels=2",
        "--threads",
        "1",
    ]);
    drop((training.stdout.take(), training.stderr.take()));
    assert_eq!(training.wait().expect("a status").code(), Some(0));
    assert!(Path::new(&run).join("report.json").exists());

    // Others end quietly, by the signal.
    let mut shown = command(&["show", "specs/phgmm.phg", "--emit", "plan"]);
    drop(shown.stdout.take());
    let ended = shown.wait_with_output().expect("a status");
    assert_eq!(
        (ended.status.code(), ended.stderr.len()),
        (None, 0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

/// Labels are read by a table of the user's: classes merged, and others left out.
#[test]
fn a_table_replaces_a_dataset_s_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("files").display().to_string();
    let written = phgc(&[
        "data", "write", "scenes", "--layout", "camvid", "-o", &root, "--images", "3", "--size", "32x48",
    ]);
    assert_eq!(status(&written), 0, "{}", String::from_utf8_lossy(&written.stderr));
    let table = folder.path().join("table.toml");
    let class = |id: u8, name: &str, void: bool| {
        format!(
            "[[class]]\nid = {id}\nname = \"{name}\"\ncolour = [{id}, 0, 0]\n{}",
            if void { "void = true\n" } else { "" }
        )
    };
    let raw = |value: u8, class: &str| {
        format!("[[raw]]\nname = \"{value}\"\nvalue = {value}\nclass = \"{class}\"\n")
    };
    let mut text = "name = \"two\"\n".to_owned();
    text += &(class(0, "sky", false) + &class(1, "rest", false) + &class(2, "void", true));
    text +=
        &(raw(0, "sky") + &(1..11).map(|value| raw(value, "rest")).collect::<String>() + &raw(11, "void"));
    std::fs::write(&table, text).expect("a table");
    let table = table.display().to_string();
    let check = ["data", "check", "--data", "camvid", "--root", &root, "--format", "json", "--table"];
    let found = phgc(&[&check[..], &[&table]].concat());
    assert_eq!(status(&found), 0, "{}", String::from_utf8_lossy(&found.stderr));
    let names: Vec<String> = json(&found)["splits"][0]["classes"]
        .as_array()
        .expect("classes")
        .iter()
        .map(|class| class["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["sky", "rest", "void"]);

    let missing = phgc(&[&check[..], &["/nowhere.toml"]].concat());
    assert_eq!(status(&missing), 3);
    let scenes = phgc(&["data", "check", "--data", "scenes", "--format", "json", "--table", &table]);
    assert_eq!(status(&scenes), 2, "{}", String::from_utf8_lossy(&scenes.stderr));
}
