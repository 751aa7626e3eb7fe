//! The grid: specs, varied values and seeds go in; cells come out, each with the settings that make it.
//!
//! Guaranteed: every combination is one cell, cells have distinct names that are names of folders, and nothing is set
//! twice.

use std::path::{Path, PathBuf};

use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::run::SpecSource;
use serde_json::{Value, json};

use crate::args::Ablate;
use crate::score::distinct;
use crate::train;

/// What the axis of several specs is called.
const SPEC: &str = "spec";

/// The longest name of a cell; file systems take 255 bytes.
const LONGEST_NAME: usize = 160;

/// One thing that varies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// A parameter or setting; `spec` for several specs.
    pub(super) name: String,
    /// At least one, all different, as written.
    pub(super) values: Vec<String>,
}

/// One combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// `K=4,use_g=true`; the name of its folder.
    pub(super) name: String,
    /// Its value of each axis.
    pub(super) values: Vec<String>,
    /// Its spec.
    pub(super) spec: PathBuf,
    /// What is set of it.
    pub(super) sets: Vec<(String, String)>,
}

/// All combinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// What varies.
    pub(super) axes: Vec<Axis>,
    /// The last axis varies fastest.
    pub(super) cells: Vec<Cell>,
    /// Each cell is trained once with each.
    pub(super) seeds: Vec<u64>,
}

impl Grid {
    /// The grid that a command line asks for.
    ///
    /// # Errors
    /// `phg::ablate::grid`.
    pub(super) fn new(args: &Ablate) -> Result<Self, Error> {
        let stem = |spec: &PathBuf| spec.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let specs = distinct(args.specs.iter().map(stem).collect());
        let mut axes = Vec::new();
        if specs.len() > 1 {
            axes.push(Axis { name: SPEC.into(), values: specs.clone() });
        }
        let set = train::settings(&args.training, None);
        let is_set = |name: &str| set.iter().any(|(known, _)| known == name);
        if is_set("train.seed") {
            return Err(wrong("the seed is set", "--set").help("write `--seeds 0,1,2`"));
        }
        for (name, values) in &args.vary {
            let place = format!("--vary {name}={values}");
            let axis = Axis { name: name.clone(), values: split(values) };
            if name == "train.seed" {
                return Err(wrong("seeds are no axis of the grid", &place)
                    .help(format!("write `--seeds {}`", axis.values.join(","))));
            }
            if axes.iter().any(|other| other.name == *name) {
                return Err(wrong(&format!("`{name}` is varied twice"), &place)
                    .help(format!("write all values once: `--vary {name}=...,...`")));
            }
            if is_set(name) {
                return Err(wrong(&format!("`{name}` is varied and set to one value"), &place)
                    .help("leave one of the two flags out"));
            }
            if axis.values.iter().any(String::is_empty) {
                return Err(wrong(&format!("a value of `{name}` is empty"), &place)
                    .help("write values with a comma between them, such as `--vary K=1,4,8`"));
            }
            if let Some(twice) = repeated(&axis.values) {
                return Err(wrong(&format!("`{name}` has the value `{twice}` twice"), &place)
                    .help("write each value once"));
            }
            axes.push(axis);
        }
        if let Some(twice) = repeated(&args.seeds) {
            return Err(wrong(&format!("seed {twice} stands twice"), "--seeds").help("write each seed once"));
        }
        let varied: Vec<&Axis> = axes.iter().filter(|axis| axis.name != SPEC || specs.len() == 1).collect();
        let mut cells = Vec::new();
        for (path, spec) in args.specs.iter().zip(&specs) {
            for sets in combinations(&varied) {
                let spec_value = (specs.len() > 1).then(|| (SPEC.to_owned(), spec.clone()));
                let all: Vec<(String, String)> = spec_value.into_iter().chain(sets.clone()).collect();
                let words: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let name = if words.is_empty() { spec.clone() } else { words.join(",") };
                let values = all.into_iter().map(|(_, value)| value).collect();
                cells.push(Cell { name: file_name(&name), values, spec: path.clone(), sets });
            }
        }
        let names = distinct(cells.iter().map(|cell| cell.name.clone()).collect());
        for (cell, name) in cells.iter_mut().zip(names) {
            cell.name = name;
        }
        Ok(Self { axes, cells, seeds: args.seeds.clone() })
    }

    /// Every training: the place of its cell, and its seed. Seeds vary slowest, so that a grid that is not finished
    /// has a value of each cell first.
    pub(super) fn trainings(&self) -> Vec<(usize, u64)> {
        self.seeds.iter().flat_map(|seed| (0..self.cells.len()).map(move |cell| (cell, *seed))).collect()
    }

    /// What varies, for `ablate.json` and `table.json`.
    pub(super) fn view(&self) -> Value {
        self.axes.iter().map(|axis| json!({ "name": axis.name, "values": axis.values })).collect()
    }
}

/// Where the run of a cell and a seed lies below the grid's folder.
pub(super) fn run_folder(folder: &Path, cell: &Cell, seed: u64) -> PathBuf {
    folder.join(&cell.name).join(format!("seed-{seed}"))
}

fn wrong(message: &str, place: &str) -> Error {
    Error::new(codes::ABLATE_GRID, Kind::Usage, message).at(place)
}

/// The first that stands twice.
fn repeated<T: PartialEq>(values: &[T]) -> Option<&T> {
    values
        .iter()
        .enumerate()
        .find(|(at, value)| values.iter().take(*at).any(|other| other == *value))
        .map(|(_, value)| value)
}

/// Cuts at commas, but for those within brackets or quotation marks.
fn split(text: &str) -> Vec<String> {
    let (mut depth, mut quoted) = (0usize, false);
    let mut values = vec![String::new()];
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            '[' | '(' | '{' if !quoted => depth += 1,
            ']' | ')' | '}' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(value) = values.last_mut() {
            value.push(letter);
        }
    }
    values.iter().map(|value| value.trim().to_owned()).collect()
}

/// Every combination of the axes' values, the last axis varying fastest.
fn combinations(axes: &[&Axis]) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new()];
    for axis in axes {
        let with = |before: &Vec<(String, String)>| {
            let before = before.clone();
            let value = |value: &String| {
                before.iter().cloned().chain([(axis.name.clone(), value.clone())]).collect::<Vec<_>>()
            };
            axis.values.iter().map(value).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// A name without what file systems and shells take for something else; a long one ends in a hash.
fn file_name(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.=,+[]".contains(c);
    let name: String = text.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let hash = SpecSource::new("", text).blake3;
    let mut kept: String = name.chars().take(LONGEST_NAME / 4).collect();
    kept.extend(['-'].into_iter().chain(hash.chars().take(8)));
    kept
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn grid(args: &[&str]) -> Result<Grid, Error> {
        let all = [&["phgc", "ablate", "a/net.phg", "-o", "out"], args].concat();
        let Command::Ablate(args) = Cli::try_parse_from(all).unwrap().command else { panic!("not `ablate`") };
        Grid::new(&args)
    }

    fn names(grid: &Grid) -> Vec<&str> {
        grid.cells.iter().map(|cell| cell.name.as_str()).collect()
    }

    #[test]
    fn every_combination_is_a_cell_with_a_readable_name() {
        let two = grid(&["--vary", "K=1,4", "--vary", "use_g=true,false", "--seeds", "0,7"]).unwrap();
        assert_eq!(names(&two), ["K=1,use_g=true", "K=1,use_g=false", "K=4,use_g=true", "K=4,use_g=false"]);
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(two.cells[1].sets, [set("K", "1"), set("use_g", "false")]);
        let trainings = two.trainings();
        assert_eq!((trainings.len(), trainings[1], trainings[5]), (8, (1, 0), (1, 7)));
        assert_eq!(run_folder(Path::new("o"), &two.cells[2], 7), Path::new("o/K=4,use_g=true/seed-7"));

        let specs = grid(&["b/net.phg", "c/other.phg", "--vary", "K=1,4"]).unwrap();
        assert_eq!(
            specs.axes[0],
            Axis { name: "spec".into(), values: ["net", "net (2)", "other"].map(String::from).to_vec() }
        );
        assert_eq!(names(&specs)[..3], ["spec=net,K=1", "spec=net,K=4", "spec=net--2-,K=1"]);
        assert_eq!(specs.cells[4].spec, Path::new("c/other.phg"));

        assert_eq!(names(&grid(&[]).unwrap()), ["net"]);
    }

    #[test]
    fn values_may_have_commas_within_brackets() {
        assert_eq!(split("[1, 2],[3,4]"), ["[1, 2]", "[3,4]"]);
        assert_eq!(split("adam(rate: 1e-3, decay: 0), sgd"), ["adam(rate: 1e-3, decay: 0)", "sgd"]);
        let odd = grid(&["--vary", "train.optimizer=adam(rate: 1e-3),adam(rate: 1e+3)", "--vary", "by=a/b"])
            .unwrap();
        assert_eq!(
            names(&odd),
            ["train.optimizer=adam-rate--1e-3-,by=a-b", "train.optimizer=adam-rate--1e+3-,by=a-b"]
        );
        let long = grid(&["--vary", &format!("x={},{}", "9".repeat(300), "9".repeat(301))]).unwrap();
        assert!(names(&long).iter().all(|name| name.len() < 60) && names(&long)[0] != names(&long)[1]);
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        let wrong: [&[&str]; 9] = [
            &["--vary", "K=1,4", "--vary", "K=8"],
            &["--vary", "K=1,4,1"],
            &["--vary", "K=1,,4"],
            &["--vary", "K=1,4", "--set", "K=3"],
            &["--vary", "train.steps=1,4", "--steps", "3"],
            &["--vary", "train.seed=1,4"],
            &["--set", "train.seed=1"],
            &["--seeds", "1,2,1"],
            &["b.phg", "--vary", "spec=1,2"],
        ];
        for args in wrong {
            let error = grid(args).unwrap_err();
            assert_eq!((error.code, error.kind), (codes::ABLATE_GRID, Kind::Usage), "{args:?}");
            assert!(error.place.is_some() && error.help.is_some(), "{args:?}");
        }
        let seeds = grid(&["--vary", "train.seed=1,4"]).unwrap_err();
        assert_eq!(seeds.help.as_deref(), Some("write `--seeds 1,4`"));
    }
}
