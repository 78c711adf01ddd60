//! One process per ledger: an exclusive advisory lock on the file `LOCK`, released by the system when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// The lock, held as long as this lives.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works on this ledger. Stop it, or use its interface.
    #[error("the ledger is in use by another process (its id: {holder})")]
    Held {
        /// What the holder wrote into the file: its process id.
        holder: String,
    },
    /// The file cannot be made or locked.
    #[error("the file LOCK cannot be locked")]
    Io(#[source] io::Error),
}

impl DirectoryLock {
    /// Takes the lock or says who holds it; never waits.
    pub(crate) fn take(directory: &Path) -> Result<Self, LockError> {
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(directory.join("LOCK")).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only a hint for the message: a holder that has not written yet leaves it empty.
                let _ = file.take(20).read_to_string(&mut holder);
                return Err(LockError::Held { holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        file.set_len(0).map_err(LockError::Io)?;
        file.rewind().map_err(LockError::Io)?;
        writeln!(file, "{}", std::process::id()).map_err(LockError::Io)?;
        Ok(Self { _file: file })
    }
}
