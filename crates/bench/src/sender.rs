//! Sends records at a fixed rate, whatever becomes of them.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use daybook_kafka::Producer;
use hdrhistogram::Histogram;

use crate::cluster::Cluster;
use crate::input::{Input, Sendable, now};

/// How long it sleeps while nothing is due.
const SLICE: Duration = Duration::from_millis(1);

/// A sender that is ready.
pub struct Sender {
    producer: Producer,
    topic: String,
    records: Vec<Sendable>,
    rate: u32,
}

/// What was sent.
pub struct Sent {
    /// How much.
    pub input: Input,
    /// How many microseconds later than planned records were sent.
    pub late_us: Histogram<u64>,
}

impl Sender {
    /// A sender of `rate` events per second for a number of seconds.
    pub fn new(cluster: &Cluster, topic: &str, rate: u32, seconds: u32) -> Result<Self> {
        let mut config = cluster.client();
        config.set("linger.ms", "1");
        let records = crate::input::live(u64::from(rate) * u64::from(seconds))?;
        Ok(Self { producer: Producer::new(&config)?, topic: topic.to_owned(), records, rate })
    }

    /// Sends all. A record's timestamp is when it is due, so that whoever measures from there also measures what it
    /// waits while this is late. `begin` is when the first is due, since 1970.
    pub fn run(self, begin: Duration) -> Result<Sent> {
        let topic = self.producer.topic(&self.topic)?;
        let mut sent = Sent { input: Input::default(), late_us: Histogram::new(3)? };
        for record in &self.records {
            let due = begin + Duration::from_secs(sent.input.events) / self.rate;
            let mut at = now()?;
            while at < due {
                sleep(SLICE.min(due - at));
                at = now()?;
            }
            sent.late_us.record(u64::try_from((at - due).as_micros())?)?;
            self.producer.send(&topic, &record.outgoing(Some(i64::try_from(due.as_millis())?)))?;
            sent.input.add(record);
        }
        self.producer.flush(Duration::from_secs(30))?;
        Ok(sent)
    }
}
