//! Writes records that were sent from outside: HTTP's, settings, dead letters put back.

use std::collections::BTreeMap;
use std::time::Duration;

use daybook_kafka::{Outgoing, Producer, ProducerError, TopicHandle};
use daybook_wire::topic::Topic;

use super::projector::failed;
use super::settings::KafkaSettings;
use super::signed;
use crate::log::{Append, LogError, Transaction};
use crate::record::Record;

/// How long brokers may take to acknowledge a group of records.
const ACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(10);

/// Handles of all topics.
pub(super) struct Topics(BTreeMap<Topic, TopicHandle>);

impl Topics {
    pub(super) fn new(settings: &KafkaSettings, producer: &Producer) -> Result<Self, LogError> {
        let handle = |topic| Ok((topic, producer.topic(settings.name(topic)).map_err(failed)?));
        Topic::ALL.into_iter().map(handle).collect::<Result<_, LogError>>().map(Self)
    }

    /// Where a record goes: positions to the partition of their journal partition's number, all else by key.
    pub(super) fn place(&self, topic: Topic, record: &Record) -> (&TopicHandle, Option<i32>) {
        let partition = (topic == Topic::ProjectorPositions)
            .then(|| std::str::from_utf8(&record.key).ok()?.parse().ok())
            .flatten()
            .map(signed);
        (&self.0[&topic], partition)
    }
}

/// Sends records of a transaction.
pub(super) fn send(
    producer: &Producer,
    topics: &Topics,
    transaction: &Transaction,
) -> Result<(), ProducerError> {
    transaction.appends.iter().try_for_each(|(topic, record)| {
        let (handle, partition) = topics.place(*topic, record);
        let outgoing = Outgoing {
            partition,
            key: &record.key,
            value: Some(&record.value),
            headers: &record.headers,
            timestamp_ms: record.timestamp_ms,
        };
        producer.send(handle, &outgoing)
    })
}

/// A writer whose commits return when all in-sync replicas have the records.
pub struct KafkaWriter {
    settings: KafkaSettings,
    open: Option<(Producer, Topics)>,
}

impl KafkaWriter {
    /// A writer that connects at its first commit.
    #[must_use]
    pub fn new(settings: &KafkaSettings) -> Self {
        Self { settings: settings.clone(), open: None }
    }

    fn connect(&self) -> Result<(Producer, Topics), LogError> {
        let mut config = self.settings.producer();
        config.set("linger.ms", "0").set("message.timeout.ms", "10000");
        let producer = Producer::new(&config).map_err(failed)?;
        let topics = Topics::new(&self.settings, &producer)?;
        Ok((producer, topics))
    }
}

impl Append for KafkaWriter {
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError> {
        let (producer, topics) = match self.open.take() {
            Some(open) => open,
            None => self.connect()?,
        };
        send(&producer, &topics, &transaction)
            .and_then(|()| producer.flush(ACKNOWLEDGED_LIMIT))
            .map_err(failed)?;
        self.open = Some((producer, topics));
        Ok(())
    }
}
