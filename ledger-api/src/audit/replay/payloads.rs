//! Sealed payloads as they lie beside the log: `payloads/boxes/ab/abcd…` and `payloads/keys/ab/abcd…`, both named by the
//! SHA-256 of the commitment.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ledger_core::evidence::replay::{Opened, PayloadSource};
use ledger_core::id::EventId;
use ledger_core::payload::sealed::{SealedPayload, VaultKey, open};
use ledger_core::payload::{Commitment, PAYLOAD_BYTES_MAX};

/// Salt, magic, nonces and tags are less.
const OVERHEAD_BYTES_MAX: u64 = 1024;

#[derive(Debug)]
pub(super) struct VaultDirectory {
    directory: PathBuf,
    key: VaultKey,
}

impl VaultDirectory {
    pub(super) fn new(directory: &Path, key: VaultKey) -> Self {
        Self { directory: directory.to_owned(), key }
    }

    fn read(&self, kind: &str, name: &str) -> io::Result<Vec<u8>> {
        let path = self.directory.join(kind).join(name.get(..2).unwrap_or_default()).join(name);
        let mut bytes = Vec::new();
        File::open(path)?.take(PAYLOAD_BYTES_MAX + OVERHEAD_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl PayloadSource for VaultDirectory {
    fn open(&self, event: EventId, commitment: &Commitment) -> Opened {
        let name = commitment.sha256.to_string();
        let sealed = self
            .read("boxes", &name)
            .and_then(|boxed| Ok(SealedPayload { boxed, wrapped_key: self.read("keys", &name)? }));
        match sealed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Opened::Missing,
            Err(error) => Opened::Wrong(format!("it cannot be read: {error}")),
            Ok(sealed) => match open(&self.key, event, commitment, &sealed) {
                Ok((_, bytes)) => Opened::Right(bytes),
                Err(error) => Opened::Wrong(error.to_string()),
            },
        }
    }
}
