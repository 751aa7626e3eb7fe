//! `phgc explain`: the page of an error code.

use phg_runtime::error::{Error, Kind};

use crate::Outcome;
use crate::args::Explain;

/// Prints a page, or every code with its line.
pub(crate) fn run(args: &Explain) -> Outcome {
    let compiler = phg_compiler::diag::codes::ALL.iter().map(|code| (code.id, code.summary, code.page));
    let runtime = phg_runtime::codes::ALL.iter().map(|code| (code.id, code.summary, code.page));
    let all: Vec<(&str, &str, &str)> = compiler.chain(runtime).collect();
    let Some(wanted) = &args.code else {
        for (id, summary, _) in &all {
            println!("{id:<32} {summary}");
        }
        return Ok(());
    };
    let full = if wanted.starts_with("phg::") { wanted.clone() } else { format!("phg::{wanted}") };
    match all.iter().find(|(id, _, _)| *id == full) {
        Some((_, _, page)) => {
            print!("{page}");
            Ok(())
        }
        None => {
            let near = phg_compiler::diag::did_you_mean(&full, all.iter().map(|(id, _, _)| *id));
            let help = near.unwrap_or_else(|| "`phgc explain` lists every code".into());
            Err(Error::new("phg::name::unknown", Kind::Usage, format!("there is no code `{wanted}`"))
                .help(help)
                .into())
        }
    }
}
