//! Transactions as beancount reads them: `Root:Project:Organization:Account`.

use std::io::Write;

use daybook_core::party::Account;

use super::{Declared, Export, ExportError, amount};
use crate::entries::Entry;
use crate::names::{beancount_component, beancount_text};

/// Accounts open before every event: entries don't come in the order of their days.
const OPENED: &str = "0001-01-01";

/// Writes them.
pub struct Beancount<W> {
    out: W,
    declared: Declared,
}

impl<W: Write> Beancount<W> {
    /// Writes the beginning.
    pub fn begin(mut out: W) -> Result<Self, ExportError> {
        writeln!(out, "; ledger.entries of daybook, signs as in the ledger")?;
        writeln!(out, "option \"title\" \"daybook\"")?;
        Ok(Self { out, declared: Declared::default() })
    }

    fn declare(&mut self, entry: &Entry) -> Result<(), ExportError> {
        if !entry.postings.is_empty() && self.declared.is_new(&entry.currency) {
            writeln!(self.out, "{OPENED} commodity {}", entry.currency)?;
        }
        for (organization, account, _) in entry.postings.iter().flat_map(|posting| posting.legs()) {
            let name = account_name(entry, organization, account);
            if self.declared.is_new(&name) {
                writeln!(self.out, "{OPENED} open {name}")?;
                writeln!(self.out, "  organization: {}", beancount_text(organization))?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Export for Beancount<W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), ExportError> {
        writeln!(self.out)?;
        self.declare(entry)?;
        let out = &mut self.out;
        let descr = beancount_text(entry.descr.as_deref().unwrap_or_default());
        writeln!(out, "{} * {} {descr}", entry.economic_day, beancount_text(&entry.kind))?;
        writeln!(out, "  project: {}", beancount_text(&entry.project_id))?;
        writeln!(out, "  entry: {}", entry.entry_number)?;
        writeln!(out, "  event: {}", beancount_text(&entry.event_id))?;
        writeln!(out, "  line: {}", entry.event_line)?;
        if let Some(charge) = &entry.charge_id {
            writeln!(out, "  charge: {}", beancount_text(charge))?;
        }
        if let Some(corrects) = entry.corrects {
            writeln!(out, "  corrects: {corrects}")?;
        }
        if !entry.flags.is_empty() {
            writeln!(out, "  flags: {}", beancount_text(&entry.flags.join(" ")))?;
        }
        for posting in &entry.postings {
            let provider = beancount_text(&posting.provider);
            for (organization, account, amount_minor) in posting.legs() {
                let (account, amount) =
                    (account_name(entry, organization, account), amount(entry, amount_minor));
                writeln!(out, "  {account}  {amount} {}\n    provider: {provider}", entry.currency)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        Ok(self.out.flush()?)
    }
}

/// Every account begins with one of beancount's five roots; which one says where a report has it (section 9), and
/// nothing of its sign.
fn account_name(entry: &Entry, organization: &str, account: Account) -> String {
    let root = match account {
        Account::Income => "Income",
        Account::Assets => "Assets",
        Account::Payable => "Liabilities",
        Account::Refund | Account::Chargeback | Account::Writeoff => "Expenses",
    };
    let (project, organization) = (beancount_component(&entry.project_id), beancount_component(organization));
    format!("{root}:{project}:{organization}:{account}")
}
