//! The workload's records, as events are counted and as they are sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use daybook_kafka::{Outgoing, Producer};
use daybook_workload::{Options, Record, Workload};
use serde::Serialize;

use crate::cluster::Cluster;

const DAY_MS: i64 = 86_400_000;
/// Event times begin so long ago: the default workload has two million records in as many days, and what is too old is
/// refused.
const DAYS: i64 = 30;

/// An input record with the number of its events.
pub struct Sendable {
    record: Record,
    headers: Vec<(String, Vec<u8>)>,
    /// Payload items, or 1 where it is no envelope at all: what ends in the books or among the dead letters.
    pub events: u64,
}

impl Sendable {
    fn new(record: Record) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        Self {
            headers: vec![
                header("daybook-project", &record.project),
                header("daybook-source", &record.source),
            ],
            events: daybook_wire::input::decode(&record.value, daybook_wire::input::Context::default()).len()
                as u64,
            record,
        }
    }

    /// The record as it is sent, with a timestamp of its own or another.
    pub fn outgoing(&self, timestamp_ms: Option<i64>) -> Outgoing<'_> {
        Outgoing {
            partition: None,
            key: self.record.key.as_bytes(),
            value: Some(&self.record.value),
            headers: &self.headers,
            timestamp_ms: timestamp_ms.or(Some(self.record.timestamp_ms)),
        }
    }
}

/// What an input topic holds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Input {
    /// Records.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes of all values.
    pub bytes: u64,
}

impl Input {
    /// Counts one more.
    pub fn add(&mut self, sendable: &Sendable) {
        self.records += 1;
        self.events += sendable.events;
        self.bytes += sendable.record.value.len() as u64;
    }
}

/// Endless records, the first some days ago.
pub fn history() -> Result<impl Iterator<Item = Sendable>> {
    let now_ms = i64::try_from(now()?.as_millis())?;
    let start_ms = now_ms - now_ms % DAY_MS - DAYS * DAY_MS;
    let workload = Workload::new(Options { start_ms, ..Options::default() });
    Ok((0..).map(move |index| Sendable::new(workload.record(index))))
}

/// Records with at least `events` events, the first of now.
pub fn live(events: u64) -> Result<Vec<Sendable>> {
    let start_ms = i64::try_from(now()?.as_millis())?;
    let workload = Workload::new(Options { seed: 2, start_ms, ms_per_record: 1, ..Options::default() });
    let mut count = 0;
    let records = (0..).map(|index| Sendable::new(workload.record(index)));
    Ok(records
        .take_while(|sendable| {
            let wanted = count < events;
            count += sendable.events;
            wanted
        })
        .collect())
}

/// Writes at least `events` events to a topic.
pub fn fill(cluster: &Cluster, topic: &str, events: u64) -> Result<Input> {
    let mut config = cluster.client();
    config.set("linger.ms", "20").set("batch.size", "262144").set("queue.buffering.max.kbytes", "65536");
    let producer = Producer::new(&config)?;
    let handle = producer.topic(topic)?;
    let mut input = Input::default();
    for sendable in history()? {
        if input.events >= events {
            break;
        }
        producer.send(&handle, &sendable.outgoing(None))?;
        input.add(&sendable);
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(input)
}

/// The time since 1970.
pub fn now() -> Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")
}
