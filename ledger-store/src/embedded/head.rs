//! The head file: how far the log is known to reach, kept apart from it, so that a tail which disappears is missed.
//!
//! It is written after each batch is durable and may lag behind (it is synced lazily), never run ahead. At open, a
//! head beyond the last complete batch means that acknowledged records are gone: the ledger is not opened.
//!
//! Two slots of 512 bytes (one sector each, so that a cut never tears one) are written in turn:
//! magic, u64 count of writes, u64 tree size, root, u32 length of the note, note, zeros, CRC32C.

use std::io;
use std::sync::Arc;

use ledger_core::digest::Digest;

use super::files::{Files, OpenFile};

const PATH: &str = "head";
const SLOT_BYTES: usize = 512;
const MAGIC: &[u8; 8] = b"EDLHEAD1";
const FIXED_BYTES: usize = 8 + 8 + 8 + 32 + 4;

/// A signed head as the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Size of the tree.
    pub(crate) size: u64,
    /// Root of the tree.
    pub(crate) root: Digest,
    /// The signed checkpoint.
    pub(crate) note: Vec<u8>,
}

/// The file, with the number of its last write.
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: Arc<dyn OpenFile>,
    writes: u64,
}

/// Why the head file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The file cannot be read.
    #[error("the file head cannot be read")]
    Io(#[from] io::Error),
    /// Neither slot holds a head. A power cut cannot do this.
    #[error("the file head is damaged")]
    Corrupt,
}

impl HeadFile {
    /// Makes the file of a new ledger.
    pub(crate) fn create(files: &dyn Files) -> io::Result<Self> {
        let file = files.create(PATH)?;
        file.write_all_at(&[0; 2 * SLOT_BYTES], 0)?;
        Ok(Self { file, writes: 0 })
    }

    /// Reads the newest head; the flag says that the other slot is damaged.
    pub(crate) fn open(files: &dyn Files) -> Result<(Self, Head, bool), HeadError> {
        let file = files.open(PATH)?;
        let mut bytes = vec![0; 2 * SLOT_BYTES];
        let length = usize::try_from(file.length()?).unwrap_or(0).min(bytes.len());
        file.read_exact_at(bytes.get_mut(..length).unwrap_or_default(), 0)?;
        let slots: Vec<_> = bytes.chunks_exact(SLOT_BYTES).collect();
        let damaged = slots.iter().any(|slot| decode(slot).is_none() && slot.iter().any(|byte| *byte != 0));
        let newest = slots.into_iter().filter_map(decode).max_by_key(|(writes, _)| *writes);
        let (writes, head) = newest.ok_or(HeadError::Corrupt)?;
        Ok((Self { file, writes }, head, damaged))
    }

    /// Writes a head into the older slot, without a sync.
    pub(crate) fn write(&mut self, head: &Head) -> io::Result<()> {
        let writes = self.writes + 1;
        let slot = encode(writes, head).ok_or_else(|| io::Error::other("the note is too long for the head file"))?;
        let offset = if writes.is_multiple_of(2) { 0 } else { SLOT_BYTES };
        self.file.write_all_at(&slot, u64::try_from(offset).map_err(io::Error::other)?)?;
        self.writes = writes;
        Ok(())
    }

    /// The file, for whoever syncs it.
    pub(crate) fn file(&self) -> Arc<dyn OpenFile> {
        Arc::clone(&self.file)
    }
}

fn encode(writes: u64, head: &Head) -> Option<Vec<u8>> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&writes.to_le_bytes());
    slot.extend_from_slice(&head.size.to_le_bytes());
    slot.extend_from_slice(head.root.as_bytes());
    slot.extend_from_slice(&u32::try_from(head.note.len()).ok()?.to_le_bytes());
    slot.extend_from_slice(&head.note);
    if slot.len() > SLOT_BYTES - 4 {
        return None;
    }
    slot.resize(SLOT_BYTES - 4, 0);
    slot.extend_from_slice(&crc32c::crc32c(&slot).to_le_bytes());
    Some(slot)
}

fn decode(slot: &[u8]) -> Option<(u64, Head)> {
    let u64_at = |at: usize| Some(u64::from_le_bytes(slot.get(at..at + 8)?.try_into().ok()?));
    let writes = u64_at(8)?;
    let length = u32::from_le_bytes(slot.get(56..60)?.try_into().ok()?);
    let end = FIXED_BYTES.checked_add(usize::try_from(length).ok()?)?;
    let note = slot.get(FIXED_BYTES..end)?.to_vec();
    let head = Head { size: u64_at(16)?, root: Digest::from_slice(slot.get(24..56)?)?, note };
    // One spelling: magic, padding and checksum are compared with it.
    (encode(writes, &head)? == slot).then_some((writes, head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_byte_of_a_slot_is_found() {
        let head = Head { size: 12, root: Digest::new([3; 32]), note: b"note".to_vec() };
        let slot = encode(5, &head).unwrap();
        assert_eq!(decode(&slot), Some((5, head)));
        for at in 0..slot.len() {
            let mut changed = slot.clone();
            changed[at] ^= 0x10;
            assert_eq!(decode(&changed), None, "byte {at}");
        }
    }

    #[test]
    fn the_longest_note_that_a_ledger_signs_fits() {
        let origin = "a".repeat(80);
        let signature = "A".repeat(92);
        let note = format!("{origin}\n{}\n{}=\n\n\u{2014} {origin} {signature}\n", u64::MAX, "A".repeat(43));
        let head = Head { size: u64::MAX, root: Digest::default(), note: note.into_bytes() };
        assert!(encode(u64::MAX, &head).is_some());
    }
}
