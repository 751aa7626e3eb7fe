//! Fits a training step into a stated memory.
//!
//! Comes in: a plan for training, sizes, and a limit in bytes. Goes out: segments of the plan, or the largest batch.
//! Guaranteed: what is predicted to need more than the limit is an error that says what would fit.

use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::Plan;
use phg_compiler::plan::recompute::{self, Choice, TooLittle};
use phg_compiler::plan::segments::Segments;

use crate::codes;
use crate::error::{Error, Kind, Result};

/// The plan's segments for a step within `limit` bytes; without a limit nothing is computed again.
///
/// # Errors
/// `phg::train::memory` when nothing that was tried fits.
pub fn choose(plan: &Plan, sizes: &Sizes, limit: Option<u64>) -> Result<Choice> {
    recompute::choose(plan, sizes, limit).map_err(|TooLittle { least }| {
        let smaller = limit.and_then(|limit| recompute::largest_batch(plan, sizes, limit, sizes.n));
        let help = match smaller {
            Some(n) => format!("write `--batch {n}`, or `--memory-limit {}`", mebibytes(least)),
            None => {
                format!("write `--memory-limit {}`, or train at a smaller `--size`", mebibytes(least))
            }
        };
        let Sizes { n, h, w } = sizes;
        let message = format!(
            "a training step of {n} images of {h}x{w} needs {}, with all that can be computed again",
            mebibytes(least)
        );
        Error::new(codes::TRAIN_MEMORY, Kind::Limit, message).at("--memory-limit").help(help)
    })
}

/// The largest batch, up to `most`, whose training step fits into `limit` bytes.
///
/// # Errors
/// `phg::train::memory` when not even one image does.
pub fn largest_batch(plan: &Plan, sizes: &Sizes, limit: u64, most: usize) -> Result<usize> {
    match recompute::largest_batch(plan, sizes, limit, most) {
        Some(n) => Ok(n),
        None => choose(plan, &Sizes { n: 1, ..*sizes }, Some(limit)).map(|_| 1),
    }
}

/// The segments of a training, at the size that the network is trained at, and what to say of them.
///
/// # Errors
/// `phg::train::memory` for a limit that is too low, or one without a size to predict memory for.
pub(crate) fn within(
    plan: &Plan,
    network: &Network,
    limit: Option<u64>,
) -> Result<(Segments, Option<String>)> {
    let Some(limit) = limit else { return Ok((Segments::whole(plan), None)) };
    let training = &network.training;
    let [h, w] = training.augment.crop.or(training.resize).ok_or_else(|| {
        let message = "memory is predicted for one size of images, and none is stated";
        Error::new(codes::TRAIN_MEMORY, Kind::Usage, message)
            .at("--memory-limit")
            .help("write `--size 384x768` too, or `crop` in the spec")
    })?;
    let choice = choose(plan, &Sizes { n: training.batch, h, w }, Some(limit))?;
    let macs = phg_compiler::plan::cost::cost(plan, &Sizes { n: 1, h, w }).macs;
    let note = format!(
        "a step is predicted to need {} MiB ({} MiB if nothing were computed again; {:.0}% of the forward pass is)",
        choice.peak >> 20,
        choice.peak_before >> 20,
        100.0 * choice.macs_again as f64 / macs.max(1) as f64
    );
    Ok((choice.segments, Some(note)))
}

/// Rounded up, as `--memory-limit` reads it.
fn mebibytes(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::network::unet;
    use phg_compiler::plan::Mode;

    #[test]
    fn a_limit_that_is_too_low_names_what_fits() {
        let (plan, sizes) = (unet(Mode::Train), Sizes { n: 64, h: 128, w: 128 });
        let need = choose(&plan, &sizes, None).unwrap().peak_before;
        let error = choose(&plan, &sizes, Some(need / 8)).unwrap_err();
        assert_eq!((error.code, error.kind), (codes::TRAIN_MEMORY, Kind::Limit));
        let n = largest_batch(&plan, &sizes, need / 8, 64).unwrap();
        assert!((2..64).contains(&n), "{n}");
        assert!(error.help.unwrap().starts_with(&format!("write `--batch {n}`, or `--memory-limit ")));
        assert!(choose(&plan, &Sizes { n, ..sizes }, Some(need / 8)).unwrap().peak <= need / 8);
        assert!(choose(&plan, &Sizes { n: n + 1, ..sizes }, Some(need / 8)).is_err());
        assert_eq!(largest_batch(&plan, &sizes, 1000, 64).unwrap_err().code, codes::TRAIN_MEMORY);
    }
}
