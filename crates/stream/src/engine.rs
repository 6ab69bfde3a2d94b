//! Intake and projector of one process on the embedded log, taking turns until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daybook_core::name::Name;
use daybook_wire::topic::Topic;

use crate::clock::Clock;
use crate::embedded::EmbeddedLog;
use crate::intake::{Intake, IntakeSettings};
use crate::log::{Log, LogError};
use crate::metrics::Metrics;
use crate::projector::{Projector, ProjectorError};

/// How long an idle engine sleeps at most before it looks for something that is due.
const IDLE: Duration = Duration::from_millis(250);

/// What the engine tells of itself after every turn.
pub trait Observer: Send {
    /// Project, events accepted and duplicates so far, from the journal's start, of every project that is open.
    fn counted(&self, counts: &mut dyn Iterator<Item = (&str, u64, u64)>);
}

/// Tells an engine to stop once it has nothing left to do.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for it.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The engine.
pub struct Engine<C> {
    log: EmbeddedLog,
    intake: Intake<EmbeddedLog, C>,
    projector: Projector<EmbeddedLog>,
    metrics: Metrics,
}

impl<C: Clock> Engine<C> {
    /// Opens intake and projector; the state is restored where it lags behind, which `progress` is told of.
    ///
    /// # Errors
    /// [`ProjectorError`].
    pub fn open(
        log: EmbeddedLog,
        clock: C,
        settings: IntakeSettings,
        metrics: Metrics,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, ProjectorError> {
        let projector = Projector::open(log.clone(), |done, of| {
            metrics.restore(done, of);
            progress(done, of);
        })?;
        metrics.restore(1, 1);
        Ok(Self { intake: Intake::open(log.clone(), clock, settings)?, projector, log, metrics })
    }

    /// Runs until `stop` is asked for and everything that was appended by then is in the books.
    ///
    /// # Errors
    /// [`ProjectorError`]; the engine is then to be opened again.
    pub fn run(mut self, stop: &Stop, observer: &dyn Observer) -> Result<(), ProjectorError> {
        self.observe(observer)?;
        loop {
            let stopping = stop.is_asked();
            let busy = self.turn()?;
            self.observe(observer)?;
            if busy {
                continue;
            }
            if stopping {
                return Ok(());
            }
            self.tick()?;
            self.metrics.disk(self.log.disk_bytes());
            let next = self.intake.charges_position();
            // The answer does not matter: the next turn looks at every topic.
            let _ = self.log.wait_for(Topic::Charges, next, IDLE);
        }
    }

    /// One step of each; whether either had something to do.
    fn turn(&mut self) -> Result<bool, ProjectorError> {
        let before = self.intake.counts().clone();
        let taken = self.intake.step()?;
        self.metrics.intake(&before, self.intake.counts());
        let before = self.projector.projection().counts().clone();
        let published = self.projector.step()?;
        self.metrics.projector(&before, self.projector.projection().counts());
        Ok(taken + published > 0)
    }

    /// Appends ticks for projects in which something is due (3.2): only when there is nothing else to do.
    fn tick(&mut self) -> Result<(), LogError> {
        let now_ms = self.intake.now_ms();
        let books = self.projector.projection().state().books();
        let due: Vec<Name> = books
            .filter(|(_, books)| books.next_due_ms().is_some_and(|at| at <= now_ms))
            .map(|(project, _)| project.clone())
            .collect();
        if due.is_empty() { Ok(()) } else { self.intake.tick(&due) }
    }

    fn observe(&self, observer: &dyn Observer) -> Result<(), LogError> {
        let lag = |topic, position: u64| Ok::<_, LogError>(self.log.end(topic)?.saturating_sub(position));
        self.metrics.lag("intake", lag(Topic::Charges, self.intake.charges_position())?);
        self.metrics.lag("projector", lag(Topic::Journal, self.projector.position())?);
        for (project, books) in self.projector.projection().state().books() {
            let head = books.head();
            self.metrics.chain_height(project, head.entry_number);
        }
        let books = self.projector.projection().state().books();
        observer.counted(&mut books.map(|(p, b)| (&**p, b.head().accepted, b.head().duplicates)));
        Ok(())
    }
}
