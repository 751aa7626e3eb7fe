//! `phgc explain`: the page of an error code.

use phg_runtime::error::{Error, Kind};

use serde_json::json;

use crate::args::{Explain, Format};
use crate::{Outcome, failure};

/// Prints a page, or every code with its line.
pub(crate) fn run(args: &Explain) -> Outcome {
    let compiler = phg_compiler::diag::codes::ALL.iter().map(|code| (code.id, code.summary, code.page));
    let runtime = phg_runtime::codes::ALL.iter().map(|code| (code.id, code.summary, code.page));
    let all: Vec<(&str, &str, &str)> = compiler.chain(runtime).collect();
    let line = |(id, summary, _): &(&str, &str, &str)| json!({ "code": id, "summary": summary });
    let Some(wanted) = &args.code else {
        if args.format == Format::Json {
            failure::print_json(&json!({ "codes": all.iter().map(line).collect::<Vec<_>>() }));
            return Ok(());
        }
        for (id, summary, _) in &all {
            println!("{id:<32} {summary}");
        }
        return Ok(());
    };
    let full = if wanted.starts_with("phg::") { wanted.clone() } else { format!("phg::{wanted}") };
    match all.iter().find(|(id, _, _)| *id == full) {
        Some((id, summary, page)) => {
            match args.format {
                Format::Json => {
                    failure::print_json(&json!({ "code": id, "summary": summary, "page": page }));
                }
                Format::Text => print!("{page}"),
            }
            Ok(())
        }
        None => {
            let help = phg_compiler::diag::suggest_code(wanted, all.iter().map(|(id, _, _)| *id));
            Err(Error::new("phg::name::unknown", Kind::Usage, format!("there is no code `{wanted}`"))
                .help(help)
                .into())
        }
    }
}
