//! Receipts: what a participant gets for every acknowledged event, and holds against the operator.

use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, VerifiedCheckpoint};
use super::merkle::{self, InclusionProof, ProofError};
use super::note::VerifierKey;
use super::seal::{Seal, SealError};
use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::id::{LeafIndex, Origin};

/// Proof that a leaf is in the log, with the seal of the same checkpoint. As it was received: nothing about it
/// is known to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Place of the leaf.
    pub index: LeafIndex,
    /// The leaf: canonical JSON.
    pub leaf: String,
    /// Path of the leaf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inclusion: Vec<Digest>,
    /// The checkpoint: a signed note.
    pub checkpoint: String,
    /// Place of the seal: the last one under the checkpoint.
    pub seal_index: LeafIndex,
    /// The seal: canonical JSON.
    pub seal_leaf: String,
    /// Path of the seal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seal_inclusion: Vec<Digest>,
}

/// Why a receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The checkpoint is not one of this log.
    #[error("the checkpoint of the receipt does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is not canonical JSON.
    #[error("the leaf of the receipt is not canonical")]
    Leaf(#[from] CanonicalError),
    /// The leaf is said to be the genesis and is not the pinned one.
    #[error("leaf 0 of the receipt has the hash {actual}, not that of the pinned genesis")]
    Genesis {
        /// Its leaf hash.
        actual: Digest,
    },
    /// The leaf is not where the receipt says.
    #[error("the leaf of the receipt is not in the log")]
    LeafInclusion(#[source] ProofError),
    /// The seal is not the checkpoint's.
    #[error("the seal of the receipt is not that of the checkpoint")]
    Seal(#[from] SealError),
    /// The seal does not stand at the place that the receipt gives.
    #[error("the seal of the receipt stands at {actual}, not at {given}")]
    SealIndex {
        /// Index in the receipt.
        given: LeafIndex,
        /// Index in the seal.
        actual: LeafIndex,
    },
    /// The seal is not in the log.
    #[error("the seal of the receipt is not in the log")]
    SealInclusion(#[source] ProofError),
}

/// A receipt that was checked. There is no other way to get one than [`Receipt::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    index: LeafIndex,
    leaf: String,
    leaf_hash: Digest,
    checkpoint: VerifiedCheckpoint,
    seal: Seal,
}

impl Receipt {
    /// Checks everything that the receipt says against what the holder pinned: the log's origin and key and the
    /// genesis (its leaf hash). What the leaf means is for the reader of records to check.
    pub fn verify(
        &self,
        origin: &Origin,
        log_key: &VerifierKey,
        genesis: &Digest,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        let checkpoint = VerifiedCheckpoint::verify(self.checkpoint.as_bytes(), origin.as_str(), log_key)?;
        canonical::check(self.leaf.as_bytes())?;
        let leaf_hash = merkle::leaf_hash(self.leaf.as_bytes());
        if self.index.0 == 0 && leaf_hash != *genesis {
            return Err(ReceiptError::Genesis { actual: leaf_hash });
        }
        let inclusion = InclusionProof { index: self.index, size: checkpoint.size(), path: self.inclusion.clone() };
        inclusion.verify(&leaf_hash, checkpoint.root()).map_err(ReceiptError::LeafInclusion)?;
        let seal = Seal::verify(self.seal_leaf.as_bytes(), &checkpoint, genesis)?;
        if seal.index() != self.seal_index {
            return Err(ReceiptError::SealIndex { given: self.seal_index, actual: seal.index() });
        }
        let path = self.seal_inclusion.clone();
        let inclusion = InclusionProof { index: seal.index(), size: checkpoint.size(), path };
        inclusion
            .verify(&merkle::leaf_hash(self.seal_leaf.as_bytes()), checkpoint.root())
            .map_err(ReceiptError::SealInclusion)?;
        Ok(VerifiedReceipt { index: self.index, leaf: self.leaf.clone(), leaf_hash, checkpoint, seal })
    }
}

impl VerifiedReceipt {
    /// Place of the leaf in the log.
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The leaf: canonical JSON.
    pub fn leaf(&self) -> &str {
        &self.leaf
    }

    /// Hash of the leaf.
    pub const fn leaf_hash(&self) -> &Digest {
        &self.leaf_hash
    }

    /// The checkpoint that covers it.
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// The seal of the checkpoint.
    pub const fn seal(&self) -> &Seal {
        &self.seal
    }
}
