//! What each record is: which class, which earlier record it depends on, whose it is.
//!
//! A record's class depends on its index alone. What it refers to is found by looking at classes,
//! never at what the other record refers to, so nothing here goes deeper than two records.

use crate::Options;
use crate::draw::{Draws, Purpose};
use crate::fault::Fault;

const HOUR_MS: i64 = 3_600_000;
/// How far a duplicate or refund is behind its original. With the up to 72 hours that an event
/// may be late this stays below 30 days.
const BEHIND_MS: i64 = 26 * 24 * HOUR_MS;
const BEHIND_RECORDS: u64 = 50_000;
/// How far a refund may come before its payment. Its event time is then after its record's.
const AHEAD_MS: i64 = 20 * HOUR_MS;
const AHEAD_RECORDS: u64 = 200;
/// Records looked at to find one of the class wanted, so that odd percentages cost no more.
const LOOKED_AT: u64 = 64;
const SOURCES: [&str; 4] = ["backend", "woocommerce", "subscriptions", "backend"];

/// The class of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Payments,
    Refunds,
    Duplicate,
    Bad,
}

/// A record's class with what it refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Envelope(Envelope),
    /// The envelope of an earlier record again.
    Duplicate(u64),
    /// The envelope of an earlier record, saying something else.
    Conflict(u64),
    /// An envelope of payments with a fault.
    Faulty(&'static Fault),
}

/// A good envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The record that is the first to send it.
    pub(crate) index: u64,
    /// The record whose payments it refunds.
    pub(crate) refunds: Option<u64>,
    pub(crate) shape: Shape,
}

/// How an envelope is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Payload items, at least 1.
    pub(crate) items: u64,
    /// All items have the event id of the first.
    pub(crate) one_id: bool,
    /// All payments are of the charge of the first.
    pub(crate) one_charge: bool,
    /// Each item is in a `track` element of its own.
    pub(crate) apart: bool,
    pub(crate) livemode: Option<bool>,
}

/// The options, and what follows from them.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    options: Options,
    /// For each project the sum of its share and those before it.
    shares: Vec<u64>,
    behind: u64,
    ahead: u64,
}

impl Plan {
    pub(crate) fn new(mut options: Options) -> Self {
        if options.projects.is_empty() {
            options.projects = Options::default().projects;
        }
        options.users = options.users.max(1);
        options.ms_per_record = options.ms_per_record.max(1);
        options.items_max = options.items_max.max(1);
        let shares = (1..)
            .zip(&options.projects)
            .scan(0, |sum, (place, _)| {
                *sum += 1_000_000 / place;
                Some(*sum)
            })
            .collect();
        let records = |span_ms: i64| span_ms.unsigned_abs() / options.ms_per_record.unsigned_abs();
        Self {
            behind: records(BEHIND_MS).min(BEHIND_RECORDS),
            ahead: records(AHEAD_MS).min(AHEAD_RECORDS),
            shares,
            options,
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.options.seed
    }

    pub(crate) fn users(&self) -> u64 {
        self.options.users
    }

    pub(crate) fn late_percent(&self) -> u8 {
        self.options.late_percent
    }

    pub(crate) fn timestamp_ms(&self, index: u64) -> i64 {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let since_start = index.saturating_mul(self.options.ms_per_record);
        self.options.start_ms.saturating_add(since_start)
    }

    pub(crate) fn kind(&self, index: u64) -> Kind {
        let mut draws = self.draws(index, Purpose::Target);
        match self.class(index) {
            Class::Payments | Class::Refunds => Kind::Envelope(self.envelope(index)),
            Class::Duplicate => match self.before(index, is_envelope, &mut draws) {
                Some(of) => Kind::Duplicate(of),
                None => Kind::Envelope(self.payments(index)),
            },
            Class::Bad => {
                let conflict = draws.one_in(6);
                let of = self.before(index, is_envelope, &mut draws);
                match of {
                    Some(of) if conflict => Kind::Conflict(of),
                    _ => Kind::Faulty(Fault::any(&mut draws)),
                }
            }
        }
    }

    /// The envelope of a record that is neither a duplicate nor bad.
    pub(crate) fn envelope(&self, index: u64) -> Envelope {
        let mut envelope = self.payments(index);
        if self.class(index) == Class::Refunds {
            envelope.refunds = self.refunded(index);
        }
        if let Some(of) = envelope.refunds {
            // A test payment's refund is a test too.
            envelope.shape.livemode = self.shape(of).livemode;
            envelope.shape.one_charge = false;
        }
        envelope
    }

    /// An envelope of payments.
    pub(crate) fn payments(&self, index: u64) -> Envelope {
        Envelope { index, refunds: None, shape: self.shape(index) }
    }

    /// The project of an envelope: that of the payments that it refunds, if it does.
    pub(crate) fn project(&self, envelope: &Envelope) -> &str {
        let index = envelope.refunds.unwrap_or(envelope.index);
        let all = self.shares.last().copied().unwrap_or(0);
        let share = self.draws(index, Purpose::Project).below(all);
        let at = self.shares.partition_point(|sum| *sum <= share);
        self.options.projects.get(at).map_or("", String::as_str)
    }

    pub(crate) fn source(&self, envelope: &Envelope) -> &'static str {
        let index = envelope.refunds.unwrap_or(envelope.index);
        let mut draws = self.draws(index, Purpose::Project);
        draws.number(); // the project's
        draws.pick(&SOURCES)
    }

    pub(crate) fn shape(&self, index: u64) -> Shape {
        let mut draws = self.draws(index, Purpose::Shape);
        let many = draws.one_in(4);
        let items = 1 + draws.below(u64::from(self.options.items_max));
        Shape {
            items: if many { items } else { 1 },
            one_id: draws.one_in(6),
            one_charge: draws.one_in(6),
            apart: draws.one_in(6),
            livemode: match draws.below(50) {
                0 => Some(false),
                1..=4 => Some(true),
                _ => None,
            },
        }
    }

    fn class(&self, index: u64) -> Class {
        if index == 0 {
            return Class::Payments; // there is always something to refund
        }
        let options = &self.options;
        let duplicates = u64::from(options.duplicates_percent);
        let bad = duplicates + u64::from(options.bad_percent);
        let refunds = bad + u64::from(options.refunds_percent);
        let draw = self.draws(index, Purpose::Class).below(100);
        if draw < duplicates {
            Class::Duplicate
        } else if draw < bad {
            Class::Bad
        } else if draw < refunds {
            Class::Refunds
        } else {
            Class::Payments
        }
    }

    /// The record whose payments a record refunds.
    fn refunded(&self, index: u64) -> Option<u64> {
        let mut draws = self.draws(index, Purpose::Target);
        if self.ahead > 0 && draws.one_in(32) {
            let first = index.saturating_add(1 + draws.below(self.ahead));
            let last = index.saturating_add(self.ahead);
            return (first..=last).find(|at| is_payments(self.class(*at)));
        }
        self.before(index, is_payments, &mut draws)
    }

    /// A record before `index` of a class that is wanted.
    fn before(&self, index: u64, wanted: fn(Class) -> bool, draws: &mut Draws) -> Option<u64> {
        let behind = self.behind.min(index);
        if behind == 0 {
            return None;
        }
        let lowest = index - behind;
        let mut at = index - 1 - draws.below(behind);
        // Some records are referred to again and again: several refunds of one charge.
        if draws.one_in(4) {
            at = (at - at % 32).max(lowest);
        }
        let last = at.saturating_sub(LOOKED_AT).max(lowest);
        (last..=at).rev().find(|at| wanted(self.class(*at)))
    }

    fn draws(&self, index: u64, purpose: Purpose) -> Draws {
        Draws::new(self.options.seed, index, 0, purpose)
    }
}

fn is_payments(class: Class) -> bool {
    class == Class::Payments
}

fn is_envelope(class: Class) -> bool {
    matches!(class, Class::Payments | Class::Refunds)
}
