//! Weights from files with the real binary. The PyTorch files and the expected classes of `weights/` were made once by
//! PyTorch: a 3x3 convolution of stride 2, batch norm with random statistics, ReLU, a 1x1 convolution, bilinear resizing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use phg_runtime::host::{HostTensor, HostTensors};
use phg_runtime::run::tensors;
use serde_json::Value;

use crate::cli::{json, phgc, status};

const SPEC: &str = "input image: float[N, 3, H, W]
input labels: class(12)[N, H, W]
encoder { let x = image |> conv(8, kernel: 3, stride: 2, bias: false) |> norm |> relu }
decoder { let logits = x |> conv(12) |> resize(like: image) }
output segmentation = softmax(logits)
loss { l = cross_entropy(logits, labels) }
train {
    steps = 3
    batch = 2
    resize = [16, 24]
    optimizer = sgd(rate: 0.05, momentum: 0.9, decay: 0.01)
}
";

const MAP: &str = "# the reference's names\ninto encoder.x\nconv1 -> conv\nbn1 -> norm\ninto decoder.logits\nhead -> conv\nignore fc\n";

/// What PyTorch says of every pixel, void left out: class ids in hexadecimal digits.
const CLASSES: [&str; 16] = [
    "922222222222292222222222",
    "222222222222292222222222",
    "222222222222222222222222",
    "5222222222aa2222222222aa",
    "52222222222aa522222222aa",
    "52222222222aa5222222222a",
    "52222222222aaa222222222a",
    "52222222222aaa2222222222",
    "52222222222aa52222222222",
    "522222222222552222222222",
    "522222222222552222222222",
    "522222222222222222222222",
    "522222222222222222222222",
    "222222222222222222222222",
    "222222222222222222222222",
    "222222222222222222222222",
];

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        place.write("net.phg", SPEC);
        place.write("net.map", MAP);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// `phgc weights import` into `out.safetensors`, by `net.map` unless `map` is empty.
    fn import(&self, file: &str, map: &str, more: &[&str]) -> (i32, Value) {
        let (spec, map, out) = (self.text("net.phg"), self.text(map), self.text("out.safetensors"));
        let mut args = vec!["weights", "import", &spec, file, "-o", &out, "--format", "json"];
        if Path::new(&map).is_file() {
            args.extend(["--map", map.as_str()]);
        }
        args.extend_from_slice(more);
        let output = phgc(&args);
        (status(&output), json(&output))
    }

    fn read(&self, name: &str) -> BTreeMap<String, HostTensor> {
        tensors::decode(&std::fs::read(self.path(name)).expect("a file")).expect("tensors")
    }
}

fn fixture(name: &str) -> String {
    format!("{}/tests/weights/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The codes of an import that fails, which must have left nothing.
fn refused(place: &Place, file: &str, map: &str, more: &[&str]) -> (i32, Vec<String>, String) {
    let (status, report) = place.import(file, map, more);
    assert!(!place.path("out.safetensors").exists(), "{report}");
    assert_eq!(report["ok"], false);
    let errors = report["errors"].as_array().cloned().unwrap_or_else(|| vec![report["error"].clone()]);
    let codes = errors.iter().map(|error| error["code"].as_str().unwrap_or_default().to_owned());
    let said = errors.iter().map(|error| format!("{error}")).collect::<Vec<_>>().join("\n");
    assert!(errors.iter().all(|error| error["help"].is_string()), "{said}");
    (status, codes.collect(), said)
}

#[test]
fn a_checkpoint_of_pytorch_predicts_what_pytorch_predicts() {
    let place = Place::new();
    let (code, report) = place.import(&fixture("small.pth"), "net.map", &[]);
    assert_eq!(code, 0, "{report}");
    let coverage = &report["coverage"];
    assert_eq!(coverage["matched"].as_array().map(Vec::len), Some(7), "{report}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("`state_dict`") && notes.contains("`module.`"), "{notes}");
    assert!(coverage["left_out"].to_string().contains("num_batches_tracked"), "{coverage}");
    let read = place.read("out.safetensors");
    // Numbers that PyTorch printed.
    let first = &read["encoder.x.conv.weight"];
    assert_eq!(first.shape, [8, 3, 3, 3]);
    assert_eq!(first.data[..3], [0.013_441_692, -0.115_930_706, 0.061_280_612]);
    assert_eq!(read["encoder.x.norm.variance"].data[0], 0.875_677_17);

    // The file itself by its map, and what was made of it, predict the same.
    image(&place.path("image.png"));
    for (file, map) in [(fixture("small.pth"), true), (place.text("out.safetensors"), false)] {
        let (spec, image, out, map_path) =
            (place.text("net.phg"), place.text("image.png"), place.text("out"), place.text("net.map"));
        let mut args = vec!["predict", &spec, &image, "--weights", &file, "-o", &out, "--threads", "1"];
        if map {
            args.extend(["--map", map_path.as_str()]);
        }
        let output = phgc(&args);
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        let decoder = png::Decoder::new(std::io::BufReader::new(
            std::fs::File::open(place.path("out/image.labels.png")).expect("a label map"),
        ));
        let mut reader = decoder.read_info().expect("a PNG");
        let mut ids = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut ids).expect("pixels");
        let rows: Vec<String> =
            ids.chunks(24).map(|row| row.iter().map(|id| format!("{id:x}")).collect()).collect();
        assert_eq!(rows, CLASSES);
    }

    // And are scored; a spec alone has no weights.
    let (spec, out) = (place.text("net.phg"), place.text("out.safetensors"));
    let eval =
        phgc(&["eval", &spec, "--weights", &out, "--images", "4", "--format", "json", "--threads", "1"]);
    assert_eq!(status(&eval), 0, "{}", String::from_utf8_lossy(&eval.stderr));
    assert_eq!(json(&eval)["images"], 4);
    let bare = phgc(&["eval", &spec, "--format", "json"]);
    assert_eq!((status(&bare), json(&bare)["error"]["code"].as_str()), (2, Some("phg::usage::arguments")));
}

/// Pixels that count, as the script that made [`CLASSES`] wrote them.
fn image(path: &Path) {
    let file = std::fs::File::create(path).expect("a file");
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), 24, 16);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let data: Vec<u8> = (0..3 * 24 * 16).map(|at| (at * 7 % 251) as u8).collect();
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&data)).expect("a PNG");
}

#[test]
fn halves_become_floats_and_that_is_said() {
    let place = Place::new();
    let (code, report) = place.import(&fixture("small-bf16.pth"), "net.map", &[]);
    assert_eq!(code, 0, "{report}");
    assert!(report["notes"].to_string().contains("7 converted from bf16 to f32"), "{report}");
    // 0.0134417 in bfloat16: 1.71875 * 2^-7.
    assert_eq!(place.read("out.safetensors")["encoder.x.conv.weight"].data[0], 0.013_427_734);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let place = Place::new();
    let small = fixture("small.pth");
    // Wrong maps.
    place.write("wrong.map", MAP.replace("conv1 -> conv", "conv1 -> convv"));
    let (code, codes, said) = refused(&place, &small, "wrong.map", &[]);
    assert_eq!((code, codes), (3, vec!["phg::weights::missing".into(), "phg::weights::unexpected".into()]));
    assert!(said.contains("encoder.x.conv.weight") && said.contains("line 3"), "{said}");
    place.write("wrong.map", format!("{MAP}conv9 -> conv\n"));
    let (code, codes, said) = refused(&place, &small, "wrong.map", &[]);
    assert_eq!((code, codes), (2, vec!["phg::weights::rule".into()]));
    assert!(said.contains("line 8"), "{said}");
    place.write("wrong.map", "conv1 = conv\n");
    assert_eq!(refused(&place, &small, "wrong.map", &[]).1, ["phg::weights::map"]);
    // No map: nothing has the spec's names.
    let (_, codes, said) = refused(&place, &small, "", &[]);
    assert_eq!(codes, ["phg::weights::missing", "phg::weights::unexpected"]);
    assert!(said.contains("--map"), "{said}");
    // Another network.
    place.write("net.phg", SPEC.replace("kernel: 3", "kernel: 5"));
    let (code, codes, said) = refused(&place, &small, "net.map", &[]);
    assert_eq!((code, codes), (3, vec!["phg::weights::shape".into()]));
    assert!(said.contains("[8, 3, 3, 3]") && said.contains("[8, 3, 5, 5]"), "{said}");
    place.write("net.phg", SPEC);
    // Files that are none.
    let (code, codes, said) = refused(&place, &fixture("code.pth"), "net.map", &[]);
    assert_eq!((code, codes), (3, vec!["phg::weights::code".into()]));
    assert!(said.contains("posix.system"), "{said}");
    assert!(!Path::new("phgc-was-here").exists());
    let whole = std::fs::read(&small).expect("the fixture");
    for cut in [100, whole.len() / 2, whole.len() - 10] {
        place.write("cut.pth", &whole[..cut]);
        let (code, codes, _) = refused(&place, &place.text("cut.pth"), "net.map", &[]);
        assert_eq!((code, codes), (3, vec!["phg::weights::file".into()]), "{cut}");
    }
    let (code, codes, said) = refused(&place, &place.text("net.map"), "net.map", &[]);
    assert_eq!((code, codes), (3, vec!["phg::weights::file".into()]), "{said}");
    let (_, codes, said) = refused(&place, &small, "net.map", &["--key", "model"]);
    assert_eq!(codes, ["phg::weights::file"]);
    assert!(said.contains("--key state_dict"), "{said}");
    // Numbers that are none.
    assert_eq!(place.import(&small, "net.map", &[]).0, 0);
    let mut values = place.read("out.safetensors");
    std::fs::remove_file(place.path("out.safetensors")).expect("removed");
    values.get_mut("decoder.logits.conv.bias").expect("a bias").data[5] = f32::NAN;
    place.write("nan.safetensors", tensors::encode(&values).expect("bytes"));
    let (code, codes, said) = refused(&place, &place.text("nan.safetensors"), "", &[]);
    assert_eq!((code, codes), (3, vec!["phg::weights::not_finite".into()]));
    assert!(said.contains("decoder.logits.conv.bias"), "{said}");
}

/// Names and shapes of torchvision's resnet101 and resnet50, and PHGMM's encoder.
#[test]
fn the_backbones_of_torchvision_fill_an_encoder() {
    let place = Place::new();
    for (name, blocks, taken) in [("resnet101", "[3, 4, 23, 3]", 520), ("resnet50", "[3, 4, 6, 3]", 265)] {
        let list = std::fs::read_to_string(fixture(&format!("torchvision-{name}.txt"))).expect("the list");
        let mut values = HostTensors::new();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let (tensor, shape) = line.split_once(' ').expect("a name and a shape");
            // PyTorch's counters are integers, which are left out; there are none in a file of floats.
            if !shape.is_empty() {
                let shape: Vec<usize> = shape.split('x').map(|size| size.parse().expect("a size")).collect();
                let data = vec![0.5; shape.iter().product()];
                values.insert(tensor.to_owned(), HostTensor { shape, data });
            }
        }
        place.write("backbone.safetensors", tensors::encode(&values).expect("bytes"));
        let (file, set) = (place.text("backbone.safetensors"), format!("blocks={blocks}"));
        let output = phgc(&[
            "weights",
            "import",
            "specs/phgmm.phg",
            &file,
            "--set",
            &set,
            "--map",
            "specs/maps/torchvision-resnet.map",
            "--format",
            "json",
        ]);
        assert_eq!(status(&output), 0, "{}", json(&output)["errors"]);
        let report = json(&output);
        let matched = report["coverage"]["matched"].as_array().cloned().unwrap_or_default();
        assert_eq!(matched.len(), taken, "{name}");
        let parameter = |tensor: &str| {
            let found = matched.iter().find(|found| found["tensor"] == tensor);
            found.and_then(|found| found["parameter"].as_str().map(str::to_owned))
        };
        assert_eq!(
            parameter("layer3.5.bn2.running_var").as_deref(),
            Some("encoder.resnet.x3.stage.5.bottleneck.inner.conv_norm_relu2.norm.variance")
        );
        assert_eq!(
            parameter("layer4.0.downsample.0.weight").as_deref(),
            Some("encoder.resnet.x4.stage.0.bottleneck.short.conv_norm.conv.weight")
        );
        assert!(report["coverage"]["kept"].to_string().contains("outside of `into`"));
    }
}

#[test]
fn what_is_exported_is_imported_bit_for_bit() {
    let place = Place::new();
    let (spec, a, b) = (place.text("net.phg"), place.text("a.safetensors"), place.text("out.safetensors"));
    let export = phgc(&["weights", "export", &spec, "--seed", "5", "-o", &a, "--format", "json"]);
    assert_eq!(status(&export), 0, "{}", String::from_utf8_lossy(&export.stderr));
    assert_eq!(json(&export)["tensors"], 7);
    let (code, report) = place.import(&a, "", &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(std::fs::read(&a).expect("a file"), std::fs::read(&b).expect("a file"));
    assert_eq!(report["blake3"], report["output"]["blake3"]);

    // A run: what a training begins with, what it makes, and what goes out again.
    let run = place.text("run");
    let train = |run: &str, more: &[&str]| {
        let mut args = vec![
            "train",
            &spec,
            "--data",
            "scenes",
            "--run",
            run,
            "--threads",
            "1",
            "--seed",
            "5",
            "--format",
            "json",
        ];
        args.extend_from_slice(more);
        phgc(&args)
    };
    assert_eq!(status(&train(&run, &[])), 0);
    let c = place.text("c.safetensors");
    assert_eq!(status(&phgc(&["weights", "export", &run, "-o", &c])), 0);
    assert_ne!(std::fs::read(&c).expect("a file"), std::fs::read(&a).expect("a file"));
    assert_eq!(place.import(&c, "", &[]).0, 0);
    assert_eq!(std::fs::read(&c).expect("a file"), std::fs::read(&b).expect("a file"));
    // To begin with the same first values by a file is the same training.
    let again = place.text("again");
    assert_eq!(status(&train(&again, &["--init", &a])), 0);
    let d = place.text("d.safetensors");
    assert_eq!(status(&phgc(&["weights", "export", &again, "-o", &d])), 0);
    assert_eq!(std::fs::read(&c).expect("a file"), std::fs::read(&d).expect("a file"));
}

#[test]
fn a_training_begins_with_a_file_and_leaves_frozen_parts_alone() {
    let place = Place::new();
    let (spec, run, map) = (place.text("net.phg"), place.text("run"), place.text("net.map"));
    let small = place.text("copy.pth");
    std::fs::copy(fixture("small.pth"), &small).expect("a copy");
    let train = |more: &[&str]| {
        let mut args = vec![
            "train",
            &spec,
            "--data",
            "scenes",
            "--run",
            &run,
            "--threads",
            "1",
            "--format",
            "json",
            "--set",
            "train.freeze=[\"encoder\"]",
            "--set",
            "train.rates.decoder=0.5",
        ];
        args.extend_from_slice(more);
        phgc(&args)
    };
    // What does not fit begins no run.
    let wrong = train(&["--init", &small]);
    assert_eq!((status(&wrong), json(&wrong)["error"]["code"].as_str()), (3, Some("phg::weights::missing")));
    assert!(!place.path("run").exists());

    let init = ["--init", small.as_str(), "--map", map.as_str(), "--only", "encoder"];
    let with = |more: &[&'static str]| init.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let paused = train(&with(&["--pause-after", "1"]));
    assert_eq!(status(&paused), 0, "{}", String::from_utf8_lossy(&paused.stderr));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.path("run/manifest.json")).expect("a manifest"))
            .expect("JSON");
    let said = &manifest["init"];
    assert_eq!((said["taken"].as_u64(), said["only"][0].as_str()), (Some(5), Some("encoder")), "{said}");
    assert_eq!(said["blake3"].as_str().map(str::len), Some(64));
    // The file is gone: the run goes on without it, by the same command. Another file would be another run.
    std::fs::remove_file(&small).expect("removed");
    let other = train(&["--init", "other.pth", "--resume"]);
    assert_eq!((status(&other), json(&other)["error"]["code"].as_str()), (2, Some("phg::run::changed")));
    let resumed = train(&with(&["--resume"]));
    assert_eq!(status(&resumed), 0, "{}", String::from_utf8_lossy(&resumed.stderr));

    // Frozen: neither gradients nor decay nor statistics. The rest was trained.
    let out = place.text("trained.safetensors");
    assert_eq!(status(&phgc(&["weights", "export", &run, "-o", &out])), 0);
    assert_eq!(place.import(&fixture("small.pth"), "net.map", &[]).0, 0);
    let (began, ended) = (place.read("out.safetensors"), place.read("trained.safetensors"));
    for name in ["conv.weight", "norm.scale", "norm.offset", "norm.mean", "norm.variance"] {
        let name = format!("encoder.x.{name}");
        assert_eq!(began[&name], ended[&name], "{name}");
    }
    let first = place.text("first.safetensors");
    assert_eq!(status(&phgc(&["weights", "export", &spec, "-o", &first])), 0);
    assert_ne!(
        place.read("first.safetensors")["decoder.logits.conv.weight"],
        ended["decoder.logits.conv.weight"]
    );
    let name = std::fs::read_to_string(place.path("run/checkpoints/last")).expect("a pointer");
    let folder = place.path("run/checkpoints").join(name.trim());
    let state = tensors::decode(&std::fs::read(folder.join("optimizer.safetensors")).expect("a file"))
        .expect("tensors");
    let keys: Vec<&str> = state.keys().map(String::as_str).collect();
    assert_eq!(keys, ["decoder.logits.conv.bias.velocity", "decoder.logits.conv.weight.velocity", "steps"]);
}
