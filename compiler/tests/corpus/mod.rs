//! Directives of specs that tests compile: `//@ set K=4`, `//@ limit nodes=100`, `//@ size 181x240`.
//!
//! Comes in: a spec's text. Goes out: what a test passes to the compiler beside it, and what the compiler says.

use phg_compiler::diag::Diag;
use phg_compiler::elaborate::Limits;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::source::{Provider, SourceMap};
use phg_compiler::{Compilation, Request, compile};

/// What a spec's directives ask for.
#[derive(Default)]
pub(crate) struct Setup {
    /// As `--set`.
    pub(crate) sets: Vec<(String, String)>,
    /// As `--limit`.
    pub(crate) limits: Limits,
    /// Rows and columns to bind.
    pub(crate) size: Option<Sizes>,
}

/// Reads the directives of a spec.
pub(crate) fn setup(text: &str) -> Setup {
    let mut setup = Setup::default();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("//@ ") else { continue };
        let rest = rest.split("//~").next().unwrap_or(rest).trim();
        let (word, what) = rest.split_once(' ').expect("a directive has an argument");
        match word {
            "set" => {
                let (key, value) = what.split_once('=').expect("//@ set K=4");
                setup.sets.push((key.to_owned(), value.to_owned()));
            }
            "limit" => {
                let (name, value) = what.split_once('=').expect("//@ limit nodes=100");
                let limits = &mut setup.limits;
                match name {
                    "nodes" => limits.nodes = value.parse().unwrap(),
                    "depth" => limits.depth = value.parse().unwrap(),
                    "steps" => limits.steps = value.parse().unwrap(),
                    "parameters" => limits.parameters = value.parse().unwrap(),
                    "tensor" => limits.tensor = value.parse().unwrap(),
                    other => panic!("there is no limit `{other}`"),
                }
            }
            "size" => {
                let (h, w) = what.split_once('x').expect("//@ size 181x240");
                setup.size = Some(Sizes { n: 1, h: h.parse().unwrap(), w: w.parse().unwrap() });
            }
            other => panic!("there is no directive `{other}`"),
        }
    }
    setup
}

/// Compiles a spec as its directives say, binds the sizes that they give, and returns all diagnostics.
pub(crate) fn diagnose(name: &str, text: &str, provider: &dyn Provider) -> (SourceMap, Vec<Diag>) {
    let setup = setup(text);
    let request = Request { name, text, sets: &setup.sets, provider, limits: setup.limits, both_ways: true };
    let Compilation { sources, mut diags, network } = compile(&request);
    if let (Some(network), Some(size)) = (network, setup.size) {
        diags.extend(network.bind(&size).err().into_iter().flatten());
    }
    (sources, diags)
}
