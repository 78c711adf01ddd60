//! For tests of this store and of whatever is built upon it: files that fail and lose power, a seeded workload that
//! keeps its own books, and a naive auditor that shares no code with the writer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use ledger_core::digest::{Digest, tagged};
use ledger_core::id::{
    CertificateId, CommandId, DocumentId, EventId, IdentifierMode, Origin, ParticipantId, RequestDigest, StreamId,
};
use ledger_core::log::genesis::{Genesis, GenesisType, Limits, TreeHashes, index_key_commitment};
use ledger_core::log::map::StreamMap;
use ledger_core::log::note::SignerKey;
use ledger_core::log::seal::Seal;
use ledger_core::record::{Actor, Basis, Capacity, Cause, Record};
use ledger_core::time::Timestamp;

use crate::embedded::files::{Files, OpenFile};
use crate::environment::{Clock, Entropy};
use crate::store::{Append, Draft, Expectation};
use crate::{StoreOptions, embedded::SegmentLimits};

/// A clock that moves one millisecond each time it is read.
#[derive(Debug)]
pub struct SteppingClock(AtomicU64);

impl SteppingClock {
    /// Begins at a time in milliseconds since 1970.
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(AtomicU64::new(ms))
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Reproducible numbers (splitmix64); for tests only.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            for (place, byte) in chunk.iter_mut().zip(self.next_u64().to_le_bytes()) {
                *place = byte;
            }
        }
        bytes
    }
}

/// [`Seeded`] as the store's source of randomness.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<Seeded>);

impl SeededEntropy {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(Seeded::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut seeded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in buffer {
            [*byte, ..] = seeded.next_u64().to_le_bytes();
        }
        Ok(())
    }
}

/// The seed of the log key of [`genesis`].
pub const LOG_SEED: [u8; 32] = [7; 32];

/// A genesis for tests, with the key of [`LOG_SEED`].
#[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "the inputs are constants")]
pub fn genesis() -> Genesis {
    let origin = Origin::from_name_and_random("ledger.example", [1; 16]).expect("a valid name");
    let key = SignerKey::from_seed(origin.as_str(), &LOG_SEED).expect("a valid name");
    Genesis {
        t: GenesisType::V1,
        at: Timestamp::EPOCH.plus_ms(1_700_000_000_000),
        log_keys: vec![key.verifier().clone()],
        origin,
        format: 1,
        hashes: TreeHashes::V1,
        recovery_keys: Vec::new(),
        policy: None,
        limits: Limits {
            batch_records_max: 1024,
            seal_interval_ms: 60_000,
            anchor_interval_ms: 60_000,
            clock_skew_ms: 1000,
        },
        index_key: index_key_commitment(&[9; 32]),
        identifiers: IdentifierMode::TestIdentifiers,
        previous: None,
    }
}

/// Options for tests: small segments, no timers, seeded.
pub fn options(seed: u64) -> StoreOptions {
    StoreOptions {
        segments: SegmentLimits { segment_bytes_max: 24 << 10, fill_step_bytes: 4096 },
        seal_interval_ms: None,
        head_sync_ms: None,
        clock: Arc::new(SteppingClock::from_unix_ms(1_700_000_000_000)),
        entropy: Arc::new(SeededEntropy::new(seed)),
        ..StoreOptions::default()
    }
}

/// An append with the records that it will leave in the log, but for `at` and `prev`.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What to submit.
    pub append: Append,
    /// The records.
    pub records: Vec<Record>,
}

/// Appends that a ledger could see, from a seed; it knows what it was told to be stored.
#[derive(Debug, Clone)]
pub struct Workload {
    random: Seeded,
    participants: Vec<ParticipantId>,
    documents: Vec<DocumentId>,
    homed: BTreeMap<StreamId, u64>,
    revision: BTreeMap<StreamId, u64>,
    data_bytes: usize,
}

impl Workload {
    /// The workload of a seed; each record carries about so many bytes of data.
    pub fn new(seed: u64, data_bytes: usize) -> Self {
        let mut random = Seeded::new(seed);
        let participants = (0..8).map(|_| ParticipantId::from_random(random.bytes())).collect();
        let (documents, homed, revision) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { random, participants, documents, homed, revision, data_bytes }
    }

    fn pick<T: Copy>(random: &mut Seeded, from: &[T]) -> Option<T> {
        let count = u64::try_from(from.len()).unwrap_or(u64::MAX);
        from.get(usize::try_from(random.below(count)).unwrap_or(0)).copied()
    }

    /// The next append: one to three records of a new or a known document.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "the workload makes valid records only")]
    pub fn plan(&mut self) -> Planned {
        let known = if self.random.below(3) == 0 { None } else { Self::pick(&mut self.random, &self.documents) };
        let document = known.unwrap_or_else(|| DocumentId::from_random(self.random.bytes()));
        let count = 1 + self.random.below(3);
        let participant =
            Self::pick(&mut self.random, &self.participants).unwrap_or(ParticipantId::from_random([0; 16]));
        let command = CommandId::of_idempotency_key(&self.random.bytes(), participant, "key");
        let request = RequestDigest::of_request(&self.random.bytes(), b"request");
        let home = StreamId::document(document);
        let first_seq = self.homed.get(&home).copied().unwrap_or(0);
        let mut expect = vec![(home.clone(), Expectation::Homed(first_seq))];
        if known.is_none() {
            expect.push((home.clone(), Expectation::Absent));
        }
        let records: Vec<_> = (first_seq..first_seq + count)
            .map(|seq| self.record(document, participant, command, request, seq))
            .collect();
        let drafts = records.iter().map(|record| Draft::encode(record).expect("a valid record")).collect();
        Planned { append: Append { records: drafts, expect, command, request }, records }
    }

    #[expect(clippy::expect_used, reason = "the workload makes valid records only")]
    fn record(
        &mut self,
        document: DocumentId,
        participant: ParticipantId,
        command: CommandId,
        request: RequestDigest,
        seq: u64,
    ) -> Record {
        let mut others = vec![StreamId::participant(participant)];
        if self.random.below(2) == 0 {
            others.push(StreamId::certificate(CertificateId::of_der(&self.random.below(5).to_be_bytes())));
        }
        others.sort();
        let mut streams = vec![StreamId::document(document)];
        streams.extend(others);
        let filler = "0123456789abcdef".repeat(self.data_bytes / 16);
        Record {
            actor: Actor { capacity: Capacity::Participant, participant: Some(participant), user: None },
            at: Timestamp::EPOCH,
            basis: Basis { clauses: vec!["5.3.1".to_owned()], terms: "idocs-2021-10-11".to_owned() },
            cause: Cause { command, event: None, request },
            data: format!("{{\"document\":\"{document}\",\"filler\":\"{filler}\"}}").into(),
            id: EventId::from_time_and_random(Timestamp::EPOCH, self.random.bytes()),
            prev: Digest::default(),
            sealed: Vec::new(),
            seq,
            streams,
            event_type: "document.formed".parse().expect("a valid name"),
            version: 1,
        }
    }

    /// Takes note that an append was stored.
    pub fn stored(&mut self, planned: &Planned) {
        for record in &planned.records {
            let Some(home) = record.home() else { continue };
            *self.homed.entry(home.clone()).or_default() += 1;
            for stream in &record.streams {
                *self.revision.entry(stream.clone()).or_default() += 1;
            }
            if record.seq == 0 {
                self.documents.extend(home.id().parse::<DocumentId>());
            }
        }
    }

    /// What the workload believes of each stream: count of its tree, and of the records homed in it.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamId, u64, u64)> {
        let homed = |stream: &StreamId| self.homed.get(stream).copied().unwrap_or(0);
        self.revision.iter().map(move |(stream, revision)| (stream, *revision, homed(stream)))
    }
}

/// RFC 6962 section 2.1, word for word.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::sha256(&[]),
        [leaf] => *leaf,
        leaves => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            let (left, right) = leaves.split_at(split);
            Digest::sha256(&[&[1], naive_root(left).as_bytes(), naive_root(right).as_bytes()])
        }
    }
}

/// The root over leaves, without any state.
pub fn naive_log_root(leaves: &[Vec<u8>]) -> Digest {
    naive_root(&leaves.iter().map(|leaf| Digest::sha256(&[&[0], leaf])).collect::<Vec<_>>())
}

/// Checks a log from its leaves alone, as slowly and plainly as it can be said. Returns the ids of the events.
pub fn audit_naively(genesis: &Genesis, leaves: &[Vec<u8>]) -> Result<BTreeSet<EventId>, String> {
    let mut streams: BTreeMap<StreamId, Vec<Digest>> = BTreeMap::new();
    let mut chain: BTreeMap<StreamId, (u64, Digest)> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut last_at = genesis.at;
    let mut seals: Vec<(u64, Digest)> = Vec::new();
    let mut pin = Digest::default();
    for (index, bytes) in (0_u64..).zip(leaves) {
        let leaf = Digest::sha256(&[&[0], bytes]);
        let stream_leaf = Digest::sha256(&[&[0], b"edl/v1/streamleaf\0", &index.to_be_bytes(), leaf.as_bytes()]);
        if index == 0 {
            if Ok(bytes) != genesis.encode().as_ref() {
                return Err("leaf 0 is not the genesis".to_owned());
            }
            pin = leaf;
            streams.entry(genesis.stream()).or_default().push(stream_leaf);
        } else if let Ok(seal) = Seal::decode(bytes) {
            let before = usize::try_from(index).ok().and_then(|index| leaves.get(..index)).unwrap_or_default();
            let mut heads: Vec<_> =
                streams.iter().map(|(stream, leaves)| (stream.map_key(), head_value(leaves))).collect();
            heads.sort_unstable();
            let mut map = StreamMap::from_sorted(heads).map_err(|error| error.to_string())?;
            let previous = seals.last().copied().unwrap_or((0, pin));
            let good = seal.size.0 == index
                && seal.genesis == pin
                && seal.map_root == map.root()
                && seal.alt_root == naive_alt_root(before)
                && (seal.prev_seal.index.0, seal.prev_seal.leaf) == previous
                && seal.at >= last_at;
            if !good {
                return Err(format!("the seal at {index} is wrong"));
            }
            last_at = seal.at;
            seals.push((index, leaf));
        } else {
            let record = Record::decode(bytes).map_err(|error| format!("leaf {index}: {error}"))?;
            let home = record.home().cloned().ok_or("no home")?;
            let expected = chain.get(&home).copied().unwrap_or((0, pin));
            if (record.seq, record.prev) != expected || record.at < last_at || !ids.insert(record.id) {
                return Err(format!("the record at {index} does not continue its stream"));
            }
            last_at = record.at;
            chain.insert(home, (record.seq + 1, leaf));
            for stream in record.streams {
                streams.entry(stream).or_default().push(stream_leaf);
            }
        }
    }
    let sealed = seals.last().is_some_and(|(index, _)| u64::try_from(leaves.len()) == Ok(index + 1));
    if sealed { Ok(ids) } else { Err("the log does not end in a seal".to_owned()) }
}

fn head_value(leaves: &[Digest]) -> Digest {
    let count = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
    tagged("edl/v1/streamhead", &[&count.to_be_bytes(), naive_root(leaves).as_bytes()])
}

fn naive_alt_root(leaves: &[Vec<u8>]) -> Digest {
    match leaves {
        [] => Digest::sha3_256(&[]),
        [leaf] => Digest::sha3_256(&[&[0], leaf]),
        leaves => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            let (left, right) = leaves.split_at(split);
            Digest::sha3_256(&[&[1], naive_alt_root(left).as_bytes(), naive_alt_root(right).as_bytes()])
        }
    }
}

/// What goes wrong with one operation of [`SimulatedFiles`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error number and has done nothing.
    Error(i32),
    /// It fails with this error number after all was done.
    ErrorAfter(i32),
    /// The power goes: it fails, half done, and so does everything after it.
    PowerCut,
}

/// An operation that changes something, as [`SimulatedFiles`] counts and logs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A file was made.
    Create(String),
    /// Bytes were written.
    Write(String),
    /// A length was set.
    SetLength(String),
    /// A file was synced.
    Sync(String),
    /// A file was renamed to this name.
    Rename(String),
    /// A file was removed.
    Remove(String),
    /// A directory was synced.
    SyncDirectory(String),
}

/// Files in memory that forget, like a disk whose power is cut: what was not synced may be lost, torn at sectors of
/// 512 bytes, or kept without what was written before it.
#[derive(Clone)]
pub struct SimulatedFiles(Arc<Mutex<Disk>>);

impl fmt::Debug for SimulatedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimulatedFiles").field(&self.disk().names.keys()).finish()
    }
}

#[derive(Debug, Default)]
struct Disk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    log: Vec<Operation>,
    /// The operation (counted from 0) with which something goes wrong.
    fault: Option<(usize, Fault)>,
    /// Writes beyond so many bytes in all files together fail with ENOSPC.
    capacity: Option<usize>,
    dead: bool,
}

#[derive(Debug, Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLength(usize),
}

const SECTOR: usize = 512;

fn write_into(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    if let Some(place) = target.get_mut(offset..end) {
        place.copy_from_slice(bytes);
    }
}

fn dead() -> io::Error {
    io::Error::other("the power is cut")
}

impl Default for SimulatedFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedFiles {
    /// An empty disk.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Disk::default())))
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations there have been.
    pub fn operations(&self) -> usize {
        self.disk().log.len()
    }

    /// The operations so far.
    pub fn log(&self) -> Vec<Operation> {
        self.disk().log.clone()
    }

    /// Lets the operation with this number (the first ever is 0) go wrong, and forgets earlier such wishes.
    pub fn fail_at(&self, operation: usize, fault: Fault) {
        self.disk().fault = Some((operation, fault));
    }

    /// Nothing goes wrong any more (except after a power cut).
    pub fn heal(&self) {
        let mut disk = self.disk();
        (disk.fault, disk.capacity) = (None, None);
    }

    /// From now on the disk holds at most so many bytes.
    pub fn set_capacity(&self, bytes: usize) {
        self.disk().capacity = Some(bytes);
    }

    /// Bytes in all files.
    pub fn bytes(&self) -> usize {
        let disk = self.disk();
        disk.names.values().filter_map(|inode| disk.inodes.get(inode)).map(|inode| inode.bytes.len()).sum()
    }

    /// What a reader sees of a file.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        Some(disk.inodes.get(disk.names.get(path)?)?.bytes.clone())
    }

    /// Replaces the contents of a file, durably, as damage would.
    pub fn set_contents(&self, path: &str, bytes: Vec<u8>) {
        let mut disk = self.disk();
        let Some(number) = disk.names.get(path).copied() else { return };
        disk.inodes.insert(number, Inode { durable: bytes.clone(), bytes, unsynced: Vec::new() });
    }

    /// Names of all files.
    pub fn names(&self) -> Vec<String> {
        self.disk().names.keys().cloned().collect()
    }

    /// A copy that shares nothing with this one, as a copied directory would be.
    #[must_use]
    pub fn copy(&self) -> Self {
        let disk = self.disk();
        let inodes = disk.inodes.clone();
        let (names, durable_names) = (disk.names.clone(), disk.durable_names.clone());
        Self(Arc::new(Mutex::new(Disk { inodes, names, durable_names, ..Disk::default() })))
    }

    /// What a disk may hold after the power came back: synced bytes, and of the others whatever the seed says.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let disk = self.disk();
        let mut random = Seeded::new(seed);
        // Some cuts lose everything that is not synced, some nothing, most something.
        let kept = [0, 1, 2, 3, 4].get(usize::try_from(random.below(5)).unwrap_or(0)).copied().unwrap_or(2);
        let mut keep = || random.below(4) < kept;
        let mut inodes = BTreeMap::new();
        for (number, inode) in &disk.inodes {
            let mut bytes = inode.durable.clone();
            for change in &inode.unsynced {
                match change {
                    Change::SetLength(length) if keep() => bytes.resize(*length, 0),
                    Change::SetLength(_) => {}
                    Change::Write { offset, bytes: written } => {
                        let mut at = 0;
                        while at < written.len() {
                            let sector_end = ((offset + at) / SECTOR + 1) * SECTOR - offset;
                            let end = sector_end.min(written.len());
                            if keep() {
                                write_into(&mut bytes, offset + at, written.get(at..end).unwrap_or_default());
                            }
                            at = end;
                        }
                    }
                }
            }
            inodes.insert(*number, Inode { durable: bytes.clone(), bytes, unsynced: Vec::new() });
        }
        let all: BTreeSet<_> = disk.names.keys().chain(disk.durable_names.keys()).collect();
        let mut names = BTreeMap::new();
        for name in all {
            let source = if keep() { &disk.names } else { &disk.durable_names };
            if let Some(inode) = source.get(name) {
                names.insert(name.clone(), *inode);
            }
        }
        let durable_names = names.clone();
        Self(Arc::new(Mutex::new(Disk { inodes, names, durable_names, ..Disk::default() })))
    }

    /// Counts an operation; does it, fails it, or both, as it was wished.
    fn operate<T>(&self, operation: Operation, act: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk();
        if disk.dead {
            return Err(dead());
        }
        let number = disk.log.len();
        let is_sync = matches!(operation, Operation::Sync(_) | Operation::SyncDirectory(_));
        disk.log.push(operation);
        match disk.fault.filter(|(at, _)| *at == number) {
            None => act(&mut disk),
            Some((_, Fault::Error(code))) => Err(io::Error::from_raw_os_error(code)),
            Some((_, Fault::ErrorAfter(code))) => {
                act(&mut disk)?;
                Err(io::Error::from_raw_os_error(code))
            }
            Some((_, Fault::PowerCut)) => {
                // What was on its way may have arrived; a sync has not come back.
                if !is_sync {
                    act(&mut disk)?;
                }
                disk.dead = true;
                Err(dead())
            }
        }
    }

    fn open_inode(&self, path: &str, number: u64) -> Arc<dyn OpenFile> {
        Arc::new(SimulatedFile { files: self.clone(), path: path.to_owned(), number })
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Files for SimulatedFiles {
    fn create(&self, path: &str) -> io::Result<Arc<dyn OpenFile>> {
        let number = self.operate(Operation::Create(path.to_owned()), |disk| {
            if disk.names.contains_key(path) {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            let number = disk.inodes.last_key_value().map_or(0, |(last, _)| last + 1);
            disk.inodes.insert(number, Inode::default());
            disk.names.insert(path.to_owned(), number);
            Ok(number)
        })?;
        Ok(self.open_inode(path, number))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn OpenFile>> {
        let disk = self.disk();
        if disk.dead {
            return Err(dead());
        }
        let number = disk.names.get(path).copied().ok_or_else(not_found)?;
        Ok(self.open_inode(path, number))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let disk = self.disk();
        if disk.dead {
            return Err(dead());
        }
        let below = disk.names.keys().filter(|name| parent(name) == directory);
        Ok(below.filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect())
    }

    fn create_directory(&self, _path: &str) -> io::Result<()> {
        if self.disk().dead { Err(dead()) } else { Ok(()) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(Operation::Rename(to.to_owned()), |disk| {
            let number = disk.names.remove(from).ok_or_else(not_found)?;
            disk.names.insert(to.to_owned(), number);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        if !self.disk().names.contains_key(path) {
            return Err(not_found());
        }
        self.operate(Operation::Remove(path.to_owned()), |disk| {
            disk.names.remove(path);
            Ok(())
        })
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        self.operate(Operation::SyncDirectory(path.to_owned()), |disk| {
            disk.durable_names.retain(|name, _| parent(name) != path);
            let below = disk.names.iter().filter(|(name, _)| parent(name) == path);
            let below: Vec<_> = below.map(|(name, number)| (name.clone(), *number)).collect();
            disk.durable_names.extend(below);
            Ok(())
        })
    }
}

struct SimulatedFile {
    files: SimulatedFiles,
    path: String,
    number: u64,
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SimulatedFile {
    fn change(&self, operation: Operation, change: Change) -> io::Result<()> {
        let used = self.files.bytes();
        self.files.operate(operation, |disk| {
            let capacity = disk.capacity;
            let inode = disk.inodes.get_mut(&self.number).ok_or_else(not_found)?;
            match &change {
                Change::Write { offset, bytes } => {
                    let grows = (offset + bytes.len()).saturating_sub(inode.bytes.len());
                    if capacity.is_some_and(|max| grows > 0 && used + grows > max) {
                        return Err(io::Error::from_raw_os_error(ENOSPC));
                    }
                    write_into(&mut inode.bytes, *offset, bytes);
                }
                Change::SetLength(length) => inode.bytes.resize(*length, 0),
            }
            inode.unsynced.push(change);
            Ok(())
        })
    }
}

/// No space left on device.
pub const ENOSPC: i32 = 28;
/// Input/output error.
pub const EIO: i32 = 5;

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

impl OpenFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        let disk = self.files.disk();
        let length = disk.inodes.get(&self.number).map(|inode| inode.bytes.len()).ok_or_else(not_found)?;
        if disk.dead { Err(dead()) } else { u64::try_from(length).map_err(io::Error::other) }
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let disk = self.files.disk();
        if disk.dead {
            return Err(dead());
        }
        let inode = disk.inodes.get(&self.number).ok_or_else(not_found)?;
        let start = to_usize(offset)?;
        let bytes = start.checked_add(buffer.len()).and_then(|end| inode.bytes.get(start..end));
        buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let change = Change::Write { offset: to_usize(offset)?, bytes: bytes.to_vec() };
        self.change(Operation::Write(self.path.clone()), change)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.change(Operation::SetLength(self.path.clone()), Change::SetLength(to_usize(length)?))
    }

    fn sync(&self) -> io::Result<()> {
        self.files.operate(Operation::Sync(self.path.clone()), |disk| {
            let inode = disk.inodes.get_mut(&self.number).ok_or_else(not_found)?;
            inode.unsynced.clear();
            inode.durable.clone_from(&inode.bytes);
            Ok(())
        })
    }
}
