//! A member of a consumer group that is told of rebalances between batches, never within one.
//!
//! librdkafka reports a rebalance while it is polled. It is only noted there; the stage acts on it when the batch at
//! hand is done: a partition is given up after what was read of it is committed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Message, TopicPartitionList};

use super::{fetched, offsets, signed, unknown, unsigned};
use crate::log::{Limit, LogError, Partition};
use crate::record::Fetched;

/// What the group decided, in order.
enum Rebalance {
    Assigned(Vec<Partition>),
    Revoked(Vec<Partition>),
}

#[derive(Default)]
struct Noted {
    rebalances: VecDeque<Rebalance>,
    /// The consumer is being closed: nobody will act on what is noted.
    closing: bool,
}

/// Notes rebalances.
#[derive(Default)]
pub(super) struct Notes(Mutex<Noted>);

impl Notes {
    /// Whole also where whoever held it has panicked: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Notes {
    fn error(&self, error: KafkaError, reason: &str) {
        super::tell(&error, reason);
    }
}

impl ConsumerContext for Notes {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let mut noted = self.lock();
        if noted.closing {
            answer(consumer, event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, list);
            return;
        }
        let partitions = list.elements().iter().map(|e| unsigned(e.partition())).collect();
        noted.rebalances.push_back(match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assigned(partitions),
            _ => Rebalance::Revoked(partitions),
        });
    }
}

/// Answers the group for somebody who is leaving: it waits for every answer.
fn answer(consumer: &BaseConsumer<Notes>, assigned: bool, list: &TopicPartitionList) {
    let answered =
        if assigned { consumer.incremental_assign(list) } else { consumer.incremental_unassign(list) };
    if let Err(error) = answered {
        tracing::debug!(%error, "leaving the group");
    }
}

/// What a member is told.
pub(super) enum Notice {
    /// Nothing has come in the time given.
    Nothing,
    /// The group has given it partitions: they are to be [`Member::assign`]ed.
    Assigned(Vec<Partition>),
    /// They go to somebody else: to be [`Member::unassign`]ed once their work is committed. `lost`: they are gone
    /// already, and nothing can be committed.
    Revoked { partitions: Vec<Partition>, lost: bool },
    /// Records, in order by partition.
    Records(Vec<(Partition, Fetched)>),
}

/// A member of a group that reads one topic.
pub(super) struct Member {
    consumer: BaseConsumer<Notes>,
    topic: String,
    /// Offset of the next record by partition that it has.
    next: BTreeMap<Partition, u64>,
}

impl Member {
    pub(super) fn join(config: &ClientConfig, topic: &str) -> Result<Self, LogError> {
        let failed = |e: KafkaError| LogError::Failed(Box::new(e));
        let consumer: BaseConsumer<Notes> = config.create_with_context(Notes::default()).map_err(failed)?;
        consumer.subscribe(&[topic]).map_err(failed)?;
        Ok(Self { consumer, topic: topic.to_owned(), next: BTreeMap::new() })
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<Notes> {
        &self.consumer
    }

    fn noted(&self) -> Option<Rebalance> {
        self.consumer.context().lock().rebalances.pop_front()
    }

    /// What comes next: rebalances before records. Waits for the first at most `wait`, and goes on gathering records
    /// until `gather` has come.
    pub(super) fn next(
        &mut self,
        limit: Limit,
        wait: Duration,
        gather: Option<Instant>,
    ) -> Result<Notice, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut patience = wait;
        loop {
            if records.is_empty()
                && let Some(rebalance) = self.noted()
            {
                return Ok(match rebalance {
                    Rebalance::Assigned(partitions) => Notice::Assigned(partitions),
                    Rebalance::Revoked(partitions) => {
                        Notice::Revoked { partitions, lost: self.consumer.assignment_lost() }
                    }
                });
            }
            match self.consumer.poll(patience) {
                Some(Ok(message)) => {
                    let partition = unsigned(message.partition());
                    let fetched = fetched(&message);
                    bytes += fetched.record.key.len() + fetched.record.value.len();
                    self.next.insert(partition, fetched.offset + 1);
                    records.push((partition, fetched));
                    patience = Duration::ZERO;
                    if records.len() >= limit.records_max || bytes >= limit.bytes_max {
                        return Ok(Notice::Records(records));
                    }
                }
                Some(Err(error)) => self.tell(&error)?,
                None => {
                    let pending = !self.consumer.context().lock().rebalances.is_empty();
                    let left = gather.map_or(Duration::ZERO, |g| g.saturating_duration_since(Instant::now()));
                    if pending && records.is_empty() {
                        continue;
                    }
                    if pending || left.is_zero() || records.is_empty() {
                        return Ok(if records.is_empty() {
                            Notice::Nothing
                        } else {
                            Notice::Records(records)
                        });
                    }
                    patience = left;
                }
            }
        }
    }

    /// Errors that the client gets over by itself are told; others end the stage.
    fn tell(&self, error: &KafkaError) -> Result<(), LogError> {
        match error {
            // The stage is made again, looks where the partition begins by now, and says what to do.
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => {
                Err(unknown(&format!("records of {} that were not read yet are gone", self.topic), error))
            }
            KafkaError::MessageConsumptionFatal(_) => Err(unknown("the consumer can't go on", error)),
            _ => {
                tracing::warn!(%error, topic = self.topic, "kafka consumer");
                Ok(())
            }
        }
    }

    /// Starts reading partitions that the group has given, each from an offset.
    pub(super) fn assign(&mut self, from: &[(Partition, u64)]) -> Result<(), LogError> {
        let list = offsets::list(&self.topic, from.iter().copied())?;
        self.consumer.incremental_assign(&list).map_err(|e| unknown("failed to take partitions", &e))?;
        self.next.extend(from.iter().copied());
        Ok(())
    }

    /// Stops reading partitions.
    pub(super) fn unassign(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        let list = offsets::list(&self.topic, partitions.iter().map(|p| (*p, 0)))?;
        self.consumer.incremental_unassign(&list).map_err(|e| unknown("failed to give up partitions", &e))?;
        self.next.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }

    /// The group's offsets, as no open transaction can change them; `None` where there is none.
    pub(super) fn committed(
        &self,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, Option<u64>>, LogError> {
        offsets::committed(&self.consumer, &self.topic, partitions.iter().copied())
    }

    /// Commits the group's offsets; whether the group took them.
    pub(super) fn commit(&self, positions: &BTreeMap<Partition, u64>) -> Result<bool, LogError> {
        offsets::commit(&self.consumer, &self.topic, positions)
    }

    /// Records that are not read yet, by partition, as far as the last fetch has told.
    pub(super) fn lag(&self) -> Vec<(Partition, u64)> {
        let behind = |(partition, next): (&Partition, &u64)| {
            let end = daybook_kafka::known_end(&self.consumer, &self.topic, signed(*partition))?;
            Some((*partition, u64::try_from(end).unwrap_or(0).saturating_sub(*next)))
        };
        self.next.iter().filter_map(behind).collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // From here on the group is answered at once; closing waits for it.
        let left = {
            let mut noted = self.consumer.context().lock();
            noted.closing = true;
            std::mem::take(&mut noted.rebalances)
        };
        for rebalance in left {
            let (assigned, partitions) = match rebalance {
                Rebalance::Assigned(partitions) => (true, partitions),
                Rebalance::Revoked(partitions) => (false, partitions),
            };
            if let Ok(list) = offsets::list(&self.topic, partitions.iter().map(|p| (*p, 0))) {
                answer(&self.consumer, assigned, &list);
            }
        }
    }
}
