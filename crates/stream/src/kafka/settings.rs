//! What the clients are set up with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use daybook_wire::avro::Nulls;
use daybook_wire::topic::Topic;
use rdkafka::config::ClientConfig;

use super::avro::Avro;
use crate::log::ReadError;

/// Properties that decide what daybook guarantees: nobody may set them.
pub const RESERVED: [&str; 23] = [
    "acks",
    "request.required.acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.send.max.retries",
    "message.timeout.ms",
    "partition.assignment.strategy",
    "partitioner",
    "retries",
    "transactional.id",
];

/// Where Kafka is and how it is used.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `HOST:PORT` of some brokers, separated by commas.
    pub bootstrap_servers: String,
    /// First part of group and transactional ids: instances of one deployment share it.
    pub group: String,
    /// This instance among those of its deployment: last part of its transactional id.
    pub instance: String,
    /// Names of topics that are not called as by default.
    pub names: BTreeMap<Topic, String>,
    /// Properties of librdkafka, for every client.
    pub properties: BTreeMap<String, String>,
    /// Partitions that the journal has to have.
    pub journal_partitions: u32,
    /// Time between two commits of the projector at least, while it has something to do.
    pub commit_interval: Duration,
    /// Avro with a schema registry, where there is one.
    pub avro: Option<Avro>,
}

impl KafkaSettings {
    /// The name of a topic.
    #[must_use]
    pub fn name(&self, topic: Topic) -> &str {
        self.names.get(&topic).map_or(topic.name(), String::as_str)
    }

    /// The topic of a name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| self.name(*topic) == name)
    }

    /// A value as JSON: itself, but for Avro where there is a schema registry.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn json_of<'a>(&self, value: &'a [u8], nulls: Nulls) -> Result<Cow<'a, [u8]>, ReadError> {
        self.avro.as_ref().map_or(Ok(Cow::Borrowed(value)), |avro| avro.json_of(value, nulls))
    }

    /// What all clients have in common, for administration too.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", format!("{}-{}", self.group, self.instance))
            // A broker that is back is to be found soon.
            .set("reconnect.backoff.max.ms", "1000");
        self.overridden(config)
    }

    /// What the operator has set comes last.
    fn overridden(&self, mut config: ClientConfig) -> ClientConfig {
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// A consumer; `group` is where its offsets are.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Vanished offsets are an error that somebody has to look at.
            .set("auto.offset.reset", "error")
            // A full queue is looked at again after this; the default of a second stalls.
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.max.bytes", "4194304")
            // KIP-848 is not used: cooperative rebalancing of the classic protocol.
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "1000");
        self.overridden(config)
    }

    /// A producer.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "32768")
            // A dead letter holds a record as large as senders may make it; what is too large is its topic's to say.
            .set("message.max.bytes", "20000000");
        self.overridden(config)
    }

    /// The group of a part of this deployment.
    pub(super) fn group(&self, part: &str) -> String {
        format!("{}.{part}", self.group)
    }
}
