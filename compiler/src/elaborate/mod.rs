//! Elaboration: a program is run once, at compile time, and leaves a graph behind.
//!
//! Comes in: a [`Program`]. Goes out: a [`Graph`] with a fact for every value, the resolved parameters and
//! training settings. Guaranteed: it always ends, within [`Limits`], and counts before it allocates.
//! A mistake poisons the values that depend on it, so one mistake gives one diagnostic.

pub(crate) mod argument;
mod arith;
mod bind;
pub mod builtins;
mod call;
mod expr;
mod replay;
mod scope;
mod section;
mod statement;
mod training;
mod tuning;
pub mod value;

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ast::{self, ItemKind};
use crate::diag::{Diag, Diags, codes, did_you_mean};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::ir::graph::{Graph, GraphInput, Node, NodeId, Origin, Phase, Via, Wire};
use crate::ops::{self, Infer, Op, Operand, WeightDecl};
use crate::plan::InputKind;
use crate::resolve::Program;
use crate::settings::Training;
use crate::source::Span;
use scope::Scope;
use value::{Excess, Flow, Value};

/// What bounds elaboration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations in the graph.
    pub nodes: usize,
    /// Blocks called from within blocks, lists within lists.
    pub depth: usize,
    /// Expressions evaluated and entries of lists made.
    pub steps: u64,
    /// Trainable and running parameters.
    pub parameters: u64,
    /// Numbers in one value, once sizes are bound.
    pub tensor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: 200_000, depth: 64, steps: 20_000_000, parameters: 10_000_000_000, tensor: 1 << 36 }
    }
}

/// What a program leaves behind.
#[derive(Debug)]
pub struct Elaborated {
    /// The network; incomplete when there were errors.
    pub graph: Graph,
    /// The spec's parameters, resolved, as they would be written.
    pub params: Vec<(String, String)>,
    /// The spec's bool parameters that may be flipped, with their values.
    pub switches: Vec<(String, bool)>,
    /// The training settings.
    pub training: Training,
    /// Number of classes, void included: that of the labels, or of the first output.
    pub classes: usize,
}

/// Parameters with their values as they would be written.
type Resolved = Vec<(String, String)>;
/// Bool parameters with their values.
type Switches = Vec<(String, bool)>;

/// Runs `program`; mistakes go to `diags`.
pub fn elaborate(program: &Program, limits: &Limits, diags: &mut Diags) -> Elaborated {
    let mut run = Elaborator {
        program,
        limits: *limits,
        diags,
        graph: Graph::default(),
        scope: Scope::default(),
        module: 0,
        at: Place::default(),
        via: None,
        depth: 0,
        steps: 0,
        parameters: 0,
        stopped: false,
        taken: FxHashMap::default(),
        owners: FxHashMap::default(),
        constraints: FxHashSet::default(),
        blocks: Vec::new(),
        in_loss: false,
        only_result: None,
    };
    run.program()
}

/// Where in the network's tree of names we are.
#[derive(Clone, Debug)]
struct Place {
    /// The prefix of node paths.
    path: Rc<str>,
    /// Inside a layer: the node prefix of this call of it, and the prefix of its parameters.
    layer: Option<(Rc<str>, Rc<str>)>,
    /// The section.
    section: Arc<str>,
    /// When nodes made here exist.
    phase: Phase,
}

impl Default for Place {
    fn default() -> Self {
        Self { path: Rc::from(""), layer: None, section: Arc::from(""), phase: Phase::Always }
    }
}

struct Elaborator<'a> {
    program: &'a Program,
    limits: Limits,
    diags: &'a mut Diags,
    graph: Graph,
    scope: Scope,
    /// The module whose blocks names refer to.
    module: usize,
    at: Place,
    via: Option<Arc<Via>>,
    depth: usize,
    steps: u64,
    parameters: u64,
    /// A limit was met: nothing is elaborated any more.
    stopped: bool,
    /// How often each path was asked for.
    taken: FxHashMap<Rc<str>, u32>,
    /// Which weights each parameter prefix owns, and who said so first.
    owners: FxHashMap<Arc<str>, (Vec<WeightDecl>, Span)>,
    /// Constraints that the graph has: a chain of convolutions asks for the same thing again and again.
    constraints: FxHashSet<ConstraintKind>,
    /// Blocks being instantiated, outermost first.
    blocks: Vec<Arc<ast::Block>>,
    in_loss: bool,
    /// The block that is being instantiated, if it has one result: that lends no name to paths.
    only_result: Option<Arc<ast::Block>>,
}

impl Elaborator<'_> {
    fn program(&mut self) -> Elaborated {
        let program = self.program;
        let Some(root) = program.modules.first() else {
            return self.finish(Vec::new(), Vec::new());
        };
        let tree = Arc::clone(&root.ast);
        for (name, dim) in [("N", Dim::n()), ("H", Dim::h()), ("W", Dim::w())] {
            self.scope.bind_builtin(name, Value::Size(dim));
        }
        let (params, switches) = self.params(&tree);
        for item in &tree.items {
            match &item.kind {
                ItemKind::Input(input) => self.input(input),
                ItemKind::Section(section) => self.section(section, item.span),
                ItemKind::Statement(statement) => self.statement(statement),
                ItemKind::Output(output) => self.output(output),
                ItemKind::Loss(loss) => self.loss(loss, item.span),
                ItemKind::Use(_)
                | ItemKind::Extend(_)
                | ItemKind::Param(_)
                | ItemKind::Block(_)
                | ItemKind::Train(_) => {}
            }
        }
        if self.graph.outputs.is_empty() && !self.diags.has_errors() {
            self.diags.push(
                Diag::new(
                    &codes::OUTPUT_MISSING,
                    "the network has no output",
                    tree.span,
                    "no `output` in this file",
                )
                .help("name the result: `output segmentation = softmax(logits)`"),
            );
        }
        self.finish(params, switches)
    }

    fn finish(&mut self, params: Vec<(String, String)>, switches: Vec<(String, bool)>) -> Elaborated {
        let training = self.training();
        let labels = self.graph.inputs.iter().find_map(|input| match input.kind {
            InputKind::Labels { classes } => Some(classes),
            InputKind::Image => None,
        });
        let channels = self.graph.outputs.iter().find_map(|output| match self.graph.fact(output.wire) {
            Some(Fact::Map { channels, .. }) => Some(*channels),
            _ => None,
        });
        Elaborated {
            graph: std::mem::take(&mut self.graph),
            params,
            switches,
            training,
            classes: labels.or(channels).unwrap_or(0),
        }
    }

    /// Evaluates the spec's parameters in order, with what `extend` and `--set` put in their place.
    fn params(&mut self, tree: &ast::File) -> (Resolved, Switches) {
        let program = self.program;
        let (mut resolved, mut switches) = (Vec::new(), Vec::new());
        let declared: Vec<&ast::Param> = tree
            .items
            .iter()
            .filter_map(|item| if let ItemKind::Param(param) = &item.kind { Some(param) } else { None })
            .collect();
        for over in &program.overrides {
            if !declared.iter().any(|param| param.name.node == over.name.node) {
                let known = declared.iter().map(|param| param.name.node.as_str());
                let help = did_you_mean(&over.name.node, known);
                self.diags.push(
                    Diag::new(
                        &codes::PARAM_UNKNOWN,
                        format!("the spec has no parameter `{}`", over.name.node),
                        over.name.span,
                        "no such parameter",
                    )
                    .maybe_help(help),
                );
            }
        }
        for param in declared {
            let over = program.overrides.iter().rev().find(|over| over.name.node == param.name.node);
            let expr = over.map_or(&param.default, |over| &over.value);
            let words = bind::words_of(&param.ty.node);
            let (value, span) = self.eval_word(expr, &words);
            let value = self.check_type(&value, &param.ty, span, &param.name.node);
            if let Value::Bool(on) = value {
                switches.push((param.name.node.clone(), on));
            }
            resolved.push((param.name.node.clone(), value.source()));
            self.bind(&param.name, value);
        }
        (resolved, switches)
    }

    fn input(&mut self, input: &ast::Input) {
        let (fact, kind) = match &input.ty.node {
            ast::Type::Shaped { dims, .. } => {
                let Some(dims) = self.dims(dims) else { return self.bind(&input.name, Value::Poison) };
                match dims.as_slice() {
                    [_, channels, height, width] if channels.as_constant() == Some(3) => (
                        Fact::Map { channels: 3, height: height.clone(), width: width.clone() },
                        InputKind::Image,
                    ),
                    _ => return self.bad_input(input),
                }
            }
            ast::Type::Class { classes, dims } => {
                let count = self.eval(classes);
                let Some(dims) = self.dims(dims) else { return self.bind(&input.name, Value::Poison) };
                match (count, dims.as_slice()) {
                    (Value::Int(count @ 1..=255), [_, height, width]) => {
                        let classes = count as usize;
                        let fact = Fact::Labels { classes, height: height.clone(), width: width.clone() };
                        (fact, InputKind::Labels { classes })
                    }
                    (Value::Poison, _) => return self.bind(&input.name, Value::Poison),
                    _ => return self.bad_input(input),
                }
            }
            ast::Type::Name(_) | ast::Type::List(_) | ast::Type::Enum(_) => return self.bad_input(input),
        };
        let phase = if matches!(kind, InputKind::Labels { .. }) { Phase::Training } else { Phase::Always };
        let op = Op::Input(ops::Input { name: input.name.node.clone(), fact: fact.clone() });
        let path: Arc<str> = Arc::from(input.name.node.as_str());
        let node = Node {
            path: Arc::clone(&path),
            params: path,
            section: Arc::from(""),
            op,
            phase,
            origin: Origin { span: input.name.span, via: None },
        };
        let id = self.graph.add(node, &[], vec![fact]);
        self.graph.inputs.push(GraphInput { name: input.name.node.clone(), node: id, kind });
        let made = input.name.span;
        self.bind(&input.name, Value::Wire(Flow { wire: Wire { node: id, port: 0 }, made }));
    }

    fn bad_input(&mut self, input: &ast::Input) {
        self.diags.push(
            Diag::new(
                &codes::INPUT_KIND,
                format!("`{}` is neither an image nor class labels", input.name.node),
                input.ty.span,
                "not a type that an input has",
            )
            .help("write `float[N, 3, H, W]` for an image, `class(12)[N, H, W]` for labels of 12 classes"),
        );
        self.bind(&input.name, Value::Poison);
    }

    /// Adds an operation on `operands`; the flows of its results, or `None` when something was wrong.
    /// `shared` is the prefix of its parameters' names when a layer is called.
    fn add(
        &mut self,
        op: Op,
        name: &str,
        operands: &[Flow],
        span: Span,
        shared: Option<&Rc<str>>,
    ) -> Option<Vec<Flow>> {
        if self.stopped {
            return None;
        }
        if self.graph.len() >= self.limits.nodes {
            self.stop(
                &codes::LIMIT_NODES,
                format!("the network has more than {} operations", self.limits.nodes),
                span,
            );
            return None;
        }
        if operands.len() > self.limits.nodes {
            let (count, limit) = (operands.len(), self.limits.nodes);
            let message = format!("an operation on {count} values is over the limit of {limit} operations");
            self.stop(&codes::LIMIT_NODES, message, span);
            return None;
        }
        let given: Vec<Operand> = operands
            .iter()
            .filter_map(|flow| Some(Operand { fact: self.graph.fact(flow.wire)?.clone(), made: flow.made }))
            .collect();
        let mut asked = Vec::new();
        let shown = if let Op::Arithmetic(a) = &op { a.sign() } else { op.def().name };
        let mut infer = Infer { name: shown, call: span, operands: &given, constraints: &mut asked };
        let facts = match op.infer(&mut infer) {
            Ok(facts) => facts,
            Err(diag) => {
                self.report(diag);
                return None;
            }
        };
        for constraint in asked {
            self.constrain(constraint);
        }
        let path: Arc<str> = Arc::from(self.unique(name).as_ref());
        let params: Arc<str> = match (shared, &self.at.layer) {
            (Some(shared), _) => Arc::from(shared.as_ref()),
            (None, Some((node, params))) => {
                Arc::from(format!("{params}{}", path.get(node.len()..).unwrap_or("")))
            }
            (None, None) => Arc::clone(&path),
        };
        let inputs: Vec<Fact> = given.into_iter().map(|operand| operand.fact).collect();
        if !self.own(&params, op.weights(&inputs), span) {
            return None;
        }
        let node = Node {
            path,
            params,
            section: Arc::clone(&self.at.section),
            op,
            phase: self.at.phase,
            origin: Origin { span, via: self.via.clone() },
        };
        let wires: Vec<Wire> = operands.iter().map(|flow| flow.wire).collect();
        let results = facts.len();
        let id: NodeId = self.graph.add(node, &wires, facts);
        Some(
            (0..results).map(|port| Flow { wire: Wire { node: id, port: port as u8 }, made: span }).collect(),
        )
    }

    /// Counts a node's parameters; a layer called again must need the same ones.
    fn own(&mut self, params: &Arc<str>, weights: Vec<WeightDecl>, span: Span) -> bool {
        if weights.is_empty() {
            return true;
        }
        if let Some((known, first)) = self.owners.get(params) {
            if *known == weights {
                return true;
            }
            let shapes =
                |list: &[WeightDecl]| list.first().map(|w| format!("{:?}", w.shape)).unwrap_or_default();
            let diag = Diag::new(
                &codes::BLOCK_SHARED,
                format!("the layer's weights `{params}` have the shape {} elsewhere", shapes(known)),
                span,
                format!("these operands need {}", shapes(&weights)),
            )
            .because(*first, "first called here")
            .help("give both calls operands with the same channels, or make two layers");
            self.report(diag);
            return false;
        }
        for weight in &weights {
            let count = weight.shape.iter().try_fold(1u64, |acc, size| acc.checked_mul(*size as u64));
            let total = count.and_then(|count| self.parameters.checked_add(count));
            match total {
                Some(total) if total <= self.limits.parameters => self.parameters = total,
                _ => {
                    let limit = self.limits.parameters;
                    let mut message = format!("the network has more than {limit} parameters");
                    if count.is_none_or(|count| count > limit) {
                        let shape: Vec<String> = weight.shape.iter().map(ToString::to_string).collect();
                        message.push_str(&format!(": this layer alone has a weight of {}", shape.join("x")));
                    }
                    self.stop(&codes::LIMIT_PARAMETERS, message, span);
                    return false;
                }
            }
        }
        self.owners.insert(Arc::clone(params), (weights, span));
        true
    }

    fn constrain(&mut self, constraint: Constraint) {
        if self.constraints.insert(constraint.kind.clone()) {
            self.graph.constraints.push(constraint);
        }
    }

    /// `prefix.name`, numbered from the second on.
    fn unique(&mut self, name: &str) -> Rc<str> {
        let base = self.join(name);
        let count = self.taken.entry(Rc::clone(&base)).or_insert(0);
        *count += 1;
        if *count == 1 {
            return base;
        }
        loop {
            let count = self.taken.get(&base).copied().unwrap_or(2);
            let numbered: Rc<str> = Rc::from(format!("{base}{count}"));
            if !self.taken.contains_key(&numbered) {
                self.taken.insert(Rc::clone(&numbered), 1);
                return numbered;
            }
            self.taken.insert(Rc::clone(&base), count + 1);
        }
    }

    fn join(&self, name: &str) -> Rc<str> {
        if self.at.path.is_empty() { Rc::from(name) } else { Rc::from([&self.at.path, ".", name].concat()) }
    }

    /// Runs `body` one name deeper.
    fn within<T>(&mut self, name: &str, body: impl FnOnce(&mut Self) -> T) -> T {
        let inner = self.join(name);
        let outer = std::mem::replace(&mut self.at.path, inner);
        let result = body(self);
        self.at.path = outer;
        result
    }

    /// Adds a diagnostic with the calls that led here.
    fn report(&mut self, mut diag: Diag) {
        if diag.trace.is_empty() {
            diag.trace = Origin {
                span: diag.span().unwrap_or(Span { file: crate::source::FileId(0), start: 0, end: 0 }),
                via: self.via.clone(),
            }
            .trace();
        }
        self.diags.push(diag);
    }

    /// A limit was met: reports it and ends the elaboration.
    fn stop(&mut self, code: &'static codes::Code, message: String, span: Span) {
        if !self.stopped {
            self.stopped = true;
            let name = code.id.rsplit("::").next().unwrap_or_default();
            let why = if name == "parameters" {
                "take fewer channels, smaller kernels or groups"
            } else {
                "the limit guards against runaway loops"
            };
            let help = format!("{why}; `--limit {name}=NUMBER` raises it");
            self.report(Diag::new(code, message, span, "here the limit is met").help(help));
        }
    }

    /// Counts one step of evaluation; false when there were too many.
    fn tick(&mut self, span: Span) -> bool {
        self.steps += 1;
        if self.steps > self.limits.steps {
            let limit = self.limits.steps;
            self.stop(&codes::LIMIT_STEPS, format!("elaboration takes more than {limit} steps"), span);
        }
        !self.stopped
    }

    /// Counts the entries of a list before it is made, each a step, with those of the lists in it; false when
    /// there were too many, or lists nest too deep to be walked.
    fn hold<'v>(&mut self, entries: impl IntoIterator<Item = &'v Value>, span: Span) -> bool {
        if self.stopped {
            return false;
        }
        let mut left = self.limits.steps.saturating_sub(self.steps);
        let depth = self.limits.depth;
        let counted = entries.into_iter().try_for_each(|entry| entry.count(&mut left, depth));
        self.steps = self.limits.steps.saturating_sub(left);
        match counted {
            Ok(()) => {}
            Err(Excess::Entries) => {
                let limit = self.limits.steps;
                let message = format!("with this list, elaboration takes more than {limit} steps");
                self.stop(&codes::LIMIT_STEPS, message, span);
            }
            Err(Excess::Nesting) => {
                self.stop(&codes::LIMIT_DEPTH, format!("lists are nested more than {depth} deep"), span);
            }
        }
        !self.stopped
    }

    fn fact(&self, flow: &Flow) -> Fact {
        self.graph.fact(flow.wire).cloned().unwrap_or(Fact::Scalar)
    }

    fn kind(&self, value: &Value) -> String {
        value.kind(|wire| self.graph.fact(wire).cloned())
    }
}
