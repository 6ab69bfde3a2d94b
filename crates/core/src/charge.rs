//! A charge: everything in one project under one reference in one currency (section 3), as the projector keeps it.
//!
//! ```text
//! ChargeKey      reference (or the event itself) and currency
//! Charge
//!   history      accepted events, sorted by (phase, event time, rank, event id, line)
//!   cleared      payments assumed by time that have a primary entry
//!   fold         where the walk over the history ended
//! ```

use std::cmp::Ordering;

use crate::event::{ChargeEvent, Identity, Kind};
use crate::fold::Fold;
use crate::money::Currency;
use crate::name::Name;

/// What events of one charge have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// `chargeId`, else `orderId`, else the transaction: one namespace.
    Shared(Name),
    /// An event with none of these is a charge by itself.
    Own(Identity),
}

/// What tells a charge from every other of its project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargeKey {
    /// The reference.
    pub reference: Reference,
    /// The currency.
    pub currency: Currency,
}

impl ChargeKey {
    /// The charge that an event belongs to.
    #[must_use]
    pub fn of(event: &ChargeEvent, currency: Currency) -> Self {
        let own = || Reference::Own(event.identity.clone());
        let reference = event.reference().map_or_else(own, |r| Reference::Shared(r.clone()));
        Self { reference, currency }
    }

    /// The reference as published; `None` where the event is a charge by itself.
    #[must_use]
    pub fn charge_id(&self) -> Option<&Name> {
        match &self.reference {
            Reference::Shared(name) => Some(name),
            Reference::Own(_) => None,
        }
    }
}

/// An event that is in the books, with what the settings in force have made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The event as journalled: its content (5.2).
    pub event: ChargeEvent,
    /// Event time: its own, else its record's, Unix milliseconds (section 4).
    pub occurred_at_ms: i64,
    /// Minor units.
    pub amount_minor: Option<i64>,
    /// The event's own F or P, minor units.
    pub fee_minor: Option<i64>,
    /// The event's own V, minor units.
    pub fee_returned_minor: Option<i64>,
    /// Which of the project's settings apply to it for ever (3.7): index into [`crate::state::Head::settings`].
    pub settings: u32,
    /// Timestamp of its input record, Unix milliseconds.
    pub source_timestamp_ms: Option<i64>,
    /// Number of its primary entry (3.1).
    pub entry_number: u64,
}

impl Accepted {
    /// The order of a history: phase, event time, rank, event id, line.
    #[must_use]
    pub fn sorts(&self, other: &Self) -> Ordering {
        let key = |a: &Self| (a.event.kind.phase(), a.occurred_at_ms, a.event.kind);
        key(self).cmp(&key(other)).then_with(|| self.event.identity.cmp(&other.event.identity))
    }
}

/// A payment assumed by time that once had its primary entry, and has it for ever (3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The pending that it clears.
    pub pending: Identity,
    /// Number of its primary entry.
    pub entry_number: u64,
}

/// A charge's history and where its fold stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Sorted by [`Accepted::sorts`].
    pub history: Vec<Accepted>,
    /// Clearings that have been published, whether or not they hold now.
    pub cleared: Vec<Cleared>,
    /// The fold after the last event of the history.
    pub fold: Fold,
    /// Largest recorded time of its events, Unix milliseconds: what the horizon is counted from (5.3).
    pub recorded_at_ms: i64,
    /// Number of the journal record of its last event.
    pub journal_sequence: u64,
}

impl Charge {
    /// The first opening event (3.3): the first `service`, `pending` or `payment`; failing these the first of all.
    #[must_use]
    pub fn opening(history: &[Accepted]) -> Option<&Accepted> {
        history.iter().find(|a| Self::opens(a.event.kind)).or_else(|| history.first())
    }

    /// Whether an event of this kind opens a charge.
    #[must_use]
    pub fn opens(kind: Kind) -> bool {
        matches!(kind, Kind::Service | Kind::Pending | Kind::Payment)
    }

    /// The event of an identity.
    #[must_use]
    pub fn event(&self, identity: &Identity) -> Option<&Accepted> {
        self.history.iter().find(|a| a.event.identity == *identity)
    }

    /// Whether `new`, which sorts behind the whole history, can be folded in without walking the history again:
    /// then nothing that was published before can change its meaning. The conditions may be stricter than they
    /// must; a charge of one payment and its paybacks, in order, meets them.
    #[must_use]
    pub fn folds_on(&self, new: &Accepted, journal_time_ms: i64) -> bool {
        let Some(last) = self.history.last() else {
            return new.event.clears_at_ms.is_none_or(|at| at > journal_time_ms);
        };
        if last.sorts(new) != Ordering::Less || !self.cleared.is_empty() {
            return false;
        }
        let kind = new.event.kind;
        // It would become the opening event and so change the customer, the tier and the settings of the others.
        if Self::opens(kind) && !self.history.iter().any(|a| Self::opens(a.event.kind)) {
            return false;
        }
        // Payments and failures without a transaction are paired with pendings over the whole history.
        let pairs = |a: &Accepted| {
            matches!(a.event.kind, Kind::Payment | Kind::Failed) && a.event.transaction.is_none()
        };
        match kind {
            Kind::Pending => {
                new.event.clears_at_ms.is_none_or(|at| at > journal_time_ms)
                    && !self.history.iter().any(pairs)
            }
            Kind::Payment | Kind::Failed if pairs(new) => {
                !self.history.iter().any(|a| a.event.kind == Kind::Pending)
            }
            Kind::Payment | Kind::Failed => !self.history.iter().any(pairs),
            _ => true,
        }
    }
}
