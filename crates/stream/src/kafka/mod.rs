//! The log on Kafka: scale-out by consumer groups, exactly-once by transactions (docs/adr/0009).
//!
//! ```text
//! charges ──group──► intake ──idempotent producer──► journal ──group──► projector ──transaction──► outputs, positions,
//!                                                                        │   ▲                      group offsets
//!                                                                      state folder of this instance
//! ```
//!
//! Intake is at least once: its offsets are committed after its records are acknowledged, and the projector drops
//! what it has seen. The projector publishes outputs, the position of each journal partition and the group's offsets
//! in one transaction, fenced by the group's generation (KIP-447). Its state is merged after the commit; a stage whose
//! outcome is unknown is dropped, and made again from what is committed.

mod avro;
mod ends;
mod intake;
mod member;
mod offsets;
mod positions;
mod probe;
mod projector;
mod reader;
mod settings;
mod settled;
mod state;
mod topics;
mod writer;

pub use avro::Avro;
pub use intake::KafkaIntake;
pub use probe::Probe;
pub use projector::KafkaProjector;
pub use reader::{Begin, TopicReader, pick};
pub use settings::{KafkaSettings, RESERVED};
pub use settled::read_settled;
pub use state::StateFolder;
pub use topics::starts;
pub use writer::KafkaWriter;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::Metadata;

use crate::log::LogError;
use crate::record::{Fetched, Record};

/// Whatever the client says when it could not reach a broker or finish in time: what is committed has to be read back.
fn unknown(what: &str, error: &dyn std::fmt::Display) -> LogError {
    LogError::Unknown(format!("{what}: {error}"))
}

/// Where clients tell of themselves: what they get over by themselves is no error of the program's.
#[derive(Default)]
struct Told {
    /// What was told last: a request that fails says only that there was no answer.
    reason: Mutex<Option<String>>,
}

impl ClientContext for Told {
    fn error(&self, error: KafkaError, reason: &str) {
        tell(&error, reason);
        // That all brokers are down follows from what was told of each.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

/// How long a client that had no answer is listened to for the reason.
const TELLING: Duration = Duration::from_millis(200);

/// What brokers say of a topic.
fn metadata(
    settings: &KafkaSettings,
    client: &BaseConsumer<Told>,
    topic: &str,
    limit: Duration,
) -> Result<Metadata, LogError> {
    client.fetch_metadata(Some(topic), limit).map_err(|error| {
        // It tells of itself when it is polled; no message can come of it.
        drop(client.poll(TELLING));
        let reason = client.context().reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let what = format!("no broker of {} answers", settings.bootstrap_servers);
        match reason {
            Some(reason) => unknown(&what, &reason),
            None => unknown(&what, &error),
        }
    })
}

impl ConsumerContext for Told {}

fn tell(error: &KafkaError, reason: &str) {
    // An end is told as an error, and comes with every fetch that is empty.
    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
        tracing::warn!(%error, reason, "kafka");
    }
}

fn fetched(message: &BorrowedMessage<'_>) -> Fetched {
    let record = Record {
        key: message.key().map(<[u8]>::to_vec).unwrap_or_default(),
        value: message.payload().map(<[u8]>::to_vec).unwrap_or_default(),
        headers: daybook_kafka::headers_of(message),
        timestamp_ms: message.timestamp().to_millis(),
    };
    Fetched { offset: u64::try_from(message.offset()).unwrap_or(0), record }
}

/// librdkafka counts partitions and offsets with a sign.
fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn unsigned(partition: i32) -> u32 {
    u32::try_from(partition).unwrap_or(0)
}

fn offset(offset: u64) -> rdkafka::Offset {
    rdkafka::Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}
