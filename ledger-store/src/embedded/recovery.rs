//! Opening: the same steps as appending, but checking what they once made.
//!
//! Everything is read and judged before anything is changed. What follows the last complete batch in the newest
//! segment was never acknowledged and is cut; a head file (or snapshot) that knows more than the segments hold means
//! that acknowledged records are gone, and nothing is touched. A crash during recovery leaves the same choice again.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use ledger_core::digest::Digest;
use ledger_core::id::{LeafIndex, StreamId, TreeSize};
use ledger_core::log::checkpoint::{CheckpointBody, VerifiedCheckpoint};
use ledger_core::log::genesis::Genesis;
use ledger_core::log::leaf::LeafError;
use ledger_core::log::merkle::leaf_hash;
use ledger_core::log::note::VerifierKey;
use ledger_core::log::seal::Seal;

use super::files::{Files, read_to_end};
use super::frame::Kind;
use super::head::{Head, HeadError, HeadFile};
use super::ids::{command_prefix, event_prefix};
use super::leaf::EventFacts;
use super::segment::{
    Position, Scan, ScannedBatch, SegmentError, SegmentFiles, SegmentLimits, SegmentWriter, TornTail,
};
use super::snapshot::{self, SnapshotFault};
use super::state::{LogIndex, LogState, Published, Stage, Streams};
use crate::store::LogHead;

/// The copy of leaf 0 that says which ledger a directory holds; it is written last when a ledger is made.
pub(crate) const GENESIS_FILE: &str = "genesis.json";

/// What opening found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// A batch that was never acknowledged was cut here.
    pub torn: Option<TornTail>,
    /// Size of the log at the snapshot from which reading began; 0 if all was read.
    pub snapshot: u64,
    /// Snapshots that could not be used and why; the log was read instead.
    pub unusable_snapshots: Vec<String>,
    /// One of the two slots of the head file was damaged; the other was used.
    pub head_slot_damaged: bool,
}

/// Why a ledger is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory holds no ledger, or its creation was cut off. Create one.
    #[error("the directory holds no ledger (it has no genesis.json)")]
    NoLedger,
    /// The directory holds a ledger already, or parts of one.
    #[error("the directory holds a ledger already, or parts of one: {name} exists")]
    NotEmpty {
        /// What was found.
        name: String,
    },
    /// Another process has it open.
    #[error(transparent)]
    Lock(#[from] super::lock::LockError),
    /// A file cannot be read or written. Nothing was lost by trying.
    #[error("{what} cannot be read or written")]
    Io {
        /// Which file.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The genesis is not one of this format.
    #[error("genesis.json is not a genesis of this format")]
    Genesis(#[source] LeafError),
    /// Bytes of the log are damaged. Restore the file from a copy; nothing was changed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The head file cannot be used.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The log ends before records that were acknowledged. Restore the segments from a copy; nothing was changed.
    #[error(
        "{witness} knows a log of {known} leaves, but the segments end at {found}: acknowledged records are missing"
    )]
    MissingRecords {
        /// Which file knows.
        witness: &'static str,
        /// The size that it knows.
        known: TreeSize,
        /// The size of the log as it stands in the segments.
        found: TreeSize,
        /// What lies after the end and was not cut.
        torn: Option<TornTail>,
    },
    /// The head file is signed over another tree than the segments hold.
    #[error("the head file names another tree of {size} leaves than the segments hold")]
    ForeignHead {
        /// The size.
        size: TreeSize,
    },
    /// The signer's key cannot be used.
    #[error(transparent)]
    Signer(#[from] super::signer::SignerKeyError),
    /// The index cannot be opened or rebuilt. The log is not affected.
    #[error("the index cannot be opened")]
    Index(#[source] crate::store::StoreError),
    /// The first batch of a new ledger cannot be made.
    #[error("the ledger cannot be made: {what}")]
    Create {
        /// What failed.
        what: String,
    },
}

pub(crate) fn io_error(what: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |source| OpenError::Io { what, source }
}

/// A log that was read and found in order.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) genesis: Genesis,
    pub(crate) state: LogState,
    pub(crate) published: Published,
    pub(crate) head: LogHead,
    pub(crate) segments: SegmentWriter,
    pub(crate) head_file: HeadFile,
    pub(crate) report: RecoveryReport,
}

/// The genesis with its bytes, of a ledger that was completely made.
pub(crate) fn read_genesis(files: &dyn Files) -> Result<(Genesis, Vec<u8>), OpenError> {
    let file = match files.open(GENESIS_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::NoLedger),
        file => file.map_err(io_error(GENESIS_FILE))?,
    };
    let bytes = read_to_end(file.as_ref(), 1 << 20).map_err(io_error(GENESIS_FILE))?;
    let genesis = Genesis::decode(&bytes).map_err(OpenError::Genesis)?;
    Ok((genesis, bytes))
}

/// Opens the log for writing.
pub(crate) fn recover(
    files: &Arc<dyn Files>,
    limits: SegmentLimits,
    key: &VerifierKey,
) -> Result<Recovered, OpenError> {
    let (genesis, genesis_leaf) = read_genesis(files.as_ref())?;
    let scan = Scan::list(Arc::clone(files), &genesis.origin)?;
    let (mut head_file, kept, head_slot_damaged) = HeadFile::open(files.as_ref())?;
    let mut report = RecoveryReport { head_slot_damaged, ..RecoveryReport::default() };
    let reader = scan.reader();

    let genesis_hash = leaf_hash(&genesis_leaf);
    let mut start = Start::beginning(genesis_hash);
    for (size, loaded) in snapshot::load_newest(files.as_ref(), &genesis, genesis_hash) {
        match loaded.and_then(|loaded| snapshot::check(loaded, &reader)) {
            Ok(loaded) => {
                report.snapshot = size;
                start = loaded;
                break;
            }
            // It was made from a durable log; if that log has become shorter, the check of the head says so.
            Err(SnapshotFault::BeyondLog) => {
                let found = size_of_segments(&scan, &genesis, &genesis_leaf, &reader)?;
                let (witness, known) = ("a snapshot", TreeSize(size));
                if found < known {
                    return Err(OpenError::MissingRecords { witness, known, found, torn: None });
                }
                report.unusable_snapshots.push("it does not stand where the log has a batch".to_owned());
            }
            Err(SnapshotFault::Unusable(reason)) => report.unusable_snapshots.push(reason),
        }
    }
    let Start { state, published, from } = start;
    let mut replay = Replay::new(&genesis, &genesis_leaf, state, published, &reader);
    let (next_index, last_leaf) = (replay.state.size(), replay.state.last_leaf);
    let tail = scan.batches(from, next_index, &mut |batch| replay.batch(batch), last_leaf)?;
    let Replay { state, published, .. } = replay;

    let found = TreeSize(state.size());
    if kept.size > found.0 {
        let (witness, known) = ("the head file", TreeSize(kept.size));
        return Err(OpenError::MissingRecords { witness, known, found, torn: tail.torn });
    }
    check_kept_head(&kept, &published, &reader)?;
    let head = read_head(&published.log(), &reader, key, &genesis)?;
    report.torn = tail.torn;
    let segments = tail.continue_writing(&scan, limits)?;
    let newest = Head { size: head.size.0, root: head.root, note: head.checkpoint.clone().into_bytes() };
    head_file.write(&newest).and_then(|()| head_file.file().sync()).map_err(io_error("head"))?;
    Ok(Recovered { genesis, state, published, head, segments, head_file, report })
}

/// Where reading begins.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) state: LogState,
    pub(crate) published: Published,
    pub(crate) from: Position,
}

impl Start {
    pub(crate) fn beginning(genesis: Digest) -> Self {
        let published = Published::new(Streams::default(), LogIndex::default());
        Self { state: LogState::empty(genesis), published, from: super::segment::first_position() }
    }
}

fn size_of_segments(
    scan: &Scan,
    genesis: &Genesis,
    genesis_leaf: &[u8],
    reader: &SegmentFiles,
) -> Result<TreeSize, OpenError> {
    let Start { state, published, from } = Start::beginning(leaf_hash(genesis_leaf));
    let mut replay = Replay::new(genesis, genesis_leaf, state, published, reader);
    let last_leaf = replay.state.last_leaf;
    scan.batches(from, 0, &mut |batch| replay.batch(batch), last_leaf)?;
    Ok(TreeSize(replay.state.size()))
}

fn check_kept_head(kept: &Head, published: &Published, reader: &SegmentFiles) -> Result<(), OpenError> {
    let log = published.log();
    let foreign = OpenError::ForeignHead { size: TreeSize(kept.size) };
    let seal = kept.size.checked_sub(1).filter(|seal| log.seal_of(*seal) == Some(*seal));
    let Some(position) = seal.and_then(|seal| log.position(seal)) else { return Err(foreign) };
    let root = log.tree.root_at(TreeSize(kept.size)).ok();
    let (_, next) = reader.read_with_next(position, Kind::Leaf, kept.size - 1)?;
    let note = reader.read(next, Kind::Note, kept.size)?;
    if root == Some(kept.root) && note == kept.note { Ok(()) } else { Err(foreign) }
}

/// The head as the last batch has it; its signature is checked.
fn read_head(
    log: &LogIndex,
    reader: &SegmentFiles,
    key: &VerifierKey,
    genesis: &Genesis,
) -> Result<LogHead, OpenError> {
    let seal = log.seals.last().copied().ok_or(OpenError::NoLedger)?;
    let position = log.position(seal).ok_or(OpenError::NoLedger)?;
    let (seal_leaf, next) = reader.read_with_next(position, Kind::Leaf, seal)?;
    let note = reader.read(next, Kind::Note, seal + 1)?;
    let corrupt = |reason: String| SegmentError::corrupt(next, reason);
    let verified = VerifiedCheckpoint::verify(&note, genesis.origin.as_str(), key);
    let verified = verified.map_err(|error| corrupt(error.to_string()))?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| corrupt("not UTF-8".to_owned()));
    Ok(LogHead {
        size: verified.size(),
        root: *verified.root(),
        seal_hash: leaf_hash(&seal_leaf),
        checkpoint: text(note)?,
        seal_leaf: text(seal_leaf)?,
    })
}

/// Reads batches and carries the state along; whatever does not follow from what stands before it is damage.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    genesis: &'a Genesis,
    genesis_leaf: &'a [u8],
    reader: &'a SegmentFiles,
    pub(crate) state: LogState,
    pub(crate) published: Published,
    /// Also check every signature (the audit does; opening checks the last one).
    pub(crate) verify_with: Option<VerifierKey>,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(
        genesis: &'a Genesis,
        genesis_leaf: &'a [u8],
        state: LogState,
        published: Published,
        reader: &'a SegmentFiles,
    ) -> Self {
        Self { genesis, genesis_leaf, reader, state, published, verify_with: None }
    }

    /// Returns the hash of the batch's last leaf.
    pub(crate) fn batch(&mut self, batch: &ScannedBatch<'_>) -> Result<Digest, SegmentError> {
        let Some(((seal_position, seal_bytes), leaves)) = batch.leaves.split_last() else {
            return Err(SegmentError::corrupt(super::segment::first_position(), "a batch without leaves"));
        };
        let at_seal = |reason: String| SegmentError::corrupt(*seal_position, reason);
        let mut stage = Stage::new(&self.state, &self.published);
        let mut events = BTreeSet::new();
        let mut command = None;
        let mut commands = BTreeSet::new();
        for (position, bytes) in leaves {
            let corrupt = |reason: String| SegmentError::corrupt(*position, reason);
            let leaf = leaf_hash(bytes);
            if stage.next_index() == 0 {
                if *bytes != self.genesis_leaf {
                    return Err(corrupt("leaf 0 is not the genesis".to_owned()));
                }
                let stream = StreamId::ledger(&self.genesis.origin).map_key();
                stage
                    .push(bytes, leaf, self.genesis.at, &[stream], false)
                    .map_err(|error| corrupt(error.to_string()))?;
                continue;
            }
            let facts = EventFacts::read(bytes).map_err(corrupt)?;
            let keys: Vec<_> = facts.streams.iter().map(StreamId::map_key).collect();
            Self::check_place(&stage, &facts, &keys).map_err(corrupt)?;
            if !events.insert(facts.id) || self.find_event(&facts)? {
                return Err(corrupt("an event id stands twice in the log".to_owned()));
            }
            let index = stage.push(bytes, leaf, facts.at, &keys, true).map_err(|error| corrupt(error.to_string()))?;
            stage.note_event(event_prefix(&facts.id), index);
            if command != Some(facts.command) {
                if !commands.insert(facts.command) || self.find_command(&facts)? {
                    return Err(corrupt("a command stands twice in the log".to_owned()));
                }
                stage.note_command(command_prefix(facts.command), index);
                command = Some(facts.command);
            }
        }
        let seal = Seal::decode(seal_bytes).map_err(|error| at_seal(error.to_string()))?;
        let expected = stage.seal(&mut self.state.map, seal.at).map_err(|error| at_seal(error.to_string()))?;
        if seal != expected || seal.at < stage.at() {
            return Err(at_seal("the seal does not seal what stands before it".to_owned()));
        }
        let leaf = leaf_hash(seal_bytes);
        let staged = stage.finish(seal_bytes, leaf, seal.at);
        self.check_note(batch.note, staged.frontier.size(), staged.frontier.root()).map_err(at_seal)?;
        self.state.advance(&staged);
        self.published.publish(staged, batch.leaves.iter().map(|(position, _)| *position));
        Ok(leaf)
    }

    fn check_place(stage: &Stage<'_>, facts: &EventFacts, keys: &[Digest]) -> Result<(), String> {
        let Some(home) = keys.first() else { return Err("no home stream".to_owned()) };
        let homed = stage.state_of(home).homed;
        if facts.seq != homed {
            return Err(format!("seq is {}, but {homed} records are homed in the stream", facts.seq));
        }
        if facts.prev != stage.prev_of(home) {
            return Err("prev is not the record before in the home stream".to_owned());
        }
        if facts.at < stage.at() {
            return Err("at is before that of the leaf before".to_owned());
        }
        let distinct: BTreeSet<_> = keys.iter().collect();
        if distinct.len() == keys.len() { Ok(()) } else { Err("a stream is named twice".to_owned()) }
    }

    fn find_event(&self, facts: &EventFacts) -> Result<bool, SegmentError> {
        let candidates: Vec<_> = self.published.log().events.candidates(event_prefix(&facts.id)).collect();
        self.any_earlier(&candidates, |earlier| earlier.id == facts.id)
    }

    fn find_command(&self, facts: &EventFacts) -> Result<bool, SegmentError> {
        let candidates: Vec<_> = self.published.log().commands.candidates(command_prefix(facts.command)).collect();
        self.any_earlier(&candidates, |earlier| earlier.command == facts.command)
    }

    fn any_earlier(&self, candidates: &[u64], same: impl Fn(&EventFacts) -> bool) -> Result<bool, SegmentError> {
        for index in candidates {
            let Some(position) = self.published.log().position(*index) else { continue };
            let bytes = self.reader.read(position, Kind::Leaf, *index)?;
            let facts = EventFacts::read(&bytes).map_err(|reason| SegmentError::corrupt(position, reason))?;
            if same(&facts) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn check_note(&self, note: &[u8], size: TreeSize, root: Digest) -> Result<(), String> {
        let text = format!("{}\n", CheckpointBody::new(self.genesis.origin.as_str(), size, root));
        if !note.starts_with(text.as_bytes()) {
            return Err("the checkpoint is not of the tree before it".to_owned());
        }
        match &self.verify_with {
            Some(key) => VerifiedCheckpoint::verify(note, self.genesis.origin.as_str(), key)
                .map(drop)
                .map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}

/// What an audit of the files says when all is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesAudit {
    /// Size of the log.
    pub size: TreeSize,
    /// Its root.
    pub root: Digest,
    /// The map's root under the last seal.
    pub map_root: Digest,
    /// Leaf hash of the genesis.
    pub genesis: Digest,
    /// Bytes of a batch that was never acknowledged lie at the end; opening will cut them.
    pub torn: Option<TornTail>,
    /// Index of the last leaf.
    pub last_seal: LeafIndex,
}

/// Reads everything from the first byte on, without any snapshot, with every signature, and changes nothing.
pub(crate) fn audit(files: &Arc<dyn Files>) -> Result<(FilesAudit, Published), OpenError> {
    let (genesis, genesis_leaf) = read_genesis(files.as_ref())?;
    let scan = Scan::list(Arc::clone(files), &genesis.origin)?;
    let (_, kept, _) = HeadFile::open(files.as_ref())?;
    let reader = scan.reader();
    let hash = leaf_hash(&genesis_leaf);
    let Start { state, published, from } = Start::beginning(hash);
    let mut replay = Replay::new(&genesis, &genesis_leaf, state, published, &reader);
    replay.verify_with = genesis.log_keys.first().cloned();
    let tail = scan.batches(from, 0, &mut |batch| replay.batch(batch), Digest::default())?;
    let Replay { mut state, published, .. } = replay;
    let found = TreeSize(state.size());
    if kept.size > found.0 {
        let (witness, known) = ("the head file", TreeSize(kept.size));
        return Err(OpenError::MissingRecords { witness, known, found, torn: tail.torn });
    }
    check_kept_head(&kept, &published, &reader)?;
    let audit = FilesAudit {
        size: found,
        root: state.frontier.root(),
        map_root: state.map.root(),
        genesis: hash,
        torn: tail.torn,
        last_seal: state.last_seal.index,
    };
    Ok((audit, published))
}
