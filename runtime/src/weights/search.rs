//! The search for what belongs together: each tensor by the rules of a map, then what is left of the parameters.
//!
//! Comes in: a source, a network's parameters, and what is to be filled. Goes out: a [`Coverage`]. Guaranteed: a tensor
//! takes the first rule of each part of the map that has its name or its layer's, and no other.

use std::collections::{BTreeMap, BTreeSet};

use phg_compiler::settings::is_within;

use super::coverage::{Coverage, Filling, LeftOut, Match, Missing, OtherShape, Unexpected, Wanted};
use super::map::{Map, Rule, Turn};
use super::names::{self, COUNTER};
use super::problems::Fault;
use super::{Source, Stored};
use crate::host::HostTensor;

/// Nearest names are looked for so many names of a kind; a wrong file would have thousands.
const WITH_NEAREST: usize = 24;

/// A tensor on its way to a parameter.
struct Way<'a> {
    path: String,
    rule: Option<&'a Rule>,
}

/// A [`Coverage`] in the making.
pub(super) struct Search<'a> {
    filling: Filling<'a>,
    wanted: BTreeMap<&'a str, &'a Wanted>,
    /// Parameters that have a tensor: its name, and the line.
    taken: BTreeMap<String, (String, Option<usize>)>,
    /// Lines that sent a tensor somewhere.
    used: BTreeSet<usize>,
    /// Lines whose pattern a tensor has, whether it took another line or not; with a line that was before.
    matching: BTreeSet<(usize, usize)>,
    left_out: BTreeMap<String, Vec<String>>,
    coverage: Coverage,
}

impl<'a> Search<'a> {
    /// Finds what becomes of every tensor and every parameter.
    pub(super) fn of(source: &Source, wanted: &'a [Wanted], filling: Filling<'a>) -> Coverage {
        let mut search = Search {
            filling,
            wanted: wanted.iter().map(|wanted| (wanted.name.as_str(), wanted)).collect(),
            taken: BTreeMap::new(),
            used: BTreeSet::new(),
            matching: BTreeSet::new(),
            left_out: BTreeMap::new(),
            coverage: Coverage::default(),
        };
        search.places();
        source.tensors().for_each(|(name, stored)| search.tensor(name, stored));
        search.parameters();
        search.rules(source);
        search.finish(source)
    }

    /// Parts that are named and that the network does not have.
    fn places(&mut self) {
        let places = self.filling.map.and_then(Map::places).unwrap_or_default();
        let into = places.into_iter().map(|path| ("into", path));
        for (word, path) in into.chain(self.filling.only.iter().map(|path| ("--only", path.as_str()))) {
            if !self.wanted.keys().any(|name| is_within(name, path)) {
                let nearest = names::nearest(path, parts(self.wanted.keys().copied()).into_iter());
                self.coverage.faults.push(Fault::NoPlace { word, path: path.to_owned(), nearest });
            }
        }
    }

    /// Whether a path is among the parts asked for.
    fn is_asked_for(&self, path: &str) -> bool {
        self.filling.only.is_empty() || self.filling.only.iter().any(|part| is_within(path, part))
    }

    fn leave_out(&mut self, why: String, name: &str) {
        self.left_out.entry(why).or_default().push(name.to_owned());
    }

    fn tensor(&mut self, name: &str, stored: &Stored) {
        let (_, leaf) = names::leaf(name);
        if leaf == COUNTER && !stored.element.is_float() {
            return self.leave_out(format!("counters (`{COUNTER}`)"), name);
        }
        if let Some(rule) =
            self.filling.map.and_then(|map| map.ignore.iter().find(|r| r.pattern.covers(name)))
        {
            return self.leave_out(format!("`ignore {}`", rule.written), name);
        }
        let ways = self.ways(name);
        if !ways.is_empty() && ways.iter().all(|way| !self.is_asked_for(&way.path)) {
            return self.leave_out("outside of `--only`".into(), name);
        }
        if ways.is_empty() {
            self.unexpected(name, stored, None);
        }
        for way in ways {
            if self.is_asked_for(&way.path) {
                self.send(name, stored, &way);
            }
        }
    }

    /// Where a tensor goes: with a map by the first line of each of its parts that has its name or its layer's.
    fn ways(&mut self, name: &str) -> Vec<Way<'a>> {
        let Some(map) = self.filling.map else {
            return vec![Way { path: name.to_owned(), rule: None }];
        };
        let (layer, leaf) = names::leaf(name);
        let mut ways = Vec::new();
        for part in &map.parts {
            let mut first = None;
            for rule in &part.rules {
                let path = match (rule.from.read(name), rule.from.read(layer)) {
                    (Some(captures), _) => rule.to.fill(&captures),
                    (None, Some(captures)) => rule.to.fill(&captures).map(|path| format!("{path}.{leaf}")),
                    (None, None) => continue,
                };
                if let Some(first) = first {
                    self.matching.insert((rule.line, first));
                    continue;
                }
                first = Some(rule.line);
                self.used.insert(rule.line);
                match path {
                    Ok(path) => ways.push(Way { path: part.path(&path), rule: Some(rule) }),
                    Err(why) => self.coverage.faults.push(Fault::NoPath {
                        line: rule.line,
                        tensor: name.to_owned(),
                        why,
                    }),
                }
            }
        }
        ways
    }

    fn unexpected(&mut self, name: &str, stored: &Stored, way: Option<&Way<'_>>) {
        self.coverage.unexpected.push(Unexpected {
            tensor: name.to_owned(),
            shape: stored.shape.clone(),
            sent_to: way.filter(|way| way.rule.is_some()).map(|way| way.path.clone()),
            line: way.and_then(|way| way.rule.map(|rule| rule.line)),
            nearest: Vec::new(),
        });
    }

    fn send(&mut self, name: &str, stored: &Stored, way: &Way<'_>) {
        let Some(parameter) = names::meant(&way.path, &self.wanted) else {
            return self.unexpected(name, stored, Some(way));
        };
        let Some(wanted) = self.wanted.get(parameter.as_str()) else { return };
        let line = way.rule.map(|rule| rule.line);
        if let Some((tensor, other)) = self.taken.get(&parameter) {
            let fault =
                Fault::Twice { parameter, tensors: [tensor.clone(), name.to_owned()], lines: [*other, line] };
            return self.coverage.faults.push(fault);
        }
        self.taken.insert(parameter.clone(), (name.to_owned(), line));
        let turn = turned(&stored.shape, &wanted.shape, way.rule.and_then(|rule| rule.turn));
        match turn {
            Some(turn) => self.coverage.matched.push(Match {
                parameter,
                tensor: name.to_owned(),
                shape: wanted.shape.clone(),
                turn,
                element: stored.element,
                line,
            }),
            None => self.coverage.shape_differs.push(OtherShape {
                parameter,
                wanted: wanted.shape.clone(),
                tensor: name.to_owned(),
                found: stored.shape.clone(),
                line,
            }),
        }
    }

    /// What becomes of the parameters that no tensor was sent to.
    fn parameters(&mut self) {
        let places = self.filling.map.and_then(Map::places);
        let mut kept: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, wanted) in &self.wanted {
            if self.taken.contains_key(*name) {
                continue;
            }
            let inside =
                places.as_ref().is_none_or(|places| places.iter().any(|place| is_within(name, place)));
            let allowed = self.filling.map.and_then(|map| {
                let mut all =
                    map.parts.iter().flat_map(|part| part.missing.iter().map(move |rule| (part, rule)));
                all.find(|(part, rule)| {
                    let inner = match &part.into {
                        Some(into) => {
                            name.strip_prefix(into.as_str()).and_then(|rest| rest.strip_prefix('.'))
                        }
                        None => Some(*name),
                    };
                    inner.is_some_and(|inner| rule.pattern.covers(inner)) || rule.pattern.covers(name)
                })
            });
            let why = if !self.is_asked_for(name) {
                "outside of `--only`".to_owned()
            } else if !inside {
                "outside of `into`".to_owned()
            } else if let Some((_, rule)) = allowed {
                format!("`missing {}`", rule.written)
            } else if self.filling.needed.is_some_and(|needed| !needed.contains(*name)) {
                "needed in training only".to_owned()
            } else {
                let parameter = (*name).to_owned();
                let missing = Missing { parameter, shape: wanted.shape.clone(), nearest: Vec::new() };
                self.coverage.missing.push(missing);
                continue;
            };
            kept.entry(why).or_default().push((*name).to_owned());
        }
        self.coverage.kept = kept.into_iter().map(|(why, names)| LeftOut { why, names }).collect();
    }

    /// Lines that send nothing anywhere, and linear weights that may lie either way.
    fn rules(&mut self, source: &Source) {
        let rules =
            self.filling.map.into_iter().flat_map(|map| map.parts.iter().flat_map(|part| &part.rules));
        for rule in rules.filter(|rule| !self.used.contains(&rule.line)) {
            let first = self.matching.range((rule.line, 0)..=(rule.line, usize::MAX)).next();
            let fault = match first {
                Some((_, first)) => Fault::Shadowed { line: rule.line, first: *first },
                None => {
                    let mut known = parts(source.tensors().map(|(name, _)| name));
                    known.extend(source.tensors().map(|(name, _)| name));
                    let nearest = names::nearest(&rule.written, known.into_iter());
                    Fault::Unused { line: rule.line, written: rule.written.clone(), nearest }
                }
            };
            self.coverage.faults.push(fault);
        }
        // One that lies the other way says how this file has them, and of a square one nothing can be seen.
        let lies = |found: &&Match| found.turn == Turn::Transposed;
        let Some(example) = self.coverage.matched.iter().find(lies).map(|found| found.tensor.clone()) else {
            return;
        };
        let said = |found: &Match| {
            let rules =
                self.filling.map.into_iter().flat_map(|map| map.parts.iter().flat_map(|part| &part.rules));
            rules.filter(|rule| Some(rule.line) == found.line).any(|rule| rule.turn.is_some())
        };
        let square = |found: &&Match| {
            matches!(found.shape.as_slice(), [rows, columns] if rows == columns && *rows > 1) && !said(found)
        };
        let squares: Vec<Fault> = self
            .coverage
            .matched
            .iter()
            .filter(square)
            .map(|found| Fault::Square {
                tensor: found.tensor.clone(),
                line: found.line,
                example: example.clone(),
            })
            .collect();
        self.coverage.faults.extend(squares);
    }

    /// Looks for nearest names among what is left over, or else among all.
    fn finish(mut self, source: &Source) -> Coverage {
        let spare: Vec<String> = self.coverage.unexpected.iter().map(|u| u.tensor.clone()).collect();
        let lacking: Vec<String> = self.coverage.missing.iter().map(|m| m.parameter.clone()).collect();
        for missing in self.coverage.missing.iter_mut().take(WITH_NEAREST) {
            missing.nearest = names::nearest(&missing.parameter, spare.iter().map(String::as_str));
            if missing.nearest.is_empty() && self.filling.map.is_none() {
                missing.nearest = names::nearest(&missing.parameter, source.tensors().map(|(name, _)| name));
            }
        }
        for unexpected in self.coverage.unexpected.iter_mut().take(WITH_NEAREST) {
            let name = unexpected.sent_to.as_deref().unwrap_or(&unexpected.tensor);
            unexpected.nearest = names::nearest(name, lacking.iter().map(String::as_str));
            if unexpected.nearest.is_empty() {
                unexpected.nearest = names::nearest(name, self.wanted.keys().copied());
            }
        }
        let left_out = self.left_out.into_iter().map(|(why, names)| LeftOut { why, names });
        self.coverage.left_out = left_out.collect();
        self.coverage
    }
}

/// How a tensor of shape `found` becomes one of shape `wanted`; `said` is what the map says.
fn turned(found: &[usize], wanted: &[usize], said: Option<Turn>) -> Option<Turn> {
    let trimmed = |shape: &[usize]| {
        let end = shape.iter().rposition(|size| *size != 1).map_or(0, |at| at + 1);
        shape[..end].to_vec()
    };
    let reversed = matches!((found, wanted), (&[a, b], &[c, d]) if (a, b) == (d, c));
    match said {
        Some(Turn::AsIs) => (found == wanted).then_some(Turn::AsIs),
        Some(Turn::Transposed) => reversed.then_some(Turn::Transposed),
        Some(Turn::Reshaped) => {
            let equal = HostTensor::elements(found).is_some_and(|n| Some(n) == HostTensor::elements(wanted));
            equal.then_some(Turn::Reshaped)
        }
        None if found == wanted => Some(Turn::AsIs),
        // A convolution of one pixel and a linear layer have the same values in the same order.
        None if trimmed(found) == trimmed(wanted) => Some(Turn::Reshaped),
        None if reversed => Some(Turn::Transposed),
        None => None,
    }
}

/// Every path that names something of a network: sections, blocks, layers.
pub(super) fn parts<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut parts = BTreeSet::new();
    for name in names {
        parts.extend(name.match_indices('.').map(|(at, _)| &name[..at]));
    }
    parts
}
