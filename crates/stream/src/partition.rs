//! The books of one journal partition: its projection, and how far it is published.

use daybook_core::name::Name;
use daybook_core::state::Books;
use daybook_wire::journal;
use daybook_wire::topic::Topic;

use crate::batch::Silent;
use crate::format::ValueFormat;
use crate::log::{Kept, Partition, StateChange, StateChanges, StateStore};
use crate::projection::{Counts, Projection};
use crate::projector::ProjectorError;
use crate::record::{Fetched, Record};
use crate::store::StoredState;

/// Values of each kind that are kept in memory between batches.
const VALUES_MAX: usize = 20_000;

/// The books of a partition.
pub(crate) struct PartitionBooks<S: StateStore> {
    partition: Partition,
    projection: Projection<StoredState<S>>,
    /// Offset of the next journal record.
    next: u64,
    /// Offset of the first journal record to be published: what lies below only restores the state.
    published: u64,
    /// What the batch under way has restored before it came to what is to be published.
    restored: Vec<StateChange>,
    restoring: bool,
    touched: bool,
}

impl<S: StateStore> PartitionBooks<S> {
    /// The books as the log keeps them, checked against what is published.
    ///
    /// # Errors
    /// [`ProjectorError`], each with what to do about it.
    pub(crate) fn open(
        partition: Partition,
        published: u64,
        kept: Kept<S>,
        outputs: &[Topic],
        format: ValueFormat,
    ) -> Result<Self, ProjectorError> {
        let Kept { state, journal_start, journal_end, positions_lost } = kept;
        if positions_lost {
            return Err(ProjectorError::PositionsLost);
        }
        if published > journal_end {
            return Err(ProjectorError::JournalLost { partition, published, end: journal_end });
        }
        let next = state.position()?;
        if next > published {
            return Err(ProjectorError::StateAhead { partition, state: next, published });
        }
        if next < journal_start {
            return Err(ProjectorError::JournalCut { partition, start: journal_start, state: next });
        }
        let stored = StoredState(state);
        let projects = stored.projects()?;
        let mut projection = Projection::new(stored);
        projection.publish_to(outputs, format);
        // Time runs in the books of a project whether it has events or not.
        projection.open(&projects)?;
        let restoring = next < published;
        Ok(Self { partition, projection, next, published, restored: Vec::new(), restoring, touched: false })
    }

    #[cfg(feature = "negative-controls")]
    pub(crate) fn broken(mut self, controls: daybook_core::state::Controls) -> Self {
        self.projection.set_controls(controls);
        self
    }

    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn published(&self) -> u64 {
        self.published
    }

    /// Whether a batch has begun and is not settled.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    pub(crate) fn books(&self) -> impl Iterator<Item = (&Name, &Books)> {
        self.projection.state().books()
    }

    /// Applies a journal record; what was published before says nothing.
    pub(crate) fn take(
        &mut self,
        fetched: &Fetched,
        appends: &mut Vec<(Topic, Record)>,
    ) -> Result<(), ProjectorError> {
        self.touched = true;
        let decoded = journal::decode(&fetched.record.value).map_err(|source| ProjectorError::Journal {
            partition: self.partition,
            offset: fetched.offset,
            source,
        })?;
        if fetched.offset < self.published {
            self.projection.apply(&decoded, &mut Silent)?;
        } else {
            if self.restoring {
                // Rows that the restored part has touched are published already.
                self.restored = self.projection.changes();
                self.end_of_restored();
            }
            self.projection.carry(fetched.record.travelling());
            self.projection.apply(&decoded, appends)?;
        }
        self.next = fetched.offset + 1;
        Ok(())
    }

    /// Ends the batch: its rows, and the position up to which it publishes; `None` where it only restores.
    pub(crate) fn finish(&mut self, appends: &mut Vec<(Topic, Record)>) -> Option<u64> {
        if self.next <= self.published {
            return None;
        }
        self.projection.rows(appends);
        self.projection.position(self.partition, self.next, appends);
        Some(self.next)
    }

    /// What the batch changes in the state.
    pub(crate) fn changes(&mut self) -> StateChanges {
        let mut changes = std::mem::take(&mut self.restored);
        changes.append(&mut self.projection.changes());
        StateChanges { partition: self.partition, changes, position: self.next }
    }

    /// The batch is committed; what it published.
    pub(crate) fn settle(&mut self) -> Counts {
        self.touched = false;
        self.projection.settle(Some(VALUES_MAX));
        if self.restoring && self.next >= self.published {
            self.end_of_restored();
        }
        if self.restoring { Counts::default() } else { self.projection.take_counts() }
    }

    /// What was applied so far was published before: it counts for nothing.
    fn end_of_restored(&mut self) {
        self.restoring = false;
        self.projection.settle(None);
        self.projection.take_counts();
    }
}
