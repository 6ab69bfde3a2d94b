//! The durable log of a single process: topics, positions and state in one embedded store (fjall; docs/adr/0004).
//!
//! A transaction is one write batch, synced to disk before [`LocalLog::commit`] returns, so a killed process or machine
//! finds all of it or nothing. Keyspaces:
//!
//! ```text
//! records   topic, offset -> record
//! latest    topic, key    -> offset of its last record      (compacted topics: the one before is removed)
//! state     key           -> value of the projector's state
//! meta      format version, positions, ends
//! ```

mod codec;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daybook_wire::topic::Topic;
use fjall::{Database, Keyspace, PersistMode};

use crate::database;
use crate::local::LocalLog;
use crate::log::{Limit, LogError, Stage, Transaction};
use crate::record::Fetched;

/// Layout of the folder. Another version is refused.
const FORMAT: u64 = 1;

/// Blocks read from disk are cached up to this.
const CACHE_BYTES: u64 = 32 << 20;
/// What has not yet been sorted into tables, by keyspace.
const MEMTABLE_BYTES: u64 = 16 << 20;

/// Why a folder can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another process: a folder belongs to one daybook at a time", .0.display())]
    Locked(PathBuf),
    /// Not a folder of this program or release.
    #[error("{} has layout {found}, this release reads layout {FORMAT}: use the release that wrote it", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// The folder is not there.
    #[error("{} holds no daybook log", .0.display())]
    Absent(PathBuf),
    /// Its state can't be checked.
    #[error("failed to open {}: {source}", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What failed.
        source: LogError,
    },
    /// Anything else.
    #[error("failed to open {}: {source}", path.display())]
    Storage {
        /// The folder.
        path: PathBuf,
        /// What failed.
        source: fjall::Error,
    },
}

struct Inner {
    db: Database,
    records: Keyspace,
    latest: Keyspace,
    state: Keyspace,
    meta: Keyspace,
    /// Offset of the next record by topic: what lies below is committed and synced.
    ends: Mutex<BTreeMap<Topic, u64>>,
    appended: Condvar,
    /// One commit at a time, so that offsets are given out in the order in which they become visible.
    commit: Mutex<()>,
}

/// The log of a folder. Clones share it; the folder is free again when the last is dropped.
#[derive(Clone)]
pub struct EmbeddedLog(Arc<Inner>);

fn failed(error: fjall::Error) -> LogError {
    LogError::Failed(Box::new(error))
}

impl EmbeddedLog {
    /// Opens the log of a folder, which is made where there is none.
    ///
    /// # Errors
    /// [`OpenError`], each with what to do about it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let storage = |source: fjall::Error| database::refused(path, source);
        let db = database::open(path, CACHE_BYTES)?;
        let keyspace = |name: &str| database::keyspace(&db, path, name, MEMTABLE_BYTES);
        let (records, latest) = (keyspace("records")?, keyspace("latest")?);
        let (state, meta) = (keyspace("state")?, keyspace("meta")?);
        match codec::read_number(meta.get(codec::FORMAT_KEY).map_err(storage)?.as_deref()) {
            Some(FORMAT) => {}
            Some(found) => return Err(OpenError::Format { path: path.to_owned(), found }),
            None => meta.insert(codec::FORMAT_KEY, FORMAT.to_be_bytes()).map_err(storage)?,
        }
        if let Some(parent) = path.canonicalize().ok().as_deref().and_then(Path::parent) {
            // The folder's own entry has to survive a power loss too, before anything in it is acknowledged.
            let synced = std::fs::File::open(parent).and_then(|folder| folder.sync_all());
            synced.map_err(|e| storage(e.into()))?;
        }
        let mut ends = BTreeMap::new();
        for topic in Topic::ALL {
            let end = meta.get(codec::end_key(topic)).map_err(storage)?;
            ends.insert(topic, codec::read_number(end.as_deref()).unwrap_or(0));
        }
        let log = Self(Arc::new(Inner {
            db,
            records,
            latest,
            state,
            meta,
            ends: Mutex::new(ends),
            appended: Condvar::new(),
            commit: Mutex::new(()),
        }));
        log.drop_foreign_state().map_err(|source| OpenError::State { path: path.to_owned(), source })?;
        Ok(log)
    }

    /// State of another format version, or without a position, is no state of this log: it is dropped, and the
    /// projector rebuilds it.
    fn drop_foreign_state(&self) -> Result<(), LogError> {
        let format = self.0.meta.get(codec::STATE_FORMAT_KEY).map_err(failed)?;
        let ours = codec::read_number(format.as_deref()) == Some(daybook_wire::state::FORMAT.into());
        let placed = self.0.meta.get(codec::STATE_POSITION_KEY).map_err(failed)?.is_some();
        if ours && placed {
            return Ok(());
        }
        self.drop_state()?;
        let format = u64::from(daybook_wire::state::FORMAT).to_be_bytes();
        self.0.meta.insert(codec::STATE_FORMAT_KEY, format).map_err(failed)?;
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)
    }

    /// Opens the log of a folder that must be there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_existing(path: &Path) -> Result<Self, OpenError> {
        // The store's own marker: without it `open` would make a new log among somebody's files.
        if path.join("version").is_file() {
            Self::open(path)
        } else {
            Err(OpenError::Absent(path.to_owned()))
        }
    }

    fn ends(&self) -> MutexGuard<'_, BTreeMap<Topic, u64>> {
        self.0.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ends of all topics as one commit left them.
    #[must_use]
    pub fn all_ends(&self) -> BTreeMap<Topic, u64> {
        self.ends().clone()
    }

    /// Bytes that the folder takes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.0.db.disk_space().unwrap_or(0)
    }

    /// Drops the projector's state; it is rebuilt from the journal at the next start.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn drop_state(&self) -> Result<(), LogError> {
        // The position first: a crash in between leaves values without one, which the next open drops.
        self.0.meta.remove(codec::STATE_POSITION_KEY).map_err(failed)?;
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)?;
        self.0.state.clear().map_err(failed)?;
        self.0.db.persist(PersistMode::SyncAll).map_err(failed)
    }
}

impl LocalLog for EmbeddedLog {
    fn read(&self, topic: Topic, from: u64, limit: Limit) -> Result<Vec<Fetched>, LogError> {
        let mut fetched = Vec::new();
        let mut bytes = 0;
        // One look at one moment, to the topic's end as it was then: a commit is visible only once it is synced. An end
        // that was asked for before would miss rows of compacted topics that have moved behind it since.
        for guard in self.0.records.range(codec::record_key(topic, from)..=codec::record_key(topic, u64::MAX))
        {
            let (key, value) = guard.into_inner().map_err(failed)?;
            bytes += value.len();
            if fetched.len() == limit.records_max || (!fetched.is_empty() && bytes > limit.bytes_max) {
                break;
            }
            let offset = codec::offset_of(&key);
            let record = codec::read_record(&value).map_err(|e| LogError::Failed(Box::new(e)))?;
            fetched.push(Fetched { offset, record });
        }
        Ok(fetched)
    }

    fn end(&self, topic: Topic) -> Result<u64, LogError> {
        Ok(self.ends().get(&topic).copied().unwrap_or(0))
    }

    fn wait_for(&self, topic: Topic, offset: u64, timeout: Duration) -> bool {
        let ends = self.ends();
        let short = |ends: &mut BTreeMap<Topic, u64>| ends.get(&topic).is_none_or(|end| *end <= offset);
        let waited = self.0.appended.wait_timeout_while(ends, timeout, short);
        let (mut ends, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !short(&mut ends)
    }

    fn position(&self, stage: Stage, topic: Topic) -> Result<u64, LogError> {
        let position = self.0.meta.get(codec::position_key(stage, topic)).map_err(failed)?;
        Ok(codec::read_number(position.as_deref()).unwrap_or(0))
    }

    fn commit(&self, stage: Stage, transaction: Transaction) -> Result<(), LogError> {
        let _one_at_a_time = self.0.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.0.db.batch().durability(Some(PersistMode::SyncAll));
        let mut ends: BTreeMap<Topic, u64> = BTreeMap::new();
        let mut latest: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for (topic, record) in &transaction.appends {
            let end = match ends.get(topic) {
                Some(end) => *end,
                None => self.end(*topic)?,
            };
            if topic.is_compacted() {
                let key = codec::latest_key(*topic, &record.key);
                let before = match latest.get(&key) {
                    Some(before) => Some(*before),
                    None => codec::read_number(self.0.latest.get(&key).map_err(failed)?.as_deref()),
                };
                if let Some(before) = before {
                    batch.remove(&self.0.records, codec::record_key(*topic, before));
                }
                batch.insert(&self.0.latest, key.clone(), end.to_be_bytes());
                latest.insert(key, end);
            }
            batch.insert(&self.0.records, codec::record_key(*topic, end), codec::record(record));
            ends.insert(*topic, end + 1);
        }
        for (topic, end) in &ends {
            batch.insert(&self.0.meta, codec::end_key(*topic), end.to_be_bytes());
        }
        for position in &transaction.positions {
            let key = codec::position_key(stage, position.topic);
            batch.insert(&self.0.meta, key, position.offset.to_be_bytes());
        }
        for state in transaction.state {
            for (key, value) in state.changes {
                match value {
                    Some(value) => batch.insert(&self.0.state, key, value),
                    None => batch.remove(&self.0.state, key),
                }
            }
            batch.insert(&self.0.meta, codec::STATE_POSITION_KEY, state.position.to_be_bytes());
        }
        batch.commit().map_err(failed)?;
        self.ends().append(&mut ends);
        self.0.appended.notify_all();
        Ok(())
    }

    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.0.state.get(key).map_err(failed)?.map(|v| v.to_vec()))
    }

    fn state_keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LogError> {
        let keys = self.0.state.prefix(prefix).map(|guard| guard.key().map(|k| k.to_vec()));
        keys.collect::<Result<_, _>>().map_err(failed)
    }

    fn state_position(&self) -> Result<u64, LogError> {
        let position = self.0.meta.get(codec::STATE_POSITION_KEY).map_err(failed)?;
        Ok(codec::read_number(position.as_deref()).unwrap_or(0))
    }
}
