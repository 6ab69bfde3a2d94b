//! Ways to break the product on purpose. Built only for the tests that must notice each of them; chosen by the
//! environment variable `DAYBOOK_NEGATIVE_CONTROL`.
//!
//! `DAYBOOK_NEGATIVE_CONTROL_STOP` names a file: the process that manages to remove it stops itself (SIGSTOP) before its
//! next commit, so that a test can have an instance lose its partitions with a batch at hand.

use std::collections::BTreeMap;

use std::process::Command;

use crate::log::{Append, LogError, Partition, StateChanges, Transaction};

/// What is broken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Controls {
    /// In the projector's core.
    pub core: daybook_core::state::Controls,
    /// Merge state before the transaction that publishes what it means.
    pub state_before_commit: bool,
    /// Panic instead of the first commit.
    pub panic: bool,
    /// Publish as nobody of the group: nothing fences an instance that has lost its partitions.
    pub no_fencing: bool,
    /// Tell every tenth commit's outcome as unknown, as a broker that fails at that moment does. The product has to
    /// get over it.
    pub unknown_commits: bool,
    /// After an unknown outcome go on where the state stands instead of where the outputs do.
    pub no_reconciliation: bool,
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
        let no_reconciliation = chosen == "no-reconciliation";
        Self {
            core,
            state_before_commit: chosen == "state-before-commit",
            panic: chosen == "panic",
            no_fencing: chosen == "no-fencing",
            unknown_commits: chosen == "unknown-commits" || no_reconciliation,
            no_reconciliation,
        }
    }

    /// What becomes of a commit that has worked.
    ///
    /// # Errors
    /// As if its outcome was unknown, where it is to be.
    pub fn after_commit(&self) -> Result<(), LogError> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COMMITS: AtomicU64 = AtomicU64::new(0);
        if self.unknown_commits && COMMITS.fetch_add(1, Ordering::Relaxed) % 10 == 9 {
            return Err(LogError::Unknown("told to".to_owned()));
        }
        Ok(())
    }

    /// What the projector does to a transaction before it commits it; `before` is where each partition's state stands.
    ///
    /// # Errors
    /// Where the log can't be written.
    ///
    /// # Panics
    /// Where it is to.
    pub fn before_commit(
        &self,
        log: &mut impl Append,
        mut transaction: Transaction,
        before: &BTreeMap<Partition, u64>,
    ) -> Result<Transaction, LogError> {
        assert!(!self.panic, "told to");
        if !transaction.appends.is_empty() {
            stop_where_told();
        }
        if !self.state_before_commit {
            return Ok(transaction);
        }
        for state in &mut transaction.state {
            let changes = std::mem::take(&mut state.changes);
            let position = before.get(&state.partition).copied().unwrap_or(0);
            let early = StateChanges { partition: state.partition, changes, position };
            log.commit(Transaction { state: vec![early], ..Transaction::default() })?;
        }
        // The window in which a kill leaves state ahead of what is published; wide, so that one is sure to hit it.
        std::thread::sleep(std::time::Duration::from_millis(50));
        Ok(transaction)
    }
}

/// Stops this process until somebody continues it, where the environment says so.
fn stop_where_told() {
    let told = std::env::var_os("DAYBOOK_NEGATIVE_CONTROL_STOP")
        .is_some_and(|file| std::fs::remove_file(file).is_ok());
    if told {
        let stop = format!("kill -STOP {}", std::process::id());
        if let Err(error) = Command::new("sh").args(["-c", &stop]).status() {
            tracing::error!(%error, "failed to stop as told");
        }
    }
}
