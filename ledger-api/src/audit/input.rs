//! What the commands read from disk: files with a limit, trust directories; and why nothing was verified.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use ledger_core::canonical::CanonicalError;
use ledger_core::evidence::Unusable;
use ledger_core::evidence::trust::{TRUST_FILE_BYTES_MAX, TRUST_FILES_MAX, TrustDirectory, TrustDirectoryError};
use ledger_core::pki::pem::{self, Kind, PemError};
use ledger_core::pki::trust::TrustSnapshot;
use ledger_core::pki::trust::directory::{self, TrustFilesError};
use ledger_core::signature::private_key::looks_like_private_key;
use ledger_core::time::Timestamp;

use super::UNUSABLE;

/// Why nothing was verified. Names files and never says what is in them.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The arguments are not those of the command.
    #[error("{0}; see `ledger-audit --help`")]
    Arguments(&'static str),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is larger than any that is used here.
    #[error("{path} has more than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// The directory is no trust directory.
    #[error("the trust directory cannot be used")]
    Trust(#[from] TrustDirectoryError),
    /// The certificates of the directory cannot be used.
    #[error("the trust directory cannot be used")]
    TrustFiles(#[from] TrustFilesError),
    /// The file is no bundle.
    #[error("the file cannot be used")]
    Bundle(#[from] Unusable),
    /// The file holds something else.
    #[error("{path} does not hold {expected}")]
    Spelling {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong; none when it is a text without such a block.
        source: Option<PemError>,
    },
    /// Several where one is verified at a time.
    #[error("{path} holds {count} blocks; one is verified at a time")]
    Several {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// A private key belongs to its owner alone. It was not looked at further.
    #[error("{path} is a private key or a key store: show it to nobody, this program does not need it")]
    PrivateKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is no policy.
    #[error("{path} is not a signature policy in JSON")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The report cannot be written down.
    #[error("the report cannot be written")]
    Report(#[from] CanonicalError),
}

/// Says why the input is unusable; the result is the exit code.
pub(super) fn unusable(errors: &mut dyn Write, error: &InputError) -> io::Result<u8> {
    write!(errors, "ledger-audit: {error}")?;
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(errors, ": {cause}")?;
        source = cause.source();
    }
    writeln!(errors)?;
    Ok(UNUSABLE)
}

pub(super) fn time(text: &OsString) -> Result<Timestamp, InputError> {
    let text = text.to_str().and_then(|text| text.parse().ok());
    text.ok_or(InputError::Arguments("times are written 2026-11-24T09:30:00.000Z"))
}

pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed, to notice that there is more; a file may grow while it is read.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > limit { Err(InputError::TooLarge { path: path.to_owned(), limit }) } else { Ok(bytes) }
}

/// Reads what a file holds, in DER, PEM or base64: at least one of the kind.
pub(super) fn read_all(path: &Path, limit: usize, kind: Kind) -> Result<Vec<Vec<u8>>, InputError> {
    let bytes = read(path, limit)?;
    if looks_like_private_key(&bytes) {
        return Err(InputError::PrivateKey { path: path.to_owned() });
    }
    let expected = match kind {
        Kind::Certificate => "a certificate in DER, PEM or base64",
        Kind::Crl => "a revocation list in DER, PEM or base64",
        Kind::Signature => "a CMS signature in DER, PEM or base64",
        Kind::Ocsp => "an OCSP answer in DER, PEM or base64",
        Kind::Timestamp => "a timestamp token in DER, PEM or base64",
    };
    let spelling = |source| InputError::Spelling { path: path.to_owned(), expected, source };
    let found = pem::any_spelling(&bytes, kind).map_err(|error| spelling(Some(error)))?;
    if found.is_empty() { Err(spelling(None)) } else { Ok(found) }
}

/// As [`read_all`], where there may be one only.
pub(super) fn read_one(path: &Path, limit: usize, kind: Kind) -> Result<Vec<u8>, InputError> {
    let mut found = read_all(path, limit, kind)?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (_, others) => Err(InputError::Several { path: path.to_owned(), count: others.saturating_add(1) }),
    }
}

/// Reads a trust directory from disk.
pub fn read_trust(directory: &Path) -> Result<TrustDirectory, InputError> {
    let files = trust_files(directory, &["origin", "genesis.sha256", "log.vkey"])?;
    Ok(TrustDirectory::from_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))?)
}

/// Reads the certificates of a trust directory; it need not be of a ledger.
pub(super) fn read_authorities(directory: &Path) -> Result<TrustSnapshot, InputError> {
    let files = trust_files(directory, &[])?;
    let snapshot = directory::from_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))?;
    snapshot.ok_or(InputError::Arguments("there is no certificate in ca/ or tsa/ of the trust directory"))
}

fn trust_files(directory: &Path, own: &[&str]) -> Result<Vec<(String, Vec<u8>)>, InputError> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for name in own.iter().chain([&directory::TERMS_FILE]) {
        let path = directory.join(name);
        if path.exists() || !directory.is_dir() {
            files.push(((*name).to_owned(), read(&path, TRUST_FILE_BYTES_MAX)?));
        }
    }
    for folder in directory::FOLDERS {
        let path = directory.join(folder);
        if !path.is_dir() {
            continue;
        }
        let failed = |source| InputError::Read { path: path.clone(), source };
        for entry in std::fs::read_dir(&path).map_err(failed)?.take(TRUST_FILES_MAX) {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Notes and editors' leftovers may lie beside the certificates.
            if [".pem", ".der", ".crt", ".cer"].iter().any(|ending| name.ends_with(ending)) {
                files.push((format!("{folder}/{name}"), read(&entry.path(), TRUST_FILE_BYTES_MAX)?));
            }
        }
    }
    files.sort();
    Ok(files)
}
