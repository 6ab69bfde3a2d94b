//! The `daybook` command.
//!
//! `main` reads arguments, sets up logging, runs one command and turns its outcome into an exit code ([`exit`]).

mod args;
mod config;
mod demo;
mod dlq;
mod exit;
mod export;
mod health;
mod instance;
mod log;
mod logging;
mod manual;
mod metrics;
mod process;
mod progress;
#[cfg(test)]
mod reference;
mod remote;
mod run;
mod schemas;
mod settings;
mod simulate;
mod source;
mod topics;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};

/// Many small values live and die with every event; the system's allocator takes a fifth of `process`' time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Process(arguments) => process::process(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Simulate(arguments) => simulate::simulate(&arguments),
        Command::Settings(arguments) => settings::settings(&arguments),
        Command::Topics(arguments) => topics::topics(&arguments),
        Command::Dlq(arguments) => dlq::dlq(&arguments),
        Command::Health(arguments) => health::health(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
    };
    exit::report(outcome)
}
