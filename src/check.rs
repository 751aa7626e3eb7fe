//! `phgc check`: proves a spec, at all sizes or at one.

use phg_compiler::ir::dim::Sizes;

use crate::args::{Check, Format};
use crate::failure::{self, Failure};
use crate::{Outcome, spec};

/// Compiles and says what is wrong, or that nothing is.
pub(crate) fn run(args: &Check) -> Outcome {
    let mut compilation = spec::prove(&args.spec, &args.compile)?;
    if let Some(network) = &compilation.network {
        let size = args.size.or(network.training.augment.crop).or(network.training.resize);
        if let Some([h, w]) = size
            && let Err(broken) = network.bind(&Sizes { n: network.training.batch, h, w })
        {
            compilation.diags.extend(broken);
            compilation.network = None;
        }
    }
    let Some(network) = &compilation.network else {
        return Err(Failure::Spec { sources: compilation.sources, diags: compilation.diags });
    };
    match args.format {
        Format::Json => {
            failure::print_json(&failure::spec_json(&compilation.diags, &compilation.sources, true))
        }
        Format::Text => {
            eprint!("{}", failure::draw(&compilation.diags, &compilation.sources));
            let constraints = network.graph().constraints.len();
            println!(
                "{}: {} operations, {} classes, {}",
                args.spec.display(),
                network.graph().len(),
                network.classes,
                if constraints == 0 {
                    "any input size".to_owned()
                } else {
                    format!("{constraints} constraints on the input's size")
                }
            );
        }
    }
    Ok(())
}
