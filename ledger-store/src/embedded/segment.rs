//! Segment files: where the log stands, and the only truth there is.
//!
//! A segment is a head and then batches of [frames](super::frame). It is filled with zeros ahead, so that a sync
//! need not write metadata; when it is full it is cut to its length, synced, and never changes again: the next
//! segment's head names its SHA-256. A new segment gets its name only after its head is durable.
//!
//! ```text
//!   0  "EDLSEG" CR LF        8  u32 version 1      12  u32 number of the segment, from 1
//!  16  u64 epoch (random)   24  u64 log index of the first leaf
//!  32  SHA-256("edl/v1/segment" 00 origin)         64  SHA-256 of the segment file before, zeros in the first
//!  96  leaf hash of the last leaf before, zeros in the first
//! 128  u32 CRC32C of what stands before
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use ledger_core::digest::{Digest, tagged};
use ledger_core::id::Origin;
use ledger_core::log::merkle::leaf_hash;
use sha2::{Digest as _, Sha256};

use super::files::{Files, OpenFile, join};
use super::frame::{self, Frame, HEADER_BYTES, Kind, SegmentTag};

/// The directory of the segments.
pub(crate) const DIRECTORY: &str = "segments";
/// Length of a segment's head.
pub(crate) const HEAD_BYTES: usize = 132;
const MAGIC: &[u8; 8] = b"EDLSEG\r\n";
const VERSION: u32 = 1;
/// A segment is read as a whole; this is far above what any setting of the limits writes.
const SEGMENT_BYTES_LIMIT: u64 = 1 << 31;
/// Open segment files that readers keep; the usual limit of a process is 1024.
const OPEN_FILES_MAX: usize = 256;

/// Where a frame stands: segment number and offset in its file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64);

impl Position {
    pub(crate) fn new(segment: u32, offset: u64) -> Self {
        Self(u64::from(segment) << 32 | offset & 0xffff_ffff)
    }

    pub(crate) fn segment(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }

    pub(crate) const fn offset(self) -> u64 {
        self.0 & 0xffff_ffff
    }

    pub(crate) const fn to_u64(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_u64(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment(), self.offset())
    }
}

/// What does not fit in the segment files.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A file cannot be read or changed.
    #[error("segment {segment} cannot be read")]
    Io {
        /// Number of the segment.
        segment: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bytes are not those that were written. Restore the file from a copy; nothing was changed.
    #[error("segment {segment} is damaged at byte {offset}: {reason}")]
    Corrupt {
        /// Number of the segment.
        segment: u32,
        /// Offset in its file of the first frame that is not right.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
}

impl SegmentError {
    pub(crate) fn corrupt(position: Position, reason: impl fmt::Display) -> Self {
        Self::Corrupt { segment: position.segment(), offset: position.offset(), reason: reason.to_string() }
    }
}

/// What became of a write.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Nothing was written, durably: the same may be tried again.
    Refused(io::Error),
    /// What is on the disk is unknown. Only opening the ledger anew can tell.
    Broken(io::Error),
}

/// A segment's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) tag: SegmentTag,
    pub(crate) first_index: u64,
    pub(crate) origin: Digest,
    pub(crate) previous_file: Digest,
    pub(crate) previous_leaf: Digest,
}

impl SegmentHead {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.tag.number.to_le_bytes());
        bytes.extend_from_slice(&self.tag.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.first_index.to_le_bytes());
        for digest in [&self.origin, &self.previous_file, &self.previous_leaf] {
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD_BYTES)?;
        let u32_at = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let digest_at = |at: usize| Digest::from_slice(head.get(at..at + 32)?);
        let found = Self {
            tag: SegmentTag { number: u32_at(12)?, epoch: u64_at(16)? },
            first_index: u64_at(24)?,
            origin: digest_at(32)?,
            previous_file: digest_at(64)?,
            previous_leaf: digest_at(96)?,
        };
        // There is one spelling: magic, version and checksum are compared with it.
        (found.encode() == head).then_some(found)
    }
}

/// What stands for the origin in segment heads.
pub(crate) fn origin_digest(origin: &Origin) -> Digest {
    tagged("edl/v1/segment", &[origin.as_str().as_bytes()])
}

/// Name of a segment's file.
pub(crate) fn file_name(number: u32) -> String {
    format!("{number:08}.seg")
}

/// The segment files for readers: any leaf by its position.
#[derive(Debug)]
pub(crate) struct SegmentFiles {
    files: Arc<dyn Files>,
    tags: Mutex<BTreeMap<u32, SegmentTag>>,
    open: Mutex<BTreeMap<u32, Arc<dyn OpenFile>>>,
}

impl SegmentFiles {
    pub(crate) fn new(files: Arc<dyn Files>) -> Self {
        Self { files, tags: Mutex::default(), open: Mutex::default() }
    }

    fn add(&self, tag: SegmentTag) {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.number, tag);
    }

    fn file(&self, number: u32) -> io::Result<Arc<dyn OpenFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = self.files.open(&join(DIRECTORY, &file_name(number)))?;
        if open.len() >= OPEN_FILES_MAX {
            open.clear();
        }
        open.insert(number, Arc::clone(&file));
        Ok(file)
    }

    /// Reads the frame at a position, which must be of this kind and number; checks its checksum.
    pub(crate) fn read(&self, position: Position, kind: Kind, index: u64) -> Result<Vec<u8>, SegmentError> {
        self.read_with_next(position, kind, index).map(|(body, _)| body)
    }

    /// As [`SegmentFiles::read`]; returns also where the next frame stands.
    pub(crate) fn read_with_next(
        &self,
        position: Position,
        kind: Kind,
        index: u64,
    ) -> Result<(Vec<u8>, Position), SegmentError> {
        let number = position.segment();
        let io = |source| SegmentError::Io { segment: number, source };
        let corrupt = |reason| SegmentError::corrupt(position, reason);
        let tag = self.tags.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied();
        let tag = tag.ok_or_else(|| corrupt("no such segment"))?;
        let file = self.file(number).map_err(io)?;
        let mut bytes = vec![0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, position.offset()).map_err(io)?;
        let length = frame::body_length(&bytes).ok_or_else(|| corrupt("not a frame"))?;
        bytes.resize(HEADER_BYTES + length, 0);
        file.read_exact_at(&mut bytes, position.offset()).map_err(io)?;
        let frame = frame::decode(&bytes, tag).filter(|frame| frame.kind == kind && frame.index == index);
        let length = frame.ok_or_else(|| corrupt("not the expected frame"))?.length();
        let next = Position::new(number, position.offset() + u64::try_from(length).unwrap_or(u64::MAX));
        bytes.drain(..HEADER_BYTES);
        Ok((bytes, next))
    }
}

/// When segments are rolled and how they are filled ahead.
#[derive(Debug, Clone, Copy)]
pub struct SegmentLimits {
    /// A segment that would grow beyond this is closed, in bytes (64 MiB).
    pub segment_bytes_max: u64,
    /// Zeros are written ahead in steps of so many bytes (2 MiB).
    pub fill_step_bytes: u64,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self { segment_bytes_max: 64 << 20, fill_step_bytes: 2 << 20 }
    }
}

/// A batch as bytes that belong into the current segment.
#[derive(Debug, Default)]
pub(crate) struct BatchBytes {
    bytes: Vec<u8>,
    offsets: Vec<u64>,
    leaves: Vec<Digest>,
    first_index: u64,
}

impl BatchBytes {
    /// Begins a batch whose first leaf has this index; keeps the memory of the one before.
    pub(crate) fn begin(&mut self, first_index: u64) {
        self.bytes.clear();
        self.offsets.clear();
        self.leaves.clear();
        self.first_index = first_index;
    }
}

/// The newest segment, written to by one thread.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    files: Arc<dyn Files>,
    limits: SegmentLimits,
    head: SegmentHead,
    file: Arc<dyn OpenFile>,
    /// End of the last complete batch.
    offset: u64,
    /// Up to here the file is allocated.
    filled: u64,
    /// Over everything up to `offset` but for `unhashed`.
    hasher: Sha256,
    /// The last batch. It is hashed when its callers have their answer, who do not wait for the file's hash.
    unhashed: Vec<u8>,
    reader: Arc<SegmentFiles>,
    scratch: Vec<u8>,
}

impl SegmentWriter {
    /// Makes the first segment of a new log.
    pub(crate) fn create(
        files: Arc<dyn Files>,
        limits: SegmentLimits,
        origin: &Origin,
        epoch: u64,
    ) -> Result<Self, WriteError> {
        let head = SegmentHead {
            tag: SegmentTag { number: 1, epoch },
            first_index: 0,
            origin: origin_digest(origin),
            previous_file: Digest::default(),
            previous_leaf: Digest::default(),
        };
        let file = create_segment(files.as_ref(), &head)?;
        let reader = Arc::new(SegmentFiles::new(Arc::clone(&files)));
        reader.add(head.tag);
        let hasher = Sha256::new().chain_update(head.encode());
        let (offset, filled) = (head_bytes(), head_bytes());
        let (unhashed, scratch) = (Vec::new(), Vec::new());
        Ok(Self { files, limits, head, file, offset, filled, hasher, unhashed, reader, scratch })
    }

    pub(crate) fn reader(&self) -> Arc<SegmentFiles> {
        Arc::clone(&self.reader)
    }

    /// Where the next batch will stand.
    pub(crate) fn end(&self) -> Position {
        Position::new(self.head.tag.number, self.offset)
    }

    /// Makes room for a batch of at most so many bytes. A full disk is met here, before anything has changed.
    pub(crate) fn reserve(
        &mut self,
        bytes: u64,
        next_index: u64,
        last_leaf: &Digest,
        epoch: impl FnOnce() -> io::Result<u64>,
    ) -> Result<(), WriteError> {
        if self.offset > head_bytes() && self.offset.saturating_add(bytes) > self.limits.segment_bytes_max {
            let epoch = epoch().map_err(WriteError::Refused)?;
            self.roll(next_index, last_leaf, epoch)?;
        }
        let end = self.offset.saturating_add(bytes);
        if self.filled >= end {
            // Nearly always; some megabytes of zeros are not made for nothing.
            return Ok(());
        }
        let zeros = vec![0; usize::try_from(self.limits.fill_step_bytes.clamp(1 << 9, 1 << 22)).unwrap_or(1 << 20)];
        while self.filled < end {
            self.file.write_all_at(&zeros, self.filled).map_err(WriteError::Refused)?;
            self.filled += u64::try_from(zeros.len()).unwrap_or(0);
        }
        Ok(())
    }

    fn roll(&mut self, next_index: u64, last_leaf: &Digest, epoch: u64) -> Result<(), WriteError> {
        self.file.set_length(self.offset).map_err(WriteError::Refused)?;
        self.filled = self.offset;
        self.file.sync().map_err(WriteError::Broken)?;
        self.hash_last_batch();
        let head = SegmentHead {
            tag: SegmentTag { number: self.head.tag.number + 1, epoch },
            first_index: next_index,
            origin: self.head.origin,
            previous_file: Digest::new(self.hasher.clone().finalize().into()),
            previous_leaf: *last_leaf,
        };
        self.file = create_segment(self.files.as_ref(), &head)?;
        self.reader.add(head.tag);
        self.hasher = Sha256::new().chain_update(head.encode());
        self.head = head;
        (self.offset, self.filled) = (head_bytes(), head_bytes());
        Ok(())
    }

    /// Adds a leaf; `hash` is its leaf hash, with which the bytes on the disk will be compared.
    pub(crate) fn push_leaf(&self, batch: &mut BatchBytes, bytes: &[u8], hash: Digest) {
        let index = batch.first_index + u64::try_from(batch.leaves.len()).unwrap_or(0);
        batch.offsets.push(self.offset + u64::try_from(batch.bytes.len()).unwrap_or(0));
        batch.leaves.push(hash);
        let frame = Frame { kind: Kind::Leaf, batch_end: false, batch: batch.first_index, index, body: bytes };
        frame::encode(&mut batch.bytes, self.head.tag, &frame);
    }

    /// Ends the batch with the signed note of the tree of this size, writes it with one write, compares what can
    /// be read back with what was hashed, and makes it durable with one sync. Returns the positions of the leaves.
    pub(crate) fn commit(
        &mut self,
        batch: &mut BatchBytes,
        size: u64,
        note: &[u8],
    ) -> Result<Vec<Position>, WriteError> {
        let frame = Frame { kind: Kind::Note, batch_end: true, batch: batch.first_index, index: size, body: note };
        frame::encode(&mut batch.bytes, self.head.tag, &frame);
        if let Err(error) = self.file.write_all_at(&batch.bytes, self.offset) {
            return Err(self.roll_back(error));
        }
        self.check_written(batch).map_err(WriteError::Broken)?;
        self.file.sync().map_err(WriteError::Broken)?;
        self.offset += u64::try_from(batch.bytes.len()).unwrap_or(0);
        self.hash_last_batch();
        std::mem::swap(&mut self.unhashed, &mut batch.bytes);
        self.filled = self.filled.max(self.offset);
        let number = self.head.tag.number;
        Ok(batch.offsets.iter().map(|offset| Position::new(number, *offset)).collect())
    }

    /// Brings the hash of the file up to its end.
    pub(crate) fn hash_last_batch(&mut self) {
        self.hasher.update(&self.unhashed);
        self.unhashed.clear();
    }

    /// After a failed write: the file ends where the last batch ends, durably, or nobody knows.
    fn roll_back(&mut self, error: io::Error) -> WriteError {
        self.filled = self.offset;
        match self.file.set_length(self.offset).and_then(|()| self.file.sync()) {
            Ok(()) => WriteError::Refused(error),
            Err(error) => WriteError::Broken(error),
        }
    }

    fn check_written(&mut self, batch: &BatchBytes) -> io::Result<()> {
        self.scratch.resize(batch.bytes.len(), 0);
        self.file.read_exact_at(&mut self.scratch, self.offset)?;
        let mut rest = self.scratch.as_slice();
        let mut leaves = batch.leaves.iter();
        while let Some(frame) = frame::decode(rest, self.head.tag) {
            if frame.kind == Kind::Leaf && leaves.next() != Some(&leaf_hash(frame.body)) {
                break;
            }
            rest = rest.get(frame.length()..).unwrap_or_default();
        }
        let all = rest.is_empty() && leaves.next().is_none();
        if all { Ok(()) } else { Err(io::Error::other("the file does not hold what was written to it")) }
    }

    /// Cuts what was filled ahead; the last act of a clean stop.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.file.set_length(self.offset)?;
        self.filled = self.offset;
        self.file.sync()
    }
}

/// Where the first batch of a log stands.
pub(crate) fn first_position() -> Position {
    Position::new(1, head_bytes())
}

fn head_bytes() -> u64 {
    u64::try_from(HEAD_BYTES).unwrap_or(0)
}

fn create_segment(files: &dyn Files, head: &SegmentHead) -> Result<Arc<dyn OpenFile>, WriteError> {
    let path = join(DIRECTORY, &file_name(head.tag.number));
    let temporary = format!("{path}.tmp");
    match files.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(WriteError::Refused(error)),
        Ok(()) | Err(_) => {}
    }
    let file = files.create(&temporary).map_err(WriteError::Refused)?;
    file.write_all_at(&head.encode(), 0).map_err(WriteError::Refused)?;
    file.sync().map_err(WriteError::Broken)?;
    files.rename(&temporary, &path).map_err(WriteError::Refused)?;
    files.sync_directory(DIRECTORY).map_err(WriteError::Broken)?;
    Ok(file)
}

/// A complete batch as it stands in a segment.
#[derive(Debug)]
pub(crate) struct ScannedBatch<'a> {
    /// The leaves with their places; the last one is the seal.
    pub(crate) leaves: Vec<(Position, &'a [u8])>,
    /// The signed checkpoint.
    pub(crate) note: &'a [u8],
}

/// What was left of a batch that was never acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// Number of the segment.
    pub segment: u32,
    /// Where the batch began, in bytes.
    pub offset: u64,
}

/// The segments as they were found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) files: Arc<dyn Files>,
    heads: Vec<SegmentHead>,
}

/// How the scan of the newest segment ended; nothing has been changed yet.
#[derive(Debug)]
pub(crate) struct Tail {
    newest: SegmentHead,
    hasher: Sha256,
    last_batch: (u64, Vec<u8>),
    end: u64,
    file_length: u64,
    pub(crate) torn: Option<TornTail>,
}

impl Scan {
    /// Lists the segments and checks that their heads follow each other.
    pub(crate) fn list(files: Arc<dyn Files>, origin: &Origin) -> Result<Self, SegmentError> {
        let io = |segment| move |source| SegmentError::Io { segment, source };
        let mut numbers = Vec::new();
        for name in files.list(DIRECTORY).map_err(io(0))? {
            // A segment that never got its name: its creation was cut off.
            if let Some(number) = name.strip_suffix(".seg") {
                let number = number.parse().ok().filter(|number| file_name(*number) == name);
                numbers.push(number.ok_or_else(|| SegmentError::Corrupt {
                    segment: 0,
                    offset: 0,
                    reason: format!("{name} is not the name of a segment"),
                })?);
            }
        }
        numbers.sort_unstable();
        let mut heads: Vec<SegmentHead> = Vec::with_capacity(numbers.len());
        for (expected, number) in (1..).zip(numbers) {
            let start = Position::new(expected, 0);
            if number != expected {
                return Err(SegmentError::corrupt(start, "the file is missing"));
            }
            let mut bytes = [0; HEAD_BYTES];
            let file = files.open(&join(DIRECTORY, &file_name(number))).map_err(io(number))?;
            match file.read_exact_at(&mut bytes, 0) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(SegmentError::corrupt(start, "the file is shorter than its head"));
                }
                result => result.map_err(io(number))?,
            }
            let head = SegmentHead::decode(&bytes).filter(|head| head.tag.number == number);
            let head = head.ok_or_else(|| SegmentError::corrupt(start, "the head is damaged"))?;
            if head.origin != origin_digest(origin) {
                return Err(SegmentError::corrupt(start, "the segment belongs to another ledger"));
            }
            let follows = heads.last().map_or(head.first_index == 0, |before| before.first_index < head.first_index);
            if !follows {
                return Err(SegmentError::corrupt(start, "the segment does not continue the one before it"));
            }
            heads.push(head);
        }
        if heads.is_empty() {
            return Err(SegmentError::corrupt(Position::new(1, 0), "the file is missing"));
        }
        Ok(Self { files, heads })
    }

    /// The segments for readers.
    pub(crate) fn reader(&self) -> Arc<SegmentFiles> {
        let reader = Arc::new(SegmentFiles::new(Arc::clone(&self.files)));
        self.heads.iter().for_each(|head| reader.add(head.tag));
        reader
    }

    /// Gives every complete batch from a position on to `visit`, in order. The position must begin a batch whose
    /// first leaf has index `next_index`; `last_leaf` is the hash of the leaf before it.
    ///
    /// A bad frame is a torn tail only in the newest segment, and only if every whole frame after it belongs to the
    /// one batch that can have been in flight; everything else is damage.
    pub(crate) fn batches(
        &self,
        from: Position,
        mut next_index: u64,
        visit: &mut dyn FnMut(&ScannedBatch<'_>) -> Result<Digest, SegmentError>,
        mut last_leaf: Digest,
    ) -> Result<Tail, SegmentError> {
        let mut previous_file = None;
        let mut result = None;
        let last = self.heads.last().map_or(0, |head| head.tag.number);
        for head in self.heads.iter().filter(|head| head.tag.number >= from.segment()) {
            let SegmentTag { number, .. } = head.tag;
            let file = self.files.open(&join(DIRECTORY, &file_name(number)));
            let bytes = file.and_then(|file| super::files::read_to_end(file.as_ref(), SEGMENT_BYTES_LIMIT));
            let bytes = bytes.map_err(|source| SegmentError::Io { segment: number, source })?;
            let start = if number == from.segment() { from.offset() } else { head_bytes() };
            if start == head_bytes() {
                let chained = previous_file.is_none_or(|hash| hash == head.previous_file);
                if !chained || head.previous_leaf != last_leaf || head.first_index != next_index {
                    let reason = "the head does not name the segment before as it stands";
                    return Err(SegmentError::corrupt(Position::new(number, 0), reason));
                }
            }
            let scan = SegmentScan { tag: head.tag, bytes: &bytes, newest: number == last };
            let (end, last_batch, torn) = scan.run(start, &mut next_index, &mut last_leaf, visit)?;
            let complete = bytes.get(..end).unwrap_or_default();
            let mut hasher = Sha256::new();
            hasher.update(complete);
            previous_file = Some(Digest::new(hasher.clone().finalize().into()));
            let offset = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
            let last_bytes = complete.get(last_batch..).unwrap_or_default().to_vec();
            result = Some(Tail {
                newest: *head,
                hasher,
                last_batch: (offset(last_batch), last_bytes),
                end: offset(end),
                file_length: offset(bytes.len()),
                torn,
            });
        }
        result.ok_or_else(|| SegmentError::corrupt(from, "the file is missing"))
    }
}

struct SegmentScan<'a> {
    tag: SegmentTag,
    bytes: &'a [u8],
    newest: bool,
}

impl<'a> SegmentScan<'a> {
    /// Returns the end of the last complete batch, its beginning, and what was torn.
    fn run(
        &self,
        start: u64,
        next_index: &mut u64,
        last_leaf: &mut Digest,
        visit: &mut dyn FnMut(&ScannedBatch<'_>) -> Result<Digest, SegmentError>,
    ) -> Result<(usize, usize, Option<TornTail>), SegmentError> {
        let mut complete = usize::try_from(start).ok().filter(|start| *start <= self.bytes.len()).ok_or_else(|| {
            SegmentError::corrupt(self.at(self.bytes.len()), "the file ends before what is known to stand in it")
        })?;
        let mut last_batch = complete;
        loop {
            match self.batch(complete, *next_index) {
                Ok((batch, end)) => {
                    *last_leaf = visit(&batch)?;
                    *next_index += u64::try_from(batch.leaves.len()).unwrap_or(0);
                    (last_batch, complete) = (complete, end);
                }
                Err(bad) => return Ok((complete, last_batch, self.judge_tail(complete, bad, *next_index)?)),
            }
        }
    }

    /// The batch at an offset, with its end; or where the first frame is that is not right.
    fn batch(&self, start: usize, first_index: u64) -> Result<(ScannedBatch<'a>, usize), usize> {
        let mut at = start;
        let mut leaves = Vec::new();
        let mut index = first_index;
        loop {
            let frame = self.bytes.get(at..).and_then(|rest| frame::decode(rest, self.tag)).ok_or(at)?;
            if frame.batch != first_index || frame.index != index {
                return Err(at);
            }
            let position = self.at(at);
            match (frame.kind, frame.batch_end) {
                (Kind::Leaf, false) => leaves.push((position, frame.body)),
                (Kind::Note, true) if !leaves.is_empty() => {
                    return Ok((ScannedBatch { leaves, note: frame.body }, at + frame.length()));
                }
                (Kind::Leaf, true) | (Kind::Note, _) => return Err(at),
            }
            at += frame.length();
            index += 1;
        }
    }

    fn judge_tail(&self, complete: usize, bad: usize, next_index: u64) -> Result<Option<TornTail>, SegmentError> {
        let rest = self.bytes.get(complete..).unwrap_or_default();
        if !self.newest {
            let clean = rest.is_empty();
            return if clean { Ok(None) } else { Err(SegmentError::corrupt(self.at(bad), "not the expected frame")) };
        }
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // A later batch is written only after the sync of this one, so what follows a torn batch is part of it.
        if let Some((_, frame)) = frame::search(rest, self.tag).find(|(_, frame)| frame.batch != next_index) {
            let reason = format!("not the expected frame, and frames of the batch at leaf {} follow", frame.batch);
            return Err(SegmentError::corrupt(self.at(bad), reason));
        }
        let offset = u64::try_from(complete).unwrap_or(u64::MAX);
        Ok(Some(TornTail { segment: self.tag.number, offset }))
    }

    fn at(&self, offset: usize) -> Position {
        Position::new(self.tag.number, u64::try_from(offset).unwrap_or(u64::MAX))
    }
}

impl Tail {
    /// Makes the log writable: cuts what was torn, and makes the last batch durable once more. Its sync may have
    /// failed while its bytes stayed in the system's cache, so they are written again, not only synced.
    pub(crate) fn continue_writing(self, scan: &Scan, limits: SegmentLimits) -> Result<SegmentWriter, SegmentError> {
        let number = self.newest.tag.number;
        let io = |source| SegmentError::Io { segment: number, source };
        let file = scan.files.open(&join(DIRECTORY, &file_name(number))).map_err(io)?;
        let mut filled = self.file_length;
        if self.torn.is_some() {
            file.set_length(self.end).map_err(io)?;
            filled = self.end;
        }
        let (offset, bytes) = &self.last_batch;
        file.write_all_at(bytes, *offset).map_err(io)?;
        file.sync().map_err(io)?;
        scan.files.sync_directory(DIRECTORY).map_err(io)?;
        Ok(SegmentWriter {
            files: Arc::clone(&scan.files),
            limits,
            head: self.newest,
            file,
            offset: self.end,
            filled,
            hasher: self.hasher,
            unhashed: Vec::new(),
            reader: scan.reader(),
            scratch: Vec::new(),
        })
    }
}
