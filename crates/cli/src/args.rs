//! Arguments of every command.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

/// Exact books from Charge events: double-entry postings, reward points and daily revenue.
#[derive(Debug, Parser)]
#[command(name = "daybook", version, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole product with simulated payment backends and a live page; no Kafka needed
    Demo(DemoArguments),
    /// Run intake, projector and HTTP on the log that the configuration names
    Run(RunArguments),
    /// Turn files of events into files of books, deterministically
    Process(ProcessArguments),
    /// Check that books hold every invariant
    Verify(VerifyArguments),
    /// Export the ledger for accounting tools, and draw reports from it
    Export(ExportArguments),
    /// Write what simulated payment backends send to the log that the configuration names
    Simulate(SimulateArguments),
    /// Look after projects' settings
    Settings(SettingsArguments),
    /// Look after the topics in Kafka
    Topics(TopicsArguments),
    /// See what was refused and put it back
    Dlq(crate::dlq::DlqArguments),
    /// Ask a running instance whether it is ready; exit code 0 only if it is
    Health(crate::health::HealthArguments),
    /// Print completions for a shell
    Completions(crate::manual::CompletionsArguments),
    /// Print the manual page, or write those of all commands
    Man(crate::manual::ManArguments),
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Folder of the embedded log; an existing one is gone on with
    #[arg(long, default_value = "daybook-demo")]
    pub folder: PathBuf,
    /// Address of the page and the API
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Records that the simulated backends send per second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Stop sending after so many records in all (the page stays up)
    #[arg(long)]
    pub records: Option<u64>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Configuration file (TOML); every key can also be set as an environment variable
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Validate and print the effective configuration, secrets masked, and stop
    #[arg(long)]
    pub check: bool,
    /// Drop the projector's state and make it anew from the journal before anything else
    #[arg(long, conflicts_with = "check")]
    pub rebuild_state: bool,
}

/// How the lines of an input file are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Each line is a record's value
    Value,
    /// Each line is what `kcat -J` prints: value, key, headers, timestamp and position
    Kcat,
}

/// Arguments of `process`.
#[derive(Debug, Args)]
pub struct ProcessArguments {
    /// Settings of the projects (TOML)
    #[arg(long)]
    pub settings: Option<PathBuf>,
    /// Charge events, one record a line; `-` is standard input. May be given several times
    #[arg(long)]
    pub charges: Vec<PathBuf>,
    /// Spend events, one record a line; `-` is standard input. May be given several times
    #[arg(long)]
    pub spend: Vec<PathBuf>,
    /// How the lines are to be read
    #[arg(long, value_enum, default_value_t = InputFormat::Value)]
    pub input_format: InputFormat,
    /// Project of records that name none
    #[arg(long)]
    pub project: Option<String>,
    /// Move the journal's time here at the end; also dates events that have no time at all (RFC 3339)
    #[arg(long)]
    pub as_of: Option<String>,
    /// Folder for the books; made where it is absent, must be empty
    #[arg(long)]
    pub out: PathBuf,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The books.
    #[command(flatten)]
    pub source: SourceArguments,
}

/// Where books are to be read from.
#[derive(Debug, Args)]
pub struct SourceArguments {
    /// A folder of the embedded log, or one that `process` wrote
    #[arg(required_unless_present_any = ["url", "config"])]
    pub folder: Option<PathBuf>,
    /// The log that a configuration names instead: the topics in Kafka, also while instances run
    #[arg(long, conflicts_with_all = ["folder", "url"])]
    pub config: Option<PathBuf>,
    /// A running instance instead (http://host:port)
    #[arg(long, conflicts_with = "folder")]
    pub url: Option<String>,
    /// An operator's key of that instance
    #[arg(long, env = "DAYBOOK_API_KEY", hide_env_values = true, requires = "url")]
    pub api_key: Option<String>,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// What to export.
    #[command(subcommand)]
    pub command: ExportCommand,
}

/// What `export` can write.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Every entry as a transaction for ledger-cli
    Ledger(EntriesArguments),
    /// Every entry as a transaction for hledger
    Hledger(EntriesArguments),
    /// Every entry as a transaction for beancount
    Beancount(EntriesArguments),
    /// Every posting as a row
    Csv(EntriesArguments),
    /// What each provider holds, has earned, has lost to paybacks and write-offs, and owes as a client
    BalanceSheet(BalanceSheetArguments),
    /// What each client was invoiced, owes, was given for free, and disputed
    ClientProfile(ClientProfileArguments),
}

/// Arguments of exports of all entries.
#[derive(Debug, Args)]
pub struct EntriesArguments {
    /// The books.
    #[command(flatten)]
    pub source: SourceArguments,
    /// Only entries of this project
    #[arg(long)]
    pub project: Option<String>,
    /// File to write instead of standard output; one that exists is replaced once all is written
    #[arg(short, long)]
    pub out: Option<PathBuf>,
}

/// Arguments that reports have in common.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The books.
    #[command(flatten)]
    pub source: SourceArguments,
    /// Only entries of this project
    #[arg(long)]
    pub project: Option<String>,
    /// Last economic day that counts (YYYY-MM-DD); without it, every entry counts
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub as_of: Option<Date>,
    /// Print JSON, amounts in minor units, instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `export balance-sheet`.
#[derive(Debug, Args)]
pub struct BalanceSheetArguments {
    /// What reports have in common.
    #[command(flatten)]
    pub report: ReportArguments,
    /// Only this provider
    #[arg(long)]
    pub provider: Option<String>,
}

/// Arguments of `export client-profile`.
#[derive(Debug, Args)]
pub struct ClientProfileArguments {
    /// What reports have in common.
    #[command(flatten)]
    pub report: ReportArguments,
    /// Only this customer
    #[arg(long)]
    pub customer: Option<String>,
}

fn day(text: &str) -> Result<Date, String> {
    Date::strptime("%Y-%m-%d", text).map_err(|_| "expected a day as YYYY-MM-DD".to_owned())
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Configuration of the instance whose log it is
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Records that are sent per second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Stop after so many records; without it, when asked to
    #[arg(long)]
    pub records: Option<u64>,
    /// Projects, the busiest first; may be given several times. Without it, those of the demo
    #[arg(long)]
    pub project: Vec<String>,
    /// Number that the events are drawn by; without it, another one every time
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Arguments of `settings`.
#[derive(Debug, Args)]
pub struct SettingsArguments {
    /// What to do with them.
    #[command(subcommand)]
    pub command: SettingsCommand,
}

/// The commands of `settings`.
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// Validate settings, say what they change, and put them into force
    Apply(ApplyArguments),
    /// Show the settings in force at a position of the journal, as TOML
    Show(SettingsShowArguments),
}

/// Arguments of `settings apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The settings (TOML), one table a project
    #[arg(short, long)]
    pub file: PathBuf,
    /// Configuration of the instance that they are for
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Validate only
    #[arg(long)]
    pub check: bool,
    /// Only say what would change
    #[arg(long, conflicts_with = "check")]
    pub dry_run: bool,
}

/// Arguments of `settings show`.
#[derive(Debug, Args)]
pub struct SettingsShowArguments {
    /// Whose journal.
    #[command(flatten)]
    pub source: SourceArguments,
    /// The project; NAME~test for its test stream
    #[arg(long)]
    pub project: String,
    /// Number of the journal record, per project from 1 (`journal_sequence` of every output); without it, the last
    #[arg(long, value_name = "SEQUENCE")]
    pub at: Option<u64>,
    /// Instead, list every version and what it changed
    #[arg(long, conflicts_with = "at")]
    pub history: bool,
}

/// Arguments of `topics`.
#[derive(Debug, Args)]
pub struct TopicsArguments {
    /// What to do with them.
    #[command(subcommand)]
    pub command: TopicsCommand,
}

/// The commands of `topics`.
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// Make the topics that are missing and say which are not as they have to be
    Apply(TopicsApplyArguments),
}

/// Arguments of `topics apply`.
#[derive(Debug, Args)]
pub struct TopicsApplyArguments {
    /// Configuration of the instances that they are for
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Only look, change nothing
    #[arg(long)]
    pub check: bool,
}
