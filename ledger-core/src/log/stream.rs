//! Stream trees: one tree per stream, over the places that its records have in the log (format section 4).

use super::merkle::{Frontier, FrontierError, Sha256Tree, leaf_hash};
use crate::digest::{Digest, tagged};
use crate::id::{LeafIndex, TreeSize};

/// The leaf hash, in its stream's tree, of the record at `index` of the log:
/// RFC 6962 over "edl/v1/streamleaf" 00 u64be(log index) || leaf hash.
pub fn stream_leaf_hash(index: LeafIndex, leaf: &Digest) -> Digest {
    let mut data = [0; 18 + 8 + 32];
    let parts = [&b"edl/v1/streamleaf\0"[..], &index.0.to_be_bytes(), leaf.as_bytes()];
    for (place, byte) in data.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
    leaf_hash(&data)
}

/// What the map holds for a stream: SHA-256("edl/v1/streamhead" 00 u64be count || root).
pub fn stream_head_value(count: TreeSize, root: &Digest) -> Digest {
    tagged("edl/v1/streamhead", &[&count.0.to_be_bytes(), root.as_bytes()])
}

/// The state from which a stream is continued: the edge of its tree and the last place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamFrontier {
    frontier: Frontier<Sha256Tree>,
    /// Meaningless while the stream is empty.
    last: u64,
}

/// A record stands before one that is in the stream already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("log index {index} does not come after {last}, the last one of the stream")]
pub struct StreamOrderError {
    /// The index that was to be appended.
    pub index: LeafIndex,
    /// The last index of the stream.
    pub last: LeafIndex,
}

impl StreamFrontier {
    /// Takes a state that was stored; `last` is the last log index (any, for an empty stream).
    pub fn restore(count: TreeSize, hashes: Vec<Digest>, last: LeafIndex) -> Result<Self, FrontierError> {
        Ok(Self { frontier: Frontier::restore(count, hashes)?, last: if count.0 == 0 { 0 } else { last.0 } })
    }

    /// Appends the record at `index` of the log.
    pub fn push(&mut self, index: LeafIndex, leaf: &Digest) -> Result<(), StreamOrderError> {
        self.push_hashed(index, stream_leaf_hash(index, leaf))
    }

    /// As [`StreamFrontier::push`], for who has the [`stream_leaf_hash`] already: it is the same in each stream that
    /// the record names.
    pub fn push_hashed(&mut self, index: LeafIndex, hash: Digest) -> Result<(), StreamOrderError> {
        if let Some(last) = self.last().filter(|last| index <= *last) {
            return Err(StreamOrderError { index, last });
        }
        self.frontier.push(hash);
        self.last = index.0;
        Ok(())
    }

    /// Number of records; the stream's revision.
    pub const fn count(&self) -> TreeSize {
        self.frontier.size()
    }

    /// Place in the log of the last record.
    pub fn last(&self) -> Option<LeafIndex> {
        (self.count().0 > 0).then_some(LeafIndex(self.last))
    }

    /// The roots of the complete subtrees, largest first.
    pub fn hashes(&self) -> &[Digest] {
        self.frontier.hashes()
    }

    /// The root of the stream's tree.
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }

    /// The value of this stream in the map.
    pub fn head_value(&self) -> Digest {
        stream_head_value(self.count(), &self.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preimages_are_those_of_the_format() {
        let leaf = Digest::new([7; 32]);
        let mut preimage = b"\0edl/v1/streamleaf\0".to_vec();
        preimage.extend([0, 0, 0, 0, 0, 0, 1, 2]);
        preimage.extend([7; 32]);
        assert_eq!(stream_leaf_hash(LeafIndex(258), &leaf), Digest::sha256(&[&preimage]));
        let mut preimage = b"edl/v1/streamhead\0".to_vec();
        preimage.extend([0, 0, 0, 0, 0, 0, 0, 3]);
        preimage.extend([7; 32]);
        assert_eq!(stream_head_value(TreeSize(3), &leaf), Digest::sha256(&[&preimage]));
    }

    #[test]
    fn a_hash_that_is_known_already_gives_the_same_tree() {
        let (mut plain, mut given) = (StreamFrontier::default(), StreamFrontier::default());
        for (index, byte) in [(1, 5), (4, 6), (9, 7)].map(|(index, byte)| (LeafIndex(index), byte)) {
            let leaf = Digest::new([byte; 32]);
            plain.push(index, &leaf).unwrap();
            given.push_hashed(index, stream_leaf_hash(index, &leaf)).unwrap();
        }
        assert_eq!(given, plain);
    }

    #[test]
    fn indexes_strictly_increase_also_after_a_restore() {
        let leaf = Digest::default();
        let mut stream = StreamFrontier::default();
        assert_eq!(stream.last(), None);
        stream.push(LeafIndex(0), &leaf).unwrap();
        stream.push(LeafIndex(5), &leaf).unwrap();
        let refused = StreamOrderError { index: LeafIndex(5), last: LeafIndex(5) };
        assert_eq!(stream.push(LeafIndex(5), &leaf), Err(refused));
        let mut restored = StreamFrontier::restore(stream.count(), stream.hashes().to_vec(), LeafIndex(5)).unwrap();
        assert_eq!(restored, stream);
        assert!(restored.push(LeafIndex(4), &leaf).is_err());
        assert_eq!(restored.push(LeafIndex(6), &leaf), Ok(()));
        assert_ne!(restored.head_value(), stream.head_value());
    }
}
