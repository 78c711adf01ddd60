//! A whole tree in memory, and the one question that proofs ask of any tree.

use std::marker::PhantomData;

use super::proof::{ProofError, subtree_root};
use super::{Sha256Tree, TreeHash};
use crate::digest::Digest;
use crate::id::TreeSize;

/// Where the hashes of complete subtrees come from: memory, tiles, a file.
pub trait NodeSource {
    /// The hash over the leaves from `index * 2^level` on, `2^level` of them; `None` if they are not all there.
    fn node(&self, level: u8, index: u64) -> Option<Digest>;
}

/// All nodes of a tree, for tests, stream trees and small logs.
#[derive(Debug, Clone)]
pub struct MerkleTree<H = Sha256Tree> {
    levels: Vec<Vec<Digest>>,
    hash: PhantomData<H>,
}

impl<H> Default for MerkleTree<H> {
    fn default() -> Self {
        Self { levels: Vec::new(), hash: PhantomData }
    }
}

impl<H: TreeHash> MerkleTree<H> {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf by its leaf hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut node = leaf_hash;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(nodes) = self.levels.get_mut(level) else { return };
            nodes.push(node);
            let ([.., left, right], true) = (nodes.as_slice(), nodes.len().is_multiple_of(2)) else { return };
            node = H::node(left, right);
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> TreeSize {
        TreeSize(self.levels.first().map_or(0, |leaves| u64::try_from(leaves.len()).unwrap_or(u64::MAX)))
    }

    /// The root when the tree had `size` leaves.
    pub fn root_at(&self, size: TreeSize) -> Result<Digest, ProofError> {
        subtree_root::<H>(self, 0, size.0)
    }

    /// The root.
    pub fn root(&self) -> Digest {
        // Every node of a tree in memory is there.
        self.root_at(self.size()).unwrap_or_else(|_| H::empty())
    }
}

impl<H> NodeSource for MerkleTree<H> {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}

impl<H: TreeHash> FromIterator<Digest> for MerkleTree<H> {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaf_hashes: I) -> Self {
        let mut tree = Self::new();
        leaf_hashes.into_iter().for_each(|leaf_hash| tree.push(leaf_hash));
        tree
    }
}
