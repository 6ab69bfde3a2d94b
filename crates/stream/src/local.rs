//! Logs of a single process: topics of one partition each, which the process has alone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use daybook_wire::topic::Topic;

use crate::format::ValueFormat;
use crate::log::{
    Append, BooksLog, Kept, Limit, Log, LogError, Partition, Polled, ReadError, Stage, StateStore,
    Transaction,
};
use crate::record::Fetched;

/// The one partition.
const ONLY: Partition = 0;

/// Topics of one partition each, the stages' positions and the projector's state store. A clone is another handle on
/// the same log.
pub trait LocalLog: Clone {
    /// Records of a topic from an offset on, as far as they are committed. Offsets of compacted topics have gaps.
    ///
    /// # Errors
    /// [`LogError::Failed`]; likewise for the other reads.
    fn read(&self, topic: Topic, from: u64, limit: Limit) -> Result<Vec<Fetched>, LogError>;

    /// Offset of the next record to be appended.
    #[allow(clippy::missing_errors_doc)]
    fn end(&self, topic: Topic) -> Result<u64, LogError>;

    /// Waits until a topic has records from `offset` on, at most `timeout`. Whether it has.
    fn wait_for(&self, topic: Topic, offset: u64, timeout: Duration) -> bool;

    /// Offset of the next record that a stage has to read; 0 before its first commit.
    #[allow(clippy::missing_errors_doc)]
    fn position(&self, stage: Stage, topic: Topic) -> Result<u64, LogError>;

    /// Writes a transaction of a stage: all of it or nothing, durable when this returns.
    ///
    /// # Errors
    /// [`LogError`] says what is known of the outcome.
    fn commit(&self, stage: Stage, transaction: Transaction) -> Result<(), LogError>;

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

/// A stage of a local log: it has the one partition of each topic from the start.
#[derive(Clone, Debug)]
pub struct LocalStage<L> {
    log: L,
    stage: Stage,
    next: BTreeMap<Topic, u64>,
}

impl<L: LocalLog> LocalStage<L> {
    /// A stage that goes on where it was.
    pub fn new(log: L, stage: Stage) -> Self {
        Self { log, stage, next: BTreeMap::new() }
    }

    fn gain(&mut self, topic: Topic) -> Result<Polled, LogError> {
        let position = self.log.position(self.stage, topic)?;
        let end = self.log.end(topic)?;
        if self.stage == Stage::Intake && position > end {
            let why = format!("intake has read {} up to {position}, but it ends at {end}", topic.name());
            return Err(LogError::Failed(why.into()));
        }
        let from = match topic {
            Topic::Settings => 0,
            Topic::Journal => self.log.state_position()?,
            _ => position,
        };
        self.next.insert(topic, from);
        Ok(Polled::Gained { partition: ONLY, position })
    }
}

impl<L: LocalLog> Append for LocalStage<L> {
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError> {
        self.log.commit(self.stage, transaction)
    }
}

impl<L: LocalLog> Log for LocalStage<L> {
    fn poll(&mut self, topic: Topic, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let Some(next) = self.next.get_mut(&topic) else { return self.gain(topic) };
        if !self.log.wait_for(topic, *next, wait) {
            return Ok(Polled::Nothing);
        }
        let fetched = self.log.read(topic, *next, limit)?;
        // A compacted topic may hold nothing below its end but what was read before.
        *next = match fetched.last() {
            Some(last) => last.offset + 1,
            None => return Ok(Polled::Nothing),
        };
        Ok(Polled::Records(fetched.into_iter().map(|f| (ONLY, f)).collect()))
    }

    fn json_of<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, ReadError> {
        // It knows no registry.
        Ok(Cow::Borrowed(value))
    }

    fn lag(&self, topic: Topic) -> Vec<(Partition, u64)> {
        let lag = |next: &u64| self.log.end(topic).ok().map(|end| (ONLY, end.saturating_sub(*next)));
        self.next.get(&topic).and_then(lag).into_iter().collect()
    }
}

impl<L: LocalLog> BooksLog for LocalStage<L> {
    type State = LocalState<L>;

    fn value_format(&self) -> ValueFormat {
        ValueFormat::Json
    }

    fn books(&mut self, _: Partition) -> Result<Kept<LocalState<L>>, LogError> {
        let published = self.log.position(Stage::Projector, Topic::Journal)?;
        Ok(Kept {
            state: LocalState(self.log.clone()),
            journal_start: 0,
            journal_end: self.log.end(Topic::Journal)?,
            positions_lost: published == 0 && self.log.end(Topic::LedgerEntries)? > 0,
        })
    }
}

/// The state store that a local log keeps.
#[derive(Clone, Debug)]
pub struct LocalState<L>(L);

impl<L: LocalLog> StateStore for LocalState<L> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        self.0.state(key)
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LogError> {
        self.0.state_keys(prefix)
    }

    fn position(&self) -> Result<u64, LogError> {
        self.0.state_position()
    }
}
