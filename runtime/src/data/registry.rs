//! Opens datasets by name: what `--data` and `--root` say goes in, a dataset comes out.
//!
//! No folder is guessed. A dataset of files lies where `--root` says, or where its environment variable does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::codes;
use crate::data::Dataset;
use crate::data::batch::Preparation;
use crate::data::camvid;
use crate::data::cityscapes;
use crate::data::scenes::Scenes;
use crate::data::synthia;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// The datasets that can be opened, with a line on each.
pub const DATASETS: &[(&str, &str)] = &[
    ("scenes", "procedural street scenes, made as they are asked for; needs no files"),
    ("camvid", "CamVid in SegNet's layout, from `--root` or the variable CAMVID_DATASET"),
    ("cityscapes", "Cityscapes in its own layout, from `--root` or the variable CITYSCAPES_DATASET"),
    ("synthia", "SYNTHIA-RAND-CITYSCAPES, from `--root` or the variable SYNTHIA_DATASET"),
];

/// Rows and columns of `scenes` where neither spec nor flags say a size.
pub const SCENES_SIZE: [usize; 2] = [192, 384];

/// Opens the dataset called `name`. `root` is the folder of a dataset of files; `size` (rows, columns) is
/// what a generated dataset is made at; `table` reads the labels of a dataset of files instead of its own.
///
/// # Errors
/// `phg::data::unknown` for other names, `phg::data::root` when the folder is not given or not one of this
/// dataset, and those of the dataset.
pub fn open(
    name: &str,
    root: Option<&Path>,
    table: Option<ClassTable>,
    size: Option<[usize; 2]>,
) -> Result<Box<dyn Dataset>> {
    open_in(name, root, table, size, &|variable| std::env::var_os(variable))
}

/// As [`open`], with the environment at hand.
fn open_in(
    name: &str,
    root: Option<&Path>,
    table: Option<ClassTable>,
    size: Option<[usize; 2]>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Box<dyn Dataset>> {
    let root = |variable, layout| root_of(name, root, variable, layout, environment);
    match name {
        "scenes" if table.is_some() => {
            Err(Error::new(codes::DATA_TABLE, Kind::Usage, "`scenes` draws the classes of its own table")
                .at("--table")
                .help("leave `--table` out, or name a dataset of files"))
        }
        "scenes" => {
            let [height, width] = size.unwrap_or(SCENES_SIZE);
            // A scene takes memory as it is made, so its size is checked before one is asked for.
            Preparation { size: Some([height, width]), ..Preparation::default() }.check()?;
            Ok(Box::new(Scenes::new(height, width)?))
        }
        "camvid" => Ok(Box::new(camvid::open(&root("CAMVID_DATASET", camvid::LAYOUT)?, table)?)),
        "cityscapes" => {
            Ok(Box::new(cityscapes::open(&root("CITYSCAPES_DATASET", cityscapes::LAYOUT)?, table)?))
        }
        "synthia" => Ok(Box::new(synthia::open(&root("SYNTHIA_DATASET", synthia::LAYOUT)?, table)?)),
        other => Err(unknown(other)),
    }
}

fn root_of(
    name: &str,
    root: Option<&Path>,
    variable: &str,
    layout: &str,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<PathBuf> {
    let given = root
        .map(Path::to_owned)
        .or_else(|| environment(variable).filter(|value| !value.is_empty()).map(PathBuf::from));
    given.ok_or_else(|| {
        Error::new(codes::DATA_ROOT, Kind::Usage, format!("dataset `{name}` needs its folder"))
            .at("--root")
            .help(format!("write `--root DIR`, or set {variable}; this layout is read:\n{layout}"))
    })
}

fn unknown(name: &str) -> Error {
    let names = || DATASETS.iter().map(|(known, _)| *known);
    let near = names()
        .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let all = names().collect::<Vec<_>>().join(", ");
    let help = match near {
        Some((_, near)) => format!("write `--data {near}`; there are: {all}"),
        None => format!("there are: {all}"),
    };
    Error::new(codes::DATA_UNKNOWN, Kind::Usage, format!("no dataset is called `{name}`"))
        .at("--data")
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::write::{self, Layout};
    use crate::data::{Split, fixtures};

    fn none(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn unknown_names_get_the_nearest_one() {
        let help = |name| {
            let error = open_in(name, None, None, None, &none).err().unwrap();
            assert_eq!(error.code, codes::DATA_UNKNOWN);
            error.help.unwrap()
        };
        assert_eq!(help("CamVids"), "write `--data camvid`; there are: scenes, camvid, cityscapes, synthia");
        assert_eq!(help("scene"), "write `--data scenes`; there are: scenes, camvid, cityscapes, synthia");
        assert!(help("Cityscape").starts_with("write `--data cityscapes`"));
        assert_eq!(help("xyz"), "there are: scenes, camvid, cityscapes, synthia");
    }

    #[test]
    fn a_root_is_needed_from_the_flag_or_the_environment() {
        let error = open_in("camvid", None, None, None, &none).err().unwrap();
        assert_eq!((error.code, error.kind), (codes::DATA_ROOT, Kind::Usage));
        let help = error.help.unwrap();
        assert!(help.contains("CAMVID_DATASET") && help.contains(camvid::LAYOUT));
        assert!(open_in("camvid", None, None, None, &|_| Some(OsString::new())).is_err());

        let root = tempfile::tempdir().unwrap();
        fixtures::camvid(root.path(), "train", &["a", "b"]);
        let variable = |name: &str| (name == "CAMVID_DATASET").then(|| root.path().into());
        assert_eq!(open_in("camvid", None, None, None, &variable).unwrap().len(Split::Train), 2);
        // The flag goes before.
        let error = open_in("camvid", Some(Path::new("/nowhere")), None, None, &variable).err().unwrap();
        assert_eq!(error.place.as_deref(), Some("/nowhere"));
    }

    #[test]
    fn every_dataset_of_files_has_a_variable_of_its_own() {
        let scenes = Scenes::with_lengths(16, 32, [2, 1, 1]).unwrap();
        for (name, _) in DATASETS.iter().filter(|(name, _)| *name != "scenes") {
            let root = tempfile::tempdir().unwrap();
            let layout = Layout::named(name).unwrap();
            write::write(&scenes, layout, root.path(), &|| ()).unwrap();
            let own = format!("{}_DATASET", name.to_uppercase());
            let variable = |asked: &str| (asked == own).then(|| root.path().into());
            let set = open_in(name, None, None, None, &variable).unwrap();
            assert_eq!((set.name(), set.len(Split::Train), set.len(Split::Test)), (*name, 2, 1));
            let error = open_in(name, None, None, None, &none).err().unwrap();
            assert!(error.help.unwrap().contains(&own));
        }
    }

    #[test]
    fn scenes_need_no_folder() {
        let set = open_in("scenes", None, None, Some([32, 48]), &none).unwrap();
        let sample = set.sample(Split::Train, 0).unwrap();
        assert_eq!((sample.image.height, sample.image.width), (32, 48));
        let error = open_in("scenes", None, None, Some([0, 48]), &none).err().unwrap();
        assert_eq!(error.code, codes::DATA_PREPARATION);
    }
}
