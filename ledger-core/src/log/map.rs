//! The map: every stream's head under one root, so that a stream's completeness and absence can be proven.
//!
//! A Merkle Patricia tree over keys of 32 bytes, hashed as torchwood's `mpt` does:
//! leaf = SHA-256(00 || 32 || key || 32 || value), inner node = SHA-256(01 || varint bit || left || right) where
//! `bit` is the first bit in which the keys of the two sides differ, empty map = SHA-256 of nothing.
//! Bits are counted from the most significant of the first byte; a zero goes left.

use super::arena::Arena;
use crate::digest::Digest;

mod proof;

pub use proof::{MapProof, MapProofError};

/// The map in memory: 140 bytes for each key (key, value, an inner node with the hashes of its two sides).
///
/// Updates touch links only; [`StreamMap::root`] then hashes each node that lies above an update once. An inner node
/// keeps the hashes of its sides and not its own, so that hashing it again reads no memory but what the update
/// touched already: in a map of millions, memory costs more than SHA-256.
#[derive(Debug, Clone, Default)]
pub struct StreamMap {
    root: Option<Link>,
    leaves: Arena<Leaf>,
    inner: Arena<Inner>,
    /// The way down of the current insertion, kept to save its allocation.
    way: Vec<u32>,
}

/// The map holds 2^31 keys already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the map is full")]
pub struct MapFull;

/// Why sorted entries are not a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MapBuildError {
    /// Keys must strictly increase.
    #[error("key {key} does not come after the one before it")]
    Order {
        /// The key out of order.
        key: Digest,
    },
    /// There are more than 2^31 keys.
    #[error(transparent)]
    Full(#[from] MapFull),
}

#[derive(Debug, Clone, Copy)]
struct Leaf {
    key: Digest,
    value: Digest,
}

#[derive(Debug, Clone, Copy)]
struct Inner {
    /// Keys with a zero at `bit`.
    left: Side,
    /// Keys with a one at `bit`.
    right: Side,
    bit: u8,
    /// Something on the left has changed since its hash was computed.
    left_dirty: bool,
    right_dirty: bool,
}

#[derive(Debug, Clone, Copy)]
struct Side {
    link: Link,
    hash: Digest,
}

impl Inner {
    /// A node whose sides are hashed later.
    const fn new(bit: u8, left: Link, right: Link) -> Self {
        let hash = Digest::new([0; 32]);
        let (left, right) = (Side { link: left, hash }, Side { link: right, hash });
        Self { left, right, bit, left_dirty: true, right_dirty: true }
    }

    /// The side on which a key is.
    fn side(&self, key: &Digest) -> &Side {
        if bit_of(key, self.bit) { &self.right } else { &self.left }
    }

    /// The side on which a key is, and whether it must be hashed again.
    fn side_mut(&mut self, key: &Digest) -> (&mut Side, &mut bool) {
        if bit_of(key, self.bit) {
            (&mut self.right, &mut self.right_dirty)
        } else {
            (&mut self.left, &mut self.left_dirty)
        }
    }
}

/// A place in one of the arenas; the highest bit tells leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link(u32);

enum Node {
    Leaf(u32),
    Inner(u32),
}

const LEAF: u32 = 1 << 31;

impl Link {
    const fn node(self) -> Node {
        if self.0 & LEAF == 0 { Node::Inner(self.0) } else { Node::Leaf(self.0 & !LEAF) }
    }
}

#[expect(clippy::indexing_slicing, reason = "links are places in the two arenas, which only grow")]
impl StreamMap {
    /// The empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds the map of entries whose keys strictly increase (a snapshot) in one pass.
    pub fn from_sorted(entries: impl IntoIterator<Item = (Digest, Digest)>) -> Result<Self, MapBuildError> {
        let mut map = Self::new();
        // The inner nodes on the way to the last leaf.
        let mut edge: Vec<u32> = Vec::new();
        let mut last: Option<Digest> = None;
        for (key, value) in entries {
            let leaf = map.push_leaf(key, value)?;
            let Some(before) = last.replace(key) else {
                map.root = Some(leaf);
                continue;
            };
            let bit = first_difference(&before, &key).filter(|_| before < key).ok_or(MapBuildError::Order { key })?;
            while edge.last().is_some_and(|top| map.inner[*top].bit > bit) {
                edge.pop();
            }
            // The new node takes the place of what it divides.
            let divided = match edge.last() {
                Some(top) => map.inner[*top].right.link,
                None => map.root.ok_or(MapFull)?,
            };
            let node = map.inner.push(Inner::new(bit, divided, leaf));
            let node = node.filter(|node| node & LEAF == 0).ok_or(MapFull)?;
            match edge.last() {
                Some(top) => map.inner[*top].right.link = Link(node),
                None => map.root = Some(Link(node)),
            }
            edge.push(node);
        }
        Ok(map)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: Digest, value: Digest) -> Result<(), MapFull> {
        let Some(root) = self.root else {
            self.root = Some(self.push_leaf(key, value)?);
            return Ok(());
        };
        let mut way = std::mem::take(&mut self.way);
        way.clear();
        let found = self.descend(root, &key, |inner| way.push(inner));
        let result = match first_difference(&self.leaves[found].key, &key) {
            None => {
                self.leaves[found].value = value;
                self.mark(&way, &key);
                Ok(())
            }
            Some(bit) => self.divide(&way, bit, key, value),
        };
        self.way = way;
        result
    }

    /// Puts a new leaf at the first place of the way whose keys all agree with it up to `bit` only.
    fn divide(&mut self, way: &[u32], bit: u8, key: Digest, value: Digest) -> Result<(), MapFull> {
        let above = way.partition_point(|inner| self.inner[*inner].bit < bit);
        let (above, _) = way.split_at(above);
        let divided = match above.last() {
            Some(parent) => self.inner[*parent].side(&key).link,
            None => self.root.ok_or(MapFull)?,
        };
        let leaf = self.push_leaf(key, value)?;
        let (left, right) = if bit_of(&key, bit) { (divided, leaf) } else { (leaf, divided) };
        let node = self.inner.push(Inner::new(bit, left, right)).filter(|node| node & LEAF == 0).ok_or(MapFull)?;
        match above.last() {
            Some(parent) => self.inner[*parent].side_mut(&key).0.link = Link(node),
            None => self.root = Some(Link(node)),
        }
        self.mark(above, &key);
        Ok(())
    }

    /// From the bottom: above a side marked already all are marked.
    fn mark(&mut self, way: &[u32], key: &Digest) {
        for inner in way.iter().rev() {
            let (_, dirty) = self.inner[*inner].side_mut(key);
            if std::mem::replace(dirty, true) {
                break;
            }
        }
    }

    fn push_leaf(&mut self, key: Digest, value: Digest) -> Result<Link, MapFull> {
        let place = self.leaves.push(Leaf { key, value }).filter(|place| place & LEAF == 0);
        place.map(|place| Link(place | LEAF)).ok_or(MapFull)
    }

    /// The leaf that the bits of the key lead to; `visit` sees the inner nodes from the root down.
    fn descend(&self, from: Link, key: &Digest, mut visit: impl FnMut(u32)) -> u32 {
        let mut link = from;
        loop {
            match link.node() {
                Node::Leaf(leaf) => return leaf,
                Node::Inner(inner) => {
                    visit(inner);
                    link = self.inner[inner].side(key).link;
                }
            }
        }
    }

    /// The key that was inserted as the n-th, from 0: keys are never removed.
    pub fn key(&self, place: u32) -> Option<&Digest> {
        self.leaves.get(place).map(|leaf| &leaf.key)
    }

    /// The value of a key.
    pub fn get(&self, key: &Digest) -> Option<Digest> {
        let leaf = &self.leaves[self.descend(self.root?, key, |_| ())];
        (leaf.key == *key).then_some(leaf.value)
    }

    /// The root; hashes what has changed since it was last asked for.
    pub fn root(&mut self) -> Digest {
        match self.root {
            None => empty_hash(),
            Some(root) => self.rehash(root),
        }
    }

    /// Bits strictly increase on the way down, so the depth is at most 256.
    fn rehash(&mut self, link: Link) -> Digest {
        let at = match link.node() {
            Node::Leaf(leaf) => return self.leaves[leaf].hash(),
            Node::Inner(at) => at,
        };
        let inner = &self.inner[at];
        let left = inner.left_dirty.then_some(inner.left.link);
        let right = inner.right_dirty.then_some(inner.right.link);
        let left = left.map(|link| self.rehash(link));
        let right = right.map(|link| self.rehash(link));
        let inner = &mut self.inner[at];
        inner.left.hash = left.unwrap_or(inner.left.hash);
        inner.right.hash = right.unwrap_or(inner.right.hash);
        (inner.left_dirty, inner.right_dirty) = (false, false);
        inner_hash(inner.bit, &inner.left.hash, &inner.right.hash)
    }

    /// The hash of a node without keeping it.
    fn hash_of(&self, side: &Side, dirty: bool) -> Digest {
        if !dirty {
            return side.hash;
        }
        match side.link.node() {
            Node::Leaf(leaf) => self.leaves[leaf].hash(),
            Node::Inner(at) => {
                let Inner { left, right, bit, left_dirty, right_dirty } = &self.inner[at];
                inner_hash(*bit, &self.hash_of(left, *left_dirty), &self.hash_of(right, *right_dirty))
            }
        }
    }

    /// Proves the presence or the absence of a key under the present root. Cheap after [`StreamMap::root`];
    /// before it, changed nodes are hashed each time.
    pub fn prove(&self, key: &Digest) -> MapProof {
        let Some(root) = self.root else { return MapProof::Absent { other: None, path: Vec::new() } };
        let mut path = Vec::new();
        let found = self.descend(root, key, |inner| {
            let Inner { left, right, bit, left_dirty, right_dirty } = &self.inner[inner];
            let sibling =
                if bit_of(key, *bit) { self.hash_of(left, *left_dirty) } else { self.hash_of(right, *right_dirty) };
            path.push((*bit, sibling));
        });
        path.reverse();
        let Leaf { key: other, value } = self.leaves[found];
        if other == *key { MapProof::Present { path } } else { MapProof::Absent { other: Some((other, value)), path } }
    }

    /// All keys with their values, sorted by key.
    pub fn entries(&self) -> impl Iterator<Item = (Digest, Digest)> {
        let mut links: Vec<Link> = self.root.into_iter().collect();
        std::iter::from_fn(move || {
            loop {
                match links.pop()?.node() {
                    Node::Leaf(leaf) => {
                        let Leaf { key, value } = self.leaves[leaf];
                        return Some((key, value));
                    }
                    Node::Inner(inner) => links.extend([self.inner[inner].right.link, self.inner[inner].left.link]),
                }
            }
        })
    }
}

impl Leaf {
    fn hash(&self) -> Digest {
        leaf_hash(&self.key, &self.value)
    }
}

fn empty_hash() -> Digest {
    Digest::sha256(&[])
}

fn leaf_hash(key: &Digest, value: &Digest) -> Digest {
    Digest::sha256(&[&[0, 32], key.as_bytes(), &[32], value.as_bytes()])
}

fn inner_hash(bit: u8, left: &Digest, right: &Digest) -> Digest {
    let (low, high) = varint(bit);
    let prefix: &[u8] = if high == 0 { &[1, low] } else { &[1, low, high] };
    Digest::sha256(&[prefix, left.as_bytes(), right.as_bytes()])
}

/// A bit number as a varint (LEB128): one byte below 128, two from there on; the second is 0 for none.
const fn varint(bit: u8) -> (u8, u8) {
    if bit < 128 { (bit, 0) } else { (bit, 1) }
}

fn bit_of(key: &Digest, bit: u8) -> bool {
    key.as_bytes().get(usize::from(bit >> 3)).is_some_and(|byte| byte & (0x80 >> (bit & 7)) != 0)
}

fn first_difference(left: &Digest, right: &Digest) -> Option<u8> {
    let bytes = left.as_bytes().iter().zip(right.as_bytes());
    let (place, difference) = (0_u8..).zip(bytes.map(|(left, right)| left ^ right)).find(|(_, byte)| *byte != 0)?;
    u8::try_from(u32::from(place) * 8 + difference.leading_zeros()).ok()
}

#[cfg(test)]
mod tests;
