//! Ways to break the product on purpose. Built only for the tests that must notice each of them; chosen by the
//! environment variable `DAYBOOK_NEGATIVE_CONTROL`.

use crate::log::{Log, LogError, Transaction};

/// What is broken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Controls {
    /// In the projector's core.
    pub core: daybook_core::state::Controls,
    /// Merge state before the transaction that publishes what it means.
    pub state_before_commit: bool,
    /// Panic instead of the first commit.
    pub panic: bool,
}

impl Controls {
    /// As the environment says.
    #[must_use]
    pub fn from_env() -> Self {
        let chosen = std::env::var("DAYBOOK_NEGATIVE_CONTROL").unwrap_or_default();
        let core = daybook_core::state::Controls {
            no_dedupe: chosen == "no-dedupe",
            no_source_positions: chosen == "no-source-positions",
        };
        Self { core, state_before_commit: chosen == "state-before-commit", panic: chosen == "panic" }
    }

    /// What the projector does to a transaction before it commits it.
    ///
    /// # Errors
    /// Where the log can't be written.
    ///
    /// # Panics
    /// Where it is to.
    pub fn before_commit<L: Log>(&self, log: &L, transaction: Transaction) -> Result<Transaction, LogError> {
        assert!(!self.panic, "told to");
        if !self.state_before_commit {
            return Ok(transaction);
        }
        let state = Transaction { state: transaction.state, ..Transaction::default() };
        log.commit(state)?;
        // The window in which a kill leaves state ahead of what is published; wide, so that one is sure to hit it.
        std::thread::sleep(std::time::Duration::from_millis(50));
        Ok(Transaction { state: Vec::new(), ..transaction })
    }
}
