//! Merkle trees as RFC 6962 section 2.1 defines them, with SHA-256 and, for the second tree, SHA3-256.

use crate::digest::Digest;

mod batch;
mod frontier;
mod proof;
mod tree;

pub use batch::{BatchInclusion, prove_batch};
pub use frontier::{Frontier, FrontierError};
pub use proof::{
    ConsistencyProof, InclusionProof, ProofError, Subtree, prove_consistency, prove_inclusion,
    prove_subtree_consistency, subtree_root, verify_subtree_consistency, verify_subtree_inclusion,
};
pub use tree::{MerkleTree, NodeSource};

mod sealed {
    #[expect(unnameable_types, reason = "that it cannot be named is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for super::Sha256Tree {}
    impl Sealed for super::Sha3Tree {}
}

/// The hash of a tree. Two exist, and the format knows no other.
pub trait TreeHash: sealed::Sealed {
    /// The root of a tree without leaves: the hash of nothing.
    fn empty() -> Digest;
    /// The hash of a leaf: over 0x00 and its data.
    fn leaf(data: &[u8]) -> Digest;
    /// The hash of an inner node: over 0x01 and its children.
    fn node(left: &Digest, right: &Digest) -> Digest;
}

/// The log's tree: RFC 6962 with SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sha256Tree {}

/// The twin over the same leaves with SHA3-256, so that a break of SHA-256 is not the end (format section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sha3Tree {}

impl TreeHash for Sha256Tree {
    fn empty() -> Digest {
        Digest::sha256(&[])
    }

    fn leaf(data: &[u8]) -> Digest {
        Digest::sha256(&[&[0], data])
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        Digest::sha256(&[&[1], left.as_bytes(), right.as_bytes()])
    }
}

impl TreeHash for Sha3Tree {
    fn empty() -> Digest {
        Digest::sha3_256(&[])
    }

    fn leaf(data: &[u8]) -> Digest {
        Digest::sha3_256(&[&[0], data])
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        Digest::sha3_256(&[&[1], left.as_bytes(), right.as_bytes()])
    }
}

/// The leaf hash of the log: SHA-256(00 || data).
pub fn leaf_hash(data: &[u8]) -> Digest {
    Sha256Tree::leaf(data)
}

/// The node hash of the log: SHA-256(01 || left || right).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Sha256Tree::node(left, right)
}

/// The leaf hash of the second tree: SHA3-256(00 || data).
pub fn alt_leaf_hash(data: &[u8]) -> Digest {
    Sha3Tree::leaf(data)
}

/// The node hash of the second tree: SHA3-256(01 || left || right).
pub fn alt_node_hash(left: &Digest, right: &Digest) -> Digest {
    Sha3Tree::node(left, right)
}

/// The size of the left subtree of a tree with `size` >= 2 leaves: the largest power of two below it.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

#[cfg(test)]
mod tests;
