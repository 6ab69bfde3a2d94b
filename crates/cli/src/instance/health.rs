//! What `/livez` and `/readyz` say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use daybook_server::Health;

/// What is known of an instance's parts.
#[derive(Default)]
pub struct InstanceHealth {
    books_read: AtomicBool,
    restored: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl InstanceHealth {
    /// Notes that a part has ended. Anybody may read it, so it says no more; the log does.
    pub fn fail(&self, part: &str) {
        let why = || format!("the {part} has ended; the log says why");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(why);
    }

    /// The read model has seen what there was at the start.
    pub fn books_read(&self) {
        self.books_read.store(true, Ordering::SeqCst);
    }

    /// Whether it has.
    pub fn has_read_books(&self) -> bool {
        self.books_read.load(Ordering::SeqCst)
    }

    /// Whether the projector is connected and the state of each of its partitions restored.
    pub fn restored(&self, restored: bool) {
        self.restored.store(restored, Ordering::SeqCst);
    }
}

impl Health for InstanceHealth {
    fn live(&self) -> Result<(), String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    fn ready(&self) -> Result<(), String> {
        self.live()?;
        if !self.restored.load(Ordering::SeqCst) {
            return Err("the projector is connecting or restoring its state".to_owned());
        }
        if self.has_read_books() { Ok(()) } else { Err("reading the books".to_owned()) }
    }
}
