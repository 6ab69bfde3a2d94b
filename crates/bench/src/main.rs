//! The benchmark on a real broker: daybook beside the least that could be done with the same volume.
//!
//! ```text
//! input       the workload's records, in a topic
//! product     daybook as a child process      ─┐
//! copy        the bare copy, likewise          ├─► throughput, latency ──► report
//! invariants  what the outputs must be like   ─┘
//! ```
//!
//! `cargo xtask bench` runs it; docs/performance.md says what its figures mean.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool of the terminal")]
#![allow(clippy::float_arithmetic, reason = "figures about time and CPU; no money comes near them")]

mod arguments;
mod child;
mod cluster;
mod copy;
mod figures;
mod input;
mod invariants;
mod latency;
mod machine;
mod process;
mod product;
mod program;
mod report;
mod run;
mod sender;
mod throughput;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Copy(arguments) => copy::copy(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("daybook-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
