//! The heads of all streams: what it takes to continue each, and nothing more.

use crate::digest::Digest;
use crate::id::LeafIndex;
use crate::log::map::{MapFull, StreamMap};
use crate::log::stream::{StreamFrontier, StreamOrderError};

#[derive(Debug, Default)]
struct Head {
    frontier: StreamFrontier,
    /// How many records are homed in it.
    homed: u64,
    /// Leaf hash of the last of them; meaningless while there is none.
    last_homed: Digest,
    /// The map does not hold the head as it stands.
    moved: bool,
}

/// All heads, by map key, in a table of open addressing: the keys are hashes already. Who grinds keys that begin with
/// the same bits makes the replay slower and nothing else.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Place in `heads` plus one, or 0; a power of two of them.
    slots: Vec<u32>,
    heads: Vec<(Digest, Head)>,
    /// Places whose head has moved since the map was last brought up to date.
    moved: Vec<u32>,
}

impl Heads {
    /// Number of streams.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.heads.len()).unwrap_or(u64::MAX)
    }

    /// Where a chain stands: the next `seq`, and the leaf hash of the last record homed in the stream, if any.
    pub(super) fn chain(&self, key: &Digest) -> (u64, Option<Digest>) {
        let head = self.find(key).ok().and_then(|place| self.heads.get(place));
        head.map_or((0, None), |(_, head)| (head.homed, (head.homed > 0).then_some(head.last_homed)))
    }

    /// Continues a chain with a record.
    pub(super) fn link(&mut self, home: &Digest, leaf: Digest) {
        let (_, head) = self.entry(*home);
        head.homed += 1;
        head.last_homed = leaf;
    }

    /// Appends a record to a stream.
    pub(super) fn push(&mut self, key: Digest, index: LeafIndex, leaf: &Digest) -> Result<(), StreamOrderError> {
        let (place, head) = self.entry(key);
        head.frontier.push(index, leaf)?;
        if !std::mem::replace(&mut head.moved, true) {
            self.moved.push(place);
        }
        Ok(())
    }

    /// Brings the map up to date.
    pub(super) fn update(&mut self, map: &mut StreamMap) -> Result<(), MapFull> {
        for place in std::mem::take(&mut self.moved) {
            let head = usize::try_from(place).ok().and_then(|place| self.heads.get_mut(place));
            if let Some((key, head)) = head {
                head.moved = false;
                map.insert(*key, head.frontier.head_value())?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, key: Digest) -> (u32, &mut Head) {
        if self.heads.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(slot) => {
                let place = self.heads.len();
                self.heads.push((key, Head::default()));
                if let Some(slot) = self.slots.get_mut(slot) {
                    *slot = u32::try_from(place + 1).unwrap_or(u32::MAX);
                }
                place
            }
        };
        #[expect(clippy::indexing_slicing, reason = "places come from this table, which never shrinks")]
        (u32::try_from(place).unwrap_or(u32::MAX), &mut self.heads[place].1)
    }

    /// The place of a key, or the free slot where it would be noted.
    fn find(&self, key: &Digest) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = start(key) & mask;
        loop {
            let Some(noted) = self.slots.get(slot).and_then(|noted| noted.checked_sub(1)) else { return Err(slot) };
            let place = usize::try_from(noted).unwrap_or(usize::MAX);
            match self.heads.get(place) {
                Some((other, _)) if other == key => return Ok(place),
                Some(_) => slot = (slot + 1) & mask,
                None => return Err(slot),
            }
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        self.slots = vec![0; size];
        for (place, (key, _)) in self.heads.iter().enumerate() {
            let mut slot = start(key) & (size - 1);
            while self.slots.get(slot).is_some_and(|noted| *noted != 0) {
                slot = (slot + 1) & (size - 1);
            }
            if let Some(slot) = self.slots.get_mut(slot) {
                *slot = u32::try_from(place + 1).unwrap_or(u32::MAX);
            }
        }
    }
}

fn start(key: &Digest) -> usize {
    let first = key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    usize::try_from(first & 0xffff_ffff).unwrap_or(0)
}
