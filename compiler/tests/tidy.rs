//! Rules that a machine can check: codes and their pages, ops and their examples, files and their headers.
//!
//! Comes in: the repository. Guaranteed: a new code without page, bad spec or emitter, an example that no longer
//! does what its page says, a file without a header: each fails here, by name.

mod corpus;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phg_compiler::bundle::Bundle;
use phg_compiler::diag::codes::{self, Severity};
use phg_compiler::diag::{Diag, Diags};
use phg_compiler::ops::REGISTRY;
use phg_compiler::parse;
use phg_compiler::source::{FileId, NoFiles};

/// Codes that no spec of a sensible size can give: a test in the code does.
const WITHOUT_SPEC: &[&str] = &["phg::parse::size", "phg::parse::encoding"];

/// Codes whose failing example would fill a page, or would be no text.
const WITHOUT_EXAMPLE: &[&str] = &["phg::parse::size", "phg::parse::nesting", "phg::parse::encoding"];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below `folder` whose name ends in `ending`, with its path from the project's root.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, name: &str, ending: &str, found: &mut Vec<(String, String)>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.map(Result::unwrap) {
            let path = format!("{name}/{}", entry.file_name().into_string().unwrap());
            if entry.path().is_dir() {
                if !path.ends_with("/target") {
                    walk(&entry.path(), &path, ending, found);
                }
            } else if path.ends_with(ending) {
                found.push((path, std::fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&project().join(folder), folder, ending, &mut found);
    found.sort();
    found
}

/// The fenced blocks of a page: what stands behind the backticks, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            if !open {
                found.push((info.trim().to_owned(), String::new()));
            }
            open = !open;
        } else if open && let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

fn diagnose(name: &str, text: &str) -> Vec<Diag> {
    match Bundle::parse(text) {
        Some(bundle) => corpus::diagnose(&bundle.root, bundle.spec(), &bundle).1,
        None => corpus::diagnose(name, text, &NoFiles).1,
    }
}

fn said(diags: &[Diag]) -> String {
    diags.iter().map(|diag| format!("{}: {}", diag.code.id, diag.message)).collect::<Vec<_>>().join("; ")
}

fn assert_none(wrong: &str) {
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn codes_are_unique_and_have_pages_with_examples() {
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for code in codes::ALL {
        if !seen.insert(code.id) {
            let _ = writeln!(wrong, "{} stands twice", code.id);
        }
        let blocks = blocks(code.page);
        let failing = blocks.iter().filter(|(info, _)| info == "phg fails").count();
        let fixed = blocks.iter().filter(|(info, _)| info == "phg" || info == "phg parse").count();
        if code.page.lines().count() < 10 {
            let _ = writeln!(wrong, "the page of {} is a stub", code.id);
        }
        if failing == 0 && !WITHOUT_EXAMPLE.contains(&code.id) {
            let _ = writeln!(wrong, "the page of {} has no failing example", code.id);
        }
        if fixed == 0 && !WITHOUT_EXAMPLE.contains(&code.id) {
            let _ = writeln!(wrong, "the page of {} has no fixed example", code.id);
        }
    }
    assert_none(&wrong);
}

#[test]
fn pages_are_named_after_their_codes() {
    let mut wrong = String::new();
    for (path, page) in files("docs/errors", ".md") {
        let place = path.trim_start_matches("docs/errors/").trim_end_matches(".md");
        let code = format!("phg::{}", place.replace('/', "::"));
        if page.lines().next() != Some(&format!("# {code}")) {
            let _ = writeln!(wrong, "{path} does not begin with `# {code}`");
        }
    }
    assert_none(&wrong);
}

#[test]
fn examples_on_pages_do_what_they_say() {
    let mut wrong = String::new();
    for (path, page) in files("docs/errors", ".md") {
        let code = page.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
        for (at, (info, text)) in blocks(&page).into_iter().enumerate() {
            let name = format!("{path} block {}", at + 1);
            match info.as_str() {
                "phg" => {
                    let diags = diagnose(&name, &text);
                    if !diags.is_empty() {
                        let _ = writeln!(wrong, "{name} gives {}", said(&diags));
                    }
                }
                "phg fails" => {
                    let mut diags = Diags::default();
                    parse::parse(FileId(0), &text, &mut diags);
                    let mut diags = diags.sorted();
                    // Examples of syntax are fragments: names do not matter in them.
                    if !code.starts_with("phg::parse::") {
                        diags = diagnose(&name, &text);
                    }
                    if diags.is_empty() || diags.iter().any(|diag| diag.code.id != code) {
                        let _ = writeln!(wrong, "{name} gives not {code} but: {}", said(&diags));
                    }
                }
                "phg parse" => {
                    let mut diags = Diags::default();
                    parse::parse(FileId(0), &text, &mut diags);
                    if !diags.is_empty() {
                        let _ = writeln!(wrong, "{name} gives {}", said(&diags.sorted()));
                    }
                }
                other if other.starts_with("phg") => {
                    let _ = writeln!(wrong, "{name} is marked `{other}`, which means nothing");
                }
                _ => {}
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_code_has_a_bad_spec() {
    let mut announced = BTreeSet::new();
    for (_, text) in files("tests/ui", ".phg") {
        for line in text.lines() {
            let codes = line.split_once("//~").map_or("", |(_, codes)| codes);
            announced.extend(codes.split(',').map(|code| code.trim().to_owned()));
        }
    }
    let mut wrong = String::new();
    for code in codes::ALL {
        if !announced.contains(code.id) && !WITHOUT_SPEC.contains(&code.id) {
            let _ = writeln!(wrong, "no spec in tests/ui expects {}", code.id);
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_code_has_an_emitter() {
    let sources: String = files("compiler/src", ".rs")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("diag/codes.rs"))
        .map(|(_, text)| text)
        .collect();
    let table = std::fs::read_to_string(project().join("compiler/src/diag/codes.rs")).unwrap();
    let mut wrong = String::new();
    let mut rows = 0;
    for line in table.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some("Error" | "Warning"), Some(_)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if !name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            continue;
        }
        rows += 1;
        let used = sources.match_indices(&format!("codes::{name}")).any(|(at, found)| {
            sources[at + found.len()..]
                .chars()
                .next()
                .is_none_or(|next| !next.is_ascii_uppercase() && next != '_')
        });
        if !used {
            let _ = writeln!(wrong, "nothing reports {name}");
        }
    }
    assert_eq!(rows, codes::ALL.len(), "the table was read wrongly");
    assert_none(&wrong);
}

#[test]
fn ops_have_examples_and_words_for_everything() {
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for def in REGISTRY {
        if !seen.insert(def.name) {
            let _ = writeln!(wrong, "the op {} stands twice", def.name);
        }
        if def.summary.is_empty() || def.outputs.is_empty() {
            let _ = writeln!(wrong, "the op {} lacks a summary or results", def.name);
        }
        let texts = def.params.iter().map(|p| p.doc).chain(def.inputs.iter().map(|i| i.doc));
        if texts.into_iter().any(str::is_empty) {
            let _ = writeln!(wrong, "the op {} does not explain all that it takes", def.name);
        }
        if def.callable && !def.example.contains(def.name) {
            let _ = writeln!(wrong, "the example of {} does not call it", def.name);
        }
        let mut diags = Diags::default();
        parse::parse(FileId(0), &format!("let y = {}", def.example), &mut diags);
        if def.callable && !diags.is_empty() {
            let _ = writeln!(wrong, "the example of {} does not parse: {}", def.name, said(&diags.sorted()));
        }
    }
    assert_none(&wrong);
}

#[test]
fn warnings_are_lints() {
    for code in codes::ALL {
        let lint = code.id.starts_with("phg::lint::") || code.id == "phg::parse::pipe_operand";
        assert_eq!(lint, code.severity == Severity::Warning, "{}", code.id);
    }
}

#[test]
fn messages_of_the_corpus_keep_to_the_style() {
    let mut wrong = String::new();
    for (path, text) in files("tests/ui", ".phg") {
        if path.contains("/parts/") || path.contains("/import/") {
            continue;
        }
        let (_, mut diags) = corpus::diagnose(&path, &text, &NoFiles);
        let mut parsed = Diags::default();
        parse::parse(FileId(0), &text, &mut parsed);
        diags.extend(parsed.sorted());
        for diag in diags {
            let message = &diag.message;
            if message.ends_with('.') || message.contains('\n') || message.starts_with(char::is_uppercase) {
                let _ =
                    writeln!(wrong, "{path}: `{message}` is not one line in lower case without a full stop");
            }
            if ["Some(", "None", "Vec<", "Ident", "usize", "Rc<"].iter().any(|word| message.contains(word)) {
                let _ = writeln!(wrong, "{path}: `{message}` speaks of the compiler's own types");
            }
            if diag.labels.iter().any(|label| label.text.is_empty()) {
                let _ = writeln!(wrong, "{path}: `{message}` has a label without words");
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn source_files_have_headers_and_are_short() {
    let mut wrong = String::new();
    for folder in ["compiler", "runtime", "src", "tests", "examples"] {
        for (path, text) in files(folder, ".rs") {
            if !text.starts_with("//! ") {
                let _ = writeln!(wrong, "{path} does not begin with a header `//! ...`");
            }
            let lines = text.lines().count();
            if lines > 600 {
                let _ = writeln!(wrong, "{path} has {lines} lines: split it");
            }
        }
    }
    assert_none(&wrong);
}
