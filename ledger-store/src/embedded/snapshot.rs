//! Snapshots: the state in memory as of a batch, so that opening reads only what came after it. Derived, like the index.
//!
//! A snapshot is used only if its checksum holds, its tree has the root of the checkpoint that stands at its place
//! in the log, and its map has the root of the seal there; otherwise the log is read from its beginning.

use std::collections::HashMap;
use std::io;

use ledger_core::digest::Digest;
use ledger_core::id::{LeafIndex, TreeSize};
use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::genesis::Genesis;
use ledger_core::log::map::StreamMap;
use ledger_core::log::merkle::{Frontier, MerkleTree, NodeSource as _, leaf_hash};
use ledger_core::log::seal::{PreviousSeal, Seal};
use ledger_core::log::stream::StreamFrontier;
use ledger_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::files::{Files, join, read_to_end, replace};
use super::frame::Kind;
use super::ids::IdTable;
use super::recovery::Start;
use super::segment::{Position, SegmentFiles};
use super::state::{LogIndex, LogState, Published, StreamEntry, Streams};

const DIRECTORY: &str = "snapshot";
const MAGIC: &[u8; 8] = b"EDLSNAP1";
/// A snapshot is read as a whole; this is the state of some hundred million records.
const BYTES_MAX: u64 = 1 << 36;
/// The newest is used; one more is kept for the day when it is damaged.
const KEPT: usize = 2;

/// Why a snapshot is not used.
#[derive(Debug)]
pub(crate) enum SnapshotFault {
    /// The log does not reach it: records that were durable are gone.
    BeyondLog,
    /// It is damaged or of another log.
    Unusable(String),
}

fn unusable(reason: impl ToString) -> SnapshotFault {
    SnapshotFault::Unusable(reason.to_string())
}

/// Writes the state, which stands at the end of a batch, and removes older snapshots.
pub(crate) fn write(files: &dyn Files, state: &LogState, published: &Published, end: Position) -> io::Result<()> {
    files.create_directory(DIRECTORY)?;
    let bytes = encode(state, published, end);
    let trailer: [u8; 32] = Sha256::digest(&bytes).into();
    replace(files, DIRECTORY, &name(state.size()), &[&bytes, &trailer])?;
    let mut sizes = list(files)?;
    sizes.sort_unstable();
    let outdated = sizes.len().saturating_sub(KEPT);
    sizes.iter().take(outdated).try_for_each(|size| files.remove(&join(DIRECTORY, &name(*size))))
}

fn name(size: u64) -> String {
    format!("{size:016}.snap")
}

fn list(files: &dyn Files) -> io::Result<Vec<u64>> {
    let names = files.list(DIRECTORY)?;
    let size = |file: &String| file.strip_suffix(".snap")?.parse().ok().filter(|size| name(*size) == *file);
    Ok(names.iter().filter_map(size).collect())
}

fn encode(state: &LogState, published: &Published, end: Position) -> Vec<u8> {
    let log = published.log();
    let streams = published.streams();
    let mut out = Encoder { bytes: Vec::with_capacity(log.positions.len() * 72 + streams.len() * 160 + 1024) };
    out.bytes.extend_from_slice(MAGIC);
    out.number(state.size());
    out.number(end.to_u64());
    out.digest(&state.genesis);
    out.number(state.last_at.unix_ms());
    out.digest(&state.last_leaf);
    out.number(state.last_seal.index.0);
    out.digest(&state.last_seal.leaf);
    state.alt.hashes().iter().for_each(|hash| out.digest(hash));
    for (index, position) in (0..).zip(&log.positions) {
        out.digest(&log.tree.node(0, index).unwrap_or_default());
        out.number(position.to_u64());
    }
    out.count(log.seals.len());
    log.seals.iter().for_each(|seal| out.number(*seal));
    for table in [&log.events, &log.commands] {
        let entries = table.entries();
        out.count(entries.len());
        for (key, index) in entries {
            out.number(key);
            out.number(index);
        }
    }
    let mut sorted: Vec<_> = streams.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| **key);
    out.count(sorted.len());
    for (key, entry) in sorted {
        out.digest(key);
        out.number(entry.frontier.count().0);
        out.number(entry.frontier.last().map_or(0, |last| last.0));
        out.number(entry.homed);
        out.digest(&entry.last_homed);
        entry.frontier.hashes().iter().for_each(|hash| out.digest(hash));
    }
    out.bytes
}

struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    fn number(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn digest(&mut self, digest: &Digest) {
        self.bytes.extend_from_slice(digest.as_bytes());
    }
}

/// Reads the snapshots, newest first, one at a time.
pub(crate) fn load_newest(
    files: &dyn Files,
    genesis: &Genesis,
    genesis_hash: Digest,
) -> impl Iterator<Item = (u64, Result<Loaded, SnapshotFault>)> {
    let mut sizes = list(files).unwrap_or_default();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.into_iter().map(move |size| (size, load(files, size, genesis, genesis_hash)))
}

/// A snapshot whose checksum holds; not yet compared with the log.
#[derive(Debug)]
pub(crate) struct Loaded {
    start: Start,
    origin: String,
}

fn load(files: &dyn Files, size: u64, genesis: &Genesis, genesis_hash: Digest) -> Result<Loaded, SnapshotFault> {
    let file = files.open(&join(DIRECTORY, &name(size))).map_err(unusable)?;
    let bytes = read_to_end(file.as_ref(), BYTES_MAX).map_err(unusable)?;
    let (body, trailer) = bytes.split_last_chunk::<32>().ok_or_else(|| unusable("too short"))?;
    if <[u8; 32]>::from(Sha256::digest(body)) != *trailer {
        return Err(unusable("the checksum does not hold"));
    }
    let start = decode(body).filter(|start| start.state.genesis == genesis_hash && start.state.size() == size);
    let start = start.ok_or_else(|| unusable("not a snapshot of this ledger"))?;
    Ok(Loaded { start, origin: genesis.origin.as_str().to_owned() })
}

/// Compares a snapshot with the seal and the checkpoint at its place in the log.
pub(crate) fn check(loaded: Loaded, reader: &SegmentFiles) -> Result<Start, SnapshotFault> {
    let Loaded { mut start, origin } = loaded;
    let size = start.state.size();
    let seal_index = start.state.last_seal.index.0;
    let position = start.published.log().position(seal_index).ok_or_else(|| unusable("no seal"))?;
    let Ok((seal_bytes, next)) = reader.read_with_next(position, Kind::Leaf, seal_index) else {
        return Err(SnapshotFault::BeyondLog);
    };
    let Ok(note) = reader.read(next, Kind::Note, size) else { return Err(SnapshotFault::BeyondLog) };
    let seal = Seal::decode(&seal_bytes).map_err(unusable)?;
    let root = start.published.log().tree.root();
    let text = format!("{}\n", CheckpointBody::new(&origin, TreeSize(size), root));
    let sealed = leaf_hash(&seal_bytes) == start.state.last_seal.leaf && seal_index + 1 == size;
    if !note.starts_with(text.as_bytes()) || !sealed || seal.map_root != start.state.map.root() {
        return Err(unusable("the state is not that of the log at its place"));
    }
    Ok(start)
}

fn decode(body: &[u8]) -> Option<Start> {
    let mut input = Decoder { rest: body.strip_prefix(MAGIC)? };
    let size = input.number()?;
    let from = Position::from_u64(input.number()?);
    let genesis = input.digest()?;
    let last_at = Timestamp::from_unix_ms(input.number()?)?;
    let last_leaf = input.digest()?;
    let last_seal = PreviousSeal { index: LeafIndex(input.number()?), leaf: input.digest()? };
    let alt = Frontier::restore(TreeSize(size), input.hashes(size)?).ok()?;
    let mut tree = MerkleTree::new();
    let mut positions = Vec::new();
    for _ in 0..size {
        tree.push(input.digest()?);
        positions.push(Position::from_u64(input.number()?));
    }
    let mut seals = Vec::new();
    for _ in 0..input.number()? {
        seals.push(input.number()?);
    }
    let (events, commands) = (input.table()?, input.table()?);
    let frontier = Frontier::restore(TreeSize(size), edge_hashes(&tree, size)?).ok()?;
    let count = input.number()?;
    let mut streams: Streams =
        HashMap::with_capacity(usize::try_from(count).ok().filter(|count| *count <= body.len())?);
    let mut entries = Vec::with_capacity(streams.capacity());
    for _ in 0..count {
        let key = input.digest()?;
        let (count, last, homed, last_homed) = (input.number()?, input.number()?, input.number()?, input.digest()?);
        let hashes = input.hashes(count)?;
        let frontier = StreamFrontier::restore(TreeSize(count), hashes, LeafIndex(last)).ok()?;
        entries.push((key, frontier.head_value()));
        streams.insert(key, StreamEntry { frontier, homed, last_homed });
    }
    if !input.rest.is_empty() {
        return None;
    }
    let map = StreamMap::from_sorted(entries).ok()?;
    let state = LogState { genesis, last_at, last_leaf, last_seal, frontier, alt, map };
    let log = LogIndex { tree, positions, seals, events, commands };
    Some(Start { state, published: Published::new(streams, log), from })
}

/// The hashes of the complete subtrees that a tree of this size consists of, largest first.
fn edge_hashes(tree: &MerkleTree, size: u64) -> Option<Vec<Digest>> {
    let levels = (0..64_u8).rev().filter(|level| size >> level & 1 == 1);
    levels.map(|level| tree.node(level, (size >> level) - 1)).collect()
}

struct Decoder<'a> {
    rest: &'a [u8],
}

impl Decoder<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn digest(&mut self) -> Option<Digest> {
        let (digest, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(Digest::new(*digest))
    }

    /// As many hashes as a frontier of this size has.
    fn hashes(&mut self, size: u64) -> Option<Vec<Digest>> {
        (0..size.count_ones()).map(|_| self.digest()).collect()
    }

    fn table(&mut self) -> Option<IdTable> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= self.rest.len() / 16)?;
        let entries: Option<Vec<_>> = (0..count).map(|_| Some((self.number()?, self.number()?))).collect();
        Some(IdTable::restore(entries?.into_iter()))
    }
}
