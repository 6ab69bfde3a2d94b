//! What the routes hand records to and read topics from. The binary implements it.

use std::future::Future;
use std::pin::Pin;

/// Checks what is sent, appends it to the log, and reads the log.
pub trait Gateway: Send + Sync + 'static {
    /// Checks a Track API body as intake will; pure, no I/O.
    fn validate(&self, project: &str, body: &[u8]) -> Validation;

    /// Appends to `charges`; resolves only after the log has made it durable.
    fn append(
        &self,
        record: GatewayRecord,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>>;

    /// Checks a project's settings, a JSON object, and appends them to `settings`; resolves only
    /// after the log has made them durable.
    fn apply_settings(
        &self,
        project: &str,
        json: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<(), SettingsError>> + Send + '_>>;

    /// Records of a topic from the offset `from` on, at most `limit`, as far as they are
    /// committed. May block for a disk read.
    ///
    /// # Errors
    /// [`TopicError`].
    fn read(&self, topic: &str, from: u64, limit: usize) -> Result<TopicPage, TopicError>;

    /// Appends records to an input topic as they are, their offsets aside; resolves only after the log has made all
    /// of them durable. After an error some may be appended.
    fn append_records(
        &self,
        topic: &str,
        records: Vec<TopicRecord>,
    ) -> Pin<Box<dyn Future<Output = Result<(), RecordsError>> + Send + '_>>;
}

/// One request body on its way to `charges`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRecord {
    /// Project of the URL; becomes the header `daybook-project`.
    pub project: String,
    /// Source of the URL; becomes the header `daybook-source`.
    pub source: String,
    /// The body as received, byte for byte.
    pub body: Vec<u8>,
    /// A well-formed W3C `traceparent` of the request, to travel with the record.
    pub traceparent: Option<String>,
}

/// What intake will make of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validation {
    /// Number of payload items that will be accepted.
    pub accepted: u32,
    /// The items that won't, each with its reason.
    pub rejected: Vec<RejectedItem>,
}

/// One payload item that intake will refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedItem {
    /// Where in the body it is.
    pub path: String,
    /// Stable code of the reason.
    pub reason: &'static str,
    /// A sentence for people, without any payload in it.
    pub detail: String,
}

/// Why a record could not be appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The log does not take records now.
    #[error("failed to append to the log: {0}")]
    Unavailable(String),
    /// This process is shutting down.
    #[error("failed to append: the process is shutting down")]
    Draining,
}

/// Why a project's settings are not in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// They are not valid.
    #[error("{key}: {message}")]
    Invalid {
        /// Stable code: `settings_invalid` or `split_rule_invalid`.
        reason: &'static str,
        /// The key at fault; empty where it is the whole.
        key: String,
        /// What it should be.
        message: String,
    },
    /// They could not be appended.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// Records of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPage {
    /// Offset of the next record to be appended to the topic.
    pub end: u64,
    /// Offset to go on from: one beyond the last record here, or `from` where there is none.
    pub next: u64,
    /// The records, in order. Offsets of compacted topics have gaps.
    pub records: Vec<TopicRecord>,
}

/// A record of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its offset.
    pub offset: u64,
    /// Its timestamp, in milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Why a topic could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The topics are not this instance's to show.
    #[error("the topics are in Kafka")]
    Elsewhere,
    /// There is no topic of that name.
    #[error("there is no topic of that name")]
    Unknown,
    /// The log can't be read.
    #[error("failed to read the log: {0}")]
    Failed(String),
}

/// Why records are not all appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// There is no topic of that name.
    #[error("there is no topic of that name")]
    Unknown,
    /// Nobody but the product itself writes to the topic.
    #[error("the topic is not one of the inputs")]
    NotInput,
    /// They could not be appended.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}
