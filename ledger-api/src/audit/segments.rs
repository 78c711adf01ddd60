//! The segment files of a ledger, read from their description alone: the auditor shares no code with the store.
//!
//! Files `segments/00000001.seg` and so on. All numbers are little-endian. A file is a head of 132 bytes:
//!
//! ```text
//!   0  "EDLSEG" CR LF        8  u32 version 1      12  u32 number of the segment, from 1
//!  16  u64 epoch (random)   24  u64 log index of the first leaf
//!  32  SHA-256("edl/v1/segment" 00 origin)         64  SHA-256 of the segment file before, zeros in the first
//!  96  leaf hash of the last leaf before, zeros in the first
//! 128  u32 CRC32C of what stands before
//! ```
//!
//! and frames: u32 length of the body, u32 CRC32C of everything else in the frame, u64 epoch, u32 segment number,
//! u8 kind (1 leaf, 2 note), u8 end of batch, u16 zero, u64 log index of the batch's first leaf, u64 log index of the
//! leaf (for a note the tree's size), body. A batch is leaves and then one note. Behind the last batch of the newest
//! file may stand zeros, or what was left of one batch that was never acknowledged.
//!
//! One batch is in memory at a time.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ledger_core::canonical::RECORD_BYTES_MAX;
use ledger_core::digest::{Digest, tagged};
use ledger_core::id::Origin;
use ledger_core::log::merkle::leaf_hash;
use sha2::{Digest as _, Sha256};

const HEAD_BYTES: usize = 132;
const FRAME_HEAD_BYTES: usize = 40;
const MAGIC: &[u8; 8] = b"EDLSEG\r\n";
/// A batch is some thousand records of a kilobyte; a genesis may allow more, but nobody writes more with one sync.
const BATCH_BYTES_MAX: usize = 256 << 20;
/// What was filled ahead (some MiB) and a torn batch.
const TAIL_BYTES_MAX: u64 = 512 << 20;
/// Places in a tail that look like frames; each costs a checksum.
const CANDIDATES_MAX: usize = 100_000;
/// A name has eight digits; no directory listing is longer.
const SEGMENTS_MAX: usize = 1_000_000;

/// A complete batch. Its leaves stay where they were read: a copy of each would cost an audit more than its CRC.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Log index of the first leaf.
    pub first_index: u64,
    /// The signed checkpoint behind them.
    pub note: Vec<u8>,
    /// The frames as they stand in the file.
    bytes: Vec<u8>,
    /// Where in them the leaves are.
    places: Vec<Range<usize>>,
}

impl Batch {
    /// Number of leaves.
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no leaf; a batch that was read has at least one.
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The n-th leaf, from 0.
    pub fn leaf(&self, number: usize) -> Option<&[u8]> {
        self.bytes.get(self.places.get(number)?.clone())
    }

    /// The leaves in order.
    pub fn leaves(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.bytes.get(place.clone()))
    }
}

/// Why reading ended before the end.
#[derive(Debug, thiserror::Error)]
pub enum SegmentsError {
    /// A file cannot be read; says nothing about the ledger.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes are not those of a log.
    #[error("segment {segment}, byte {offset}: {reason}")]
    Damaged {
        /// Number of the segment.
        segment: u32,
        /// Offset in its file.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
}

/// A place in the files where a batch that was never acknowledged begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// Number of the segment.
    pub segment: u32,
    /// Offset in its file.
    pub offset: u64,
}

impl fmt::Display for TornTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, byte {}", self.segment, self.offset)
    }
}

/// Gives every complete batch to `visit`, in order, until it returns false. The result says what was torn at the end.
pub fn read(
    directory: &Path,
    origin: &Origin,
    visit: &mut dyn FnMut(Batch) -> bool,
) -> Result<Option<TornTail>, SegmentsError> {
    let directory = directory.join("segments");
    let last = count(&directory)?;
    let origin = tagged("edl/v1/segment", &[origin.as_str().as_bytes()]);
    let (mut previous_file, mut previous_leaf, mut next_index) = (Digest::default(), Digest::default(), 0);
    for number in 1..=last {
        let path = directory.join(format!("{number:08}.seg"));
        let file = File::open(&path).map_err(|source| SegmentsError::Read { path: path.clone(), source })?;
        let mut segment = Segment { path, number, file: BufReader::with_capacity(1 << 20, file), offset: 0 };
        let head = segment.head()?;
        let right = head.origin == origin
            && head.previous_file == previous_file
            && head.previous_leaf == previous_leaf
            && head.first_index == next_index;
        if !right {
            return Err(segment.damaged(0, "the head does not continue the segment before, or is of another ledger"));
        }
        let mut hasher = Sha256::new_with_prefix(&head.bytes);
        loop {
            let start = segment.offset;
            let Some(batch) = segment.batch(head.epoch, next_index)? else {
                let torn = segment.tail(start, head.epoch, next_index, number == last)?;
                if torn.is_some() {
                    return Ok(torn);
                }
                break;
            };
            hasher.update(&batch.bytes);
            next_index += u64::try_from(batch.len()).unwrap_or(u64::MAX);
            previous_leaf = batch.leaves().last().map(leaf_hash).unwrap_or_default();
            if !visit(batch) {
                return Ok(None);
            }
        }
        previous_file = Digest::new(hasher.finalize().into());
    }
    Ok(None)
}

/// Number of segments; their names are 1, 2, 3 and so on without a gap.
fn count(directory: &Path) -> Result<u32, SegmentsError> {
    let failed = |source| SegmentsError::Read { path: directory.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)?.take(SEGMENTS_MAX) {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        // What has another ending never became a segment.
        if let Some(digits) = name.strip_suffix(".seg") {
            let number = digits.parse().ok().filter(|number: &u32| format!("{number:08}") == digits);
            let reason = "a file has a name that no segment has";
            numbers.push(number.ok_or(SegmentsError::Damaged { segment: 0, offset: 0, reason })?);
        }
    }
    numbers.sort_unstable();
    for (expected, number) in (1..).zip(&numbers) {
        if expected != *number {
            return Err(SegmentsError::Damaged { segment: expected, offset: 0, reason: "the file is missing" });
        }
    }
    let missing = SegmentsError::Damaged { segment: 1, offset: 0, reason: "the file is missing" };
    numbers.last().copied().ok_or(missing)
}

struct Head {
    bytes: Vec<u8>,
    epoch: u64,
    first_index: u64,
    origin: Digest,
    previous_file: Digest,
    previous_leaf: Digest,
}

struct Segment {
    path: PathBuf,
    number: u32,
    file: BufReader<File>,
    offset: u64,
}

struct Frame {
    is_note: bool,
    is_end: bool,
    batch: u64,
    index: u64,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Looks at the whole frame at the beginning of the bytes.
fn frame(bytes: &[u8], number: u32, epoch: u64) -> Option<(Frame, &[u8])> {
    let (length, crc) = (body_length(bytes)?, u32_at(bytes, 4)?);
    let header = bytes.get(8..FRAME_HEAD_BYTES)?;
    let body = bytes.get(FRAME_HEAD_BYTES..FRAME_HEAD_BYTES.checked_add(length)?)?;
    let [kind, end, 0, 0] = *header.get(12..16)? else { return None };
    let known = matches!(kind, 1 | 2) && matches!(end, 0 | 1);
    if !known || u64_at(header, 0)? != epoch || u32_at(header, 8)? != number {
        return None;
    }
    let sum = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(bytes.get(..4)?), header), body);
    let frame = Frame { is_note: kind == 2, is_end: end == 1, batch: u64_at(header, 16)?, index: u64_at(header, 24)? };
    (sum == crc).then_some((frame, body))
}

fn body_length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32_at(bytes, 0)?).ok().filter(|length| *length <= RECORD_BYTES_MAX)
}

impl Segment {
    fn failed(&self, source: io::Error) -> SegmentsError {
        SegmentsError::Read { path: self.path.clone(), source }
    }

    fn damaged(&self, offset: u64, reason: &'static str) -> SegmentsError {
        SegmentsError::Damaged { segment: self.number, offset, reason }
    }

    /// Appends up to so many bytes; false if the file ends before.
    fn fill(&mut self, bytes: &mut Vec<u8>, count: usize) -> Result<bool, SegmentsError> {
        let most = u64::try_from(count).unwrap_or(u64::MAX);
        let read = (&mut self.file).take(most).read_to_end(bytes);
        let read = read.map_err(|source| SegmentsError::Read { path: self.path.clone(), source })?;
        self.offset += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read == count)
    }

    fn head(&mut self) -> Result<Head, SegmentsError> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        let whole = self.fill(&mut bytes, HEAD_BYTES)?;
        let number = self.number;
        let parse = |bytes: Vec<u8>| {
            let digest = |at: usize| Digest::from_slice(bytes.get(at..at.checked_add(32)?)?);
            let right = bytes.starts_with(MAGIC)
                && u32_at(&bytes, 8)? == 1
                && u32_at(&bytes, 12)? == number
                && u32_at(&bytes, 128)? == crc32c::crc32c(bytes.get(..128)?);
            let (origin, previous_file, previous_leaf) = (digest(32)?, digest(64)?, digest(96)?);
            let (epoch, first_index) = (u64_at(&bytes, 16)?, u64_at(&bytes, 24)?);
            right.then_some(Head { bytes, epoch, first_index, origin, previous_file, previous_leaf })
        };
        let head = if whole { parse(bytes) } else { None };
        head.ok_or_else(|| self.damaged(0, "the head is damaged"))
    }

    /// The next batch; none if the next bytes are not a whole batch.
    fn batch(&mut self, epoch: u64, first_index: u64) -> Result<Option<Batch>, SegmentsError> {
        let mut batch = Batch { first_index, ..Batch::default() };
        let bytes = &mut batch.bytes;
        let mut index = first_index;
        while bytes.len() < BATCH_BYTES_MAX {
            let start = bytes.len();
            if !self.fill(bytes, FRAME_HEAD_BYTES)? {
                return Ok(None);
            }
            let Some(length) = bytes.get(start..).and_then(body_length) else { return Ok(None) };
            if !self.fill(bytes, length)? {
                return Ok(None);
            }
            let found = bytes.get(start..).and_then(|bytes| frame(bytes, self.number, epoch));
            let Some((frame, body)) = found.filter(|(frame, _)| frame.batch == first_index && frame.index == index)
            else {
                return Ok(None);
            };
            match (frame.is_note, frame.is_end) {
                (false, false) => batch.places.push(start + FRAME_HEAD_BYTES..bytes.len()),
                (true, true) if !batch.places.is_empty() => {
                    batch.note = body.to_vec();
                    return Ok(Some(batch));
                }
                _ => return Ok(None),
            }
            index = index.checked_add(1).ok_or_else(|| self.damaged(self.offset, "the log is too long"))?;
        }
        Err(self.damaged(self.offset, "a batch is longer than any that is written"))
    }

    /// Judges what stands behind the last complete batch, which ends at `end`.
    fn tail(&mut self, end: u64, epoch: u64, next: u64, newest: bool) -> Result<Option<TornTail>, SegmentsError> {
        self.file = {
            let mut file = File::open(&self.path).map_err(|source| self.failed(source))?;
            io::Seek::seek(&mut file, io::SeekFrom::Start(end)).map_err(|source| self.failed(source))?;
            BufReader::with_capacity(1 << 20, file)
        };
        let mut rest = Vec::new();
        let read = (&mut self.file).take(TAIL_BYTES_MAX).read_to_end(&mut rest);
        read.map_err(|source| self.failed(source))?;
        if rest.is_empty() || (newest && rest.iter().all(|byte| *byte == 0)) {
            return Ok(None);
        }
        if !newest {
            return Err(self.damaged(end, "not a whole batch, and another segment follows"));
        }
        if u64::try_from(rest.len()).unwrap_or(u64::MAX) >= TAIL_BYTES_MAX {
            return Err(self.damaged(end, "more stands behind the last batch than any crash leaves"));
        }
        let mut mark = epoch.to_le_bytes().to_vec();
        mark.extend_from_slice(&self.number.to_le_bytes());
        // A batch is written only when the one before is durable, so a torn batch has no other behind it.
        let marks = rest.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at);
        for (count, at) in marks.enumerate() {
            let found = at.checked_sub(8).and_then(|start| frame(rest.get(start..)?, self.number, epoch));
            if count >= CANDIDATES_MAX || found.is_some_and(|(frame, _)| frame.batch != next) {
                return Err(self.damaged(end, "not a whole batch, and frames of others follow"));
            }
        }
        Ok(Some(TornTail { segment: self.number, offset: end }))
    }
}

/// The newest checkpoint of the head file, which is kept apart from the segments; none if there is no usable one.
///
/// Two slots of 512 bytes: "EDLHEAD1", u64 count of writes, u64 tree size, root, u32 length of the note, note, zeros,
/// u32 CRC32C. The second result says whether a slot is damaged.
pub fn kept_head(bytes: &[u8]) -> (Option<Vec<u8>>, bool) {
    let slots = bytes.chunks(512);
    let damaged = slots.clone().any(|slot| slot_note(slot).is_none() && slot.iter().any(|byte| *byte != 0));
    let newest = slots.filter_map(slot_note).max_by_key(|(writes, _)| *writes);
    (newest.map(|(_, note)| note), damaged || bytes.len() != 1024)
}

fn slot_note(slot: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (body, sum) = slot.split_at_checked(508)?;
    let end = usize::try_from(u32_at(slot, 56)?).ok()?.checked_add(60)?;
    let (note, padding) = (body.get(60..end)?, body.get(end..)?);
    let right = slot.starts_with(b"EDLHEAD1")
        && padding.iter().all(|byte| *byte == 0)
        && u32_at(sum, 0) == Some(crc32c::crc32c(body));
    right.then(|| Some((u64_at(slot, 8)?, note.to_vec())))?
}
