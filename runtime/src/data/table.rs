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

/// The tables that come with this crate, by name, as text that a user may copy and change.
pub const SHIPPED: &[(&str, &str)] = &[
    ("scenes", super::scenes::TABLE),
    ("camvid", include_str!("tables/camvid.toml")),
    ("cityscapes", include_str!("tables/cityscapes.toml")),
    ("cityscapes-19", include_str!("tables/cityscapes-19.toml")),
    ("synthia", include_str!("tables/synthia.toml")),
];

impl ClassTable {
    /// The table of [`SHIPPED`] that is called `name`.
    ///
    /// # Errors
    /// `phg::data::table` when there is none.
    pub fn shipped(name: &str) -> Result<Self> {
        match SHIPPED.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::parse(text, &format!("tables/{name}.toml")),
            None => {
                let names: Vec<&str> = SHIPPED.iter().map(|(known, _)| *known).collect();
                Err(Error::new(codes::DATA_TABLE, Kind::Usage, format!("no class table is called `{name}`"))
                    .help(format!("tables are {}, or name a file", names.join(", "))))
            }
        }
    }

    /// What `--table` means: the file at `path`, or where there is none the table of [`SHIPPED`] with that name.
    ///
    /// # Errors
    /// As [`ClassTable::read`] for a path with a folder or an ending, otherwise as [`ClassTable::shipped`].
    pub fn named(path: &std::path::Path) -> Result<Self> {
        let name = path.to_str().filter(|name| !name.contains(['/', '\\', '.']));
        match name {
            Some(name) if !path.exists() => Self::shipped(name),
            Some(_) | None => Self::read(path),
        }
    }

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

    /// The raw value that stands for each class, by id: the one that is called as the class, otherwise the smallest
    /// that counts as it; none for a class that no raw value counts as.
    pub fn raw_values(&self) -> Vec<Option<u16>> {
        let value = |class: &Class| {
            let own = self.raw.iter().filter(|raw| raw.class == class.name);
            own.min_by_key(|raw| (raw.name != raw.class, raw.value)).map(|raw| raw.value)
        };
        self.classes.iter().map(value).collect()
    }

    /// The ids that count in losses and metrics.
    pub fn counted(&self) -> impl Iterator<Item = u8> + '_ {
        self.classes.iter().filter(|class| !class.void).map(|class| class.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes that raw values 0, 1, ... count as.
    fn ids(table: &ClassTable) -> Vec<u8> {
        let mut rows: Vec<(u16, u8)> =
            table.raw.iter().map(|raw| (raw.value, table.id_of(&raw.class).unwrap())).collect();
        rows.sort_unstable();
        assert!(rows.iter().enumerate().all(|(at, (value, _))| usize::from(*value) == at));
        rows.into_iter().map(|(_, id)| id).collect()
    }

    #[test]
    fn every_table_that_is_shipped_is_sound_and_called_what_it_says() {
        for (name, _) in SHIPPED {
            let table = ClassTable::shipped(name).unwrap();
            assert_eq!((table.name.as_str(), table.void().is_some()), (*name, true));
        }
        let error = ClassTable::shipped("kitti").unwrap_err();
        assert_eq!((error.code, error.kind), (codes::DATA_TABLE, Kind::Usage));
        assert!(error.help.unwrap().contains("cityscapes-19"));
    }

    /// The reductions to AdapNet++'s classes, written down apart from the tables.
    #[test]
    fn ids_of_cityscapes_and_synthia_count_as_the_twelve_classes() {
        let city = ClassTable::shipped("cityscapes").unwrap();
        let twelve = [
            0, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 2, 0, 5, 0, 0, 0, 7, 0, 0, 9, 6, 0, 1, 10, 11, 8, 8, 8, 0, 0, 0,
            11, 11,
        ];
        assert_eq!(ids(&city), twelve);
        let synthia = ClassTable::shipped("synthia").unwrap();
        assert_eq!(ids(&synthia), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 0, 0, 0, 0, 11, 8, 8, 0, 0, 0]);
        // One order and one set of names, so that a run on one is scored on the other.
        let names = |table: &ClassTable| -> Vec<(String, bool)> {
            table.classes.iter().map(|class| (class.name.clone(), class.void)).collect()
        };
        let scenes = names(&ClassTable::shipped("scenes").unwrap());
        assert_eq!((names(&city), names(&synthia)), (scenes.clone(), scenes));
    }

    /// The trainIds of cityscapesScripts, 255 written as 19.
    #[test]
    fn the_nineteen_classes_are_those_of_the_train_ids() {
        let table = ClassTable::shipped("cityscapes-19").unwrap();
        let train_ids = [
            19, 19, 19, 19, 19, 19, 19, 0, 1, 19, 19, 2, 3, 4, 19, 19, 19, 5, 19, 6, 7, 8, 9, 10, 11, 12, 13,
            14, 15, 19, 19, 16, 17, 18,
        ];
        assert_eq!((ids(&table), table.void(), table.len()), (train_ids.to_vec(), Some(19), 20));
        // A value that has a class of its own is called what its class is called.
        let own = table.raw.iter().filter(|raw| raw.class != "void");
        assert_eq!(own.filter(|raw| raw.name == raw.class).count(), 19);
    }

    /// Ids of labels.py: what is called as the class; for the reductions sign 20, cyclist 25 (rider), car 26.
    #[test]
    fn a_class_is_written_as_the_value_of_its_name() {
        let values = |name: &str| -> Vec<u16> {
            ClassTable::shipped(name).unwrap().raw_values().into_iter().flatten().collect()
        };
        assert_eq!(values("cityscapes"), [0, 23, 11, 7, 8, 13, 21, 17, 26, 20, 24, 25]);
        let nineteen = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33, 0];
        assert_eq!(values("cityscapes-19"), nineteen);
        assert_eq!(ClassTable::shipped("scenes").unwrap().raw_values(), [None; 12]);
    }

    #[test]
    fn a_file_goes_before_a_table_that_is_shipped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, SHIPPED[1].1).unwrap();
        assert_eq!(ClassTable::named(&file).unwrap().name, "camvid");
        assert_eq!(ClassTable::named("synthia".as_ref()).unwrap().name, "synthia");
        let missing = ClassTable::named(&folder.path().join("synthia")).unwrap_err();
        assert_eq!(missing.code, codes::DATA_UNREADABLE);
        assert_eq!(ClassTable::named("synthia.toml".as_ref()).unwrap_err().code, codes::DATA_UNREADABLE);
    }
}
