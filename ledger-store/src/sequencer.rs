//! The one writer: takes what has arrived, checks it, stamps, hashes, seals, signs, writes, publishes, acknowledges.
//!
//! Callers encode; the writer only orders. It waits for nothing but the disk: while one batch is being written, the
//! next one gathers in the queue. Nothing that a caller can send stops it; a failure that leaves the end of the
//! log unknown does, for good.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ledger_core::digest::Digest;
use ledger_core::id::{CommandId, EventId, LeafIndex, RequestDigest, TreeSize};
use ledger_core::log::map::MapProof;
use ledger_core::log::merkle::{Sha256Tree, leaf_hash, prove_inclusion};
use ledger_core::log::seal::Seal;
use tokio::sync::{oneshot, watch};

use crate::embedded::StoreOptions;
use crate::embedded::head::{Head, HeadFile};
use crate::embedded::ids::{command_prefix, event_prefix};
use crate::embedded::log_reader::LogReader;
use crate::embedded::segment::{BatchBytes, Position, SegmentWriter, WriteError};
use crate::embedded::signer::LogSigner;
use crate::embedded::snapshot;
use crate::embedded::state::{LogIndex, LogState, Stage, StageError, Staged, StreamEntry};
use crate::index::{Applied, Index, Row};
use crate::store::{Append, Draft, Expectation, LogHead, StoreError, StreamState};

/// Room for the frames of the seal and the note, beside the records.
const SEAL_AND_NOTE_BYTES: u64 = 4096;

/// A batch of one command that was stored, or had been.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) first_index: u64,
    pub(crate) leaves: Vec<Vec<u8>>,
    pub(crate) end: Arc<BatchEnd>,
    pub(crate) replayed: bool,
}

/// What ends a batch and is the same in the receipts of all its records.
#[derive(Debug)]
pub(crate) struct BatchEnd {
    pub(crate) size: TreeSize,
    pub(crate) checkpoint: String,
    pub(crate) seal_index: LeafIndex,
    pub(crate) seal_leaf: String,
    pub(crate) seal_inclusion: Vec<Digest>,
}

/// The published head with proofs under its map.
#[derive(Debug, Clone)]
pub struct View {
    /// The head.
    pub head: Arc<LogHead>,
    /// Path of the seal in the tree of the head.
    pub seal_inclusion: Vec<Digest>,
    /// For each stream that was asked for, in that order: where it stands and the proof of it under the map's root.
    pub streams: Vec<(StreamState, MapProof)>,
}

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Message {
    Append(Pending),
    View(Vec<Digest>, oneshot::Sender<Result<View, StoreError>>),
    Seal(oneshot::Sender<Result<(), StoreError>>),
    Snapshot(oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// An append with its caller.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) append: Append,
    /// Map keys of `append.expect`.
    pub(crate) keys: Vec<Digest>,
    pub(crate) reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl Pending {
    fn bytes(&self) -> u64 {
        let bytes = self.append.records.iter().map(|draft| draft.encoded.as_bytes().len() + 64).sum::<usize>();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    fn answer(self, result: Result<Outcome, StoreError>) {
        // A caller that has gone away learns the outcome by sending the command again.
        let _ = self.reply.send(result);
    }
}

struct Accepted {
    pending: Pending,
    first_index: u64,
    leaves: Vec<Vec<u8>>,
}

/// The writer's own; lives in its thread.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) state: LogState,
    pub(crate) log: Arc<LogReader>,
    pub(crate) segments: SegmentWriter,
    pub(crate) signer: Box<dyn LogSigner>,
    pub(crate) head_file: HeadFile,
    pub(crate) head_dirty: Arc<AtomicBool>,
    pub(crate) head: watch::Sender<Arc<LogHead>>,
    pub(crate) index: Option<Arc<Index>>,
    pub(crate) options: StoreOptions,
    pub(crate) broken: Arc<AtomicBool>,
    pub(crate) batch: BatchBytes,
    pub(crate) snapshot_size: u64,
}

impl Writer {
    /// Works until it is told to close or nobody is left to tell.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        let interval = self.options.seal_interval_ms.map(Duration::from_millis);
        let mut last_seal = Instant::now();
        loop {
            let message = match interval {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(interval) => inbox.recv_timeout(interval.saturating_sub(last_seal.elapsed())),
            };
            match message {
                Ok(Message::Append(first)) => {
                    let (batch, after) = self.gather(first, inbox);
                    self.append(batch);
                    last_seal = Instant::now();
                    if after.is_some_and(|message| self.other(message)) {
                        return;
                    }
                    self.snapshot_if_due();
                }
                Ok(message) => {
                    if self.other(message) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    last_seal = Instant::now();
                    if !self.is_broken() {
                        // A seal that cannot be written is missed by the next append, which reports it.
                        let _ = self.seal_alone();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.close();
                    return;
                }
            }
        }
    }

    /// What has arrived while the last batch was written; stops at the first message that is not an append.
    fn gather(&self, first: Pending, inbox: &Receiver<Message>) -> (Vec<Pending>, Option<Message>) {
        let mut records = first.append.records.len();
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while records < self.options.batch_records_max && bytes < self.options.batch_bytes_max {
            match inbox.try_recv() {
                Ok(Message::Append(pending)) => {
                    records += pending.append.records.len();
                    bytes += pending.bytes();
                    batch.push(pending);
                }
                Ok(other) => return (batch, Some(other)),
                Err(_) => break,
            }
        }
        (batch, None)
    }

    /// Returns whether the writer is to stop.
    fn other(&mut self, message: Message) -> bool {
        // Whoever asked may have gone away.
        match message {
            Message::Append(pending) => self.append(vec![pending]),
            Message::View(keys, reply) => drop(reply.send(self.view(&keys))),
            Message::Seal(reply) => {
                let result = if self.is_broken() { Err(StoreError::Broken) } else { self.seal_alone() };
                drop(reply.send(result));
            }
            Message::Snapshot(reply) => {
                drop(reply.send(self.snapshot().map_err(|error| StoreError::Refused(Arc::new(error)))));
            }
            Message::Close(reply) => {
                let result = self.close();
                // The files are free for others before the caller hears of it.
                drop(self.index.take());
                drop(reply.send(result));
                return true;
            }
        }
        false
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn append(&mut self, batch: Vec<Pending>) {
        if self.is_broken() {
            answer_all(batch, &StoreError::Broken);
            return;
        }
        // Before anything is staged: a full disk is met here, when there is nothing yet to undo.
        let bytes = batch.iter().map(Pending::bytes).sum::<u64>() + SEAL_AND_NOTE_BYTES;
        if let Err(error) = self.reserve(bytes) {
            answer_all(batch, &error);
            return;
        }
        let log = Arc::clone(&self.log);
        let mut stage = Stage::new(&self.state, log.published());
        self.batch.begin(stage.next_index());
        let mut placed = Placed::default();
        let known = log.published().log();
        for pending in batch {
            match self.place(&known, &mut stage, &mut placed, pending) {
                Ok(()) => {}
                Err(error) => {
                    self.poison();
                    placed.fail(&StoreError::Refused(Arc::new(io::Error::other(error))));
                    return;
                }
            }
        }
        if placed.accepted.is_empty() {
            return;
        }
        drop(known);
        match self.complete(stage) {
            Ok(end) => {
                self.acknowledge(placed, &end);
                self.segments.hash_last_batch();
            }
            Err(error) => placed.fail(&error),
        }
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), StoreError> {
        let entropy = Arc::clone(&self.options.entropy);
        let epoch = || {
            let mut bytes = [0; 8];
            entropy.fill(&mut bytes).map(|()| u64::from_le_bytes(bytes))
        };
        match self.segments.reserve(bytes, self.state.size(), &self.state.last_leaf, epoch) {
            Ok(()) => Ok(()),
            Err(WriteError::Refused(error)) => Err(StoreError::Refused(Arc::new(error))),
            Err(WriteError::Broken(error)) => {
                self.poison();
                // Nothing of this batch was written.
                Err(StoreError::Refused(Arc::new(error)))
            }
        }
    }

    /// Checks an append and stages its records; answers at once what is not to be stored.
    fn place(
        &mut self,
        known: &LogIndex,
        stage: &mut Stage<'_>,
        placed: &mut Placed,
        mut pending: Pending,
    ) -> Result<(), StageError> {
        let command = pending.append.command;
        if let Some((request, place)) = placed.commands.get(&command) {
            if *request == pending.append.request {
                placed.repeated.push((pending, *place));
            } else {
                let index = placed.accepted.get(*place).map_or(0, |accepted| accepted.first_index);
                pending.answer(Err(StoreError::CommandReused { index: LeafIndex(index) }));
            }
            return Ok(());
        }
        match self.answer_known(known, stage, placed, &pending) {
            None => {}
            Some(answer) => {
                pending.answer(answer);
                return Ok(());
            }
        }
        let first_index = stage.next_index();
        let at = self.options.clock.now().max(stage.at());
        let mut leaves = Vec::with_capacity(pending.append.records.len());
        for Draft { mut encoded, id, streams, .. } in std::mem::take(&mut pending.append.records) {
            let prev = streams.first().map(|home| stage.prev_of(home)).unwrap_or_default();
            encoded.stamp(at, &prev);
            let bytes = encoded.as_bytes();
            let leaf = leaf_hash(bytes);
            let index = stage.push(bytes, leaf, at, &streams, true)?;
            stage.note_event(event_prefix(&id), index);
            self.segments.push_leaf(&mut self.batch, bytes, leaf);
            placed.events.insert(id);
            if self.index.is_some() {
                placed.rows.push(Row { index, streams });
            }
            leaves.push(encoded.into_bytes());
        }
        stage.note_command(command_prefix(command), first_index);
        placed.commands.insert(command, (pending.append.request, placed.accepted.len()));
        placed.accepted.push(Accepted { pending, first_index, leaves });
        Ok(())
    }

    /// The answer to an append that is not stored now: done before, reused, conflicting or doubled.
    fn answer_known(
        &self,
        known: &LogIndex,
        stage: &Stage<'_>,
        placed: &Placed,
        pending: &Pending,
    ) -> Option<Result<Outcome, StoreError>> {
        let Append { records, expect, command, request } = &pending.append;
        if known.commands.candidates(command_prefix(*command)).next().is_some() {
            match self.log.find_command(*command) {
                Err(error) => return Some(Err(error)),
                Ok(Some((index, first_request))) if first_request != *request => {
                    return Some(Err(StoreError::CommandReused { index }));
                }
                Ok(Some((index, _))) => return Some(self.log.outcome_of(index, *command)),
                Ok(None) => {}
            }
        }
        for ((stream, expected), key) in expect.iter().zip(&pending.keys) {
            let actual = stage.state_of(key);
            if !expected.holds(&actual) {
                return Some(Err(StoreError::Conflict { stream: stream.clone(), expected: *expected, actual }));
            }
        }
        let mut homed: HashMap<Digest, u64> = HashMap::new();
        let mut ids = HashSet::new();
        for draft in records {
            let home = draft.streams.first()?;
            let mut actual = stage.state_of(home);
            let before = homed.entry(*home).or_default();
            actual.homed += *before;
            *before += 1;
            if actual.homed != draft.seq {
                let expected = Expectation::Homed(draft.seq);
                return Some(Err(StoreError::Conflict { stream: draft.home.clone(), expected, actual }));
            }
            if !ids.insert(draft.id) || placed.events.contains(&draft.id) {
                return Some(Err(StoreError::DuplicateEvent { id: draft.id }));
            }
            if known.events.candidates(event_prefix(&draft.id)).next().is_none() {
                continue;
            }
            match self.log.find_event(draft.id) {
                Err(error) => return Some(Err(error)),
                Ok(None) => {}
                Ok(Some(_)) => return Some(Err(StoreError::DuplicateEvent { id: draft.id })),
            }
        }
        None
    }

    fn seal_alone(&mut self) -> Result<(), StoreError> {
        self.reserve(SEAL_AND_NOTE_BYTES)?;
        let log = Arc::clone(&self.log);
        let stage = Stage::new(&self.state, log.published());
        self.batch.begin(stage.next_index());
        self.complete(stage).map(drop)
    }

    /// Seals, signs, writes and publishes the batch.
    fn complete(&mut self, stage: Stage<'_>) -> Result<Arc<BatchEnd>, StoreError> {
        let at = self.options.clock.now().max(stage.at());
        let sealed = stage.seal(&mut self.state.map, at).map_err(io::Error::other);
        let sealed = sealed.and_then(|seal| Ok((seal.encode().map_err(io::Error::other)?, seal)));
        let (seal_bytes, seal) = match sealed {
            Ok(sealed) => sealed,
            Err(error) => return Err(self.poison_unwritten(error)),
        };
        let seal_hash = leaf_hash(&seal_bytes);
        self.segments.push_leaf(&mut self.batch, &seal_bytes, seal_hash);
        let staged = stage.finish(&seal_bytes, seal_hash, at);
        let (size, root) = (staged.frontier.size(), staged.frontier.root());
        let checkpoint = match self.signer.sign(size, root) {
            Ok(note) => note,
            Err(error) => return Err(self.poison_unwritten(io::Error::other(error))),
        };
        let positions = match self.segments.commit(&mut self.batch, size.0, checkpoint.as_bytes()) {
            Ok(positions) => positions,
            Err(WriteError::Refused(error)) => return Err(self.take_back(error)),
            Err(WriteError::Broken(error)) => {
                self.poison();
                return Err(StoreError::UnknownOutcome(Arc::new(error)));
            }
        };
        let seal_leaf = String::from_utf8(seal_bytes).unwrap_or_default();
        Ok(self.publish(staged, positions, root, checkpoint, seal_leaf, &seal))
    }

    fn publish(
        &mut self,
        staged: Staged,
        positions: Vec<Position>,
        root: Digest,
        checkpoint: String,
        seal_leaf: String,
        seal: &Seal,
    ) -> Arc<BatchEnd> {
        self.state.advance(&staged);
        let size = staged.frontier.size();
        self.log.published().publish(staged, positions.into_iter());
        // The file lags behind at worst; a head that cannot be written is written with the next batch.
        if self.head_file.write(&Head { size: size.0, root, note: checkpoint.clone().into_bytes() }).is_ok() {
            self.head_dirty.store(true, Ordering::Release);
        }
        let seal_inclusion = prove_inclusion::<Sha256Tree>(&self.log.published().log().tree, seal.index(), size)
            .map(|proof| proof.path)
            .unwrap_or_default();
        let head = LogHead {
            size,
            root,
            checkpoint: checkpoint.clone(),
            seal_leaf: seal_leaf.clone(),
            seal_hash: self.state.last_leaf,
        };
        self.head.send_replace(Arc::new(head));
        Arc::new(BatchEnd { size, checkpoint, seal_index: seal.index(), seal_leaf, seal_inclusion })
    }

    fn acknowledge(&self, placed: Placed, end: &Arc<BatchEnd>) {
        let Placed { accepted, repeated, rows, .. } = placed;
        if let Some(index) = &self.index {
            index.push(rows, Applied { size: end.size.0, leaf: self.state.last_leaf });
        }
        for (pending, place) in repeated {
            let first = accepted.get(place);
            let outcome = first.map(|Accepted { first_index, leaves, .. }| Outcome {
                first_index: *first_index,
                leaves: leaves.clone(),
                end: Arc::clone(end),
                replayed: true,
            });
            pending.answer(outcome.ok_or(StoreError::Invalid("the first append of the command is gone")));
        }
        for Accepted { pending, first_index, leaves } in accepted {
            pending.answer(Ok(Outcome { first_index, leaves, end: Arc::clone(end), replayed: false }));
        }
    }

    /// The batch was not written, durably: the memory goes back to where the log is.
    fn take_back(&mut self, error: io::Error) -> StoreError {
        let head = self.head.borrow().clone();
        // What was signed for this batch was never shown to anybody.
        self.signer.resume(head.size, head.root);
        match self.state.undo(self.log.published()) {
            Ok(()) => StoreError::Refused(Arc::new(error)),
            Err(full) => self.poison_unwritten(io::Error::other(full)),
        }
    }

    /// The batch was not written, but the writer's memory cannot be trusted any more.
    fn poison_unwritten(&self, error: io::Error) -> StoreError {
        self.poison();
        StoreError::Refused(Arc::new(error))
    }

    fn poison(&self) {
        self.broken.store(true, Ordering::Release);
    }

    fn view(&self, keys: &[Digest]) -> Result<View, StoreError> {
        let head = self.head.borrow().clone();
        let log = self.log.published().log();
        let seal = LeafIndex(head.size.0.saturating_sub(1));
        let proof = prove_inclusion::<Sha256Tree>(&log.tree, seal, head.size);
        let seal_inclusion = proof.map_err(|_| StoreError::Invalid("the log is empty"))?.path;
        if self.is_broken() {
            // The map may be that of a batch that was never shown.
            return Err(StoreError::Broken);
        }
        let streams = self.log.published().streams();
        let state = |key: &Digest| streams.get(key).map(StreamEntry::state).unwrap_or_default();
        let streams = keys.iter().map(|key| (state(key), self.state.map.prove(key))).collect();
        Ok(View { head, seal_inclusion, streams })
    }

    fn snapshot_if_due(&mut self) {
        let since = self.state.size().saturating_sub(self.snapshot_size);
        // Growing with the log, so that all snapshots together cost a constant factor of the last.
        if since >= self.options.snapshot_leaves.max(self.snapshot_size / 2) && !self.is_broken() {
            // A snapshot only shortens the next start.
            let _ = self.snapshot();
        }
    }

    fn snapshot(&mut self) -> io::Result<()> {
        if self.is_broken() {
            return Err(io::Error::other("the log is in an unknown state"));
        }
        self.snapshot_size = self.state.size();
        snapshot::write(self.log.files(), &self.state, self.log.published(), self.segments.end())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        if self.is_broken() {
            return Err(StoreError::Broken);
        }
        let refused = |error| StoreError::Refused(Arc::new(error));
        self.segments.close().map_err(refused)?;
        self.head_file.file().sync().map_err(refused)?;
        if self.options.snapshot_on_close && self.state.size() > self.snapshot_size {
            self.snapshot().map_err(refused)?;
        }
        match &self.index {
            Some(index) => index.flush().map_err(StoreError::Index),
            None => Ok(()),
        }
    }
}

/// What has been accepted into the batch so far.
#[derive(Default)]
struct Placed {
    accepted: Vec<Accepted>,
    /// Appends that repeat a command of this very batch, with the place of the first.
    repeated: Vec<(Pending, usize)>,
    commands: HashMap<CommandId, (RequestDigest, usize)>,
    events: HashSet<EventId>,
    rows: Vec<Row>,
}

impl Placed {
    fn fail(self, error: &StoreError) {
        answer_all(self.repeated.into_iter().map(|(pending, _)| pending), error);
        answer_all(self.accepted.into_iter().map(|accepted| accepted.pending), error);
    }
}

fn answer_all(pending: impl IntoIterator<Item = Pending>, error: &StoreError) {
    for pending in pending {
        pending.answer(Err(error.clone()));
    }
}
