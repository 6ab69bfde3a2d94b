//! What `/livez` and `/readyz` say: docs/reference/health.md.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use daybook_server::Health;

/// How long brokers may be silent until an instance is not ready any more.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What is known of an instance's parts.
#[derive(Default)]
pub struct InstanceHealth {
    books_read: AtomicBool,
    restored: AtomicBool,
    draining: AtomicBool,
    failure: Mutex<Option<String>>,
    /// When brokers answered last; `None` where there are none.
    answered: Mutex<Option<Instant>>,
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

    /// Brokers have just answered. From the first time on they must again and again.
    pub fn brokers_answer(&self) {
        self.brokers_answered_at(Instant::now());
    }

    fn brokers_answered_at(&self, at: Instant) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// The instance is asked to end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}

impl Health for InstanceHealth {
    fn live(&self) -> Result<(), String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    fn ready(&self) -> Result<(), String> {
        self.live()?;
        if self.draining.load(Ordering::SeqCst) {
            return Err("draining".to_owned());
        }
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.is_some_and(|at| at.elapsed() > SILENCE_MAX) {
            return Err(format!("no broker has answered for {} s", SILENCE_MAX.as_secs()));
        }
        if !self.restored.load(Ordering::SeqCst) {
            return Err("the projector is connecting or restoring its state".to_owned());
        }
        if self.has_read_books() { Ok(()) } else { Err("reading the books".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use daybook_server::Health;

    use super::{InstanceHealth, SILENCE_MAX};

    /// What `/readyz` says after these steps, from the start on; `/livez` says the same where it says anything.
    #[test]
    fn each_situation_says_what_it_is() {
        type Step = fn(&InstanceHealth);
        let restored: Step = |health| health.restored(true);
        let restoring: Step = |health| health.restored(false);
        let read: Step = InstanceHealth::books_read;
        let answered: Step = InstanceHealth::brokers_answer;
        let silent: Step = |health| {
            let long_ago = Instant::now().checked_sub(SILENCE_MAX * 2).expect("the machine runs for longer");
            health.brokers_answered_at(long_ago);
        };
        let drain: Step = InstanceHealth::drain;
        let failed: Step = |health| health.fail("projector");
        let connecting = Err("the projector is connecting or restoring its state");
        let ended = Err("the projector has ended; the log says why");
        for (steps, live, ready) in [
            (vec![], Ok(()), connecting),
            (vec![restored], Ok(()), Err("reading the books")),
            (vec![read], Ok(()), connecting),
            (vec![restored, read], Ok(()), Ok(())),
            (vec![restored, read, restoring], Ok(()), connecting),
            (vec![restored, read, answered], Ok(()), Ok(())),
            (vec![restored, read, silent], Ok(()), Err("no broker has answered for 10 s")),
            (vec![restored, read, silent, answered], Ok(()), Ok(())),
            (vec![restored, read, drain], Ok(()), Err("draining")),
            (vec![restored, read, failed], ended, ended),
            (vec![restored, read, drain, failed], ended, ended),
        ] {
            let health = InstanceHealth::default();
            steps.iter().for_each(|step| step(&health));
            assert_eq!(health.live(), live.map_err(str::to_owned), "alive after {} steps", steps.len());
            assert_eq!(health.ready(), ready.map_err(str::to_owned), "ready after {} steps", steps.len());
        }
    }
}
