//! What keeps weights from being imported, as errors with an edit that helps.
//!
//! Comes in: a [`Coverage`]. Goes out: an error for each kind of problem, each naming the first of its kind and how many
//! there are. Guaranteed: a coverage that is not complete has at least one.

use super::names::listed;
use super::{Coverage, Source};
use crate::codes;
use crate::error::{Error, Kind};

/// A mistake of a map, or of `--only`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// `into` or `--only` names nothing.
    NoPlace { word: &'static str, path: String, nearest: Vec<String> },
    /// Arithmetic gave no number.
    NoPath { line: usize, tensor: String, why: String },
    /// Two tensors become one parameter.
    Twice { parameter: String, tensors: [String; 2], lines: [Option<usize>; 2] },
    /// No tensor has this form.
    Unused { line: usize, written: String, nearest: Vec<String> },
    /// Tensors have this form, but an earlier line takes them.
    Shadowed { line: usize, first: usize },
    /// A square matrix in a file that has others transposed.
    Square { tensor: String, line: Option<usize>, example: String },
}

impl Fault {
    fn error(&self, map: &str) -> Error {
        let rule = |message: String| Error::new(codes::WEIGHTS_RULE, Kind::Usage, message);
        let at = |line: &usize| format!("{map}, line {line}");
        match self {
            Self::NoPlace { word, path, nearest } => {
                let help = match nearest.as_slice() {
                    [] => "`phgc show SPEC --emit plan --mode train` lists all parameters".to_owned(),
                    names => format!("the nearest are {}", listed(names)),
                };
                rule(format!("`{word} {path}` names nothing of the network")).at(map).help(help)
            }
            Self::NoPath { line, tensor, why } => rule(format!("`{tensor}` gets no path: {why}"))
                .at(at(line))
                .help("bound what the left side captures, as in `{i: 1..4}`"),
            Self::Twice { parameter, tensors: [first, second], lines } => {
                let said =
                    |line: &Option<usize>| line.map_or(String::new(), |line| format!(" (line {line})"));
                let message = format!(
                    "`{first}`{} and `{second}`{} both become `{parameter}`",
                    said(&lines[0]),
                    said(&lines[1])
                );
                let error =
                    rule(message).help(format!("let one of them go elsewhere, or write `ignore {second}`"));
                match lines[1] {
                    Some(line) => error.at(at(&line)),
                    None => error.at(map),
                }
            }
            Self::Unused { line, written, nearest } => {
                let help = match nearest.as_slice() {
                    [] => "delete the line, or name a tensor of the file".to_owned(),
                    names => format!("delete the line, or name a tensor of the file: {}", listed(names)),
                };
                rule(format!("no tensor of the file is called `{written}`")).at(at(line)).help(help)
            }
            Self::Shadowed { line, first } => rule(format!("line {first} takes every tensor of line {line}"))
                .at(at(line))
                .help("put the line before it, or delete it"),
            Self::Square { tensor, line, example } => {
                let message = format!(
                    "`{tensor}` is square: nothing shows whether it lies transposed, as `{example}` does"
                );
                let error = Error::new(codes::WEIGHTS_SHAPE, Kind::Data, message);
                let help = "end its line of the map with `transposed` or `as_is`";
                match line {
                    Some(line) => error.at(at(line)).help(help),
                    None => error.at(tensor).help(format!("write a map: {help}")),
                }
            }
        }
    }
}

/// `, and 3 more`.
fn more(count: usize) -> String {
    if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() }
}

impl Coverage {
    /// Everything that keeps the weights from being imported, each kind once; none if [`Coverage::is_complete`].
    ///
    /// Codes: `phg::weights::rule`, `shape`, `dtype`, `missing`, `unexpected`.
    pub fn problems(&self, source: &Source, map: Option<&str>) -> Vec<Error> {
        let place = map.unwrap_or(&source.name);
        let mut errors: Vec<Error> = self.faults.iter().map(|fault| fault.error(place)).collect();
        let data = |code, message| Error::new(code, Kind::Data, message);
        if let Some(first) = self.shape_differs.first() {
            let message = format!(
                "`{}` is {:?}, but `{}` wants {:?}{}",
                first.tensor,
                first.found,
                first.parameter,
                first.wanted,
                more(self.shape_differs.len())
            );
            let help = match map {
                Some(_) => format!(
                    "`ignore {}` and `missing {}` leave it out; `--set` or another spec changes the network's sizes",
                    first.tensor, first.parameter
                ),
                None => format!(
                    "use the spec and the `--set` that the file is for; or write a map with `ignore {}`",
                    first.tensor
                ),
            };
            errors.push(data(codes::WEIGHTS_SHAPE, message).at(&first.parameter).help(help));
        }
        let mut integers = self.matched.iter().filter(|found| !found.element.is_float());
        if let Some(first) = integers.next() {
            let (tensor, kind) = (&first.tensor, first.element.name());
            let message = format!("`{tensor}` holds {kind}, not floats{}", more(1 + integers.count()));
            let help = format!("write `ignore {tensor}` in a map, or save the weights as floats");
            errors.push(data(codes::WEIGHTS_DTYPE, message).at(&source.name).help(help));
        }
        if let Some(first) = self.missing.first() {
            let message =
                format!("nothing of the file becomes `{}`{}", first.parameter, more(self.missing.len()));
            let mut help = match first.nearest.as_slice() {
                [] => String::new(),
                names => format!("unused tensors with such a name: {}; ", listed(names)),
            };
            help += &match map {
                Some(_) => format!("add a rule that ends in it, or `missing {}`", first.parameter),
                None => "write a map (`--map`), or name the part that the file is for (`--only encoder`)"
                    .to_owned(),
            };
            errors.push(data(codes::WEIGHTS_MISSING, message).at(&source.name).help(help));
        }
        if let Some(first) = self.unexpected.first() {
            let message = match &first.sent_to {
                Some(path) => {
                    format!("`{}` is sent to `{path}`, which the network does not have", first.tensor)
                }
                None => format!("`{}` belongs to no parameter", first.tensor),
            };
            let mut help = match first.nearest.as_slice() {
                [] => String::new(),
                names => format!("parameters with such a name: {}; ", listed(names)),
            };
            help += &match map {
                Some(_) => format!("add a rule for it, or `ignore {}`", first.tensor),
                None => {
                    format!("write a map (`--map`) with a rule for it, or with `ignore {}`", first.tensor)
                }
            };
            let error = data(codes::WEIGHTS_UNEXPECTED, message + &more(self.unexpected.len())).help(help);
            errors.push(match first.line {
                Some(line) => error.at(format!("{place}, line {line}")),
                None => error.at(&source.name),
            });
        }
        errors
    }
}
