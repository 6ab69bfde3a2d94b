//! The projector's loop as single steps over a log.

use daybook_wire::journal;
use daybook_wire::topic::Topic;

use crate::batch::Silent;
use crate::log::{Limit, Log, LogError, Reader, Transaction};
use crate::projection::Projection;
use crate::record::Record;
use crate::store::LogStore;

/// Values of each kind that are kept in memory between batches.
const VALUES_MAX: usize = 20_000;

/// How much one batch takes.
const BATCH: Limit = Limit { records_max: 2_000, bytes_max: 8 << 20 };

/// Why the projector can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// Reading or writing failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state store is of another log, or was written to by something else.
    #[error(
        "state stands at journal offset {state}, ahead of what is published ({published}): \
         it is not the state of these books; start once with --rebuild-state, which makes it anew from the journal"
    )]
    StateAhead {
        /// Where the state stands.
        state: u64,
        /// Up to where outputs are published.
        published: u64,
    },
    /// Outputs without a position: starting over would publish them all again.
    #[error(
        "{entries} entries are published, but no position says up to where in the journal: \
         restore the log from a copy; do not start over it"
    )]
    PositionsLost {
        /// Entries that are published.
        entries: u64,
    },
    /// Positions are beyond the journal's end: records that outputs were made from have vanished.
    #[error(
        "outputs are published up to journal offset {published}, but the journal ends at {end}: \
         journal records have been lost; restore the journal from a copy, do not start over it"
    )]
    JournalLost {
        /// Up to where outputs are published.
        published: u64,
        /// Where the journal ends.
        end: u64,
    },
    /// A journal record can't be read. The journal is written by intake alone: this is damage or a newer release.
    #[error("journal record at offset {offset}: {source}")]
    Journal {
        /// Its offset.
        offset: u64,
        /// What is wrong with it.
        source: journal::JournalError,
    },
}

/// Reads the journal, publishes what it means.
pub struct Projector<L: Log> {
    log: L,
    projection: Projection<LogStore<L>>,
    /// Offset of the next journal record.
    next: u64,
    #[cfg(feature = "negative-controls")]
    controls: crate::controls::Controls,
}

impl<L: Log> Projector<L> {
    /// Brings the state to what is published: a state that lags behind is replayed without publishing.
    /// `progress` is told the offset reached and the offset to reach.
    ///
    /// # Errors
    /// [`ProjectorError`], each with what to do about it.
    pub fn open(log: L, mut progress: impl FnMut(u64, u64)) -> Result<Self, ProjectorError> {
        let published = log.position(Reader::Projector, Topic::Journal)?;
        let end = log.end(Topic::Journal)?;
        if published > end {
            return Err(ProjectorError::JournalLost { published, end });
        }
        let entries = log.end(Topic::LedgerEntries)?;
        if published == 0 && entries > 0 {
            return Err(ProjectorError::PositionsLost { entries });
        }
        let state = log.state_position()?;
        if state > published {
            return Err(ProjectorError::StateAhead { state, published });
        }
        let mut projector = Self {
            projection: Projection::new(LogStore(log.clone())),
            log,
            next: state,
            #[cfg(feature = "negative-controls")]
            controls: crate::controls::Controls::from_env(),
        };
        #[cfg(feature = "negative-controls")]
        projector.projection.set_controls(projector.controls.core);
        while projector.next < published {
            progress(projector.next, published);
            let rest = usize::try_from(published - projector.next).unwrap_or(usize::MAX);
            let limit = Limit { records_max: BATCH.records_max.min(rest), ..BATCH };
            projector.take(limit, &mut Silent)?;
            let transaction = Transaction {
                state: projector.projection.changes(),
                state_position: Some(projector.next),
                ..Transaction::default()
            };
            projector.log.commit(transaction)?;
            projector.projection.settle(Some(VALUES_MAX));
        }
        Ok(projector)
    }

    /// Breaks the projector on purpose.
    #[cfg(feature = "negative-controls")]
    pub fn set_controls(&mut self, controls: daybook_core::state::Controls) {
        self.controls.core = controls;
        self.projection.set_controls(controls);
    }

    /// Offset of the next journal record to be published.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// The projection, for its counts and state.
    pub fn projection(&self) -> &Projection<LogStore<L>> {
        &self.projection
    }

    /// Publishes the next batch of journal records; how many there were. After an error the projector is to be
    /// dropped and opened again: its state may be ahead of what is published.
    ///
    /// # Errors
    /// [`ProjectorError`].
    pub fn step(&mut self) -> Result<usize, ProjectorError> {
        let mut appends: Vec<(Topic, Record)> = Vec::new();
        let taken = self.take(BATCH, &mut appends)?;
        if taken == 0 {
            return Ok(0);
        }
        self.projection.rows(&mut appends);
        let mut position = String::new();
        daybook_wire::output::position(0, self.next, &mut position);
        let value = position.into_bytes();
        appends.push((Topic::ProjectorPositions, Record { key: b"0".into(), value, ..Record::default() }));
        let transaction = Transaction {
            appends,
            positions: vec![(Reader::Projector, Topic::Journal, self.next)],
            state: self.projection.changes(),
            state_position: Some(self.next),
        };
        #[cfg(feature = "negative-controls")]
        let transaction = self.controls.before_commit(&self.log, transaction)?;
        self.log.commit(transaction)?;
        self.projection.settle(Some(VALUES_MAX));
        Ok(taken)
    }

    fn take(
        &mut self,
        limit: Limit,
        outputs: &mut impl crate::batch::Outputs,
    ) -> Result<usize, ProjectorError> {
        let fetched = self.log.read(Topic::Journal, self.next, limit)?;
        for record in &fetched {
            let decoded = journal::decode(&record.record.value)
                .map_err(|source| ProjectorError::Journal { offset: record.offset, source })?;
            self.projection.apply(&decoded, outputs)?;
            self.next = record.offset + 1;
        }
        Ok(fetched.len())
    }
}
