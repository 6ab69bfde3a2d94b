//! Transactions as ledger-cli and hledger read them: `project:organization:Account`.

use std::io::Write;

use daybook_core::party::Account;

use super::{Declared, Export, ExportError, amount, thousand};
use crate::entries::Entry;
use crate::names::{journal_component, journal_text};

/// The first year that ledger knows.
const LEDGER_YEAR_MIN: i16 = 1400;

/// Tags of transactions and postings, which a strict ledger wants declared.
const TAGS: [&str; 6] = ["event", "line", "charge", "corrects", "flags", "provider"];

/// Which of the two reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// ledger-cli.
    Ledger,
    /// hledger.
    Hledger,
}

/// Writes them.
pub struct Journal<W> {
    dialect: Dialect,
    out: W,
    declared: Declared,
}

impl<W: Write> Journal<W> {
    /// Writes the beginning.
    pub fn begin(dialect: Dialect, mut out: W) -> Result<Self, ExportError> {
        writeln!(out, "; ledger.entries of daybook, signs as in the ledger")?;
        match dialect {
            Dialect::Ledger => TAGS.iter().try_for_each(|tag| writeln!(out, "tag {tag}"))?,
            // Else 1.234 might be taken for a thousand and more.
            Dialect::Hledger => writeln!(out, "decimal-mark .")?,
        }
        Ok(Self { dialect, out, declared: Declared::default() })
    }

    fn declare(&mut self, entry: &Entry) -> Result<(), ExportError> {
        let (currency, thousand) = (&entry.currency, thousand(entry));
        if !entry.postings.is_empty() && self.declared.is_new(currency) {
            match self.dialect {
                Dialect::Ledger => {
                    writeln!(self.out, "commodity {currency}\n    format {thousand} {currency}")?
                }
                // It wants the point even where no digit follows.
                Dialect::Hledger if entry.minor_digits == 0 => {
                    writeln!(self.out, "commodity {thousand}. {currency}")?;
                }
                Dialect::Hledger => writeln!(self.out, "commodity {thousand} {currency}")?,
            }
        }
        for (organization, account, _) in entry.postings.iter().flat_map(|posting| posting.legs()) {
            let name = account_name(entry, organization, account);
            if self.declared.is_new(&name) {
                writeln!(self.out, "account {name}")?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Export for Journal<W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), ExportError> {
        if self.dialect == Dialect::Ledger && entry.economic_day.year() < LEDGER_YEAR_MIN {
            let (project, entry_number) = (entry.project_id.clone(), entry.entry_number);
            let day = entry.economic_day.to_string();
            return Err(ExportError::DayTooEarly { project, entry_number, day });
        }
        writeln!(self.out)?;
        self.declare(entry)?;
        let out = &mut self.out;
        // ledger drops a transaction without postings and complains; there it stays as a comment.
        let comment = if self.dialect == Dialect::Ledger && entry.postings.is_empty() { "; " } else { "" };
        let project = journal_component(&entry.project_id);
        write!(out, "{comment}{} * ({project}:{}) ", entry.economic_day, entry.entry_number)?;
        write!(out, "{}", journal_text(&entry.kind))?;
        match entry.descr.as_deref().unwrap_or_default() {
            "" => writeln!(out)?,
            text => writeln!(out, " | {}", journal_text(text))?,
        }
        writeln!(out, "{comment}    ; event: {}", journal_text(&entry.event_id))?;
        writeln!(out, "{comment}    ; line: {}", entry.event_line)?;
        if let Some(charge) = &entry.charge_id {
            writeln!(out, "{comment}    ; charge: {}", journal_text(charge))?;
        }
        if let Some(corrects) = entry.corrects {
            writeln!(out, "{comment}    ; corrects: {corrects}")?;
        }
        if !entry.flags.is_empty() {
            writeln!(out, "{comment}    ; flags: {}", journal_text(&entry.flags.join(" ")))?;
        }
        for posting in &entry.postings {
            let provider = journal_text(&posting.provider);
            for (organization, account, amount_minor) in posting.legs() {
                let (account, amount) =
                    (account_name(entry, organization, account), amount(entry, amount_minor));
                writeln!(out, "    {account}  {amount} {}  ; provider: {provider}", entry.currency)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        Ok(self.out.flush()?)
    }
}

fn account_name(entry: &Entry, organization: &str, account: Account) -> String {
    format!("{}:{}:{account}", journal_component(&entry.project_id), journal_component(organization))
}
