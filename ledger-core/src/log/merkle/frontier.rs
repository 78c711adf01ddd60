//! The right edge of a tree: all that is needed to append to it and to know its root.

use std::marker::PhantomData;

use super::{Sha256Tree, TreeHash};
use crate::digest::Digest;
use crate::id::TreeSize;

/// The roots of the complete subtrees that a tree consists of, largest first: one per bit of its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier<H = Sha256Tree> {
    size: u64,
    edge: Edge,
    hash: PhantomData<H>,
}

/// The hashes. Millions of stream trees are kept in memory and most have one hash, which is then kept in place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Edge {
    One(Digest),
    /// None or several.
    Many(Vec<Digest>),
}

impl Edge {
    fn of(mut hashes: Vec<Digest>) -> Self {
        match (hashes.len(), hashes.pop()) {
            (1, Some(one)) => Self::One(one),
            (_, last) => {
                hashes.extend(last);
                Self::Many(hashes)
            }
        }
    }

    fn as_slice(&self) -> &[Digest] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    fn pop(&mut self) -> Option<Digest> {
        match self {
            Self::One(one) => {
                let one = *one;
                *self = Self::Many(Vec::new());
                Some(one)
            }
            Self::Many(many) => many.pop(),
        }
    }

    fn push(&mut self, hash: Digest) {
        match self {
            Self::One(one) => *self = Self::Many(vec![*one, hash]),
            Self::Many(many) if many.is_empty() => *self = Self::One(hash),
            Self::Many(many) => {
                if many.len() == many.capacity() {
                    // Doubling would waste most of what is kept.
                    many.reserve_exact(1);
                }
                many.push(hash);
            }
        }
    }
}

/// The number of hashes is not the number of bits of the size, so these are not a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frontier of {size} leaves has {expected} hashes, not {actual}")]
pub struct FrontierError {
    /// The size that was given.
    pub size: TreeSize,
    /// How many hashes it needs.
    pub expected: usize,
    /// How many were given.
    pub actual: usize,
}

impl<H> Default for Frontier<H> {
    fn default() -> Self {
        Self { size: 0, edge: Edge::Many(Vec::new()), hash: PhantomData }
    }
}

impl<H: TreeHash> Frontier<H> {
    /// The frontier of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a frontier that was stored. Only a comparison of [`Frontier::root`] tells whether it is the right one.
    pub fn restore(size: TreeSize, hashes: Vec<Digest>) -> Result<Self, FrontierError> {
        let expected = usize::try_from(size.0.count_ones()).unwrap_or(usize::MAX);
        if hashes.len() == expected {
            Ok(Self { size: size.0, edge: Edge::of(hashes), hash: PhantomData })
        } else {
            Err(FrontierError { size, expected, actual: hashes.len() })
        }
    }

    /// Appends a leaf by its leaf hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut node = leaf_hash;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                node = H::node(&left, &node);
            }
        }
        self.edge.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree.
    pub fn root(&self) -> Digest {
        let mut hashes = self.hashes().iter().rev();
        let Some(&last) = hashes.next() else { return H::empty() };
        hashes.fold(last, |right, left| H::node(left, &right))
    }

    /// Number of leaves.
    pub const fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// The hashes, largest subtree first.
    pub fn hashes(&self) -> &[Digest] {
        self.edge.as_slice()
    }
}
