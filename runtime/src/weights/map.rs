//! Map files: rules that say which tensor of a reference is which parameter of a spec.
//!
//! ```text
//! # What torchvision calls it -> what the spec calls it
//! into encoder.resnet                      # paths below begin here; the rest of the network keeps its first values
//!
//! conv1 -> conv_norm_relu.conv             # a layer: its weight, its bias, its statistics
//! layer{s}.{i}.conv{j: 1..2} -> x{s}.stage.{i}.bottleneck.inner.conv_norm_relu{#j}.conv
//! classifier.0 -> fc6.conv reshaped        # or `transposed`, or `as_is`
//!
//! ignore fc                                # tensors of the file that are left out
//! missing x4.attention                     # parameters that may keep their first values
//! ```
//!
//! Comes in: the text of a map. Goes out: its rules. Guaranteed: what cannot be read is an error with its line.

use std::path::Path;

use super::pattern::{Pattern, Template};
use crate::codes;
use crate::error::{Error, Kind, Result};

/// The largest map that is read, far above what anybody writes.
const LARGEST: u64 = 1 << 20;

/// What happens to a tensor's shape on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    AsIs,
    /// The same values in the same order, in the parameter's shape: a fully connected layer as a convolution.
    Reshaped,
    /// Rows and columns are exchanged: a linear weight `[i, o]`.
    Transposed,
}

impl Turn {
    /// As a map spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AsIs => "as_is",
            Self::Reshaped => "reshaped",
            Self::Transposed => "transposed",
        }
    }
}

/// A line `PATTERN -> PATH`.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) line: usize,
    /// The left side, as written.
    pub(super) written: String,
    pub(super) from: Pattern,
    pub(super) to: Template,
    /// What the line says about shapes, if it does.
    pub(super) turn: Option<Turn>,
}

/// A line `ignore PATTERN` or `missing PATTERN`.
#[derive(Clone, Debug)]
pub(super) struct Permission {
    pub(super) written: String,
    pub(super) pattern: Pattern,
}

/// The lines under an `into`, or those above the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) into: Option<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) missing: Vec<Permission>,
}

impl Part {
    /// A path below this part's place, from the network's root.
    pub(super) fn path(&self, path: &str) -> String {
        match &self.into {
            Some(into) => format!("{into}.{path}"),
            None => path.to_owned(),
        }
    }
}

/// The rules of a map file.
#[derive(Clone, Debug)]
pub struct Map {
    /// The file, for messages.
    pub name: String,
    /// BLAKE3 of the text.
    pub blake3: String,
    pub(super) parts: Vec<Part>,
    pub(super) ignore: Vec<Permission>,
}

impl Map {
    /// Reads a map file.
    ///
    /// # Errors
    /// `phg::weights::map` for a file that cannot be read, and for a line that is no rule.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |why: String| {
            Error::new(codes::WEIGHTS_MAP, Kind::Usage, format!("the map cannot be read: {why}"))
                .at(path.display())
                .help("name a text file with lines such as `conv1 -> encoder.stem.conv`")
        };
        let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
        if length > LARGEST {
            return Err(refuse(format!("{length} bytes are no map")));
        }
        let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| refuse("it is not text".into()))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a map; `name` is for messages.
    ///
    /// # Errors
    /// `phg::weights::map` for a line that is no rule, and for a map without rules.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let blake3 = blake3::hash(text.as_bytes()).to_hex().to_string();
        let parts = vec![Part::default()];
        let mut map = Self { name: name.to_owned(), blake3, parts, ignore: Vec::new() };
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = without_comment(line).trim();
            if !line.is_empty() {
                map.line(at + 1, line).map_err(|(message, help)| {
                    Error::new(codes::WEIGHTS_MAP, Kind::Usage, message)
                        .at(format!("{name}, line {}", at + 1))
                        .help(help)
                })?;
            }
        }
        map.parts.retain(|part| part.into.is_some() || !part.rules.is_empty() || !part.missing.is_empty());
        if map.parts.iter().all(|part| part.rules.is_empty()) {
            return Err(Error::new(codes::WEIGHTS_MAP, Kind::Usage, "the map has no rules")
                .at(name)
                .help("write lines such as `conv1 -> encoder.stem.conv`"));
        }
        Ok(map)
    }

    /// The parts of the network that are filled; none means all of it.
    pub(super) fn places(&self) -> Option<Vec<&str>> {
        self.parts.iter().map(|part| part.into.as_deref()).collect()
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), (String, String)> {
        if let Some((from, to)) = line.split_once("->") {
            return self.rule(number, from.trim(), to.trim());
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let pattern = |example: &str| {
            Pattern::parse(rest).map(|pattern| Permission { written: rest.to_owned(), pattern }).map_err(
                |why| (format!("`{line}`: {why}"), format!("write one pattern, such as `{example}`")),
            )
        };
        match word {
            "ignore" => self.ignore.push(pattern("ignore fc")?),
            "missing" => {
                let permission = pattern("missing head")?;
                self.last().missing.push(permission);
            }
            "into" if !rest.is_empty() && !rest.contains([' ', '*', '{']) => {
                let into = rest.trim_end_matches('.').to_owned();
                self.parts.push(Part { into: Some(into), ..Part::default() });
            }
            "into" => {
                let message = format!("`{line}` does not name one part of the network");
                return Err((message, "write a path, such as `into encoder.resnet`".into()));
            }
            _ => {
                let sign = ["=>", "=", ":", "<-"].into_iter().find(|sign| line.contains(sign));
                let help = match sign.and_then(|sign| line.split_once(sign)) {
                    Some((from, to)) => format!("write `{} -> {}`", from.trim(), to.trim()),
                    None => {
                        "write `PATTERN -> PATH`, `into PATH`, `ignore PATTERN` or `missing PATTERN`".into()
                    }
                };
                return Err((format!("`{line}` is no rule"), help));
            }
        }
        Ok(())
    }

    fn rule(&mut self, line: usize, from: &str, to: &str) -> Result<(), (String, String)> {
        let (path, turn) = match path_and_word(to) {
            (path, "") => (path, None),
            (path, word) => {
                let turns = [Turn::AsIs, Turn::Reshaped, Turn::Transposed];
                let turn = turns.into_iter().find(|turn| turn.name() == word);
                let Some(turn) = turn else {
                    let message = format!("`{word}` after the path says nothing");
                    let help =
                        "after a path may stand `reshaped`, `transposed` or `as_is`; comments begin with `#`";
                    return Err((message, help.into()));
                };
                (path, Some(turn))
            }
        };
        let wrong = |side: &str, text: &str, why: String| {
            let help =
                "write names with captures such as `layer{s}.{i}`, and paths such as `x{s}.stage.{i + 1}`";
            (format!("the {side} side `{text}`: {why}"), help.to_owned())
        };
        let pattern = Pattern::parse(from).map_err(|why| wrong("left", from, why))?;
        let template = Template::parse(path, &pattern).map_err(|why| wrong("right", path, why))?;
        let rule = Rule { line, written: from.to_owned(), from: pattern, to: template, turn };
        self.last().rules.push(rule);
        Ok(())
    }

    fn last(&mut self) -> &mut Part {
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }
}

/// A path, and what stands behind it; spaces within braces are the path's.
fn path_and_word(text: &str) -> (&str, &str) {
    let mut inside = false;
    let end = text.find(|c: char| {
        inside = match c {
            '{' => true,
            '}' => false,
            _ => inside,
        };
        c.is_whitespace() && !inside
    });
    let (path, word) = text.split_at(end.unwrap_or(text.len()));
    (path, word.trim())
}

/// A comment begins with a `#` at the beginning or after a space: `{#j}` is none.
fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| *at == 0 || line[..*at].ends_with(|c: char| c.is_whitespace());
    let end = line.match_indices('#').find(begins).map_or(line.len(), |(at, _)| at);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let text = "# a\n\nconv1 -> stem.conv # first\ninto encoder.resnet\nbn{i} -> norm{#i} \n\
                    fc -> conv transposed\nignore fc2.*\nmissing x4\ninto postnet.resnet\nbn1 -> norm\n";
        let map = Map::parse("m", text).unwrap();
        assert_eq!(map.parts.len(), 3);
        assert_eq!(map.parts[1].rules[0].line, 5);
        assert_eq!(map.parts[1].rules[1].turn, Some(Turn::Transposed));
        assert_eq!(map.parts[1].path("norm2"), "encoder.resnet.norm2");
        assert_eq!((map.ignore.len(), map.parts[1].missing.len()), (1, 1));
        assert_eq!(map.places(), None, "the first rule may fill anything");
        let map = Map::parse("m", "into a.\nx -> y\n").unwrap();
        assert_eq!(map.places(), Some(vec!["a"]));
    }

    #[test]
    fn a_wrong_line_is_named_with_what_to_write() {
        let error = |text: &str| {
            let error = Map::parse("m", text).unwrap_err();
            assert_eq!((error.code, error.kind), (codes::WEIGHTS_MAP, Kind::Usage), "{text}");
            format!("{error} {}", error.help.clone().unwrap())
        };
        assert!(error("\na = b").contains("m, line 2") && error("a = b").contains("write `a -> b`"));
        assert!(error("a: b").contains("write `a -> b`"));
        assert!(error("a -> b c").contains("`reshaped`, `transposed` or `as_is`"));
        assert!(error("a{i -> b").contains("left side `a{i`"));
        assert!(error("a -> b{i}").contains("captures no `{i}`"));
        assert!(error("into a b").contains("`into encoder.resnet`"));
        assert!(error("ignore").contains("`ignore fc`"));
        assert!(error("").contains("no rules") && error("ignore fc").contains("no rules"));
        assert!(Map::read(Path::new("no/such.map")).unwrap_err().code == codes::WEIGHTS_MAP);
    }
}
