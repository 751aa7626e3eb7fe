//! `phgc show`: what a spec compiles to, at every stage.

use phg_compiler::ir::dim::Sizes;
use phg_compiler::ir::{graph::Graph, print, view};
use phg_compiler::plan::cost::cost;
use phg_compiler::plan::print as plan_print;
use phg_compiler::source::SourceMap;
use phg_compiler::{Network, diag::Diags, parse, passes};
use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use serde_json::json;

use crate::args::{Drawing, Show};
use crate::failure::{self, Failure};
use crate::{Outcome, spec};

const STAGES: &str = "ast, graph, facts, plan, cost, or after:PASS";

/// Prints one stage.
pub(crate) fn run(args: &Show) -> Outcome {
    if args.emit == "ast" {
        return ast(args);
    }
    for name in &args.without {
        known_pass(name, "--without")?;
    }
    let compiled = spec::load(&args.spec, &args.compile)?;
    let network = &compiled.network;
    let mode = spec::mode(args.mode.unwrap_or_default());
    match args.emit.as_str() {
        "graph" => graph(&chosen(network, args), args.format),
        "facts" => match args.format {
            Drawing::Text => print!("{}", print::facts(&chosen(network, args))),
            Drawing::Json | Drawing::Dot | Drawing::Mermaid => {
                graph(&chosen(network, args), args.format);
            }
        },
        "plan" => {
            let plan = network.plan_without(mode, &args.without);
            match args.format {
                Drawing::Text => print!("{}", plan_print::plan(&plan)),
                Drawing::Json => failure::print_json(&json!(plan)),
                Drawing::Dot | Drawing::Mermaid => {
                    graph(&network.graph_for(mode, None, &args.without).0, args.format);
                }
            }
        }
        "cost" => {
            drawable(args)?;
            let [h, w] = args.size.unwrap_or_else(|| network.default_size());
            let sizes = Sizes { n: args.batch, h, w };
            network
                .bind(&sizes)
                .map_err(|diags| Failure::Spec { sources: compiled.sources.clone(), diags })?;
            let cost = cost(&network.plan_without(mode, &args.without), &sizes);
            match args.format {
                Drawing::Json => failure::print_json(&json!(cost)),
                Drawing::Text | Drawing::Dot | Drawing::Mermaid => print!("{}", plan_print::cost(&cost)),
            }
        }
        other => match other.strip_prefix("after:") {
            Some(pass) => {
                known_pass(pass, "--emit after:PASS")?;
                graph(&network.graph_for(mode, Some(pass), &args.without).0, args.format);
            }
            None => {
                let message = format!("there is no stage `{other}`");
                return Err(Error::new("phg::name::unknown", Kind::Usage, message)
                    .at("--emit")
                    .help(format!("stages are {STAGES}"))
                    .into());
            }
        },
    }
    Ok(())
}

/// The graph as it was elaborated, or after the passes of the mode that is asked for.
fn chosen(network: &Network, args: &Show) -> Graph {
    match args.mode {
        None => network.graph().clone(),
        Some(mode) => network.graph_for(spec::mode(mode), None, &args.without).0,
    }
}

/// Refuses to draw what has no nodes.
fn drawable(args: &Show) -> Outcome {
    match args.format {
        Drawing::Text | Drawing::Json => Ok(()),
        Drawing::Dot | Drawing::Mermaid => {
            Err(Error::new(codes::USAGE_ARGUMENTS, Kind::Usage, format!("`{}` is no drawing", args.emit))
                .at("--format")
                .help("write `--format text` or `json`; `graph`, `facts` and `plan` can be drawn")
                .into())
        }
    }
}

fn known_pass(name: &str, flag: &str) -> Outcome {
    let names: Vec<&str> = passes::PIPELINE.iter().map(|pass| pass.name).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let message = format!("there is no pass `{name}`");
    Err(Error::new("phg::name::unknown", Kind::Usage, message)
        .at(flag)
        .help(format!("passes are {}", names.join(", ")))
        .into())
}

fn graph(graph: &Graph, format: Drawing) {
    match format {
        Drawing::Text => print!("{}", print::graph(graph)),
        Drawing::Json => failure::print_json(&json!(view::view(graph))),
        Drawing::Dot => print!("{}", view::dot(graph)),
        Drawing::Mermaid => print!("{}", view::mermaid(graph)),
    }
}

/// The syntax tree of the file alone, which need not compile.
fn ast(args: &Show) -> Outcome {
    drawable(args)?;
    let text = spec::read(&args.spec)?;
    let mut sources = SourceMap::default();
    let file = sources.add(args.spec.display().to_string(), text.clone());
    let mut diags = Diags::default();
    let tree = parse::parse(file, &text, &mut diags);
    if diags.has_errors() {
        return Err(Failure::Spec { sources, diags: diags.sorted() });
    }
    match args.format {
        Drawing::Json => failure::print_json(&json!({ "format": 1, "ast": tree })),
        Drawing::Text | Drawing::Dot | Drawing::Mermaid => print!("{}", parse::print_ast(&tree)),
    }
    Ok(())
}
