//! Which tensor of a file becomes which parameter of a network, and what of either is left over.
//!
//! Comes in: the names and shapes of both, a map, and the parts that are wanted. Goes out: a [`Coverage`]. Guaranteed: a
//! tensor stands in it as often as something becomes of it, and at least once; a parameter stands in it exactly once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::map::{Map, Turn};
use super::problems::Fault;
use super::search::Search;
use super::{Element, Source};

/// A parameter or running statistic of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its path.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// A tensor that becomes a parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Match {
    /// The parameter's path.
    pub parameter: String,
    /// The tensor's name.
    pub tensor: String,
    /// The parameter's shape.
    pub shape: Vec<usize>,
    /// What happens to the tensor's shape.
    #[serde(serialize_with = "turn")]
    pub turn: Turn,
    /// In what it is stored.
    #[serde(serialize_with = "element")]
    pub element: Element,
    /// The line of the map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// A parameter that no tensor becomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// Its path.
    pub parameter: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Tensors whose names read alike.
    pub nearest: Vec<String>,
}

/// A tensor that becomes nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unexpected {
    /// Its name.
    pub tensor: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where the map sends it, which is no parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_to: Option<String>,
    /// The line that does so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Parameters whose names read alike.
    pub nearest: Vec<String>,
}

/// A tensor and a parameter that belong together and have different shapes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OtherShape {
    /// The parameter's path.
    pub parameter: String,
    /// Its shape.
    pub wanted: Vec<usize>,
    /// The tensor's name.
    pub tensor: String,
    /// Its shape.
    pub found: Vec<usize>,
    /// The line of the map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// Names that are left out, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// Such as `ignore fc`.
    pub why: String,
    /// The names.
    pub names: Vec<String>,
}

/// What becomes of every tensor of a file, and of every parameter of a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// What belongs together.
    pub matched: Vec<Match>,
    /// Parameters without a tensor.
    pub missing: Vec<Missing>,
    /// Tensors without a parameter.
    pub unexpected: Vec<Unexpected>,
    /// What belongs together by name, and not by shape.
    pub shape_differs: Vec<OtherShape>,
    /// Tensors that are left out, as was allowed.
    pub left_out: Vec<LeftOut>,
    /// Parameters that keep their first values, as was allowed.
    pub kept: Vec<LeftOut>,
    /// Mistakes of the map.
    #[serde(skip)]
    pub(super) faults: Vec<Fault>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn turn<S: Serializer>(turn: &Turn, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(turn.name())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn element<S: Serializer>(element: &Element, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(element.name())
}

/// What of a network is filled, and by what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filling<'a> {
    /// Which tensor is which parameter; by their own names without one.
    pub map: Option<&'a Map>,
    /// Parts of the network that are filled; all of them if empty.
    pub only: &'a [String],
    /// What must be there; everything that is filled if `None`.
    pub needed: Option<&'a BTreeSet<String>>,
}

impl Coverage {
    /// Finds what belongs together.
    pub fn of(source: &Source, wanted: &[Wanted], filling: Filling<'_>) -> Self {
        Search::of(source, wanted, filling)
    }

    /// Whether everything fits.
    pub fn is_complete(&self) -> bool {
        let Self { missing, unexpected, shape_differs, faults, .. } = self;
        let floats = self.matched.iter().all(|found| found.element.is_float());
        missing.is_empty() && unexpected.is_empty() && shape_differs.is_empty() && faults.is_empty() && floats
    }

    /// Sentences on what is converted, turned or reshaped.
    pub fn notes(&self) -> Vec<String> {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for found in &self.matched {
            match found.element {
                Element::F32 | Element::Other(_) => {}
                Element::F64 | Element::F16 | Element::Bf16 => {
                    *kinds.entry(format!("converted from {} to f32", found.element.name())).or_default() += 1;
                }
            }
            match found.turn {
                Turn::AsIs => {}
                Turn::Reshaped | Turn::Transposed => {
                    *kinds.entry(found.turn.name().to_owned()).or_default() += 1;
                }
            }
        }
        kinds.into_iter().map(|(what, count)| format!("{count} {what}")).collect()
    }
}
