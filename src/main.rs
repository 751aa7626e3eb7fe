//! `phgc`: the command line of the compiler and the runtime.
//!
//! Exit status: 0 ok, 1 diagnostics, 2 usage, 3 data, 4 training, 5 limits, 130 interrupted after saving.

mod ablate;
mod allocator;
mod args;
mod bench;
mod check;
mod compare;
mod data;
mod devices;
mod diff;
mod eval;
mod explain;
mod export;
mod failure;
mod fmt;
mod infer;
mod latents;
mod memory;
mod output;
mod predict;
mod progress;
mod report;
mod score;
mod show;
mod signals;
mod spec;
mod subject;
mod summary;
mod train;
mod weights;

use std::process::ExitCode;

use args::{Cli, Command, Data, Format, Report, TableFormat, Weights};
use clap::{CommandFactory, Parser};
use failure::Failure;
use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};

fn main() -> ExitCode {
    allocator::share_one_heap();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && asks_for_json() => {
            let failure = Failure::from(usage(&error));
            failure.print(Format::Json);
            return ExitCode::from(failure.status());
        }
        Err(error) => error.exit(),
    };
    let format = format_of(&cli.command);
    signals::watch_pipes(matches!(cli.command, Command::Train(_) | Command::Ablate(_)));
    let result = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Ablate(args) => ablate::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Latents(args) => latents::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Infer(args) => infer::run(&args),
        Command::Weights(args) => weights::run(&args),
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

/// Whether the command line, which did not parse, has `--format json` in it.
fn asks_for_json() -> bool {
    let words: Vec<_> = std::env::args_os().collect();
    words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}

/// What clap has to say: its first line is the message, the rest is help.
fn usage(error: &clap::Error) -> Error {
    let text = error.to_string();
    let (message, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let message = message.trim_start_matches("error: ");
    let help: Vec<&str> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Error::new(codes::USAGE_ARGUMENTS, Kind::Usage, message).help(help.join("; "))
}

/// In which format errors of a command are printed.
fn format_of(command: &Command) -> Format {
    match command {
        Command::Check(args) => args.format,
        Command::Diff(args) => args.format,
        Command::Summary(args) => args.format,
        Command::Bench(args) => args.format,
        Command::Train(args) => args.format,
        Command::Ablate(args) => args.format,
        Command::Eval(args) => args.format,
        Command::Predict(args) => args.format,
        Command::Report(Report::Table(args)) if args.format == TableFormat::Json => Format::Json,
        Command::Report(Report::Table(_)) => Format::Text,
        Command::Report(Report::Trimap(args)) => args.format,
        Command::Report(Report::Curves(args)) => args.format,
        Command::Report(Report::Latent(args)) => args.format,
        Command::Compare(args) => args.format,
        Command::Latents(args) => args.format,
        Command::Weights(Weights::Import(args)) => args.format,
        Command::Weights(Weights::Export(args)) => args.format,
        Command::Data(Data::Check(args)) => args.format,
        Command::Data(Data::Table(args)) => args.format,
        Command::Data(Data::Bench(args)) => args.format,
        Command::Devices(args) => args.format,
        Command::Show(args) if args.format == args::Drawing::Json => Format::Json,
        Command::Fmt(args) => args.format,
        Command::Explain(args) => args.format,
        Command::Export(args) => args.format,
        Command::Infer(args) => args.format,
        Command::Data(Data::Write(args)) => args.format,
        Command::Show(_) | Command::Completions { .. } => Format::Text,
    }
}

/// What every command returns.
type Outcome = Result<(), Failure>;
