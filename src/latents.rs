//! `phgc latents`: is a latent space in use?

use std::fmt::Write as _;

use phg_runtime::Precision;
use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::figures;
use phg_runtime::figures::latents::{LatentsFigure, Row};
use phg_runtime::figures::scatter::Cloud;
use phg_runtime::latents::intervene::{self, Change, Recorded};
use phg_runtime::latents::measure::{self, Figures};
use phg_runtime::latents::observe::{Observed, Observer, Source};
use phg_runtime::latents::{self, Verdict, clusters, embed};
use phg_runtime::metrics::csv;
use serde::Serialize;
use serde_json::json;

use crate::args::{Format, Latents};
use crate::failure::Failure;
use crate::score::{Scorer, Subject, name_of, which};
use crate::{Outcome, devices, failure, output};

/// Component means that a picture shows at most.
const POINTS: usize = 2000;

/// All that is said of one latent.
#[derive(Debug, Serialize)]
struct Findings {
    #[serde(flatten)]
    figures: Figures,
    /// Mean IoU, percent, when it is changed; none of what predictions do not need.
    miou: Option<Changed>,
    verdict: Option<Verdict>,
    sentence: String,
    /// Divergence between an image's and another image's, nats for each dimension.
    between_images: f64,
    /// Divergence when it is shown another image's labels; none where labels do not reach it.
    label_sensitivity: Option<f64>,
    /// How well the components of all images are apart.
    clusters: Option<clusters::Indices>,
    /// Signs of collapse.
    signs: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Changed {
    zeroed: f64,
    averaged: f64,
    exchanged: f64,
}

/// Scores the run with its latents changed, and says whether they are used.
pub(crate) fn run(args: &Latents) -> Outcome {
    if !args.scoring.inference.views.views().is_single() {
        let message = "latents are looked at in one view of each image";
        let help = "leave `--flip`, `--scales` and `--window` out";
        return Err(Error::new(codes::USAGE_ARGUMENTS, Kind::Usage, message).help(help).into());
    }
    let scorer = Scorer::start(&args.scoring)?;
    let (subject, given) = scorer.open_with(&args.run, &args.loading, true)?;
    let precision = match &given {
        Some(_) => args.scoring.inference.precision.map_or(Precision::F32, devices::precision),
        None => devices::of_run(args.scoring.inference.precision, &args.run)?,
    };
    let device = subject.model.device().clone();
    let void = subject.model.table.void();
    let Some(observer) = Observer::new(&subject.model.network, &device, precision, void) else {
        let message = "the network has no latent space: no gaussian, no mixture";
        return Err(Error::new(codes::RUN_LATENTS, Kind::Data, message)
            .at(args.run.display())
            .help("name a run of a spec with a `latent` section, such as specs/phgmm-small.phg")
            .into());
    };
    let recorded = scorer.watched(&subject.dataset, |on| Recorded::new(&subject.model, on))?;
    let bank = match &given {
        Some(stored) => observer.bank_of(stored, &device)?,
        None => observer.bank(&args.run, which(args.scoring.inference.checkpoint), &device)?,
    };
    let source = Source {
        dataset: subject.dataset.as_ref(),
        split: scorer.split(),
        images: args.observe.min(scorer.images(subject.dataset.as_ref())),
        preparation: subject.model.preparation(),
    };
    let observe = |labels_from| {
        scorer.counted(source.images, |progress| observer.split(&bank, &source, labels_from, progress))
    };
    let observed = observe(0)?;
    let relabelled = observe(source.images / 2)?;
    let mut all = Vec::new();
    for (figures, (latent, other)) in
        measure::figures(&observed).into_iter().zip(observed.iter().zip(&relabelled))
    {
        let miou = changed(&scorer, &subject, &recorded, &latent.path)?;
        let label_sensitivity =
            observer.reads_labels(&figures.name).then(|| measure::divergence(latent, other));
        all.push(findings(figures, latent, recorded.miou.zip(miou), label_sensitivity));
    }
    let files = match &args.output {
        None => Vec::new(),
        Some(folder) => {
            let figure = picture(&name_of(&args.run), recorded.miou, &all, &observed);
            let mut files = figures::save(folder, "latents", &figure)?.to_vec();
            files.push(figures::write(folder, "latents.csv", lines(recorded.miou, &all).as_bytes())?);
            let text = format!("{:#}\n", document(args, &scorer, &subject, recorded.miou, &all));
            files.push(figures::write(folder, "latents.json", text.as_bytes())?);
            files
        }
    };
    match args.format {
        Format::Json => {
            let mut document = document(args, &scorer, &subject, recorded.miou, &all);
            document["files"] = json!(files);
            failure::print_json(&document);
        }
        Format::Text => {
            output::out(text(recorded.miou, &all));
            for file in files {
                output::out(format_args!("{}\n", file.display()));
            }
        }
    }
    Ok(())
}

/// Mean IoU with the latent changed in each way; `None` where predictions do not need it, or nothing can be scored.
fn changed(
    scorer: &Scorer<'_>,
    subject: &Subject,
    recorded: &Recorded<'_>,
    path: &str,
) -> Result<Option<Changed>, Failure> {
    let Some(latent) = intervene::of(&subject.model).iter().find(|latent| latent.path == path) else {
        return Ok(None);
    };
    let score = |change| scorer.watched(&subject.dataset, |on| recorded.score(latent, change, on));
    let (zeroed, averaged, exchanged) =
        (score(Change::Zeroed)?, score(Change::Averaged)?, score(Change::Exchanged)?);
    let Some(((zeroed, averaged), exchanged)) = zeroed.zip(averaged).zip(exchanged) else { return Ok(None) };
    Ok(Some(Changed { zeroed, averaged, exchanged }))
}

fn findings(
    figures: Figures,
    latent: &Observed,
    scores: Option<(f64, Changed)>,
    label_sensitivity: Option<f64>,
) -> Findings {
    let verdict = scores.map(|(miou, to)| latents::verdict(miou, to.zeroed, to.averaged, to.exchanged));
    let sentence = match (verdict, scores, label_sensitivity) {
        (Some(verdict), Some((miou, to)), _) => latents::sentence(&figures.name, verdict, miou, to.zeroed),
        (_, _, Some(sensitivity)) => {
            let listens = if sensitivity < 1e-3 { "does not listen" } else { "listens" };
            format!(
                "{} {listens} to the labels: another image's move it by {} nats a dimension",
                figures.name,
                small(sensitivity)
            )
        }
        (_, _, None) => format!("predictions do not need {}", figures.name),
    };
    let groups: Vec<usize> = (0..latent.images.len()).flat_map(|_| 0..latent.components).collect();
    Findings {
        miou: scores.map(|(_, to)| to),
        verdict,
        sentence,
        between_images: measure::divergence_of_images(latent),
        label_sensitivity,
        clusters: latent.mixture.then(|| clusters::indices(&points(latent), &groups)).flatten(),
        signs: measure::collapse(&figures).into_iter().map(|(_, sentence)| sentence).collect(),
        figures,
    }
}

/// Component means, image by image.
fn points(latent: &Observed) -> Vec<Vec<f32>> {
    let rows = latent.images.iter().flat_map(|image| image.mean.chunks_exact(latent.dim.max(1)));
    rows.map(<[f32]>::to_vec).collect()
}

fn document(
    args: &Latents,
    scorer: &Scorer<'_>,
    subject: &Subject,
    miou: Option<f64>,
    all: &[Findings],
) -> serde_json::Value {
    json!({
        "ok": true, "run": args.run, "data": subject.dataset.name(), "split": scorer.split(),
        "images": scorer.images(subject.dataset.as_ref()), "checkpoint": subject.model.checkpoint, "miou": miou,
        "latents": all,
    })
}

/// A figure of any size, short.
fn small(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

/// What there is to say beside the scores.
fn facts(found: &Findings) -> Vec<String> {
    let figures = &found.figures;
    let mut facts = Vec::new();
    if let Some(active) = figures.active {
        let of = figures.components * figures.dimensions;
        facts.push(format!("{active} of {of} dimensions vary between images"));
    }
    if let (Some(kl), Some(against)) = (figures.kl, &figures.against) {
        let against = if against == "standard_normal" { "the standard normal" } else { against };
        facts.push(format!("divergence from {against}: {} nats a dimension", small(kl)));
    }
    facts.push(format!("divergence between images: {} nats a dimension", small(found.between_images)));
    if let Some(variation) = figures.variation {
        let sigma = small(figures.sigma);
        facts.push(format!("means vary over images by {}, sigma is {sigma}", small(variation)));
    }
    if let Some(distance) = figures.component_distance {
        facts.push(format!("components are {} apart", small(distance)));
    }
    if let Some(clusters) = found.clusters {
        facts.push(format!(
            "silhouette {:.3}, Calinski-Harabasz {:.4e}, Davies-Bouldin {:.3}",
            clusters.silhouette, clusters.calinski_harabasz, clusters.davies_bouldin
        ));
    }
    facts
}

fn text(miou: Option<f64>, all: &[Findings]) -> String {
    let mut text = String::new();
    for found in all {
        let _ = writeln!(text, "{}", found.sentence);
        if let (Some(miou), Some(to)) = (miou, found.miou) {
            let _ = writeln!(
                text,
                "  mIoU {miou:.2}; zeroed {:.2}, averaged {:.2}, exchanged {:.2}",
                to.zeroed, to.averaged, to.exchanged
            );
        }
        for fact in facts(found) {
            let _ = writeln!(text, "  {fact}");
        }
        for (at, component) in found.figures.by_component.iter().enumerate() {
            let kl = component.kl.map_or_else(String::new, |kl| format!(", divergence {}", small(kl)));
            let _ = writeln!(text, "  component {at:>2}: weight {:.3}{kl}", component.weight);
        }
        for sign in &found.signs {
            let _ = writeln!(text, "  warning: {sign}");
        }
    }
    text
}

fn lines(miou: Option<f64>, all: &[Findings]) -> String {
    let mut text = csv::line(&["latent", "figure", "value"]);
    for found in all {
        let figures = &found.figures;
        let mut add = |figure: &str, value: Option<f64>| {
            if value.is_some() {
                text += &csv::line(&[figures.name.as_str(), figure, &csv::number(value)]);
            }
        };
        add("miou", miou.filter(|_| found.miou.is_some()));
        add("miou_zeroed", found.miou.map(|to| to.zeroed));
        add("miou_averaged", found.miou.map(|to| to.averaged));
        add("miou_exchanged", found.miou.map(|to| to.exchanged));
        add("active_dimensions", figures.active.map(|active| active as f64));
        add("dimensions", Some((figures.components * figures.dimensions) as f64));
        add("kl", figures.kl);
        add("between_images", Some(found.between_images));
        add("label_sensitivity", found.label_sensitivity);
        add("variation", figures.variation);
        add("sigma", Some(figures.sigma));
        add("component_distance", figures.component_distance);
        add("silhouette", found.clusters.map(|all| all.silhouette));
        add("calinski_harabasz", found.clusters.map(|all| all.calinski_harabasz));
        add("davies_bouldin", found.clusters.map(|all| all.davies_bouldin));
        for (at, component) in figures.by_component.iter().enumerate() {
            add(&format!("weight_{at}"), Some(component.weight));
            add(&format!("kl_{at}"), component.kl);
        }
    }
    text
}

fn picture(run: &str, miou: Option<f64>, all: &[Findings], observed: &[Observed]) -> LatentsFigure {
    let row = |(found, latent): (&Findings, &Observed)| {
        let scores = miou.zip(found.miou).map_or_else(Vec::new, |(miou, to)| {
            let named = [
                ("as it is", miou),
                ("zeroed", to.zeroed),
                ("averaged", to.averaged),
                ("exchanged", to.exchanged),
            ];
            named.map(|(name, score)| (name.to_owned(), score)).to_vec()
        });
        let cloud = latent.mixture.then(|| {
            let images = (POINTS / latent.components.max(1)).max(1).min(latent.images.len());
            let shown: Vec<Vec<f32>> = points(latent).into_iter().take(images * latent.components).collect();
            Cloud {
                title: format!("t-SNE of the components' means, {images} images"),
                points: embed::tsne(&shown, 0),
                groups: (0..shown.len()).map(|at| at % latent.components.max(1)).collect(),
            }
        });
        Row {
            title: found.sentence.clone(),
            scores,
            facts: facts(found),
            components: found.figures.by_component.iter().map(|each| (each.weight, each.kl)).collect(),
            cloud,
        }
    };
    LatentsFigure {
        title: format!("{run}: are the latent spaces in use?"),
        rows: all.iter().zip(observed).map(row).collect(),
    }
}
