//! The broker as the benchmark sees it: topics, and how far groups are.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long an attempt may take that is made again.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(1);
/// Partitions of every topic that is measured on.
pub const PARTITIONS: i32 = 4;

/// A broker.
pub struct Cluster {
    bootstrap: String,
    admin: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    /// A broker by its address.
    pub fn at(bootstrap: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let admin = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
        Ok(Self { bootstrap: bootstrap.to_owned(), admin, runtime })
    }

    /// What every client begins with.
    pub fn client(&self) -> ClientConfig {
        client(&self.bootstrap)
    }

    /// Its address.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes topics that keep everything, and waits until they can be used.
    pub fn create(&self, names: &[String]) -> Result<()> {
        let topics: Vec<NewTopic<'_>> = names
            .iter()
            .map(|name| {
                NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(-1)).set("retention.ms", "-1")
            })
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        let made = self.runtime.block_on(self.admin.create_topics(&topics, &options));
        for outcome in made.context("failed to make topics")? {
            outcome.map_err(|(name, code)| anyhow::anyhow!("failed to make {name}: {code}"))?;
        }
        names.iter().try_for_each(|name| self.wait_for_leaders(name))
    }

    /// Waits until a topic that was made just now can be used: its leaders are named before they know of it.
    pub fn wait_for_leaders(&self, name: &str) -> Result<()> {
        let begun = Instant::now();
        let client = self.admin.inner();
        for partition in 0..PARTITIONS {
            // The client remembers for a while that there was no such partition, but for what it asks about the topic.
            while client.fetch_metadata(Some(name), LIMIT).is_err()
                || client.fetch_watermarks(name, partition, ATTEMPT_LIMIT).is_err()
            {
                ensure!(begun.elapsed() < LIMIT, "{name}-{partition} can't be used");
                sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// Deletes the topics and groups whose names begin with `prefix`.
    pub fn delete(&self, prefix: &str) -> Result<()> {
        let client = self.admin.inner();
        let metadata = client.fetch_metadata(None, LIMIT).context("no broker answers")?;
        let topics = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
        let topics: Vec<&str> = topics.filter(|name| name.starts_with(prefix)).collect();
        let groups = client.fetch_group_list(None, LIMIT).context("no broker answers")?;
        let groups = groups.groups().iter().map(rdkafka::groups::GroupInfo::name);
        let groups: Vec<&str> = groups.filter(|name| name.starts_with(prefix)).collect();
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        if !topics.is_empty() {
            let deleted = self.runtime.block_on(self.admin.delete_topics(&topics, &options));
            for outcome in deleted.context("failed to delete topics")? {
                match outcome {
                    Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                    Err((name, code)) => bail!("failed to delete {name}: {code}"),
                }
            }
        }
        if !groups.is_empty() {
            // A member that has just left may still count; the broker forgets empty groups by itself.
            let _ = self.runtime.block_on(self.admin.delete_groups(&groups, &options));
        }
        Ok(())
    }

    /// Waits until a group has members, and each its partitions.
    pub fn wait_for_members(&self, group: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let list =
                self.admin.inner().fetch_group_list(Some(group), LIMIT).context("no broker answers")?;
            if list.groups().iter().any(|found| found.name() == group && found.state() == "Stable") {
                return Ok(());
            }
            ensure!(begun.elapsed() < LIMIT, "nobody joins group {group}");
            sleep(Duration::from_millis(50));
        }
    }

    /// How far a group is in a topic.
    pub fn offsets(&self, group: &str, topic: &str) -> Result<Offsets> {
        let mut config = self.client();
        // It never joins. Uncommitted: then it is told what is committed without waiting for open transactions.
        config.set("group.id", group).set("isolation.level", "read_uncommitted");
        Ok(Offsets { consumer: config.create()?, topic: topic.to_owned() })
    }
}

/// What every client of a broker begins with.
pub fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// A group's offsets in a topic; the sums over all partitions.
pub struct Offsets {
    consumer: BaseConsumer,
    topic: String,
}

impl Offsets {
    /// Up to where the group has committed.
    pub fn committed(&self) -> Result<u64> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, PARTITIONS - 1);
        let committed = self.consumer.committed_offsets(list, LIMIT).context("failed to read offsets")?;
        let offset = |offset| match offset {
            Offset::Offset(offset) => u64::try_from(offset).unwrap_or(0),
            _ => 0,
        };
        Ok(committed.elements().iter().map(|partition| offset(partition.offset())).sum())
    }

    /// Up to where the topic is written, open transactions included.
    pub fn end(&self) -> Result<u64> {
        let mut sum = 0;
        for partition in 0..PARTITIONS {
            let (_, end) = self
                .consumer
                .fetch_watermarks(&self.topic, partition, LIMIT)
                .context("failed to read ends")?;
            sum += u64::try_from(end).unwrap_or(0);
        }
        Ok(sum)
    }
}
