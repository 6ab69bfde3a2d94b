//! A group's offsets in one topic.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::{offset, signed, unknown, unsigned};
use crate::log::{LogError, Partition};

/// How long the group's coordinator may take to answer. Offsets that a transaction holds are waited for: until the
/// broker aborts one that a dead instance has left open.
const COORDINATOR_LIMIT: Duration = Duration::from_secs(30);

/// Partitions of a topic, each with an offset.
pub(super) fn list(
    topic: &str,
    offsets: impl IntoIterator<Item = (Partition, u64)>,
) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::new();
    for (partition, from) in offsets {
        list.add_partition_offset(topic, signed(partition), offset(from))
            .map_err(|e| LogError::Failed(Box::new(e)))?;
    }
    Ok(list)
}

/// The group's offsets, as no open transaction can change them; `None` where there is none.
pub(super) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: impl IntoIterator<Item = Partition>,
) -> Result<BTreeMap<Partition, Option<u64>>, LogError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, signed(partition));
    }
    let read = |e| unknown("failed to read the group's offsets", &e);
    let list = consumer.committed_offsets(list, COORDINATOR_LIMIT).map_err(read)?;
    let offset = |o: Offset| match o {
        Offset::Offset(offset) => u64::try_from(offset).ok(),
        _ => None,
    };
    list.elements()
        .iter()
        .map(|e| e.error().map(|()| (unsigned(e.partition()), offset(e.offset()))).map_err(read))
        .collect()
}

/// Commits the group's offsets; whether the group took them. It does not while it rebalances: they are to be
/// committed later.
pub(super) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    positions: &BTreeMap<Partition, u64>,
) -> Result<bool, LogError> {
    let list = list(topic, positions.iter().map(|(partition, offset)| (*partition, *offset)))?;
    match consumer.commit(&list, CommitMode::Sync) {
        Ok(()) => Ok(true),
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::RebalanceInProgress)) => Ok(false),
        // The group has gone on, and its new generation is about to be told.
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::IllegalGeneration))
            if !consumer.assignment_lost() =>
        {
            Ok(false)
        }
        Err(error) => Err(unknown("failed to commit the group's offsets", &error)),
    }
}
