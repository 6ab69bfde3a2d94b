//! The projector's loop as single steps over a log.

use std::collections::BTreeMap;
use std::time::Duration;

use daybook_core::name::Name;
use daybook_core::state::Books;
use daybook_wire::journal;
use daybook_wire::topic::Topic;

use crate::log::{BooksLog, Limit, LogError, Partition, Polled, Position, Transaction};
use crate::partition::PartitionBooks;
use crate::projection::Counts;
use crate::record::{Fetched, Record};

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
        "state of journal partition {partition} stands at offset {state}, ahead of what is published ({published}): \
         it is not the state of these books; start once with --rebuild-state, which makes it anew from the journal"
    )]
    StateAhead {
        /// The journal partition.
        partition: Partition,
        /// Where the state stands.
        state: u64,
        /// Up to where outputs are published.
        published: u64,
    },
    /// Outputs without a position: starting over would publish them all again.
    #[error(
        "projector.positions does not say up to where in the journal entries are published, or says less than the group's \
         offsets: restore it from a copy; do not start over it, nor with --rebuild-state"
    )]
    PositionsLost,
    /// Positions are beyond the journal's end: records that outputs were made from have vanished.
    #[error(
        "outputs are published up to offset {published} of journal partition {partition}, but it ends at {end}: \
         journal records have been lost; restore the journal from a copy, do not start over it"
    )]
    JournalLost {
        /// The journal partition.
        partition: Partition,
        /// Up to where outputs are published.
        published: u64,
        /// Where the journal ends.
        end: u64,
    },
    /// Records that the state has yet to see are gone from the journal.
    #[error(
        "journal partition {partition} begins at offset {start}, but its state stands at {state}: records of the book of \
         original entry have been deleted; restore the journal from a copy, or this instance's state folder"
    )]
    JournalCut {
        /// The journal partition.
        partition: Partition,
        /// Where the journal begins.
        start: u64,
        /// Where the state stands.
        state: u64,
    },
    /// A journal record can't be read. The journal is written by intake alone: this is damage or a newer release.
    #[error("journal record at offset {offset} of partition {partition}: {source}")]
    Journal {
        /// The journal partition.
        partition: Partition,
        /// Its offset.
        offset: u64,
        /// What is wrong with it.
        source: journal::JournalError,
    },
}

impl ProjectorError {
    /// Whether a projector that is made again can go on.
    #[must_use]
    pub fn is_recoverable(&self) -> bool {
        matches!(self, ProjectorError::Log(error) if error.is_recoverable())
    }
}

/// Reads the journal, publishes what it means.
pub struct Projector<L: BooksLog> {
    log: L,
    partitions: BTreeMap<Partition, PartitionBooks<L::State>>,
    outputs: Vec<Topic>,
    counts: Counts,
    #[cfg(feature = "negative-controls")]
    controls: crate::controls::Controls,
}

impl<L: BooksLog> Projector<L> {
    /// A projector that goes on where its side of the log says, and publishes to `outputs` alone; entries, positions
    /// and dead letters in any case.
    pub fn new(log: L, outputs: &[Topic]) -> Self {
        Self {
            log,
            partitions: BTreeMap::new(),
            outputs: outputs.to_vec(),
            counts: Counts::default(),
            #[cfg(feature = "negative-controls")]
            controls: crate::controls::Controls::from_env(),
        }
    }

    /// Breaks the projector on purpose.
    #[cfg(feature = "negative-controls")]
    pub fn set_controls(&mut self, controls: daybook_core::state::Controls) {
        self.controls.core = controls;
    }

    /// What it has published since it was made.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Its side of the log.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// The partitions that it has, with the offset of the next journal record and that of the first to be published:
    /// below it, the state is being restored.
    pub fn partitions(&self) -> impl Iterator<Item = (Partition, u64, u64)> {
        self.partitions.iter().map(|(partition, books)| (*partition, books.next(), books.published()))
    }

    /// The books that it has, by project.
    pub fn books(&self) -> impl Iterator<Item = (&Name, &Books)> {
        self.partitions.values().flat_map(PartitionBooks::books)
    }

    /// Publishes the next batch of journal records, waiting for one at most `wait`; how many there were. After an
    /// error the projector is to be dropped and made again: its state may be ahead of what is published.
    ///
    /// # Errors
    /// [`ProjectorError`].
    pub fn step(&mut self, wait: Duration) -> Result<usize, ProjectorError> {
        loop {
            match self.log.poll(Topic::Journal, BATCH, wait)? {
                Polled::Records(records) => return self.publish(&records),
                Polled::Gained { partition, position } => self.gain(partition, position)?,
                Polled::Lost(partition) => {
                    self.partitions.remove(&partition);
                }
                Polled::Nothing => return Ok(0),
            }
        }
    }

    fn gain(&mut self, partition: Partition, published: u64) -> Result<(), ProjectorError> {
        let kept = self.log.books(partition)?;
        let books = PartitionBooks::open(partition, published, kept, &self.outputs, self.log.value_format())?;
        #[cfg(feature = "negative-controls")]
        let books = books.broken(self.controls.core);
        self.partitions.insert(partition, books);
        Ok(())
    }

    fn publish(&mut self, records: &[(Partition, Fetched)]) -> Result<usize, ProjectorError> {
        #[cfg(feature = "negative-controls")]
        let before = self.partitions.iter().map(|(partition, books)| (*partition, books.next())).collect();
        let mut appends: Vec<(Topic, Record)> = Vec::new();
        for (partition, fetched) in records {
            if let Some(books) = self.partitions.get_mut(partition) {
                books.take(fetched, &mut appends)?;
            }
        }
        let mut transaction = Transaction::default();
        for books in self.partitions.values_mut().filter(|books| books.is_touched()) {
            if let Some(offset) = books.finish(&mut appends) {
                let (topic, partition) = (Topic::Journal, books.partition());
                transaction.positions.push(Position { topic, partition, offset });
            }
            transaction.state.push(books.changes());
        }
        transaction.appends = appends;
        #[cfg(feature = "negative-controls")]
        let transaction = self.controls.before_commit(&mut self.log, transaction, &before)?;
        self.log.commit(transaction)?;
        for books in self.partitions.values_mut().filter(|books| books.is_touched()) {
            self.counts.add(&books.settle());
        }
        Ok(records.len())
    }
}
