//! A second computation of the books, from the rules of accounting.md by batch.
//!
//! ```text
//! books(records)
//!   journal   first pass, in journal order: which events are in the books, and when the horizon drops a charge
//!   order     a charge's history, sorted once, its transactions paired, its clearings by time added
//!   walk      one walk per charge at its last moment in the books
//!   totals    everything summed up from nothing
//! ```
//!
//! Nothing is incremental: no event is published and corrected, so nothing can be forgotten when one comes late,
//! twice or before the one that it depends on. Of the core it uses the types of events and settings, zones, days and
//! currencies. Rounding, points, splits, fees, formulas, identity, horizon, clearing and the fold are its own,
//! written from the text by the numbers of its rules, the slow and obvious way.

mod admit;
pub mod figures;
mod journal;
mod order;
mod payback;
mod points;
mod posting;
mod rounding;
mod splits;
mod totals;
mod walk;

use std::collections::BTreeMap;

use daybook_core::calendar::{Day, Zone};
use daybook_core::event::JournalRecord;
use daybook_core::name::Name;
use daybook_core::rejection::Reason;
use daybook_core::settings::Settings;

use figures::Books;

/// One rule read wrongly on purpose: a comparison that does not notice is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    /// 6.3: what is returned in proportion is rounded down.
    ProportionalRoundsDown,
    /// 8: equal remainders go to the last in declared order.
    TiesBackwards,
    /// 8: a partner gives back what is rounded up.
    StandingRoundsUp,
    /// 8: spend is rounded down to the step.
    SpendRoundsDown,
    /// 3.2: a pending clears although it failed.
    ClearsThoughFailed,
    /// 3.6: refunds and chargebacks each have a cap of their own.
    CapsApart,
    /// 4: a day is that of UTC.
    DaysOfUtc,
    /// 5.3: what is as old as the horizon is beyond it.
    HorizonInclusive,
    /// 2: a write-off is not recovered by a late payment.
    NothingRecovered,
    /// 1.5: a payback's processor is that of its settings.
    PaybackProcessorOfSettings,
    /// 7: of a spend event the version that came last counts.
    LastVersionCounts,
}

impl Twist {
    /// All of them.
    pub const ALL: [Twist; 11] = [
        Twist::ProportionalRoundsDown,
        Twist::TiesBackwards,
        Twist::StandingRoundsUp,
        Twist::SpendRoundsDown,
        Twist::ClearsThoughFailed,
        Twist::CapsApart,
        Twist::DaysOfUtc,
        Twist::HorizonInclusive,
        Twist::NothingRecovered,
        Twist::PaybackProcessorOfSettings,
        Twist::LastVersionCounts,
    ];
}

/// The rules as they are, or all of them but one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules(Option<Twist>);

impl Rules {
    fn are(self, twist: Twist) -> bool {
        self.0 == Some(twist)
    }

    /// The economic day (section 4) under the settings of an event (3.7).
    fn day(self, settings: &Settings, at_ms: i64) -> Day {
        if self.are(Twist::DaysOfUtc) { Zone::UTC.day(at_ms) } else { settings.zone.day(at_ms) }
    }
}

/// What becomes of a journal record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A charge event in the books.
    Accepted,
    /// A spend event in the books.
    AcceptedSpend,
    /// The same again (5.2).
    Duplicate,
    /// Not in the books, and why.
    Refused(Reason),
    /// Appended twice: it counts once (invariant 2).
    AlreadySeen,
    /// Settings or a tick.
    NotAnEvent,
}

/// What a set of journal records ends in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// What became of each record, in journal order.
    pub outcomes: Vec<Outcome>,
    /// The books by project.
    pub books: BTreeMap<Name, Books>,
}

/// The books that records in journal order end in.
#[must_use]
pub fn books(records: &[JournalRecord]) -> Ending {
    twisted(records, None)
}

/// As [`books`], with one rule changed.
#[must_use]
pub fn twisted(records: &[JournalRecord], twist: Option<Twist>) -> Ending {
    let rules = Rules(twist);
    let (outcomes, projects) = journal::read(records, rules);
    let books = projects.into_iter().map(|(name, project)| {
        let books = totals::sum(&name, &project, rules);
        (name, books)
    });
    Ending { outcomes, books: books.collect() }
}
