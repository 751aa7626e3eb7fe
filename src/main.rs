//! `phgc`: the command line of the compiler and the runtime.
//!
//! Exit status: 0 ok, 1 diagnostics, 2 usage, 3 data, 4 training, 5 limits, 130 interrupted after saving.

mod args;
mod bench;
mod check;
mod data;
mod devices;
mod diff;
mod eval;
mod explain;
mod failure;
mod fmt;
mod output;
mod predict;
mod progress;
mod show;
mod signals;
mod spec;
mod summary;
mod train;

use std::process::ExitCode;

use args::{Cli, Command, Data, Format};
use clap::{CommandFactory, Parser};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = format_of(&cli.command);
    signals::watch_pipes(matches!(cli.command, Command::Train(_)));
    let result = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "phgc", &mut std::io::stdout());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(format);
            ExitCode::from(failure.status())
        }
    }
}

/// In which format errors of a command are printed.
fn format_of(command: &Command) -> Format {
    match command {
        Command::Check(args) => args.format,
        Command::Diff(args) => args.format,
        Command::Summary(args) => args.format,
        Command::Bench(args) => args.format,
        Command::Train(args) => args.format,
        Command::Eval(args) => args.format,
        Command::Predict(args) => args.format,
        Command::Data(Data::Check(args)) => args.format,
        Command::Devices(args) => args.format,
        Command::Show(args) if args.format == args::Drawing::Json => Format::Json,
        Command::Show(_)
        | Command::Fmt(_)
        | Command::Explain(_)
        | Command::Data(Data::Write(_))
        | Command::Completions { .. } => Format::Text,
    }
}

/// What every command returns.
type Outcome = Result<(), Failure>;
