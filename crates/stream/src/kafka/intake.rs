//! Intake's side of Kafka.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::ends::Ends;
use super::member::{Member, Notice};
use super::offsets;
use super::projector::failed;
use super::reader::{Begin, TopicReader};
use super::settings::KafkaSettings;
use super::topics;
use super::writer::{Topics, send};
use crate::log::{Append, Limit, Log, LogError, Partition, Polled, ReadError, Transaction};
use daybook_kafka::Producer;
use daybook_wire::avro::Nulls;
use daybook_wire::topic::Topic;

/// How often offsets are committed: what is at most read twice after a crash.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// How long brokers may take to acknowledge what was sent since.
const ACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(30);

/// Polls `charges` and `spend` as a member of a group each and all of `settings`, sends to the journal.
///
/// Every instance journals every settings record, before it journals events: of those that are journalled more than
/// once the projector takes the first. So settings that were there before an instance started are in the journal
/// before any event that the instance appends, whoever else has done it.
pub struct KafkaIntake {
    settings: KafkaSettings,
    charges: Source,
    spend: Source,
    settings_reader: TopicReader,
    producer: Producer,
    topics: Topics,
    ends: Ends,
    /// Partitions of `settings` that are still to be told of.
    settings_told: Option<VecDeque<Polled>>,
    /// Positions whose records may not be acknowledged yet.
    pending: BTreeMap<(Topic, Partition), u64>,
    committed_at: Instant,
    failed: bool,
}

/// An input topic that the group shares out.
struct Source {
    topic: Topic,
    group: String,
    member: Member,
    told: VecDeque<Polled>,
}

impl Source {
    fn join(settings: &KafkaSettings, topic: Topic, part: &str) -> Result<Self, LogError> {
        let group = settings.group(part);
        let member = Member::join(&settings.consumer(&group), settings.name(topic))?;
        Ok(Self { topic, group, member, told: VecDeque::new() })
    }

    /// Takes partitions: from where the group is, or from their start where it never was.
    fn gain(&mut self, partitions: &[Partition], ends: &Ends, name: &str) -> Result<(), LogError> {
        let committed = self.member.committed(partitions)?;
        let mut from = Vec::new();
        for partition in partitions {
            let (start, end) = ends.written(self.topic, *partition)?;
            let position = committed.get(partition).copied().flatten();
            if position.is_none() && start > 0 {
                tracing::warn!(
                    topic = name,
                    partition,
                    deleted = start,
                    "the group has no offset of this partition, whose first records are deleted: it begins with what is left"
                );
            }
            let position = position.unwrap_or(start);
            if !(start..=end).contains(&position) {
                let why = format!(
                    "intake has read {name}-{partition} up to {position}, but its records are {start} to {end}: records \
                     were deleted before they were read, or the topic was made anew. What is lost is lost; to go on \
                     with what is there, move the offsets of group {} by hand (kafka-consumer-groups --reset-offsets)",
                    self.group
                );
                return Err(LogError::Failed(why.into()));
            }
            from.push((*partition, position));
            self.told.push_back(Polled::Gained { partition: *partition, position });
        }
        self.member.assign(&from)
    }
}

impl KafkaIntake {
    /// Joins the group.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(settings: &KafkaSettings) -> Result<Self, LogError> {
        let ends = Ends::new(settings)?;
        topics::check_topics(settings, &ends)?;
        let mut config = settings.producer();
        // Records wait for others this long; a batch at most this large.
        config
            .set("linger.ms", "5")
            .set("batch.size", "262144")
            // A record that was given up for its age would leave a gap before those behind it, and what is sent again
            // after them counts as seen.
            .set("message.timeout.ms", "0");
        let producer = Producer::new(&config).map_err(failed)?;
        let topics = Topics::new(settings, &producer)?;
        let settings_reader = TopicReader::open(settings, &[(Topic::Settings, Begin::First)])?.as_received();
        Ok(Self {
            settings: settings.clone(),
            charges: Source::join(settings, Topic::Charges, "intake")?,
            spend: Source::join(settings, Topic::Spend, "intake-spend")?,
            settings_reader,
            producer,
            topics,
            ends,
            settings_told: None,
            pending: BTreeMap::new(),
            committed_at: Instant::now(),
            failed: false,
        })
    }

    /// Offsets of `settings` below which some instance has journalled everything.
    fn settings_positions(&self) -> Result<VecDeque<Polled>, LogError> {
        let count = topics::partitions(&self.settings, &self.ends, Topic::Settings)?;
        let name = self.settings.name(Topic::Settings);
        let committed = offsets::committed(self.settings_reader.consumer(), name, 0..count)?;
        let told = |(partition, offset): (Partition, Option<u64>)| Polled::Gained {
            partition,
            position: offset.unwrap_or(0),
        };
        Ok(committed.into_iter().map(told).collect())
    }

    fn source(&mut self, topic: Topic) -> &mut Source {
        if topic == Topic::Spend { &mut self.spend } else { &mut self.charges }
    }

    fn lose(&mut self, topic: Topic, partitions: &[Partition], lost: bool) -> Result<(), LogError> {
        let acknowledged = if lost { Ok(()) } else { self.acknowledge() };
        self.pending.retain(|(of, partition), _| *of != topic || !partitions.contains(partition));
        let source = self.source(topic);
        source.told.extend(partitions.iter().map(|partition| Polled::Lost(*partition)));
        // The group waits for this answer in any case.
        source.member.unassign(partitions)?;
        acknowledged
    }

    /// Waits for what was sent, then commits where to go on.
    fn acknowledge(&mut self) -> Result<(), LogError> {
        self.producer.flush(ACKNOWLEDGED_LIMIT).map_err(failed)?;
        self.committed_at = Instant::now();
        for topic in [Topic::Charges, Topic::Spend, Topic::Settings] {
            let own = self.pending.iter().filter(|((of, _), _)| *of == topic);
            let positions: BTreeMap<_, _> =
                own.map(|((_, partition), offset)| (*partition, *offset)).collect();
            if positions.is_empty() {
                continue;
            }
            let taken = match topic {
                Topic::Settings => {
                    let name = self.settings.name(topic);
                    offsets::commit(self.settings_reader.consumer(), name, &positions)?
                }
                _ => self.source(topic).member.commit(&positions)?,
            };
            if taken {
                self.pending.retain(|(of, _), _| *of != topic);
            }
        }
        Ok(())
    }

    fn acknowledge_when_due(&mut self) -> Result<(), LogError> {
        let due = self.committed_at.elapsed() >= COMMIT_EVERY;
        if due && !self.pending.is_empty() { self.acknowledge() } else { Ok(()) }
    }

    fn poll_settings(&mut self, limit: Limit) -> Result<Polled, LogError> {
        let told = match &mut self.settings_told {
            Some(told) => told,
            None => {
                let told = self.settings_positions()?;
                self.settings_told.insert(told)
            }
        };
        if let Some(gained) = told.pop_front() {
            return Ok(gained);
        }
        let begun = Instant::now();
        loop {
            // At the start all there are come before any charge.
            let at_end = self.settings_reader.has_met_ends();
            let wait = if at_end { Duration::ZERO } else { Duration::from_millis(100) };
            let records = self.settings_reader.poll(limit, wait)?;
            if !records.is_empty() {
                return Ok(Polled::Records(
                    records.into_iter().map(|(_, p, fetched)| (p, fetched)).collect(),
                ));
            }
            if at_end {
                return Ok(Polled::Nothing);
            }
            if begun.elapsed() > ACKNOWLEDGED_LIMIT {
                return Err(LogError::Unknown("the settings can't be read to their end".to_owned()));
            }
        }
    }

    fn poll_events(&mut self, topic: Topic, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        loop {
            self.acknowledge_when_due()?;
            let wait = if self.pending.is_empty() { wait } else { wait.min(COMMIT_EVERY) };
            let source = self.source(topic);
            if let Some(told) = source.told.pop_front() {
                return Ok(told);
            }
            match source.member.next(limit, wait, None)? {
                Notice::Nothing => {
                    self.producer.serve(Duration::ZERO).map_err(failed)?;
                    return Ok(Polled::Nothing);
                }
                Notice::Records(records) => return Ok(Polled::Records(records)),
                Notice::Assigned(partitions) => {
                    let source = if topic == Topic::Spend { &mut self.spend } else { &mut self.charges };
                    source.gain(&partitions, &self.ends, self.settings.name(topic))?;
                }
                Notice::Revoked { partitions, lost } => self.lose(topic, &partitions, lost)?,
            }
        }
    }
}

impl Append for KafkaIntake {
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError> {
        let sent = send(&self.producer, &self.topics, &transaction).map_err(failed);
        for position in transaction.positions {
            self.pending.insert((position.topic, position.partition), position.offset);
        }
        let outcome = sent.and_then(|()| self.acknowledge_when_due());
        self.failed |= outcome.is_err();
        outcome
    }
}

impl Log for KafkaIntake {
    fn poll(&mut self, topic: Topic, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let outcome = if topic == Topic::Settings {
            self.poll_settings(limit)
        } else {
            self.poll_events(topic, limit, wait)
        };
        self.failed |= outcome.is_err();
        outcome
    }

    fn name(&self, topic: Topic) -> &str {
        self.settings.name(topic)
    }

    fn json_of<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, ReadError> {
        self.settings.json_of(value, Nulls::Omitted)
    }

    fn lag(&self, topic: Topic) -> Vec<(Partition, u64)> {
        match topic {
            Topic::Charges => self.charges.member.lag(),
            Topic::Spend => self.spend.member.lag(),
            _ => Vec::new(),
        }
    }
}

impl Drop for KafkaIntake {
    fn drop(&mut self) {
        // A good ending leaves nothing to be read twice. After a failure nothing is known to be in the journal.
        if !self.failed
            && let Err(error) = self.acknowledge()
        {
            tracing::debug!(%error, "intake's last offsets were not committed");
        }
    }
}
