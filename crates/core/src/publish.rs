//! What the books publish of an event's meaning: entries, balances, points and day rows, in one go.

use crate::charge::{Accepted, ChargeKey, Cleared};
use crate::daily::Columns;
use crate::derive::{Derived, clearing_identity};
use crate::entry::{Entry, EntryKind, Posting, difference};
use crate::event::{Identity, Kind};
use crate::fold::{Meaning, Terms};
use crate::money::Currency;
use crate::name::Name;
use crate::project::Project;
use crate::rewards::{Points, PointsChange, PointsStatus};
use crate::state::Store;

/// The event that something is published about.
struct Subject<'a> {
    key: &'a ChargeKey,
    terms: &'a Terms,
    identity: &'a Identity,
    accepted: &'a Accepted,
}

impl<S: Store> Project<'_, S> {
    /// Publishes the one primary entry of an event (3.1).
    pub(crate) fn publish_primary(
        &mut self,
        key: &ChargeKey,
        terms: &Terms,
        accepted: &Accepted,
        identity: &Identity,
        kind: Kind,
        meaning: &Meaning,
    ) -> Result<(), S::Error> {
        self.touched.clear();
        let subject = Subject { key, terms, identity, accepted };
        self.count(key, meaning, &meaning.columns)?;
        self.earn(&subject, &terms.customer, meaning, meaning.points)?;
        self.enter(&subject, EntryKind::Primary(kind), meaning, postings(meaning), None)
    }

    /// Publishes what has changed in the meaning of an event that has its primary entry. Where only points change
    /// there is no entry.
    pub(crate) fn publish_adjustment(
        &mut self,
        key: &ChargeKey,
        terms: &Terms,
        cleared: &[Cleared],
        earlier: &Derived<'_>,
        derived: &Derived<'_>,
    ) -> Result<(), S::Error> {
        let (before, after) = (&earlier.meaning, &derived.meaning);
        let subject = Subject { key, terms, identity: &derived.identity, accepted: derived.accepted };
        self.count(key, after, &after.columns.minus(&before.columns))?;
        if before.parties.customer == after.parties.customer {
            self.earn(&subject, &terms.customer, after, after.points.minus(before.points))?;
        } else {
            // The charge turned out to be another customer's.
            self.earn(&subject, &before.parties.customer, after, Points::default().minus(before.points))?;
            self.earn(&subject, &terms.customer, after, after.points)?;
        }
        let changed = difference(&postings(before), &postings(after));
        if changed.is_empty() {
            return Ok(());
        }
        let corrects = if derived.clearing {
            let of = |c: &&Cleared| clearing_identity(&c.pending) == derived.identity;
            cleared.iter().find(of).map_or(0, |c| c.entry_number)
        } else {
            derived.accepted.entry_number
        };
        let caused_by = self.caused_by.clone();
        self.enter(&subject, EntryKind::Adjustment { corrects }, after, changed, caused_by)
    }

    /// Adds a change to its day's row (section 7). Goodwill and what moves nothing touch no row.
    fn count(&mut self, key: &ChargeKey, meaning: &Meaning, columns: &Columns) -> Result<(), S::Error> {
        if columns.is_zero() {
            return Ok(());
        }
        let day = (meaning.day, key.currency);
        let first = !self.touched.contains(&day);
        let (now, sequence) = (self.books.head.journal_time_ms, self.books.head.journal_sequence);
        let (name, store, recorded_at_ms) = (self.name, self.store, self.recorded_at_ms);
        self.books.days.change(
            &day,
            || store.day(name, &day),
            |row| {
                row.columns.add(columns);
                // While time moves, what it clears holds as of the time that it moves to.
                row.as_of_ms = now.map_or(recorded_at_ms, |t| t.max(recorded_at_ms));
                row.journal_sequence = sequence;
                row.revision += u64::from(first);
            },
        )?;
        if first {
            self.touched.push(day);
        }
        Ok(())
    }

    /// Changes a user's points (section 8); no record where nothing changes.
    fn earn(
        &mut self,
        subject: &Subject<'_>,
        user: &Name,
        meaning: &Meaning,
        delta: Points,
    ) -> Result<(), S::Error> {
        if delta.is_zero() {
            return Ok(());
        }
        let (name, store, sequence) = (self.name, self.store, self.books.head.journal_sequence);
        let mut after = Points::default();
        self.books.organizations.change(
            user,
            || store.organization(name, user),
            |organization| {
                let balance = organization.points.get_or_insert_default();
                balance.points = balance.points.plus(delta);
                balance.journal_sequence = sequence;
                after = balance.points;
            },
        )?;
        self.effects.points.push(PointsChange {
            project: self.name.clone(),
            user: user.clone(),
            identity: subject.identity.clone(),
            charge_id: subject.key.charge_id().cloned(),
            status: PointsStatus::of(delta),
            delta,
            balance: after,
            tier: subject.terms.earning.tier.clone(),
            rounded_spend: meaning.rounded_spend,
            occurred_at_ms: meaning.time_ms,
            economic_day: meaning.day,
            flags: meaning.flags,
            journal_sequence: self.books.head.journal_sequence,
        });
        Ok(())
    }

    /// Enters postings under the next number and moves the balances.
    fn enter(
        &mut self,
        subject: &Subject<'_>,
        kind: EntryKind,
        meaning: &Meaning,
        postings: Vec<Posting>,
        caused_by: Option<Identity>,
    ) -> Result<(), S::Error> {
        self.books.head.entry_number += 1;
        self.balance(subject.key.currency, &postings)?;
        self.effects.entries.push(Entry {
            project: self.name.clone(),
            entry_number: self.books.head.entry_number,
            kind,
            identity: subject.identity.clone(),
            caused_by,
            charge_id: subject.key.charge_id().cloned(),
            occurred_at_ms: meaning.time_ms,
            recorded_at_ms: self.recorded_at_ms,
            economic_day: meaning.day,
            currency: subject.key.currency,
            charge_state: meaning.state,
            flags: meaning.flags,
            descr: subject.accepted.event.description.clone(),
            postings,
            journal_sequence: self.books.head.journal_sequence,
            source_timestamp_ms: subject.accepted.source_timestamp_ms,
        });
        Ok(())
    }

    /// Moves the balances that postings touch. Each organization is looked up once, however many postings name it.
    fn balance(&mut self, currency: Currency, postings: &[Posting]) -> Result<(), S::Error> {
        let (project, store) = (self.name, self.store);
        let (entry_number, journal_sequence) =
            (self.books.head.entry_number, self.books.head.journal_sequence);
        let sides = || {
            postings.iter().flat_map(|p| {
                let amount = i128::from(p.amount_minor);
                [
                    (&p.orig_organization, p.orig_account, -amount),
                    (&p.dest_organization, p.dest_account, amount),
                ]
            })
        };
        for (at, (name, ..)) in sides().enumerate() {
            if sides().take(at).any(|(earlier, ..)| earlier == name) {
                continue;
            }
            self.books.organizations.change(
                name,
                || store.organization(project, name),
                |organization| {
                    for (_, account, amount_minor) in sides().filter(|(other, ..)| *other == name) {
                        let balance = organization.account(account, currency);
                        balance.balance_minor += amount_minor;
                        (balance.entry_number, balance.journal_sequence) = (entry_number, journal_sequence);
                    }
                },
            )?;
        }
        Ok(())
    }
}

fn postings(meaning: &Meaning) -> Vec<Posting> {
    meaning.legs.iter().map(|leg| leg.posting(&meaning.parties)).collect()
}
