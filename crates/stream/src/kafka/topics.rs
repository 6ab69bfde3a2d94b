//! Looks whether the topics are as they have to be.

use std::collections::BTreeMap;
use std::time::Duration;

use daybook_wire::topic::Topic;

use super::ends::Ends;
use super::settings::KafkaSettings;
use crate::log::{LogError, Partition};

/// How long brokers may take to say what they have.
pub(super) const METADATA_LIMIT: Duration = Duration::from_secs(10);

/// Checks that every topic is there and that the journal has the partitions it was made with: with any other number,
/// a project's records would go on in another partition.
///
/// # Errors
/// [`LogError::Failed`] says what to do; [`LogError::Unknown`] where no broker answers.
pub(super) fn check_topics(settings: &KafkaSettings, ends: &Ends) -> Result<(), LogError> {
    for topic in Topic::ALL {
        partitions(settings, ends, topic)?;
    }
    let (expected, found) = (settings.journal_partitions, partitions(settings, ends, Topic::Journal)?);
    if found != expected {
        let name = settings.name(Topic::Journal);
        let why = format!(
            "{name} has {found} partitions, kafka.journal_partitions says {expected}: a journal's partitions are fixed \
             when it is made, for each project has its place by their number. Set kafka.journal_partitions to what the \
             journal was made with; if somebody has added partitions to it, restore it from a copy"
        );
        return Err(LogError::Failed(why.into()));
    }
    let positions = partitions(settings, ends, Topic::ProjectorPositions)?;
    if positions != expected {
        let name = settings.name(Topic::ProjectorPositions);
        let why = format!(
            "{name} has {positions} partitions, the journal {expected}: each journal partition's position has its place by \
             their number"
        );
        return Err(LogError::Failed(why.into()));
    }
    Ok(())
}

/// How many partitions a topic has.
pub(super) fn partitions(settings: &KafkaSettings, ends: &Ends, topic: Topic) -> Result<u32, LogError> {
    let name = settings.name(topic);
    let metadata = ends.metadata(name, METADATA_LIMIT)?;
    let found = metadata.topics().iter().find(|t| t.name() == name && t.error().is_none());
    match found.map(|t| t.partitions().len()) {
        Some(count) if count > 0 => Ok(u32::try_from(count).unwrap_or(u32::MAX)),
        _ => {
            let why = format!("there is no topic {name}; `daybook topics apply` makes what is missing");
            Err(LogError::Failed(why.into()))
        }
    }
}

/// Offsets of the first record of each partition of a topic.
///
/// # Errors
/// [`LogError`].
pub fn starts(settings: &KafkaSettings, topic: Topic) -> Result<BTreeMap<Partition, u64>, LogError> {
    let ends = Ends::new(settings)?;
    let start = |partition| ends.written(topic, partition).map(|(start, _)| (partition, start));
    (0..partitions(settings, &ends, topic)?).map(start).collect()
}
