//! What becomes of tensors and parameters, on small networks written by hand.

use super::*;
use crate::codes;
use crate::error::Kind;
use crate::host::{HostTensor, HostTensors};

/// Tensors whose values count from 0.
fn source(tensors: &[(&str, &[usize])]) -> Source {
    let values = tensors.iter().map(|(name, shape)| {
        let data = (0..shape.iter().product::<usize>()).map(|at| at as f32).collect();
        ((*name).to_owned(), HostTensor { shape: shape.to_vec(), data })
    });
    Source::of_values("file".into(), "run", String::new(), values.collect::<HostTensors>())
}

fn network(parameters: &[(&str, &[usize])]) -> Vec<Wanted> {
    parameters
        .iter()
        .map(|(name, shape)| Wanted { name: (*name).to_owned(), shape: shape.to_vec() })
        .collect()
}

const LAYERS: [(&str, &[usize]); 7] = [
    ("encoder.conv.weight", &[2, 3, 1, 1]),
    ("encoder.norm.scale", &[2]),
    ("encoder.norm.offset", &[2]),
    ("encoder.norm.mean", &[2]),
    ("encoder.norm.variance", &[2]),
    ("head.linear.weight", &[4, 2]),
    ("head.linear.bias", &[4]),
];

const TORCH: [(&str, &[usize]); 7] = [
    ("conv1.weight", &[2, 3, 1, 1]),
    ("bn1.weight", &[2]),
    ("bn1.bias", &[2]),
    ("bn1.running_mean", &[2]),
    ("bn1.running_var", &[2]),
    ("fc.weight", &[4, 2]),
    ("fc.bias", &[4]),
];

const MAP: &str = "conv{i} -> encoder.conv{#i}\nbn{i} -> encoder.norm{#i}\nfc -> head.linear\n";

fn find(
    tensors: &[(&str, &[usize])],
    parameters: &[(&str, &[usize])],
    map: &str,
    only: &[&str],
) -> (Coverage, Vec<crate::Error>) {
    let map = (!map.is_empty()).then(|| Map::parse("the.map", map).unwrap());
    let only: Vec<String> = only.iter().map(|part| (*part).to_owned()).collect();
    let source = source(tensors);
    let filling = Filling { map: map.as_ref(), only: &only, needed: None };
    let coverage = Coverage::of(&source, &network(parameters), filling);
    let problems = coverage.problems(&source, map.as_ref().map(|map| map.name.as_str()));
    assert_eq!(coverage.is_complete(), problems.is_empty(), "{problems:?}");
    (coverage, problems)
}

fn codes_of(
    tensors: &[(&str, &[usize])],
    parameters: &[(&str, &[usize])],
    map: &str,
    only: &[&str],
) -> Vec<&'static str> {
    find(tensors, parameters, map, only).1.iter().map(|error| error.code).collect()
}

#[test]
fn layers_give_their_weights_and_statistics() {
    let (coverage, problems) = find(&TORCH, &LAYERS, MAP, &[]);
    assert_eq!(problems, []);
    let pairs: Vec<(&str, &str)> =
        coverage.matched.iter().map(|found| (found.tensor.as_str(), found.parameter.as_str())).collect();
    assert!(pairs.contains(&("bn1.weight", "encoder.norm.scale")));
    assert!(pairs.contains(&("bn1.running_var", "encoder.norm.variance")));
    assert!(pairs.contains(&("fc.weight", "head.linear.weight")));
    assert_eq!(pairs.len(), 7);
    assert_eq!(coverage.notes(), Vec::<String>::new());
    // Without a map by the network's own names.
    assert_eq!(codes_of(&LAYERS, &LAYERS, "", &[]), Vec::<&str>::new());
}

#[test]
fn nothing_is_left_over_in_silence() {
    assert_eq!(codes_of(&TORCH[..6], &LAYERS, MAP, &[]), [codes::WEIGHTS_MISSING]);
    let (coverage, problems) = find(&TORCH[..6], &LAYERS, MAP, &[]);
    assert_eq!(coverage.missing[0].parameter, "head.linear.bias");
    assert!(problems[0].help.as_ref().is_some_and(|help| help.contains("missing head.linear.bias")));
    assert_eq!(codes_of(&TORCH[..6], &LAYERS, &format!("{MAP}missing head.*.bias"), &[]), Vec::<&str>::new());

    assert_eq!(codes_of(&TORCH, &LAYERS[..6], MAP, &[]), [codes::WEIGHTS_UNEXPECTED]);
    let (coverage, problems) = find(&TORCH, &LAYERS[..5], "conv1 -> encoder.conv\nbn1 -> encoder.norm", &[]);
    assert_eq!(coverage.unexpected.len(), 2);
    let help = problems[0].help.clone().unwrap_or_default();
    assert!(
        problems[0].message.contains("`fc.bias`")
            && problems[0].message.contains("and 1 more")
            && help.contains("ignore fc.bias")
    );
    let map = "conv1 -> encoder.conv\nbn1 -> encoder.norm\nignore fc";
    assert_eq!(codes_of(&TORCH, &LAYERS[..5], map, &[]), Vec::<&str>::new());
    let (coverage, _) = find(&TORCH, &LAYERS[..5], map, &[]);
    assert_eq!((coverage.left_out[0].why.as_str(), coverage.left_out[0].names.len()), ("`ignore fc`", 2));

    // A misspelt name is found again on the other side.
    let mut other = LAYERS;
    other[5].0 = "head.linaer.weight";
    let (coverage, _) = find(&other, &LAYERS, "", &[]);
    assert_eq!(coverage.missing[0].nearest, ["head.linaer.weight"]);
    assert_eq!(coverage.unexpected[0].nearest, ["head.linear.weight"]);
}

#[test]
fn a_part_of_a_network_is_filled() {
    // By the map: the rest keeps its first values.
    let map = "into encoder\nconv1 -> conv\nbn1 -> norm\nignore fc";
    let (coverage, problems) = find(&TORCH, &LAYERS, map, &[]);
    assert_eq!(problems, []);
    assert_eq!((coverage.matched.len(), coverage.kept[0].names.len()), (5, 2));
    assert_eq!(
        codes_of(&TORCH[1..], &LAYERS, "into encoder\nbn1 -> norm\nignore fc", &[]),
        [codes::WEIGHTS_MISSING]
    );
    // By the command: what belongs elsewhere is left out.
    assert_eq!(codes_of(&LAYERS[..6], &LAYERS, "", &["encoder"]), Vec::<&str>::new());
    let (coverage, _) = find(&LAYERS[..6], &LAYERS, "", &["encoder"]);
    assert_eq!((coverage.matched.len(), coverage.left_out[0].names.len()), (5, 1));
    let (_, problems) = find(&LAYERS, &LAYERS, "", &["encode"]);
    assert_eq!((problems[0].code, problems[0].kind), (codes::WEIGHTS_RULE, Kind::Usage));
    assert!(problems[0].help.as_ref().is_some_and(|help| help.contains("`encoder`")), "{:?}", problems[0]);
    assert_eq!(codes_of(&TORCH, &LAYERS, "into encode\nconv1 -> conv", &[])[0], codes::WEIGHTS_RULE);
}

#[test]
fn one_reference_fills_two_parts() {
    let parts: [(&str, &[usize]); 2] = [("a.conv.weight", &[1]), ("b.conv.weight", &[1])];
    let file: [(&str, &[usize]); 1] = [("conv1.weight", &[1])];
    let (coverage, problems) = find(&file, &parts, "into a\nconv1 -> conv\ninto b\nconv1 -> conv", &[]);
    assert_eq!((problems, coverage.matched.len()), (Vec::new(), 2));
}

#[test]
fn mistakes_of_a_map_have_a_line() {
    let (_, problems) = find(&TORCH, &LAYERS, &format!("{MAP}fc2 -> head.other\n"), &[]);
    assert_eq!(
        (problems[0].code, problems[0].place.as_deref()),
        (codes::WEIGHTS_RULE, Some("the.map, line 4"))
    );
    assert!(problems[0].help.as_ref().is_some_and(|help| help.contains("`fc`")), "{:?}", problems[0]);
    // An earlier line takes all of it.
    let (_, problems) = find(&TORCH, &LAYERS, &format!("{MAP}bn1 -> encoder.norm\n"), &[]);
    assert!(problems[0].message.contains("line 2 takes every tensor of line 4"), "{:?}", problems[0]);
    // Two into one.
    let both: [(&str, &[usize]); 2] = [("a.weight", &[1]), ("b.weight", &[1])];
    let one: [(&str, &[usize]); 1] = [("c.weight", &[1])];
    let (_, problems) = find(&both, &one, "a -> c\nb -> c\n", &[]);
    assert!(
        problems[0].message.contains("`a.weight` (line 1) and `b.weight` (line 2) both become `c.weight`")
    );
    // A path that the network does not have.
    let (_, problems) = find(&both, &both, "a -> a\nb -> bb\n", &[]);
    let unexpected = problems.iter().find(|error| error.code == codes::WEIGHTS_UNEXPECTED).unwrap();
    assert_eq!(unexpected.place.as_deref(), Some("the.map, line 2"));
    assert!(
        unexpected.message.contains("`bb.weight`")
            && unexpected.help.as_ref().unwrap().contains("`b.weight`")
    );
    // No number.
    let (_, problems) = find(&[("a0.weight", &[1])], &one, "a{i} -> c{i - 1}", &[]);
    assert!(problems[0].message.contains("-1"), "{:?}", problems[0]);
}

#[test]
fn shapes_are_turned_where_that_is_certain() {
    let shapes = |found: &[usize], wanted: &[usize], word: &str| {
        let (coverage, problems) =
            find(&[("a.weight", found)], &[("b.weight", wanted)], &format!("a -> b {word}"), &[]);
        (coverage.matched.first().map(|found| found.turn), problems.first().map(|error| error.code))
    };
    let fits = |turn| (Some(turn), None);
    let differs = (None, Some(codes::WEIGHTS_SHAPE));
    assert_eq!(shapes(&[4, 2], &[4, 2], ""), fits(Turn::AsIs));
    assert_eq!(shapes(&[2, 4], &[4, 2], ""), fits(Turn::Transposed));
    assert_eq!(shapes(&[2, 4], &[4, 2], "as_is"), differs);
    assert_eq!(shapes(&[2, 2], &[2, 2], "transposed"), fits(Turn::Transposed));
    assert_eq!(shapes(&[4, 2], &[4, 2, 1, 1], ""), fits(Turn::Reshaped));
    assert_eq!(shapes(&[4, 2, 1, 1], &[4, 2], ""), fits(Turn::Reshaped));
    assert_eq!(shapes(&[4, 18], &[4, 2, 3, 3], ""), differs);
    assert_eq!(shapes(&[4, 18], &[4, 2, 3, 3], "reshaped"), fits(Turn::Reshaped));
    assert_eq!(shapes(&[4, 17], &[4, 2, 3, 3], "reshaped"), differs);
    assert_eq!(shapes(&[3, 2, 4], &[4, 2, 3], ""), differs);
    // A square one beside one that is transposed may be either.
    let file: [(&str, &[usize]); 2] = [("a.weight", &[2, 4]), ("b.weight", &[2, 2])];
    let wanted: [(&str, &[usize]); 2] = [("a.weight", &[4, 2]), ("b.weight", &[2, 2])];
    assert_eq!(codes_of(&file, &wanted, "", &[]), [codes::WEIGHTS_SHAPE]);
    assert_eq!(codes_of(&file, &wanted, "a -> a\nb -> b as_is", &[]), Vec::<&str>::new());
}

#[test]
fn values_are_turned_and_finite() {
    let file = source(&[("a.weight", &[2, 3]), ("b.weight", &[1])]);
    let wanted = network(&[("a.weight", &[3, 2]), ("b.weight", &[1])]);
    let coverage = Coverage::of(&file, &wanted, Filling::default());
    let read = values(&file, &coverage).unwrap();
    // [[0, 1, 2], [3, 4, 5]] with rows and columns exchanged.
    assert_eq!(read["a.weight"].data, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    for bad in [f32::NAN, f32::INFINITY] {
        let tensor = HostTensor { shape: vec![1], data: vec![bad] };
        let file = Source::of_values(
            "f".into(),
            "run",
            String::new(),
            HostTensors::from([("b.weight".into(), tensor)]),
        );
        let coverage = Coverage::of(&file, &wanted[1..], Filling::default());
        let error = values(&file, &coverage).unwrap_err();
        assert_eq!(error.code, codes::WEIGHTS_NOT_FINITE);
        assert!(error.message.contains("`b.weight`"));
    }
}

#[test]
fn what_predictions_need_suffices_for_them() {
    let map = Map::parse("m", MAP).unwrap();
    let needed = std::collections::BTreeSet::from(["encoder.conv.weight".to_owned()]);
    let filling = Filling { map: Some(&map), only: &[], needed: Some(&needed) };
    let find = |from: usize| Coverage::of(&source(&TORCH[from..]), &network(&LAYERS), filling);
    assert_eq!(find(1).missing.len(), 1);
    let coverage = Coverage::of(&source(&[TORCH[0], TORCH[1], TORCH[5]]), &network(&LAYERS), filling);
    assert_eq!((coverage.missing, coverage.kept[0].why.as_str()), (Vec::new(), "needed in training only"));
}

fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn a_safetensors_file_is_read_or_refused_whole() {
    let tensor = HostTensor { shape: vec![2], data: vec![1.5, -0.0] };
    let values =
        HostTensors::from([("module.a".to_owned(), tensor.clone()), ("module.b".to_owned(), tensor)]);
    let bytes = crate::run::tensors::encode(&values).unwrap();
    let (_folder, path) = write("a.safetensors", &bytes);
    let source = Source::open(&path, None).unwrap();
    assert_eq!(source.tensors().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    assert!(source.notes[0].contains("`module.`"));
    assert_eq!(source.blake3, blake3::hash(&bytes).to_hex().to_string());
    assert_eq!(
        source.read("a").unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
        [0x3fc0_0000, 0x8000_0000]
    );
    for cut in [0, 4, 8, 40, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = Source::open(&path, None).map(|_| ()).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::WEIGHTS_FILE, Kind::Data), "{cut}: {error}");
    }
}

#[test]
fn other_files_are_refused() {
    let refused = |name: &str, bytes: &[u8]| {
        let (_folder, path) = write(name, bytes);
        Source::open(&path, None).map(|_| ()).unwrap_err()
    };
    assert_eq!(refused("a.pth", b"").code, codes::WEIGHTS_FILE);
    assert_eq!(refused("a.pth", b"hello there").code, codes::WEIGHTS_FILE);
    assert_eq!(refused("a.pth", b"PK\x03\x04 not a zip").code, codes::WEIGHTS_FILE);
    // pickle: {"a": os.system("true")}, protocol 2.
    let pickle = b"\x80\x02}U\x01acposix\nsystem\nU\x04true\x85Rs.";
    let error = refused("a.pth", pickle);
    assert_eq!(error.code, codes::WEIGHTS_CODE, "{error}");
    assert!(error.message.contains("posix.system"), "{error}");
    let missing = Source::open(std::path::Path::new("no/such.pth"), None).map(|_| ()).unwrap_err();
    assert!(missing.message.contains("no such file"));
}
