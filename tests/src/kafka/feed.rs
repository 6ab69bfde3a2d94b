//! Produces a workload to `charges`, and says what it must end in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use daybook_sim::model::{Input, Totals, expected};
use daybook_workload::{Options, Record, Workload};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::deployment::Deployment;

const DAY_MS: i64 = 86_400_000;
const LIMIT: Duration = Duration::from_secs(120);

/// Records of the default workload that happened some days ago: well within the horizon.
///
/// # Errors
/// The clock stands before 1970.
pub fn workload(seed: u64, records: u64) -> Result<Vec<Record>> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let ms_per_record = (2 * DAY_MS / i64::try_from(records)?).max(1);
    let options = Options { seed, start_ms: now_ms - 4 * DAY_MS, ms_per_record, ..Options::default() };
    Ok(Workload::new(options).records(0..records).collect())
}

/// What records must end in, by the model that shares no code with the product.
#[must_use]
pub fn model(records: &[Record]) -> (Totals, u64) {
    let totals = expected(records.iter().map(|record| Input {
        project: &record.project,
        value: &record.value,
        timestamp_ms: record.timestamp_ms,
    }));
    let events = totals.accepted + totals.duplicates + totals.dead_letters.values().sum::<u64>();
    (totals, events)
}

/// Produces to `charges`.
pub struct Feed {
    producer: BaseProducer,
    topic: String,
}

impl Feed {
    /// A producer for a deployment.
    ///
    /// # Errors
    /// The client can't be made.
    pub fn new(deployment: &Deployment) -> Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &deployment.broker.bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()?;
        Ok(Self { producer, topic: deployment.topic("charges") })
    }

    /// Sends records, keyed by user, the project in a header, and waits until they are acknowledged.
    ///
    /// # Errors
    /// They are not in time.
    pub fn send(&self, records: &[Record]) -> Result<()> {
        for record in records {
            let header = |key, value| Header { key, value: Some(value) };
            let headers = OwnedHeaders::new()
                .insert(header("daybook-project", &record.project))
                .insert(header("daybook-source", &record.source));
            let mut outgoing = BaseRecord::to(&self.topic)
                .key(&record.key)
                .payload(&record.value)
                .headers(headers)
                .timestamp(record.timestamp_ms);
            loop {
                match self.producer.send(outgoing) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                        outgoing = again;
                        self.producer.poll(Duration::from_millis(50));
                    }
                    Err((error, _)) => return Err(error).context("failed to produce"),
                }
            }
            self.producer.poll(Duration::ZERO);
        }
        self.producer.flush(LIMIT).context("records were not acknowledged")
    }
}
