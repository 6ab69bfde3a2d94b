//! Threads that end the instance when they fail.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use daybook_stream::engine::Stop;

use super::health::InstanceHealth;

/// Waits until a thread has ended, and says how.
pub fn joined(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    let name = thread.thread().name().unwrap_or("a").to_owned();
    thread.join().unwrap_or_else(|_| Err(anyhow!("the {name} thread has panicked; the log says where")))
}

/// Ends the instance where one of its threads does not end well: half an instance would take events and book none.
#[derive(Clone)]
pub struct Watch {
    /// Where a failure is told.
    pub health: Arc<InstanceHealth>,
    /// What is asked to stop then.
    pub stops: Vec<Stop>,
}

impl Watch {
    /// Starts a thread.
    pub fn spawn(
        &self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        let watched = Watched { name, watch: self.clone(), ended_well: false };
        let work = move || {
            let mut watched = watched;
            let outcome = work();
            if let Err(error) = &outcome {
                tracing::error!(error = format!("{error:#}"), "the {name} has failed");
            }
            watched.ended_well = outcome.is_ok();
            outcome
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .with_context(|| format!("failed to start the {name} thread"))
    }
}

/// Dropped when its thread ends, also by a panic.
struct Watched {
    name: &'static str,
    watch: Watch,
    ended_well: bool,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended_well {
            self.watch.health.fail(self.name);
            self.watch.stops.iter().for_each(Stop::ask);
        }
    }
}
