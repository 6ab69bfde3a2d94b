//! Appends from outside (HTTP, `settings apply`): grouped, synced, then acknowledged.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use daybook_wire::topic::Topic;

use crate::log::{Log, LogError, Transaction};
use crate::record::Record;

/// Records that may wait for the log. Beyond it senders are told to come back.
const WAITING_MAX: usize = 10_000;
/// Records that one sync takes.
const GROUP_MAX: usize = 1_000;

/// Why a record was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too many are waiting.
    #[error("the log is {WAITING_MAX} records behind; try again shortly")]
    Overloaded,
    /// The process is shutting down.
    #[error("shutting down")]
    Closed,
    /// The log failed; whether the record is in it is unknown.
    #[error("{0}")]
    Failed(String),
}

/// Told when the record is durable, or why it is not.
pub type Acknowledge = Box<dyn FnOnce(Result<(), AppendError>) + Send>;

struct Request {
    topic: Topic,
    record: Record,
    acknowledge: Acknowledge,
}

/// Hands records to the appender. Clones share it; the appender ends when the last is dropped.
#[derive(Clone)]
pub struct Gateway(SyncSender<Request>);

impl Gateway {
    /// Queues a record. `acknowledge` is called exactly once, also where this can't take the record.
    pub fn append(&self, topic: Topic, record: Record, acknowledge: Acknowledge) {
        match self.0.try_send(Request { topic, record, acknowledge }) {
            Ok(()) => {}
            Err(TrySendError::Full(request)) => (request.acknowledge)(Err(AppendError::Overloaded)),
            Err(TrySendError::Disconnected(request)) => (request.acknowledge)(Err(AppendError::Closed)),
        }
    }
}

/// The appender's side of a gateway.
pub struct Appender<L> {
    log: L,
    requests: Receiver<Request>,
}

/// A gateway to `log` and the appender that has to run for it.
#[must_use]
pub fn gateway<L: Log>(log: L) -> (Gateway, Appender<L>) {
    let (sender, requests) = sync_channel(WAITING_MAX);
    (Gateway(sender), Appender { log, requests })
}

impl<L: Log> Appender<L> {
    /// Appends until the last gateway is dropped and all that waits is done: one sync for all that has gathered
    /// while the one before was under way.
    ///
    /// # Errors
    /// Where the log has failed; whoever waits is told.
    pub fn run(self) -> Result<(), LogError> {
        while let Ok(first) = self.requests.recv() {
            let mut transaction = Transaction::default();
            let mut waiting = Vec::new();
            let rest = std::iter::from_fn(|| self.requests.try_recv().ok());
            for request in std::iter::once(first).chain(rest).take(GROUP_MAX) {
                transaction.appends.push((request.topic, request.record));
                waiting.push(request.acknowledge);
            }
            let outcome = self.log.commit(transaction);
            let told = outcome.as_ref().map_err(|e| AppendError::Failed(e.to_string())).copied();
            for acknowledge in waiting {
                acknowledge(told.clone());
            }
            outcome?;
        }
        Ok(())
    }
}
