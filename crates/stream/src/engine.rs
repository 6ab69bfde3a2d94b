//! Intake and projector as loops, each in a thread of its own, until told to stop.
//!
//! A stage whose log says that an outcome is unknown is dropped and made again, as after a crash: what is committed
//! is read back, never assumed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use daybook_core::name::Name;
use daybook_core::state::Books;
use daybook_wire::topic::Topic;

use crate::clock::Clock;
use crate::decoder::IntakeSettings;
use crate::intake::{Intake, IntakeCounts};
use crate::log::{BooksLog, Log, LogError, Stage};
use crate::measured::Measured;
use crate::metrics::Metrics;
use crate::projection::Counts;
use crate::projector::{Projector, ProjectorError};

/// How long an idle stage waits at most before it looks for something that is due.
const IDLE: Duration = Duration::from_millis(250);
/// How often a stage tells of itself while it is busy.
const OBSERVED_EVERY: Duration = Duration::from_millis(200);
/// How often projects are looked through for something that is due.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// How long a stage that has failed waits before it is made again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What the projector tells of itself.
pub trait Observer: Send {
    /// Project, events accepted and duplicates so far, from the journal's start, of every project that it has.
    fn counted(&self, counts: &mut dyn Iterator<Item = (&str, u64, u64)>);

    /// Whether it has partitions, and the state of each is restored.
    fn ready(&self, ready: bool);
}

/// When a stage stops.
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

/// What a stage does when it is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It goes on until it has nothing left to do: nobody else would.
    Drains,
    /// It leaves after the step under way: others go on where it was.
    Leaves,
}

/// What both loops run with.
pub struct Running<'a> {
    /// When to stop.
    pub stop: &'a Stop,
    /// How.
    pub ending: Ending,
    /// Where to count.
    pub metrics: &'a Metrics,
}

/// How long to wait before the next attempt.
fn backoff() -> impl Iterator<Item = Duration> {
    let (min, max) = BACKOFF;
    ExponentialBuilder::default()
        .with_min_delay(min)
        .with_max_delay(max)
        .with_jitter()
        .without_max_times()
        .build()
}

impl Running<'_> {
    /// Runs `attempt` until it ends well or can't be recovered; it says whether a step has worked by resetting the
    /// backoff.
    fn recovering<E: std::fmt::Display>(
        &self,
        stage: Stage,
        is_recoverable: impl Fn(&E) -> bool,
        mut attempt: impl FnMut(&mut bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut waits = backoff();
        loop {
            let mut worked = false;
            match attempt(&mut worked) {
                Err(error) if is_recoverable(&error) => {
                    self.metrics.reopened(stage);
                    if worked {
                        waits = backoff();
                    }
                    let wait = waits.next().unwrap_or(BACKOFF.1);
                    tracing::warn!(%error, "{} starts again from what is committed", stage.name());
                    std::thread::sleep(wait);
                    if self.stop.is_asked() && self.ending == Ending::Leaves {
                        return Ok(());
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs intake; `ticks` names projects in whose books something is due.
    ///
    /// # Errors
    /// What can't be recovered.
    pub fn intake<L: Log, C: Clock + Clone>(
        &self,
        mut open: impl FnMut() -> Result<L, LogError>,
        clock: &C,
        settings: &IntakeSettings,
        ticks: &Receiver<Name>,
    ) -> Result<(), LogError> {
        self.recovering(Stage::Intake, LogError::is_recoverable, |worked| {
            let log = Measured::new(open()?, Stage::Intake, self.metrics);
            let mut intake = Intake::new(log, clock.clone(), settings.clone());
            let mut counted = IntakeCounts::default();
            let mut observed = None;
            loop {
                let stopping = self.stop.is_asked();
                let wait = if stopping { Duration::ZERO } else { IDLE };
                let taken = intake.step(wait)?;
                *worked = true;
                self.metrics.intake(&counted, intake.counts());
                counted.clone_from(intake.counts());
                self.metrics.intake_waiting(intake.is_waiting());
                if taken == 0 || is_due(&mut observed) {
                    for topic in [Topic::Charges, Topic::Spend] {
                        intake.log().tell_lag(topic, clock.now_ms());
                    }
                }
                if stopping && (taken == 0 || self.ending == Ending::Leaves) {
                    return Ok(());
                }
                let due: Vec<Name> = ticks.try_iter().collect();
                if !due.is_empty() {
                    intake.tick(&due)?;
                }
            }
        })
    }

    /// Runs the projector, which publishes to `outputs`.
    ///
    /// # Errors
    /// What can't be recovered.
    pub fn projector<L: BooksLog, C: Clock>(
        &self,
        mut open: impl FnMut() -> Result<L, LogError>,
        outputs: &[Topic],
        clock: &C,
        ticks: &Sender<Name>,
        observer: &dyn Observer,
    ) -> Result<(), ProjectorError> {
        self.recovering(Stage::Projector, ProjectorError::is_recoverable, |worked| {
            observer.ready(false);
            let log = Measured::new(open()?, Stage::Projector, self.metrics);
            let mut projector = Projector::new(log, outputs);
            let mut counted = Counts::default();
            let (mut observed, mut ticked) = (None, Instant::now());
            loop {
                let stopping = self.stop.is_asked();
                let wait = if stopping { Duration::ZERO } else { IDLE };
                let published = projector.step(wait)?;
                *worked = true;
                self.metrics.projector(&counted, projector.counts());
                counted.clone_from(projector.counts());
                if published == 0 || is_due(&mut observed) {
                    projector.log().tell_lag(Topic::Journal, clock.now_ms());
                    self.observe(&projector, observer);
                }
                if stopping && (published == 0 || self.ending == Ending::Leaves) {
                    return Ok(());
                }
                if ticked.elapsed() >= TICK_EVERY {
                    ticked = Instant::now();
                    let now_ms = clock.now_ms();
                    for project in due(projector.books(), now_ms) {
                        // Without an intake nobody needs to know.
                        let _ = ticks.send(project);
                    }
                }
            }
        })
    }

    fn observe<L: BooksLog>(&self, projector: &Projector<L>, observer: &dyn Observer) {
        self.metrics.partitions(projector.partitions());
        let heights = projector.books().map(|(project, books)| (&**project, books.head().entry_number));
        self.metrics.chain_heights(heights);
        observer.counted(&mut projector.books().map(|(p, b)| (&**p, b.head().accepted, b.head().duplicates)));
        observer.ready(projector.partitions().all(|(_, next, published)| next >= published));
    }
}

/// Whether it is time to tell of a stage again.
fn is_due(observed: &mut Option<Instant>) -> bool {
    let due = observed.is_none_or(|at| at.elapsed() >= OBSERVED_EVERY);
    if due {
        *observed = Some(Instant::now());
    }
    due
}

/// Projects in which something is due by their clock, but not yet by their journal (3.2).
fn due<'a>(books: impl Iterator<Item = (&'a Name, &'a Books)>, now_ms: i64) -> Vec<Name> {
    books
        .filter(|(_, books)| books.next_due_ms().is_some_and(|at| at <= now_ms))
        .map(|(project, _)| project.clone())
        .collect()
}
