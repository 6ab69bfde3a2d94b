//! Appends from outside (HTTP, `settings apply`): grouped, synced, then acknowledged.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use daybook_wire::topic::Topic;

use crate::log::{Append, LogError, Transaction};
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

enum Message {
    Append(Request),
    Close,
}

struct Request {
    topic: Topic,
    record: Record,
    acknowledge: Acknowledge,
}

/// Hands records to the appender. Clones share it.
#[derive(Clone)]
pub struct Gateway(SyncSender<Message>);

impl Gateway {
    /// Queues a record. `acknowledge` is called exactly once, also where this can't take the record.
    pub fn append(&self, topic: Topic, record: Record, acknowledge: Acknowledge) {
        match self.0.try_send(Message::Append(Request { topic, record, acknowledge })) {
            Ok(()) | Err(TrySendError::Full(Message::Close) | TrySendError::Disconnected(Message::Close)) => {
            }
            Err(TrySendError::Full(Message::Append(request))) => {
                (request.acknowledge)(Err(AppendError::Overloaded));
            }
            Err(TrySendError::Disconnected(Message::Append(request))) => {
                (request.acknowledge)(Err(AppendError::Closed));
            }
        }
    }

    /// Takes nothing more: the appender appends what waits and ends, whoever still holds a gateway.
    pub fn close(&self) {
        // An appender that has ended already is closed.
        let _ = self.0.send(Message::Close);
    }
}

/// The appender's side of a gateway.
pub struct Appender<L> {
    log: L,
    requests: Receiver<Message>,
}

/// A gateway to `log` and the appender that has to run for it.
#[must_use]
pub fn gateway<L: Append>(log: L) -> (Gateway, Appender<L>) {
    let (sender, requests) = sync_channel(WAITING_MAX);
    (Gateway(sender), Appender { log, requests })
}

impl<L: Append> Appender<L> {
    /// Appends until the gateway is closed: one sync for all that has gathered while the one before was under way.
    ///
    /// # Errors
    /// Where the log has failed; whoever waits is told.
    pub fn run(mut self) -> Result<(), LogError> {
        let outcome = self.append_all();
        // Who has come too late is told as well.
        while let Ok(message) = self.requests.try_recv() {
            if let Message::Append(request) = message {
                (request.acknowledge)(Err(AppendError::Closed));
            }
        }
        outcome
    }

    fn append_all(&mut self) -> Result<(), LogError> {
        let mut open = true;
        while open {
            let Ok(first) = self.requests.recv() else { return Ok(()) };
            let mut transaction = Transaction::default();
            let mut waiting = Vec::new();
            let rest = std::iter::from_fn(|| self.requests.try_recv().ok());
            for message in std::iter::once(first).chain(rest).take(GROUP_MAX) {
                match message {
                    Message::Append(request) => {
                        transaction.appends.push((request.topic, request.record));
                        waiting.push(request.acknowledge);
                    }
                    Message::Close => open = false,
                }
            }
            if waiting.is_empty() {
                continue;
            }
            let outcome = self.log.commit(transaction);
            let told = outcome.as_ref().map_err(|e| AppendError::Failed(e.to_string())).copied();
            for acknowledge in waiting {
                acknowledge(told.clone());
            }
            match outcome {
                // Who sent it is told, and may send again.
                Err(error) if error.is_recoverable() => tracing::warn!(%error, "records were not appended"),
                outcome => outcome?,
            }
        }
        Ok(())
    }
}
