//! Simulated payment backends for the demo, tests and benchmarks.
//!
//! A [`Workload`] is an endless sequence of Track envelopes in JSON: payments, partial and full
//! refunds, envelopes sent again, events that come late or before the event they depend on, and
//! records that must be refused. Every [`Record`] is a pure function of the [`Options`] and its
//! index. There is no clock, no environment and no state, so that any part of the sequence can be
//! made again, anywhere, in any order, and whoever has the options knows what the totals must be.
//!
//! ```
//! use daybook_workload::{Options, Workload};
//!
//! let workload = Workload::new(Options { seed: 7, ..Options::default() });
//! let first = workload.record(0);
//! assert!(first.value.starts_with(br#"{"track":[{"name":"Charge","#));
//! assert_eq!(first, workload.records(0..10).next().unwrap());
//! ```

mod draw;
mod event;
mod fault;
mod json;
mod plan;
mod text;

#[cfg(test)]
mod tests;

use std::ops::Range;

use draw::{Draws, Purpose};
use event::Event;
use fault::Fault;
use json::Look;
use plan::{Envelope, Kind, Plan};

/// What a workload looks like. Percentages are of records, 0 to 100; where they add up to more,
/// duplicates come first, then bad records, then refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Two workloads with the same options but another seed have no event in common.
    pub seed: u64,
    /// Project names, the busiest first: the k-th gets a share in proportion to 1/k. If empty,
    /// those of the default.
    pub projects: Vec<String>,
    /// How many customers there are, all projects together. At least 1.
    pub users: u64,
    /// Timestamp of record 0, in milliseconds since 1970-01-01T00:00:00Z.
    pub start_ms: i64,
    /// Milliseconds from one record's timestamp to the next. At least 1.
    pub ms_per_record: i64,
    /// Envelopes sent again: most of them byte for byte, the others saying the same in other JSON.
    pub duplicates_percent: u8,
    /// Envelopes that refund an earlier payment, some of them sent before it.
    pub refunds_percent: u8,
    /// Events (not records) that happened 1 to 72 hours before their neighbours.
    pub late_percent: u8,
    /// Records of which something must be dead-lettered; one in six of them is a conflict.
    pub bad_percent: u8,
    /// Payload items per envelope, 1 to this many; most envelopes have one. At least 1.
    pub items_max: u32,
}

impl Default for Options {
    /// Two million records make thirty days: 5 % duplicates, 6 % refunds, 2 % late, 1 % bad.
    fn default() -> Self {
        Self {
            seed: 1,
            projects: ["acme", "globex", "initech"].map(String::from).to_vec(),
            users: 20_000,
            start_ms: 1_767_225_600_000, // 2026-01-01T00:00:00Z
            ms_per_record: 1_296,
            duplicates_percent: 5,
            refunds_percent: 6,
            late_percent: 2,
            bad_percent: 1,
            items_max: 3,
        }
    }
}

/// One record as a backend sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the sequence, from 0.
    pub index: u64,
    /// The project, for the header `daybook-project`.
    pub project: String,
    /// The backend that sends it, for the header `daybook-source`.
    pub source: String,
    /// The record's key: the user of its first event.
    pub key: String,
    /// The record's value: usually a Track envelope in JSON.
    pub value: Vec<u8>,
    /// The record's timestamp, in milliseconds since 1970-01-01T00:00:00Z; grows with the index.
    pub timestamp_ms: i64,
}

/// The sequence of records that its options describe.
///
/// A good event's `occurredAt` is at most 24 hours after its record's timestamp and at most 30
/// days before it, also where the record is a duplicate.
#[derive(Debug, Clone)]
pub struct Workload {
    plan: Plan,
}

impl Workload {
    /// A workload with these options; values below their minimum count as the minimum.
    pub fn new(options: Options) -> Self {
        Self { plan: Plan::new(options) }
    }

    /// The record at `index`.
    pub fn record(&self, index: u64) -> Record {
        match self.plan.kind(index) {
            Kind::Envelope(envelope) => self.render(index, &envelope, Look::Sent, None),
            Kind::Duplicate(of) => {
                let mut draws = Draws::new(self.plan.seed(), index, 0, Purpose::Again);
                let look = if draws.one_in(3) { Look::Again } else { Look::Sent };
                self.render(index, &self.plan.envelope(of), look, None)
            }
            Kind::Conflict(of) => {
                let change = Change::Conflict;
                self.render(index, &self.plan.envelope(of), Look::Sent, Some(change))
            }
            Kind::Faulty(fault) => {
                let envelope = self.plan.payments(index);
                self.render(index, &envelope, Look::Sent, Some(Change::Fault(fault)))
            }
        }
    }

    /// The records of a range of indexes, in order.
    pub fn records(&self, range: Range<u64>) -> impl Iterator<Item = Record> + '_ {
        range.map(|index| self.record(index))
    }

    /// The reason code with which something of the record at `index` must be dead-lettered, if it
    /// is a bad one; `None` if all of it is good. A conflict is one only where the record that it
    /// contradicts came before it.
    pub fn fault(&self, index: u64) -> Option<&'static str> {
        match self.plan.kind(index) {
            Kind::Envelope(_) | Kind::Duplicate(_) => None,
            Kind::Conflict(_) => Some("event_id_conflict"),
            Kind::Faulty(fault) => Some(fault.reason),
        }
    }

    fn render(&self, index: u64, envelope: &Envelope, look: Look, change: Option<Change>) -> Record {
        let project = self.plan.project(envelope);
        let mut draws = Draws::new(self.plan.seed(), index, 0, Purpose::Change);
        let changed = draws.below(envelope.shape.items);
        let mut key = String::new();
        let mut out = json::Writer::new(look, envelope.shape.items);
        for item in 0..envelope.shape.items {
            let mut event = self.plan.event(envelope, item);
            // A processor of the provider's own name would be refused.
            event.processor = event.processor.filter(|name| *name != project);
            if item == 0 {
                text::user(&mut key, event.user);
            }
            match &change {
                Some(Change::Conflict) if item == changed => {
                    event.contradict(&mut draws);
                    out.event(&event, envelope.shape.apart);
                }
                Some(Change::Fault(fault)) if item == changed => {
                    let plain = Event { description: None, ..event };
                    let start = out.event(&plain, envelope.shape.apart);
                    out.edit_since(start, |text| fault.edit_event(text, project));
                }
                _ => {
                    out.event(&event, envelope.shape.apart);
                }
            }
        }
        let mut value = out.finish();
        if let Some(Change::Fault(fault)) = change {
            fault.edit_value(&mut value);
        }
        Record {
            index,
            project: project.to_owned(),
            source: self.plan.source(envelope).to_owned(),
            key,
            value,
            timestamp_ms: self.plan.timestamp_ms(index),
        }
    }
}

/// What makes a bad record of a good one.
enum Change {
    Conflict,
    Fault(&'static Fault),
}
