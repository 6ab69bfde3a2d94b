//! The state folder of an instance: the projector's state of every journal partition that it has had.
//!
//! It is a cache of the journal. Writes reach the operating system alone, not the disk: a batch is there whole with its
//! position or not at all, and what a power cut takes is replayed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, PersistMode};

use crate::database;
use crate::embedded::OpenError;
use crate::log::{LogError, Partition, StateChanges, StateStore};

/// Blocks read from disk are cached up to this.
const CACHE_BYTES: u64 = 16 << 20;
/// What has not yet been sorted into tables: one keyspace for all partitions, so that this is all there is. A small one
/// is searched faster than a large one, and most look-ups find nothing.
const MEMTABLE_BYTES: u64 = 8 << 20;

const OWNER_KEY: &[u8] = b"owner";
const INSTANCE_KEY: &[u8] = b"instance";

/// The folder. It belongs to one process at a time. Clones share it.
#[derive(Clone)]
pub struct StateFolder(Arc<Inner>);

struct Inner {
    db: Database,
    values: Keyspace,
    meta: Keyspace,
    path: PathBuf,
}

fn failed(error: fjall::Error) -> LogError {
    LogError::Failed(Box::new(error))
}

fn position_key(partition: Partition) -> Vec<u8> {
    [b"position".as_slice(), &partition.to_be_bytes()].concat()
}

impl StateFolder {
    /// Opens the folder, which is made where there is none.
    ///
    /// # Errors
    /// Where another process has it, or it can't be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let db = database::open(path, CACHE_BYTES)?;
        let values = database::keyspace(&db, path, "journal-state", MEMTABLE_BYTES)?;
        let meta = database::keyspace(&db, path, "journal-state-meta", 1 << 20)?;
        Ok(Self(Arc::new(Inner { db, values, meta, path: path.to_owned() })))
    }

    /// What tells this folder's instance from others: made by `make` once, then the same for good.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn instance(&self, make: impl FnOnce() -> String) -> Result<String, LogError> {
        if let Some(known) = self.0.meta.get(INSTANCE_KEY).map_err(failed)? {
            return Ok(String::from_utf8_lossy(&known).into_owned());
        }
        let made = make();
        self.0.meta.insert(INSTANCE_KEY, made.as_bytes()).map_err(failed)?;
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)?;
        Ok(made)
    }

    /// Says whose state it is: cluster, journal, group and format. State of somebody else's books is dropped.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn belongs_to(&self, owner: &str) -> Result<(), LogError> {
        let owner = format!("{owner} format {}", daybook_wire::state::FORMAT);
        let known = self.0.meta.get(OWNER_KEY).map_err(failed)?;
        if known.as_deref() == Some(owner.as_bytes()) {
            return Ok(());
        }
        if known.is_some() {
            tracing::warn!(folder = %self.0.path.display(), "state of other books or another release: it is made anew");
        }
        self.clear()?;
        self.0.meta.insert(OWNER_KEY, owner.as_bytes()).map_err(failed)?;
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)
    }

    /// Drops all state; it is rebuilt from the journal.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn clear(&self) -> Result<(), LogError> {
        // The owner and the positions first: values without them are of no books.
        let keys =
            self.0.meta.iter().map(|guard| guard.key()).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        for key in keys.iter().filter(|key| &***key != INSTANCE_KEY) {
            self.0.meta.remove(key.clone()).map_err(failed)?;
        }
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)?;
        self.0.values.clear().map_err(failed)?;
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)
    }

    /// The state of a journal partition.
    #[must_use]
    pub fn partition(&self, partition: Partition) -> PartitionState {
        PartitionState { folder: self.clone(), partition }
    }

    /// Takes over what committed batches have changed: all of it or nothing.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn merge(&self, batches: Vec<StateChanges>) -> Result<(), LogError> {
        let mut batch = self.0.db.batch().durability(Some(PersistMode::Buffer));
        for StateChanges { partition, changes, position } in batches {
            for (key, value) in changes {
                let key = placed(partition, &key);
                match value {
                    Some(value) => batch.insert(&self.0.values, key, value),
                    None => batch.remove(&self.0.values, key),
                }
            }
            batch.insert(&self.0.meta, position_key(partition), position.to_be_bytes());
        }
        batch.commit().map_err(failed)
    }

    /// Bytes that the folder takes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.0.db.disk_space().unwrap_or(0)
    }
}

/// A key among those of its partition.
fn placed(partition: Partition, key: &[u8]) -> Vec<u8> {
    [partition.to_be_bytes().as_slice(), key].concat()
}

/// The state of one journal partition.
#[derive(Clone)]
pub struct PartitionState {
    folder: StateFolder,
    partition: Partition,
}

impl StateStore for PartitionState {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        let value = self.folder.0.values.get(placed(self.partition, key)).map_err(failed)?;
        Ok(value.map(|v| v.to_vec()))
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LogError> {
        let placed = placed(self.partition, prefix);
        let own = placed.len() - prefix.len();
        let keys = self.folder.0.values.prefix(placed).map(|guard| guard.key());
        keys.map(|key| key.map(|k| k.get(own..).unwrap_or_default().to_vec()))
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    fn position(&self) -> Result<u64, LogError> {
        let position = self.folder.0.meta.get(position_key(self.partition)).map_err(failed)?;
        Ok(position.and_then(|p| (*p).try_into().ok().map(u64::from_be_bytes)).unwrap_or(0))
    }
}
