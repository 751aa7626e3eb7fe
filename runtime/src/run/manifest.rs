//! What a run is: `manifest.json`.
//!
//! Comes in: the command, the spec, the data and the device of a training. Goes out: a file that says so, and the
//! answer to whether a later command may go on with the run. Guaranteed: a run is only resumed with the spec, the
//! parameters, the seed and the data that it was started with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::data::table::ClassTable;
use crate::data::{Dataset, Split};
use crate::error::{Error, Kind, Result};
use crate::precision::Precision;
use crate::run::time;

/// The format of `manifest.json` that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The program's own version and Burn's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of `phgc`.
    pub phgc: String,
    /// Of Burn, which the workspace pins.
    pub burn: String,
}

impl Default for Versions {
    /// Those of this program.
    fn default() -> Self {
        Self { phgc: env!("CARGO_PKG_VERSION").into(), burn: "0.22.1".into() }
    }
}

/// The spec of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecSource {
    /// As given on the command line.
    pub path: String,
    /// Hash of the text, imports included.
    pub blake3: String,
}

impl SpecSource {
    /// The spec at `path` with this text.
    pub fn new(path: impl Into<String>, text: &str) -> Self {
        Self { path: path.into(), blake3: blake3::hash(text.as_bytes()).to_hex().to_string() }
    }
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSource {
    /// What `--data` took.
    pub name: String,
    /// What `--root` took.
    pub root: Option<String>,
    /// What each split holds, as [`Dataset::fingerprint`] says it.
    pub fingerprints: BTreeMap<Split, String>,
    /// The classes.
    pub table: ClassTable,
}

impl DataSource {
    /// Describes a dataset; splits that it lacks are left out.
    pub fn new(data: &dyn Dataset, root: Option<String>) -> Self {
        let splits = Split::ALL.into_iter();
        let fingerprints = splits
            .filter(|split| data.len(*split) > 0)
            .map(|split| (split, data.fingerprint(split)))
            .collect();
        Self { name: data.name().into(), root, fingerprints, table: data.table().clone() }
    }
}

/// One process that trained in the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// UTC, RFC 3339.
    pub started: String,
    /// The program's arguments.
    pub command: Vec<String>,
    /// Such as `cpu (flex)`.
    pub device: String,
    /// Compute threads: on a CPU the same number gives the same bits.
    pub threads: usize,
    /// The program.
    pub versions: Versions,
    /// The step that it went on from; 0 for the first.
    pub from_step: u64,
}

impl Process {
    /// A process of this program that starts now.
    pub fn new(command: Vec<String>, device: impl Into<String>, threads: usize) -> Self {
        let versions = Versions::default();
        Self { started: time::now_text(), command, device: device.into(), threads, versions, from_step: 0 }
    }
}

/// What a run's parameters began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitSource {
    /// What `--init` named.
    pub path: String,
    /// Hash of the file, or of a run's tensors as a file would have them; empty where the file was not read, when a
    /// run is resumed.
    pub blake3: String,
    /// What `--map` named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// Hash of the map's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_blake3: Option<String>,
    /// What `--only` named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// How many parameters and statistics were taken.
    pub taken: usize,
}

impl InitSource {
    /// Whether both were asked for by the same flags.
    fn is_asked_for_as(&self, other: &Self) -> bool {
        (&self.path, &self.map, &self.only) == (&other.path, &other.map, &other.only)
    }
}

/// What a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The spec.
    pub spec: SpecSource,
    /// The spec's parameters as resolved, `--set` included: a JSON object.
    pub parameters: serde_json::Value,
    /// In which numbers it is trained; runs of versions that knew one precision only have `f32`.
    #[serde(default)]
    pub precision: Precision,
    /// The seed of every random number.
    pub seed: u64,
    /// What parameters began with, if not all of them with random values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitSource>,
    /// The data.
    pub data: DataSource,
    /// Who trained, in order. The first tells when the run was created, and how; runs of versions that did not write
    /// it down have none.
    #[serde(default)]
    pub processes: Vec<Process>,
}

impl Manifest {
    /// The manifest of a new run.
    pub fn new(
        spec: SpecSource,
        parameters: serde_json::Value,
        seed: u64,
        data: DataSource,
        process: Process,
    ) -> Self {
        let precision = Precision::F32;
        Self { format: FORMAT, spec, parameters, precision, seed, init: None, data, processes: vec![process] }
    }

    /// The same run, whose parameters begin with values from elsewhere.
    #[must_use]
    pub fn with_init(self, init: Option<InitSource>) -> Self {
        Self { init, ..self }
    }

    /// The same run in another precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Eight hexadecimal digits that stand for the spec's text and its resolved parameters in a run's name.
    pub fn hash8(&self) -> String {
        let identity = format!("{}\n{}", self.spec.blake3, self.parameters);
        blake3::hash(identity.as_bytes()).to_hex()[..8].to_string()
    }

    /// Whether `now` names other first weights. To resume it need not name them: they are not read again.
    fn began_otherwise(&self, now: &Self) -> bool {
        let same = |now: &InitSource| self.init.as_ref().is_some_and(|then| then.is_asked_for_as(now));
        now.init.as_ref().is_some_and(|now| !same(now))
    }

    /// Whether `now`, the manifest of a command that resumes, goes on with this run.
    ///
    /// # Errors
    /// `phg::run::changed`, naming all that differs.
    pub fn check_continues(&self, now: &Self) -> Result<()> {
        let (old, new) = (&self.data, &now.data);
        // The other splits may come and go: they change no step of the training.
        let train = |data: &DataSource| data.fingerprints.get(&Split::Train).cloned();
        let parameters = changed(&self.parameters, &now.parameters);
        let differences: Vec<&str> = [
            ("the text of the spec", self.spec.blake3 != now.spec.blake3),
            (parameters.as_str(), self.parameters != now.parameters),
            ("the precision", self.precision != now.precision),
            ("the seed", self.seed != now.seed),
            ("the first weights", self.began_otherwise(now)),
            ("the dataset", old.name != new.name),
            ("the class table", old.table != new.table),
            ("the training images", old.name == new.name && train(old) != train(new)),
        ]
        .into_iter()
        .filter_map(|(what, differs)| differs.then_some(what))
        .collect();
        if differences.is_empty() {
            return Ok(());
        }
        let message = format!("the run was started with other values of: {}", differences.join(", "));
        Err(Error::new(codes::RUN_CHANGED, Kind::Usage, message).help(
            "resume with the command in the run's `manifest.json`, or start a new run without `--resume`",
        ))
    }
}

/// Such as `parameters (steps: 75 then, 90 now)`.
fn changed(then: &serde_json::Value, now: &serde_json::Value) -> String {
    let keys = |value: &serde_json::Value| {
        value.as_object().map(|map| map.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default()
    };
    let said =
        |value: &serde_json::Value| if value.is_null() { "not given".into() } else { value.to_string() };
    let keys: BTreeSet<String> = keys(then).union(&keys(now)).cloned().collect();
    let differing = keys.iter().filter(|key| then[key.as_str()] != now[key.as_str()]);
    let list: Vec<String> = differing
        .map(|key| format!("{key}: {} then, {} now", said(&then[key.as_str()]), said(&now[key.as_str()])))
        .collect();
    if list.is_empty() { "parameters".into() } else { format!("parameters ({})", list.join("; ")) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        let table = "name = \"two\"\n[[class]]\nid = 0\nname = \"road\"\ncolour = [1, 2, 3]\n\
                     [[class]]\nid = 1\nname = \"sky\"\ncolour = [4, 5, 6]\n";
        let data = DataSource {
            name: "scenes".into(),
            root: None,
            fingerprints: BTreeMap::from([(Split::Train, "v1-100".into()), (Split::Val, "v1-20".into())]),
            table: ClassTable::parse(table, "test").unwrap(),
        };
        let spec = SpecSource::new("specs/unet-small.phg", "network unet {}\n");
        let process = Process::new(vec!["phgc".into(), "train".into()], "cpu", 2);
        Manifest::new(spec, serde_json::json!({"width": 8}), 7, data, process)
    }

    #[test]
    fn differences_are_named_together() {
        let run = manifest();
        let mut now = manifest();
        now.processes[0].threads = 9;
        now.data.fingerprints.remove(&Split::Val);
        assert_eq!(run.check_continues(&now), Ok(()), "a device or the validation split may change");
        let half = manifest().with_precision(Precision::Bf16);
        let error = run.check_continues(&half).unwrap_err();
        assert!(error.message.ends_with(": the precision"), "{}", error.message);
        now.seed = 8;
        now.parameters = serde_json::json!({"width": 16});
        let error = run.check_continues(&now).unwrap_err();
        assert_eq!(error.code, codes::RUN_CHANGED);
        assert_eq!(
            error.message,
            "the run was started with other values of: parameters (width: 8 then, 16 now), the seed"
        );
        let mut now = manifest();
        now.data.fingerprints.insert(Split::Train, "v1-99".into());
        assert!(run.check_continues(&now).unwrap_err().message.ends_with(": the training images"));
    }

    #[test]
    fn first_weights_may_be_left_unsaid_when_resuming_but_not_be_others() {
        let init = |path: &str, blake3: &str| InitSource {
            path: path.into(),
            blake3: blake3.into(),
            map: None,
            map_blake3: None,
            only: vec!["encoder".into()],
            taken: 2,
        };
        let run = manifest().with_init(Some(init("a.pth", "12")));
        assert_eq!(run.check_continues(&manifest()), Ok(()));
        assert_eq!(run.check_continues(&manifest().with_init(Some(init("a.pth", "")))), Ok(()));
        for (run, now) in [(&run, init("b.pth", "12")), (&manifest(), init("a.pth", "12"))] {
            let error = run.check_continues(&manifest().with_init(Some(now))).unwrap_err();
            assert!(error.message.ends_with(": the first weights"), "{}", error.message);
        }
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), run);
        assert!(!serde_json::to_string(&manifest()).unwrap().contains("init"));
    }

    #[test]
    fn a_run_that_does_not_tell_its_precision_has_32_bits() {
        let mut written = serde_json::to_value(manifest().with_precision(Precision::Bf16)).unwrap();
        assert_eq!(written["precision"], "bf16");
        written.as_object_mut().unwrap().remove("precision");
        let read: Manifest = serde_json::from_value(written).unwrap();
        assert_eq!(read, manifest());
    }

    #[test]
    fn a_run_that_does_not_tell_who_trained_opens() {
        let mut written = serde_json::to_value(manifest()).unwrap();
        written.as_object_mut().unwrap().remove("processes");
        let read: Manifest = serde_json::from_value(written).unwrap();
        assert_eq!(read.processes, []);
        assert_eq!(Manifest { processes: manifest().processes, ..read }, manifest());
    }

    #[test]
    fn the_name_s_hash_stands_for_text_and_parameters() {
        let (run, mut now) = (manifest(), manifest());
        assert_eq!(run.hash8(), now.hash8());
        assert_eq!(run.hash8().len(), 8);
        now.seed = 1;
        assert_eq!(run.hash8(), now.hash8(), "seeds are told apart by the number at the end");
        now.parameters = serde_json::json!({"width": 16});
        assert_ne!(run.hash8(), now.hash8());
    }

    #[test]
    fn burn_s_version_is_the_one_that_the_workspace_pins() {
        let workspace = include_str!("../../../Cargo.toml");
        let pin = format!("burn = {{ version = \"={}\"", Versions::default().burn);
        assert!(workspace.contains(&pin), "{pin}");
    }
}
