//! What daybook's outputs must be like after a round, whatever `daybook verify` says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, TopicPartitionList};
use serde::Deserialize;

use crate::arguments::Volume;
use crate::cluster::{Cluster, PARTITIONS};
use crate::input::Input;
use crate::product::{Metrics, Product};

/// How long it may take until the counters show what is committed.
const COUNTED_LIMIT: Duration = Duration::from_secs(10);
/// How long a topic may say nothing while it is read to its end.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// Waits until every event has come to an end: in the books, in the books already, or refused. Twice or lost would both
/// show.
pub fn all_counted(product: &Product<'_>, name: &str, input: &Input) -> Result<Metrics> {
    let begun = Instant::now();
    loop {
        let metrics = product.metrics(name)?;
        if metrics.events() == input.events && metrics.already_seen == 0 && metrics.restarts == 0 {
            return Ok(metrics);
        }
        ensure!(begun.elapsed() < COUNTED_LIMIT, "of {} events came to an end: {metrics:?}", input.events);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What is asked of an entry.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    project_id: Cow<'a, str>,
    entry_number: u64,
    corrects: Option<u64>,
}

/// Reads the entries as anybody else would: each project's are numbered 1 to n in their order, and there are as many
/// as counted. What they take.
pub fn check_entries(cluster: &Cluster, topic: &str, counted: &Metrics) -> Result<Volume> {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut adjustments = 0;
    let volume = read(cluster, topic, |message| {
        let entry: Entry<'_> = serde_json::from_slice(message.payload().unwrap_or_default())
            .with_context(|| format!("no entry at offset {}", message.offset()))?;
        if !last.contains_key(&*entry.project_id) {
            last.insert(entry.project_id.clone().into_owned(), 0);
        }
        let before = last.get_mut(&*entry.project_id).context("a project is gone")?;
        ensure!(
            entry.entry_number == *before + 1,
            "entry {} of {} follows {before}",
            entry.entry_number,
            entry.project_id
        );
        *before = entry.entry_number;
        adjustments += u64::from(entry.corrects.is_some());
        Ok(())
    })?;
    ensure!(
        (volume.records, adjustments) == (counted.entries, counted.adjustments),
        "{} entries are published, {adjustments} of them adjusting; counted were {counted:?}",
        volume.records
    );
    Ok(volume)
}

/// What a topic takes, of what is committed.
pub fn volume(cluster: &Cluster, topic: &str) -> Result<Volume> {
    read(cluster, topic, |_| Ok(()))
}

/// Reads all that is committed.
fn read(
    cluster: &Cluster,
    topic: &str,
    mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
) -> Result<Volume> {
    let mut config = cluster.client();
    // Nobody joins it; the client wants a group to assign partitions at all.
    config.set("group.id", topic).set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, PARTITIONS - 1);
    list.set_all_offsets(rdkafka::Offset::Beginning)?;
    consumer.assign(&list)?;
    let (mut volume, mut ends) = (Volume::default(), 0);
    while ends < PARTITIONS {
        match consumer.poll(SILENCE_LIMIT) {
            Some(Ok(message)) => {
                volume.records += 1;
                volume.bytes += (message.key_len() + message.payload_len()) as u64;
                take(&message)?;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(error)) => return Err(error).with_context(|| format!("failed to read {topic}")),
            None => bail!("{topic} can't be read to its end"),
        }
    }
    Ok(volume)
}
