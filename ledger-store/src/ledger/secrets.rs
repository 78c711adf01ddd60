//! The keys of a ledger that are not the log's: each 32 bytes, in a file of its own that only its owner can read.
//!
//! They lie in `keys/` beside the data; an operator who keeps them elsewhere mounts that directory.

use std::io;
use std::path::{Path, PathBuf};

use ledger_core::digest::{encode_hex, parse_hex};
use ledger_core::payload::sealed::VaultKey;

use crate::durable::write_new;

/// What the ledger knows and its readers do not.
pub(crate) struct Secrets {
    /// Under which BIN and IIN are indexed; the genesis commits to it and auditors receive it.
    pub(crate) index_key: [u8; 32],
    /// Under which idempotency keys and requests are hashed.
    pub(crate) ledger_secret: [u8; 32],
    /// Wraps the data keys of payloads.
    pub(crate) vault_key: VaultKey,
    /// Seed of the key that signs receipt notices.
    pub(crate) notice_seed: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file cannot be read or written.
    #[error("the key file {path} cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("the key file {path} does not hold 64 hex digits; restore it from a copy")]
    Form {
        /// The file.
        path: PathBuf,
    },
}

const NAMES: [&str; 4] = ["index.key", "ledger.secret", "vault.key", "notice.seed"];

impl Secrets {
    /// Stores four fresh keys.
    pub(crate) fn create(directory: &Path, random: [[u8; 32]; 4]) -> Result<Self, SecretsError> {
        for (name, key) in NAMES.iter().zip(&random) {
            let path = directory.join(name);
            write_new(&path, encode_hex(key).as_bytes(), 0o600).map_err(|source| SecretsError::Io { path, source })?;
        }
        Ok(Self::of(random))
    }

    /// Reads the keys of an existing ledger.
    pub(crate) fn open(directory: &Path) -> Result<Self, SecretsError> {
        let read = |name: &str| {
            let path = directory.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => parse_hex(text.trim_end()).map_err(|_| SecretsError::Form { path }),
                Err(source) => Err(SecretsError::Io { path, source }),
            }
        };
        let [index, secret, vault, notice] = NAMES;
        Ok(Self::of([read(index)?, read(secret)?, read(vault)?, read(notice)?]))
    }

    fn of([index_key, ledger_secret, vault_key, notice_seed]: [[u8; 32]; 4]) -> Self {
        Self { index_key, ledger_secret, vault_key: VaultKey::new(vault_key), notice_seed }
    }
}
