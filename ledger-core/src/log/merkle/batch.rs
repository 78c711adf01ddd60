//! One proof for many leaves: the hashes that single proofs would repeat are left out.

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::proof::{ProofError, subtree_root};
use super::tree::NodeSource;
use super::{Sha256Tree, TreeHash, split};
use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};

/// Proof that several leaves stand at their indexes of one tree: the roots of the largest subtrees without
/// any of them, from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchInclusion {
    /// Size of the tree.
    pub size: TreeSize,
    /// The hashes; base64 of their concatenation in JSON, a third shorter than hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "concatenated")]
    pub nodes: Vec<Digest>,
}

impl BatchInclusion {
    /// The proof as a file: u64be size, then the hashes. In base64 a document's proof would be a third longer.
    pub fn encode(&self) -> Vec<u8> {
        let nodes = self.nodes.iter().flat_map(|node| *node.as_bytes());
        self.size.0.to_be_bytes().into_iter().chain(nodes).collect()
    }

    /// Reads what [`BatchInclusion::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (size, nodes) = bytes.split_first_chunk()?;
        let nodes = nodes.chunks(Digest::LENGTH).map(Digest::from_slice).collect::<Option<_>>()?;
        Some(Self { size: TreeSize(u64::from_be_bytes(*size)), nodes })
    }

    /// Checks that the leaves, sorted by index, are in the tree (SHA-256) with this root.
    pub fn verify(&self, leaves: &[(LeafIndex, Digest)], root: &Digest) -> Result<(), ProofError> {
        if self.root::<Sha256Tree>(leaves)? == *root { Ok(()) } else { Err(ProofError::Root) }
    }

    /// The root that the proof and the leaves, sorted by index, lead to.
    ///
    /// The work is at most 64 hashes for each leaf and each node given, so the length of the input limits it.
    pub fn root<H: TreeHash>(&self, leaves: &[(LeafIndex, Digest)]) -> Result<Digest, ProofError> {
        check_order(leaves.iter().map(|(index, _)| *index), self.size)?;
        if self.size.0 == 0 {
            return if self.nodes.is_empty() { Ok(H::empty()) } else { Err(ProofError::Length) };
        }
        let mut nodes = self.nodes.iter();
        let root = fold::<H>(0, self.size.0, leaves, &mut || nodes.next().copied())?;
        if nodes.next().is_some() { Err(ProofError::Length) } else { Ok(root) }
    }
}

/// Makes the proof for several leaves, sorted by index, of a tree of `size` leaves.
pub fn prove_batch<H: TreeHash>(
    source: &(impl NodeSource + ?Sized),
    indexes: &[LeafIndex],
    size: TreeSize,
) -> Result<BatchInclusion, ProofError> {
    check_order(indexes.iter().copied(), size)?;
    let mut nodes = Vec::new();
    if size.0 > 0 {
        collect::<H>(source, 0, size.0, indexes, &mut nodes)?;
    }
    Ok(BatchInclusion { size, nodes })
}

fn check_order(indexes: impl Iterator<Item = LeafIndex>, size: TreeSize) -> Result<(), ProofError> {
    let mut next = 0;
    for index in indexes {
        if index.0 >= size.0 {
            return Err(ProofError::OutOfRange { index, size });
        }
        if index.0 < next {
            return Err(ProofError::Order);
        }
        next = index.0 + 1;
    }
    Ok(())
}

fn fold<H: TreeHash>(
    start: u64,
    end: u64,
    leaves: &[(LeafIndex, Digest)],
    next: &mut impl FnMut() -> Option<Digest>,
) -> Result<Digest, ProofError> {
    match leaves {
        [] => next().ok_or(ProofError::Length),
        [(_, leaf_hash)] if end - start == 1 => Ok(*leaf_hash),
        _ => {
            let middle = start + split(end - start);
            let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| index.0 < middle));
            let left = fold::<H>(start, middle, left, next)?;
            let right = fold::<H>(middle, end, right, next)?;
            Ok(H::node(&left, &right))
        }
    }
}

fn collect<H: TreeHash>(
    source: &(impl NodeSource + ?Sized),
    start: u64,
    end: u64,
    indexes: &[LeafIndex],
    nodes: &mut Vec<Digest>,
) -> Result<(), ProofError> {
    if indexes.is_empty() {
        nodes.push(subtree_root::<H>(source, start, end)?);
    } else if end - start > 1 {
        let middle = start + split(end - start);
        let (left, right) = indexes.split_at(indexes.partition_point(|index| index.0 < middle));
        collect::<H>(source, start, middle, left, nodes)?;
        collect::<H>(source, middle, end, right, nodes)?;
    }
    Ok(())
}

mod concatenated {
    use super::{Base64, Deserialize, Deserializer, Digest, Encoding, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(nodes: &[Digest], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = nodes.iter().flat_map(|node| *node.as_bytes()).collect();
        Base64::encode_string(&bytes).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Digest>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let error = || serde::de::Error::custom("not base64 of 32-byte hashes");
        let bytes = Base64::decode_vec(&text).map_err(|_| error())?;
        let nodes = bytes.chunks(Digest::LENGTH).map(Digest::from_slice).collect::<Option<Vec<_>>>();
        // An absent proof has one spelling: no member.
        nodes.filter(|nodes| !nodes.is_empty()).ok_or_else(error)
    }
}
