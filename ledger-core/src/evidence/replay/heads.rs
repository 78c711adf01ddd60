//! The heads of all streams, what it takes to continue each and nothing more, with the map over them.

use crate::digest::Digest;
use crate::id::LeafIndex;
use crate::log::arena::Arena;
use crate::log::map::{MapFull, StreamMap};
use crate::log::stream::{StreamFrontier, StreamOrderError};

#[derive(Debug, Default)]
struct Head {
    frontier: StreamFrontier,
    /// How many records are homed in it.
    homed: u64,
    /// Leaf hash of the last of them; meaningless while there is none.
    last_homed: Digest,
}

/// All heads, by map key, in a table of open addressing: the keys are hashes already. Who grinds keys that begin with
/// the same bits makes the replay slower and nothing else.
///
/// A head is about 250 bytes of memory: 96 here (and 32 for each further hash of its tree's edge), 8 to 16 for its
/// slot, 140 in the map, which also keeps its key.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the heads of all streams: there is no better word for them")]
pub(super) struct Heads {
    /// Place in `heads` plus one, or 0; a power of two of them.
    slots: Vec<u32>,
    /// In the order in which their keys came into the map.
    heads: Arena<Head>,
    map: StreamMap,
    /// Places whose head has moved since the map was last brought up to date; some of them twice.
    moved: Vec<u32>,
}

/// Why a stream does not take a record.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    #[error(transparent)]
    Order(#[from] StreamOrderError),
    #[error(transparent)]
    Full(#[from] MapFull),
}

impl Heads {
    /// Number of streams.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.heads.len()).unwrap_or(u64::MAX)
    }

    /// Where a chain stands: the next `seq`, and the leaf hash of the last record homed in the stream, if any.
    pub(super) fn chain(&self, key: &Digest) -> (u64, Option<Digest>) {
        let head = self.find(key).ok().and_then(|place| self.heads.get(place));
        head.map_or((0, None), |head| (head.homed, (head.homed > 0).then_some(head.last_homed)))
    }

    /// Appends a record to a stream by its hash in stream trees. The leaf hash of one that is homed there continues the
    /// chain.
    pub(super) fn push(
        &mut self,
        key: Digest,
        index: LeafIndex,
        hash: Digest,
        homed: Option<Digest>,
    ) -> Result<(), HeadError> {
        let (place, head) = self.entry(key)?;
        if let Some(leaf) = homed {
            head.homed += 1;
            head.last_homed = leaf;
        }
        head.frontier.push_hashed(index, hash)?;
        self.moved.push(place);
        Ok(())
    }

    /// The root of the map over the heads as they stand.
    pub(super) fn root(&mut self) -> Result<Digest, MapFull> {
        self.moved.sort_unstable();
        self.moved.dedup();
        for place in self.moved.drain(..) {
            if let (Some(head), Some(key)) = (self.heads.get(place), self.map.key(place).copied()) {
                self.map.insert(key, head.frontier.head_value())?;
            }
        }
        Ok(self.map.root())
    }

    fn entry(&mut self, key: Digest) -> Result<(u32, &mut Head), MapFull> {
        if self.heads.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(slot) => {
                // Its value follows when the root is asked for.
                self.map.insert(key, Digest::default())?;
                let place = self.heads.push(Head::default()).ok_or(MapFull)?;
                if let Some(slot) = self.slots.get_mut(slot) {
                    *slot = place.checked_add(1).ok_or(MapFull)?;
                }
                place
            }
        };
        self.heads.get_mut(place).map(|head| (place, head)).ok_or(MapFull)
    }

    /// The place of a key, or the free slot where it would be noted.
    fn find(&self, key: &Digest) -> Result<u32, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = start(key) & mask;
        loop {
            let Some(place) = self.slots.get(slot).and_then(|noted| noted.checked_sub(1)) else { return Err(slot) };
            match self.map.key(place) {
                Some(other) if other == key => return Ok(place),
                Some(_) => slot = (slot + 1) & mask,
                None => return Err(slot),
            }
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        self.slots = vec![0; size];
        for (place, noted) in (0..).zip(1..).take(self.heads.len()) {
            let mut slot = self.map.key(place).map_or(0, start) & (size - 1);
            while self.slots.get(slot).is_some_and(|noted| *noted != 0) {
                slot = (slot + 1) & (size - 1);
            }
            if let Some(slot) = self.slots.get_mut(slot) {
                *slot = noted;
            }
        }
    }
}

fn start(key: &Digest) -> usize {
    let first = key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    usize::try_from(first & 0xffff_ffff).unwrap_or(0)
}
