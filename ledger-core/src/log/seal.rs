//! Seals: the last leaf of every batch, which binds the map and the second tree to the log (format section 4).

use serde::{Deserialize, Serialize};

use super::checkpoint::VerifiedCheckpoint;
use super::leaf::{self, LeafError};
use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};
use crate::time::Timestamp;

/// A seal. It is in no stream. Its members stand here in canonical order, which spares the encoder a detour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// SHA3-256 root over all leaves before it.
    pub alt_root: Digest,
    /// When it was written.
    pub at: Timestamp,
    /// Leaf hash of the genesis, so that no seal can be used in another ledger.
    pub genesis: Digest,
    /// Root of the map over all streams of the leaves before it.
    pub map_root: Digest,
    /// The seal before it; the genesis for the first one.
    pub prev_seal: PreviousSeal,
    /// Number of leaves before it: its own index.
    pub size: TreeSize,
    /// Says that this is a seal.
    pub t: SealType,
}

/// The `t` of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealType {
    /// Version 1.
    #[serde(rename = "edl/v1/seal")]
    V1,
}

/// Where the seal before stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousSeal {
    /// Its place in the log.
    pub index: LeafIndex,
    /// Its leaf hash.
    pub leaf: Digest,
}

/// Why a seal is not the one of a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The leaf is not a seal.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// Only the last leaf under a checkpoint is its seal.
    #[error("the seal of index {index} is not the last leaf of a log of size {size}")]
    Place {
        /// Index that the seal gives itself.
        index: LeafIndex,
        /// Size of the checkpoint.
        size: TreeSize,
    },
    /// It is of another ledger.
    #[error("the seal names the genesis {actual}, not {expected}")]
    Genesis {
        /// The pinned genesis.
        expected: Digest,
        /// The one that it names.
        actual: Digest,
    },
}

impl Seal {
    /// The bytes of the leaf.
    pub fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode(self)
    }

    /// Reads a leaf that must be a seal.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let seal: Self = leaf::decode(bytes, "a seal")?;
        let (index, previous) = (seal.size.0, seal.prev_seal);
        // The genesis is leaf 0 and the first seal leaf 1, so the first and only the first points to leaf 0.
        if previous.index.0 >= index || (previous.index.0 == 0) != (index == 1) {
            return Err(LeafError::Value { what: "prev_seal is not the seal before" });
        }
        if index == 1 && previous.leaf != seal.genesis {
            return Err(LeafError::Value { what: "the first seal follows the genesis" });
        }
        Ok(seal)
    }

    /// Its place in the log.
    pub const fn index(&self) -> LeafIndex {
        LeafIndex(self.size.0)
    }

    /// Checks that the leaf is the seal of a checkpoint in the ledger with this genesis (its leaf hash).
    /// The caller has the leaf's inclusion checked.
    pub fn verify(leaf: &[u8], checkpoint: &VerifiedCheckpoint, genesis: &Digest) -> Result<Self, SealError> {
        let seal = Self::decode(leaf)?;
        if seal.index().size_with() != checkpoint.size() {
            return Err(SealError::Place { index: seal.index(), size: checkpoint.size() });
        }
        if seal.genesis != *genesis {
            return Err(SealError::Genesis { expected: *genesis, actual: seal.genesis });
        }
        Ok(seal)
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::CheckpointBody;
    use super::super::note::SignerKey;
    use super::*;

    #[test]
    fn only_the_last_leaf_under_a_checkpoint_is_its_seal() {
        let (genesis, root) = (Digest::new([1; 32]), Digest::default());
        let signer = SignerKey::from_seed("ledger.example", &[3; 32]).unwrap();
        let seal = Seal {
            t: SealType::V1,
            at: Timestamp::from_unix_ms(0).unwrap(),
            genesis,
            size: TreeSize(4),
            map_root: root,
            alt_root: root,
            prev_seal: PreviousSeal { index: LeafIndex(1), leaf: root },
        };
        for (size, good) in [(4, false), (5, true), (6, false)] {
            let note = CheckpointBody::new("ledger.example", TreeSize(size), root).sign(&signer).unwrap().to_string();
            let checkpoint = VerifiedCheckpoint::verify(note.as_bytes(), "ledger.example", signer.verifier()).unwrap();
            let verified = Seal::verify(&seal.encode().unwrap(), &checkpoint, &genesis);
            assert_eq!(verified.is_ok(), good, "{size}");
            assert!(good || matches!(verified, Err(SealError::Place { index: LeafIndex(4), .. })));
        }
    }

    #[test]
    fn a_seal_is_encoded_in_one_way_and_read_strictly() {
        let leaf = Digest::new([1; 32]);
        let seal = Seal {
            t: SealType::V1,
            at: Timestamp::from_unix_ms(0).unwrap(),
            genesis: leaf,
            size: TreeSize(1),
            map_root: Digest::new([2; 32]),
            alt_root: Digest::new([3; 32]),
            prev_seal: PreviousSeal { index: LeafIndex(0), leaf },
        };
        let text = String::from_utf8(seal.encode().unwrap()).unwrap();
        let (one, two, three) = ("01".repeat(32), "02".repeat(32), "03".repeat(32));
        assert_eq!(
            text,
            format!(
                "{{\"alt_root\":\"{three}\",\"at\":\"1970-01-01T00:00:00.000Z\",\"genesis\":\"{one}\",\
                 \"map_root\":\"{two}\",\"prev_seal\":{{\"index\":0,\"leaf\":\"{one}\"}},\"size\":1,\"t\":\"edl/v1/seal\"}}"
            )
        );
        assert_eq!(Seal::decode(text.as_bytes()).unwrap(), seal);
        for bad in [
            text.replace("edl/v1/seal", "edl/v2/seal"),
            text.replace("\"size\":1", "\"size\":2"),
            text.replace("\"size\":1", "\"size\":0"),
            text.replace(",\"t\"", ",\"sizf\":1,\"t\""),
            text.replace(&format!("\"leaf\":\"{one}\""), &format!("\"leaf\":\"{two}\"")),
            text.replace(&format!("\"map_root\":\"{two}\","), ""),
            format!("{text}\n"),
        ] {
            assert!(Seal::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
