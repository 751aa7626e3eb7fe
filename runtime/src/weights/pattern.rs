//! Patterns over the names of tensors, and the paths that are made from what they capture.
//!
//! Comes in: text such as `layer{s}.{i}.conv{j: 1..2}` and `x{s}.stage.{i}.conv_norm_relu{#j}`. Goes out: whether a name
//! is of that form, and the path that it then gives. Guaranteed: a path is made of captures that its pattern has; a name
//! has one reading, in which each capture and wildcard takes as much as it can.

use std::collections::BTreeMap;

/// What a capture took from a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Captured {
    Number(i64),
    Word(String),
}

/// What the captures of a pattern took.
pub(super) type Captures = BTreeMap<String, Captured>;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// `*`: anything without a dot.
    Any,
    /// `**`: anything.
    AnyDeep,
    /// `{i}`, `{i: 1..4, 7}`: a whole number, in one of these ranges if there are any.
    Number {
        name: String,
        ranges: Vec<(i64, i64)>,
    },
    /// `{part: weight | bias}`: one of these words.
    Word {
        name: String,
        words: Vec<String>,
    },
}

/// The form of a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence on what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = if let Some(after) = rest.strip_prefix("**") {
                (Piece::AnyDeep, after)
            } else if let Some(after) = rest.strip_prefix('*') {
                (Piece::Any, after)
            } else if let Some(inner) = rest.strip_prefix('{') {
                let (inner, after) = braces(inner)?;
                (capture(inner)?, after)
            } else {
                let (text, after) = rest.split_at(rest.find(['*', '{']).unwrap_or(rest.len()));
                plain(text)?;
                (Piece::Text(text.to_owned()), after)
            };
            if let Piece::Number { name, .. } | Piece::Word { name, .. } = &piece
                && captured(&pieces).any(|known| known == name)
            {
                return Err(format!("`{{{name}}}` is captured twice"));
            }
            pieces.push(piece);
            rest = after;
        }
        if pieces.is_empty() { Err("there is no name".into()) } else { Ok(Self { pieces }) }
    }

    /// The names of its captures.
    pub(super) fn captures(&self) -> impl Iterator<Item = &str> {
        captured(&self.pieces)
    }

    /// What the captures take from `name`, if it is of this form.
    pub(super) fn read(&self, name: &str) -> Option<Captures> {
        let mut found = Captures::new();
        matches(&self.pieces, name, &mut found).then_some(found)
    }

    /// As [`Pattern::read`], of the name or of what it lies in: `fc` is the form of `fc.weight` too.
    pub(super) fn covers(&self, name: &str) -> bool {
        let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
        ends.into_iter().any(|end| self.read(&name[..end]).is_some())
    }
}

/// The names that pieces capture.
fn captured(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Number { name, .. } | Piece::Word { name, .. } => Some(name.as_str()),
        Piece::Text(_) | Piece::Any | Piece::AnyDeep => None,
    })
}

/// What stands up to the closing brace, and what follows it.
fn braces(text: &str) -> Result<(&str, &str), String> {
    text.split_once('}').ok_or_else(|| "a `{` is not closed".to_owned())
}

fn plain(text: &str) -> Result<(), String> {
    match text.chars().find(|c| c.is_whitespace() || matches!(c, '}' | '>' | '=')) {
        Some(c) => Err(format!("`{c}` is no part of a name")),
        None => Ok(()),
    }
}

fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What stands between the braces of a pattern.
fn capture(text: &str) -> Result<Piece, String> {
    let (name, what) = match text.split_once(':') {
        Some((name, what)) => (name.trim(), Some(what)),
        None => (text.trim(), None),
    };
    if !is_word(name) {
        return Err(format!(
            "`{{{text}}}` does not name what it captures: write `{{i}}`, `{{i: 1..4}}` or `{{part: weight | bias}}`"
        ));
    }
    let name = name.to_owned();
    let Some(what) = what else { return Ok(Piece::Number { name, ranges: Vec::new() }) };
    if what.trim().starts_with(|c: char| c.is_ascii_digit()) {
        let number = |text: &str| {
            text.trim().parse::<i64>().map_err(|_| format!("`{}` is not a whole number", text.trim()))
        };
        let ranges = what.split(',').map(|range| match range.split_once("..") {
            Some((first, last)) => Ok((number(first)?, number(last)?)),
            None => number(range).map(|only| (only, only)),
        });
        let ranges: Vec<(i64, i64)> = ranges.collect::<Result<_, String>>()?;
        return match ranges.iter().find(|(first, last)| first > last) {
            Some((first, last)) => Err(format!("nothing is in `{first}..{last}`")),
            None => Ok(Piece::Number { name, ranges }),
        };
    }
    let words: Vec<String> = what.split('|').map(|word| word.trim().to_owned()).collect();
    match words.iter().find(|word| !is_word(word)) {
        Some(word) => Err(format!("`{word}` is not a word: write `{{{name}: weight | bias}}`")),
        None => Ok(Piece::Word { name, words }),
    }
}

fn matches(pieces: &[Piece], text: &str, found: &mut Captures) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
    // The longest first; a piece that fails later is tried shorter.
    let longest = |end: usize| (1..=end).rev().filter(|at| text.is_char_boundary(*at));
    match piece {
        Piece::Text(literal) => {
            text.strip_prefix(literal.as_str()).is_some_and(|after| matches(rest, after, found))
        }
        Piece::Any => {
            longest(text.find('.').unwrap_or(text.len())).any(|at| matches(rest, &text[at..], found))
        }
        Piece::AnyDeep => longest(text.len()).any(|at| matches(rest, &text[at..], found)),
        Piece::Number { name, ranges } => {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            longest(digits).any(|at| {
                // As a list counts: no zeros in front.
                let written = &text[..at];
                let number = written.parse::<i64>().ok().filter(|number| number.to_string() == written);
                let inside = |number: &i64| {
                    ranges.is_empty() || ranges.iter().any(|(low, high)| (low..=high).contains(&number))
                };
                let Some(number) = number.filter(inside) else { return false };
                found.insert(name.clone(), Captured::Number(number));
                matches(rest, &text[at..], found)
            })
        }
        Piece::Word { name, words } => words.iter().any(|word| {
            let Some(after) = text.strip_prefix(word.as_str()) else { return false };
            found.insert(name.clone(), Captured::Word(word.clone()));
            matches(rest, after, found)
        }),
    }
}

/// A piece of a path.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// `{part}`, `{i + 1}`.
    Value(Value),
    /// `{#j}`: nothing for 1, and the number from 2 on, as calls of one block in a row are named.
    Counted(Value),
}

/// What a number of a path is computed by.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(i64),
    Name(String),
    Both(Box<Value>, char, Box<Value>),
}

/// How a path is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads the right side of a rule whose pattern is `from`.
    ///
    /// # Errors
    /// A sentence on what is wrong with it.
    pub(super) fn parse(text: &str, from: &Pattern) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('{') {
                let (inner, after) = braces(inner)?;
                let (counted, inner) = match inner.trim().strip_prefix('#') {
                    Some(inner) => (true, inner),
                    None => (false, inner),
                };
                let value = Arithmetic::parse(inner)?;
                value.names(&mut |name| match from.captures().any(|known| known == name) {
                    true => Ok(()),
                    false => {
                        let known: Vec<String> =
                            from.captures().map(|name| format!("`{{{name}}}`")).collect();
                        Err(match known.is_empty() {
                            true => format!("the left side captures no `{{{name}}}`"),
                            false => {
                                format!("the left side captures no `{{{name}}}`, but {}", known.join(", "))
                            }
                        })
                    }
                })?;
                parts.push(if counted { Part::Counted(value) } else { Part::Value(value) });
                rest = after;
            } else {
                let (text, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
                if text.contains('*') {
                    return Err("a path has no `*`: capture what it takes over, as in `{i}`".into());
                }
                plain(text)?;
                parts.push(Part::Text(text.to_owned()));
                rest = after;
            }
        }
        if parts.is_empty() { Err("there is no path".into()) } else { Ok(Self { parts }) }
    }

    /// The path for what a name's captures took.
    ///
    /// # Errors
    /// A sentence, for a number below 0 or one that is divided by 0.
    pub(super) fn fill(&self, captures: &Captures) -> Result<String, String> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Value(Value::Name(name)) => match captures.get(name) {
                    Some(Captured::Word(word)) => path.push_str(word),
                    Some(Captured::Number(number)) => path.push_str(&number.to_string()),
                    None => {}
                },
                Part::Value(value) => path.push_str(&value.compute(captures)?.to_string()),
                Part::Counted(value) => match value.compute(captures)? {
                    1 => {}
                    0 => return Err("`{#...}` counts from 1, and is 0 here".into()),
                    count => path.push_str(&count.to_string()),
                },
            }
        }
        Ok(path)
    }
}

impl Value {
    fn names(&self, see: &mut dyn FnMut(&str) -> Result<(), String>) -> Result<(), String> {
        match self {
            Self::Number(_) => Ok(()),
            Self::Name(name) => see(name),
            Self::Both(a, _, b) => a.names(see).and_then(|()| b.names(see)),
        }
    }

    /// A whole number that is not negative.
    fn compute(&self, captures: &Captures) -> Result<i64, String> {
        let value = self.number(captures)?;
        if value < 0 { Err(format!("a number of the path is {value}")) } else { Ok(value) }
    }

    fn number(&self, captures: &Captures) -> Result<i64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(name) => match captures.get(name) {
                Some(Captured::Number(number)) => Ok(*number),
                Some(Captured::Word(word)) => Err(format!("`{{{name}}}` is the word `{word}`, not a number")),
                None => Err(format!("nothing captures `{{{name}}}`")),
            },
            Self::Both(a, sign, b) => {
                let (a, b) = (a.number(captures)?, b.number(captures)?);
                let value = match sign {
                    '+' => a.checked_add(b),
                    '-' => a.checked_sub(b),
                    '*' => a.checked_mul(b),
                    '/' => a.checked_div_euclid(b),
                    _ => a.checked_rem_euclid(b),
                };
                value.ok_or_else(|| format!("`{a} {sign} {b}` is no number"))
            }
        }
    }
}

/// Reads sums and products of whole numbers: `2 * (i + 1)`, `i / 3`, `i % 3`.
struct Arithmetic<'a> {
    rest: &'a str,
    depth: usize,
}

/// Parentheses within parentheses; far more than anybody writes.
const DEEPEST: usize = 32;

impl<'a> Arithmetic<'a> {
    fn parse(text: &'a str) -> Result<Value, String> {
        let mut this = Self { rest: text.trim(), depth: 0 };
        let value = this.sum()?;
        if this.rest.is_empty() { Ok(value) } else { Err(this.wrong(text)) }
    }

    fn wrong(&self, text: &str) -> String {
        format!("`{{{}}}` is no number: write `{{i}}`, `{{i + 1}}`, `{{i / 3}}` or `{{#j}}`", text.trim())
    }

    fn sign(&mut self, signs: [char; 3]) -> Option<char> {
        let sign = self.rest.chars().next().filter(|c| signs.contains(c))?;
        self.rest = self.rest[1..].trim_start();
        Some(sign)
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut value = self.product()?;
        while let Some(sign) = self.sign(['+', '-', '-']) {
            value = Value::Both(Box::new(value), sign, Box::new(self.product()?));
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut value = self.atom()?;
        while let Some(sign) = self.sign(['*', '/', '%']) {
            value = Value::Both(Box::new(value), sign, Box::new(self.atom()?));
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<Value, String> {
        if self.sign(['(', '(', '(']).is_some() {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err("the parentheses are too deep".into());
            }
            let value = self.sum()?;
            self.depth -= 1;
            return match self.sign([')', ')', ')']) {
                Some(_) => Ok(value),
                None => Err("a `(` is not closed".into()),
            };
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(end);
        let value = match word.parse::<i64>() {
            Ok(number) => Value::Number(number),
            Err(_) if is_word(word) => Value::Name(word.to_owned()),
            Err(_) => return Err(self.wrong(self.rest)),
        };
        self.rest = after.trim_start();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(from: &str, to: &str, name: &str) -> Option<String> {
        let from = Pattern::parse(from).unwrap();
        let to = Template::parse(to, &from).unwrap();
        from.read(name).map(|captures| to.fill(&captures).unwrap())
    }

    #[test]
    fn names_give_paths() {
        let to = |name| path("layer{s}.{i}.conv{j: 1..2}", "x{s}.stage.{i}.conv{#j}", name);
        assert_eq!(to("layer3.22.conv1").as_deref(), Some("x3.stage.22.conv"));
        assert_eq!(to("layer3.22.conv2").as_deref(), Some("x3.stage.22.conv2"));
        for other in [
            "layer3.22.conv3",
            "layer3.22.conv1.weight",
            "layer.22.conv1",
            "layer3.022.conv1",
            "alayer3.2.conv1",
        ] {
            assert_eq!(to(other), None, "{other}");
        }
        assert_eq!(path("f.{i}", "{(i - 2) * 3 + i / 2}.{i % 2}", "f.5").as_deref(), Some("11.1"));
        assert_eq!(path("b{n}.{part: conv | bn}", "{part}.{n}", "b12.bn").as_deref(), Some("bn.12"));
        assert_eq!(path("{i}{part: a | aa}a", "{part}", "1aa").as_deref(), Some("a"), "tried again, shorter");
        assert_eq!(path("f.{i: 0, 2, 5..7}", "{i}", "f.1"), None);
        assert_eq!(path("f.{i: 0, 2, 5..7}", "{i}", "f.6").as_deref(), Some("6"));
    }

    #[test]
    fn wildcards_stop_at_dots_or_not() {
        let reads = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().read(name).is_some();
        assert!(reads("*.weight", "fc.weight") && !reads("*.weight", "head.fc.weight"));
        assert!(reads("**.weight", "head.fc.weight") && !reads("**.weight", ".weights"));
        let covers = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().covers(name);
        assert!(covers("fc", "fc.weight") && covers("fc.*", "fc.weight") && !covers("fc", "fc2.weight"));
        assert!(covers("aux", "aux.0.bn.bias") && !covers("0", "aux.0.bn.bias"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let pattern = |text: &str| Pattern::parse(text).unwrap_err();
        assert!(pattern("a{i").contains("not closed"));
        assert!(pattern("a{i}b{i}").contains("twice"));
        assert!(pattern("a{}").contains("does not name"));
        assert!(pattern("a{i: 4..1}").contains("nothing is in"));
        assert!(pattern("a b").contains("no part of a name"));
        assert!(pattern("").contains("no name"));
        let from = Pattern::parse("a{i}{w: x | y}").unwrap();
        let template = |text: &str| Template::parse(text, &from).unwrap_err();
        assert!(template("b{j}").contains("captures no `{j}`, but `{i}`, `{w}`"));
        assert!(template("b.*").contains("no `*`"));
        assert!(template("b{i +}").contains("no number"));
        assert!(template("b{(i}").contains("not closed"));
        assert!(template(&format!("{{{}i{}}}", "(".repeat(99), ")".repeat(99))).contains("too deep"));
        let fill = |text: &str| Template::parse(text, &from).unwrap().fill(&from.read("a0x").unwrap());
        assert!(fill("{i - 1}").unwrap_err().contains("-1"));
        assert!(fill("{1 / i}").unwrap_err().contains("no number"));
        assert!(fill("{#i}").unwrap_err().contains("counts from 1"));
        assert!(fill("{w + 1}").unwrap_err().contains("not a number"));
    }
}
