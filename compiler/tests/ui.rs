//! The corpus of bad specs: `tests/ui/<family>/<name>.phg`, each with the codes that it must give.
//!
//! Comes in: specs whose lines end in `//~ phg::shape::mismatch` (several codes with commas) where a diagnostic's
//! first label stands, and which may begin with the directives of [`corpus`].
//! Files in a folder called `parts` are imported by others. Specs of the family `parse` are fragments: they are
//! parsed and no more. Guaranteed: the lines and codes are exactly these, none more, and the wording is that of
//! the snapshot.

mod corpus;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use phg_compiler::bundle;
use phg_compiler::diag::{Diag, Diags, Report};
use phg_compiler::parse;
use phg_compiler::source::{COMMAND_LINE, Provider, SourceMap};

/// A file, a line and a code.
type Expected = BTreeSet<(String, usize, String)>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui")
}

/// Every spec of the corpus, as a path relative to it with `/` between folders.
fn specs() -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if entry.path().is_dir() {
                if name != "parts" && name != "snapshots" {
                    walk(&entry.path(), &path, found);
                }
            } else if name.ends_with(".phg") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort();
    found
}

/// Files of the corpus by their relative names.
struct Files;

impl Provider for Files {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let name = bundle::join(from, path);
        std::fs::read_to_string(root().join(&name))
            .map(|text| (name, text))
            .map_err(|_| "no such file".to_owned())
    }
}

/// The codes that a file's comments announce. A directive's line announces what stands in the text of `--set`.
fn expected(name: &str, text: &str, into: &mut Expected) {
    for (at, line) in text.lines().enumerate() {
        let Some((before, codes)) = line.split_once("//~") else { continue };
        for code in codes.split(',') {
            let code = code.trim().to_owned();
            into.insert(match before.strip_prefix("//@ set ") {
                Some(_) => (COMMAND_LINE.to_owned(), 1, code),
                None => (name.to_owned(), at + 1, code),
            });
        }
    }
}

fn run(name: &str, text: &str) -> (SourceMap, Vec<Diag>) {
    if name.starts_with("parse/") {
        let (mut sources, mut diags) = (SourceMap::default(), Diags::default());
        let file = sources.add(name, text);
        parse::parse(file, text, &mut diags);
        return (sources, diags.sorted());
    }
    corpus::diagnose(name, text, &Files)
}

/// Diagnostics as a terminal shows them, without colour.
fn draw(diags: &[Diag], sources: &SourceMap) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut out = String::new();
    for diag in diags {
        handler.render_report(&mut out, &Report::new(diag, sources)).unwrap();
        out.push('\n');
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_bad_spec_gives_exactly_its_codes() {
    let names = specs();
    assert!(names.len() >= 60, "the corpus has {} specs only", names.len());
    let mut wrong = String::new();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in names {
        let text = std::fs::read_to_string(root().join(&name)).unwrap();
        let (sources, diags) = run(&name, &text);
        let mut wanted = Expected::new();
        expected(&name, &text, &mut wanted);
        for file in sources.files().iter().skip(1).filter(|file| file.name.contains("/parts/")) {
            expected(&file.name, &file.text, &mut wanted);
        }
        assert!(!wanted.is_empty(), "{name} expects nothing");
        let got: Expected = diags
            .iter()
            .map(|diag| {
                let span = diag.span().expect("a diagnostic has a place");
                let (line, _) = sources.line_column(span);
                (sources.name(span.file).to_owned(), line, diag.code.id.to_owned())
            })
            .collect();
        let drawn = draw(&diags, &sources);
        if got != wanted {
            let _ = writeln!(wrong, "{name}");
            for (file, line, code) in wanted.difference(&got) {
                let _ = writeln!(wrong, "  missing: {file}:{line} {code}");
            }
            for (file, line, code) in got.difference(&wanted) {
                let _ = writeln!(wrong, "  surplus: {file}:{line} {code}");
            }
            let _ = writeln!(wrong, "{drawn}");
            continue;
        }
        let title = name.trim_end_matches(".phg").replace('/', "__");
        settings.bind(|| insta::assert_snapshot!(title, drawn));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_snapshot_has_a_spec() {
    let titles: BTreeSet<String> =
        specs().iter().map(|name| name.trim_end_matches(".phg").replace('/', "__")).collect();
    for entry in std::fs::read_dir(root().join("snapshots")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(title) = name.strip_suffix(".snap") {
            assert!(titles.contains(title), "the snapshot {name} has no spec");
        }
    }
}
