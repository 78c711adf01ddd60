//! The embedded store: one directory is one ledger, one process writes it.
//!
//! ```text
//! LOCK            held by the process that has the ledger open
//! genesis.json    leaf 0 as a file; written last when the ledger is made
//! segments/       the log: the only truth
//! head            how far the log is known to reach
//! keys/log.seed   the seed of the key that signs checkpoints (mode 0600)
//! snapshot/       derived: the state in memory
//! index.sqlite    derived: which records a stream has
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ledger_core::digest::Digest;
use ledger_core::id::{CommandId, EventId, LeafIndex, RequestDigest, StreamId, TreeSize};
use ledger_core::log::genesis::Genesis;
use ledger_core::log::merkle::{NodeSource, leaf_hash};
use ledger_core::log::note::VerifierKey;
use ledger_core::log::receipt::Receipt;
use tokio::sync::{oneshot, watch};

pub mod files;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod ids;
pub(crate) mod leaf;
pub(crate) mod lock;
pub(crate) mod log_reader;
pub(crate) mod recovery;
pub(crate) mod segment;
pub mod signer;
pub(crate) mod snapshot;
pub(crate) mod state;

pub use head::HeadError;
pub use lock::LockError;
pub use recovery::{FilesAudit, OpenError, RecoveryReport};
pub use segment::{SegmentError, SegmentLimits, TornTail};

use crate::environment::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::index::{Applied, Index, Row};
use crate::sequencer::{Message, Outcome, Pending, View, Writer};
use crate::store::{Append, Appended, LogHead, StoreError, StreamState};
use files::{Files, OpenFile, RealFiles};
use head::{Head, HeadFile};
use leaf::EventFacts;
use lock::DirectoryLock;
use log_reader::LogReader;
use recovery::{GENESIS_FILE, Recovered, io_error, recover};
use segment::{BatchBytes, SegmentWriter, WriteError};
use signer::{FileSigner, LogSigner, SignerKeyError};
use state::{LogState, Published, Stage};

/// How a store works; the defaults are for a server.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// When segments are rolled.
    pub segments: SegmentLimits,
    /// A batch takes no further append once it has so many records.
    pub batch_records_max: usize,
    /// A batch takes no further append once it has so many bytes.
    pub batch_bytes_max: u64,
    /// How many appends may wait.
    pub queue_max: usize,
    /// A seal is written after so long without one, in milliseconds; never, if none.
    pub seal_interval_ms: Option<u64>,
    /// The head file is made durable so often, in milliseconds; only at close, if none.
    pub head_sync_ms: Option<u64>,
    /// A snapshot is written after so many leaves.
    pub snapshot_leaves: u64,
    /// A snapshot is written at close.
    pub snapshot_on_close: bool,
    /// Whether there is an index.
    pub index: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            segments: SegmentLimits::default(),
            batch_records_max: 1024,
            batch_bytes_max: 4 << 20,
            queue_max: 8192,
            seal_interval_ms: Some(60_000),
            head_sync_ms: Some(200),
            snapshot_leaves: 1_000_000,
            snapshot_on_close: true,
            index: true,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// A ledger's log, open for appending and reading. Closes when dropped; [`EmbeddedStore::close`] also says how it went.
pub struct EmbeddedStore {
    genesis: Genesis,
    genesis_hash: Digest,
    log: Arc<LogReader>,
    index: Option<Arc<Index>>,
    head: watch::Receiver<Arc<LogHead>>,
    verifier: VerifierKey,
    report: RecoveryReport,
    inbox: SyncSender<Message>,
    broken: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
    _head_syncer: Option<HeadSyncer>,
    _lock: Option<DirectoryLock>,
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.head.borrow();
        f.debug_struct("EmbeddedStore")
            .field("origin", &self.genesis.origin)
            .field("size", &head.size)
            .finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Makes a new ledger in a directory that is empty or does not exist, and opens it. The seed becomes the log's key,
    /// which the genesis must name as its first log key.
    pub fn create(
        directory: &Path,
        genesis: &Genesis,
        seed: &[u8; 32],
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        std::fs::create_dir_all(directory).map_err(io_error("the directory"))?;
        let lock = DirectoryLock::take(directory)?;
        let files: Arc<dyn Files> = Arc::new(RealFiles::below(directory.to_owned()));
        create_files(&files, genesis, seed, &options)?;
        Self::start(files, Some(directory.join("index.sqlite")), Some(lock), options)
    }

    /// Opens a ledger.
    pub fn open(directory: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        if !directory.join(GENESIS_FILE).exists() {
            return Err(OpenError::NoLedger);
        }
        let lock = DirectoryLock::take(directory)?;
        let files: Arc<dyn Files> = Arc::new(RealFiles::below(directory.to_owned()));
        Self::start(files, Some(directory.join("index.sqlite")), Some(lock), options)
    }

    /// As [`EmbeddedStore::create`], on other files; the index is in memory.
    pub fn create_on(
        files: Arc<dyn Files>,
        genesis: &Genesis,
        seed: &[u8; 32],
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        create_files(&files, genesis, seed, &options)?;
        Self::start(files, None, None, options)
    }

    /// As [`EmbeddedStore::open`], on other files; the index is in memory.
    pub fn open_on(files: Arc<dyn Files>, options: StoreOptions) -> Result<Self, OpenError> {
        Self::start(files, None, None, options)
    }

    fn start(
        files: Arc<dyn Files>,
        index_path: Option<PathBuf>,
        lock: Option<DirectoryLock>,
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        let (genesis, _) = recovery::read_genesis(files.as_ref())?;
        let mut signer = FileSigner::open(files.as_ref(), &genesis.origin)?;
        let verifier = signer.verifier().clone();
        if genesis.log_keys.first() != Some(&verifier) {
            return Err(SignerKeyError::Foreign.into());
        }
        let recovered = recover(&files, options.segments, &verifier)?;
        let Recovered { genesis, state, published, head, segments, head_file, report } = recovered;
        signer.resume(head.size, head.root);
        let genesis_hash = state.genesis;
        let log = Arc::new(LogReader::new(files, segments.reader(), published));
        let index = if options.index { Some(open_index(index_path.as_deref(), &log, &head)?) } else { None };
        let (head_sender, head_receiver) = watch::channel(Arc::new(head));
        let (inbox, messages) = sync_channel(options.queue_max);
        let broken = Arc::new(AtomicBool::new(false));
        let head_dirty = Arc::new(AtomicBool::new(false));
        let head_syncer = options.head_sync_ms.and_then(|interval_ms| {
            HeadSyncer::start(head_file.file(), Arc::clone(&head_dirty), Arc::clone(&broken), interval_ms)
        });
        let writer = Writer {
            snapshot_size: report.snapshot,
            state,
            log: Arc::clone(&log),
            segments,
            signer: Box::new(signer),
            head_file,
            head_dirty,
            head: head_sender,
            index: index.clone(),
            options,
            broken: Arc::clone(&broken),
            batch: BatchBytes::default(),
        };
        let thread = std::thread::Builder::new().name("ledger-writer".to_owned());
        let writer = thread.spawn(move || writer.run(&messages)).map_err(io_error("the writer's thread"))?;
        Ok(Self {
            genesis,
            genesis_hash,
            log,
            index,
            head: head_receiver,
            verifier,
            report,
            inbox,
            broken,
            writer: Some(writer),
            _head_syncer: head_syncer,
            _lock: lock,
        })
    }

    /// Appends records; returns when they are durable, with a receipt for each.
    pub async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let outcome = self.submit(append)?.await.map_err(|_| self.gone())??;
        self.receipts(outcome)
    }

    /// As [`EmbeddedStore::append`], for threads outside of any runtime.
    pub fn append_blocking(&self, append: Append) -> Result<Appended, StoreError> {
        let outcome = self.submit(append)?.blocking_recv().map_err(|_| self.gone())??;
        self.receipts(outcome)
    }

    fn submit(&self, append: Append) -> Result<oneshot::Receiver<Result<Outcome, StoreError>>, StoreError> {
        let of_command =
            |draft: &crate::store::Draft| draft.command == append.command && draft.request == append.request;
        if append.records.is_empty() || append.records.len() > 1024 {
            return Err(StoreError::Invalid("an append has 1 to 1024 records"));
        }
        if !append.records.iter().all(of_command) {
            return Err(StoreError::Invalid("a record does not name the command and the request as its cause"));
        }
        let keys = append.expect.iter().map(|(stream, _)| stream.map_key()).collect();
        let (reply, outcome) = oneshot::channel();
        self.send(Message::Append(Pending { append, keys, reply }))?;
        Ok(outcome)
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.inbox.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => self.gone(),
        })
    }

    fn gone(&self) -> StoreError {
        if self.broken.load(Ordering::Acquire) { StoreError::Broken } else { StoreError::Closed }
    }

    fn receipts(&self, outcome: Outcome) -> Result<Appended, StoreError> {
        let Outcome { first_index, leaves, end, replayed } = outcome;
        let receipts = (first_index..).zip(leaves).map(|(index, leaf)| self.log.receipt(index, leaf, &end));
        Ok(Appended { receipts: receipts.collect::<Result<_, _>>()?, replayed })
    }

    /// The published head.
    pub fn head(&self) -> Arc<LogHead> {
        self.head.borrow().clone()
    }

    /// Follows the published head.
    pub fn heads(&self) -> watch::Receiver<Arc<LogHead>> {
        self.head.clone()
    }

    /// Waits until the log has at least so many leaves.
    pub async fn wait_for(&self, size: TreeSize) -> Result<Arc<LogHead>, StoreError> {
        let mut heads = self.head.clone();
        let head = heads.wait_for(|head| head.size >= size).await;
        head.map(|head| Arc::clone(&head)).map_err(|_| self.gone())
    }

    /// The bytes of a leaf; `None` beyond the head.
    pub fn read(&self, index: LeafIndex) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.leaf(index.0)
    }

    /// The bytes of at most `count` leaves from an index on, up to the head.
    pub fn read_range(&self, from: LeafIndex, count: usize) -> Result<Vec<(LeafIndex, Vec<u8>)>, StoreError> {
        let mut leaves = Vec::new();
        for index in (from.0..).take(count) {
            let Some(bytes) = self.log.leaf(index)? else { break };
            leaves.push((LeafIndex(index), bytes));
        }
        Ok(leaves)
    }

    /// Where a stream stands.
    pub fn state_of(&self, stream: &StreamId) -> StreamState {
        self.log.published().streams().get(&stream.map_key()).map(state::StreamEntry::state).unwrap_or_default()
    }

    /// The places of all records that name a stream, in order.
    pub fn records_of_stream(&self, stream: &StreamId) -> Result<Vec<LeafIndex>, StoreError> {
        self.index()?.positions(&stream.map_key()).map_err(StoreError::Index)
    }

    /// The places of the records that are homed in a stream, in order: what an aggregate is folded from.
    pub fn records_homed_in(&self, stream: &StreamId) -> Result<Vec<LeafIndex>, StoreError> {
        self.index()?.homed(&stream.map_key()).map_err(StoreError::Index)
    }

    fn index(&self) -> Result<&Index, StoreError> {
        self.index.as_deref().ok_or(StoreError::Invalid("the store was opened without an index"))
    }

    /// The place of an event.
    pub fn index_of_event(&self, id: EventId) -> Result<Option<LeafIndex>, StoreError> {
        self.log.find_event(id)
    }

    /// The first record of a command that was carried out before, and what the command asked for.
    pub fn find_command(&self, id: CommandId) -> Result<Option<(LeafIndex, RequestDigest)>, StoreError> {
        self.log.find_command(id)
    }

    /// The receipts that a command got when it was carried out; `first` is its first record.
    pub fn receipts_of_command(&self, first: LeafIndex, id: CommandId) -> Result<Vec<Receipt>, StoreError> {
        self.receipts(self.log.outcome_of(first, id)?).map(|appended| appended.receipts)
    }

    /// The receipt of a record, the same as its caller got.
    pub fn receipt(&self, index: LeafIndex) -> Result<Option<Receipt>, StoreError> {
        let (Some(leaf), Some(end)) = (self.log.leaf(index.0)?, self.log.batch_end(index.0)?) else { return Ok(None) };
        self.log.receipt(index.0, leaf, &end).map(Some)
    }

    /// The head with proofs of streams under its map, all of one instant.
    pub async fn view(&self, streams: &[StreamId]) -> Result<View, StoreError> {
        let (reply, view) = oneshot::channel();
        self.send(Message::View(streams.iter().map(StreamId::map_key).collect(), reply))?;
        view.await.map_err(|_| self.gone())?
    }

    /// As [`EmbeddedStore::view`], for threads outside of any runtime.
    pub fn view_blocking(&self, streams: &[StreamId]) -> Result<View, StoreError> {
        let (reply, view) = oneshot::channel();
        self.send(Message::View(streams.iter().map(StreamId::map_key).collect(), reply))?;
        view.blocking_recv().map_err(|_| self.gone())?
    }

    /// Writes a seal alone, as happens on schedule when nothing else does.
    pub fn seal_blocking(&self) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        self.send(Message::Seal(reply))?;
        done.blocking_recv().map_err(|_| self.gone())?
    }

    /// Writes a snapshot now.
    pub fn snapshot_blocking(&self) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        self.send(Message::Snapshot(reply))?;
        done.blocking_recv().map_err(|_| self.gone())?
    }

    /// Compares the index with one built from the log alone.
    pub fn index_is_right(&self) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(true) };
        let size = self.head().size.0;
        let fresh = Index::open(None, &|_| None).map_err(|error| StoreError::Index(Arc::new(error)))?.0;
        index_range(&fresh, &self.log, 0, size, self.head().seal_hash)?;
        Ok(fresh.digest().map_err(StoreError::Index)? == index.digest().map_err(StoreError::Index)?)
    }

    /// The genesis.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Leaf hash of the genesis, which verifiers pin.
    pub const fn genesis_hash(&self) -> &Digest {
        &self.genesis_hash
    }

    /// The key that verifies checkpoints.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// What opening found and did.
    pub const fn recovery(&self) -> &RecoveryReport {
        &self.report
    }

    /// Makes everything durable and stops. Appends that were sent before are carried out.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), StoreError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let (reply, mut done) = oneshot::channel();
        // Waits for a place in the queue; the writer works it off.
        let sent = self.inbox.send(Message::Close(reply));
        // The thread is joined before its answer is read: waiting for the answer itself would panic where a ledger is
        // dropped inside an async runtime.
        if writer.join().is_err() || sent.is_err() {
            return Err(StoreError::Broken);
        }
        done.try_recv().unwrap_or(Err(StoreError::Broken))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`; nothing that was acknowledged depends on it.
        let _ = self.stop();
    }
}

impl NodeSource for EmbeddedStore {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        self.log.published().log().node(level, index)
    }
}

/// Reads a whole ledger from its files alone, checks everything that the store knows of, and changes nothing.
pub fn audit(directory: &Path) -> Result<FilesAudit, OpenError> {
    let files: Arc<dyn Files> = Arc::new(RealFiles::below(directory.to_owned()));
    audit_on(&files)
}

/// As [`audit`], on other files.
pub fn audit_on(files: &Arc<dyn Files>) -> Result<FilesAudit, OpenError> {
    recovery::audit(files).map(|(audit, _)| audit)
}

fn create_files(
    files: &Arc<dyn Files>,
    genesis: &Genesis,
    seed: &[u8; 32],
    options: &StoreOptions,
) -> Result<(), OpenError> {
    let present = files.list("").map_err(io_error("the directory"))?;
    if let Some(name) = present.into_iter().find(|name| name != "LOCK") {
        return Err(OpenError::NotEmpty { name });
    }
    let mut signer = FileSigner::from_seed(&genesis.origin, seed)?;
    if genesis.log_keys.first() != Some(signer.verifier()) {
        return Err(SignerKeyError::Foreign.into());
    }
    let create = |what: String| OpenError::Create { what };
    let genesis_bytes = genesis.encode().map_err(|error| create(error.to_string()))?;
    Genesis::decode(&genesis_bytes).map_err(OpenError::Genesis)?;
    FileSigner::store(files.as_ref(), seed).map_err(io_error("keys/log.seed"))?;
    files.create_directory(segment::DIRECTORY).map_err(io_error("segments"))?;
    let mut head_file = HeadFile::create(files.as_ref()).map_err(io_error("head"))?;

    let mut epoch = [0; 8];
    options.entropy.fill(&mut epoch).map_err(io_error("random bytes"))?;
    let written = |error| match error {
        WriteError::Refused(source) | WriteError::Broken(source) => OpenError::Io { what: "segments", source },
    };
    let epoch = u64::from_le_bytes(epoch);
    let mut segments =
        SegmentWriter::create(Arc::clone(files), options.segments, &genesis.origin, epoch).map_err(written)?;
    let genesis_hash = leaf_hash(&genesis_bytes);
    let mut end = LogState::empty(genesis_hash);
    let published = Published::default();
    let mut stage = Stage::new(&end, &published);
    let stream = genesis.stream().map_key();
    let pushed = stage.push(&genesis_bytes, genesis_hash, genesis.at, &[stream], false);
    pushed.map_err(|error| create(error.to_string()))?;
    let at = options.clock.now().max(genesis.at);
    let seal = stage.seal(&mut end.map, at).map_err(|error| create(error.to_string()))?;
    let seal_bytes = seal.encode().map_err(|error| create(error.to_string()))?;
    let seal_hash = leaf_hash(&seal_bytes);
    let staged = stage.finish(&seal_bytes, seal_hash, at);
    let (size, root) = (staged.frontier.size(), staged.frontier.root());
    let note = signer.sign(size, root).map_err(|error| create(error.to_string()))?;
    segments.reserve(1 << 16, 0, &Digest::default(), || Ok(epoch)).map_err(written)?;
    let mut batch = BatchBytes::default();
    segments.push_leaf(&mut batch, &genesis_bytes, genesis_hash);
    segments.push_leaf(&mut batch, &seal_bytes, seal_hash);
    segments.commit(&mut batch, size.0, note.as_bytes()).map_err(written)?;
    head_file
        .write(&Head { size: size.0, root, note: note.into_bytes() })
        .and_then(|()| head_file.file().sync())
        .map_err(io_error("head"))?;
    // From here on the directory holds a ledger.
    files::replace(files.as_ref(), "", GENESIS_FILE, &[&genesis_bytes]).map_err(io_error(GENESIS_FILE))
}

fn open_index(path: Option<&Path>, log: &Arc<LogReader>, head: &LogHead) -> Result<Arc<Index>, OpenError> {
    let leaf_of = |size: u64| log.published().log().node(0, size.checked_sub(1)?);
    let opened = Index::open(path, &leaf_of).map_err(|error| StoreError::Index(Arc::new(error)));
    let (index, applied) = opened.map_err(OpenError::Index)?;
    index_range(&index, log, applied, head.size.0, head.seal_hash).map_err(OpenError::Index)?;
    Ok(Arc::new(index))
}

/// Reads leaves again and puts them into an index that has not come so far.
fn index_range(index: &Index, log: &LogReader, from: u64, size: u64, last_leaf: Digest) -> Result<(), StoreError> {
    /// Leaves between two looks of the index's thread.
    const CHUNK: u64 = 4096;
    let mut at = from;
    while at < size {
        let end = size.min(at + CHUNK);
        let mut rows = Vec::new();
        for place in at..end {
            let bytes = log.leaf(place)?.unwrap_or_default();
            if let Ok(facts) = EventFacts::read(&bytes) {
                let streams = facts.streams.iter().map(StreamId::map_key).collect();
                rows.push(Row { index: place, streams });
            } else if place == 0 {
                let genesis = Genesis::decode(&bytes).map_err(|_| StoreError::Invalid("leaf 0 is no genesis"))?;
                rows.push(Row { index: 0, streams: vec![genesis.stream().map_key()] });
            }
        }
        let leaf = if end == size { Some(last_leaf) } else { log.published().log().node(0, end - 1) };
        index.push(rows, Applied { size: end, leaf: leaf.unwrap_or_default() });
        at = end;
    }
    Ok(())
}

/// Makes the head file durable now and then, beside the writer.
#[derive(Debug)]
struct HeadSyncer {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl HeadSyncer {
    fn start(
        file: Arc<dyn OpenFile>,
        dirty: Arc<AtomicBool>,
        broken: Arc<AtomicBool>,
        interval_ms: u64,
    ) -> Option<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&stop);
        let run = move || {
            let (stopped, wake) = &*told;
            let mut guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
            while !*guard {
                let waited = wake.wait_timeout(guard, Duration::from_millis(interval_ms));
                guard = waited.unwrap_or_else(PoisonError::into_inner).0;
                // A disk that fails a sync is not written to again.
                if dirty.swap(false, Ordering::AcqRel) && file.sync().is_err() {
                    broken.store(true, Ordering::Release);
                }
            }
        };
        let thread = std::thread::Builder::new().name("ledger-head".to_owned()).spawn(run).ok()?;
        Some(Self { stop, thread: Some(thread) })
    }
}

impl Drop for HeadSyncer {
    fn drop(&mut self) {
        let (stopped, wake) = &*self.stop;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
