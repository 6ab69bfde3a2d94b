//! What an input record means: decoded, validated, normalised, with its project, recorded time and source position.
//! No settings are applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_core::event::{Body, ChargeEvent, JournalRecord, SourcePosition, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::{Name, TEST_SUFFIX, is_valid_project};
use daybook_core::rejection::{Reason, Rejection};
use daybook_wire::input::{self, Context};
use daybook_wire::{dead_letter, settings};

use crate::log::Partition;
use crate::record::Record;

/// Header that names the project of an input record.
pub const PROJECT_HEADER: &str = "daybook-project";
/// Header that names the source of an input record.
pub const SOURCE_HEADER: &str = "daybook-source";

/// Payload items that one record may hold.
pub const RECORD_ITEMS_MAX: usize = 1_000;

/// Settings of intake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeSettings {
    /// Bytes that a record's value may have.
    pub record_bytes_max: usize,
    /// Project of records that name none.
    pub default_project: Option<String>,
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self { record_bytes_max: 1 << 20, default_project: None }
    }
}

/// What intake makes of one input record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// For the journal, in order.
    pub journal: Vec<JournalRecord>,
    /// What was refused, with the project where it is known.
    pub refused: Vec<(Rejection, Option<String>, u32)>,
}

impl Taken {
    /// Nothing but the refusal of a record that is too large to be looked at.
    fn too_large(project: Option<&str>) -> Self {
        Self::refused_whole(Reason::PayloadTooLarge, project)
    }

    /// Nothing but the refusal of a record as a whole.
    pub(crate) fn refused_whole(reason: Reason, project: Option<&str>) -> Self {
        let refused = (Rejection::at(reason, ""), project.map(str::to_owned), 0);
        Self { refused: vec![refused], ..Self::default() }
    }

    /// Events that the record held: those for the journal and those refused.
    #[must_use]
    pub fn events(&self) -> u64 {
        (self.journal.len() + self.refused.len()) as u64
    }
}

/// Decodes and stamps; knows of the settings only what decides which of several reasons is reported.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    settings: IntakeSettings,
    currencies: BTreeMap<String, Currency>,
}

impl Decoder {
    /// A decoder by `settings`.
    #[must_use]
    pub fn new(settings: IntakeSettings) -> Self {
        Self { settings, currencies: BTreeMap::new() }
    }

    /// The project of a record: its header's, else its value's, else the default.
    fn project<'a>(&'a self, record: &'a Record, own: Option<&'a str>) -> Option<&'a str> {
        record.header(PROJECT_HEADER).or(own).or(self.settings.default_project.as_deref())
    }

    /// The default currency of that project, as far as its settings were seen.
    fn currency<'a>(&'a self, record: &'a Record, own: Option<&'a str>) -> Option<Currency> {
        self.project(record, own).and_then(|project| self.currencies.get(project)).copied()
    }

    /// Whether a record is not even looked at.
    pub(crate) fn is_too_large(&self, record: &Record) -> bool {
        record.value.len() > self.settings.record_bytes_max
    }

    /// Journal records or rejections of a record of `charges`. `recorded_at_ms` gives the recorded time of each
    /// event; where it gives none, the event has no time at all and is refused.
    pub fn charges(
        &self,
        record: &Record,
        position: &SourcePosition,
        recorded_at_ms: impl Fn(&ChargeEvent) -> Option<i64>,
    ) -> Taken {
        if self.is_too_large(record) {
            return Taken::too_large(record.header(PROJECT_HEADER));
        }
        let mut taken = Taken::default();
        let currency_of = |own: Option<&str>| self.currency(record, own);
        let own_letter = record.header(dead_letter::CANONICAL) == Some("true");
        let items = input::decode(&record.value, Context { currency_of: Some(&currency_of), own_letter });
        if items.len() > RECORD_ITEMS_MAX {
            return Taken::too_large(self.project(record, None));
        }
        for (item, number) in items.into_iter().zip(0_u32..) {
            let named = self.project(record, item.project.as_deref());
            let rejection = match (valid_project(named), item.event) {
                (Ok(project), Ok(event)) => match recorded_at_ms(&event) {
                    Some(recorded_at_ms) => {
                        let source = SourcePosition { item: number, ..position.clone() };
                        let project = books_of(project, event.livemode);
                        taken.journal.push(JournalRecord {
                            project,
                            recorded_at_ms,
                            source_timestamp_ms: record.timestamp_ms,
                            source: Some(source),
                            body: Body::Charge(Box::new(event)),
                        });
                        continue;
                    }
                    None => Rejection::at(Reason::TimestampMissing, "occurredAt"),
                },
                (project, event) => first_fault(project.err(), event.err()),
            };
            taken.refused.push((rejection, named.map(str::to_owned), number));
        }
        taken
    }

    /// A journal record or a rejection of a record of `spend`. `recorded_at_ms` gives its recorded time.
    pub fn spend(
        &self,
        record: &Record,
        position: &SourcePosition,
        recorded_at_ms: impl Fn(&SpendEvent) -> i64,
    ) -> Taken {
        if self.is_too_large(record) {
            return Taken::too_large(record.header(PROJECT_HEADER));
        }
        let mut taken = Taken::default();
        let currency_of = |own: Option<&str>| self.currency(record, own);
        let context = Context { currency_of: Some(&currency_of), ..Context::default() };
        let (event, own) = input::decode_spend(&record.value, context);
        let named = self.project(record, own.as_deref());
        match (valid_project(named), event) {
            (Ok(project), Ok(event)) => taken.journal.push(JournalRecord {
                project: project.into(),
                recorded_at_ms: recorded_at_ms(&event),
                source_timestamp_ms: record.timestamp_ms,
                source: Some(position.clone()),
                body: Body::Spend(Box::new(event)),
            }),
            (project, event) => {
                let rejection = first_fault(project.err(), event.err());
                taken.refused.push((rejection, named.map(str::to_owned), 0));
            }
        }
        taken
    }

    /// Journal records or a rejection of a record of `settings`, whose key is the project: one for the project and
    /// one for its test stream (1.6).
    pub fn settings(&mut self, record: &Record, position: &SourcePosition, recorded_at_ms: i64) -> Taken {
        let mut taken = Taken::default();
        let project = std::str::from_utf8(&record.key).ok().filter(|p| is_valid_project(p));
        let parsed = match project {
            None => Err(Rejection::at(Reason::ProjectInvalid, "")),
            Some(project) => settings::parse_of(project, &record.value)
                .map(|settings| (project, Arc::new(settings)))
                .map_err(|fault| Rejection::at(fault.reason, &fault.key)),
        };
        match parsed {
            Ok((project, settings)) => {
                match settings.currency {
                    Some(currency) => self.currencies.insert(project.to_owned(), currency),
                    None => self.currencies.remove(project),
                };
                for (livemode, item) in [(true, 0), (false, 1)] {
                    taken.journal.push(JournalRecord {
                        project: books_of(project, livemode),
                        recorded_at_ms,
                        source_timestamp_ms: record.timestamp_ms,
                        source: Some(SourcePosition { item, ..position.clone() }),
                        body: Body::Settings(settings.clone()),
                    });
                }
            }
            Err(rejection) => taken.refused.push((rejection, project.map(str::to_owned), 0)),
        }
        taken
    }
}

/// The project that a record names, if it can be one.
fn valid_project(named: Option<&str>) -> Result<&str, Reason> {
    match named {
        None => Err(Reason::ProjectMissing),
        Some(project) if !is_valid_project(project) => Err(Reason::ProjectInvalid),
        Some(project) => Ok(project),
    }
}

/// The first by precedence of what is wrong with a record's project and with its item; something is.
fn first_fault(project: Option<Reason>, item: Option<Rejection>) -> Rejection {
    match (project, item) {
        (Some(reason), Some(fault)) if reason <= fault.reason => Rejection::at(reason, ""),
        (_, Some(fault)) => fault,
        (project, None) => Rejection::at(project.unwrap_or(Reason::ProjectMissing), ""),
    }
}

/// The books that an event of a project belongs to (1.6).
fn books_of(project: &str, livemode: bool) -> Name {
    if livemode { project.into() } else { format!("{project}{TEST_SUFFIX}").into() }
}

/// The position of a record of an input topic.
#[must_use]
pub fn position(topic: &str, partition: Partition, offset: u64) -> SourcePosition {
    SourcePosition { topic: topic.into(), partition, offset, item: 0 }
}
