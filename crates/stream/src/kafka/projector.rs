//! The projector's side of Kafka.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use daybook_kafka::{Offset, Producer, ProducerError};
use daybook_wire::avro::Nulls;
use daybook_wire::topic::Topic;

use super::ends::Ends;
use super::member::{Member, Notice};
use super::settings::KafkaSettings;
use super::state::{PartitionState, StateFolder};
use super::writer::{Topics, send};
use super::{positions, signed, topics};
use crate::format::ValueFormat;
use crate::log::{Append, BooksLog, Kept, Limit, Log, LogError, Partition, Polled, ReadError, Transaction};

/// After this a broker aborts a transaction that nobody ends: how long a dead instance can hold up readers.
const TRANSACTION_TIMEOUT_MS: &str = "8000";
/// How long one step of a transaction may take. Beyond it the outcome counts as unknown.
const STEP_LIMIT: Duration = Duration::from_secs(20);

/// Polls journal partitions as a member of the group, commits outputs, positions and offsets in transactions.
pub struct KafkaProjector {
    settings: KafkaSettings,
    member: Member,
    producer: Producer,
    topics: Topics,
    format: ValueFormat,
    ends: Ends,
    state: StateFolder,
    told: VecDeque<Polled>,
    kept: BTreeMap<Partition, Kept<PartitionState>>,
    committed_at: Instant,
    #[cfg(feature = "negative-controls")]
    controls: crate::controls::Controls,
}

impl KafkaProjector {
    /// Joins the group. Whatever an earlier process of this instance has left open is settled.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(settings: &KafkaSettings, state: StateFolder) -> Result<Self, LogError> {
        let ends = Ends::new(settings)?;
        topics::check_topics(settings, &ends)?;
        let format = match &settings.avro {
            Some(avro) => avro.value_format(settings)?,
            None => ValueFormat::Json,
        };
        let cluster = ends.cluster_id(topics::METADATA_LIMIT);
        let cluster =
            cluster.ok_or_else(|| LogError::Unknown("the brokers do not name their cluster".to_owned()))?;
        state.belongs_to(&format!("{cluster} {} {}", settings.name(Topic::Journal), settings.group))?;
        let mut config = settings.producer();
        let id = format!("{}.projector.{}", settings.group, settings.instance);
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            // A commit flushes; until then records gather.
            .set("linger.ms", "20")
            .set("batch.size", "262144");
        let producer = Producer::new(&config).map_err(failed)?;
        producer.init_transactions(STEP_LIMIT).map_err(failed)?;
        let topics = Topics::new(settings, &producer)?;
        let member =
            Member::join(&settings.consumer(&settings.group("projector")), settings.name(Topic::Journal))?;
        Ok(Self {
            settings: settings.clone(),
            member,
            producer,
            topics,
            format,
            ends,
            state,
            told: VecDeque::new(),
            kept: BTreeMap::new(),
            committed_at: Instant::now(),
            #[cfg(feature = "negative-controls")]
            controls: crate::controls::Controls::from_env(),
        })
    }

    /// Takes partitions: from where their state stands, with what is published by now.
    fn gain(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        // The group's offsets first: they are given only when no transaction is open that could change them.
        let committed = self.member.committed(partitions)?;
        let published = positions::read(&self.settings, &self.ends, partitions)?;
        let all_lost = self.are_positions_lost(partitions, &published)?;
        let mut from = Vec::new();
        for partition in partitions {
            let position = published.get(partition).copied();
            let offset = committed.get(partition).copied().flatten();
            // Both are written in one transaction. Offsets that are behind were moved by somebody, or have expired.
            let positions_lost = all_lost || offset.unwrap_or(0) > position.unwrap_or(0);
            if offset < position && offset.is_some() {
                tracing::warn!(
                    partition,
                    group_offset = offset,
                    position,
                    "the group's offset is behind what is published; projector.positions counts"
                );
            }
            let (journal_start, journal_end) = self.ends.written(Topic::Journal, *partition)?;
            let state = self.state.partition(*partition);
            let stands_at = crate::log::StateStore::position(&state)?;
            #[cfg(feature = "negative-controls")]
            let position = if self.controls.no_reconciliation { Some(stands_at) } else { position };
            let restores = position.unwrap_or(0).saturating_sub(stands_at);
            tracing::debug!(partition, published = position, state = stands_at, restores, "gained");
            from.push((*partition, stands_at.clamp(journal_start, journal_end)));
            self.kept.insert(*partition, Kept { state, journal_start, journal_end, positions_lost });
            self.told.push_back(Polled::Gained { partition: *partition, position: position.unwrap_or(0) });
        }
        tracing::info!(?partitions, "journal partitions gained");
        self.member.assign(&from)
    }

    /// Whether entries are published, but no position of any partition.
    fn are_positions_lost(
        &self,
        gained: &[Partition],
        published: &BTreeMap<Partition, u64>,
    ) -> Result<bool, LogError> {
        if gained.iter().all(|partition| published.contains_key(partition)) {
            return Ok(false);
        }
        // Entries before positions: both come in one transaction, so that what is found of the first must be in the
        // second.
        let mut entries = false;
        for partition in 0..topics::partitions(&self.settings, &self.ends, Topic::LedgerEntries)? {
            let (start, end) = self.ends.settled(Topic::LedgerEntries, partition)?;
            entries |= end > start;
        }
        let all: Vec<Partition> = (0..self.settings.journal_partitions).collect();
        Ok(entries && positions::read(&self.settings, &self.ends, &all)?.is_empty())
    }

    fn lose(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        tracing::info!(?partitions, "journal partitions given up");
        self.told.extend(partitions.iter().map(|partition| Polled::Lost(*partition)));
        self.member.unassign(partitions)
    }

    /// All of a transaction but its commit.
    fn prepare(&mut self, transaction: &Transaction) -> Result<(), ProducerError> {
        self.producer.begin()?;
        send(&self.producer, &self.topics, transaction)?;
        let offsets: Vec<Offset> = transaction
            .positions
            .iter()
            .map(|p| Offset {
                topic: self.settings.name(p.topic).to_owned(),
                partition: signed(p.partition),
                offset: i64::try_from(p.offset).unwrap_or(i64::MAX),
            })
            .collect();
        #[cfg(feature = "negative-controls")]
        if self.controls.no_fencing {
            let group = self.settings.group("projector");
            return self.producer.send_offsets_unfenced(&offsets, &group, STEP_LIMIT);
        }
        self.producer.send_offsets(&offsets, self.member.consumer(), STEP_LIMIT)
    }
}

/// What a producer's error says of what is written.
pub(super) fn failed(error: ProducerError) -> LogError {
    match error {
        ProducerError::Setup(_) | ProducerError::TooLarge(_) => LogError::Failed(Box::new(error)),
        _ => LogError::Unknown(error.to_string()),
    }
}

impl Append for KafkaProjector {
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError> {
        if transaction.positions.is_empty() && transaction.appends.is_empty() {
            return self.state.merge(transaction.state);
        }
        // Nothing asks for an abort: the stage is made again, and the next producer of this transactional id ends what
        // this one has left open.
        self.prepare(&transaction).map_err(|error| match failed(error) {
            LogError::Unknown(why) => LogError::Aborted(why),
            other => other,
        })?;
        self.producer.commit(STEP_LIMIT).map_err(failed)?;
        self.committed_at = Instant::now();
        #[cfg(feature = "negative-controls")]
        self.controls.after_commit()?;
        self.state.merge(transaction.state)
    }
}

impl Log for KafkaProjector {
    fn poll(&mut self, _: Topic, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(told);
            }
            let gather = Some(self.committed_at + self.settings.commit_interval);
            match self.member.next(limit, wait, gather)? {
                Notice::Nothing => {
                    // The producer has something to say even when there is nothing to send.
                    self.producer.serve(Duration::ZERO).map_err(failed)?;
                    return Ok(Polled::Nothing);
                }
                Notice::Records(records) => return Ok(Polled::Records(records)),
                Notice::Assigned(partitions) => self.gain(&partitions)?,
                Notice::Revoked { partitions, .. } => self.lose(&partitions)?,
            }
        }
    }

    fn name(&self, topic: Topic) -> &str {
        self.settings.name(topic)
    }

    fn json_of<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, ReadError> {
        self.settings.json_of(value, Nulls::Omitted)
    }

    fn lag(&self, _: Topic) -> Vec<(Partition, u64)> {
        self.member.lag()
    }
}

impl BooksLog for KafkaProjector {
    type State = PartitionState;

    fn value_format(&self) -> ValueFormat {
        self.format.clone()
    }

    fn books(&mut self, partition: Partition) -> Result<Kept<PartitionState>, LogError> {
        let gone = || LogError::Unknown(format!("journal partition {partition} is gone again"));
        self.kept.remove(&partition).ok_or_else(gone)
    }
}
