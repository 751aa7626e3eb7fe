//! What predictions are worth without a latent: it is changed while the network predicts, and the split is scored.
//!
//! Comes in: a model, the images of a split, the name of a latent. Goes out: mean IoU as it is, and with the latent
//! zeroed, averaged or exchanged. Guaranteed: nothing but the means and weights of that latent is touched, and with
//! what was there put back in its place the score is the score of `eval`.

use std::collections::BTreeMap;

use burn::tensor::FloatDType;
use phg_compiler::plan::{Latent, ValueId};
use serde::Serialize;

use crate::error::Result;
use crate::evaluate::{Evaluating, each_edited};
use crate::metrics::{Confusion, Scores};
use crate::model::Model;
use crate::tensor::{Value, unfit};

/// What is done to a latent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Its means are zero, the prior's; its weights stay.
    Zeroed,
    /// Means and weights are those of all images, averaged: what it says is the same for every image.
    Averaged,
    /// Means and weights are those of the image half a split further on.
    Exchanged,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Zeroed, Self::Averaged, Self::Exchanged];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeroed => "zeroed",
            Self::Averaged => "averaged",
            Self::Exchanged => "exchanged",
        }
    }
}

/// The latents that a model's predictions are made of, image by image.
pub struct Recorded<'a> {
    model: &'a Model,
    /// Mean IoU as it is, percent; `None` when no class counts.
    pub miou: Option<f64>,
    /// Rows `[images][..]` of each value that a change would touch.
    rows: BTreeMap<ValueId, Vec<Vec<f32>>>,
}

/// The latents that `model` predicts with.
pub fn of(model: &Model) -> &[Latent] {
    &model.plan().latents
}

impl<'a> Recorded<'a> {
    /// Scores the model, and remembers its latents.
    ///
    /// # Errors
    /// Those of [`crate::evaluate::each`].
    pub fn new(model: &'a Model, on: Evaluating<'_>) -> Result<Self> {
        let touched: Vec<ValueId> =
            of(model).iter().flat_map(|latent| latent.log_weights.into_iter().chain([latent.mean])).collect();
        let mut rows: BTreeMap<ValueId, Vec<Vec<f32>>> = BTreeMap::new();
        let miou = score(model, on, &mut |from, id, value| {
            if touched.contains(&id) {
                let host = value.clone().cast(FloatDType::F32).to_host()?;
                let images = host.shape.first().copied().unwrap_or(0).max(1);
                let all = rows.entry(id).or_default();
                // Images of different sizes come again, one by one.
                all.truncate(from);
                all.extend(host.data.chunks_exact((host.data.len() / images).max(1)).map(<[f32]>::to_vec));
            }
            Ok(())
        })?;
        Ok(Self { model, miou, rows })
    }

    /// Mean IoU, percent, when `latent` is changed.
    ///
    /// # Errors
    /// Those of [`crate::evaluate::each`].
    pub fn score(&self, latent: &Latent, change: Change, on: Evaluating<'_>) -> Result<Option<f64>> {
        let means = self.of(latent.mean)?;
        let averaged = match change {
            Change::Averaged => Some(average(means)),
            Change::Zeroed | Change::Exchanged => None,
        };
        let weights = latent.log_weights.map(|id| Ok((id, self.of(id)?))).transpose()?;
        let mixed = weights.map(|(_, rows)| log_of_average(rows));
        let row_of = |rows: &[Vec<f32>], at: usize| {
            let other = (at + rows.len() / 2) % rows.len().max(1);
            rows.get(other).cloned().unwrap_or_default()
        };
        score(self.model, on, &mut |from, id, value| {
            let row = |at: usize| match change {
                Change::Zeroed if id == latent.mean => Some(vec![0.0; means.first().map_or(0, Vec::len)]),
                Change::Averaged if id == latent.mean => averaged.clone(),
                Change::Averaged => mixed.clone(),
                Change::Exchanged if id == latent.mean => Some(row_of(means, at)),
                Change::Exchanged => weights.map(|(_, rows)| row_of(rows, at)),
                Change::Zeroed => None,
            };
            if id != latent.mean && Some(id) != latent.log_weights {
                return Ok(());
            }
            let shape = value.shape();
            let images = shape.first().copied().unwrap_or(0);
            let rows: Option<Vec<Vec<f32>>> = (from..from + images).map(row).collect();
            if let Some(rows) = rows {
                let kept = value.float_type();
                let new = Value::float(rows.concat(), &shape, self.model.device())?;
                *value = kept.map_or(new.clone(), |kind| new.cast(kind));
            }
            Ok(())
        })
    }

    fn of(&self, id: ValueId) -> Result<&Vec<Vec<f32>>> {
        self.rows.get(&id).ok_or_else(|| unfit("a latent was not computed"))
    }
}

/// Mean IoU of an edited model.
fn score(
    model: &Model,
    on: Evaluating<'_>,
    edit: &mut (dyn FnMut(usize, ValueId, &mut Value) -> Result<()> + Send),
) -> Result<Option<f64>> {
    let mut confusion = Confusion::new(&model.table);
    each_edited(model, on, edit, &mut |seen| confusion.add(seen.truth, seen.prediction))?;
    Ok(Scores::new(&confusion, &model.table).miou)
}

/// The mean of rows.
fn average(rows: &[Vec<f32>]) -> Vec<f32> {
    let length = rows.first().map_or(0, Vec::len);
    let mean = |at: usize| rows.iter().map(|row| f64::from(row[at])).sum::<f64>() / rows.len().max(1) as f64;
    (0..length).map(|at| mean(at) as f32).collect()
}

/// The logarithm of the mean of what rows are logarithms of.
fn log_of_average(rows: &[Vec<f32>]) -> Vec<f32> {
    let plain: Vec<Vec<f32>> = rows.iter().map(|row| row.iter().map(|value| value.exp()).collect()).collect();
    average(&plain).into_iter().map(|weight| weight.max(f32::MIN_POSITIVE).ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_averaged() {
        let rows = vec![vec![1.0, -2.0], vec![3.0, 4.0]];
        assert_eq!(average(&rows), [2.0, 1.0]);
        let logs = vec![vec![0.5f32.ln(), 0.5f32.ln()], vec![0.9f32.ln(), 0.1f32.ln()]];
        let mixed = log_of_average(&logs);
        assert!((mixed[0] - 0.7f32.ln()).abs() < 1e-6 && (mixed[1] - 0.3f32.ln()).abs() < 1e-6);
        assert_eq!(average(&[]), [0.0f32; 0]);
    }
}
