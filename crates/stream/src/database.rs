//! How folders of the embedded store (fjall) are opened, whatever is in them.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use crate::embedded::OpenError;

/// Write-ahead journals, together; the library's minimum.
const JOURNALS_BYTES: u64 = 64 << 20;

/// What an error of the store says of a folder.
pub(crate) fn refused(path: &Path, error: fjall::Error) -> OpenError {
    match error {
        fjall::Error::Locked => OpenError::Locked(path.to_owned()),
        source => OpenError::Storage { path: path.to_owned(), source },
    }
}

/// Opens a folder, which is made where there is none. Blocks read from disk are cached up to `cache_bytes`.
pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Database, OpenError> {
    Database::builder(path)
        .cache_size(cache_bytes)
        .max_journaling_size(JOURNALS_BYTES)
        .worker_threads(1)
        .open()
        .map_err(|error| refused(path, error))
}

/// Opens a keyspace of a folder: what is not yet sorted into tables takes up to `memtable_bytes`, of which the library's
/// default is 64 MiB each with no common cap.
pub(crate) fn keyspace(
    db: &Database,
    path: &Path,
    name: &str,
    memtable_bytes: u64,
) -> Result<Keyspace, OpenError> {
    db.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes))
        .map_err(|error| refused(path, error))
}
