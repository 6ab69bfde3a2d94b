//! `projector.positions`: up to where in each journal partition outputs are published.

use std::collections::BTreeMap;

use daybook_wire::topic::Topic;

use super::ends::Ends;
use super::reader::TopicReader;
use super::settings::KafkaSettings;
use crate::log::{LogError, Partition};

/// Offsets that are looked at first for the last record of a partition; more where it is not among them.
const LOOK_BACK: u64 = 64;

/// What the topic says of some journal partitions, every transaction that has written to it by now settled. Each has its
/// position in the partition of its number ([`super::topics::check_topics`]).
pub(super) fn read(
    settings: &KafkaSettings,
    ends: &Ends,
    journal_partitions: &[Partition],
) -> Result<BTreeMap<Partition, u64>, LogError> {
    let mut found = BTreeMap::new();
    let mut open = BTreeMap::new();
    for partition in journal_partitions {
        let (start, end) = ends.settled(Topic::ProjectorPositions, *partition)?;
        if end > start {
            open.insert(*partition, (start, end));
        }
    }
    let mut look_back = LOOK_BACK;
    while !open.is_empty() {
        let first = |(start, end): (u64, u64)| end.saturating_sub(look_back).max(start);
        let from: Vec<_> =
            open.iter().map(|(p, span)| (Topic::ProjectorPositions, *p, first(*span))).collect();
        TopicReader::at(settings, &from)?.to_end(|_, _, fetched| {
            let (partition, offset) = daybook_wire::output::read_position(&fetched.record.value)
                .map_err(|_| unreadable(settings))?;
            found.insert(partition, offset);
            Ok(())
        })?;
        open.retain(|partition, span| !found.contains_key(partition) && first(*span) > span.0);
        look_back = look_back.saturating_mul(16);
    }
    Ok(found)
}

/// A position that can't be read. It may be in Avro, by a schema that nobody knows any more.
fn unreadable(settings: &KafkaSettings) -> LogError {
    let name = settings.name(Topic::ProjectorPositions);
    let why = match &settings.avro {
        Some(_) => {
            "the schema registry no longer knows the schema that they were written by: restore its schemas"
        }
        None => "if they were written in Avro, set registry.url as it was then",
    };
    LogError::Failed(format!("the positions in {name} can't be read; {why}").into())
}
