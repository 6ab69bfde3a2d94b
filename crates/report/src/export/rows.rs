//! Postings as rows of CSV, names as they are.

use std::io::{self, Write};

use super::{Export, ExportError, amount};
use crate::entries::Entry;

/// The columns.
const COLUMNS: [&str; 18] = [
    "project_id",
    "entry_number",
    "economic_day",
    "kind",
    "event_id",
    "event_line",
    "corrects",
    "charge_id",
    "flags",
    "descr",
    "orig_organization",
    "orig_account",
    "dest_organization",
    "dest_account",
    "amount",
    "amount_minor",
    "currency",
    "provider",
];

/// Writes them.
pub struct Rows<W: Write>(csv::Writer<W>);

impl<W: Write> Rows<W> {
    /// Writes the columns' names.
    pub fn begin(out: W) -> Result<Self, ExportError> {
        let mut rows = csv::Writer::from_writer(out);
        rows.write_record(COLUMNS).map_err(io::Error::from)?;
        Ok(Self(rows))
    }
}

impl<W: Write> Export for Rows<W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), ExportError> {
        let (number, line) = (entry.entry_number.to_string(), entry.event_line.to_string());
        let (day, flags) = (entry.economic_day.to_string(), entry.flags.join(" "));
        let corrects = entry.corrects.map(|corrects| corrects.to_string()).unwrap_or_default();
        let event = [
            &entry.project_id,
            &number,
            &day,
            &entry.kind,
            &entry.event_id,
            &line,
            &corrects,
            entry.charge_id.as_deref().unwrap_or_default(),
            &flags,
            entry.descr.as_deref().unwrap_or_default(),
        ];
        let mut row = |posting: [&str; 8]| {
            self.0.write_record(event.iter().chain(&posting)).map_err(|e| ExportError::Io(e.into()))
        };
        if entry.postings.is_empty() {
            return row(["", "", "", "", "", "", &entry.currency, ""]);
        }
        entry.postings.iter().try_for_each(|posting| {
            row([
                &posting.orig_organization,
                posting.orig_account.name(),
                &posting.dest_organization,
                posting.dest_account.name(),
                &amount(entry, posting.amount_minor),
                &posting.amount_minor.to_string(),
                &entry.currency,
                &posting.provider,
            ])
        })
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        Ok(self.0.flush()?)
    }
}
