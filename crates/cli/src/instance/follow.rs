//! Follows the output topics into the read model.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use daybook_report::records::Balance;
use daybook_server::{OutputRecord, ReadModel};
use daybook_stream::embedded::EmbeddedLog;
use daybook_stream::engine::Stop;
use daybook_stream::kafka::{Begin, KafkaSettings, TopicReader, read_settled};
use daybook_stream::local::LocalLog;
use daybook_stream::log::{Limit, LogError};
use daybook_stream::record::{Fetched, Record};
use daybook_wire::topic::Topic;

use super::health::InstanceHealth;
use super::invariants::{Again, Invariants, Sums};

/// Topics that the read model follows.
const FOLLOWED: [Topic; 6] = [
    Topic::LedgerEntries,
    Topic::RevenueDaily,
    Topic::AccountsBalances,
    Topic::RewardsBalances,
    Topic::KpisDaily,
    Topic::ChargesDlq,
];

/// Entries that the read model is given from before its start, of each partition; the page shows fewer.
const ENTRIES_BEFORE: u64 = 5_000;

/// Records read at once.
pub const PAGE: Limit = Limit { records_max: 5_000, bytes_max: 8 << 20 };

/// How long to wait for records at most, and before reading is tried again.
const IDLE: Duration = Duration::from_millis(250);

/// For how long balances that do not add up must have stood still on Kafka before anything is said of them: rows of one
/// transaction come one after the other.
const STILL: Duration = Duration::from_secs(10);

/// Follows the topics of an embedded log: up to the ends that one commit left, so that no half of a transaction is
/// seen. Only what there is at the start is taken in by pages.
pub fn follow_embedded(
    log: &EmbeddedLog,
    books: &ReadModel,
    invariants: &mut Invariants,
    stop: &Stop,
    health: &InstanceHealth,
) -> Result<(), LogError> {
    let mut next: BTreeMap<Topic, u64> = FOLLOWED.into_iter().map(|topic| (topic, 0)).collect();
    next.insert(Topic::LedgerEntries, log.end(Topic::LedgerEntries)?.saturating_sub(ENTRIES_BEFORE));
    while !stop.is_asked() {
        let ends = log.all_ends();
        let starting = !health.has_read_books();
        let mut fetched: Vec<(Topic, Fetched)> = Vec::new();
        for (topic, from) in &mut next {
            let end = ends.get(topic).copied().unwrap_or(0);
            while *from < end {
                let page = log.read(*topic, *from, PAGE)?;
                *from = page.last().map_or(end, |last| (last.offset + 1).min(end));
                let before_end = page.into_iter().filter(|f| f.offset < end);
                fetched.extend(before_end.map(|f| (*topic, f)));
                if starting {
                    apply(books, invariants, std::mem::take(&mut fetched));
                }
            }
        }
        apply(books, invariants, fetched);
        health.books_read();
        invariants.balances(books, None);
        let from = next.get(&Topic::LedgerEntries).copied().unwrap_or(0);
        let _ = log.wait_for(Topic::LedgerEntries, from, IDLE);
    }
    Ok(())
}

/// Follows the topics in Kafka. A transaction's records come one after the other, those of other topics a moment
/// later; the last row of each key counts, so a reader that starts again may see rows twice.
pub fn follow_kafka(
    settings: &KafkaSettings,
    books: &ReadModel,
    invariants: &mut Invariants,
    stop: &Stop,
    health: &InstanceHealth,
) -> Result<(), LogError> {
    let begin = |topic| match topic {
        Topic::LedgerEntries | Topic::ChargesDlq => (topic, Begin::Last(ENTRIES_BEFORE)),
        _ => (topic, Begin::First),
    };
    let mut reader: Option<TopicReader> = None;
    while !stop.is_asked() {
        let polled = match &mut reader {
            Some(reader) => reader.poll(PAGE, IDLE),
            // What this instance was given before stays in the read model: only a first reader begins there.
            None => TopicReader::open(settings, &FOLLOWED.map(begin)).map(|opened| {
                reader = Some(opened);
                Vec::new()
            }),
        };
        match polled {
            Ok(records) => {
                let fetched = records.into_iter().map(|(topic, _, fetched)| (topic, fetched)).collect();
                apply(books, invariants, fetched);
            }
            Err(error) if error.is_recoverable() && reader.is_none() => {
                tracing::warn!(%error, "the output topics can't be read yet");
                std::thread::sleep(IDLE);
            }
            Err(error) => return Err(error),
        }
        if reader.as_ref().is_some_and(TopicReader::has_met_ends) {
            health.books_read();
            invariants.balances(books, Some(Again { after: STILL, sums: &|| published_sums(settings) }));
        }
    }
    Ok(())
}

/// What all balances add up to, read anew.
fn published_sums(settings: &KafkaSettings) -> Result<Sums, LogError> {
    let mut rows: HashMap<Vec<u8>, Balance> = HashMap::new();
    read_settled(settings, Topic::AccountsBalances, |_, fetched| {
        // What is no balance is counted by the read model.
        if let Ok(balance) = serde_json::from_slice(&fetched.record.value) {
            rows.insert(fetched.record.key, balance);
        }
    })?;
    let mut sums = Sums::new();
    for row in rows.into_values() {
        *sums.entry((row.project_id, row.currency)).or_default() += row.balance_minor;
    }
    Ok(sums)
}

fn apply(books: &ReadModel, invariants: &mut Invariants, mut fetched: Vec<(Topic, Fetched)>) {
    let dead_letters = fetched.iter_mut().filter(|(topic, _)| *topic == Topic::ChargesDlq);
    dead_letters.for_each(|(_, f)| add_time(&mut f.record));
    for (_, f) in fetched.iter().filter(|(topic, _)| *topic == Topic::LedgerEntries) {
        invariants.entry(&f.record.key, &f.record.value);
    }
    books.apply_batch(fetched.iter().map(|(topic, f)| OutputRecord {
        topic: topic.name(),
        key: &f.record.key,
        value: &f.record.value,
        headers: &f.record.headers,
    }));
}

/// The read model sees keys, values and headers; a dead letter's time is its record's.
fn add_time(record: &mut Record) {
    if let Some(timestamp_ms) = record.timestamp_ms {
        let mut time = String::new();
        daybook_wire::time::push_rfc3339(timestamp_ms, &mut time);
        record.headers.push(("daybook-time".to_owned(), time.into_bytes()));
    }
}
