//! Evaluation over several looks, and tables and figures of runs, with the real binary on tiny runs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{json, phgc, status};

/// A tiny U-Net after so many steps on tiny scenes.
fn train(folder: &Path, name: &str, seed: &str) -> String {
    let run = folder.join(name).display().to_string();
    let size = ["--size", "32x64", "--batch", "2", "--set", "base=4", "--set", "levels=2"];
    let output = phgc(
        &[
            &[
                "train",
                "specs/unet-small.phg",
                "--run",
                &run,
                "--steps",
                "4",
                "--seed",
                seed,
                "--threads",
                "1",
            ][..],
            &size,
        ]
        .concat(),
    );
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    run
}

/// Runs a command that prints JSON.
fn ok(args: &[&str]) -> Value {
    let output = phgc(&[args, &["--format", "json"]].concat());
    assert_eq!(status(&output), 0, "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    json(&output)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Width and height of a PNG that can be decoded whole.
fn decoded(path: &Path) -> (u32, u32) {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("a picture"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut pixels).expect("pixels");
    assert!(pixels.iter().any(|value| *value != pixels[0]), "{} is blank", path.display());
    (frame.width, frame.height)
}

/// The rows of a CSV whose cells have no commas.
fn rows(path: PathBuf) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("a CSV");
    text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}

#[test]
fn runs_are_scored_tabulated_drawn_and_compared() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (a, b) = (train(folder.path(), "first", "1"), train(folder.path(), "second", "2"));
    let five = ["--images", "5", "--threads", "1"];
    let eval = |more: &[&str]| ok(&[&["eval", &a][..], &five, more].concat());

    // Several looks change the score; a window that shows everything does not.
    let plain = eval(&[]);
    assert_eq!((plain["images"].as_u64(), plain.get("views")), (Some(5), None));
    let averaged = eval(&["--flip", "--scales", "0.75,1,1.25"]);
    assert_eq!(averaged["views"]["scales"], serde_json::json!([0.75, 1.0, 1.25]));
    assert_ne!(averaged["confusion"], plain["confusion"]);
    let whole = eval(&["--window", "200x200"]);
    assert_eq!(
        (&whole["confusion"], &whole["views"]["window"]),
        (&plain["confusion"], &serde_json::json!([200, 200]))
    );
    let slid = eval(&["--window", "16x24"]);
    assert_ne!(slid["confusion"], plain["confusion"]);
    assert_eq!(slid["pixels"], plain["pixels"]);

    // The table: what the first run kept, and what `eval` printed.
    let out = folder.path().join("out");
    let place = out.display().to_string();
    let printed = folder.path().join("averaged.json");
    std::fs::write(&printed, averaged.to_string()).expect("a file");
    let printed = printed.display().to_string();
    let table = ok(&["report", "table", &a, &printed, "--paper=synthia", "-o", &place]);
    let lines = table["rows"].as_array().expect("rows");
    assert_eq!((lines.len(), table["classes"].as_array().map(Vec::len)), (24, Some(11)));
    assert_eq!(lines[21]["name"], "PHGMM (synthia, printed)");
    assert_eq!((number(&lines[21]["miou"]), lines[21]["printed"].as_bool()), (86.04, Some(true)));
    let report: Value =
        serde_json::from_slice(&std::fs::read(Path::new(&a).join("report.json")).expect("a report"))
            .expect("JSON");
    assert_eq!(lines[22]["miou"], report["evaluations"][0]["miou"]);
    assert_eq!((lines[22]["name"].as_str(), lines[23]["name"].as_str()), (Some("first"), Some("averaged")));
    assert_eq!(lines[23]["miou"], averaged["miou"]);
    for ending in ["svg", "png", "csv", "json", "md"] {
        assert!(out.join(format!("table.{ending}")).exists(), "{ending}");
    }
    let (width, height) = decoded(&out.join("table.png"));
    assert!(width > 1000 && height > 24 * 40, "{width} by {height}");
    let text = phgc(&["report", "table", &a, &b]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.lines().any(|line| line.starts_with("mean IoU ")) && text.contains("second"), "{text}");
    let markdown = phgc(&["report", "table", &a, &b, "--format", "markdown"]);
    assert!(String::from_utf8_lossy(&markdown.stdout).contains("**"), "the larger of two is marked");

    // Trimaps: wider bands hold more pixels, and the widest all that are labelled.
    let trimap =
        ok(&[&["report", "trimap", &a, &b, "--widths", "1,4,100", "-o", &place][..], &five].concat());
    let points = trimap["runs"][1]["points"].as_array().expect("points");
    let pixels: Vec<u64> = points.iter().filter_map(|point| point["pixels"].as_u64()).collect();
    assert!(
        pixels.is_sorted() && pixels[0] > 0 && pixels[2] == number(&plain["pixels"]) as u64,
        "{pixels:?}"
    );
    let error = number(&trimap["runs"][0]["points"][2]["error"]);
    assert!((error + number(&plain["pixel_accuracy"]) - 100.0).abs() < 1e-9, "{error}");
    assert_eq!(rows(out.join("trimap.csv")).len(), 7);
    let svg = std::fs::read_to_string(out.join("trimap.svg")).expect("a figure");
    assert!(svg.contains("first") && svg.contains("trimap width, pixels"));
    decoded(&out.join("trimap.png"));

    // Who is right where: shares add up, and agree with the scores.
    let compared = ok(&[&["compare", &a, &b, "-o", &place, "--pictures", "2"][..], &five].concat());
    let all = compared["pairs"][0]["shares"]
        .as_array()
        .and_then(|lines| lines.last())
        .expect("a last line")
        .clone();
    let share = |name: &str| number(&all[name]);
    let sum: f64 = ["both", "only_this", "only_other", "neither"].into_iter().map(share).sum();
    assert!((sum - 100.0).abs() < 1e-9, "{all}");
    assert!((share("both") + share("only_this") - number(&plain["pixel_accuracy"])).abs() < 1e-9, "{all}");
    assert_eq!(all["pixels"], plain["pixels"]);
    let pictures = compared["pictures"].as_array().expect("pictures");
    assert_eq!(pictures.len(), 2);
    for picture in pictures {
        decoded(Path::new(picture.as_str().expect("a path")));
    }
    decoded(&out.join("compare-1.png"));
    assert_eq!(rows(out.join("compare.csv")).len(), 13, "a header, eleven classes, all");

    // Curves of what was logged.
    let curves = ok(&["report", "curves", &a, &b, "-o", &place]);
    assert_eq!(curves["runs"][0]["loss"].as_array().map(Vec::len), Some(4));
    assert_eq!(curves["runs"][0]["miou"].as_array().map(Vec::len), Some(1));
    decoded(&out.join("curves.png"));

    // Looks are for predictions too.
    let image = folder.path().join("out").join("curves.png").display().to_string();
    let to = folder.path().join("said").display().to_string();
    let predicted = ok(&["predict", &a, &image, "-o", &to, "--flip", "--window", "24x32", "--threads", "1"]);
    assert_eq!(predicted["images"][0]["name"], "curves");

    // What cannot be is said before anything is measured.
    let refused = |args: &[&str]| {
        let output = phgc(&[args, &["--format", "json"]].concat());
        (status(&output), json(&output)["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let usage = |code: &str| (2, code.to_owned());
    assert_eq!(refused(&["eval", &a, "--scales", "0"]), usage("phg::usage::arguments"));
    assert_eq!(refused(&["eval", &a, "--window", "12"]), usage("phg::usage::arguments"));
    assert_eq!(refused(&["compare", &a, "-o", &place]), usage("phg::usage::arguments"));
    assert_eq!(refused(&["report", "trimap", &a, "--widths", "0"]), usage("phg::metrics::width"));
    assert_eq!(refused(&["report", "table", &a, "--paper=ade20k"]), usage("phg::data::unknown"));
    assert_eq!(refused(&["report", "table", &place]), (3, "phg::run::missing".into()));
    let svg = out.join("trimap.svg").display().to_string();
    assert_eq!(refused(&["report", "table", &svg]), (3, "phg::run::damaged".into()));
}

/// A training step and a forward pass, and the share of each part, in every form.
#[test]
fn what_takes_how_long_is_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("figures");
    let place = out.display().to_string();
    let bench = ["bench", "specs/unet-small.phg", "--size", "32x64", "--batch", "2", "--set", "base=4"];
    let quick = ["--set", "levels=2", "--steps", "3", "--warmup", "1", "--threads", "1", "--device", "cpu"];
    let figure = ["--figure", "-o", &place, "--data", "scenes"];
    let measured = ok(&[&bench[..], &quick, &figure].concat());
    assert_eq!(measured["files"].as_array().map(Vec::len), Some(4));
    for (mode, wanted) in [("training", 8), ("inference", 5)] {
        let own = &measured[mode];
        let step = number(&own["median_ms"]);
        assert!((number(&own["ms_per_sample"]) - step / 2.0).abs() < 1e-9, "{own}");
        let parts = own["parts"].as_array().expect("parts");
        let sum: f64 = parts.iter().map(|part| number(&part["percent"])).sum();
        assert!((sum - 100.0).abs() < 1e-6, "{own}");
        let ms: f64 = parts.iter().map(|part| number(&part["ms"])).sum();
        assert!(ms >= step - 1e-6, "{own}");
        let names: Vec<&str> = parts.iter().filter_map(|part| part["name"].as_str()).collect();
        assert_eq!(
            (names.len(), names[0], names[names.len() - 1]),
            (wanted, "encoder", "other"),
            "{names:?}"
        );
        assert!(names.contains(&"data") && names.contains(&"optimizer") == (mode == "training"), "{names:?}");
    }
    let table = rows(out.join("bench.csv"));
    assert_eq!(table[0].join(","), "mode,part,ms,ms_per_sample,percent");
    assert_eq!(table.len(), 1 + 2 + 8 + 5);
    let svg = std::fs::read_to_string(out.join("bench.svg")).expect("a figure");
    assert!(
        ["training: ", "inference: ", "decoder", "optimizer"].iter().all(|part| svg.contains(part)),
        "{svg}"
    );
    decoded(&out.join("bench.png"));
    for wrong in [&["--figure"][..], &["-o", &place], &["--figure", "-o", &place, "--mode", "infer"]] {
        assert_eq!(status(&phgc(&[&bench[..], wrong].concat())), 2, "{wrong:?}");
    }
}
