//! Where partitions begin and end.

use std::time::{Duration, Instant};

use daybook_wire::topic::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;

use super::settings::KafkaSettings;
use super::{Told, signed, unknown};
use crate::log::{LogError, Partition};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(10);
/// An open transaction of a dead instance is aborted by the broker after the transaction timeout (8 s).
const SETTLED_LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked whether transactions are settled.
const SETTLED_EVERY: Duration = Duration::from_millis(20);

/// Asks for the offsets that partitions begin and end with.
pub(super) struct Ends {
    settings: KafkaSettings,
    /// Sees up to the first open transaction.
    committed: BaseConsumer<Told>,
    /// Sees everything that is written.
    written: BaseConsumer<Told>,
}

impl Ends {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, LogError> {
        let client = |level: &str| {
            let mut config = settings.client();
            // Never joined; without one a client can't be polled.
            config.set("group.id", settings.group("reader")).set("isolation.level", level);
            config.create_with_context(Told::default()).map_err(|e| LogError::Failed(Box::new(e)))
        };
        Ok(Self {
            settings: settings.clone(),
            committed: client("read_committed")?,
            written: client("read_uncommitted")?,
        })
    }

    fn ask(
        &self,
        consumer: &BaseConsumer<Told>,
        topic: Topic,
        partition: Partition,
    ) -> Result<(u64, u64), LogError> {
        let name = self.settings.name(topic);
        let (start, end) = consumer
            .fetch_watermarks(name, signed(partition), LIMIT)
            .map_err(|e| unknown(&format!("failed to ask for the ends of {name}-{partition}"), &e))?;
        Ok((u64::try_from(start).unwrap_or(0), u64::try_from(end).unwrap_or(0)))
    }

    /// Start and end of a partition, open transactions included.
    pub(super) fn written(&self, topic: Topic, partition: Partition) -> Result<(u64, u64), LogError> {
        self.ask(&self.written, topic, partition)
    }

    /// Waits until every transaction that has written to a partition by now is committed or aborted; start and end.
    pub(super) fn settled(&self, topic: Topic, partition: Partition) -> Result<(u64, u64), LogError> {
        let (_, written) = self.written(topic, partition)?;
        let begun = Instant::now();
        loop {
            let (start, committed) = self.ask(&self.committed, topic, partition)?;
            if committed >= written {
                return Ok((start, committed));
            }
            if begun.elapsed() > SETTLED_LIMIT {
                let name = self.settings.name(topic);
                return Err(LogError::Unknown(format!(
                    "a transaction on {name}-{partition} has been open for more than {} s",
                    SETTLED_LIMIT.as_secs()
                )));
            }
            std::thread::sleep(SETTLED_EVERY);
        }
    }

    /// What brokers say of a topic.
    pub(super) fn metadata(&self, topic: &str, limit: Duration) -> Result<Metadata, LogError> {
        super::metadata(&self.settings, &self.written, topic, limit)
    }

    /// The cluster's id, where the brokers tell it.
    pub(super) fn cluster_id(&self, limit: Duration) -> Option<String> {
        self.written.client().fetch_cluster_id(limit)
    }
}
