//! C2SP `tlog-proof@v1`: one leaf's inclusion with its checkpoint, as a text file that other tools verify.

use std::fmt;

use base64ct::{Base64, Encoding};

use super::checkpoint::{CheckpointError, VerifiedCheckpoint, parse_base64_digest, parse_decimal};
use super::merkle::{InclusionProof, ProofError};
use super::note::{NOTE_BYTES_MAX, VerifierKey};
use crate::digest::Digest;
use crate::id::LeafIndex;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^64 leaves has paths of 64 hashes.
const PATH_MAX: usize = 64;
/// Room for an application's extra data, which we neither write nor need.
const EXTRA_BYTES_MAX: usize = 64 * 1024;
const BYTES_MAX: usize = NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX;

/// A proof as it was read: nothing about it is known to be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data of the application that the log's signature does not cover.
    pub extra: Option<Vec<u8>>,
    /// Place of the leaf.
    pub index: LeafIndex,
    /// Sibling hashes from the leaf to the root.
    pub path: Vec<Digest>,
    /// The checkpoint: a signed note.
    pub checkpoint: String,
}

/// Why a proof file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Not a proof file.
    #[error("not a tlog-proof: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// The checkpoint is not one of this log.
    #[error("the checkpoint of the proof does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is not where the proof says.
    #[error("the leaf is not in the log")]
    Inclusion(#[from] ProofError),
}

const fn malformed(what: &'static str) -> TlogProofError {
    TlogProofError::Malformed { what }
}

impl TlogProof {
    /// Reads a proof file. Printing it gives the same bytes again.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > BYTES_MAX {
            return Err(malformed("too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(malformed("no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("not of this version"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "));
        let extra = extra
            .map(|extra| Base64::decode_vec(extra).map_err(|_| malformed("the extra data is not base64")))
            .transpose()?;
        if extra.as_ref().is_some_and(|extra| extra.len() > EXTRA_BYTES_MAX) {
            return Err(malformed("too much extra data"));
        }
        let index = lines.next().and_then(|line| parse_decimal(line.strip_prefix("index ")?));
        let index = LeafIndex(index.ok_or(malformed("no index"))?);
        let path = lines.take(PATH_MAX + 1).map(parse_base64_digest).collect::<Option<Vec<_>>>();
        let path = path.filter(|path| path.len() <= PATH_MAX).ok_or(malformed("a hash is not base64 of 32 bytes"))?;
        Ok(Self { extra, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that a leaf with this hash stands at the index in the log; returns the checkpoint that says so.
    pub fn verify(
        &self,
        leaf_hash: &Digest,
        origin: &str,
        log_key: &VerifierKey,
    ) -> Result<VerifiedCheckpoint, TlogProofError> {
        let checkpoint = VerifiedCheckpoint::verify(self.checkpoint.as_bytes(), origin, log_key)?;
        let inclusion = InclusionProof { index: self.index, size: checkpoint.size(), path: self.path.clone() };
        inclusion.verify(leaf_hash, checkpoint.root())?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", Base64::encode_string(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", Base64::encode_string(hash.as_bytes())))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
