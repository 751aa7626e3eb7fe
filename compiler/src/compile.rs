//! The whole way: text to a checked network, and from there to plans.

use crate::diag::{Diag, Diags, codes};
use crate::elaborate::{self, Limits};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::{Dim, Sizes, Symbol};
use crate::ir::fact::Fact;
use crate::ir::graph::Graph;
use crate::ir::solve;
use crate::passes::{self, Change};
use crate::plan::cost::{self, Cost};
use crate::plan::{Mode, Plan, lower};
use crate::resolve::{self, Program};
use crate::settings::Training;
use crate::source::{NoFiles, Provider, SourceMap, Span};

/// What to compile.
pub struct Request<'a> {
    /// What messages call the spec: its path.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Parameters and settings that replace the spec's: `("K", "4")`, `("train.batch", "2")`.
    pub sets: &'a [(String, String)],
    /// Where imported files come from.
    pub provider: &'a dyn Provider,
    /// What bounds the work.
    pub limits: Limits,
    /// Compile with each bool parameter turned as well, and say when that breaks; each takes as long as the spec.
    pub both_ways: bool,
}

impl<'a> Request<'a> {
    /// A spec that imports nothing but the standard library.
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text, sets: &[], provider: &NoFiles, limits: Limits::default(), both_ways: false }
    }
}

/// The outcome of a compilation.
#[derive(Debug)]
pub struct Compilation {
    /// Every file that took part.
    pub sources: SourceMap,
    /// Errors and lints, in the order of the sources.
    pub diags: Vec<Diag>,
    /// The network, unless there were errors.
    pub network: Option<Network>,
}

impl Compilation {
    /// The diagnostics, ready to be drawn.
    pub fn reports(&self) -> Vec<crate::diag::Report> {
        self.diags.iter().map(|diag| crate::diag::Report::new(diag, &self.sources)).collect()
    }
}

/// A network that was proved: every value has a fact, every guard and phase holds.
#[derive(Clone, Debug)]
pub struct Network {
    /// What the spec is called.
    pub name: String,
    /// The first lines of its documentation.
    pub doc: Vec<String>,
    /// Its parameters, resolved, as they would be written.
    pub params: Vec<(String, String)>,
    /// How it is trained.
    pub training: Training,
    /// Number of classes, void included.
    pub classes: usize,
    /// A hash of the graph as text, of parameters and settings: what makes two specs the same.
    pub hash: String,
    graph: Graph,
    limits: Limits,
}

/// Compiles a spec. Mistakes are in the result, several of them if they are independent.
pub fn compile(request: &Request<'_>) -> Compilation {
    let mut sources = SourceMap::default();
    let mut diags = Diags::default();
    let program =
        resolve::load(request.name, request.text, request.sets, request.provider, &mut sources, &mut diags);
    // A file that does not parse would drown its real mistakes in names that it seems to lack.
    let network = if diags.has_errors() {
        None
    } else {
        let unused = resolve::check_names(&program, &mut diags);
        let network = network(&program, request, &mut diags);
        if !diags.has_errors() {
            unused.into_iter().for_each(|diag| diags.push(diag));
        }
        network
    };
    Compilation { sources, diags: diags.sorted(), network }
}

fn network(program: &Program, request: &Request<'_>, diags: &mut Diags) -> Option<Network> {
    let built = elaborate::elaborate(program, &request.limits, diags);
    if diags.has_errors() {
        return None;
    }
    if let Some(diag) = crate::check::impossible(&built.graph) {
        diags.push(diag);
        return None;
    }
    crate::check::lints(&built.graph, built.training.batch, diags);
    if request.both_ways {
        // Each turn costs as much as the spec itself: large specs with many switches have some of them turned only.
        let turns = (TURNED_NODES / (built.graph.len() + built.switches.len()).max(1)).max(4);
        flips(program, request, built.switches.get(..turns).unwrap_or(&built.switches), diags);
    }
    let hash = blake3::hash(
        format!("{}{:?}{:?}", crate::ir::print::graph(&built.graph), built.params, built.training).as_bytes(),
    );
    Some(Network {
        name: request.name.to_owned(),
        doc: program.doc.clone(),
        params: built.params,
        training: built.training,
        classes: built.classes,
        hash: hash.to_hex().to_string(),
        graph: built.graph,
        limits: request.limits,
    })
}

/// Turning switches elaborates about so many operations in all.
const TURNED_NODES: usize = 200_000;

/// Elaborates again with each bool parameter turned, and says when that breaks.
fn flips(program: &Program, request: &Request<'_>, switches: &[(String, bool)], diags: &mut Diags) {
    for (name, on) in switches {
        let mut turned = program.clone();
        let Some(param) = turned.modules.first().and_then(|module| {
            module.ast.items.iter().find_map(|item| {
                if let crate::ast::ItemKind::Param(param) = &item.kind {
                    (param.name.node == *name).then(|| param.clone())
                } else {
                    None
                }
            })
        }) else {
            continue;
        };
        let value =
            crate::ast::Expr { kind: Box::new(crate::ast::ExprKind::Bool(!on)), span: param.default.span };
        turned.overrides.push(resolve::Override { name: param.name.clone(), value });
        let mut found = Diags::default();
        let built = elaborate::elaborate(&turned, &request.limits, &mut found);
        if !found.has_errors() {
            crate::check::impossible(&built.graph).into_iter().for_each(|diag| found.push(diag));
        }
        if let Some(error) = found.iter().find(|diag| diag.is_error()) {
            let mut diag = Diag::new(
                &codes::LINT_FLIP,
                format!("with `{name} = {}` the spec does not compile: {}", !on, error.message),
                param.name.span,
                format!("`{name} = {}` breaks the spec", !on),
            );
            if let Some(span) = error.span() {
                diag = diag.because(span, error.labels.first().map_or("here", |label| label.text.as_str()));
            }
            diags.push(diag.maybe_help(error.help.clone()));
        }
    }
}

impl Network {
    /// The graph as elaborated, before any pass.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph that `mode` executes, after its passes; `until` stops after that pass, `off` leaves passes out.
    pub fn graph_for(&self, mode: Mode, until: Option<&str>, off: &[String]) -> (Graph, Vec<Change>) {
        let mut graph = self.graph.clone();
        let changes = passes::run(&mut graph, mode, until, off);
        (graph, changes)
    }

    /// The plan that `mode` executes.
    pub fn plan(&self, mode: Mode) -> Plan {
        self.plan_without(mode, &[])
    }

    /// The plan that `mode` executes when the passes named in `off` are left out.
    pub fn plan_without(&self, mode: Mode, off: &[String]) -> Plan {
        lower::lower(&self.graph_for(mode, None, off).0, mode)
    }

    /// What `mode` costs at `sizes`.
    pub fn cost(&self, mode: Mode, sizes: &Sizes) -> Cost {
        cost::cost(&self.plan(mode), sizes)
    }

    /// Rows and columns that the spec trains at, or the paper's 384 x 768.
    pub fn default_size(&self) -> [usize; 2] {
        self.training.augment.crop.or(self.training.resize).unwrap_or([384, 768])
    }

    /// Checks what the spec demands of the sizes of its input, and that no value is larger than the limit.
    ///
    /// # Errors
    /// One diagnostic for each broken constraint, with the nearest sizes that work; if all hold, one for the
    /// first value that is too large.
    pub fn bind(&self, sizes: &Sizes) -> Result<(), Vec<Diag>> {
        let all: Vec<&Constraint> = self.graph.constraints.iter().filter(|each| !each.holds(sizes)).collect();
        // An exact division inside a stated shape is the cause, the shape only what follows from it.
        let follows = |span: Span| {
            all.iter().any(|other| {
                let inside = span.start <= other.span.start && other.span.end <= span.end;
                matches!(other.kind, ConstraintKind::Multiple(..)) && other.span.file == span.file && inside
            })
        };
        let help = (!all.is_empty())
            .then(|| solve::nearest(&self.graph.constraints, sizes))
            .flatten()
            .map(|Sizes { n, h, w }| {
                let size = format!("{h}x{w} (HxW)");
                if n == sizes.n {
                    format!("the nearest size that works is {size}: `--size {h}x{w}`")
                } else {
                    format!("what works next is a batch of {n} and {size}: `batch = {n}` in `train`, `--size {h}x{w}`")
                }
            });
        let mut broken: Vec<Diag> = all
            .iter()
            .filter(|constraint| {
                matches!(constraint.kind, ConstraintKind::Multiple(..)) || !follows(constraint.span)
            })
            .map(|constraint| {
                let images = match sizes.n {
                    _ if !constraint.kind.symbols().contains(&Symbol::N) => String::new(),
                    1 => "a batch of 1 image of ".to_owned(),
                    n => format!("a batch of {n} images of "),
                };
                let formula = constraint.formula();
                Diag::new(
                    &codes::SIZE_CONSTRAINT,
                    format!("{images}{}x{} (HxW) breaks the constraint that {formula}", sizes.h, sizes.w),
                    constraint.span,
                    constraint.asks(),
                )
                .maybe_help(help.clone())
            })
            .collect();
        if broken.is_empty() {
            broken.extend(self.too_large(sizes));
        }
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    /// The first value that has more numbers than the limit allows at these sizes.
    fn too_large(&self, sizes: &Sizes) -> Option<Diag> {
        let count = |dims: &Vec<Dim>| {
            dims.iter()
                .try_fold(1u64, |product, dim| product.checked_mul(u64::try_from(dim.eval(sizes)?).ok()?))
        };
        let (node, fact, id) = self.graph.nodes().find_map(|id| {
            let large = |fact: &&Fact| {
                !fact.tensors().iter().all(|t| count(t).is_some_and(|n| n <= self.limits.tensor))
            };
            let fact = self.graph.facts(id).iter().find(large)?;
            Some((self.graph.get(id)?, fact, id))
        })?;
        let limit = self.limits.tensor;
        let mut diag = Diag::new(
            &codes::LIMIT_TENSOR,
            format!("{fact} has more than {limit} numbers for {} images of {}x{} (HxW)", sizes.n, sizes.h, sizes.w),
            node.origin.span,
            "this value is too large",
        )
        .help("take fewer channels, smaller images or a smaller batch; `--limit tensor=NUMBER` raises the limit");
        if let Some(made) = self.graph.operands(id).first().and_then(|wire| self.graph.get(wire.node)) {
            diag = diag.because(made.origin.span, "made from this");
        }
        diag.trace = node.origin.trace();
        Some(diag)
    }
}
