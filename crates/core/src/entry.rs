//! Entries: balanced sets of postings, the records of `ledger.entries`.

use crate::calendar::Day;
use crate::charge_state::ChargeState;
use crate::event::{Identity, Kind};
use crate::flags::Flags;
use crate::money::Currency;
use crate::name::Name;
use crate::party::{Account, Parties, Role};

/// A movement between two roles' accounts. Always above 0: a leg of 0 is left out (section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Where the amount comes from.
    pub orig: (Role, Account),
    /// Where it goes.
    pub dest: (Role, Account),
    /// Minor units.
    pub amount_minor: i64,
}

impl Leg {
    /// The posting that it is between `parties`.
    #[must_use]
    pub fn posting(&self, parties: &Parties) -> Posting {
        Posting {
            orig_organization: parties.organization(self.orig.0).clone(),
            orig_account: self.orig.1,
            dest_organization: parties.organization(self.dest.0).clone(),
            dest_account: self.dest.1,
            amount_minor: self.amount_minor,
            provider: parties.provider.clone(),
        }
    }
}

/// A movement of an amount from one organization's account to another (seed 001).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Source organization.
    pub orig_organization: Name,
    /// Source account.
    pub orig_account: Account,
    /// Target organization.
    pub dest_organization: Name,
    /// Target account.
    pub dest_account: Account,
    /// Minor units, above 0.
    pub amount_minor: i64,
    /// The provider on whose behalf it is made (1.3).
    pub provider: Name,
}

/// Whether an entry is an event's own or corrects one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// The primary entry of an event (3.1).
    Primary(Kind),
    /// The change of what an earlier published event means (section 3).
    Adjustment {
        /// Number of that event's primary entry.
        corrects: u64,
    },
}

impl EntryKind {
    /// The name as published.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::Primary(kind) => kind.name(),
            EntryKind::Adjustment { .. } => "adjustment",
        }
    }
}

/// One line of the book of original entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The project whose book it is in.
    pub project: Name,
    /// Its number in that book: from 1, no gap, no repeat (invariant 4).
    pub entry_number: u64,
    /// Primary or adjustment.
    pub kind: EntryKind,
    /// The event that it is about.
    pub identity: Identity,
    /// Whether that is a payment that time assumes (3.2), and not an event that was sent. Not published: an event's id
    /// may look like a clearing's.
    pub clearing: bool,
    /// Of an adjustment: the arriving event that caused it; `None` where time is the cause.
    pub caused_by: Option<Identity>,
    /// Reference of the charge; `None` where the event is a charge by itself.
    pub charge_id: Option<Name>,
    /// Event time, Unix milliseconds.
    pub occurred_at_ms: i64,
    /// Recorded time of the journal record that caused it, Unix milliseconds.
    pub recorded_at_ms: i64,
    /// The day it counts on.
    pub economic_day: Day,
    /// Currency of its postings.
    pub currency: Currency,
    /// State of the charge after the event.
    pub charge_state: ChargeState,
    /// What is odd about the event.
    pub flags: Flags,
    /// Free text of the event.
    pub descr: Option<Name>,
    /// Possibly none (3.1).
    pub postings: Vec<Posting>,
    /// Number of the journal record that caused it, per project from 1.
    pub journal_sequence: u64,
    /// Kafka timestamp of its record: that of the event's input record, Unix milliseconds, where it had one.
    pub source_timestamp_ms: Option<i64>,
}

/// The postings that turn what was published into what is right, netted per pair of accounts.
#[must_use]
pub fn difference(before: &[Posting], after: &[Posting]) -> Vec<Posting> {
    type Side<'a> = (&'a Name, Account);
    // Few postings each: a search beats a map. Each pair is kept in the direction in which it was first seen.
    let mut nets: Vec<(Side<'_>, Side<'_>, &Name, i64)> = Vec::new();
    let signed = before.iter().map(|p| (p, -p.amount_minor)).chain(after.iter().map(|p| (p, p.amount_minor)));
    for (posting, amount) in signed {
        let orig = (&posting.orig_organization, posting.orig_account);
        let dest = (&posting.dest_organization, posting.dest_account);
        let net = nets.iter_mut().find(|(o, d, provider, _)| {
            *provider == &posting.provider && ((*o, *d) == (orig, dest) || (*o, *d) == (dest, orig))
        });
        match net {
            Some((o, _, _, net)) if *o == orig => *net += amount,
            Some((_, _, _, net)) => *net -= amount,
            None => nets.push((orig, dest, &posting.provider, amount)),
        }
    }
    let posting = |(orig, dest, provider, net): (Side<'_>, Side<'_>, &Name, i64)| {
        let (orig, dest) = if net > 0 { (orig, dest) } else { (dest, orig) };
        Posting {
            orig_organization: orig.0.clone(),
            orig_account: orig.1,
            dest_organization: dest.0.clone(),
            dest_account: dest.1,
            amount_minor: net.abs(),
            provider: provider.clone(),
        }
    };
    nets.into_iter().filter(|n| n.3 != 0).map(posting).collect()
}
