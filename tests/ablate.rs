//! Grids of trainings with the real binary: tiny networks on six pictures.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::{json, phgc, status};

/// Scenes as CamVid: six to train on, one to validate, one to test.
fn data(folder: &Path) -> String {
    let root = folder.join("camvid").display().to_string();
    let output = phgc(&[
        "data", "write", "scenes", "--layout", "camvid", "--images", "6", "--size", "32x64", "-o", &root,
    ]);
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    root
}

/// A grid of tiny U-Nets.
struct Grid {
    root: String,
    out: PathBuf,
}

impl Grid {
    fn new(folder: &Path) -> Self {
        Self { root: data(folder), out: folder.join("grid") }
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let spec = ["ablate", "specs/unet-small.phg", "--data", "camvid", "--root", &self.root];
        let tiny = ["--size", "32x64", "--batch", "2", "--threads", "1"];
        let out = self.out.display().to_string();
        let all = [&spec[..], &tiny, more, &["-o", &out]].concat();
        all.into_iter().map(String::from).collect()
    }

    fn run(&self, more: &[&str]) -> Output {
        let args = self.args(more);
        phgc(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn spawn(&self, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_phgc"))
            .args(self.args(more))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs")
    }

    /// Runs it to its end, without failure, and returns the table.
    fn finish(&self, more: &[&str]) -> Value {
        let output = self.run(&[more, &["--format", "json"]].concat());
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        json(&output)
    }

    fn read(&self, path: &str) -> Value {
        let bytes = std::fs::read(self.out.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// The steps that each process of a run began at.
    fn processes(&self, run: &str) -> Vec<u64> {
        let manifest = self.read(&format!("{run}/manifest.json"));
        let processes = manifest["processes"].as_array().expect("processes");
        processes.iter().filter_map(|process| process["from_step"].as_u64()).collect()
    }

    /// The rows of the table, whose cells have no commas here.
    fn rows(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.out.join("table.csv")).expect("a table");
        text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn code(output: &Output) -> String {
    json(output)["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_grid_is_trained_tabulated_and_drawn_and_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let what = ["--vary", "base=2,4", "--vary", "levels=1,2", "--seeds", "0,3", "--steps", "2"];
    let table = grid.finish(&what);
    assert_eq!((&table["ok"], &table["trainings"], &table["finished"]), (&json!(true), &json!(8), &json!(8)));
    let names = ["base=2,levels=1", "base=2,levels=2", "base=4,levels=1", "base=4,levels=2"];
    for (cell, name) in table["cells"].as_array().expect("cells").iter().zip(names) {
        assert_eq!(cell["name"], name);
        // The score of each run is its own, and mean and deviation are those of two.
        let miou = |seed: u64| {
            let report = grid.read(&format!("{name}/seed-{seed}/report.json"));
            assert_eq!((&report["outcome"], &report["steps"]), (&json!("finished"), &json!(2)));
            number(&report["evaluations"][0]["miou"])
        };
        let (a, b) = (miou(0), miou(3));
        assert_eq!([&cell["runs"][0]["miou"], &cell["runs"][1]["miou"]], [&json!(a), &json!(b)]);
        assert!((number(&cell["miou_mean"]) - f64::midpoint(a, b)).abs() < 1e-9, "{cell}");
        assert!((number(&cell["miou_std"]) - (a - b).abs() / 2f64.sqrt()).abs() < 1e-9, "{cell}");
        let manifest = grid.read(&format!("{name}/seed-3/manifest.json"));
        assert_eq!(
            (&manifest["seed"], &manifest["parameters"]["params"]["base"]),
            (&json!(3), &json!(cell["values"]["base"].to_string()))
        );
    }
    assert_eq!(table["cells"][3]["values"], json!({ "base": 4, "levels": 2 }));
    let sets = ["--set", "base=4", "--set", "levels=2", "--mode", "train", "--format", "json"];
    let summary = json(&phgc(&[&["summary", "specs/unet-small.phg"], &sets[..]].concat()));
    assert_eq!(table["cells"][3]["parameters"], summary["parameters"]["total"]);
    assert_eq!(grid.read("table.json")["cells"], table["cells"]);

    let rows = grid.rows();
    let head = ["base", "levels", "seeds", "parameters", "miou_mean", "miou_std", "seed_0", "seed_3"];
    assert_eq!((rows.len(), &rows[0][..]), (5, &head.map(String::from)[..]));
    assert_eq!((&rows[4][0][..], &rows[4][1][..], &rows[4][2][..]), ("4", "2", "2"));
    assert_eq!(rows[4][7].parse::<f64>().ok(), table["cells"][3]["runs"][1]["miou"].as_f64());
    let svg = std::fs::read_to_string(grid.out.join("figure.svg")).expect("a figure");
    assert!(["levels=1", "levels=2", "base", "camvid val"].iter().all(|part| svg.contains(part)), "{svg}");
    let file = std::io::BufReader::new(std::fs::File::open(grid.out.join("figure.png")).expect("a picture"));
    assert_eq!(png::Decoder::new(file).read_info().expect("a PNG").info().width, 1240);

    // Run again, nothing is trained; on another split, nothing is trained either.
    let changed =
        |name: &str| std::fs::metadata(grid.out.join(name)).and_then(|file| file.modified()).expect("a time");
    let before = changed("base=2,levels=1/seed-0/metrics.jsonl");
    assert_eq!(grid.finish(&what)["cells"], table["cells"]);
    let test = grid.finish(&[&what[..], &["--split", "test", "--checkpoint", "best"]].concat());
    assert_eq!(
        (&test["split"], &test["checkpoint"], &test["finished"]),
        (&json!("test"), &json!("best"), &json!(8))
    );
    let run = grid.out.join(names[3]).join("seed-0").display().to_string();
    let eval = phgc(&[
        "eval",
        &run,
        "--split",
        "test",
        "--checkpoint",
        "best",
        "--threads",
        "1",
        "--format",
        "json",
    ]);
    assert_eq!(test["cells"][3]["runs"][0]["miou"], json(&eval)["miou"]);
    assert_eq!(
        (changed("base=2,levels=1/seed-0/metrics.jsonl"), grid.processes("base=2,levels=1/seed-0")),
        (before, vec![0])
    );

    // A run that is gone is trained again, the same.
    std::fs::remove_dir_all(grid.out.join("base=4,levels=1")).expect("a removal");
    assert_eq!(grid.finish(&what)["cells"], table["cells"]);

    // Another grid is another folder's.
    let other = grid.run(&[
        "--vary",
        "base=2,4",
        "--vary",
        "levels=1,2",
        "--seeds",
        "0",
        "--steps",
        "3",
        "--format",
        "json",
    ]);
    assert_eq!((status(&other), code(&other)), (2, "phg::ablate::folder".into()));
    let message = json(&other)["error"]["message"].to_string();
    assert!(message.contains("`seeds` was [0,3], now [0]") && message.contains("train.steps=2"), "{message}");
}

#[test]
fn an_interrupted_training_is_saved_and_resumed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let what = ["--vary", "base=2,4", "--set", "levels=1", "--steps", "150"];
    let mut child = grid.spawn(&what);
    let begun = Instant::now();
    let log = grid.out.join("base=2/seed-0/metrics.jsonl");
    let logged = || std::fs::read_to_string(&log).is_ok_and(|log| log.lines().count() >= 5);
    while !logged() && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(kill.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let table = grid.read("table.json");
    assert_eq!(
        (&table["finished"], &table["cells"][0]["runs"][0]["state"]),
        (&json!(0), &json!("unfinished"))
    );
    assert!(!grid.out.join("base=4/seed-0").exists(), "the next one is not begun");
    // A run that was killed before it saved anything holds nothing to go on from.
    std::fs::create_dir_all(grid.out.join("base=4/seed-0")).expect("a folder");
    std::fs::copy(grid.out.join("base=2/seed-0/manifest.json"), grid.out.join("base=4/seed-0/manifest.json"))
        .expect("a copy");

    let table = grid.finish(&what);
    assert_eq!(table["finished"], 2);
    let from = grid.processes("base=2/seed-0");
    assert!(from.len() == 2 && from[0] == 0 && (5..150).contains(&from[1]), "{from:?}");
    assert_eq!(grid.read("base=2/seed-0/report.json")["steps"], 150);
    assert_eq!(grid.processes("base=4/seed-0"), [0]);
}

#[test]
fn a_training_that_fails_is_told_and_the_others_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let rates = "train.optimizer=sgd(rate: 1e30),sgd(rate: 1e-2)";
    let what = ["--vary", rates, "--set", "base=2", "--set", "levels=1", "--steps", "4"];
    let output = grid.run(&[&what[..], &["--format", "json"]].concat());
    assert_eq!(status(&output), 4, "{}", String::from_utf8_lossy(&output.stderr));
    let table = json(&output);
    let [wrong, right] = [0, 1].map(|at| table["cells"][at].clone());
    assert_eq!((&table["ok"], &table["finished"]), (&json!(false), &json!(1)));
    assert_eq!(
        (&wrong["runs"][0]["state"], &wrong["seeds"], &wrong["miou_mean"]),
        (&json!("failed"), &json!(0), &Value::Null)
    );
    assert_eq!(wrong["runs"][0]["error"]["code"], "phg::train::not_finite");
    assert_eq!((&right["runs"][0]["state"], &right["seeds"]), (&json!("finished"), &json!(1)));
    assert_eq!(
        grid.rows()[1].iter().filter(|cell| cell.is_empty()).count(),
        3,
        "no mean, no deviation, no score"
    );
    // For people: the same as text, the error with its code.
    let text = grid.run(&what);
    let said = String::from_utf8_lossy(&text.stderr).into_owned();
    assert_eq!(status(&text), 4);
    assert!(said.contains("phg::ablate::cells") && said.contains("1 of 2 trainings failed"), "{said}");
    let shown = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(shown.contains("failed") && shown.contains("1 of 2 trainings finished"), "{shown}");
}

#[test]
fn a_grid_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let refused = |more: &[&str]| {
        let output = grid.run(&[more, &["--steps", "2", "--format", "json"]].concat());
        assert!(!grid.out.exists(), "{more:?}");
        let report = json(&output);
        (status(&output), report["diagnostics"][0]["code"].as_str().unwrap_or_default().to_owned())
    };
    // A value of the last cell of another type, a name that nothing has, a size that does not fit.
    assert_eq!(refused(&["--vary", "base=2,four"]).0, 1);
    assert_eq!(refused(&["--vary", "bass=2,4"]), (1, "phg::param::unknown".into()));
    assert_eq!(refused(&["--vary", "train.batch=0"]).0, 2, "set by a flag");
    assert_eq!(refused(&["--vary", "classes=12,11"]), (3, "phg::data::table".into()));
    assert_eq!(refused(&["--vary", "train.samples=12,1"]), (3, "phg::data::empty".into()));
    assert_eq!(refused(&["--vary", "base=2,2"]), (2, "phg::ablate::grid".into()));
    assert_eq!(refused(&["--vary", "base"]), (2, "phg::usage::arguments".into()));
    assert_eq!(refused(&["--vary", "base=2", "--shard", "3/2"]), (2, "phg::usage::arguments".into()));
    assert_eq!(refused(&["specs/none.phg"]), (2, "phg::import::missing".into()));
    // Bad data ends it before the first run.
    let victim = Path::new(&grid.root).join("trainannot/000002.png");
    let whole = std::fs::read(&victim).expect("labels");
    std::fs::write(&victim, &whole[..whole.len() / 2]).expect("cut labels");
    let output = grid.run(&["--vary", "base=2,4", "--steps", "2", "--format", "json"]);
    assert_eq!((status(&output), code(&output)), (3, "phg::data::unreadable".into()));
    assert!(!grid.out.join("base=2").exists());
    std::fs::write(&victim, &whole).expect("labels");

    std::fs::remove_dir_all(&grid.out).expect("a removal");
    std::fs::create_dir(&grid.out).expect("a folder");
    std::fs::write(grid.out.join("mine.txt"), "").expect("a file");
    let output = grid.run(&["--vary", "base=2,4", "--steps", "2", "--format", "json"]);
    assert_eq!((status(&output), code(&output)), (2, "phg::ablate::folder".into()));
}

#[test]
fn several_processes_share_a_grid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let what = ["--vary", "base=2,3,4", "--set", "levels=1", "--seeds", "0,1", "--steps", "8"];
    let shard = |part: &str| grid.spawn(&[&what[..], &["--shard", part]].concat());
    // Two parts, and one process that wants all.
    let mut children = [shard("1/2"), shard("2/2"), grid.spawn(&what)];
    for child in &mut children {
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
    let table = grid.read("table.json");
    assert_eq!((&table["finished"], &table["ok"]), (&json!(6), &json!(true)), "{table}");
    for base in 2..=4 {
        for seed in 0..2 {
            assert_eq!(grid.processes(&format!("base={base}/seed-{seed}")), [0], "trained once");
        }
    }
    assert!(grid.rows().iter().all(|row| row.iter().all(|cell| !cell.is_empty())));
    assert!(grid.out.join("figure.svg").exists());
}

#[test]
fn parts_of_a_grid_are_trained_apart_and_by_slurm() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let what = ["--vary", "base=2,4", "--set", "levels=1", "--steps", "2"];
    let first = grid.finish(&[&what[..], &["--shard", "1/2"]].concat());
    let states = |table: &Value| [0, 1].map(|at| table["cells"][at]["runs"][0]["state"].clone());
    assert_eq!(states(&first), ["finished", "unfinished"]);

    // A stand-in for `sbatch` that runs the jobs of an array one after the other.
    let sbatch = folder.path().join("sbatch");
    let stand_in = "#!/bin/bash\nset -e\nlast=$(sed -n 's/^#SBATCH --array=1-//p' \"$1\")\n\
                    for part in $(seq 1 \"$last\"); do SLURM_ARRAY_TASK_ID=$part bash \"$1\"; done\n\
                    echo \"ran $last jobs\"\n";
    std::fs::write(&sbatch, stand_in).expect("a script");
    let written = grid.finish(&[&what[..], &["--seeds", "0", "--slurm"]].concat());
    assert_eq!(written["parts"], 2);
    let script = written["script"].as_str().expect("a script");
    assert_eq!(states(&grid.read("table.json")), ["finished", "unfinished"], "nothing is submitted");
    let ran =
        Command::new("bash").arg(&sbatch).arg(script).current_dir(folder.path()).output().expect("bash runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success() && said.contains("ran 2 jobs"),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(states(&grid.read("table.json")), ["finished", "finished"]);
    assert_eq!(grid.processes("base=2/seed-0"), [0]);
    let three = grid.finish(&[&what[..], &["--slurm=3"]].concat());
    assert_eq!(three["parts"], 3);
    let both = grid.run(&[&what[..], &["--slurm", "--shard", "1/2", "--format", "json"]].concat());
    assert_eq!((status(&both), code(&both)), (2, "phg::usage::arguments".into()));
}

#[test]
fn specs_may_vary_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let grid = Grid::new(folder.path());
    let other = folder.path().join("plain.phg");
    let text = "input image: float[N, 3, H, W]\ninput labels: class(12)[N, H, W]\n\
                decoder {\n    let logits = image |> conv(12, kernel: 3)\n}\n\
                output segmentation = softmax(logits)\nloss {\n    l_s = cross_entropy(logits, labels)\n}\n\
                train {\n    augment {\n        flip = 0.5\n    }\n}\n";
    std::fs::write(&other, text).expect("a spec");
    let table =
        grid.finish(&[&other.display().to_string(), "--vary", "train.augment.flip=0,1", "--steps", "1"]);
    let names: Vec<&str> =
        (table["cells"].as_array().into_iter().flatten()).filter_map(|cell| cell["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "spec=unet-small,train.augment.flip=0",
            "spec=unet-small,train.augment.flip=1",
            "spec=plain,train.augment.flip=0",
            "spec=plain,train.augment.flip=1"
        ]
    );
    assert_eq!(
        (&table["cells"][2]["parameters"], &grid.rows()[3][0]),
        (&json!(3 * 12 * 9 + 12), &"plain".into())
    );

    // Without numbers cells are bars; one spec and nothing varied is a grid of seeds.
    let bars = Grid { out: folder.path().join("bars"), ..grid };
    let one = bars.finish(&["--set", "base=2", "--set", "levels=1", "--seeds", "0,1", "--steps", "1"]);
    assert_eq!((&one["cells"][0]["name"], &one["cells"][0]["seeds"]), (&json!("unet-small"), &json!(2)));
    let svg = std::fs::read_to_string(bars.out.join("figure.svg")).expect("a figure");
    assert!(svg.contains("unet-small") && svg.contains(" ± "), "{svg}");
}
