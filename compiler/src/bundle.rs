//! A spec and the files that it imports as one text, so that a run can be compiled again where those files are not.
//!
//! Each file is preceded by a line `//@ file NAME`; the first one is the spec. The standard library and `--set`
//! are not part of it.

use std::collections::BTreeMap;

use crate::source::{COMMAND_LINE, Provider, SourceMap};

const MARK: &str = "//@ file ";

/// Files by name, with the spec's own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The spec.
    pub root: String,
    files: BTreeMap<String, String>,
}

impl Bundle {
    /// What took part in a compilation, apart from the standard library.
    pub fn of(sources: &SourceMap) -> Self {
        let own = |name: &str| !name.starts_with("std/") && name != COMMAND_LINE;
        let files: Vec<(String, String)> = sources
            .files()
            .iter()
            .filter(|file| own(&file.name))
            .map(|file| (file.name.clone(), file.text.to_string()))
            .collect();
        let root = files.first().map(|(name, _)| name.clone()).unwrap_or_default();
        let files = files.into_iter().map(|(name, text)| (relative(&root, &name), text)).collect();
        Self { root: relative(&root, &root), files }
    }

    /// Reads what [`Bundle::text`] wrote; `None` when the first line is no mark.
    pub fn parse(text: &str) -> Option<Self> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let mut root = None;
        let mut current: Option<String> = None;
        for line in text.split_inclusive('\n') {
            if let Some(name) = line.strip_prefix(MARK) {
                let name = name.trim_end_matches('\n').to_owned();
                root.get_or_insert_with(|| name.clone());
                files.insert(name.clone(), String::new());
                current = Some(name);
            } else {
                files.get_mut(current.as_ref()?)?.push_str(line);
            }
        }
        Some(Self { root: root?, files })
    }

    /// All files as one text, the spec first.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let rest = self.files.iter().filter(|(name, _)| **name != self.root);
        for (name, text) in self.files.get_key_value(&self.root).into_iter().chain(rest) {
            out.push_str(&format!("{MARK}{name}\n{text}"));
            if !text.ends_with('\n') {
                out.push('\n');
            }
        }
        out
    }

    /// The spec's own text.
    pub fn spec(&self) -> &str {
        self.files.get(&self.root).map_or("", String::as_str)
    }
}

impl Provider for Bundle {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let name = join(from, path);
        match self.files.get(&name) {
            Some(text) => Ok((name, text.clone())),
            None => Err(format!("it is not among the files of this bundle: {name}")),
        }
    }
}

/// The name of a file as the spec `root` would write it: the same wherever the spec's folder lies.
fn relative(root: &str, name: &str) -> String {
    let folder: Vec<&str> = root.split('/').rev().skip(1).collect();
    let parts: Vec<&str> = name.split('/').collect();
    let folder: Vec<&str> = folder.into_iter().rev().collect();
    let common = folder.iter().zip(&parts).take_while(|(a, b)| a == b).count();
    let up = folder.iter().skip(common).map(|_| "..");
    up.chain(parts.iter().skip(common).copied()).collect::<Vec<_>>().join("/")
}

/// The name of `path` as written in the file `from`: relative to that file's folder, `.` and `..` resolved.
pub fn join(from: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != ".." && !last.is_empty()) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_the_same_wherever_its_folder_lies() {
        let text = |folder: &str| {
            let mut sources = SourceMap::default();
            sources.add(format!("{folder}ablations/k4.phg"), "extend \"../full.phg\" {}\n");
            sources.add(format!("{folder}full.phg"), "use \"parts/a.phg\" (a)\n");
            sources.add(format!("{folder}parts/a.phg"), "block a() -> (x: map) {}\n");
            Bundle::of(&sources).text()
        };
        assert_eq!(text("specs/"), text("/home/somebody/specs/"));
        assert_eq!(text("specs/"), text(""));
        let bundle = Bundle::parse(&text("specs/")).unwrap();
        assert_eq!(bundle.root, "k4.phg");
        let (full, _) = bundle.load(&bundle.root, "../full.phg").unwrap();
        assert!(bundle.load(&full, "parts/a.phg").unwrap().1.starts_with("block a"));
    }

    #[test]
    fn text_comes_back() {
        let mut sources = SourceMap::default();
        sources.add("specs/small.phg", "extend \"full.phg\" { K = 4 }\n");
        sources.add("specs/full.phg", "param K: int = 12");
        sources.add("std/layers.phg", "block x");
        sources.add(COMMAND_LINE, "--set K=3");
        let bundle = Bundle::of(&sources);
        let back = Bundle::parse(&bundle.text()).unwrap();
        assert_eq!(back.root, "small.phg");
        assert_eq!(back.spec(), "extend \"full.phg\" { K = 4 }\n");
        assert_eq!(back.load(&back.root, "full.phg").unwrap().1, "param K: int = 12\n");
        assert!(back.load(&back.root, "other.phg").is_err());
        assert_eq!(Bundle::parse("param K: int = 3"), None);
    }

    #[test]
    fn paths_are_joined_as_files_are() {
        assert_eq!(join("specs/ablations/k4.phg", "../phgmm.phg"), "specs/phgmm.phg");
        assert_eq!(join("a.phg", "b.phg"), "b.phg");
        assert_eq!(join("a.phg", "../b.phg"), "../b.phg");
        assert_eq!(join("/x/a.phg", "./b.phg"), "/x/b.phg");
    }
}
