//! Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2), also of subtrees
//! (draft-ietf-plants-merkle-tree-certs section 4).

use std::iter::Rev;
use std::slice::Iter;

use serde::{Deserialize, Serialize};

use super::tree::NodeSource;
use super::{Sha256Tree, TreeHash, split};
use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};

/// Why a proof does not prove, or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("leaf {index} is not in a tree of {size}")]
    OutOfRange {
        /// The leaf asked for.
        index: LeafIndex,
        /// The size of the tree.
        size: TreeSize,
    },
    /// Consistency is defined from a size >= 1 to one that is not smaller.
    #[error("no consistency from size {old} to size {new}")]
    Sizes {
        /// The smaller size.
        old: TreeSize,
        /// The larger size.
        new: TreeSize,
    },
    /// The range of leaves is not a subtree.
    #[error("leaves {start} to {end} are not a subtree")]
    NoSubtree {
        /// First leaf.
        start: u64,
        /// The leaf after the last.
        end: u64,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The leaves of a batch must be in increasing order, each once.
    #[error("the leaves of a batch proof are not in order")]
    Order,
    /// The proof leads to another root: what it is about is not in that tree.
    #[error("the proof leads to another root")]
    Root,
    /// The source does not have a node that the proof needs.
    #[error("node {index} of level {level} is missing")]
    MissingNode {
        /// Level above the leaves.
        level: u8,
        /// Place in the level.
        index: u64,
    },
}

/// Proof that a leaf stands at an index of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// Place of the leaf.
    pub index: LeafIndex,
    /// Size of the tree.
    pub size: TreeSize,
    /// Sibling hashes from the leaf to the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// Checks the proof in a tree with SHA-256.
    pub fn verify(&self, leaf_hash: &Digest, root: &Digest) -> Result<(), ProofError> {
        self.verify_with::<Sha256Tree>(leaf_hash, root)
    }

    /// Checks the proof in a tree with any of the two hashes.
    pub fn verify_with<H: TreeHash>(&self, leaf_hash: &Digest, root: &Digest) -> Result<(), ProofError> {
        let (index, size) = (self.index.0, self.size.0);
        if index >= size {
            return Err(ProofError::OutOfRange { index: self.index, size: self.size });
        }
        // Below the level where the paths of this leaf and of the last one meet, siblings stand on either
        // side; above it, only on the left.
        let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
        let border = index.checked_shr(inner).unwrap_or(0).count_ones();
        if u32::try_from(self.path.len()) != Ok(inner + border) {
            return Err(ProofError::Length);
        }
        let mut node = *leaf_hash;
        for (level, sibling) in (0..).zip(&self.path) {
            let on_left = level >= inner || (index >> level) & 1 == 1;
            node = if on_left { H::node(sibling, &node) } else { H::node(&node, sibling) };
        }
        if node == *root { Ok(()) } else { Err(ProofError::Root) }
    }
}

/// Proof that a tree was only appended to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// Size of the older tree.
    pub old: TreeSize,
    /// Size of the newer tree.
    pub new: TreeSize,
    /// The hashes, in the order of RFC 6962.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Digest>,
}

impl ConsistencyProof {
    /// Checks the proof between two trees with SHA-256.
    pub fn verify(&self, old_root: &Digest, new_root: &Digest) -> Result<(), ProofError> {
        self.verify_with::<Sha256Tree>(old_root, new_root)
    }

    /// Checks the proof between two trees with any of the two hashes. A proof from the empty tree
    /// proves nothing and is refused; the witness protocol, which wants it, treats size 0 itself.
    pub fn verify_with<H: TreeHash>(&self, old_root: &Digest, new_root: &Digest) -> Result<(), ProofError> {
        if self.old.0 == 0 || self.old > self.new {
            return Err(ProofError::Sizes { old: self.old, new: self.new });
        }
        let subtree = Subtree { start: 0, end: self.old.0 };
        verify_subtree_consistency::<H>(subtree, self.new, &self.path, old_root, new_root)
    }
}

/// A range of leaves that is a subtree: it starts at a multiple of the smallest power of two that is not
/// below its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    start: u64,
    end: u64,
}

impl Subtree {
    /// Checks that the leaves from `start` up to and without `end` are a subtree.
    pub const fn new(start: u64, end: u64) -> Result<Self, ProofError> {
        let error = ProofError::NoSubtree { start, end };
        let Some(length) = end.checked_sub(start) else { return Err(error) };
        match length.checked_next_power_of_two() {
            Some(width) if start.is_multiple_of(width) => Ok(Self { start, end }),
            None if start == 0 => Ok(Self { start, end }),
            Some(_) | None => Err(error),
        }
    }
}

/// Checks that a leaf stands at an index of a subtree with this root.
pub fn verify_subtree_inclusion<H: TreeHash>(
    index: LeafIndex,
    subtree: Subtree,
    path: &[Digest],
    leaf_hash: &Digest,
    root: &Digest,
) -> Result<(), ProofError> {
    let size = TreeSize(subtree.end - subtree.start);
    let Some(inside) = index.0.checked_sub(subtree.start) else {
        return Err(ProofError::OutOfRange { index, size: TreeSize(subtree.end) });
    };
    InclusionProof { index: LeafIndex(inside), size, path: path.to_vec() }.verify_with::<H>(leaf_hash, root)
}

/// Checks that a tree of `size` leaves with root `root` contains the subtree with root `subtree_root`.
/// The empty subtree is in every tree; its proof is empty.
pub fn verify_subtree_consistency<H: TreeHash>(
    subtree: Subtree,
    size: TreeSize,
    path: &[Digest],
    subtree_root: &Digest,
    root: &Digest,
) -> Result<(), ProofError> {
    let Subtree { start, end } = subtree;
    if end > size.0 {
        return Err(ProofError::Sizes { old: TreeSize(end), new: size });
    }
    if start == end {
        return match (path, *subtree_root == H::empty()) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    let mut hashes = path.iter().rev();
    let (old, new) = both_roots::<H>((start, end), size.0, Some(subtree_root), &mut hashes)?;
    if hashes.next().is_some() {
        return Err(ProofError::Length);
    }
    if old == *subtree_root && new == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// The roots of the subtree and of the tree of `size` leaves, from a proof read backwards. `known` is the
/// subtree's root as long as it is whole. Sizes at least halve from the second step on, so at most 65 deep.
fn both_roots<H: TreeHash>(
    (start, end): (u64, u64),
    size: u64,
    known: Option<&Digest>,
    hashes: &mut Rev<Iter<'_, Digest>>,
) -> Result<(Digest, Digest), ProofError> {
    if start == 0 && end == size {
        let root = *known.or_else(|| hashes.next()).ok_or(ProofError::Length)?;
        return Ok((root, root));
    }
    let middle = split(size);
    let sibling = *hashes.next().ok_or(ProofError::Length)?;
    if end <= middle {
        let (old, new) = both_roots::<H>((start, end), middle, known, hashes)?;
        Ok((old, H::node(&new, &sibling)))
    } else if start >= middle {
        let (old, new) = both_roots::<H>((start - middle, end - middle), size - middle, known, hashes)?;
        Ok((old, H::node(&sibling, &new)))
    } else {
        let (old, new) = both_roots::<H>((0, end - middle), size - middle, None, hashes)?;
        Ok((H::node(&sibling, &old), H::node(&sibling, &new)))
    }
}

/// Makes the proof that leaf `index` is in the tree of `size` leaves.
pub fn prove_inclusion<H: TreeHash>(
    source: &(impl NodeSource + ?Sized),
    index: LeafIndex,
    size: TreeSize,
) -> Result<InclusionProof, ProofError> {
    if index.0 >= size.0 {
        return Err(ProofError::OutOfRange { index, size });
    }
    let (mut start, mut end) = (0, size.0);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index.0 < middle {
            path.push(subtree_root::<H>(source, middle, end)?);
            end = middle;
        } else {
            path.push(subtree_root::<H>(source, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(InclusionProof { index, size, path })
}

/// Makes the proof that the tree of `old` leaves is the beginning of the tree of `new` leaves.
pub fn prove_consistency<H: TreeHash>(
    source: &(impl NodeSource + ?Sized),
    old: TreeSize,
    new: TreeSize,
) -> Result<ConsistencyProof, ProofError> {
    if old.0 == 0 || old > new {
        return Err(ProofError::Sizes { old, new });
    }
    let path = prove_subtree_consistency::<H>(source, Subtree { start: 0, end: old.0 }, new)?;
    Ok(ConsistencyProof { old, new, path })
}

/// Makes the proof that a tree of `size` leaves contains the subtree.
pub fn prove_subtree_consistency<H: TreeHash>(
    source: &(impl NodeSource + ?Sized),
    subtree: Subtree,
    size: TreeSize,
) -> Result<Vec<Digest>, ProofError> {
    let (mut start, mut end) = (0, size.0);
    if subtree.end > end {
        return Err(ProofError::Sizes { old: TreeSize(subtree.end), new: size });
    }
    let mut path = Vec::new();
    let mut from = subtree.start;
    if from == subtree.end {
        return Ok(path);
    }
    while (start, end) != (from, subtree.end) {
        let middle = start + split(end - start);
        if subtree.end <= middle {
            path.push(subtree_root::<H>(source, middle, end)?);
            end = middle;
        } else {
            path.push(subtree_root::<H>(source, start, middle)?);
            from = from.max(middle);
            start = middle;
        }
    }
    if from != subtree.start {
        path.push(subtree_root::<H>(source, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The root over the leaves from `start` up to and without `end`, which must be a [`Subtree`].
pub fn subtree_root<H: TreeHash>(
    source: &(impl NodeSource + ?Sized),
    start: u64,
    end: u64,
) -> Result<Digest, ProofError> {
    let Some(mut length) = end.checked_sub(start) else { return Err(ProofError::NoSubtree { start, end }) };
    let mut at = end;
    let mut root: Option<Digest> = None;
    // From the smallest complete subtree, at the right, to the largest.
    while length > 0 {
        let level = length.trailing_zeros();
        at -= 1 << level;
        length &= length - 1;
        let (level, index) = (u8::try_from(level).unwrap_or(u8::MAX), at >> level);
        let left = source.node(level, index).ok_or(ProofError::MissingNode { level, index })?;
        root = Some(root.map_or(left, |right| H::node(&left, &right)));
    }
    Ok(root.unwrap_or_else(H::empty))
}
