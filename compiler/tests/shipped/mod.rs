//! The specs that are shipped, for tests.

pub(crate) mod files;

use phg_compiler::{Network, Request, compile};

use files::{Files, root};

/// A spec on disk.
pub(crate) struct Spec {
    /// Its path under `specs/` without the extension; folders joined by a dot: `zoo.segnet`.
    pub(crate) name: String,
    /// Its path from the root: `specs/zoo/segnet.phg`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// Every network under `specs/`, sorted by name. `specs/std` has blocks only.
pub(crate) fn specs() -> Vec<Spec> {
    let mut found = Vec::new();
    let mut folders = vec!["specs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                if path != "specs/std" {
                    folders.push(path);
                }
            } else if let Some(stem) = path.strip_suffix(".phg") {
                let name = stem.trim_start_matches("specs/").replace('/', ".");
                let text = std::fs::read_to_string(root().join(&path)).unwrap();
                found.push(Spec { name, path, text });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 3, "specs are missing");
    found
}

/// Specs that show what the compiler warns of, and the code of the warning.
const WARNED: [(&str, &str); 1] = [("ablations.kl-variational", "phg::lint::variational")];

/// The network of a spec, which must have no diagnostic at all but one that it is there to show.
pub(crate) fn compiled(spec: &Spec) -> Network {
    let request = Request { provider: &Files, both_ways: true, ..Request::new(&spec.path, &spec.text) };
    let outcome = compile(&request);
    let expected: Vec<&str> =
        WARNED.iter().filter(|(name, _)| *name == spec.name).map(|(_, code)| *code).collect();
    let found: Vec<&str> = outcome.diags.iter().map(|diag| diag.code.id).collect();
    assert_eq!(found, expected, "{}: {:#?}", spec.path, outcome.diags);
    outcome.network.unwrap()
}
