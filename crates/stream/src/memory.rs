//! A log in memory that fails where it is told to: for simulations and tests.
//!
//! Unlike the embedded log it keeps the state store beside the log, as one behind Kafka does: state is merged after
//! the commit, in a step of its own, so that a crash can fall between the two.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daybook_wire::topic::Topic;

use crate::local::LocalLog;
use crate::log::{Limit, LogError, Stage, Transaction};
use crate::record::{Fetched, Record};

/// What the next commit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It works.
    None,
    /// It is aborted.
    Abort,
    /// Nothing is written, and the caller can't know.
    LostUnknown,
    /// All is written but the state, and the caller can't know.
    WrittenUnknown,
    /// Records are written but not the reader's position, and the caller can't know: what an idempotent producer
    /// without transactions does when it dies.
    AppendedUnknown,
}

#[derive(Debug, Default)]
struct Inner {
    topics: BTreeMap<Topic, Vec<Record>>,
    positions: BTreeMap<(Stage, Topic), u64>,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    state_position: u64,
    faults: VecDeque<Fault>,
}

/// The log. Compacted topics keep all their records.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog(Arc<Mutex<Inner>>);

impl MemoryLog {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next commits do, in order; after that they work.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner().faults.extend(faults);
    }

    /// Forgets the faults that have not come yet.
    pub fn clear_faults(&self) {
        self.inner().faults.clear();
    }

    /// All records of a topic.
    #[must_use]
    pub fn all(&self, topic: Topic) -> Vec<Record> {
        self.inner().topics.get(&topic).cloned().unwrap_or_default()
    }

    /// Drops the state store, as if its disk was lost.
    pub fn lose_state(&self) {
        let mut inner = self.inner();
        inner.state.clear();
        inner.state_position = 0;
    }
}

impl LocalLog for MemoryLog {
    fn read(&self, topic: Topic, from: u64, limit: Limit) -> Result<Vec<Fetched>, LogError> {
        let inner = self.inner();
        let records = inner.topics.get(&topic).map(Vec::as_slice).unwrap_or_default();
        let mut bytes = 0;
        let fetched = (from..).zip(records.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)));
        Ok(fetched
            .take(limit.records_max)
            .take_while(|(_, record)| {
                let fits = bytes == 0 || bytes + record.value.len() <= limit.bytes_max;
                bytes += record.value.len().max(1);
                fits
            })
            .map(|(offset, record)| Fetched { offset, record: record.clone() })
            .collect())
    }

    fn end(&self, topic: Topic) -> Result<u64, LogError> {
        Ok(self.inner().topics.get(&topic).map_or(0, |t| t.len() as u64))
    }

    fn wait_for(&self, topic: Topic, offset: u64, _: Duration) -> bool {
        self.end(topic).is_ok_and(|end| end > offset)
    }

    fn position(&self, stage: Stage, topic: Topic) -> Result<u64, LogError> {
        Ok(self.inner().positions.get(&(stage, topic)).copied().unwrap_or(0))
    }

    fn commit(&self, stage: Stage, transaction: Transaction) -> Result<(), LogError> {
        let mut inner = self.inner();
        let fault = inner.faults.pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::Abort => return Err(LogError::Aborted("told to".to_owned())),
            Fault::LostUnknown => return Err(LogError::Unknown("told to".to_owned())),
            Fault::None | Fault::WrittenUnknown | Fault::AppendedUnknown => {}
        }
        for (topic, record) in transaction.appends {
            inner.topics.entry(topic).or_default().push(record);
        }
        if fault == Fault::AppendedUnknown {
            return Err(LogError::Unknown("told to".to_owned()));
        }
        for position in transaction.positions {
            inner.positions.insert((stage, position.topic), position.offset);
        }
        if fault == Fault::WrittenUnknown {
            return Err(LogError::Unknown("told to".to_owned()));
        }
        for state in transaction.state {
            for (key, value) in state.changes {
                match value {
                    Some(value) => inner.state.insert(key, value),
                    None => inner.state.remove(&key),
                };
            }
            inner.state_position = state.position;
        }
        Ok(())
    }

    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.inner().state.get(key).cloned())
    }

    fn state_keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LogError> {
        let inner = self.inner();
        let from = inner.state.range(prefix.to_vec()..);
        Ok(from.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect())
    }

    fn state_position(&self) -> Result<u64, LogError> {
        Ok(self.inner().state_position)
    }
}
