//! `phgc report latent`: the components of a run's mixtures through its training (Fig. 9 of the PHGMM paper).

use std::collections::BTreeMap;

use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::figures;
use phg_runtime::figures::curves::{Curves, Panel};
use phg_runtime::figures::scatter::{Cloud, Scatter};
use phg_runtime::latents::clusters::{Indices, indices};
use phg_runtime::latents::embed;
use phg_runtime::latents::snapshot::{self, Snapshot};
use phg_runtime::metrics::csv;
use phg_runtime::run::folder::read_manifest;
use serde::Serialize;
use serde_json::json;

use crate::args::{Format, Latent};
use crate::failure::Failure;
use crate::score::name_of;
use crate::{Outcome, failure, output};

/// Component means that a cloud shows at most.
const POINTS: usize = 1500;

/// The figures of one mixture at one step.
#[derive(Clone, Debug, Serialize)]
struct Line {
    step: u64,
    #[serde(flatten)]
    indices: Indices,
    /// Mean over dimensions of the component means' standard deviation over images: where it is zero, the indices
    /// beside it say how well constants are apart.
    variation: f64,
}

/// Draws the indices by step, and the points at some steps.
pub(crate) fn run(args: &Latent) -> Outcome {
    read_manifest(&args.run)?;
    let steps = snapshot::steps(&args.run)?;
    let mut by_name: BTreeMap<String, Vec<Snapshot>> = BTreeMap::new();
    for (step, path) in &steps {
        for snapshot in snapshot::read(*step, path)? {
            if snapshot.components > 1 {
                by_name.entry(snapshot.name.clone()).or_default().push(snapshot);
            }
        }
    }
    if by_name.is_empty() {
        let message = "the run's latents have one component each: there are no groups to tell apart";
        return Err(Error::new(codes::RUN_LATENTS, Kind::Data, message)
            .at(args.run.display())
            .help("`phgc latents` says whether they are used")
            .into());
    }
    let shown = chosen(&args.steps, &steps.iter().map(|(step, _)| *step).collect::<Vec<_>>())?;
    let mut lines: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
    let mut files = Vec::new();
    for (name, snapshots) in &by_name {
        lines.insert(name, snapshots.iter().filter_map(line).collect());
        let clouds: Vec<Cloud> =
            snapshots.iter().filter(|snapshot| shown.contains(&snapshot.step)).map(cloud).collect();
        let components = snapshots.iter().map(|snapshot| snapshot.components).max().unwrap_or(0);
        let scatter = Scatter {
            names: (0..components).map(|component| format!("component {component}")).collect(),
            clouds,
            title: format!("{}: t-SNE of the components' means of {name}", name_of(&args.run)),
        };
        files.extend(figures::save(&args.output, &format!("latent-{name}-tsne"), &scatter)?);
    }
    let names: Vec<String> = by_name.keys().cloned().collect();
    let panel = |title: &str, y: &str, value: &dyn Fn(&Line) -> f64| Panel {
        title: title.into(),
        x: "step".into(),
        y: y.into(),
        lines: lines
            .values()
            .map(|lines| lines.iter().map(|line| (line.step as f64, value(line))).collect())
            .collect(),
        from_zero: false,
    };
    let figure = Curves {
        panels: vec![
            panel("Silhouette", "larger is further apart", &|line| line.indices.silhouette),
            panel("Calinski-Harabasz", "logarithm to base 10; larger is further apart", &|line| {
                line.indices.calinski_harabasz.max(f64::MIN_POSITIVE).log10()
            }),
            panel("Davies-Bouldin", "smaller is further apart", &|line| line.indices.davies_bouldin),
            panel("Variation over images", "standard deviation of the means", &|line| line.variation),
        ],
        names,
    };
    let mut table =
        csv::line(&["latent", "step", "silhouette", "calinski_harabasz", "davies_bouldin", "variation"]);
    for (name, lines) in &lines {
        for line in lines {
            let all = &line.indices;
            let figures = [all.silhouette, all.calinski_harabasz, all.davies_bouldin, line.variation];
            let mut cells = vec![(*name).to_owned(), line.step.to_string()];
            cells.extend(figures.map(|figure| csv::number(Some(figure))));
            table += &csv::line(&cells);
        }
    }
    let mut json = json!({ "ok": true, "run": args.run, "latents": lines, "shown": shown });
    files.extend(super::save(&args.output, "latent", &figure, &table, &json)?);
    match args.format {
        Format::Json => {
            json["files"] = json!(files);
            failure::print_json(&json);
        }
        Format::Text => {
            for (name, lines) in &lines {
                for line in lines {
                    output::out(format_args!(
                        "{name} step {}: silhouette {:.4}, Calinski-Harabasz {:.4e}, Davies-Bouldin {:.4}, means vary over images by {:.2e}\n",
                        line.step,
                        line.indices.silhouette,
                        line.indices.calinski_harabasz,
                        line.indices.davies_bouldin,
                        line.variation
                    ));
                }
            }
            for file in files {
                output::out(format_args!("{}\n", file.display()));
            }
        }
    }
    Ok(())
}

/// The steps that are drawn: those asked for, or the first, the middle one and the last.
fn chosen(asked: &[u64], kept: &[u64]) -> Result<Vec<u64>, Failure> {
    if let Some(missing) = asked.iter().find(|step| !kept.contains(step)) {
        let known: Vec<String> = kept.iter().map(ToString::to_string).collect();
        return Err(Error::new(
            codes::USAGE_ARGUMENTS,
            Kind::Usage,
            format!("the run kept nothing of step {missing}"),
        )
        .at("--steps")
        .help(format!("steps that it kept: {}", known.join(", ")))
        .into());
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let mut chosen = vec![kept[0], kept[kept.len() / 2], kept[kept.len() - 1]];
    chosen.dedup();
    Ok(chosen)
}

fn line(snapshot: &Snapshot) -> Option<Line> {
    let k = snapshot.components;
    let groups: Vec<usize> = (0..snapshot.points.len()).map(|at| at % k).collect();
    let images = snapshot.points.len() / k;
    let dim = snapshot.points.first()?.len();
    let deviation = |component: usize, axis: usize| {
        let values = || (0..images).map(move |image| f64::from(snapshot.points[image * k + component][axis]));
        let mean = values().sum::<f64>() / images as f64;
        (values().map(|value| (value - mean).powi(2)).sum::<f64>() / (images.max(2) - 1) as f64).sqrt()
    };
    let all = (0..k).flat_map(|component| (0..dim).map(move |axis| (component, axis)));
    let variation = all.map(|(component, axis)| deviation(component, axis)).sum::<f64>() / (k * dim) as f64;
    Some(Line { step: snapshot.step, indices: indices(&snapshot.points, &groups)?, variation })
}

fn cloud(snapshot: &Snapshot) -> Cloud {
    let k = snapshot.components;
    let images = (POINTS / k).max(1).min(snapshot.points.len() / k);
    let points = &snapshot.points[..images * k];
    Cloud {
        title: format!("step {}, {images} images", snapshot.step),
        points: embed::tsne(points, 0),
        groups: (0..points.len()).map(|at| at % k).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_the_middle_and_the_last_step_are_drawn() {
        assert_eq!(chosen(&[], &[0, 10, 20, 30]).ok(), Some(vec![0, 20, 30]));
        assert_eq!(chosen(&[], &[5]).ok(), Some(vec![5]));
        assert_eq!(chosen(&[10], &[0, 10]).ok(), Some(vec![10]));
        assert!(chosen(&[11], &[0, 10]).is_err());
    }

    #[test]
    fn variation_is_over_images_within_components() {
        // Two images, two components, one dimension: 0 and 2, 10 and 10.
        let points = vec![vec![0.0], vec![10.0], vec![2.0], vec![10.0]];
        let snapshot = Snapshot { step: 3, name: "z.q".into(), components: 2, points };
        let line = line(&snapshot).expect("two groups of two");
        assert!((line.variation - 2f64.sqrt() / 2.0).abs() < 1e-12);
    }
}
