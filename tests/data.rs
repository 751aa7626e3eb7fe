//! Datasets of files with the real binary: written, looked at, trained on, damaged, timed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::cli::{json, phgc, status};

const TINY: [&str; 8] = ["--size", "32x64", "--batch", "2", "--set", "base=4", "--set", "levels=2"];

/// Scenes in a layout: six to train on, one to validate, one to test.
fn written(folder: &Path, layout: &str) -> PathBuf {
    let root = folder.join(layout);
    let place = root.display().to_string();
    let output = phgc(&[
        "data", "write", "scenes", "--layout", layout, "--images", "6", "--size", "32x64", "-o", &place,
    ]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    root
}

/// Trains a tiny network on `name` below `root`.
fn train(name: &str, root: &Path, run: &Path, more: &[&str]) -> Output {
    let (root, run) = (root.display().to_string(), run.display().to_string());
    let mut args = vec!["train", "specs/unet-small.phg", "--data", name, "--root", &root, "--run", &run];
    args.extend(TINY);
    args.extend(["--threads", "1", "--format", "json"]);
    args.extend_from_slice(more);
    phgc(&args)
}

fn code(output: &Output) -> String {
    json(output)["error"]["code"].as_str().unwrap_or_default().to_owned()
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).expect("a write");
}

/// A label map of one value, 64 by 32.
fn label(path: &Path, colour: png::ColorType, depth: png::BitDepth, pixel: &[u8]) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).expect("a file"), 64, 32);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixel.repeat(64 * 32)).expect("an image");
}

fn cityscapes_label(root: &Path, split: &str, index: usize) -> PathBuf {
    root.join(format!("gtFine/{split}/scenes/scenes_000000_{index:06}_gtFine_labelIds.png"))
}

#[test]
fn cityscapes_and_synthia_are_checked_trained_on_and_scored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["cityscapes", "synthia"] {
        let root = written(folder.path(), name);
        let place = root.display().to_string();
        let check = phgc(&["data", "check", "--data", name, "--root", &place, "--format", "json"]);
        let report = json(&check);
        assert_eq!((status(&check), report["ok"].as_bool()), (0, Some(true)), "{report}");
        let good: Vec<u64> = (0..3).filter_map(|split| report["splits"][split]["good"].as_u64()).collect();
        assert_eq!(good, [6, 1, 1]);
        let run = folder.path().join(format!("run-{name}"));
        let trained = train(name, &root, &run, &["--steps", "2"]);
        assert_eq!(status(&trained), 0, "{}", String::from_utf8_lossy(&trained.stderr));
        let run = run.display().to_string();
        let eval = phgc(&["eval", &run, "--split", "test", "--format", "json", "--threads", "1"]);
        let scores = json(&eval);
        assert_eq!(
            (status(&eval), &scores["images"], &scores["resolution"]),
            (0, &1.into(), &serde_json::json!([32, 64]))
        );
        assert!(scores["iou"].get("void").is_none() && scores["iou"].get("cyclist").is_some(), "{scores}");
        // The classes are those of `scenes`: a run on files is scored on them.
        let scenes = phgc(&["eval", &run, "--data", "scenes", "--split", "test", "--format", "json"]);
        assert_eq!((status(&scenes), &json(&scenes)["images"]), (0, &100.into()));
        // The variable instead of the flag.
        let variable = format!("{}_DATASET", name.to_uppercase());
        let found = Command::new(env!("CARGO_BIN_EXE_phgc"))
            .args(["data", "check", "--data", name])
            .env(&variable, &root)
            .output()
            .expect("the binary runs");
        assert_eq!(status(&found), 0, "{}", String::from_utf8_lossy(&found.stderr));
        let none = phgc(&["data", "check", "--data", name, "--format", "json"]);
        assert_eq!((status(&none), code(&none)), (2, "phg::data::root".into()));
        assert!(json(&none)["error"]["help"].as_str().is_some_and(|help| help.contains(&variable)));
    }
}

/// Each kind of damage ends a training before its first step: with its code, and without a run folder.
#[test]
fn bad_data_ends_a_training_before_its_first_step() {
    use png::{BitDepth, ColorType};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let city = written(folder.path(), "cityscapes");
    let synthia = written(folder.path(), "synthia");
    let run = folder.path().join("run");
    // Not in the first batch alone: the last pair of the split.
    let refused = |name: &str, root: &Path, more: &[&str]| {
        let output = train(name, root, &run, &[&["--steps", "2"], more].concat());
        assert_eq!(status(&output), 3, "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!run.exists(), "a run that never began");
        let error = json(&output)["error"].clone();
        assert!(error["place"].is_string() && error["help"].is_string(), "{error}");
        code(&output)
    };
    let with = |path: &Path, damage: &dyn Fn(&Path), check: &dyn Fn()| {
        let whole = bytes(path);
        damage(path);
        check();
        write(path, whole);
    };
    let grey = |value: u8| move |path: &Path| label(path, ColorType::Grayscale, BitDepth::Eight, &[value]);
    let cut = |path: &Path| {
        let whole = bytes(path);
        write(path, &whole[..whole.len() * 2 / 3]);
    };
    let remove = |path: &Path| std::fs::remove_file(path).expect("a removal");
    for split in [("train", 5), ("val", 0)] {
        let target = cityscapes_label(&city, split.0, split.1);
        let expect = |wanted: &'static str| {
            let city = &city;
            move || assert_eq!(refused("cityscapes", city, &[]), wanted)
        };
        with(&target, &remove, &expect("phg::data::missing"));
        with(&target, &grey(34), &expect("phg::data::label_value"));
        with(&target, &cut, &expect("phg::data::unreadable"));
        let image =
            city.join(format!("leftImg8bit/{}/scenes/scenes_000000_{:06}_leftImg8bit.png", split.0, split.1));
        with(&image, &cut, &expect("phg::data::unreadable"));
    }
    let target = synthia.join("GT/LABELS/0000005.png");
    let eight = |path: &Path| label(path, ColorType::Rgb, BitDepth::Eight, &[3, 0, 0]);
    with(&target, &eight, &|| assert_eq!(refused("synthia", &synthia, &[]), "phg::data::label_format"));
    let beyond = |path: &Path| label(path, ColorType::Rgb, BitDepth::Sixteen, &[0, 23, 0, 0, 0, 0]);
    with(&target, &beyond, &|| assert_eq!(refused("synthia", &synthia, &[]), "phg::data::label_value"));
    let list = synthia.join("train.txt");
    with(&list, &|path| write(path, ""), &|| assert_eq!(refused_empty(&synthia, &run), "phg::data::empty"));
    let twice = |path: &Path| write(path, "0000000\n0000001\n0000002\n0000002\n0000007\n");
    with(&list, &twice, &|| assert_eq!(refused("synthia", &synthia, &[]), "phg::data::list"));
    assert_eq!(refused("cityscapes", &synthia, &[]), "phg::data::root");
    assert_eq!(refused("synthia", &city, &[]), "phg::data::root");
    assert_eq!(refused("cityscapes", &folder.path().join("none"), &[]), "phg::data::root");
    // More than may be passed over.
    let first = cityscapes_label(&city, "train", 0);
    let second = cityscapes_label(&city, "train", 1);
    with(&first, &remove, &|| {
        with(&second, &remove, &|| {
            let output = train("cityscapes", &city, &run, &["--steps", "2", "--skip-bad", "1"]);
            assert_eq!((status(&output), code(&output)), (3, "phg::data::skipped".into()));
        });
    });
}

fn refused_empty(root: &Path, run: &Path) -> String {
    let output = train("synthia", root, run, &["--steps", "2"]);
    assert_eq!(status(&output), 3, "{}", String::from_utf8_lossy(&output.stderr));
    code(&output)
}

#[test]
fn as_many_pairs_as_are_allowed_are_passed_over_and_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let city = written(folder.path(), "cityscapes");
    std::fs::remove_file(cityscapes_label(&city, "train", 4)).expect("a removal");
    let run = folder.path().join("run");
    let output = train("cityscapes", &city, &run, &["--steps", "6", "--skip-bad", "1"]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let notes = json(&output)["notes"].to_string();
    assert!(notes.contains("scenes_000000_000004") && notes.contains("passed over"), "{notes}");
}

/// Damage inside an image, which only decoding finds: the run is kept and goes on.
#[test]
fn a_training_that_meets_a_bad_image_is_saved_and_can_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let city = written(folder.path(), "cityscapes");
    let image = city.join("leftImg8bit/train/scenes/scenes_000000_000003_leftImg8bit.png");
    let whole = bytes(&image);
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0x5A);
    write(&image, &damaged);
    let run = folder.path().join("run");
    // Without shuffling there is no choice of the order: a seed under which the pair is not in the first batch.
    let options = ["--steps", "6", "--cache", "0"];
    let seeds = ["0", "1", "2", "3"];
    let stopped = seeds.iter().find_map(|seed| {
        let _ = std::fs::remove_dir_all(&run);
        let output = train("cityscapes", &city, &run, &[&options[..], &["--seed", seed]].concat());
        assert_eq!((status(&output), code(&output)), (3, "phg::data::unreadable".into()));
        let help = json(&output)["error"]["help"].as_str().unwrap_or_default().to_owned();
        help.contains("--resume").then_some((*seed, help))
    });
    let (seed, help) = stopped.expect("a step before the bad one");
    assert!(help.contains("saved as step-"), "{help}");
    // As long as before: the repaired file is the same data.
    write(&image, &whole);
    let resumed = train("cityscapes", &city, &run, &[&options[..], &["--seed", seed, "--resume"]].concat());
    assert_eq!(status(&resumed), 0, "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(json(&resumed)["steps"], 6);
}

/// All lines and pairs, not the first: counted by kind and named.
#[test]
fn a_check_goes_on_after_bad_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = written(folder.path(), "camvid");
    let place = root.display().to_string();
    write(
        &root.join("train.txt"),
        "000000.png\n000000.png\n000001.png\nx y z\n000001.png\nnone.png\n000002.png\n",
    );
    write(&root.join("val.txt"), "000000.png\n000000.png\n");
    let check = phgc(&["data", "check", "--data", "camvid", "--root", &place, "--format", "json"]);
    assert_eq!(status(&check), 3);
    let report = json(&check);
    let train = &report["splits"][0];
    assert_eq!((&train["pairs"], &train["good"]), (&4.into(), &3.into()), "{report}");
    let found: Vec<(String, u64)> = (train["findings"].as_array().into_iter().flatten())
        .map(|finding| {
            (finding["code"].as_str().unwrap_or_default().into(), finding["count"].as_u64().unwrap_or(0))
        })
        .collect();
    assert_eq!(found, [("phg::data::list".to_owned(), 3), ("phg::data::missing".to_owned(), 1)]);
    let lines: Vec<String> = (train["findings"][0]["first"].as_array().into_iter().flatten())
        .map(|bad| {
            bad["place"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(lines, ["2", "4", "5"]);
    assert_eq!(report["splits"][1]["findings"][0]["count"], 1);
    let text = phgc(&["data", "check", "--data", "camvid", "--root", &place]);
    let told = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(told.contains("3 x phg::data::list") && told.contains("train.txt:5"), "{told}");
}

/// A flag that names an impossible folder is a mistake of usage, whichever command it is given to.
#[test]
fn an_output_folder_that_cannot_be_made_has_one_status() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = written(folder.path(), "camvid");
    let run = folder.path().join("run");
    assert_eq!(status(&train("camvid", &root, &run, &["--steps", "1"])), 0);
    write(&folder.path().join("file"), "");
    let below = folder.path().join("file/out");
    let (place, run) = (below.display().to_string(), run.display().to_string());
    let images = root.join("train").display().to_string();
    let outputs = [
        train("camvid", &root, &below, &["--steps", "1"]),
        phgc(&["predict", &run, &images, "-o", &place, "--format", "json"]),
        phgc(&["data", "write", "scenes", "--layout", "camvid", "-o", &place, "--format", "json"]),
    ];
    for output in outputs {
        assert_eq!((status(&output), code(&output)), (2, "phg::usage::output".into()));
    }
    // So is one that holds something.
    let full = root.display().to_string();
    let written = phgc(&["data", "write", "scenes", "--layout", "camvid", "-o", &full, "--format", "json"]);
    assert_eq!((status(&written), code(&written)), (2, "phg::data::write".into()));
    assert_eq!(status(&train("camvid", &root, &root, &["--steps", "1"])), 2);
}

#[test]
fn steps_and_loading_are_timed_on_real_batches() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = written(folder.path(), "synthia");
    let place = root.display().to_string();
    let data = ["--data", "synthia", "--root", &place, "--format", "json"];
    let bench = [
        "bench",
        "specs/unet-small.phg",
        "--steps",
        "3",
        "--warmup",
        "1",
        "--threads",
        "1",
        "--device",
        "cpu",
    ];
    for mode in ["train", "infer"] {
        let output = phgc(&[&bench[..], &TINY, &["--mode", mode], &data].concat());
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        let measured = json(&output);
        let wait = measured["sections"]["data"].as_f64().expect("the wait for a batch");
        assert!(wait >= 0.0 && wait <= measured["median_ms"].as_f64().expect("a time"), "{measured}");
        assert_eq!(measured["sections"].get("optimizer").is_some(), mode == "train");
    }
    let plain = json(&phgc(&[&bench[..], &TINY, &["--format", "json"]].concat()));
    assert!(plain["sections"].get("data").is_none() && plain["median_ms"].as_f64().is_some(), "{plain}");
    let alone = phgc(&[&bench[..], &["--root", &place, "--format", "json"]].concat());
    assert_eq!((status(&alone), code(&alone)), (2, "phg::usage::arguments".into()));
    // What a crop leaves is what the network is given.
    let crop = ["--set", "train.augment.crop=[16, 32]"];
    let cropped = phgc(&[&bench[..], &TINY, &crop, &data].concat());
    assert_eq!(status(&cropped), 0, "{}", String::from_utf8_lossy(&cropped.stderr));
    let (whole, part) = (plain["gflop"].as_f64(), json(&cropped)["gflop"].as_f64());
    assert!(part.zip(whole).is_some_and(|(part, whole)| (4.0 * part / whole - 1.0).abs() < 0.01));

    let loading =
        phgc(&[&["data", "bench", "--batch", "3", "--passes", "2", "--loaders", "2"], &data[..]].concat());
    assert_eq!(status(&loading), 0, "{}", String::from_utf8_lossy(&loading.stderr));
    let measured = json(&loading);
    assert_eq!((&measured["images"], &measured["size"]), (&12.into(), &serde_json::json!([32, 64])));
    assert_eq!(
        (&measured["passes"].as_array().map(Vec::len), &measured["kept_samples"]),
        (&Some(2), &0.into())
    );
    assert!(measured["images_per_second"].as_f64().is_some_and(|rate| rate > 0.0));
    let by_spec = ["data", "bench", "--spec", "specs/unet-small.phg", "--size", "16x24", "--cache", "1MiB"];
    let measured = json(&phgc(&[&by_spec[..], &["--batch", "6"], &data].concat()));
    assert_eq!((&measured["size"], &measured["kept_samples"]), (&serde_json::json!([16, 24]), &6.into()));
}

#[test]
fn class_tables_are_printed_and_taken_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = written(folder.path(), "cityscapes").display().to_string();
    let list = String::from_utf8(phgc(&["data", "table"]).stdout).expect("text");
    assert_eq!(
        list.split_whitespace().collect::<Vec<_>>(),
        ["scenes", "camvid", "cityscapes", "cityscapes-19", "synthia"]
    );
    let printed = phgc(&["data", "table", "cityscapes"]).stdout;
    let mine = folder.path().join("mine.toml");
    // Walls are buildings in this one.
    let changed = String::from_utf8(printed).expect("text").replace(
        r#"{ name = "wall", value = 12, class = "void" }"#,
        r#"{ name = "wall", value = 12, class = "building" }"#,
    );
    write(&mine, &changed);
    label(
        &cityscapes_label(Path::new(&root), "val", 0),
        png::ColorType::Grayscale,
        png::BitDepth::Eight,
        &[12],
    );
    let share = |table: &str, class: &str| {
        let args =
            ["data", "check", "--data", "cityscapes", "--root", &root, "--format", "json", "--table", table];
        let report = json(&phgc(&args));
        let classes = report["splits"][1]["classes"].as_array().cloned().unwrap_or_default();
        classes.iter().find(|found| found["name"] == class).and_then(|found| found["percent"].as_f64())
    };
    assert_eq!(share(&mine.display().to_string(), "building"), Some(100.0));
    assert_eq!(share("cityscapes", "building"), Some(0.0));
    assert_eq!(share("cityscapes-19", "wall"), Some(100.0));
    assert_eq!(status(&phgc(&["data", "table", "kitti"])), 2);
}

/// Weights measured on a split leave out what a training passes over.
#[test]
fn class_weights_are_measured_without_the_pairs_that_are_passed_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let city = written(folder.path(), "cityscapes");
    let spec = folder.path().join("weighed.phg");
    let text = "input image: float[N, 3, H, W]\ninput labels: class(12)[N, H, W]\n\
                decoder {\n    let logits = image |> conv(12, kernel: 3)\n}\n\
                output segmentation = softmax(logits)\n\
                loss {\n    l_s = cross_entropy(logits, labels, weights: median_frequency)\n}\n";
    write(&spec, text);
    let (spec, root) = (spec.display().to_string(), city.display().to_string());
    let train = |run: &str, more: &[&str]| {
        let run = folder.path().join(run).display().to_string();
        let args =
            ["train", &spec, "--data", "cityscapes", "--root", &root, "--run", &run, "--size", "32x64"];
        phgc(
            &[&args[..], &["--batch", "2", "--threads", "1", "--steps", "2", "--format", "json"], more]
                .concat(),
        )
    };
    std::fs::remove_file(cityscapes_label(&city, "train", 4)).expect("a removal");
    let refused = train("refused", &[]);
    assert_eq!((status(&refused), code(&refused)), (3, "phg::data::missing".into()));
    let passed = train("passed", &["--skip-bad", "1"]);
    assert_eq!(status(&passed), 0, "{}", String::from_utf8_lossy(&passed.stderr));
    assert!(json(&passed)["notes"].to_string().contains("scenes_000000_000004"));
    let more = train("more", &["--skip-bad", "0"]);
    assert_eq!((status(&more), code(&more)), (3, "phg::data::skipped".into()));
}

/// The paper's epochs have more samples than its dataset has images.
#[test]
fn an_epoch_may_have_more_samples_than_images() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = written(folder.path(), "cityscapes");
    let steps = |name: &str, samples: &str| {
        let run = folder.path().join(name);
        let samples = format!("train.samples={samples}");
        let crop = ["--set", "train.augment.crop=[24, 48]", "--set", "train.augment.contrast=0.2"];
        let output =
            train("cityscapes", &root, &run, &[&["--epochs", "1", "--set", &samples][..], &crop].concat());
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        (json(&output)["steps"].as_u64(), json(&output)["samples"].as_u64())
    };
    // Two in a batch: of six images, of 6 and of 15 samples, 3 and 7 steps.
    assert_eq!(steps("once", "6"), (Some(3), Some(6)));
    assert_eq!(steps("more", "15"), (Some(7), Some(14)));
    let few = train("cityscapes", &root, &folder.path().join("few"), &["--set", "train.samples=1"]);
    assert_eq!((status(&few), code(&few)), (3, "phg::data::empty".into()));
}

/// What the evaluation server takes: one file an image, ids of `labelIds`, the image's own size.
#[test]
fn predictions_are_packed_for_the_evaluation_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = written(folder.path(), "cityscapes");
    let run = folder.path().join("run");
    assert_eq!(status(&train("cityscapes", &root, &run, &["--steps", "2"])), 0);
    let (place, images) =
        (run.display().to_string(), root.join("leftImg8bit/train/scenes").display().to_string());
    let (out, archive) = (folder.path().join("out"), folder.path().join("sent/a.zip"));
    let (said, packed) = (out.display().to_string(), archive.display().to_string());
    let predict = |what: &str, run: &str| {
        phgc(&[
            "predict",
            run,
            what,
            "-o",
            &said,
            "--cityscapes-zip",
            &packed,
            "--threads",
            "1",
            "--format",
            "json",
        ])
    };
    let output = predict(&images, &place);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(json(&output)["cityscapes_zip"].as_str(), Some(&packed[..]));
    let mut found = zip::ZipArchive::new(std::fs::File::open(&archive).expect("an archive")).expect("a ZIP");
    assert_eq!(found.len(), 6);
    // Ids of labels.py for the classes of the table, in its order.
    let ids = [0u8, 23, 11, 7, 8, 13, 21, 17, 26, 20, 24, 25];
    let pixels = |bytes: Vec<u8>| {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
        let info = reader.info();
        assert_eq!((info.width, info.height, info.color_type), (64, 32, png::ColorType::Grayscale));
        let mut pixels = vec![0; 64 * 32];
        reader.next_frame(&mut pixels).expect("pixels");
        pixels
    };
    for index in 0..6 {
        let mut file = found.by_name(&format!("scenes_000000_{index:06}_labelIds.png")).expect("a file");
        let mut sent = Vec::new();
        std::io::copy(&mut file, &mut sent).expect("bytes");
        let own = bytes(&out.join(format!("scenes_000000_{index:06}_leftImg8bit.labels.png")));
        let wanted: Vec<u8> = pixels(own).iter().map(|class| ids[usize::from(*class)]).collect();
        assert_eq!(pixels(sent), wanted);
    }
    // What the server would refuse is refused before anything is predicted, and leaves no archive.
    std::fs::remove_file(&archive).expect("a removal");
    let odd = folder.path().join("street.png");
    write(&odd, bytes(&root.join("leftImg8bit/train/scenes/scenes_000000_000000_leftImg8bit.png")));
    let refused = predict(&odd.display().to_string(), &place);
    assert_eq!((status(&refused), code(&refused)), (2, "phg::data::submission".into()));
    let camvid = folder.path().join("camvid-run");
    let tiny = ["train", "specs/unet-small.phg", "--steps", "1", "--threads", "1", "--run"];
    let camvid = camvid.display().to_string();
    assert_eq!(status(&phgc(&[&tiny[..], &[&camvid], &TINY].concat())), 0);
    let refused = predict(&images, &camvid);
    assert_eq!((status(&refused), code(&refused)), (2, "phg::data::submission".into()));
    let cut = root.join("leftImg8bit/train/scenes/scenes_000000_000003_leftImg8bit.png");
    write(&cut, &bytes(&cut)[..100]);
    assert_eq!(status(&predict(&images, &place)), 3);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("sent")).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}
