//! The projector's inside: journal records to output records, whatever the log.
//!
//! The loop over a log, the file processor and the verifier's replay all run this, so that there is one way from the
//! journal to the books.

use std::collections::BTreeMap;
use std::fmt::Write;

use daybook_core::entry::EntryKind;
use daybook_core::event::{Body, JournalRecord};
use daybook_core::name::Name;
use daybook_core::project::{Disposition, apply};
use daybook_core::rejection::Rejection;
use daybook_core::state::{NoStore, State, Store};
use daybook_wire::topic::Topic;
use daybook_wire::{dead_letter, output, state as state_codec};

use crate::batch::Outputs;
use crate::format::{Encoder, ValueFormat};
use crate::log::{Partition, StateChange};

/// What has become of the records applied so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Journal records.
    pub records: u64,
    /// Charge events that are now in the books.
    pub accepted: u64,
    /// Spend events that are now in the books.
    pub accepted_spend: u64,
    /// Events that were in the books already.
    pub duplicates: u64,
    /// Events that only the projector could refuse, by reason code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Records that intake appended twice.
    pub already_seen: u64,
    /// Entries.
    pub entries: u64,
    /// Adjusting entries among them.
    pub adjustments: u64,
    /// Primary entries of payments that time assumes among them.
    pub clearings: u64,
    /// Flags raised in entries.
    pub flags: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Adds what another batch did.
    pub fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.accepted += other.accepted;
        self.accepted_spend += other.accepted_spend;
        self.duplicates += other.duplicates;
        self.already_seen += other.already_seen;
        self.entries += other.entries;
        self.adjustments += other.adjustments;
        self.clearings += other.clearings;
        for (mine, theirs) in [(&mut self.refused, &other.refused), (&mut self.flags, &other.flags)] {
            for (label, count) in theirs {
                *mine.entry(label).or_default() += count;
            }
        }
    }
}

/// The projector's state and the buffers that records are encoded in.
pub struct Projection<S> {
    state: State<S>,
    /// Journal sequence of each project when the batch began.
    since: BTreeMap<Name, u64>,
    counts: Counts,
    /// Topics of rows and points that are published.
    outputs: Vec<Topic>,
    key: String,
    /// Canonical JSON of an entry, which is what is hashed, or of a dead letter.
    json: String,
    encoder: Encoder,
    /// What travels from the record under way to what it causes.
    travelling: Vec<(String, Vec<u8>)>,
}

impl Projection<NoStore> {
    /// A projection from the journal's start whose state is in memory alone.
    #[must_use]
    pub fn volatile() -> Self {
        Self::of(State::volatile())
    }
}

impl<S: Store> Projection<S> {
    /// A projection that goes on from what `store` holds.
    pub fn new(store: S) -> Self {
        Self::of(State::new(store))
    }

    fn of(state: State<S>) -> Self {
        Self {
            state,
            since: BTreeMap::new(),
            counts: Counts::default(),
            outputs: Topic::PROJECTED.to_vec(),
            key: String::new(),
            json: String::new(),
            encoder: Encoder::default(),
            travelling: Vec::new(),
        }
    }

    /// Breaks the projector on purpose.
    #[cfg(feature = "negative-controls")]
    pub fn set_controls(&mut self, controls: daybook_core::state::Controls) {
        self.state.set_controls(controls);
    }

    /// Publishes rows and points to `topics` alone, entries in any case; values in a format.
    pub fn publish_to(&mut self, topics: &[Topic], format: ValueFormat) {
        self.outputs = topics.to_vec();
        self.encoder = Encoder::new(format);
    }

    /// Opens the books of projects.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn open(&mut self, projects: &[Name]) -> Result<(), S::Error> {
        projects.iter().try_for_each(|project| self.state.open(project).map(|_| ()))
    }

    /// What has become of the records since this was asked last.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// The state.
    pub fn state(&self) -> &State<S> {
        &self.state
    }

    /// What has become of the records since this projection was made.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Has headers travel from the next record to the entries, points and allocations that it causes. They are no
    /// part of the books: a replay knows none.
    pub fn carry(&mut self, headers: Vec<(String, Vec<u8>)>) {
        self.travelling = headers;
    }

    /// Applies a record and hands out its entries, points and dead letter. Rows wait for [`Projection::rows`].
    ///
    /// # Errors
    /// Where the store can't be read; the projection is then not to be used any more.
    pub fn apply(&mut self, record: &JournalRecord, outputs: &mut impl Outputs) -> Result<(), S::Error> {
        if !self.since.contains_key(&record.project) {
            let sequence = self.state.open(&record.project)?.0.head().journal_sequence;
            self.since.insert(record.project.clone(), sequence);
        }
        let effects = apply(&mut self.state, record)?;
        self.counts.records += 1;
        match &effects.disposition {
            Disposition::Accepted => self.counts.accepted += 1,
            Disposition::AcceptedSpend => self.counts.accepted_spend += 1,
            Disposition::Duplicate => self.counts.duplicates += 1,
            Disposition::AlreadySeen => self.counts.already_seen += 1,
            Disposition::NotAnEvent => {}
            Disposition::Refused(rejection) => {
                *self.counts.refused.entry(rejection.reason.code()).or_default() += 1;
                let travelling = self.travelling.clone();
                refuse(record, rejection, travelling, &mut self.json, outputs);
            }
        }
        for entry in &effects.entries {
            self.counts.entries += 1;
            match entry.kind {
                EntryKind::Adjustment { .. } => self.counts.adjustments += 1,
                EntryKind::Primary(_) => self.counts.clearings += u64::from(entry.clearing),
            }
            for flag in entry.flags.iter() {
                *self.counts.flags.entry(flag.name()).or_default() += 1;
            }
            self.json.clear();
            let previous = self.state.previous_hash(&record.project);
            output::entry(entry, &previous, &mut self.json);
            self.state.set_previous_hash(&record.project, output::hash(self.json.as_bytes()));
            let value = self.encoder.value_of(Topic::LedgerEntries, &self.json, |datum| {
                output::entry(entry, &previous, datum);
            });
            let headers = self.travelling.clone();
            outputs.put(Topic::LedgerEntries, &entry.project, value, headers, entry.source_timestamp_ms);
        }
        let wanted = |topic| self.outputs.contains(&topic);
        let allocations = if wanted(Topic::RevenueAllocations) { &*effects.allocations } else { &[] };
        for allocation in allocations {
            self.key.clear();
            let charge = allocation.charge_id.as_ref().unwrap_or(&allocation.identity.event_id);
            let _ = write!(self.key, "{}/{charge}", allocation.project);
            let value = self.encoder.value(
                Topic::RevenueAllocations,
                |json| output::allocation(allocation, json),
                |datum| output::allocation(allocation, datum),
            );
            let headers = self.travelling.clone();
            outputs.put(Topic::RevenueAllocations, &self.key, value, headers, allocation.source_timestamp_ms);
        }
        let points = if wanted(Topic::RewardsPoints) { &*effects.points } else { &[] };
        for change in points {
            self.key.clear();
            self.key.push_str(&change.project);
            self.key.push('/');
            self.key.push_str(&change.user);
            let value = self.encoder.value(
                Topic::RewardsPoints,
                |json| output::points(change, json),
                |datum| output::points(change, datum),
            );
            let headers = self.travelling.clone();
            outputs.put(Topic::RewardsPoints, &self.key, value, headers, change.source_timestamp_ms);
        }
        Ok(())
    }

    /// Hands out every row that has changed since the batch began, once.
    pub fn rows(&mut self, outputs: &mut impl Outputs) {
        for (project, row) in self.state.rows(&self.since) {
            let topic = output::row_topic(&row);
            if !self.outputs.contains(&topic) {
                continue;
            }
            self.key.clear();
            output::row_key(project, &row, &mut self.key);
            let value = self.encoder.value(
                topic,
                |json| output::row_value(project, &row, json),
                |datum| output::row_value(project, &row, datum),
            );
            outputs.put(topic, &self.key, value, Vec::new(), None);
        }
    }

    /// Hands out how far in a journal partition outputs are published.
    pub fn position(&mut self, partition: Partition, next: u64, outputs: &mut impl Outputs) {
        let value = self.encoder.value(
            Topic::ProjectorPositions,
            |json| output::position(partition, next, json),
            |datum| output::position(partition, next, datum),
        );
        outputs.put(Topic::ProjectorPositions, &partition.to_string(), value, Vec::new(), None);
    }

    /// What the state store has to take over for this batch.
    pub fn changes(&self) -> Vec<StateChange> {
        self.state.changes().map(|(project, change)| state_codec::encode(project, &change)).collect()
    }

    /// Ends the batch: its changes are settled. `values_max` bounds what is kept in memory of each kind of value,
    /// where the store has them all.
    pub fn settle(&mut self, values_max: Option<usize>) {
        self.since.clear();
        self.state.settle();
        if let Some(max) = values_max {
            self.state.forget_clean(max);
        }
    }
}

/// Hands out the dead letter of a record that only the projector could refuse: its event in the canonical format.
fn refuse(
    record: &JournalRecord,
    rejection: &Rejection,
    travelling: Vec<(String, Vec<u8>)>,
    json: &mut String,
    outputs: &mut impl Outputs,
) {
    json.clear();
    let topic = match &record.body {
        Body::Charge(event) => {
            output::canonical(event, json);
            Topic::ChargesDlq
        }
        Body::Spend(event) => {
            output::canonical_spend(event, json);
            Topic::SpendDlq
        }
        Body::Settings(_) | Body::Tick => return,
    };
    let project = Some(&*record.project);
    let mut headers = dead_letter::headers(rejection, project, record.source.as_ref());
    headers.push((dead_letter::CANONICAL.to_owned(), b"true".to_vec()));
    headers.extend(travelling);
    outputs.put(topic, &record.project, json.as_bytes(), headers, record.source_timestamp_ms);
}
