//! `projector.positions`: up to where in each journal partition outputs are published.

use std::collections::BTreeMap;

use daybook_wire::topic::Topic;

use super::ends::Ends;
use super::reader::TopicReader;
use super::settings::KafkaSettings;
use super::topics::partitions;
use crate::log::{LogError, Partition};

/// Offsets that are looked at first for the last record of a partition; more where it is not among them.
const LOOK_BACK: u64 = 64;

/// The partition of `projector.positions` in which a journal partition's position stands: the one of its number.
pub(super) fn place(journal_partition: Partition, count: u32) -> Partition {
    journal_partition % count.max(1)
}

/// What the topic says of some journal partitions, every transaction that has written to it by now settled.
pub(super) fn read(
    settings: &KafkaSettings,
    ends: &Ends,
    journal_partitions: &[Partition],
) -> Result<BTreeMap<Partition, u64>, LogError> {
    let count = partitions(settings, ends.client(), Topic::ProjectorPositions)?;
    let mut found = BTreeMap::new();
    let mut places: BTreeMap<Partition, (u64, u64)> = BTreeMap::new();
    for partition in journal_partitions {
        let place = place(*partition, count);
        if let std::collections::btree_map::Entry::Vacant(entry) = places.entry(place) {
            entry.insert(ends.settled(Topic::ProjectorPositions, place)?);
        }
    }
    let mut look_back = LOOK_BACK;
    loop {
        let from: Vec<_> = places
            .iter()
            .filter(|(_, (start, end))| end > start)
            .map(|(place, (start, end))| {
                (Topic::ProjectorPositions, *place, end.saturating_sub(look_back).max(*start))
            })
            .collect();
        if from.is_empty() {
            return Ok(found);
        }
        TopicReader::at(settings, &from)?.to_end(|_, _, fetched| {
            let (partition, offset) = daybook_wire::output::read_position(&fetched.record.value)
                .map_err(|e| LogError::Failed(Box::new(e)))?;
            found.insert(partition, offset);
            Ok(())
        })?;
        // A partition without a position may have it further back, among those of its place.
        let looked_at_all = |(start, end): &(u64, u64)| end.saturating_sub(look_back) <= *start;
        let done = |(place_of, span): (&Partition, &(u64, u64))| {
            let wanted = journal_partitions.iter().filter(|p| place(**p, count) == *place_of);
            looked_at_all(span) || wanted.clone().all(|p| found.contains_key(p))
        };
        if places.iter().all(done) {
            found.retain(|partition, _| journal_partitions.contains(partition));
            return Ok(found);
        }
        look_back = look_back.saturating_mul(16);
    }
}
