//! The syntax tree: what a spec says, before it means anything.
//!
//! Comes in: from [`crate::parse`]. Every node has a span; comments are not part of it (the formatter
//! reads them from the text), doc comments are.

use serde::Serialize;

use crate::source::{Span, Spanned};

/// A name as written.
pub type Ident = Spanned<String>;

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct File {
    /// `//!` lines at the top, without the marker.
    pub doc: Vec<String>,
    /// Items in order. Items that did not parse are absent; their errors were reported.
    pub items: Vec<Item>,
    /// The whole file.
    pub span: Span,
}

/// A top-level item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// `///` lines above it, without the marker.
    pub doc: Vec<String>,
    /// What it is.
    pub kind: ItemKind,
    /// All of it but the doc comment.
    pub span: Span,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ItemKind {
    /// `use std.resnet (resnet, units as residual_units)` or `use "path.phg" (name)`.
    Use(Use),
    /// `extend "path.phg" { ... }`.
    Extend(Extend),
    /// `param K: int = classes`.
    Param(Param),
    /// `input image: float[N, 3, H, W]`.
    Input(Input),
    /// `block unit(x: map, growth: int = 16) -> (out: map) { ... }`.
    Block(Block),
    /// `encoder { ... }`, `latent z when use_z { ... }`.
    Section(Section),
    /// `output segmentation = softmax(logits)`.
    Output(Output),
    /// `loss { l_g = 1.1 * kl(...) when use_g }`.
    Loss(Loss),
    /// `train { epochs = 100 ... }`.
    Train(Settings),
    /// A statement outside sections: `let`, `layer` or `assert`.
    Statement(Statement),
}

/// An import.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Use {
    /// Where from.
    pub from: Spanned<Module>,
    /// What: the name there, and the name here.
    pub names: Vec<(Ident, Option<Ident>)>,
}

/// Where an import comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Module {
    /// `std.resnet`: what follows `std.`.
    Std(String),
    /// `"path.phg"`, relative to the importing file.
    Path(String),
}

/// A spec that is another spec with changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extend {
    /// The other spec, relative to this file.
    pub path: Spanned<String>,
    /// Changes, in order.
    pub changes: Vec<Change>,
}

/// One change of an extended spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Change {
    /// `K = 4`: a parameter.
    Param {
        /// Its name.
        name: Ident,
        /// Its new value.
        value: Expr,
    },
    /// `train { batch = 4 }`: fields replace those of the same name.
    Train(Settings),
    /// `loss { l_z = ... }`: terms replace those of the same name or are added.
    Loss(Loss),
}

/// A parameter of a spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Spanned<Type>,
    /// Its default.
    pub default: Expr,
}

/// The type of a parameter, block input or block output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Type {
    /// `int`, `float`, `bool`, `map`, `vector`, `tensor`, `indices`, `labels`, `gaussian`, `mixture`, `scalar`, `loss`.
    Name(String),
    /// `[int]`, `[map]`.
    List(Box<Spanned<Type>>),
    /// `matched | variational`.
    Enum(Vec<Ident>),
    /// `float[N, 3, H, W]`, `map[N, 64, H/4, W/4]`: a name and a shape.
    Shaped {
        /// `float`, `map`, `vector` or `tensor`.
        name: String,
        /// Sizes.
        dims: Vec<Expr>,
    },
    /// `class(classes)[N, H, W]`.
    Class {
        /// Number of classes.
        classes: Box<Expr>,
        /// Sizes.
        dims: Vec<Expr>,
    },
}

/// A declared input of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    /// Its name.
    pub name: Ident,
    /// `Type::Shaped` or `Type::Class`.
    pub ty: Spanned<Type>,
}

/// A block: a part of a network with typed parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// Its name.
    pub name: Ident,
    /// What it takes; inputs (map, vector, ...) and parameters alike.
    pub params: Vec<BlockParam>,
    /// What it gives.
    pub outputs: Vec<(Ident, Spanned<Type>)>,
    /// Its statements; each output is a name bound in them.
    pub body: Vec<Statement>,
}

/// What a block takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockParam {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Spanned<Type>,
    /// Its default, if it has one.
    pub default: Option<Expr>,
}

/// A section of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// `encoder`, `latent`, `postnet`, `decoder`, `merge` (contextual words), or another name that the
    /// checker then rejects with the nearest one.
    pub kind: Ident,
    /// The name of a `latent` (or of any section that is given one).
    pub name: Option<Ident>,
    /// `when use_g`.
    pub guard: Option<Expr>,
    /// Its statements.
    pub body: Vec<Statement>,
}

/// A named result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Output {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub value: Expr,
    /// `when ...`.
    pub guard: Option<Expr>,
}

/// The loss: a sum of named terms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// Helper bindings and terms, in order.
    pub items: Vec<LossItem>,
    /// From the word `loss` to the closing brace.
    pub span: Span,
}

/// One line of a loss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum LossItem {
    /// `l_g = 1.1 * kl(g.q, standard_normal) when use_g`.
    Term {
        /// Its name.
        name: Ident,
        /// Its value.
        value: Expr,
        /// `when ...`.
        guard: Option<Expr>,
    },
    /// `let` and friends.
    Statement(Statement),
}

/// `train { ... }`: nested fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Fields in order.
    pub fields: Vec<Setting>,
    /// From the word `train` to the closing brace.
    pub span: Span,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Setting {
    /// `batch = 8`.
    Value {
        /// Its name.
        name: Ident,
        /// Its value; calls such as `adam(rate: 1e-4)` are values here.
        value: Expr,
    },
    /// `augment { flip = 0.5 }`.
    Group {
        /// Its name.
        name: Ident,
        /// Its fields.
        fields: Settings,
    },
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// `///` lines above it.
    pub doc: Vec<String>,
    /// What it does.
    pub kind: StatementKind,
    /// All of it but the doc comment.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum StatementKind {
    /// `let y: map[N, 64, H/4, W/4] = x |> conv(64) when deep`.
    Let {
        /// What is bound.
        pattern: Spanned<Pattern>,
        /// A shape assertion.
        ty: Option<Spanned<Type>>,
        /// The value.
        value: Expr,
        /// `when ...`.
        guard: Option<Expr>,
    },
    /// `layer attend = criss_cross(channels: 64)`: one set of weights, to be called.
    Layer {
        /// Its name.
        name: Ident,
        /// A call without the inputs.
        value: Expr,
        /// `when ...`.
        guard: Option<Expr>,
    },
    /// `assert x4: map[N, 2048, H/32, W/32]`, or `assert K <= 64, "at most 64 components"`.
    Assert {
        /// The value or condition.
        value: Expr,
        /// The shape that the value must have.
        ty: Option<Spanned<Type>>,
        /// What to say when it fails.
        message: Option<Spanned<String>>,
    },
}

/// What a `let` binds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Pattern {
    /// `x`.
    Name(String),
    /// `[x1, x2]`: a list of exactly so many.
    List(Vec<Ident>),
    /// `(value, indices)`: several named results, by position.
    Tuple(Vec<Ident>),
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expr {
    /// What it is.
    pub kind: Box<ExprKind>,
    /// All of it.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ExprKind {
    /// `64`.
    Int(i64),
    /// `1e-4`.
    Float(f64),
    /// `true`.
    Bool(bool),
    /// `"path"`.
    Text(String),
    /// `x`, or a variant of an enumeration.
    Name(String),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `a..b`, the end left out.
    Range(Expr, Expr),
    /// `q.mean`, `encoder.x4`.
    Field(Expr, Ident),
    /// `xs[0]`.
    Index(Expr, Expr),
    /// `conv(x, 64, kernel: 3) as stem`.
    Call(Call),
    /// `x |> conv(64)`; the right side is a call or a bare name.
    Pipe(Expr, Expr),
    /// `a + b`.
    Binary(BinaryOp, Expr, Expr),
    /// `-a`, `not a`.
    Unary(UnaryOp, Expr),
    /// `if c { a } else { b }`.
    If {
        /// The condition.
        condition: Expr,
        /// Taken when it holds.
        then: Body,
        /// Taken when it does not; `else if` is a body of one `if`.
        otherwise: Body,
    },
    /// `for x in xs { ... }`: a list.
    For {
        /// What each entry is called.
        pattern: Spanned<Pattern>,
        /// The list or range.
        over: Expr,
        /// The value for each.
        body: Body,
    },
    /// `fold xs = [x] for i in 0..4 { ... }`: a carried value.
    Fold {
        /// What the carried value, or each of several, is called.
        carried: Spanned<Pattern>,
        /// Its first value.
        initial: Expr,
        /// What each entry is called.
        pattern: Spanned<Pattern>,
        /// The list or range.
        over: Expr,
        /// The carried value's next.
        body: Body,
    },
    /// `(a)`: kept for the formatter.
    Paren(Expr),
}

/// Statements and the value after them, in braces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Body {
    /// Statements.
    pub statements: Vec<Statement>,
    /// The value.
    pub value: Expr,
    /// With the braces.
    pub span: Span,
}

/// A call of an op, block or layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// What is called.
    pub callee: Ident,
    /// Arguments in order; named ones come after positional ones.
    pub args: Vec<Arg>,
    /// `as stem`: the name in paths.
    pub label: Option<Ident>,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arg {
    /// Its name, when given.
    pub name: Option<Ident>,
    /// Its value.
    pub value: Expr,
}

/// An operator of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum BinaryOp {
    /// `++`: joins lists.
    Join,
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`: exact for sizes, floor for ints (a remainder is an error), true division for floats.
    Divide,
    /// `div`: floor division of ints.
    FloorDivide,
    /// `%`: remainder of ints.
    Remainder,
}

/// An operator of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum UnaryOp {
    /// `-`.
    Negate,
    /// `not`.
    Not,
}
