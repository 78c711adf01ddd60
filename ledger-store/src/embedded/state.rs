//! The state of the log in memory, and the one way in which it moves: leaf by leaf into a stage, then a seal.
//!
//! The sequencer and the recovery use the same code; the one makes what the other checks. A [`Stage`] holds what a
//! batch changes apart, so that a batch that could not be written leaves no trace. Only the map changes in place;
//! [`LogState::undo`] puts its old values back.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ledger_core::digest::Digest;
use ledger_core::id::{LeafIndex, TreeSize};
use ledger_core::log::map::{MapFull, StreamMap};
use ledger_core::log::merkle::{Frontier, MerkleTree, NodeSource, Sha3Tree, alt_leaf_hash};
use ledger_core::log::seal::{PreviousSeal, Seal, SealType};
use ledger_core::log::stream::{StreamFrontier, StreamOrderError};
use ledger_core::time::Timestamp;

use super::ids::IdTable;
use super::segment::Position;
use crate::store::StreamState;

/// What is kept of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamEntry {
    pub(crate) frontier: StreamFrontier,
    /// How many records are homed in it.
    pub(crate) homed: u64,
    /// Leaf hash of the last of them; meaningless while there is none.
    pub(crate) last_homed: Digest,
}

impl StreamEntry {
    pub(crate) fn state(&self) -> StreamState {
        StreamState {
            revision: self.frontier.count().0,
            homed: self.homed,
            last_homed: (self.homed > 0).then_some(self.last_homed),
        }
    }
}

/// All streams, by map key.
pub(crate) type Streams = HashMap<Digest, StreamEntry>;

/// What leads from a leaf index, an event or a command to the bytes; grows by whole batches.
#[derive(Debug, Default)]
pub(crate) struct LogIndex {
    /// All nodes of the log's tree: 64 bytes per leaf.
    pub(crate) tree: MerkleTree,
    /// Where each leaf stands.
    pub(crate) positions: Vec<Position>,
    /// Indexes of the seals; each batch ends in one.
    pub(crate) seals: Vec<u64>,
    pub(crate) events: IdTable,
    pub(crate) commands: IdTable,
}

/// What readers share with the writer. It shows acknowledged batches only.
#[derive(Debug, Default)]
pub(crate) struct Published {
    streams: RwLock<Streams>,
    log: RwLock<LogIndex>,
}

impl Published {
    pub(crate) fn new(streams: Streams, log: LogIndex) -> Self {
        Self { streams: RwLock::new(streams), log: RwLock::new(log) }
    }

    pub(crate) fn streams(&self) -> RwLockReadGuard<'_, Streams> {
        self.streams.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> RwLockReadGuard<'_, LogIndex> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_mut(&self) -> RwLockWriteGuard<'_, LogIndex> {
        self.log.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a batch that is durable.
    pub(crate) fn publish(&self, staged: Staged, positions: impl Iterator<Item = Position>) {
        {
            let mut log = self.log_mut();
            log.positions.extend(positions);
            for leaf in staged.leaves {
                log.tree.push(leaf);
            }
            log.seals.push(staged.seal.index.0);
            for (prefix, index) in staged.events {
                log.events.insert(prefix, index);
            }
            for (prefix, index) in staged.commands {
                log.commands.insert(prefix, index);
            }
        }
        self.streams.write().unwrap_or_else(PoisonError::into_inner).extend(staged.streams);
    }
}

impl NodeSource for LogIndex {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        self.tree.node(level, index)
    }
}

impl LogIndex {
    /// The seal that ends the batch of a leaf.
    pub(crate) fn seal_of(&self, index: u64) -> Option<u64> {
        let place = self.seals.partition_point(|seal| *seal < index);
        self.seals.get(place).copied()
    }

    pub(crate) fn position(&self, index: u64) -> Option<Position> {
        self.positions.get(usize::try_from(index).ok()?).copied()
    }
}

/// The end of the log as its one writer knows it.
#[derive(Debug, Clone)]
pub(crate) struct LogState {
    pub(crate) genesis: Digest,
    pub(crate) last_at: Timestamp,
    pub(crate) last_leaf: Digest,
    pub(crate) last_seal: PreviousSeal,
    pub(crate) frontier: Frontier,
    pub(crate) alt: Frontier<Sha3Tree>,
    pub(crate) map: StreamMap,
}

/// A leaf that cannot stand where it was to stand: the log would contradict itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    #[error(transparent)]
    Order(#[from] StreamOrderError),
    #[error(transparent)]
    Map(#[from] MapFull),
}

impl LogState {
    /// Before the genesis, whose leaf hash is known.
    pub(crate) fn empty(genesis: Digest) -> Self {
        Self {
            genesis,
            last_at: Timestamp::EPOCH,
            last_leaf: Digest::default(),
            last_seal: PreviousSeal { index: LeafIndex(0), leaf: genesis },
            frontier: Frontier::new(),
            alt: Frontier::new(),
            map: StreamMap::new(),
        }
    }

    /// Number of leaves.
    pub(crate) const fn size(&self) -> u64 {
        self.frontier.size().0
    }

    /// Takes a sealed batch over.
    pub(crate) fn advance(&mut self, staged: &Staged) {
        self.frontier = staged.frontier.clone();
        self.alt = staged.alt.clone();
        self.last_at = staged.at;
        self.last_seal = staged.seal;
        self.last_leaf = staged.seal.leaf;
    }

    /// Puts the map back to the published streams after a batch that was sealed but not written.
    pub(crate) fn undo(&mut self, published: &Published) -> Result<(), MapFull> {
        let streams = published.streams();
        let mut entries: Vec<_> = streams.iter().map(|(key, entry)| (*key, entry.frontier.head_value())).collect();
        entries.sort_unstable();
        self.map = StreamMap::from_sorted(entries).map_err(|_| MapFull)?;
        Ok(())
    }
}

/// A batch on its way.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    /// As published; held for the whole batch, during which nobody else could change it anyway.
    published: RwLockReadGuard<'a, Streams>,
    genesis: Digest,
    previous_seal: PreviousSeal,
    staged: Staged,
}

/// What a batch changes.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) streams: Streams,
    pub(crate) leaves: Vec<Digest>,
    pub(crate) events: Vec<(u64, u64)>,
    pub(crate) commands: Vec<(u64, u64)>,
    pub(crate) frontier: Frontier,
    alt: Frontier<Sha3Tree>,
    pub(crate) at: Timestamp,
    /// The seal of the batch, once it has one.
    pub(crate) seal: PreviousSeal,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(state: &LogState, published: &'a Published) -> Self {
        Self {
            published: published.streams(),
            genesis: state.genesis,
            previous_seal: state.last_seal,
            staged: Staged {
                streams: HashMap::new(),
                leaves: Vec::new(),
                events: Vec::new(),
                commands: Vec::new(),
                frontier: state.frontier.clone(),
                alt: state.alt.clone(),
                at: state.last_at,
                seal: state.last_seal,
            },
        }
    }

    /// Log index of the next leaf.
    pub(crate) fn next_index(&self) -> u64 {
        self.staged.frontier.size().0
    }

    pub(crate) const fn at(&self) -> Timestamp {
        self.staged.at
    }

    /// How a stream stands after what is in the stage.
    pub(crate) fn state_of(&self, key: &Digest) -> StreamState {
        match self.staged.streams.get(key) {
            Some(entry) => entry.state(),
            None => self.published.get(key).map(StreamEntry::state).unwrap_or_default(),
        }
    }

    /// The `prev` of the next record homed in a stream.
    pub(crate) fn prev_of(&self, key: &Digest) -> Digest {
        self.state_of(key).last_homed.unwrap_or(self.genesis)
    }

    /// Appends a leaf that belongs to these streams; the first of them is the home of an event, the genesis has none.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        leaf: Digest,
        at: Timestamp,
        streams: &[Digest],
        homed: bool,
    ) -> Result<u64, StageError> {
        let index = self.next_index();
        for (place, key) in streams.iter().enumerate() {
            let published = &self.published;
            let entry = self.staged.streams.entry(*key);
            let entry = entry.or_insert_with(|| published.get(key).cloned().unwrap_or_default());
            entry.frontier.push(LeafIndex(index), &leaf)?;
            if homed && place == 0 {
                entry.homed += 1;
                entry.last_homed = leaf;
            }
        }
        self.push_leaf(bytes, leaf, at);
        Ok(index)
    }

    fn push_leaf(&mut self, bytes: &[u8], leaf: Digest, at: Timestamp) {
        self.staged.leaves.push(leaf);
        self.staged.frontier.push(leaf);
        self.staged.alt.push(alt_leaf_hash(bytes));
        self.staged.at = at;
    }

    pub(crate) fn note_event(&mut self, prefix: u64, index: u64) {
        self.staged.events.push((prefix, index));
    }

    pub(crate) fn note_command(&mut self, prefix: u64, index: u64) {
        self.staged.commands.push((prefix, index));
    }

    /// The seal over everything before it. Brings the map up to date.
    pub(crate) fn seal(&self, map: &mut StreamMap, at: Timestamp) -> Result<Seal, StageError> {
        for (key, entry) in &self.staged.streams {
            map.insert(*key, entry.frontier.head_value())?;
        }
        Ok(Seal {
            t: SealType::V1,
            at,
            genesis: self.genesis,
            size: TreeSize(self.next_index()),
            map_root: map.root(),
            alt_root: self.staged.alt.root(),
            prev_seal: self.previous_seal,
        })
    }

    /// Appends the seal's leaf and ends the batch.
    pub(crate) fn finish(mut self, bytes: &[u8], leaf: Digest, at: Timestamp) -> Staged {
        self.staged.seal = PreviousSeal { index: LeafIndex(self.next_index()), leaf };
        self.push_leaf(bytes, leaf, at);
        self.staged
    }
}
