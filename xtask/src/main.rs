//! What developers and CI run: `cargo xtask COMMAND`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool of the terminal")]

mod bench;
mod book;
mod ci;
mod command;
mod deny;
mod kafka;
mod pages;
mod readme;
mod registry;
mod steps;
mod test_broker;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks of the whole repository
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// daybook's throughput and latency on a real broker, beside a bare copy of the same volume
    Bench(bench::Arguments),
    /// The documentation as a book, in target/book; installs mdBook where it is missing
    Book,
    /// Everything that must hold: format, lints, tests, docs, negative controls, end-to-end tests, README
    Ci(ci::Arguments),
    /// Licences and sources of all dependencies, by cargo-deny
    Deny,
    /// A real Apache Kafka, for tests and for trying things out
    Kafka(kafka::Arguments),
    /// Links and blocks of the documentation: what runs them, what is not run, what is wrong
    Pages,
    /// A real schema registry, for tests and for trying things out
    Registry(registry::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Bench(arguments) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Book => book::run().map(|()| ExitCode::SUCCESS),
        Command::Ci(arguments) => ci::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Deny => deny::run().map(|()| ExitCode::SUCCESS),
        Command::Kafka(arguments) => kafka::run(&arguments),
        Command::Pages => pages::run().map(|()| ExitCode::SUCCESS),
        Command::Registry(arguments) => registry::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
