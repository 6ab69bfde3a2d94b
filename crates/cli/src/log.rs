//! The log that an operator's command works on: Kafka, a folder, or a running instance that has the folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, anyhow};
use daybook_stream::embedded::{EmbeddedLog, OpenError};
use daybook_stream::kafka::{Begin, KafkaSettings, KafkaWriter, TopicReader, pick};
use daybook_stream::local::{LocalLog, LocalStage};
use daybook_stream::log::{Append, Limit, LogError, Partition, ReadError, Stage, Transaction};
use daybook_stream::record::{Fetched, Record};
use daybook_wire::avro::Nulls;
use daybook_wire::topic::Topic;

use crate::config::Config;
use crate::instance::{self, kafka_settings};
use crate::remote::Remote;

/// Records of a topic read at once.
const PAGE: Limit = Limit { records_max: 1_000, bytes_max: 8 << 20 };
/// Bytes of records that are appended at once; one is appended whatever its size.
const APPENDED_BYTES_MAX: usize = 8 << 20;
/// Records that are appended at once.
const APPENDED_MAX: usize = 500;

/// Takes a record of a partition.
pub type Each<'a> = dyn FnMut(Partition, &Fetched) + 'a;

/// A log.
pub enum Log {
    /// Topics in Kafka.
    Kafka(Box<KafkaSettings>),
    /// A folder that nobody else has.
    Embedded(EmbeddedLog),
    /// An instance that runs on the folder.
    Instance(Remote),
}

impl Log {
    /// Opens what a configuration names.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_with(config, EmbeddedLog::open_existing)
    }

    /// Opens what a configuration names; a folder that there is not yet is made.
    pub fn open_or_make(config: &Config) -> anyhow::Result<Self> {
        Self::open_with(config, EmbeddedLog::open)
    }

    fn open_with(
        config: &Config,
        open: impl FnOnce(&Path) -> Result<EmbeddedLog, OpenError>,
    ) -> anyhow::Result<Self> {
        if let Some(kafka) = kafka_settings(config, || Ok("operator".to_owned()))? {
            return Ok(Self::Kafka(Box::new(kafka)));
        }
        match open(&config.log.folder) {
            Ok(log) => Ok(Self::Embedded(log)),
            Err(OpenError::Locked(_)) => Ok(Self::Instance(Remote::configured(config, "to reach it with")?)),
            Err(error) => Err(instance::open_failed(error)),
        }
    }

    /// The name that a topic has in this log.
    pub fn name(&self, topic: Topic) -> &str {
        match self {
            Self::Kafka(kafka) => kafka.name(topic),
            Self::Embedded(_) | Self::Instance(_) => topic.name(),
        }
    }

    /// An input's value as JSON; what can't be read as it is.
    pub fn json_of<'a>(&self, value: &'a [u8]) -> anyhow::Result<Cow<'a, [u8]>> {
        match self {
            Self::Kafka(kafka) => match kafka.json_of(value, Nulls::Omitted) {
                Ok(json) => Ok(json),
                Err(ReadError::Refused(_)) => Ok(Cow::Borrowed(value)),
                Err(ReadError::NotYet(why)) => Err(anyhow!(why)).context("failed to read a record"),
            },
            Self::Embedded(_) | Self::Instance(_) => Ok(Cow::Borrowed(value)),
        }
    }

    /// Hands every record of a topic to `take`, in order by partition.
    pub fn each(&self, topic: Topic, take: &mut Each<'_>) -> anyhow::Result<()> {
        self.each_in(topic, take).with_context(|| format!("failed to read {}", self.name(topic)))
    }

    fn each_in(&self, topic: Topic, take: &mut Each<'_>) -> anyhow::Result<()> {
        match self {
            Self::Kafka(kafka) => {
                let mut reader = TopicReader::open(kafka, &[(topic, Begin::First)])?;
                Ok(reader.to_end(|_, partition, fetched| {
                    take(partition, &fetched);
                    Ok(())
                })?)
            }
            Self::Embedded(log) => Ok(log.records(topic, PAGE).try_for_each(|fetched| {
                take(0, &fetched?);
                Ok::<(), LogError>(())
            })?),
            Self::Instance(remote) => {
                let mut from = 0;
                loop {
                    let page = remote.page(topic, from, PAGE.records_max)?;
                    page.records.iter().for_each(|fetched| take(0, fetched));
                    if page.records.is_empty() || page.next >= page.end {
                        return Ok(());
                    }
                    from = page.next;
                }
            }
        }
    }

    /// Single records of a topic. What is not there is left out.
    pub fn pick(
        &self,
        topic: Topic,
        wanted: &BTreeSet<(Partition, u64)>,
    ) -> anyhow::Result<BTreeMap<(Partition, u64), Record>> {
        let read = || format!("failed to read {}", self.name(topic));
        if let Self::Kafka(kafka) = self {
            return pick(kafka, topic, wanted).with_context(read);
        }
        let mut found = BTreeMap::new();
        // What has no partitions to speak of has one.
        for (partition, offset) in wanted.iter().copied().filter(|(partition, _)| *partition == 0) {
            let first = match self {
                Self::Embedded(log) => {
                    log.read(topic, offset, Limit { records_max: 1, ..PAGE }).with_context(read)?.pop()
                }
                Self::Instance(remote) => remote.page(topic, offset, 1).with_context(read)?.records.pop(),
                Self::Kafka(_) => None,
            };
            found.extend(first.filter(|f| f.offset == offset).map(|f| ((partition, offset), f.record)));
        }
        Ok(found)
    }

    /// Appends records to an input topic; all are durable when this returns.
    pub fn append(&self, topic: Topic, records: Vec<Record>) -> anyhow::Result<()> {
        self.writer().append(topic, records)
    }

    /// A writer for more than one call.
    pub fn writer(&self) -> Writer<'_> {
        let to = match self {
            Self::Kafka(kafka) => To::Log(Box::new(KafkaWriter::new(kafka))),
            Self::Embedded(log) => To::Log(Box::new(LocalStage::new(log.clone(), Stage::Intake))),
            Self::Instance(remote) => To::Instance(remote),
        };
        Writer { log: self, to }
    }
}

/// Appends to a log.
pub struct Writer<'a> {
    log: &'a Log,
    to: To<'a>,
}

/// What appends.
enum To<'a> {
    /// Kafka or the folder.
    Log(Box<dyn Append>),
    /// The instance that has the folder.
    Instance(&'a Remote),
}

impl Writer<'_> {
    /// Appends records to an input topic; all are durable when this returns.
    pub fn append(&mut self, topic: Topic, records: Vec<Record>) -> anyhow::Result<()> {
        let mut group = Vec::new();
        let mut bytes = 0;
        for record in records {
            let size = record.key.len() + record.value.len();
            if !group.is_empty() && (bytes + size > APPENDED_BYTES_MAX || group.len() == APPENDED_MAX) {
                self.append_group(topic, std::mem::take(&mut group))?;
                bytes = 0;
            }
            bytes += size;
            group.push(record);
        }
        if group.is_empty() { Ok(()) } else { self.append_group(topic, group) }
    }

    fn append_group(&mut self, topic: Topic, records: Vec<Record>) -> anyhow::Result<()> {
        let appended = match &mut self.to {
            To::Log(log) => {
                let appends = records.into_iter().map(|record| (topic, record)).collect();
                log.commit(Transaction::appending(appends)).map_err(Into::into)
            }
            To::Instance(remote) => remote.append(topic, &records),
        };
        appended.with_context(|| format!("failed to write to {}", self.log.name(topic)))
    }
}
