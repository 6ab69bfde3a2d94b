//! What the books publish of an event's meaning: entries, balances, points and day rows, in one go.

use crate::calendar::Day;
use crate::charge::{Accepted, ChargeKey, Cleared};
use crate::daily::{Columns, Kpis, Stamp};
use crate::derive::{Derived, clearing_identity};
use crate::entry::{Entry, EntryKind, Posting, difference};
use crate::event::{Identity, Kind};
use crate::flags::{Flag, Flags};
use crate::meaning::{Meaning, Terms};
use crate::money::Currency;
use crate::name::Name;
use crate::party::Account;
use crate::project::Project;
use crate::rewards::{Points, PointsChange, PointsStatus};
use crate::splits::{self, Allocation, Share};
use crate::state::{AllocationKey, Store};

/// The event that something is published about.
struct Subject<'a> {
    key: &'a ChargeKey,
    terms: &'a Terms,
    identity: &'a Identity,
    accepted: &'a Accepted,
    clearing: bool,
    flags: Flags,
}

impl<S: Store> Project<'_, S> {
    /// Publishes the one primary entry of an event (3.1).
    pub(crate) fn publish_primary(
        &mut self,
        key: &ChargeKey,
        terms: &Terms,
        accepted: &Accepted,
        (identity, clearing): (&Identity, bool),
        kind: Kind,
        meaning: &Meaning,
    ) -> Result<(), S::Error> {
        self.cause += 1;
        let mut subject = Subject { key, terms, identity, accepted, clearing, flags: meaning.flags };
        self.count(key.currency, meaning, None, kind)?;
        self.allocate(&subject, meaning, meaning.shares.clone())?;
        self.earn(&mut subject, &terms.customer, meaning, meaning.points)?;
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
        let (identity, accepted) = (&derived.identity, derived.accepted);
        let clearing = derived.clearing;
        let mut subject = Subject { key, terms, identity, accepted, clearing, flags: after.flags };
        self.count(key.currency, after, Some(before), derived.kind)?;
        self.allocate(&subject, after, splits::difference(&before.shares, &after.shares))?;
        if before.parties.customer == after.parties.customer {
            self.earn(&mut subject, &terms.customer, after, after.points.minus(before.points))?;
        } else {
            // The charge turned out to be another customer's.
            let back = Points::default().minus(before.points);
            self.earn(&mut subject, &before.parties.customer, after, back)?;
            self.earn(&mut subject, &terms.customer, after, after.points)?;
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

    /// Adds an event, or how its meaning has changed, to the rows of its day and of the day of purchase (section 7).
    /// Goodwill and what moves nothing touch no row.
    fn count(
        &mut self,
        currency: Currency,
        after: &Meaning,
        before: Option<&Meaning>,
        kind: Kind,
    ) -> Result<(), S::Error> {
        let of_points = |meaning: &Meaning| Kpis::of_points(meaning.points, kind.is_points());
        let (mut columns, mut points) = (after.columns, of_points(after));
        let mut purchase = after.kpis;
        if let Some(before) = before {
            columns = columns.minus(&before.columns);
            points = points.minus(&of_points(before));
            if before.purchase_day == after.purchase_day {
                purchase = purchase.minus(&before.kpis);
            } else {
                let back = Kpis::default().minus(&before.kpis);
                self.add_to_day(before.purchase_day, currency, &Columns::default(), &back)?;
            }
        }
        if after.purchase_day == after.day {
            points.add(&purchase);
        } else {
            self.add_to_day(after.purchase_day, currency, &Columns::default(), &purchase)?;
        }
        self.add_to_day(after.day, currency, &columns, &points)
    }

    /// Adds figures to a day and its month.
    pub(crate) fn add_to_day(
        &mut self,
        day: Day,
        currency: Currency,
        columns: &Columns,
        kpis: &Kpis,
    ) -> Result<(), S::Error> {
        let no_columns = *columns == Columns::default();
        if no_columns && kpis.is_zero() {
            return Ok(());
        }
        let (name, store, now) = (self.name, self.store, self.stamp());
        let key = (day, currency);
        self.books.days.change(&key, || store.day(name, &key), |row| row.add(columns, kpis, now))?;
        if no_columns {
            return Ok(());
        }
        let key = (day.month(), currency);
        self.books.months.change(
            &key,
            || store.month(name, &key),
            |row| {
                row.columns.add(columns);
                if columns.touches_profit() {
                    row.profit.touch(now);
                }
            },
        )
    }

    /// What touches a row now.
    fn stamp(&self) -> Stamp {
        let head = &self.books.head;
        Stamp {
            revision: 1,
            // While time moves, what it clears holds as of the time that it moves to.
            as_of_ms: head.journal_time_ms.map_or(self.recorded_at_ms, |t| t.max(self.recorded_at_ms)),
            journal_sequence: head.journal_sequence,
            cause: self.cause,
        }
    }

    /// Publishes how an event's net effect is shared (section 8); no record where nothing is.
    fn allocate(
        &mut self,
        subject: &Subject<'_>,
        meaning: &Meaning,
        shares: Vec<Share>,
    ) -> Result<(), S::Error> {
        if shares.is_empty() {
            return Ok(());
        }
        let (name, store, now) = (self.name, self.store, self.stamp());
        for share in &shares {
            let key = AllocationKey {
                day: meaning.day,
                currency: subject.key.currency,
                partner: share.partner.clone(),
            };
            self.books.allocations.change(
                &key,
                || store.allocation(name, &key),
                |row| {
                    row.total_minor += share.amount_minor;
                    row.allocated.touch(now);
                },
            )?;
        }
        self.effects.allocations.push(Allocation {
            project: self.name.clone(),
            charge_id: subject.key.charge_id().cloned(),
            identity: subject.identity.clone(),
            product: subject.terms.product_of(subject.accepted).cloned(),
            economic_day: meaning.day,
            currency: subject.key.currency,
            shares,
            journal_sequence: self.books.head.journal_sequence,
            source_timestamp_ms: subject.accepted.source_timestamp_ms,
        });
        Ok(())
    }

    /// Changes a user's points (section 8); no record where nothing changes.
    fn earn(
        &mut self,
        subject: &mut Subject<'_>,
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
        let of_points_event = subject.accepted.event.kind.is_points();
        let taken = of_points_event && delta.available < 0;
        subject.flags.raise_if(taken && after.available < 0, Flag::Overdrawn);
        self.effects.points.push(PointsChange {
            project: self.name.clone(),
            user: user.clone(),
            identity: subject.identity.clone(),
            charge_id: subject.key.charge_id().cloned(),
            status: PointsStatus::of(delta, of_points_event),
            delta,
            balance: after,
            tier: subject.terms.earning.tier.clone(),
            rounded_spend: meaning.rounded_spend,
            occurred_at_ms: meaning.time_ms,
            economic_day: meaning.day,
            flags: subject.flags,
            journal_sequence: self.books.head.journal_sequence,
            source_timestamp_ms: subject.accepted.source_timestamp_ms,
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
        let goodwill = subject.accepted.event.kind == Kind::Goodwill;
        self.balance(subject.key.currency, &postings, goodwill)?;
        self.effects.entries.push(Entry {
            project: self.name.clone(),
            entry_number: self.books.head.entry_number,
            kind,
            identity: subject.identity.clone(),
            clearing: subject.clearing,
            caused_by,
            charge_id: subject.key.charge_id().cloned(),
            occurred_at_ms: meaning.time_ms,
            recorded_at_ms: self.recorded_at_ms,
            economic_day: meaning.day,
            currency: subject.key.currency,
            charge_state: meaning.state,
            flags: subject.flags,
            descr: subject.accepted.event.description.clone(),
            postings,
            journal_sequence: self.books.head.journal_sequence,
            source_timestamp_ms: subject.accepted.source_timestamp_ms,
        });
        Ok(())
    }

    /// Moves the balances that postings touch. Each organization is looked up once, however many postings name it.
    fn balance(&mut self, currency: Currency, postings: &[Posting], goodwill: bool) -> Result<(), S::Error> {
        let (project, store) = (self.name, self.store);
        let (entry_number, journal_sequence) =
            (self.books.head.entry_number, self.books.head.journal_sequence);
        let sides = || {
            postings.iter().flat_map(|p| {
                let amount = i128::from(p.amount_minor);
                let (orig, dest) = tallies(p, goodwill);
                [
                    (&p.orig_organization, p.orig_account, -amount, orig),
                    (&p.dest_organization, p.dest_account, amount, dest),
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
                    for (_, account, amount_minor, tally_minor) in
                        sides().filter(|(other, ..)| *other == name)
                    {
                        let balance = organization.account(account, currency);
                        balance.balance_minor += amount_minor;
                        balance.tally_minor += tally_minor;
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

/// What client profiles need of a posting besides its amount (section 9): how it changes the tallies of the accounts that
/// it goes from and to.
fn tallies(posting: &Posting, goodwill: bool) -> (i128, i128) {
    let amount = i128::from(posting.amount_minor);
    match (posting.orig_account, posting.dest_account) {
        // A processor's fee that is taken back is no service: only the provider's Income is, both ways.
        (Account::Income, Account::Payable) if posting.orig_organization == posting.provider => (0, amount),
        (Account::Payable, Account::Income) if posting.dest_organization == posting.provider => (-amount, 0),
        (Account::Payable, Account::Writeoff) if goodwill => (0, amount),
        (Account::Writeoff, Account::Payable) if goodwill => (-amount, 0),
        _ => (0, 0),
    }
}
