//! Class tables: which ids a dataset has, what they are called, how they are drawn, which is void.
//!
//! A table is a readable TOML file (see `runtime/src/data/tables/`), it is stored with every run, and
//! a user can replace it.

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::error::{Error, Kind, Result};

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The id that label maps, losses and predictions use; ids run from 0 without gaps.
    pub id: u8,
    /// Lower case, such as `road`.
    pub name: String,
    /// RGB.
    pub colour: [u8; 3],
    /// Void: has an output channel, but neither losses nor metrics count its pixels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub void: bool,
}

/// The classes of a dataset, ordered by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTable {
    /// What the table is called in reports.
    pub name: String,
    /// Ordered by id, `classes[i].id == i`.
    #[serde(rename = "class")]
    pub classes: Vec<Class>,
    /// How raw values of label files become classes: raw value to class *name*. Empty: raw values are ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<Raw>,
}

/// Raw label values and the class that they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The dataset's own name for the value, for readers of the table.
    pub name: String,
    /// The value in the label file.
    pub value: u16,
    /// The name of the class that it counts as.
    pub class: String,
}

impl ClassTable {
    /// Reads a table from a file and checks it.
    ///
    /// # Errors
    /// `phg::data::unreadable`, and those of [`ClassTable::parse`].
    pub fn read(path: &std::path::Path) -> Result<Self> {
        let bytes = super::decode::bytes_of(path)?;
        Self::parse(&String::from_utf8_lossy(&bytes), &path.display().to_string())
    }

    /// Reads a table and checks it.
    ///
    /// # Errors
    /// `phg::data::table` when the text does not parse, ids have gaps, a name stands twice, more than
    /// one class is void, or a raw value names a class that is not there.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let bad = |message: String| Error::new(codes::DATA_TABLE, Kind::Data, message).at(place);
        let mut table: Self =
            toml::from_str(text).map_err(|e| bad(format!("class table does not parse: {}", e.message())))?;
        table.classes.sort_by_key(|class| class.id);
        if table.classes.is_empty() || table.classes.len() > 255 {
            return Err(bad(format!("a table has 1 to 255 classes, not {}", table.classes.len())));
        }
        for (at, class) in table.classes.iter().enumerate() {
            if usize::from(class.id) != at {
                return Err(bad(format!(
                    "class ids run from 0 without gaps; `{}` has {}",
                    class.name, class.id
                ))
                .help(format!("give `{}` the id {at}", class.name)));
            }
            if table.classes[..at].iter().any(|other| other.name == class.name) {
                return Err(bad(format!("class `{}` stands twice", class.name)));
            }
        }
        if table.classes.iter().filter(|class| class.void).count() > 1 {
            return Err(bad("more than one class is void".into())
                .help("map the others to one void class in `[[raw]]`"));
        }
        for (at, raw) in table.raw.iter().enumerate() {
            if table.id_of(&raw.class).is_none() {
                return Err(bad(format!("raw value {} means `{}`, which is no class", raw.value, raw.class)));
            }
            if table.raw[..at].iter().any(|other| other.value == raw.value) {
                return Err(bad(format!("raw value {} stands twice", raw.value)));
            }
        }
        Ok(table)
    }

    /// Number of classes, void included: the channels that a network for this dataset has.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// A checked table is never empty.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The void class's id.
    pub fn void(&self) -> Option<u8> {
        self.classes.iter().find(|class| class.void).map(|class| class.id)
    }

    /// The id of the class called `name`.
    pub fn id_of(&self, name: &str) -> Option<u8> {
        self.classes.iter().find(|class| class.name == name).map(|class| class.id)
    }

    /// The ids that count in losses and metrics.
    pub fn counted(&self) -> impl Iterator<Item = u8> + '_ {
        self.classes.iter().filter(|class| !class.void).map(|class| class.id)
    }
}
