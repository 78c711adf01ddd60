//! The trust directory: what a verifier pins beforehand and never takes out of a bundle.

use std::sync::Arc;

use crate::digest::Digest;
use crate::id::Origin;
use crate::log::note::{KeyAlgorithm, VerifierKey};
use crate::pki::trust::TrustSnapshot;
use crate::pki::trust::directory::{self, TrustFilesError};

/// The largest file of a trust directory: a list of all roots of a country has some hundred KiB.
pub const TRUST_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most files.
pub const TRUST_FILES_MAX: usize = 1000;

/// Whom the verifier trusts.
#[derive(Debug, Clone)]
pub struct TrustDirectory {
    /// The ledger.
    pub origin: Origin,
    /// Leaf hash of its genesis.
    pub genesis: Digest,
    /// The operator's log key.
    pub log_key: VerifierKey,
    /// Root certificates of the certification authorities; without any, signatures stay indeterminate.
    pub authorities: Option<Arc<TrustSnapshot>>,
}

/// Why files are not a trust directory. Nothing can be verified without one.
#[derive(Debug, thiserror::Error)]
pub enum TrustDirectoryError {
    /// Get it from somebody you trust; the ledger publishes it.
    #[error("the trust directory has no file {name}")]
    Missing {
        /// Name of the file.
        name: &'static str,
    },
    /// The file is not of its format.
    #[error("{name} in the trust directory is not {expected}")]
    Malformed {
        /// Name of the file.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
    /// More or larger files than any trust directory has.
    #[error("the trust directory is too large")]
    TooLarge,
    /// A root certificate cannot be used.
    #[error("the certificates in the trust directory are not usable")]
    Certificates(#[from] TrustFilesError),
}

impl TrustDirectory {
    /// Reads the files `origin`, `genesis.sha256`, `log.vkey` and the certificates in the folders of
    /// [`directory::FOLDERS`]; others are left alone.
    /// Names are relative to the directory, with `/`.
    pub fn from_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, TrustDirectoryError> {
        let (mut origin, mut genesis, mut log_key) = (None, None, None);
        let mut certificates = Vec::new();
        for (count, (name, bytes)) in files.into_iter().enumerate() {
            if count >= TRUST_FILES_MAX || bytes.len() > TRUST_FILE_BYTES_MAX {
                return Err(TrustDirectoryError::TooLarge);
            }
            let malformed = |expected| TrustDirectoryError::Malformed { name: name.to_owned(), expected };
            let text = || std::str::from_utf8(bytes).map(str::trim).map_err(|_| malformed("text"));
            match name {
                "origin" => origin = Some(text()?.parse().map_err(|_| malformed("the name of a log"))?),
                "genesis.sha256" => {
                    // As sha256sum prints it, a name may follow.
                    let digest = text()?.split_whitespace().next().unwrap_or_default();
                    genesis = Some(digest.parse().map_err(|_| malformed("64 lower-case hex digits"))?);
                }
                "log.vkey" => {
                    let key: VerifierKey = text()?.parse().map_err(|_| malformed("a verifier key"))?;
                    if key.algorithm() != KeyAlgorithm::Ed25519 {
                        return Err(malformed("a plain Ed25519 verifier key"));
                    }
                    log_key = Some(key);
                }
                _ => certificates.push((name, bytes)),
            }
        }
        let missing = |name| TrustDirectoryError::Missing { name };
        let authorities = directory::from_files(certificates)?.map(Arc::new);
        Ok(Self {
            origin: origin.ok_or(missing("origin"))?,
            genesis: genesis.ok_or(missing("genesis.sha256"))?,
            log_key: log_key.ok_or(missing("log.vkey"))?,
            authorities,
        })
    }
}
