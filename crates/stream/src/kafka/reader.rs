//! Reads topics as they are, in no group: committed records of all their partitions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use daybook_wire::avro::Nulls;
use daybook_wire::topic::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, TopicPartitionList};

use super::ends::Ends;
use super::settings::KafkaSettings;
use super::topics::partitions;
use super::{Told, fetched, offset, signed, unknown, unsigned};
use crate::log::{Limit, LogError, Partition, ReadError};
use crate::record::{Fetched, Record};

/// How long brokers may be silent while a topic is read to its end.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// Errors that the client does not get over by itself: the partition would not be read any more.
fn is_lasting(error: &KafkaError) -> bool {
    match error {
        KafkaError::MessageConsumptionFatal(_) => true,
        KafkaError::MessageConsumption(code) => matches!(
            code,
            RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::TopicAuthorizationFailed
        ),
        _ => false,
    }
}

/// A record and where it stands.
type Read = (Topic, Partition, Fetched);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the first record there is.
    First,
    /// At most so many offsets before the end.
    Last(u64),
}

/// Whether a topic's values may be Avro: neither the journal's, which has a format of its own, nor dead letters', which are what
/// was received.
fn has_schema(topic: Topic) -> bool {
    use Topic::{ChargesDlq, Journal, SettingsDlq, SpendDlq};
    !matches!(topic, Journal | ChargesDlq | SpendDlq | SettingsDlq)
}

/// A reader of topics.
pub struct TopicReader {
    settings: KafkaSettings,
    consumer: BaseConsumer<Told>,
    /// Ends still to be met, by partition number: the client names the partition, not the topic.
    open: BTreeMap<Partition, u32>,
    /// A record whose schema the registry has yet to tell.
    waiting: Option<Read>,
    /// Whether values are handed out as they were received, whatever they are.
    as_received: bool,
}

impl TopicReader {
    /// A reader of all partitions of `topics`.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(settings: &KafkaSettings, topics: &[(Topic, Begin)]) -> Result<Self, LogError> {
        let ends = Ends::new(settings)?;
        let mut from = Vec::new();
        for (topic, begin) in topics {
            for partition in 0..partitions(settings, &ends, *topic)? {
                let (start, end) = ends.written(*topic, partition)?;
                let first = match begin {
                    Begin::First => start,
                    Begin::Last(count) => end.saturating_sub(*count).max(start),
                };
                from.push((*topic, partition, first));
            }
        }
        Self::at(settings, &from)
    }

    /// A reader of partitions, each from an offset.
    pub(super) fn at(settings: &KafkaSettings, from: &[(Topic, Partition, u64)]) -> Result<Self, LogError> {
        // Never joined; the client wants one to assign partitions at all.
        let mut config = settings.consumer(&settings.group("reader"));
        // An end is told when a fetch comes back empty.
        config.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "20");
        let consumer: BaseConsumer<Told> =
            config.create_with_context(Told::default()).map_err(|e| LogError::Failed(Box::new(e)))?;
        let mut list = TopicPartitionList::new();
        let mut open: BTreeMap<Partition, u32> = BTreeMap::new();
        for (topic, partition, first) in from {
            list.add_partition_offset(settings.name(*topic), signed(*partition), offset(*first))
                .map_err(|e| LogError::Failed(Box::new(e)))?;
            *open.entry(*partition).or_default() += 1;
        }
        consumer.assign(&list).map_err(|e| unknown("failed to read topics", &e))?;
        Ok(Self { settings: settings.clone(), consumer, open, waiting: None, as_received: false })
    }

    /// Hands out values as they were received.
    #[must_use]
    pub fn as_received(self) -> Self {
        Self { as_received: true, ..self }
    }

    /// What comes next, waiting for it at most `wait`. Inputs and outputs in Avro come as JSON, where they can be read; dead
    /// letters as they were received.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Vec<Read>, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut patience = wait;
        if let Some(waiting) = self.waiting.take() {
            records.extend(self.in_json(waiting));
            if self.waiting.is_some() {
                std::thread::sleep(wait);
                return Ok(records);
            }
        }
        while records.len() < limit.records_max && bytes < limit.bytes_max {
            match self.consumer.poll(patience) {
                Some(Ok(message)) => {
                    if let Some(topic) = self.settings.topic(message.topic()) {
                        let fetched = fetched(&message);
                        bytes += fetched.record.key.len() + fetched.record.value.len();
                        let read = (topic, unsigned(message.partition()), fetched);
                        drop(message);
                        records.extend(self.in_json(read));
                        if self.waiting.is_some() {
                            break;
                        }
                    }
                    patience = Duration::ZERO;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    let partition = unsigned(partition);
                    if let Some(open) = self.open.get_mut(&partition) {
                        *open -= 1;
                        if *open == 0 {
                            self.open.remove(&partition);
                        }
                    }
                    if self.open.is_empty() {
                        break;
                    }
                }
                Some(Err(error)) if is_lasting(&error) => {
                    return Err(unknown("failed to read topics", &error));
                }
                Some(Err(error)) => tracing::warn!(%error, "kafka consumer"),
                None => break,
            }
        }
        Ok(records)
    }

    /// A record with its value as JSON; none where the registry has to be asked again.
    fn in_json(&mut self, record: Read) -> Option<Read> {
        let (topic, partition, mut fetched) = record;
        if self.as_received || !has_schema(topic) {
            return Some((topic, partition, fetched));
        }
        let is_input = matches!(topic, Topic::Charges | Topic::Spend | Topic::Settings);
        let nulls = if is_input { Nulls::Omitted } else { Nulls::Kept };
        let json = match self.settings.json_of(&fetched.record.value, nulls) {
            Ok(Cow::Owned(json)) => json,
            Ok(Cow::Borrowed(_)) => return Some((topic, partition, fetched)),
            Err(ReadError::Refused(reason)) => {
                let offset = fetched.offset;
                tracing::warn!(topic = topic.name(), partition, offset, %reason, "a record can't be read");
                return Some((topic, partition, fetched));
            }
            Err(ReadError::NotYet(why)) => {
                tracing::warn!(topic = topic.name(), why, "a record can't be read yet");
                self.waiting = Some((topic, partition, fetched));
                return None;
            }
        };
        fetched.record.value = json;
        Some((topic, partition, fetched))
    }

    /// Whether every partition has been read to an end once. Exact for a reader of one topic.
    #[must_use]
    pub fn has_met_ends(&self) -> bool {
        self.open.is_empty()
    }

    /// Reads on until every partition has been read to its end.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn to_end(
        &mut self,
        mut take: impl FnMut(Topic, Partition, Fetched) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let limit = Limit { records_max: 10_000, bytes_max: 8 << 20 };
        let mut heard = Instant::now();
        loop {
            let open = self.open.len();
            let records = self.poll(limit, Duration::from_secs(1))?;
            if !records.is_empty() || self.open.len() < open {
                heard = Instant::now();
            }
            for (topic, partition, fetched) in records {
                take(topic, partition, fetched)?;
            }
            if self.has_met_ends() {
                return Ok(());
            }
            if heard.elapsed() > SILENCE_LIMIT {
                return Err(self.silent());
            }
        }
    }

    /// Nothing has come for long.
    fn silent(&self) -> LogError {
        let who = if self.waiting.is_some() { "the schema registry" } else { "any broker" };
        LogError::Unknown(format!("nothing has come from {who} for {} s", SILENCE_LIMIT.as_secs()))
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<Told> {
        &self.consumer
    }
}

/// Single committed records of a topic as they were received, by partition and offset. What is no longer there, or not yet, is left out.
///
/// # Errors
/// [`LogError`].
pub fn pick(
    settings: &KafkaSettings,
    topic: Topic,
    wanted: &BTreeSet<(Partition, u64)>,
) -> Result<BTreeMap<(Partition, u64), Record>, LogError> {
    let ends = Ends::new(settings)?;
    let (mut open, mut from) = (BTreeSet::new(), Vec::new());
    for partition in 0..partitions(settings, &ends, topic)? {
        let (start, end) = ends.written(topic, partition)?;
        let there = wanted.range((partition, start)..(partition, end)).copied();
        let before = open.len();
        open.extend(there);
        if open.len() > before {
            let first = open.range((partition, 0)..).next().map_or(start, |(_, offset)| *offset);
            from.push((topic, partition, first));
        }
    }
    let mut found = BTreeMap::new();
    if open.is_empty() {
        return Ok(found);
    }
    let mut reader = TopicReader::at(settings, &from)?.as_received();
    let limit = Limit { records_max: 1_000, bytes_max: 8 << 20 };
    let mut heard = Instant::now();
    while !open.is_empty() && !reader.has_met_ends() {
        let records = reader.poll(limit, Duration::from_secs(1))?;
        if records.is_empty() && heard.elapsed() > SILENCE_LIMIT {
            return Err(reader.silent());
        }
        if !records.is_empty() {
            heard = Instant::now();
        }
        for (_, partition, Fetched { offset, record }) in records {
            if open.remove(&(partition, offset)) {
                found.insert((partition, offset), record);
            }
        }
    }
    Ok(found)
}
