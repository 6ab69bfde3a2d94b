//! Arguments of `daybook dlq`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use daybook_core::rejection::Reason;
use daybook_wire::topic::Topic;

use super::letter::Place;

/// Arguments of `dlq`.
#[derive(Debug, Args)]
pub struct DlqArguments {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// The commands of `dlq`.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List dead letters: why, where and when
    List(ListArguments),
    /// Show one dead letter, its headers and its record
    Show(ShowArguments),
    /// Put the records of dead letters back, to be taken in again
    Replay(ReplayArguments),
}

/// The input whose dead letters are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Input {
    /// Of charge events
    Charges,
    /// Of spend events
    Spend,
    /// Of projects' settings
    Settings,
}

impl Input {
    /// Where its dead letters are.
    pub fn letters(self) -> Topic {
        match self {
            Input::Charges => Topic::ChargesDlq,
            Input::Spend => Topic::SpendDlq,
            Input::Settings => Topic::SettingsDlq,
        }
    }
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only those that were refused for this reason
    #[arg(long, value_parser = reason)]
    pub reason: Option<Reason>,
    /// Only those of this project
    #[arg(long)]
    pub project: Option<String>,
}

/// A reason's code.
fn reason(code: &str) -> Result<Reason, String> {
    Reason::from_code(code).ok_or_else(|| "no such reason; docs/reasons lists them".to_owned())
}

/// Arguments of `dlq list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Configuration of the instance whose dead letters they are
    #[arg(long)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub filter: Filter,
    /// Only those of this input
    #[arg(long, value_enum)]
    pub topic: Option<Input>,
    /// So many at most: the newest by their records' time
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `dlq show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Which: TOPIC/PARTITION:OFFSET as `list` has it; OFFSET alone is one of charges.dlq, partition 0
    pub letter: Place,
    /// Configuration of the instance whose dead letter it is
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Print the record's value alone, byte for byte: to correct it and put it back `--with` it
    #[arg(long)]
    pub value: bool,
}

/// Arguments of `dlq replay`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").args(["letters", "reason", "project", "all"]).required(true).multiple(true))]
pub struct ReplayArguments {
    /// Which: TOPIC/PARTITION:OFFSET as `list` has it; OFFSET alone is one of charges.dlq, partition 0
    #[arg(conflicts_with_all = ["reason", "project", "all", "topic"])]
    pub letters: Vec<Place>,
    /// Configuration of the instance whose dead letters they are
    #[arg(long)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub filter: Filter,
    /// All dead letters of the input
    #[arg(long, conflicts_with_all = ["reason", "project"])]
    pub all: bool,
    /// The input whose dead letters are meant
    #[arg(long, value_enum, default_value_t = Input::Charges)]
    pub topic: Input,
    /// Put this file's content back in the place of the one letter's value
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reason", "project", "all"])]
    pub with: Option<PathBuf>,
    /// Set a header of the records that are put back, as `daybook-project=acme`
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// Only say what would be put back
    #[arg(long)]
    pub dry_run: bool,
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}
