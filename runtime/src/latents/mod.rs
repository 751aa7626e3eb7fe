//! Is a latent space in use?
//!
//! Comes in: a trained network and images. Goes out: what its distributions are ([`observe`], [`measure`]), what
//! predictions lose without them ([`intervene`]), and how the components of its mixtures lie ([`clusters`],
//! [`embed`]). No one figure answers the question: groups that are well apart say nothing when they are the same for
//! every image, and a divergence near zero is the optimum of a prior that copies what it is compared with.

pub mod clusters;
pub mod embed;
pub mod intervene;
pub mod measure;
pub mod observe;
pub mod snapshot;

use serde::Serialize;

/// A latent whose loss costs so many points of mean IoU is in use.
pub const IN_USE: f64 = 2.0;

/// A latent whose loss costs fewer points is not.
pub const NOT_IN_USE: f64 = 0.5;

/// What can be said of a latent from what predictions lose without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// At least [`IN_USE`] points of mean IoU are lost when it is zeroed.
    Used,
    /// Something is lost, but less.
    HardlyUsed,
    /// Less than [`NOT_IN_USE`] points change by any change of it.
    NotUsed,
    /// Zeroing it costs points, and so would any other constant: it says nothing of the image.
    ConstantUsed,
}

/// The verdict on mean IoU, percent, as it is and with the latent zeroed, averaged and exchanged.
pub fn verdict(miou: f64, zeroed: f64, averaged: f64, exchanged: f64) -> Verdict {
    let lost = miou - zeroed;
    let of_image = (miou - averaged).max(miou - exchanged);
    let any = [zeroed, averaged, exchanged].into_iter().any(|other| (miou - other).abs() >= NOT_IN_USE);
    if !any {
        Verdict::NotUsed
    } else if lost >= IN_USE && of_image < NOT_IN_USE {
        Verdict::ConstantUsed
    } else if lost >= IN_USE {
        Verdict::Used
    } else {
        Verdict::HardlyUsed
    }
}

/// The verdict in words; points of mean IoU are rounded to two decimals.
pub fn sentence(name: &str, verdict: Verdict, miou: f64, zeroed: f64) -> String {
    let change = zeroed - miou;
    let change = if change.abs() < 0.005 { "0.00".to_owned() } else { format!("{change:+.2}") };
    match verdict {
        Verdict::Used => format!("{name} is used: mIoU changes by {change} when it is zeroed"),
        Verdict::HardlyUsed => format!("{name} is hardly used: mIoU changes by {change} when it is zeroed"),
        Verdict::NotUsed => format!("{name} is not used: mIoU changes by {change} when it is zeroed"),
        Verdict::ConstantUsed => format!(
            "{name} is used as a constant: mIoU changes by {change} when it is zeroed, but not with another image's"
        ),
    }
}

#[cfg(test)]
mod tests;
