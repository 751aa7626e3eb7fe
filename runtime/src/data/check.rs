//! Looks through a dataset: every list and every pair of every split is read, and what is wrong is counted and named.
//!
//! A dataset goes in, a [`Report`] comes out, the same in every run. Nothing stops it: a line that is unusable, or a
//! pair that cannot be read, is one finding more.

use std::collections::BTreeMap;
use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use crate::codes;
use crate::data::frequency::Frequency;
use crate::data::{Dataset, Split};
use crate::error::{Error, Kind};

/// How many pairs or lines a finding names, unless told otherwise.
pub const NAMED: usize = 5;

/// What a look through a dataset found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The dataset.
    pub dataset: String,
    /// In the order train, val, test.
    pub splits: Vec<SplitReport>,
    /// Whether there is nothing that would stop a run. Warnings may stand.
    pub ok: bool,
}

/// What was found in a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitReport {
    /// Which.
    pub split: Split,
    /// Pairs listed.
    pub pairs: usize,
    /// Pairs that can be used.
    pub good: usize,
    /// What is wrong, by code.
    pub findings: Vec<Finding>,
    /// What is unusual, though it can be used.
    pub warnings: Vec<Warning>,
    /// How many usable pairs have each size, `HxW`.
    pub sizes: BTreeMap<String, usize>,
    /// By class id, over the usable pairs.
    pub classes: Vec<ClassShare>,
}

/// Pairs, or lines of a list, with the same thing wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Such as `phg::data::missing`.
    pub code: String,
    /// The code in words.
    pub summary: String,
    /// How many.
    pub count: usize,
    /// The first of them.
    pub first: Vec<Bad>,
}

/// A pair, or a line of a list, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// The pair's name in the split; for a line the file and its number.
    pub id: String,
    /// What is wrong.
    pub message: String,
    /// The file.
    pub place: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

/// Something unusual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What, in a line.
    pub message: String,
    /// What to look at.
    pub help: String,
}

/// How much of a split a class has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassShare {
    /// In the table.
    pub id: u8,
    /// In the table.
    pub name: String,
    /// Percent of all pixels.
    pub percent: f64,
    /// Images that hold it.
    pub images: u64,
}

impl fmt::Display for Report {
    /// Counts and findings for people, a paragraph for each split.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for split in self.splits.iter().filter(|split| split.pairs > 0 || !split.findings.is_empty()) {
            let sizes: Vec<String> =
                split.sizes.iter().map(|(size, count)| format!("{size} ({count})")).collect();
            writeln!(
                f,
                "{} {}: {} of {} pairs can be used; {}",
                self.dataset,
                split.split.name(),
                split.good,
                split.pairs,
                sizes.join(", ")
            )?;
            for finding in &split.findings {
                writeln!(f, "  {} x {}: {}", finding.count, finding.code, finding.summary)?;
                for bad in &finding.first {
                    let place = bad.place.as_deref().filter(|place| *place != bad.id);
                    let place = place.map_or_else(String::new, |place| format!(" ({place})"));
                    writeln!(f, "    {}: {}{place}", bad.id, bad.message)?;
                }
            }
            for warning in &split.warnings {
                writeln!(f, "  warning: {}; {}", warning.message, warning.help)?;
            }
            for class in &split.classes {
                writeln!(
                    f,
                    "  {:>3} {:<24} {:>7.3} % in {} images",
                    class.id, class.name, class.percent, class.images
                )?;
            }
        }
        Ok(())
    }
}

/// Reads every list and every pair of every split. Of each finding, the first `named` pairs are named.
pub fn check(dataset: &dyn Dataset, named: usize) -> Report {
    let splits: Vec<SplitReport> =
        Split::ALL.iter().map(|&split| check_split(dataset, split, named)).collect();
    let trainable = splits.iter().any(|split| split.good > 0);
    let ok = trainable && splits.iter().all(|split| split.findings.is_empty());
    Report { dataset: dataset.name().to_owned(), splits, ok }
}

/// What one pair adds to a report.
type Seen = Result<([usize; 2], Frequency), Error>;

fn check_split(dataset: &dyn Dataset, split: Split, named: usize) -> SplitReport {
    let (pairs, table) = (dataset.len(split), dataset.table());
    let look = |index| -> Seen {
        let sample = dataset.sample(split, index)?;
        let mut counts = Frequency::new(table.len());
        counts.add(&sample.labels);
        Ok(([sample.labels.height, sample.labels.width], counts))
    };
    let seen: Vec<Seen> = (0..pairs).into_par_iter().map(look).collect();

    let mut counts = Frequency::new(table.len());
    let (mut sizes, mut findings) = (BTreeMap::new(), BTreeMap::<&str, Finding>::new());
    let mut find = |error: Error, id: String| {
        let finding = findings.entry(error.code).or_insert_with(|| Finding {
            code: error.code.to_owned(),
            summary: summary(error.code).to_owned(),
            count: 0,
            first: Vec::new(),
        });
        finding.count += 1;
        if finding.first.len() < named {
            let Error { message, place, help, .. } = error;
            finding.first.push(Bad { id, message, place, help });
        }
    };
    for problem in dataset.problems(split) {
        find(problem.clone(), problem.place.clone().unwrap_or_else(|| split.name().to_owned()));
    }
    let mut single = 0;
    for (index, seen) in seen.into_iter().enumerate() {
        match seen {
            Ok(([height, width], one)) => {
                *sizes.entry(format!("{height}x{width}")).or_default() += 1;
                single += usize::from(one.holding.iter().sum::<u64>() < 2);
                counts.merge(&one);
            }
            Err(error) => find(error, dataset.id(split, index)),
        }
    }
    let good = sizes.values().sum();
    let shares = counts.shares();
    let classes = (table.classes.iter().zip(shares).zip(&counts.holding))
        .map(|((class, share), &images)| ClassShare {
            id: class.id,
            name: class.name.clone(),
            percent: 100.0 * share,
            images,
        })
        .collect();
    let findings = findings.into_values().collect();
    let mut report = SplitReport { split, pairs, good, findings, warnings: Vec::new(), sizes, classes };
    report.warnings = warnings(&report, table.void(), single);
    report
}

fn warnings(report: &SplitReport, void: Option<u8>, single: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |message: String, help: &str| warnings.push(Warning { message, help: help.to_owned() });
    if report.pairs == 0 {
        warn(format!("split {} is empty", report.split.name()), "add its list, or leave the split unused");
    }
    if report.good == 0 {
        return warnings;
    }
    let absent: Vec<&str> = (report.classes.iter())
        .filter(|class| class.images == 0 && Some(class.id) != void)
        .map(|class| class.name.as_str())
        .collect();
    if !absent.is_empty() {
        warn(
            format!(
                "{} of {} classes never occur: {}",
                absent.len(),
                report.classes.len(),
                absent.join(", ")
            ),
            "check that the table is the one of these files; scores leave such classes out",
        );
    }
    let occurring = report.classes.iter().filter(|class| class.images > 0).count();
    if occurring < 3 && report.classes.len() > 2 {
        warn(
            format!("only {occurring} of {} classes occur at all", report.classes.len()),
            "check that the label maps hold ids, not a mask",
        );
    }
    if 2 * single > report.good {
        warn(
            format!("{single} of {} label maps hold a single class", report.good),
            "check that the label maps hold ids, not a mask",
        );
    }
    if report.sizes.len() > 1 {
        warn(
            format!("images have {} different sizes", report.sizes.len()),
            "give `--size HxW`, or train and evaluate with `--batch 1`",
        );
    }
    warnings
}

fn summary(code: &str) -> &'static str {
    codes::ALL.iter().find(|known| known.id == code).map_or("", |known| known.summary)
}

impl Report {
    /// The report as an error where it is not [`Report::ok`], for callers that stop there.
    ///
    /// # Errors
    /// `phg::data::check`, counting what was found.
    pub fn verdict(&self) -> Result<(), Error> {
        if self.ok {
            return Ok(());
        }
        let bad: usize = self.splits.iter().map(|split| split.pairs - split.good).sum();
        let found: usize =
            self.splits.iter().flat_map(|split| &split.findings).map(|finding| finding.count).sum();
        let name = &self.dataset;
        let message = match (bad, found - bad) {
            (0, 0) => format!("dataset `{name}` has no pairs"),
            (0, lines) => format!("{lines} lines in the lists of dataset `{name}` cannot be used"),
            (bad, 0) => format!("{bad} pairs of dataset `{name}` cannot be used"),
            (bad, lines) => {
                format!("{bad} pairs and {lines} lines in the lists of dataset `{name}` cannot be used")
            }
        };
        Err(Error::new(codes::DATA_CHECK, Kind::Data, message)
            .help("repair the files that the findings name, or take them out of the lists"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::camvid;
    use crate::data::fixtures::{self, Memory};

    #[test]
    fn a_sound_dataset_is_ok() {
        let root = tempfile::tempdir().unwrap();
        fixtures::camvid(root.path(), "train", &["a", "b"]);
        let report = check(&camvid::open(root.path(), None).unwrap(), NAMED);
        assert!(report.ok && report.verdict().is_ok());
        let train = &report.splits[0];
        assert_eq!((train.pairs, train.good, train.findings.len(), train.warnings.len()), (2, 2, 0, 0));
        assert_eq!(train.sizes, BTreeMap::from([("4x6".to_owned(), 2)]));
        // 24 pixels run twice through 12 ids.
        assert!(
            train
                .classes
                .iter()
                .all(|class| class.images == 2 && (class.percent - 100.0 / 12.0).abs() < 1e-9)
        );
        assert_eq!(report.splits[1].warnings[0].message, "split val is empty");
    }

    #[test]
    fn every_kind_of_damage_is_counted_and_named() {
        let root = tempfile::tempdir().unwrap();
        let names = ["good", "cut", "cut2", "gone", "value", "mask", "size", "colour"];
        fixtures::camvid(root.path(), "train", &names);
        let (images, labels) = (root.path().join("train"), root.path().join("trainannot"));
        for name in ["cut", "cut2"] {
            let path = labels.join(format!("{name}.png"));
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        }
        fs::remove_file(images.join("gone.jpg")).unwrap();
        let write =
            |name: &str, bytes: Vec<u8>| fs::write(labels.join(format!("{name}.png")), bytes).unwrap();
        write("value", fixtures::grey([4, 6], &[12; 24]));
        write("mask", fixtures::grey([4, 6], &[255; 24]));
        write("size", fixtures::grey([2, 2], &[0; 4]));
        write("colour", fixtures::png([4, 6], png::ColorType::Rgb, png::BitDepth::Eight, &[0; 72]));

        let report = check(&camvid::open(root.path(), None).unwrap(), 1);
        let train = &report.splits[0];
        assert!(!report.ok);
        assert_eq!((train.pairs, train.good), (8, 1));
        let found: Vec<(&str, usize, &str)> =
            train.findings.iter().map(|f| (f.code.as_str(), f.count, f.first[0].id.as_str())).collect();
        assert_eq!(
            found,
            [
                (codes::DATA_LABEL_FORMAT, 1, "colour"),
                (codes::DATA_LABEL_MASK, 1, "mask"),
                (codes::DATA_LABEL_VALUE, 1, "value"),
                (codes::DATA_MISSING, 1, "gone"),
                (codes::DATA_SIZE, 1, "size"),
                (codes::DATA_UNREADABLE, 2, "cut"),
            ]
        );
        assert!(train.findings.iter().all(|finding| finding.first.len() == 1 && !finding.summary.is_empty()));
        let verdict = report.verdict().unwrap_err();
        assert_eq!(
            (verdict.code, verdict.message.as_str()),
            (codes::DATA_CHECK, "7 pairs of dataset `camvid` cannot be used")
        );
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.contains(r#""split":"train","pairs":8,"good":1"#), "{text}");
    }

    #[test]
    fn bad_lines_of_lists_are_counted_beside_bad_pairs() {
        let root = tempfile::tempdir().unwrap();
        fixtures::camvid(root.path(), "train", &["a", "b"]);
        fixtures::camvid(root.path(), "val", &["c"]);
        fs::write(root.path().join("train.txt"), "a\na\nb\nb\nx y z\ngone\n").unwrap();
        let report = check(&camvid::open(root.path(), None).unwrap(), NAMED);
        let train = &report.splits[0];
        assert_eq!((report.ok, train.pairs, train.good), (false, 3, 2));
        let found: Vec<(&str, usize)> = train.findings.iter().map(|f| (f.code.as_str(), f.count)).collect();
        assert_eq!(found, [(codes::DATA_LIST, 3), (codes::DATA_MISSING, 1)]);
        let lines: Vec<&str> = train.findings[0].first.iter().map(|bad| bad.message.as_str()).collect();
        assert!(lines[0].contains("`a`") && lines[1].contains("`b`") && lines[2].contains("3 names"));
        assert!(train.findings[0].first[2].id.ends_with("train.txt:5"));
        assert_eq!((report.splits[1].good, report.splits[1].findings.len()), (1, 0));
        let message = report.verdict().unwrap_err().message;
        assert_eq!(message, "1 pairs and 3 lines in the lists of dataset `camvid` cannot be used");
        assert!(report.to_string().contains("3 x phg::data::list"));
    }

    #[test]
    fn unusual_label_sets_and_sizes_are_pointed_out() {
        // Maps of one class each, of different sizes.
        let memory = Memory { size: |index| [4 + index % 2, 6], ..Memory::new(2) };
        let report = check(&memory, NAMED);
        assert!(report.ok);
        let messages: Vec<&str> =
            report.splits[0].warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "only 2 of 3 classes occur at all",
                "2 of 2 label maps hold a single class",
                "images have 2 different sizes",
            ]
        );
        let empty = check(&Memory::new(0), NAMED);
        assert!(!empty.ok && empty.verdict().unwrap_err().message.contains("no pairs"));
    }
}
