//! `phgc report table`: runs, and what a paper printed, in one table.

use std::path::Path;

use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::figures::{self, table::TableFigure};
use phg_runtime::metrics::published::Published;
use phg_runtime::metrics::score_table::{ScoreTable, Scored};
use phg_runtime::run::folder::read_manifest;
use serde_json::{Value, json};

use crate::args::{Table, TableFormat};
use crate::failure::{self, Failure};
use crate::score::{Scorer, distinct, name_of};
use crate::{Outcome, output, score};

/// Scores the runs, or reads the scores that they kept, and prints them together.
pub(crate) fn run(args: &Table) -> Outcome {
    let scorer = Scorer::start(&args.scoring)?;
    let names = distinct(args.runs.iter().map(|run| name_of(run)).collect());
    let mut scored = Vec::new();
    for run in &args.runs {
        scored.push(scores(args, &scorer, run)?);
    }
    let mut table = ScoreTable::new(scored.first().map(|(_, classes)| classes.clone()).unwrap_or_default());
    if let Some(dataset) = &args.paper {
        let paper = Published::phgmm()?;
        for dataset in
            printed(&paper, dataset.as_deref(), scored.iter().map(|(scored, _)| scored.data.as_str()))?
        {
            table.add_printed(&paper, &dataset);
        }
    }
    for (name, (scored, _)) in names.iter().zip(&scored) {
        table.add(name, scored)?;
    }
    let mut json = json!({ "ok": true, "classes": table.classes, "rows": table.rows });
    if let Some(folder) = &args.output {
        let drawing = TableFigure::new(&table, "Scores by class");
        let mut files = super::save(folder, "table", &drawing, &table.csv(), &json)?;
        files.push(figures::write(folder, "table.md", table.markdown().as_bytes())?);
        json["files"] = json!(files);
    }
    match args.format {
        TableFormat::Text => output::out(table.text()),
        TableFormat::Markdown => output::out(table.markdown()),
        TableFormat::Csv => output::out(table.csv()),
        TableFormat::Json => failure::print_json(&json),
    }
    Ok(())
}

/// The scores of a run and its classes in order.
fn scores(args: &Table, scorer: &Scorer<'_>, run: &Path) -> Result<(Scored, Vec<String>), Failure> {
    let place = run.display().to_string();
    if run.is_file() {
        let damaged = |error: String| {
            Error::new(codes::RUN_DAMAGED, Kind::Data, format!("the file cannot be read: {error}")).at(&place)
        };
        let text = std::fs::read(run).map_err(|error| damaged(error.to_string()))?;
        let value: Value = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        let scored = Scored::read(&value, &place)?;
        let classes = scored.classes();
        return Ok((scored, classes));
    }
    let table = read_manifest(run)?.data.table;
    let counted = table.classes.into_iter().filter(|class| !class.void);
    let classes = counted.map(|class| class.name).collect();
    if let Some(scored) = kept(args, scorer, run) {
        return Ok((scored, classes));
    }
    let evaluation = scorer.evaluate(&scorer.open(run)?)?;
    Ok((Scored::read(&json!(evaluation), &place)?, classes))
}

/// What the run's `report.json` has of exactly what the flags ask for, so that it need not be measured again.
fn kept(args: &Table, scorer: &Scorer<'_>, run: &Path) -> Option<Scored> {
    let scoring = &args.scoring;
    let own = &scoring.data;
    if own.data.is_some() || own.root.is_some() || own.table.is_some() {
        return None;
    }
    if scoring.images.is_some() || scoring.inference.predict_void {
        return None;
    }
    let wanted = (scorer.split(), scorer.at(), scoring.inference.views.views());
    let value = score::kept(run, scoring.inference.checkpoint, &wanted)?;
    Scored::read(&value, "report.json").ok()
}

/// The datasets whose printed rows are shown: the one asked for; or that of the runs, if the paper has it; or all.
fn printed<'a>(
    paper: &Published,
    asked: Option<&str>,
    runs: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, Error> {
    let known = paper.datasets();
    match asked {
        Some(name) if known.contains(&name) => Ok(vec![name.to_owned()]),
        Some(name) => {
            let message = format!("the paper printed no rows of `{name}`");
            Err(Error::new(codes::DATA_UNKNOWN, Kind::Usage, message)
                .at("--paper")
                .help(format!("write `--paper={}`", known.join("` or `--paper="))))
        }
        None => {
            let runs: Vec<&str> = runs.collect();
            let own: Vec<String> =
                known.iter().filter(|name| runs.contains(name)).map(|name| (*name).to_owned()).collect();
            Ok(if own.is_empty() { known.iter().map(|name| (*name).to_owned()).collect() } else { own })
        }
    }
}
