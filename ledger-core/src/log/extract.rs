//! Extracts: everything of one stream as of a checkpoint, or that there is nothing (format section 4).
//!
//! Completeness is relative to the sealed map: nobody who holds a receipt or replays the log can be shown less
//! than the log holds, see [`check_omission`].

use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, VerifiedCheckpoint};
use super::leaf::{LeafError, names_stream};
use super::map::{MapProof, MapProofError};
use super::merkle::{
    BatchInclusion, InclusionProof, NodeSource, ProofError, Sha256Tree, leaf_hash, prove_batch, prove_inclusion,
};
use super::note::VerifierKey;
use super::seal::{Seal, SealError};
use super::stream::{stream_head_value, stream_leaf_hash};
use crate::digest::{Digest, encode_hex, parse_hex_vec};
use crate::id::{LeafIndex, Origin, StreamId, TreeSize};

mod omission;

pub use omission::{Completeness, NoOmission, Omission, check_omission};

/// The most positions in one extract: a busy participant's year. A longer history is shown in parts.
pub const POSITIONS_MAX: usize = 1_000_000;
/// A map proof has at most 256 steps of 34 bytes and the other key.
const MAP_PROOF_BYTES_MAX: usize = 66 + 256 * 34;

/// A stream as of a checkpoint. As it was received: nothing about it is known to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamExtract {
    /// The stream.
    pub stream: StreamId,
    /// The checkpoint: a signed note.
    pub checkpoint: String,
    /// The seal of the checkpoint: canonical JSON.
    pub seal: String,
    /// Inclusion in the log of all positions given and of the seal.
    pub inclusion: BatchInclusion,
    /// Proof of the stream's head in the map, hex.
    pub map: String,
    /// The stream's tree: its size is the number of positions; its nodes cover those of which nothing is told.
    pub tree: BatchInclusion,
    /// The positions given, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<Position>,
}

/// One position of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Position {
    /// The record itself.
    Shown {
        /// Place in the stream.
        position: u64,
        /// Place in the log.
        index: LeafIndex,
        /// Canonical JSON.
        leaf: String,
    },
    /// Only that there is one, for whoever may not see it.
    Withheld {
        /// Place in the stream.
        position: u64,
        /// Place in the log.
        index: LeafIndex,
        /// Its leaf hash.
        leaf_hash: Digest,
    },
}

impl Position {
    /// Place in the stream.
    pub const fn position(&self) -> u64 {
        match self {
            Self::Shown { position, .. } | Self::Withheld { position, .. } => *position,
        }
    }

    /// Place in the log.
    pub const fn index(&self) -> LeafIndex {
        match self {
            Self::Shown { index, .. } | Self::Withheld { index, .. } => *index,
        }
    }

    /// Hash of the record.
    pub fn leaf_hash(&self) -> Digest {
        match self {
            Self::Shown { leaf, .. } => leaf_hash(leaf.as_bytes()),
            Self::Withheld { leaf_hash, .. } => *leaf_hash,
        }
    }
}

/// A checkpoint with its seal, as the texts that go into extracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCheckpoint {
    /// Number of leaves under the checkpoint.
    pub size: TreeSize,
    /// The signed note.
    pub note: String,
    /// The seal: canonical JSON; the leaf at `size - 1`.
    pub seal: String,
}

/// Why an extract or an absence does not prove what it says.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The checkpoint is not one of this log.
    #[error("the checkpoint of the extract does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// The seal is not the checkpoint's.
    #[error("the seal of the extract is not that of the checkpoint")]
    Seal(#[from] SealError),
    /// The seal of an absence is not in the log.
    #[error("the seal is not in the log")]
    SealInclusion(#[source] ProofError),
    /// A position is doubled, out of order, beyond the count or at or after the seal, or there are too many.
    #[error("position {position} at log index {index} cannot be where it is")]
    Order {
        /// Place in the stream.
        position: u64,
        /// Place in the log.
        index: LeafIndex,
    },
    /// A shown record cannot be read.
    #[error("the record at log index {index} cannot be read")]
    Leaf {
        /// Place in the log.
        index: LeafIndex,
        /// Why.
        source: LeafError,
    },
    /// A shown record does not belong to the stream: a foreign leaf in its tree.
    #[error("the record at log index {index} is not of this stream")]
    Foreign {
        /// Place in the log.
        index: LeafIndex,
    },
    /// A position, or the seal, is not in the log.
    #[error("a position or the seal is not in the log")]
    LogInclusion(#[source] ProofError),
    /// The positions are not those of the stream's tree.
    #[error("the positions do not make up the stream's tree")]
    StreamTree(#[source] ProofError),
    /// The sealed map has another head for the stream: a position is missing, added or changed.
    #[error("the sealed map has another head for this stream")]
    Map(#[source] MapProofError),
}

impl StreamExtract {
    /// Makes the extract from the positions to be given, in order.
    ///
    /// `log` and `tree` are the nodes of the log and of the stream's tree with `count` leaves; `map` is the proof of
    /// the stream under the seal's `map_root`.
    pub fn prove(
        stream: StreamId,
        head: SealedCheckpoint,
        positions: Vec<Position>,
        count: TreeSize,
        log: &(impl NodeSource + ?Sized),
        tree: &(impl NodeSource + ?Sized),
        map: &MapProof,
    ) -> Result<Self, ProofError> {
        let places: Vec<_> = positions.iter().map(|known| LeafIndex(known.position())).collect();
        let mut indexes: Vec<_> = positions.iter().map(Position::index).collect();
        indexes.push(LeafIndex(head.size.0.saturating_sub(1)));
        Ok(Self {
            stream,
            inclusion: prove_batch::<Sha256Tree>(log, &indexes, head.size)?,
            tree: prove_batch::<Sha256Tree>(tree, &places, count)?,
            checkpoint: head.note,
            seal: head.seal,
            map: encode_hex(&map.encode()),
            positions,
        })
    }

    /// Checks the extract against what the reader pinned: the log's origin and key and the genesis (its leaf hash).
    ///
    /// Every position given is in the log at its index under the checkpoint, every shown record names the stream,
    /// and all positions together make up the head that the sealed map has for the stream.
    pub fn verify(
        &self,
        origin: &Origin,
        log_key: &VerifierKey,
        genesis: &Digest,
    ) -> Result<VerifiedExtract, ExtractError> {
        let checkpoint = VerifiedCheckpoint::verify(self.checkpoint.as_bytes(), origin.as_str(), log_key)?;
        let seal = Seal::verify(self.seal.as_bytes(), &checkpoint, genesis)?;
        self.check_order(seal.index())?;
        let mut known = Vec::with_capacity(self.positions.len());
        for position in &self.positions {
            if let Position::Shown { index, leaf, .. } = position {
                let index = *index;
                let named = names_stream(leaf.as_bytes(), index, &self.stream);
                if !named.map_err(|source| ExtractError::Leaf { index, source })? {
                    return Err(ExtractError::Foreign { index });
                }
            }
            let (index, leaf_hash) = (position.index(), position.leaf_hash());
            if index.0 == 0 && leaf_hash != *genesis {
                return Err(ExtractError::Foreign { index });
            }
            known.push((index, leaf_hash));
        }
        let places = self.positions.iter().zip(&known).map(|(position, (index, leaf_hash))| {
            (LeafIndex(position.position()), stream_leaf_hash(*index, leaf_hash))
        });
        let root = self.tree.root::<Sha256Tree>(&places.collect::<Vec<_>>()).map_err(ExtractError::StreamTree)?;
        known.push((seal.index(), leaf_hash(self.seal.as_bytes())));
        if self.inclusion.size != checkpoint.size() {
            return Err(ExtractError::LogInclusion(ProofError::Length));
        }
        self.inclusion.verify(&known, checkpoint.root()).map_err(ExtractError::LogInclusion)?;
        let proof = map_bytes(&self.map).and_then(|bytes| MapProof::decode_present(&bytes));
        let value = stream_head_value(self.tree.size, &root);
        proof
            .and_then(|proof| proof.verify(&seal.map_root, &self.stream.map_key(), Some(&value)))
            .map_err(ExtractError::Map)?;
        let (stream, count, positions) = (self.stream.clone(), self.tree.size, self.positions.clone());
        Ok(VerifiedExtract { stream, checkpoint, seal, count, positions })
    }

    fn check_order(&self, seal: LeafIndex) -> Result<(), ExtractError> {
        let mut next_position = 0_u64;
        let mut next_index = 0_u64;
        for (number, known) in self.positions.iter().enumerate() {
            let (position, index) = (known.position(), known.index());
            let error = ExtractError::Order { position, index };
            // The positions left out before this one have indexes of their own.
            let skipped = position.checked_sub(next_position);
            let room = index.0.checked_sub(next_index);
            let fits = matches!((skipped, room), (Some(skipped), Some(room)) if skipped <= room);
            if number >= POSITIONS_MAX || !fits || position >= self.tree.size.0 || index >= seal {
                return Err(error);
            }
            (next_position, next_index) = (position + 1, index.0 + 1);
        }
        Ok(())
    }
}

fn map_bytes(hex: &str) -> Result<Vec<u8>, MapProofError> {
    parse_hex_vec(hex, MAP_PROOF_BYTES_MAX).map_err(|_| MapProofError::Encoding { at: 0 })
}

/// An extract that was checked. There is no other way to get one than [`StreamExtract::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedExtract {
    stream: StreamId,
    checkpoint: VerifiedCheckpoint,
    seal: Seal,
    count: TreeSize,
    positions: Vec<Position>,
}

/// How many positions of a stream were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Records that can be read.
    pub shown: u64,
    /// Of which place and hash are known.
    pub withheld: u64,
    /// Of which nothing but their number is known.
    pub untold: u64,
}

impl VerifiedExtract {
    /// The stream.
    pub const fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The checkpoint.
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// The seal of the checkpoint. The extract is complete for the leaves before it.
    pub const fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Number of positions of the stream.
    pub const fn count(&self) -> TreeSize {
        self.count
    }

    /// The positions that are shown or withheld, in order.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// The shown records with their places in the stream and in the log.
    pub fn shown(&self) -> impl Iterator<Item = (u64, LeafIndex, &str)> {
        self.positions.iter().filter_map(|known| match known {
            Position::Shown { position, index, leaf } => Some((*position, *index, leaf.as_str())),
            Position::Withheld { .. } => None,
        })
    }

    /// How many positions are of which class.
    pub fn counts(&self) -> Counts {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let shown = number(self.shown().count());
        let known = number(self.positions.len());
        Counts { shown, withheld: known - shown, untold: self.count.0.saturating_sub(known) }
    }

    /// Whether every position is shown.
    pub fn is_complete(&self) -> bool {
        let Counts { withheld, untold, .. } = self.counts();
        withheld == 0 && untold == 0
    }
}

/// Proof that a stream has no record before the seal of a checkpoint. As it was received: nothing about it is
/// known to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// The stream.
    pub stream: StreamId,
    /// The checkpoint: a signed note.
    pub checkpoint: String,
    /// The seal of the checkpoint: canonical JSON.
    pub seal: String,
    /// Path of the seal in the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seal_inclusion: Vec<Digest>,
    /// Proof of absence in the map, hex.
    pub map: String,
}

/// An absence that was checked. There is no other way to get one than [`Absence::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAbsence {
    stream: StreamId,
    checkpoint: VerifiedCheckpoint,
    seal: Seal,
}

impl Absence {
    /// Makes the proof; `map` is that of the stream under the seal's `map_root`.
    pub fn prove(
        stream: StreamId,
        head: SealedCheckpoint,
        log: &(impl NodeSource + ?Sized),
        map: &MapProof,
    ) -> Result<Self, ProofError> {
        let seal_index = LeafIndex(head.size.0.saturating_sub(1));
        let InclusionProof { path, .. } = prove_inclusion::<Sha256Tree>(log, seal_index, head.size)?;
        let map = encode_hex(&map.encode());
        Ok(Self { stream, checkpoint: head.note, seal: head.seal, seal_inclusion: path, map })
    }

    /// Checks the proof against what the reader pinned.
    pub fn verify(
        &self,
        origin: &Origin,
        log_key: &VerifierKey,
        genesis: &Digest,
    ) -> Result<VerifiedAbsence, ExtractError> {
        let checkpoint = VerifiedCheckpoint::verify(self.checkpoint.as_bytes(), origin.as_str(), log_key)?;
        let seal = Seal::verify(self.seal.as_bytes(), &checkpoint, genesis)?;
        let inclusion =
            InclusionProof { index: seal.index(), size: checkpoint.size(), path: self.seal_inclusion.clone() };
        inclusion.verify(&leaf_hash(self.seal.as_bytes()), checkpoint.root()).map_err(ExtractError::SealInclusion)?;
        map_bytes(&self.map)
            .and_then(|bytes| MapProof::decode_absent(&bytes))
            .and_then(|proof| proof.verify(&seal.map_root, &self.stream.map_key(), None))
            .map_err(ExtractError::Map)?;
        Ok(VerifiedAbsence { stream: self.stream.clone(), checkpoint, seal })
    }
}

impl VerifiedAbsence {
    /// The stream.
    pub const fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The checkpoint.
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// The seal of the checkpoint. The stream has no record before it.
    pub const fn seal(&self) -> &Seal {
        &self.seal
    }
}

#[cfg(test)]
mod tests;
