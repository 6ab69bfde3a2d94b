//! The ledger as text that accounting tools read: ledger-cli, hledger, beancount, and rows of CSV.
//!
//! One entry is one transaction, in the order of the ledger, dated by its economic day, adjusting entries included;
//! one posting is two legs of it. Nothing is summed, netted or flipped (1.4). What the tools want declared is declared
//! right before its first use, so an export takes one pass and remembers no more than the names of accounts.

mod beancount;
mod journal;
mod rows;

use std::collections::BTreeSet;
use std::io::{self, Write};

use daybook_core::money::decimal_text;

use crate::entries::Entry;

/// What an export is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ledger-cli.
    Ledger,
    /// hledger.
    Hledger,
    /// beancount.
    Beancount,
    /// A row for each posting.
    Csv,
}

/// Why an entry can't be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What was written could not be put where it belongs.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// ledger-cli has a first year.
    #[error("entry {entry_number} of {project} is of {day}, and ledger knows no year before 1400")]
    DayTooEarly {
        /// Its project.
        project: String,
        /// Its number.
        entry_number: u64,
        /// Its day.
        day: String,
    },
}

/// Takes the entries of a ledger, in their order.
pub trait Export {
    /// Writes one.
    ///
    /// # Errors
    /// It can't be written, or the format can't hold it.
    fn entry(&mut self, entry: &Entry) -> Result<(), ExportError>;

    /// Ends the text.
    ///
    /// # Errors
    /// It can't be written.
    fn finish(self: Box<Self>) -> Result<(), ExportError>;
}

/// An export to `out`, whose writes should be buffered.
///
/// # Errors
/// The text's beginning can't be written.
pub fn exporter<'a>(format: Format, out: impl Write + 'a) -> Result<Box<dyn Export + 'a>, ExportError> {
    Ok(match format {
        Format::Ledger => Box::new(journal::Journal::begin(journal::Dialect::Ledger, out)?),
        Format::Hledger => Box::new(journal::Journal::begin(journal::Dialect::Hledger, out)?),
        Format::Beancount => Box::new(beancount::Beancount::begin(out)?),
        Format::Csv => Box::new(rows::Rows::begin(out)?),
    })
}

/// Accounts and currencies that are declared so far.
#[derive(Default)]
struct Declared(BTreeSet<String>);

impl Declared {
    /// Whether `name` has not been before.
    fn is_new(&mut self, name: &str) -> bool {
        !self.0.contains(name) && self.0.insert(name.to_owned())
    }
}

/// A thousand of an entry's currency, by which the tools learn its digits.
fn thousand(entry: &Entry) -> String {
    decimal_text(1_000 * 10_i128.pow(entry.minor_digits), entry.minor_digits)
}

/// An amount of an entry's currency as decimal text.
fn amount(entry: &Entry, amount_minor: i64) -> String {
    decimal_text(amount_minor.into(), entry.minor_digits)
}
