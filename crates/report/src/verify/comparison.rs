//! Published records against those of a replay (invariant 6).
//!
//! Order counts per key alone: a key has one partition, and records of several partitions come in any interleaving.

use std::collections::{BTreeMap, BTreeSet};

use daybook_wire::output::hash;
use daybook_wire::topic::Topic;

/// What is published, to be held against what a replay gives.
#[derive(Default)]
pub(super) struct Comparison {
    /// Of topics that keep every record.
    records: BTreeMap<Topic, BTreeMap<Vec<u8>, Records>>,
    /// Of compacted topics, the last row of each key.
    rows: BTreeMap<(Topic, Vec<u8>), [u8; 32]>,
    /// Rows that were published again since: no comparison can be made.
    moved_on: BTreeSet<(Topic, Vec<u8>)>,
}

/// The records of one key.
struct Records {
    /// Their hashes, in order.
    published: Vec<[u8; 32]>,
    /// How many of them the replay has given.
    replayed: usize,
}

impl Comparison {
    /// Takes the hash of a record's value, in the order of its key.
    pub(super) fn publish(&mut self, topic: Topic, key: &[u8], value_hash: [u8; 32]) {
        // Most users have few records: a vector that grows by itself starts with room for four.
        let first = || Records { published: Vec::with_capacity(1), replayed: 0 };
        let keys = self.records.entry(topic).or_default();
        keys.entry(key.to_vec()).or_insert_with(first).published.push(value_hash);
    }

    /// Takes the last row of a key.
    pub(super) fn publish_row(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        self.rows.insert((topic, key.to_vec()), hash(value));
    }

    /// Leaves a key's row out.
    pub(super) fn leave_out_row(&mut self, topic: Topic, key: &[u8]) {
        self.moved_on.insert((topic, key.to_vec()));
    }

    /// Takes what the replay gives, in the order of its key; what is wrong with what is published.
    pub(super) fn replay(&mut self, topic: Topic, key: &[u8], value: &[u8]) -> Option<String> {
        if topic.is_compacted() {
            return self.replay_row(topic, key, value);
        }
        let keys = self.records.entry(topic).or_default();
        let none = || Records { published: Vec::new(), replayed: 0 };
        let records = keys.entry(key.to_vec()).or_insert_with(none);
        let published = records.published.get(records.replayed);
        records.replayed += 1;
        let wrong = match published {
            Some(published) if *published == hash(value) => return None,
            Some(_) => "is not what the replay gives",
            None => "is not published, but the replay gives it",
        };
        Some(format!("{}: record {} of {} {wrong}", topic.name(), records.replayed, show(key)))
    }

    fn replay_row(&mut self, topic: Topic, key: &[u8], value: &[u8]) -> Option<String> {
        let row = (topic, key.to_vec());
        if self.moved_on.contains(&row) || self.rows.remove(&row) == Some(hash(value)) {
            return None;
        }
        Some(format!("{}: replay gives another last row for {}", topic.name(), show(key)))
    }

    /// What is published, but the replay has not given.
    pub(super) fn left_over(self) -> impl Iterator<Item = String> {
        let records = self.records.into_iter().flat_map(|(topic, keys)| {
            keys.into_iter().flat_map(move |(key, records)| {
                (records.replayed + 1..=records.published.len()).map(move |number| {
                    let key = show(&key);
                    format!(
                        "{}: record {number} of {key} is published, but the replay does not give it",
                        topic.name()
                    )
                })
            })
        });
        let rows = self.rows.into_keys();
        records.chain(
            rows.map(|(topic, key)| format!("{}: the replay gives no row for {}", topic.name(), show(&key))),
        )
    }
}

/// A key as text.
pub(super) fn show(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
