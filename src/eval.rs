//! `phgc eval`: scores a run on a split.

use serde_json::json;

use crate::args::{Eval, Format};
use crate::score::Scorer;
use crate::{Outcome, failure, output};

/// Scores the run on its own dataset, or on the one named.
pub(crate) fn run(args: &Eval) -> Outcome {
    let scorer = Scorer::start(&args.scoring)?;
    let evaluation = scorer.evaluate(&scorer.open_with(&args.run, &args.loading, false)?.0)?;
    match args.format {
        Format::Json => failure::print_json(&json!(evaluation)),
        Format::Text => output::out(format_args!("{}\n", evaluation.table())),
    }
    Ok(())
}
