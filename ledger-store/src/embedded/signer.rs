//! The key that signs checkpoints, behind a trait: it never signs two trees of one size, nor a smaller one after a larger.

use std::fmt;
use std::io;

use ledger_core::digest::Digest;
use ledger_core::id::{Origin, TreeSize};
use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::note::{KeyError, NoteError, SignerKey, VerifierKey};

use super::files::{Files, read_to_end, replace};

const DIRECTORY: &str = "keys";
const NAME: &str = "log.seed";

/// Signs the heads of one log.
pub trait LogSigner: Send + fmt::Debug {
    /// The key that verifies what this signs.
    fn verifier(&self) -> &VerifierKey;

    /// The head that stands in the log; called once, before the first signature.
    fn resume(&mut self, size: TreeSize, root: Digest);

    /// Signs the head as a note. The caller has checked that the tree extends the one signed before, and releases the
    /// note only when the records and the note itself are durable (docs/decisions/one-sync-per-batch.md).
    fn sign(&mut self, size: TreeSize, root: Digest) -> Result<String, SignError>;
}

/// Why a head was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A head of this size or a larger one, but another tree, stands in the log already.
    #[error("a head of size {signed} is in the log; {asked} is not after it")]
    NotAfter {
        /// Size in the log.
        signed: TreeSize,
        /// Size that was to be signed.
        asked: TreeSize,
    },
    /// The signature could not be made.
    #[error("the checkpoint cannot be signed")]
    Note(#[from] NoteError),
}

/// A signer whose key lies in the ledger's directory.
pub struct FileSigner {
    key: SignerKey,
    origin: Origin,
    last: Option<(TreeSize, Digest)>,
}

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignerKeyError {
    /// The file cannot be read or written.
    #[error("the file keys/log.seed cannot be used")]
    Io(#[from] io::Error),
    /// It does not hold a key.
    #[error("the file keys/log.seed does not hold a seed of 32 bytes")]
    Length,
    /// The origin cannot name a key.
    #[error("the key cannot have the name of the log")]
    Key(#[from] KeyError),
    /// It is not the key that the genesis names.
    #[error("the file keys/log.seed holds another key than the genesis names")]
    Foreign,
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSigner").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl FileSigner {
    /// The key made from a seed.
    pub fn from_seed(origin: &Origin, seed: &[u8; 32]) -> Result<Self, SignerKeyError> {
        Ok(Self { key: SignerKey::from_seed(origin.as_str(), seed)?, origin: origin.clone(), last: None })
    }

    /// Reads the key of a ledger.
    pub(crate) fn open(files: &dyn Files, origin: &Origin) -> Result<Self, SignerKeyError> {
        let bytes = read_to_end(files.open(&format!("{DIRECTORY}/{NAME}"))?.as_ref(), 32)?;
        let seed: [u8; 32] = bytes.try_into().map_err(|_| SignerKeyError::Length)?;
        Self::from_seed(origin, &seed)
    }

    /// Stores the seed of a new ledger, readable by its owner only.
    pub(crate) fn store(files: &dyn Files, seed: &[u8; 32]) -> io::Result<()> {
        files.create_directory(DIRECTORY)?;
        replace(files, DIRECTORY, NAME, &[seed])
    }
}

impl LogSigner for FileSigner {
    fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    fn resume(&mut self, size: TreeSize, root: Digest) {
        self.last = Some((size, root));
    }

    fn sign(&mut self, size: TreeSize, root: Digest) -> Result<String, SignError> {
        if let Some((signed, before)) = self.last
            && (size < signed || (size == signed && root != before))
        {
            return Err(SignError::NotAfter { signed, asked: size });
        }
        let note = CheckpointBody::new(self.origin.as_str(), size, root).sign(&self.key)?;
        self.last = Some((size, root));
        Ok(note.to_string())
    }
}
