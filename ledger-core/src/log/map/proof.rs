//! Proofs of presence and absence in the map.

use super::{bit_of, empty_hash, inner_hash, leaf_hash, varint};
use crate::digest::Digest;

/// Proof that a key has a value under a root, or none. The path is a list of (bit, sibling hash) from the
/// leaf to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapProof {
    /// The key is there.
    Present {
        /// From the leaf to the root.
        path: Vec<(u8, Digest)>,
    },
    /// The key is not there: its bits lead to another key.
    Absent {
        /// The other key and its value; `None` in the empty map.
        other: Option<(Digest, Digest)>,
        /// From the other key's leaf to the root.
        path: Vec<(u8, Digest)>,
    },
}

/// Why a map proof does not prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MapProofError {
    /// The bytes are not a proof: cut, too long, or not in the one spelling.
    #[error("not a map proof at byte {at}")]
    Encoding {
        /// Offset in bytes.
        at: usize,
    },
    /// It proves presence and absence was claimed, or the other way round.
    #[error("the proof is of the other kind")]
    Kind,
    /// Bits do not strictly increase from the root to the leaf.
    #[error("the bits of the path are out of order")]
    BitOrder,
    /// The other key is the key itself, or the key's bits do not lead to it.
    #[error("the key's bits do not lead to the other key")]
    OtherKey,
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Keys have 256 bits and bits strictly increase, so a longer path is no path.
const PATH_MAX: usize = 256;
/// Two keys with lengths, and the longest path with two-byte bits.
const BYTES_MAX: usize = 66 + PATH_MAX * 34;

impl MapProof {
    /// Checks that under `root` the key has this value, or none.
    pub fn verify(&self, root: &Digest, key: &Digest, value: Option<&Digest>) -> Result<(), MapProofError> {
        let (path, end, end_value) = match (self, value) {
            (Self::Present { path }, Some(value)) => (path, key, value),
            (Self::Absent { other: Some((other, other_value)), path }, None) => {
                if other == key || path.iter().any(|(bit, _)| bit_of(key, *bit) != bit_of(other, *bit)) {
                    return Err(MapProofError::OtherKey);
                }
                (path, other, other_value)
            }
            (Self::Absent { other: None, path }, None) => {
                return if path.is_empty() && *root == empty_hash() { Ok(()) } else { Err(MapProofError::Root) };
            }
            (Self::Present { .. }, None) | (Self::Absent { .. }, Some(_)) => return Err(MapProofError::Kind),
        };
        // A path that strictly decreases towards the root has at most 256 steps.
        if !path.is_sorted_by(|(below, _), (above, _)| below > above) {
            return Err(MapProofError::BitOrder);
        }
        let hash = path.iter().fold(leaf_hash(end, end_value), |node, (bit, sibling)| {
            if bit_of(end, *bit) { inner_hash(*bit, sibling, &node) } else { inner_hash(*bit, &node, sibling) }
        });
        if hash == *root { Ok(()) } else { Err(MapProofError::Root) }
    }

    /// The bytes: for absence the other key and its value, each with its length in front; then the path.
    /// They do not say which of the two kinds they are.
    pub fn encode(&self) -> Vec<u8> {
        let (other, path) = match self {
            Self::Present { path } => (None, path),
            Self::Absent { other, path } => (other.as_ref(), path),
        };
        let mut bytes = Vec::with_capacity(66 + path.len() * 34);
        if let Some((key, value)) = other {
            for part in [key, value] {
                bytes.push(32);
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        for (bit, sibling) in path {
            let (low, high) = varint(*bit);
            bytes.push(low);
            bytes.extend((high != 0).then_some(high));
            bytes.extend_from_slice(sibling.as_bytes());
        }
        bytes
    }

    /// Reads a proof of presence.
    pub fn decode_present(bytes: &[u8]) -> Result<Self, MapProofError> {
        Ok(Self::Present { path: Reader { bytes, at: 0 }.path()? })
    }

    /// Reads a proof of absence.
    pub fn decode_absent(bytes: &[u8]) -> Result<Self, MapProofError> {
        let mut reader = Reader { bytes, at: 0 };
        let other = if bytes.is_empty() { None } else { Some((reader.part()?, reader.part()?)) };
        Ok(Self::Absent { other, path: reader.path()? })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    const fn error(&self) -> MapProofError {
        MapProofError::Encoding { at: self.at }
    }

    fn byte(&mut self) -> Result<u8, MapProofError> {
        let byte = *self.bytes.get(self.at).ok_or(self.error())?;
        self.at += 1;
        Ok(byte)
    }

    fn digest(&mut self) -> Result<Digest, MapProofError> {
        let end = self.at.saturating_add(Digest::LENGTH);
        let digest = self.bytes.get(self.at..end).and_then(Digest::from_slice).ok_or(self.error())?;
        self.at = end;
        Ok(digest)
    }

    /// A digest with its length in front.
    fn part(&mut self) -> Result<Digest, MapProofError> {
        if self.byte()? == 32 { self.digest() } else { Err(self.error()) }
    }

    fn path(mut self) -> Result<Vec<(u8, Digest)>, MapProofError> {
        if self.bytes.len() > BYTES_MAX {
            return Err(MapProofError::Encoding { at: BYTES_MAX });
        }
        let mut path = Vec::new();
        while self.at < self.bytes.len() {
            let bit = self.byte()?;
            // A second byte can only be 1: 0 would not be minimal, more would be above bit 255.
            if bit >= 128 && self.byte()? != 1 {
                return Err(self.error());
            }
            path.push((bit, self.digest()?));
        }
        Ok(path)
    }
}
