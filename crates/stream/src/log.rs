//! The log: topics of ordered records, and transactions over them.

use std::error::Error;
use std::fmt;

use daybook_wire::topic::Topic;

use crate::record::{Fetched, Record};

/// Who keeps a position in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// Intake, in `charges` and `settings`.
    Intake,
    /// The projector, in `journal`: what it has published is what lies below.
    Projector,
}

/// What is written together: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Records to append, in order.
    pub appends: Vec<(Topic, Record)>,
    /// Where a reader goes on: the offset of the next record to read.
    pub positions: Vec<(Reader, Topic, u64)>,
    /// Values of the projector's state, `None` to remove.
    ///
    /// A log that keeps the state store in the same place writes them in the same atomic write. Any other merges
    /// them after the commit, so that state is never ahead of what is published.
    pub state: Vec<StateChange>,
    /// The journal offset that the state stands at with these changes.
    pub state_position: Option<u64>,
}

/// Key and value of the state store; `None` removes the key.
pub type StateChange = (Vec<u8>, Option<Vec<u8>>);

impl Transaction {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a log could not be read or written.
#[derive(Debug)]
pub enum LogError {
    /// The transaction was given up; nothing of it is written.
    Aborted(String),
    /// Whether the transaction was written is unknown. The committed position has to be read back.
    Unknown(String),
    /// The log can't be used any more: storage failed, or it is damaged.
    Failed(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Aborted(why) => write!(f, "transaction aborted: {why}"),
            LogError::Unknown(why) => write!(f, "outcome of the transaction unknown: {why}"),
            LogError::Failed(why) => write!(f, "log failed: {why}"),
        }
    }
}

impl Error for LogError {}

/// How much to read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Records.
    pub records_max: usize,
    /// Bytes of keys and values; the first record is given in any case.
    pub bytes_max: usize,
}

/// Topics of one partition each, the readers' positions and the projector's state store.
///
/// A clone is another handle on the same log.
pub trait Log: Clone {
    /// Records of a topic from an offset on, as far as they are committed. Offsets of compacted topics have gaps.
    ///
    /// # Errors
    /// [`LogError::Failed`]; likewise for the other reads.
    fn read(&self, topic: Topic, from: u64, limit: Limit) -> Result<Vec<Fetched>, LogError>;

    /// Offset of the next record to be appended.
    #[allow(clippy::missing_errors_doc)]
    fn end(&self, topic: Topic) -> Result<u64, LogError>;

    /// Offset of the next record that a reader has to read; 0 before its first commit.
    #[allow(clippy::missing_errors_doc)]
    fn position(&self, reader: Reader, topic: Topic) -> Result<u64, LogError>;

    /// Writes a transaction: all of it or nothing, durable when this returns.
    ///
    /// # Errors
    /// [`LogError`] says what is known of the outcome.
    fn commit(&self, transaction: Transaction) -> Result<(), LogError>;

    /// A value of the state store.
    #[allow(clippy::missing_errors_doc)]
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError>;

    /// Keys of the state store with a prefix.
    #[allow(clippy::missing_errors_doc)]
    fn state_keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LogError>;

    /// The journal offset that the state store stands at.
    #[allow(clippy::missing_errors_doc)]
    fn state_position(&self) -> Result<u64, LogError>;

    /// All records of a topic, read a page at a time; it ends at the first error.
    fn records(&self, topic: Topic, page: Limit) -> impl Iterator<Item = Result<Fetched, LogError>> {
        let mut next = Some(0);
        let pages = std::iter::from_fn(move || match self.read(topic, next?, page) {
            Ok(records) => {
                next = records.last().map(|last| last.offset + 1);
                Some(records.into_iter().map(Ok).collect::<Vec<_>>())
            }
            Err(error) => {
                next = None;
                Some(vec![Err(error)])
            }
        });
        pages.flatten()
    }
}
