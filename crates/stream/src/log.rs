//! The log as intake and projector see it: records of the partitions that they have, and transactions.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use daybook_core::rejection::Reason;
use daybook_wire::topic::Topic;

use crate::format::ValueFormat;
use crate::record::{Fetched, Record};

/// A partition's number, from 0.
pub type Partition = u32;

/// What reads and writes a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// From `charges`, `spend` and `settings` to the journal.
    Intake,
    /// From the journal to the outputs.
    Projector,
}

impl Stage {
    /// Its name in messages and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Intake => "intake",
            Stage::Projector => "projector",
        }
    }
}

/// Where a stage goes on: the offset of the next record to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: Partition,
    /// Offset of the next record.
    pub offset: u64,
}

/// Key and value of the state store; `None` removes the key.
pub type StateChange = (Vec<u8>, Option<Vec<u8>>);

/// What a batch changes in the state of a journal partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChanges {
    /// The journal partition.
    pub partition: Partition,
    /// The values, in order: the last of a key counts.
    pub changes: Vec<StateChange>,
    /// The journal offset that the state stands at with them.
    pub position: u64,
}

/// What is written together: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Records to append, in order; their partition follows from their key.
    pub appends: Vec<(Topic, Record)>,
    /// Where the stage goes on.
    pub positions: Vec<Position>,
    /// Changes of the projector's state.
    ///
    /// A log that keeps the state store in the same place writes them in the same atomic write. Any other merges
    /// them after the commit, so that state is never ahead of what is published.
    pub state: Vec<StateChanges>,
}

impl Transaction {
    /// A transaction that appends records and does nothing else.
    #[must_use]
    pub fn appending(appends: Vec<(Topic, Record)>) -> Self {
        Self { appends, ..Self::default() }
    }

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
    /// The log can't be used any more: storage failed, it is damaged, or it is not as it has to be.
    Failed(Box<dyn Error + Send + Sync>),
}

impl LogError {
    /// Whether a stage that is opened again can go on.
    #[must_use]
    pub fn is_recoverable(&self) -> bool {
        matches!(self, LogError::Aborted(_) | LogError::Unknown(_))
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Aborted(why) => write!(f, "transaction aborted: {why}"),
            LogError::Unknown(why) => write!(f, "outcome of the transaction unknown: {why}"),
            LogError::Failed(why) => write!(f, "{why}"),
        }
    }
}

impl Error for LogError {}

/// Why a value can't be read.
#[derive(Debug)]
pub enum ReadError {
    /// It is not what it has to be.
    Refused(Reason),
    /// What it has to be is not known at the moment, and why.
    NotYet(String),
}

/// How much to read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Records.
    pub records_max: usize,
    /// Bytes of keys and values; the first record is given in any case.
    pub bytes_max: usize,
}

/// What a stage is told when it asks what comes next.
#[derive(Debug)]
pub enum Polled {
    /// Nothing has come in the time given.
    Nothing,
    /// A partition is this stage's from now on.
    Gained {
        /// The partition.
        partition: Partition,
        /// Where the stage goes on by what was committed. Records may begin earlier: of `settings` all there are,
        /// of the journal those that the state has yet to see.
        position: u64,
    },
    /// A partition belongs to somebody else.
    Lost(Partition),
    /// Records, in order by partition, of partitions that this stage has.
    Records(Vec<(Partition, Fetched)>),
}

/// Writes transactions.
pub trait Append {
    /// Writes a transaction: all of it or nothing, durable when this returns. An intake's may be less: its records
    /// may be written without its position, and both a little later. The projector drops what comes twice.
    ///
    /// # Errors
    /// [`LogError`] says what is known of the outcome.
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError>;
}

impl<A: Append + ?Sized> Append for Box<A> {
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError> {
        (**self).commit(transaction)
    }
}

/// A stage's side of a log. After an error other than [`LogError::Failed`] it is to be dropped and opened again.
pub trait Log: Append {
    /// What comes next of a topic: of `charges` or `settings` for intake, of the journal for the projector. Waits for
    /// it at most `wait`.
    ///
    /// # Errors
    /// [`LogError`].
    fn poll(&mut self, topic: Topic, limit: Limit, wait: Duration) -> Result<Polled, LogError>;

    /// The name that a topic has in this log.
    fn name(&self, topic: Topic) -> &str {
        topic.name()
    }

    /// An input's value as JSON.
    ///
    /// # Errors
    /// [`ReadError`].
    fn json_of<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, ReadError>;

    /// Records of a topic that this stage has yet to read, by partition that it has.
    fn lag(&self, topic: Topic) -> Vec<(Partition, u64)>;
}

/// A log as the projector needs it: with the state that belongs to a journal partition.
pub trait BooksLog: Log {
    /// The state store of a partition.
    type State: StateStore;

    /// What output values are written as.
    fn value_format(&self) -> ValueFormat;

    /// What is known of a partition that was gained.
    ///
    /// # Errors
    /// [`LogError`].
    fn books(&mut self, partition: Partition) -> Result<Kept<Self::State>, LogError>;
}

/// What a log keeps for the books of a journal partition.
#[derive(Debug)]
pub struct Kept<S> {
    /// The state.
    pub state: S,
    /// Offset of the first journal record that is there.
    pub journal_start: u64,
    /// Offset of the next journal record to be appended.
    pub journal_end: u64,
    /// Whether more is published than the position says, as far as the log can tell.
    pub positions_lost: bool,
}

/// The projector's state of a journal partition, as of its last commit.
pub trait StateStore {
    /// A value.
    ///
    /// # Errors
    /// [`LogError::Failed`]; likewise for the others.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError>;

    /// Keys with a prefix.
    #[allow(clippy::missing_errors_doc)]
    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LogError>;

    /// The journal offset that it stands at.
    #[allow(clippy::missing_errors_doc)]
    fn position(&self) -> Result<u64, LogError>;
}
