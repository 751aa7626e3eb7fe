//! What an expression is while a spec is elaborated.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ast;
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::ir::graph::Wire;
use crate::source::Span;

/// A compile-time value, or a wire of the graph.
#[derive(Clone, Debug)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A string.
    Text(Rc<str>),
    /// A variant of an enumeration.
    Word(Rc<str>),
    /// A bare name that nothing is bound to: a variant, if the parameter that it is given to has it.
    Unbound(Rc<str>),
    /// A symbolic size.
    Size(Dim),
    /// A value that flows when the network runs.
    Wire(Flow),
    /// `q.mean` of a mixture, which wants an index.
    Field(Flow, &'static str),
    /// A list.
    List(Rc<Vec<Value>>),
    /// Several named results.
    Tuple(Rc<Vec<(String, Value)>>),
    /// One set of weights, to be called.
    Layer(Rc<Layer>),
    /// The names of a section: `z.q`.
    Section(Rc<SectionScope>),
    /// Its guard does not hold.
    Absent(Absent),
    /// An error was reported where it was made; whoever uses it keeps silent.
    Poison,
}

/// A wire and where it was made.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// The wire.
    pub wire: Wire,
    /// The expression that made it.
    pub made: Span,
}

/// A layer: a call without its inputs.
#[derive(Debug)]
pub struct Layer {
    /// What is called.
    pub callee: ast::Ident,
    /// Its parameters.
    pub args: Vec<EvalArg>,
    /// The module whose names the callee is looked up in.
    pub module: usize,
    /// The layer's name.
    pub name: String,
    /// The prefix of its parameters' names.
    pub params: Rc<str>,
}

/// An argument with its value.
#[derive(Clone, Debug)]
pub struct EvalArg {
    /// Its name, when given.
    pub name: Option<ast::Ident>,
    /// Its value.
    pub value: Value,
    /// Where the value stands: inside brackets, in the branch that is taken.
    pub span: Span,
    /// Where the argument stands, with brackets and all branches.
    pub whole: Span,
}

/// A section's names.
#[derive(Debug)]
pub struct SectionScope {
    /// What the section is called.
    pub name: String,
    /// Does it exist only while training?
    pub training: bool,
    /// Its names.
    pub names: BTreeMap<String, (Value, Span)>,
}

/// Why a name has no value.
#[derive(Clone, Debug)]
pub struct Absent {
    /// The guard that does not hold.
    pub guard: Span,
}

/// Why a value is too large to be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// It has more entries than are left.
    Entries,
    /// Lists nest too deep.
    Nesting,
}

impl Value {
    /// Takes from `left` one for this value and one for each entry in it, however deep.
    ///
    /// # Errors
    /// When `left` does not suffice, or lists nest deeper than `depth`.
    pub fn count(&self, left: &mut u64, depth: usize) -> Result<(), Excess> {
        *left = left.checked_sub(1).ok_or(Excess::Entries)?;
        match self {
            Self::List(_) | Self::Tuple(_) if depth == 0 => Err(Excess::Nesting),
            Self::List(list) => list.iter().try_for_each(|entry| entry.count(left, depth - 1)),
            Self::Tuple(parts) => parts.iter().try_for_each(|(_, part)| part.count(left, depth - 1)),
            Self::Int(_)
            | Self::Float(_)
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Word(_)
            | Self::Unbound(_)
            | Self::Size(_)
            | Self::Wire(_)
            | Self::Field(..)
            | Self::Layer(_)
            | Self::Section(_)
            | Self::Absent(_)
            | Self::Poison => Ok(()),
        }
    }

    /// Was a mistake reported in it, or in any of its parts?
    pub fn is_poisoned(&self) -> bool {
        match self {
            Self::Poison => true,
            Self::List(list) => list.iter().any(Self::is_poisoned),
            Self::Tuple(parts) => parts.iter().any(|(_, part)| part.is_poisoned()),
            Self::Int(_)
            | Self::Float(_)
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Word(_)
            | Self::Unbound(_)
            | Self::Size(_)
            | Self::Wire(_)
            | Self::Field(..)
            | Self::Layer(_)
            | Self::Section(_)
            | Self::Absent(_) => false,
        }
    }

    /// Its kind, for messages.
    pub fn kind(&self, fact: impl Fn(Wire) -> Option<Fact>) -> String {
        match self {
            Self::Int(_) => "an int".into(),
            Self::Float(_) => "a float".into(),
            Self::Bool(_) => "a bool".into(),
            Self::Text(_) => "text".into(),
            Self::Word(word) => format!("the word `{word}`"),
            Self::Unbound(name) => format!("the name `{name}`"),
            Self::Size(dim) => format!("the size {dim}"),
            Self::Wire(flow) => fact(flow.wire).map_or_else(|| "a value".into(), |f| f.to_string()),
            Self::Field(_, field) => format!("the {field}s of a mixture"),
            Self::List(list) => format!("a list of {}", list.len()),
            Self::Tuple(parts) => format!("{} results", parts.len()),
            Self::Layer(_) => "a layer".into(),
            Self::Section(section) => format!("section `{}`", section.name),
            Self::Absent(_) => "absent".into(),
            Self::Poison => "unknown".into(),
        }
    }

    /// The same value, made by the expression at `made`: what a block gives was made where the block is called.
    #[must_use]
    pub fn made_at(self, made: Span) -> Self {
        match self {
            Self::Wire(flow) => Self::Wire(Flow { made, ..flow }),
            Self::Field(flow, field) => Self::Field(Flow { made, ..flow }, field),
            Self::List(list) => {
                Self::List(Rc::new(list.iter().map(|entry| entry.clone().made_at(made)).collect()))
            }
            Self::Tuple(parts) => {
                let part = |(name, part): &(String, Self)| (name.clone(), part.clone().made_at(made));
                Self::Tuple(Rc::new(parts.iter().map(part).collect()))
            }
            Self::Int(_)
            | Self::Float(_)
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Word(_)
            | Self::Unbound(_)
            | Self::Size(_)
            | Self::Layer(_)
            | Self::Section(_)
            | Self::Absent(_)
            | Self::Poison => self,
        }
    }

    /// As it would be written; for resolved parameters.
    pub fn source(&self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Float(value) => float_text(*value),
            Self::Bool(value) => value.to_string(),
            Self::Text(value) => format!("\"{value}\""),
            Self::Word(value) | Self::Unbound(value) => value.to_string(),
            Self::Size(dim) => dim.to_string(),
            Self::List(list) => format!("[{}]", list.iter().map(Self::source).collect::<Vec<_>>().join(", ")),
            Self::Wire(_)
            | Self::Field(..)
            | Self::Tuple(_)
            | Self::Layer(_)
            | Self::Section(_)
            | Self::Absent(_)
            | Self::Poison => "?".into(),
        }
    }
}

/// A float as the language writes it: `0.5`, `1e-4`.
pub fn float_text(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e7) {
        format!("{value:e}")
    } else {
        format!("{value:?}")
    }
}
