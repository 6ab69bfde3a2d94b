//! What a dead letter's record was.

use std::collections::{BTreeMap, BTreeSet};

use daybook_core::name::TEST_SUFFIX;
use daybook_stream::log::Partition;
use daybook_stream::record::Record;
use daybook_wire::input::{self, Context};
use daybook_wire::topic::Topic;
use daybook_wire::{dead_letter, output};

use super::letter::{Letter, Place, Value, header, input_of};
use super::letters::Letters;
use crate::log::Log;

/// Where a record was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A dead letter has it as it was received.
    Letter(Place),
    /// It still stands in its topic.
    Source,
    /// It is gone; what the projector refused is what is left of it.
    Canonical,
}

/// A record to be put back.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it was found.
    pub origin: Origin,
    /// Its key, value and time as received, and the headers that it came with.
    pub record: Record,
}

/// Records by topic, partition and offset.
type Picked = BTreeMap<(Topic, Partition, u64), Record>;

/// Finds the records of letters: in a letter that has them as received, else in the topic that they came from. `None`
/// where a record is nowhere.
pub fn find(log: &Log, letters: &Letters, wanted: &[&Letter]) -> anyhow::Result<Vec<Option<Found>>> {
    let mut places: BTreeMap<Topic, BTreeSet<(Partition, u64)>> = BTreeMap::new();
    for letter in wanted {
        let place = letters.received(letter).map_or(letter.place, |received| received.place);
        places.entry(place.topic).or_default().insert((place.partition, place.offset));
        if let (None, Some((topic, partition, offset))) = (letters.received(letter), source(log, letter)) {
            places.entry(topic).or_default().insert((partition, offset));
        }
    }
    let mut picked = Picked::new();
    for (topic, wanted) in places {
        let records = log.pick(topic, &wanted)?;
        picked.extend(records.into_iter().map(|((partition, offset), r)| ((topic, partition, offset), r)));
    }
    wanted.iter().map(|letter| found(log, letters, letter, &picked)).collect()
}

/// Where a letter's record stands in its topic, if it is still this log's topic.
fn source(log: &Log, letter: &Letter) -> Option<(Topic, Partition, u64)> {
    let source = letter.source.as_ref()?;
    let topic = input_of(letter.place.topic).filter(|topic| log.name(*topic) == source.topic)?;
    Some((topic, source.partition, source.offset))
}

fn found(log: &Log, letters: &Letters, letter: &Letter, picked: &Picked) -> anyhow::Result<Option<Found>> {
    let at = |place: Place| picked.get(&(place.topic, place.partition, place.offset));
    if let Some(received) = letters.received(letter) {
        return Ok(at(received.place).map(|record| {
            let headers = dead_letter::original(&record.headers);
            Found { origin: Origin::Letter(received.place), record: Record { headers, ..record.clone() } }
        }));
    }
    let Some(own) = at(letter.place) else { return Ok(None) };
    let source = source(log, letter).and_then(|source| picked.get(&source));
    if let Some(record) = source
        && is_of(log, record, letter, own)?
    {
        let mut record = record.clone();
        record.headers = dead_letter::original(&record.headers);
        if header(&record, dead_letter::PROJECT).is_none() {
            // It had its project from the value or the configuration of the time.
            record.headers.extend(project(own));
        }
        return Ok(Some(Found { origin: Origin::Source, record }));
    }
    if letter.value != Value::Canonical {
        return Ok(None);
    }
    let mut record = own.clone();
    record.headers = dead_letter::original(&own.headers);
    record.headers.retain(|(name, _)| name != dead_letter::PROJECT);
    record.headers.extend(project(own));
    Ok(Some(Found { origin: Origin::Canonical, record }))
}

/// The header of a letter's project; that of its test stream is the project's (the event says itself that it is one).
fn project(letter: &Record) -> Option<(String, Vec<u8>)> {
    let project = header(letter, dead_letter::PROJECT)?;
    let project = project.strip_suffix(TEST_SUFFIX).unwrap_or(project);
    Some((dead_letter::PROJECT.to_owned(), project.into()))
}

/// Whether a record is the one that a letter is of, and not another one of a topic that was made anew.
fn is_of(log: &Log, record: &Record, letter: &Letter, own: &Record) -> anyhow::Result<bool> {
    if record.timestamp_ms != own.timestamp_ms {
        return Ok(false);
    }
    if letter.value != Value::Canonical {
        return Ok(true);
    }
    let json = log.json_of(&record.value)?;
    Ok(canonical_of(record, &json, letter).is_some_and(|canonical| canonical.as_bytes() == own.value))
}

/// The event of a record that a letter is of, in the canonical format. `json` is the record's value.
fn canonical_of(record: &Record, json: &[u8], letter: &Letter) -> Option<String> {
    let mut canonical = String::new();
    if letter.place.topic == Topic::SpendDlq {
        output::canonical_spend(&input::decode_spend(json, Context::default()).0.ok()?, &mut canonical);
    } else {
        let own_letter = header(record, dead_letter::CANONICAL).is_some();
        let items = input::decode(json, Context { own_letter, ..Context::default() });
        let item = items.into_iter().nth(usize::try_from(letter.item?).ok()?)?;
        output::canonical(&item.event.ok()?, &mut canonical);
    }
    Some(canonical)
}
