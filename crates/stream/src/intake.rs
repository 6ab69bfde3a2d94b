//! Intake: from records as received to the journal. What is no valid event becomes a dead letter.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use daybook_core::event::{Body, JournalRecord, SourcePosition};
use daybook_core::name::Name;
use daybook_core::rejection::{Reason, Rejection};
use daybook_wire::topic::Topic;
use daybook_wire::{dead_letter, journal};

use crate::clock::Clock;
use crate::decoder::{Decoder, IntakeSettings, PROJECT_HEADER, Taken, position};
use crate::log::{Limit, Log, LogError, Partition, Polled, Position, ReadError, Transaction};
use crate::record::{Fetched, Record};

/// Bytes that the dead letters of one record may repeat of it. Each refused item has a dead letter with the record as
/// received; beyond this they have [`dead_letter::REPEATS`] instead, or a record of a megabyte would become a
/// gigabyte.
const LETTERS_BYTES_MAX: usize = 2 << 20;

/// Bytes of a record beyond which its dead letter goes without it: no topic would take it.
const LETTER_BYTES_MAX: usize = 16 << 20;

/// How long intake waits for the schema registry where it is. Somebody who joins the group waits for it meanwhile; after this it
/// leaves, and comes back.
const WAITS_MAX: Duration = Duration::from_secs(60);

/// How much one step takes.
const BATCH: Limit = Limit { records_max: 1_000, bytes_max: 4 << 20 };

/// A journal record as a record of the journal.
#[must_use]
pub fn journal_record(record: &JournalRecord) -> Record {
    let mut value = Vec::with_capacity(256);
    journal::encode(record, &mut value);
    let timestamp_ms = Some(record.recorded_at_ms);
    Record { key: record.project.as_bytes().to_vec(), value, headers: Vec::new(), timestamp_ms }
}

/// What intake has done since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounts {
    /// Input records read.
    pub records: u64,
    /// Journal records appended.
    pub journalled: u64,
    /// Items refused, by reason code.
    pub refused: BTreeMap<&'static str, u64>,
}

/// The loop over a log as single steps.
pub struct Intake<L, C> {
    log: L,
    clock: C,
    decoder: Decoder,
    /// Offsets of `settings` below which records are in the journal.
    settings_journalled: BTreeMap<Partition, u64>,
    counts: IntakeCounts,
    /// Batches that wait until the registry tells their schemas, in order.
    waiting: VecDeque<(Topic, Vec<(Partition, Fetched)>)>,
    waiting_since: Option<Instant>,
}

impl<L: Log, C: Clock> Intake<L, C> {
    /// Intake that goes on where its side of the log says.
    pub fn new(log: L, clock: C, settings: IntakeSettings) -> Self {
        Self {
            decoder: Decoder::new(settings),
            settings_journalled: BTreeMap::new(),
            counts: IntakeCounts::default(),
            waiting: VecDeque::new(),
            waiting_since: None,
            clock,
            log,
        }
    }

    /// What it has done since it was made.
    pub fn counts(&self) -> &IntakeCounts {
        &self.counts
    }

    /// Whether it waits for the schema registry.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Its side of the log.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// Journals the next batch, waiting for one at most `wait`: settings to their end before events. How many input
    /// records there were. After an error intake is to be dropped and made again.
    ///
    /// # Errors
    /// Where the log can't be read or written.
    pub fn step(&mut self, wait: Duration) -> Result<usize, LogError> {
        if let Some((topic, records)) = self.waiting.pop_front() {
            let taken = self.take(topic, records)?;
            if taken == 0 {
                std::thread::sleep(wait);
            }
            return Ok(taken);
        }
        let settings = self.take_settings()?;
        if settings > 0 || self.is_waiting() {
            return Ok(settings);
        }
        let spend = self.take_events(Topic::Spend, Duration::ZERO)?;
        if self.is_waiting() {
            return Ok(spend);
        }
        // Where there was spend there may be more: charges are looked at all the same, but not waited for.
        let wait = if spend > 0 { Duration::ZERO } else { wait };
        Ok(spend + self.take_events(Topic::Charges, wait)?)
    }

    fn take_events(&mut self, topic: Topic, wait: Duration) -> Result<usize, LogError> {
        loop {
            match self.log.poll(topic, BATCH, wait)? {
                Polled::Records(records) => {
                    // Those that were appended while it waited come before the events that followed them.
                    let settings = self.take_settings()?;
                    if self.is_waiting() {
                        self.waiting.push_back((topic, records));
                        return Ok(settings);
                    }
                    return Ok(settings + self.take(topic, records)?);
                }
                // Where to go on in it is the log's business.
                Polled::Gained { .. } | Polled::Lost(_) => {}
                Polled::Nothing => return Ok(0),
            }
        }
    }

    fn take_settings(&mut self) -> Result<usize, LogError> {
        let mut taken = 0;
        loop {
            match self.log.poll(Topic::Settings, BATCH, Duration::ZERO)? {
                Polled::Records(records) => {
                    taken += self.take(Topic::Settings, records)?;
                    if self.is_waiting() {
                        return Ok(taken);
                    }
                }
                Polled::Gained { partition, position } => {
                    self.settings_journalled.insert(partition, position);
                }
                Polled::Lost(_) | Polled::Nothing => return Ok(taken),
            }
        }
    }

    fn take(&mut self, topic: Topic, records: Vec<(Partition, Fetched)>) -> Result<usize, LogError> {
        let now_ms = self.clock.now_ms();
        let name: Name = self.log.name(topic).into();
        let mut transaction = Transaction::default();
        let mut next: BTreeMap<Partition, u64> = BTreeMap::new();
        let in_json = match self.in_json(&records) {
            Ok(in_json) => in_json,
            Err(why) => return self.wait_with(topic, records, why).map(|()| 0),
        };
        self.waiting_since = None;
        for ((partition, fetched), in_json) in records.iter().zip(in_json) {
            let (received, position) = (&fetched.record, position(&name, *partition, fetched.offset));
            let record = in_json.as_ref().map(|json| json.as_ref().unwrap_or(received));
            let taken = match (record, topic) {
                (Err(reason), _) => Taken::refused_whole(*reason, received.header(PROJECT_HEADER)),
                (Ok(record), Topic::Settings) => self.decoder.settings(record, &position, now_ms),
                (Ok(record), Topic::Spend) => self.decoder.spend(record, &position, |_| now_ms),
                (Ok(record), _) => self.decoder.charges(record, &position, |_| Some(now_ms)),
            };
            // Of settings, those below are read for what the decoder needs to know of them.
            let is_journalled = |end: &u64| topic == Topic::Settings && fetched.offset < *end;
            if self.settings_journalled.get(partition).is_some_and(is_journalled) {
                continue;
            }
            let dlq = topic.dead_letters().unwrap_or(Topic::ChargesDlq);
            self.append(&mut transaction, taken, dlq, received, &position);
            next.insert(*partition, fetched.offset + 1);
        }
        let positions = next.into_iter().map(|(partition, offset)| Position { topic, partition, offset });
        transaction.positions = positions.collect();
        if !transaction.is_empty() {
            self.log.commit(transaction)?;
        }
        Ok(records.len())
    }

    /// Records with their values as JSON, `None` where they are as received, or the reason why one can't be read; why
    /// nothing can be said yet.
    fn in_json(
        &self,
        records: &[(Partition, Fetched)],
    ) -> Result<Vec<Result<Option<Record>, Reason>>, String> {
        let in_json = |received: &Record| {
            // What is too large is not looked at.
            if self.decoder.is_too_large(received) {
                return Ok(Ok(None));
            }
            match self.log.json_of(&received.value) {
                Ok(Cow::Borrowed(_)) => Ok(Ok(None)),
                Ok(Cow::Owned(value)) => {
                    let (key, headers) = (received.key.clone(), received.headers.clone());
                    Ok(Ok(Some(Record { key, value, headers, timestamp_ms: received.timestamp_ms })))
                }
                Err(ReadError::Refused(reason)) => Ok(Err(reason)),
                Err(ReadError::NotYet(why)) => Err(why),
            }
        };
        records.iter().map(|(_, fetched)| in_json(&fetched.record)).collect()
    }

    /// Keeps a batch whose schemas the registry has yet to tell.
    fn wait_with(
        &mut self,
        topic: Topic,
        records: Vec<(Partition, Fetched)>,
        why: String,
    ) -> Result<(), LogError> {
        let since = *self.waiting_since.get_or_insert_with(|| {
            tracing::warn!(why, "intake waits");
            Instant::now()
        });
        if since.elapsed() > WAITS_MAX {
            return Err(LogError::Unknown(why));
        }
        self.waiting.push_front((topic, records));
        Ok(())
    }

    fn append(
        &mut self,
        transaction: &mut Transaction,
        taken: Taken,
        dlq: Topic,
        record: &Record,
        position: &SourcePosition,
    ) {
        self.counts.records += 1;
        self.counts.journalled += taken.journal.len() as u64;
        let travelling = record.travelling();
        let journal = taken.journal.iter().map(|r| {
            let journalled = Record { headers: travelling.clone(), ..journal_record(r) };
            (Topic::Journal, journalled)
        });
        transaction.appends.extend(journal);
        let mut letters_bytes = 0;
        for (rejection, project, item) in taken.refused {
            *self.counts.refused.entry(rejection.reason.code()).or_default() += 1;
            let source = SourcePosition { item, ..position.clone() };
            let repeats = letters_bytes > 0 && letters_bytes + record.value.len() > LETTERS_BYTES_MAX;
            let letter = if record.value.len() > LETTER_BYTES_MAX {
                bare_letter(record, &rejection, project.as_deref(), &source, dead_letter::OMITTED)
            } else if repeats {
                bare_letter(record, &rejection, project.as_deref(), &source, dead_letter::REPEATS)
            } else {
                letters_bytes += record.value.len();
                dead_letter_record(record, &rejection, project.as_deref(), &source)
            };
            transaction.appends.push((dlq, letter));
        }
    }

    /// Appends a tick for each of `projects`: only its time counts (3.2).
    ///
    /// # Errors
    /// Where the log can't be written.
    pub fn tick(&mut self, projects: &[Name]) -> Result<(), LogError> {
        let recorded_at_ms = self.clock.now_ms();
        let tick = |project: &Name| JournalRecord {
            project: project.clone(),
            recorded_at_ms,
            source_timestamp_ms: None,
            source: None,
            body: Body::Tick,
        };
        let appends = projects.iter().map(|p| (Topic::Journal, journal_record(&tick(p)))).collect();
        self.log.commit(Transaction::appending(appends))
    }
}

/// A dead letter without the record; the header `why` is set.
fn bare_letter(
    record: &Record,
    rejection: &Rejection,
    project: Option<&str>,
    source: &SourcePosition,
    why: &str,
) -> Record {
    let bare =
        Record { value: Vec::new(), key: record.key.clone(), headers: record.headers.clone(), ..*record };
    let mut letter = dead_letter_record(&bare, rejection, project, source);
    letter.headers.push((why.to_owned(), b"true".to_vec()));
    letter
}

/// The record as received, its headers kept, with those that say why it was refused.
#[must_use]
pub fn dead_letter_record(
    record: &Record,
    rejection: &Rejection,
    project: Option<&str>,
    source: &SourcePosition,
) -> Record {
    let mut letter = record.clone();
    let added = dead_letter::headers(rejection, project, Some(source));
    // What these say of a letter is this product's to say, whatever the record came with.
    let ours = [dead_letter::REPEATS, dead_letter::OMITTED];
    letter.headers.retain(|(name, _)| !added.iter().any(|(n, _)| n == name) && !ours.contains(&&**name));
    letter.headers.extend(added);
    letter
}
