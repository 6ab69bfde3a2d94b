//! Arguments of both commands.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

/// Measures daybook on a real broker.
#[derive(Parser)]
#[command(name = "daybook-bench")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Measure daybook and the bare copy in turn, and print the figures
    Run(RunArguments),
    /// The bare copy, until standard input ends; `run` starts it
    #[command(hide = true)]
    Copy(CopyArguments),
}

/// Arguments of `run`.
#[derive(Args)]
pub struct RunArguments {
    /// HOST:PORT of the broker
    #[arg(long)]
    pub bootstrap: String,
    /// The binary to measure
    #[arg(long)]
    pub daybook: PathBuf,
    /// Processes whose CPU time is the broker's; without any it is not told
    #[arg(long, value_delimiter = ',')]
    pub broker_pid: Vec<u32>,
    /// Events of a throughput round
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: u64,
    /// Throughput rounds that count, after one that does not; 0: latency alone
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Events per second at which latency is measured
    #[arg(long, value_delimiter = ',', default_value = "2000,10000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rates: Vec<u32>,
    /// Seconds of each latency window, of which there are three per rate; 0: throughput alone
    #[arg(long, default_value_t = 15)]
    pub seconds: u32,
    /// Milliseconds between commits where throughput is measured
    #[arg(long, default_value_t = 100)]
    pub commit_interval_ms: u64,
    /// Milliseconds between commits where latency is measured
    #[arg(long, default_value_t = 5)]
    pub latency_commit_interval_ms: u64,
    /// Where configurations, logs, state and results.jsonl go
    #[arg(long, default_value = "bench-work")]
    pub work_folder: PathBuf,
    /// Seconds of rest after each round, for what is still to be written to disk
    #[arg(long, default_value_t = 5)]
    pub rest: u64,
    /// Percent of the machine's CPUs that others may use: a measurement during which they used more is made again, up to
    /// five times
    #[arg(long, default_value_t = 100)]
    pub others_max: u32,
    /// Seconds to wait at most, before each measurement, until others use less than half of that
    #[arg(long, default_value_t = 0)]
    pub patience: u64,
    /// Whether `daybook verify` looks at the outputs of each throughput round, besides the checks in here
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub verify: bool,
}

/// Arguments of `copy`.
#[derive(Args)]
pub struct CopyArguments {
    /// HOST:PORT of the broker
    #[arg(long)]
    pub bootstrap: String,
    /// Topic to read
    #[arg(long)]
    pub from: String,
    /// What the names of the topics written to begin with
    #[arg(long)]
    pub prefix: String,
    /// Consumer group and transactional id
    #[arg(long)]
    pub group: String,
    /// Milliseconds between commits at most, while there is something to commit
    #[arg(long)]
    pub commit_interval_ms: u64,
    /// How much is written, one for each of the three topics: COUNT:BYTES of all records
    #[arg(long, num_args = 3)]
    pub volumes: Vec<Volume>,
    /// For how many input records that is
    #[arg(long)]
    pub of: u64,
}

/// How much a topic holds.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Volume {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl FromStr for Volume {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (records, bytes) = text.split_once(':').context("no COUNT:BYTES")?;
        Ok(Self { records: records.parse()?, bytes: bytes.parse()? })
    }
}
