//! Two threads: while one batch of leaves is folded, the next one is being decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ledger_core::evidence::replay::{Decoded, Replay, decode};
use ledger_core::id::LeafIndex;

use crate::audit::segments::Batch;

/// Leaves that are decoded at a time; some MiB in memory.
const CHUNK_LEAVES: usize = 4096;
/// What a thread takes at once.
const SHARE_LEAVES: usize = 64;

/// Batches in, a replay out.
pub(super) struct Pipeline {
    replay: Replay,
    gathered: Vec<Batch>,
    leaves: usize,
    /// Decoded partly by now; to be folded after the next one was handed to the helper.
    waiting: Option<Arc<Chunk>>,
    helper: Option<Helper>,
}

struct Helper {
    work: SyncSender<Arc<Chunk>>,
    done: Receiver<Vec<(usize, Vec<Decoded>)>>,
    thread: JoinHandle<()>,
}

struct Chunk {
    batches: Vec<Batch>,
    /// Batch and place in it of every leaf.
    leaves: Vec<(usize, usize)>,
    next: AtomicUsize,
}

impl Chunk {
    fn new(batches: Vec<Batch>) -> Self {
        let places = batches.iter().enumerate();
        let leaves = places.flat_map(|(at, batch)| (0..batch.len()).map(move |leaf| (at, leaf))).collect();
        Self { batches, leaves, next: AtomicUsize::new(0) }
    }

    /// Decodes shares until none is left.
    fn work(&self) -> Vec<(usize, Vec<Decoded>)> {
        let mut done = Vec::new();
        loop {
            let start = self.next.fetch_add(SHARE_LEAVES, Ordering::Relaxed);
            let Some(rest) = self.leaves.get(start..).filter(|rest| !rest.is_empty()) else { return done };
            let share = rest.iter().take(SHARE_LEAVES).filter_map(|(batch, leaf)| {
                let batch = self.batches.get(*batch)?;
                let index = batch.first_index + u64::try_from(*leaf).ok()?;
                Some(decode(LeafIndex(index), batch.leaf(*leaf)?))
            });
            done.push((start, share.collect()));
        }
    }
}

impl Pipeline {
    pub(super) fn new(replay: Replay) -> Self {
        let (work, inbox) = sync_channel::<Arc<Chunk>>(2);
        let (outbox, done) = sync_channel(2);
        let spawned = std::thread::Builder::new().spawn(move || {
            for chunk in inbox {
                if outbox.send(chunk.work()).is_err() {
                    return;
                }
            }
        });
        // Without a second thread the first one does everything.
        let helper = spawned.ok().map(|thread| Helper { work, done, thread });
        Self { replay, gathered: Vec::new(), leaves: 0, waiting: None, helper }
    }

    /// Takes the next batch of the log.
    pub(super) fn push(&mut self, batch: Batch) {
        self.leaves += batch.len();
        self.gathered.push(batch);
        if self.leaves >= CHUNK_LEAVES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.leaves = 0;
        let chunk = Arc::new(Chunk::new(std::mem::take(&mut self.gathered)));
        // The waiting chunk's shares are all taken before the helper comes to the new one.
        let before = self.waiting.take().map(|chunk| (self.decoded(&chunk), chunk));
        if let Some(helper) = &self.helper {
            // If the helper is gone, everything is left to this thread.
            let _ = helper.work.send(Arc::clone(&chunk));
        }
        if let Some((decoded, chunk)) = before {
            self.fold(&chunk, decoded);
        }
        self.waiting = Some(chunk);
    }

    /// Helps with a chunk and collects what both threads have made of it.
    fn decoded(&self, chunk: &Chunk) -> Vec<(usize, Vec<Decoded>)> {
        let mut shares = chunk.work();
        if let Some(helper) = &self.helper {
            shares.extend(helper.done.recv().unwrap_or_default());
        }
        shares.sort_unstable_by_key(|(start, _)| *start);
        shares
    }

    fn fold(&mut self, chunk: &Chunk, shares: Vec<(usize, Vec<Decoded>)>) {
        let mut decoded = shares.into_iter().flat_map(|(_, share)| share);
        for batch in &chunk.batches {
            for leaf in decoded.by_ref().take(batch.len()) {
                self.replay.push(&leaf);
            }
            self.replay.note(&batch.note);
        }
    }

    pub(super) fn finish(mut self) -> Replay {
        self.flush();
        if let Some(chunk) = self.waiting.take() {
            let decoded = self.decoded(&chunk);
            self.fold(&chunk, decoded);
        }
        if let Some(Helper { work, done, thread }) = self.helper.take() {
            drop((work, done));
            // It has nothing left to do; if it failed, leaves are missing and the replay says so.
            let _ = thread.join();
        }
        self.replay
    }
}
