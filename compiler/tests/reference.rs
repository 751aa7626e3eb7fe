//! Documentation that cannot go stale: the generated reference is current, and examples do what they say.
//!
//! `UPDATE_DOCS=1 cargo test -p phg-compiler --test reference` writes `docs/reference/ops.md`.

#[path = "shipped/files.rs"]
mod files;

use std::fmt::Write;
use std::path::PathBuf;

use phg_compiler::diag::{Diag, Diags};
use phg_compiler::elaborate::builtins;
use phg_compiler::ops::{OpDef, REGISTRY};
use phg_compiler::settings::{AUGMENT, RULES, SETTINGS, SettingDoc, Training};
use phg_compiler::source::{FileId, Provider};
use phg_compiler::{Request, compile, parse};

use files::{Files, root};

const HEAD: &str = "# Ops, functions, settings

<!-- Generated from the compiler's own tables; UPDATE_DOCS=1 cargo test -p phg-compiler --test reference -->

What composes these is in [the standard library](../../specs/std); how they read in a network is told in
[the language by example](../language/README.md).
";

/// A cell of a table: bars would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn op(def: &OpDef, out: &mut String) {
    let _ = writeln!(
        out,
        "\n### {}\n\n{}.\n\n```phg parse\nlet y = {}\n```\n",
        def.name, def.summary, def.example
    );
    if !def.inputs.is_empty() {
        out.push_str("| input | |\n|---|---|\n");
        for input in def.inputs {
            let mut notes = vec![cell(input.doc)];
            if input.variadic {
                notes.push("any number of them, or a list".to_owned());
            }
            if input.named {
                notes.push(format!("named: `{}: x`", input.name));
            }
            if input.optional {
                notes.push("may be left out".to_owned());
            }
            let _ = writeln!(out, "| `{}` | {} |", input.name, notes.join("; "));
        }
        out.push('\n');
    }
    if !def.params.is_empty() {
        out.push_str("| parameter | takes | default | |\n|---|---|---|---|\n");
        for param in def.params {
            let default = param.default.map_or_else(|| "required".to_owned(), |text| format!("`{text}`"));
            let _ = writeln!(
                out,
                "| `{}` | {} | {default} | {} |",
                param.name,
                cell(&param.ty.describe()),
                cell(param.doc)
            );
        }
        out.push('\n');
    }
    if def.outputs.len() > 1 {
        let _ = writeln!(out, "Gives `({})`.", def.outputs.join(", "));
    }
}

fn settings(title: &str, list: &[SettingDoc], out: &mut String) {
    let _ = writeln!(out, "\n{title}\n\n| setting | without it | |\n|---|---|---|");
    for setting in list {
        let text = format!("{} = {}", setting.name, setting.example).replace("= {", "{");
        let _ = writeln!(out, "| `{}` | {} | {} |", cell(&text), cell(setting.default), cell(setting.doc));
    }
}

/// The whole page.
fn reference() -> String {
    let mut out = HEAD.to_owned();
    let mut defs: Vec<&OpDef> = REGISTRY.iter().copied().filter(|def| def.callable).collect();
    defs.sort_by_key(|def| def.name);
    let names: Vec<String> = defs.iter().map(|def| format!("[{0}](#{0})", def.name)).collect();
    let _ = writeln!(
        out,
        "\n## Ops\n\n{}\n\nAnd `+ - * /` on values of the network, with numbers on either side.",
        names.join(" · ")
    );
    for def in defs {
        op(def, &mut out);
    }
    out.push_str("\n## Functions\n\nEvaluated when the spec is compiled.\n\n| function | |\n|---|---|\n");
    for (call, doc) in builtins::DOCS {
        let _ = writeln!(out, "| `{}` | {} |", cell(call), cell(doc));
    }
    settings("## Training settings", SETTINGS, &mut out);
    settings("### Augmentation", AUGMENT, &mut out);
    out.push_str("\n### Optimisers and schedules\n\nWith their defaults.\n\n| rule | |\n|---|---|\n");
    for rule in RULES {
        let _ = writeln!(out, "| `{}` | {} |", cell(rule.example), cell(rule.doc));
    }
    out
}

#[test]
fn the_reference_is_current() {
    let path = root().join("docs/reference/ops.md");
    let now = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == now,
        "docs/reference/ops.md is stale: UPDATE_DOCS=1 cargo test -p phg-compiler --test reference"
    );
}

/// Imports of examples are looked up beside the shipped specs.
struct Examples;

impl Provider for Examples {
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String> {
        Files.load(from, path).or_else(|_| Files.load("specs/example.phg", path))
    }
}

fn diagnostics(text: &str) -> Vec<Diag> {
    compile(&Request { provider: &Examples, both_ways: true, ..Request::new("specs/example.phg", text) })
        .diags
}

/// A fenced example: where it stands, what its mark says, its text.
struct Example {
    place: String,
    mark: String,
    text: String,
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Pages of errors have a test of their own, beside the errors.
            if path.is_dir() && !path.ends_with("docs/errors") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.retain(|page| page.exists());
    pages.sort();
    pages
}

fn examples() -> Vec<Example> {
    let mut found = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let mut open: Option<Example> = None;
        for (at, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => {
                    found.extend(open.take().filter(|example| example.mark.starts_with("phg")))
                }
                (Some(mark), None) => {
                    let place = format!("{}:{}", page.display(), at + 1);
                    open = Some(Example { place, mark: mark.trim().to_owned(), text: String::new() });
                }
                (None, Some(example)) => {
                    example.text.push_str(line);
                    example.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: an example is not closed", page.display());
    }
    found
}

/// `phg`: compiles without a diagnostic. `phg parse`: is syntax. `phg fails CODE`: gives that error.
#[test]
fn every_example_does_what_its_mark_says() {
    let examples = examples();
    assert!(examples.iter().filter(|example| example.mark == "phg").count() >= 10, "the pages are not found");
    let mut wrong = String::new();
    for Example { place, mark, text } in &examples {
        match mark.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["phg"] => {
                let found = diagnostics(text);
                if !found.is_empty() {
                    let _ = writeln!(wrong, "{place}: does not compile cleanly: {found:#?}");
                }
            }
            ["phg", "parse"] => {
                let mut found = Diags::default();
                let _ = parse::parse(FileId(0), text, &mut found);
                if !found.is_empty() {
                    let _ = writeln!(wrong, "{place}: does not parse: {found:#?}");
                }
            }
            ["phg", "fails", code] => {
                let codes: Vec<&str> = diagnostics(text).iter().map(|diag| diag.code.id).collect();
                if codes != [*code] {
                    let _ = writeln!(wrong, "{place}: gives {codes:?}");
                }
            }
            _ => {
                let _ = writeln!(wrong, "{place}: the mark `{mark}` is not known");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Specs in `examples/` compile; a file of blocks is compiled through those that import it.
#[test]
fn every_example_spec_compiles() {
    let mut networks = 0;
    let mut folders = vec!["examples".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(name);
            } else if name.ends_with(".phg") {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                if text.contains("\noutput ") || text.contains("\nextend ") {
                    networks += 1;
                    let found =
                        compile(&Request { provider: &Files, both_ways: true, ..Request::new(&name, &text) })
                            .diags;
                    assert!(found.is_empty(), "{name}: {found:#?}");
                }
            }
        }
    }
    assert!(networks >= 3, "the examples are not found");
}

/// A file that a page refers to exists.
#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: `{link}` leads nowhere", page.display());
        }
    }
}

fn training(settings: &str) -> Result<Training, Vec<Diag>> {
    let text = format!(
        "input image: float[N, 3, H, W]\ninput labels: class(4)[N, H, W]\nencoder {{ let x = image |> conv(4) }}\nlet logits = x |> conv(4)\n\
         output y = softmax(logits)\nloss {{ l = cross_entropy(logits, labels) }}\n{settings}"
    );
    let outcome = compile(&Request::new("settings", &text));
    if outcome.diags.is_empty() { Ok(outcome.network.unwrap().training) } else { Err(outcome.diags) }
}

/// The tables of settings are what the compiler takes, and the defaults of rules are theirs.
#[test]
fn settings_read_as_the_reference_writes_them() {
    let assignment =
        |setting: &SettingDoc| format!("{} = {}", setting.name, setting.example).replace("= {", "{");
    for setting in SETTINGS {
        let found = training(&format!("train {{ {} }}", assignment(setting)));
        assert_ne!(found, Ok(training("").unwrap()), "{} changes nothing", setting.name);
        assert!(found.is_ok(), "{}: {found:#?}", setting.name);
    }
    for setting in AUGMENT {
        let found = training(&format!("train {{ augment {{ {} }} }}", assignment(setting)));
        assert_ne!(found, Ok(training("").unwrap()), "{} changes nothing", setting.name);
        assert!(found.is_ok(), "{}: {found:#?}", setting.name);
    }
    for rule in RULES {
        let group = if matches!(rule.name, "adam" | "adamw" | "sgd") { "optimizer" } else { "schedule" };
        let bare = training(&format!("train {{ {group} = {} }}", rule.name)).unwrap();
        let full = training(&format!("train {{ {group} = {} }}", rule.example)).unwrap();
        assert_eq!(bare, full, "{}", rule.name);
    }
}
