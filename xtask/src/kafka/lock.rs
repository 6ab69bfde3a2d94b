//! One process at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result};

/// Waits for the lock of a file and holds it until the result is dropped, or the process ends in whatever way.
pub fn exclusive(path: &Path) -> Result<File> {
    let failed = || format!("failed to lock {}", path.display());
    let file = File::options().create(true).append(true).open(path).with_context(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            println!("waiting for another process, which has locked {}", path.display());
            file.lock().with_context(failed)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
    }
    Ok(file)
}
