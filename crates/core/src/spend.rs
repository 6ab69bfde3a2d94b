//! What was spent on ads (accounting.md, section 7 `ad_spend`; seed 002): of one spend event the highest version counts,
//! whatever the order in which versions arrive.

use std::sync::Arc;

use crate::calendar::Day;
use crate::daily::{Columns, Kpis};
use crate::event::SpendEvent;
use crate::money::Currency;
use crate::project::{Disposition, Project};
use crate::rejection::{Reason, Rejection};
use crate::resolve::resolve_spend;
use crate::state::Store;

/// A version of a spend event that is in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendVersion {
    /// The event as journalled: its content (5.2).
    pub event: SpendEvent,
    /// Minor units, 0 or more.
    pub amount_minor: i64,
    /// The currency that counts: the event's, else that of the settings in force when it was journalled.
    pub currency: Currency,
    /// The day by the settings in force when it was journalled (3.7).
    pub day: Day,
}

/// All versions of a spend event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Sorted by version.
    pub versions: Vec<SpendVersion>,
    /// Largest recorded time of them, Unix milliseconds: what the horizon is counted from (5.3).
    pub recorded_at_ms: i64,
    /// Number of the journal record of the last of them.
    pub journal_sequence: u64,
}

impl Spend {
    /// What counts, and where: of the highest version, if that is active.
    fn counts(&self) -> Option<(Day, Currency, i64)> {
        let highest = self.versions.last().filter(|v| v.event.is_active)?;
        Some((highest.day, highest.currency, highest.amount_minor))
    }
}

impl<S: Store> Project<'_, S> {
    /// Takes a version of a spend event into the books.
    pub(crate) fn spend(
        &mut self,
        event: &SpendEvent,
        source_timestamp_ms: Option<i64>,
    ) -> Result<Disposition, S::Error> {
        let (name, store) = (self.name, self.store);
        let head = &self.books.head;
        let spend = self
            .books
            .spend
            .take(&event.event_id, || store.spend(name, &event.event_id))?
            .filter(|spend| head.is_live(spend.recorded_at_ms, spend.journal_sequence));
        let mut spend = spend.unwrap_or_default();
        let disposition = self.spend_version(&mut spend, event, source_timestamp_ms)?;
        if !spend.versions.is_empty() {
            self.books.spend.put(event.event_id.clone(), spend);
        }
        Ok(disposition)
    }

    fn spend_version(
        &mut self,
        spend: &mut Spend,
        event: &SpendEvent,
        source_timestamp_ms: Option<i64>,
    ) -> Result<Disposition, S::Error> {
        let at = spend.versions.partition_point(|v| v.event.version < event.version);
        let same = spend.versions.get(at).filter(|v| v.event.version == event.version);
        let differing = same.map(|known| known.event.differing_fields(event));
        if differing.as_ref().is_some_and(Vec::is_empty) {
            self.books.head.duplicates += 1;
            return Ok(Disposition::Duplicate);
        }
        let (settings, _) = self.settings_in_force();
        let now = self.books.head.journal_time_ms.unwrap_or(self.recorded_at_ms);
        let (amount_minor, currency) = match resolve_spend(event, source_timestamp_ms, &settings, now) {
            Ok(resolved) => resolved,
            Err(rejection) => return Ok(self.refuse(rejection)),
        };
        if let Some(fields) = differing {
            return Ok(self.refuse(Rejection::at(Reason::EventIdConflict, &fields.join(","))));
        }
        if spend.versions.len() >= settings.charge_history_max as usize {
            return Ok(self.refuse(Rejection::at(Reason::ChargeHistoryFull, "event_id")));
        }
        let counted = spend.counts();
        let day = Arc::as_ref(&settings).zone.day(event.occurred_at_ms);
        // A first version begins the count anew: what stands there before is no time, and later than any before 1970.
        let before = if spend.versions.is_empty() { i64::MIN } else { spend.recorded_at_ms };
        spend.recorded_at_ms = before.max(self.recorded_at_ms);
        let version = SpendVersion { event: event.clone(), amount_minor, currency, day };
        spend.versions.insert(at, version);
        spend.journal_sequence = self.books.head.journal_sequence;
        let after = spend.counts();
        self.books.head.accepted_spend += 1;
        if counted != after {
            for ((day, currency, minor), sign) in counted.zip(Some(-1)).into_iter().chain(after.zip(Some(1)))
            {
                let columns = Columns::of_spend(i128::from(minor) * sign);
                self.add_to_day(day, currency, &columns, &Kpis::default())?;
            }
        }
        Ok(Disposition::AcceptedSpend)
    }
}
