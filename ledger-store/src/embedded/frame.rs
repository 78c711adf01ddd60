//! Frames: how a leaf or a note stands in a segment file.
//!
//! ```text
//!  0  u32  length of the body
//!  4  u32  CRC32C of bytes 0..4, 8..40 and the body
//!  8  u64  epoch of the segment (random, from its head)
//! 16  u32  number of the segment
//! 20  u8   kind: 1 leaf, 2 note
//! 21  u8   1 in the last frame of a batch, else 0
//! 22  u16  0
//! 24  u64  log index of the first leaf of the batch
//! 32  u64  leaf: its log index; note: the size of the tree that it signs
//! 40       body
//! ```
//!
//! Numbers are little-endian. Epoch and segment number keep the bytes of a copied or recycled file from passing
//! for frames of this one; the batch number tells a batch that a power cut tore (the only one in flight) from damage.

use ledger_core::canonical::RECORD_BYTES_MAX;

/// Length of what stands before the body.
pub(crate) const HEADER_BYTES: usize = 40;
/// The longest body: a leaf; notes are far shorter.
pub(crate) const BODY_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The bytes of a leaf.
    Leaf,
    /// A signed checkpoint; the last frame of its batch.
    Note,
}

/// Which segment file frames belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentTag {
    /// Number of the segment, from 1.
    pub(crate) number: u32,
    /// Random number of this very file.
    pub(crate) epoch: u64,
}

/// A frame that was read and whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) batch_end: bool,
    /// Log index of the first leaf of the batch.
    pub(crate) batch: u64,
    /// Log index of the leaf, or size of the tree that the note signs.
    pub(crate) index: u64,
    pub(crate) body: &'a [u8],
}

impl Frame<'_> {
    /// Length with the header.
    pub(crate) const fn length(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }
}

/// Appends a frame to a buffer. Bodies are at most [`BODY_BYTES_MAX`] long; the callers hold to it.
pub(crate) fn encode(out: &mut Vec<u8>, tag: SegmentTag, frame: &Frame<'_>) {
    let length = u32::try_from(frame.body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let header = header(tag, frame);
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&length), &header), frame.body);
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(frame.body);
}

fn header(tag: SegmentTag, frame: &Frame<'_>) -> [u8; 32] {
    let kind = match frame.kind {
        Kind::Leaf => 1,
        Kind::Note => 2,
    };
    let mut header = [0; 32];
    let fields = [
        &tag.epoch.to_le_bytes()[..],
        &tag.number.to_le_bytes(),
        &[kind, u8::from(frame.batch_end), 0, 0],
        &frame.batch.to_le_bytes(),
        &frame.index.to_le_bytes(),
    ];
    for (place, byte) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *place = *byte;
    }
    header
}

/// Reads the frame at the beginning of the bytes; `None` where there is none of this segment that is whole.
pub(crate) fn decode(bytes: &[u8], tag: SegmentTag) -> Option<Frame<'_>> {
    let (length_bytes, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (header_bytes, rest) = rest.split_first_chunk::<32>()?;
    let length = usize::try_from(u32::from_le_bytes(*length_bytes)).ok().filter(|length| *length <= BODY_BYTES_MAX)?;
    let body = rest.get(..length)?;
    let [
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        kind,
        end,
        _,
        _,
        b0,
        b1,
        b2,
        b3,
        b4,
        b5,
        b6,
        b7,
        i0,
        i1,
        i2,
        i3,
        i4,
        i5,
        i6,
        i7,
    ] = *header_bytes;
    let frame = Frame {
        kind: match kind {
            1 => Kind::Leaf,
            2 => Kind::Note,
            _ => return None,
        },
        batch_end: end == 1,
        batch: u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]),
        index: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
        body,
    };
    // One comparison covers tag, reserved bytes and flags: there is one spelling of a header.
    if header(tag, &frame) != *header_bytes {
        return None;
    }
    let sum = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(length_bytes), header_bytes), body);
    (sum.to_le_bytes() == *crc).then_some(frame)
}

/// Reads the length of the body from the first four bytes of a frame, to know how much to read.
pub(crate) fn body_length(bytes: &[u8]) -> Option<usize> {
    let (length, _) = bytes.split_first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= BODY_BYTES_MAX)
}

/// Looks for whole frames of this segment at every offset, also unaligned ones; used only after a bad frame was met.
pub(crate) fn search(bytes: &[u8], tag: SegmentTag) -> impl Iterator<Item = (usize, Frame<'_>)> {
    let mut mark = Vec::with_capacity(12);
    mark.extend_from_slice(&tag.epoch.to_le_bytes());
    mark.extend_from_slice(&tag.number.to_le_bytes());
    let windows = bytes.windows(mark.len()).enumerate();
    windows.filter(move |(_, window)| *window == mark).filter_map(move |(place, _)| {
        let start = place.checked_sub(8)?;
        decode(bytes.get(start..)?, tag).map(|frame| (start, frame))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAG: SegmentTag = SegmentTag { number: 7, epoch: 0x0123_4567_89ab_cdef };

    fn encoded(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, TAG, &Frame { kind: Kind::Leaf, batch_end: false, batch: 3, index: 5, body });
        out
    }

    #[test]
    fn a_frame_of_another_file_does_not_pass() {
        let bytes = encoded(b"{\"a\":1}");
        assert!(decode(&bytes, TAG).is_some());
        assert_eq!(decode(&bytes, SegmentTag { number: 8, ..TAG }), None);
        assert_eq!(decode(&bytes, SegmentTag { epoch: 1, ..TAG }), None);
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(decode(&[0; 100], TAG), None);
        assert_eq!(decode(&[0; 100], SegmentTag { number: 0, epoch: 0 }), None);
    }

    #[test]
    fn frames_behind_damage_are_found() {
        let mut bytes = vec![0xff; 13];
        bytes.extend(encoded(b"first"));
        bytes.extend([0; 9]);
        bytes.extend(encoded(b"second"));
        let found: Vec<_> = search(&bytes, TAG).map(|(at, frame)| (at, frame.body.to_vec())).collect();
        assert_eq!(found, [(13, b"first".to_vec()), (13 + 45 + 9, b"second".to_vec())]);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_and_any_cut_is_found(body in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let bytes = encoded(&body);
            prop_assert_eq!(decode(&bytes, TAG).map(|frame| frame.body.to_vec()), Some(body));
            let at = at.index(bytes.len());
            prop_assert_eq!(decode(&bytes[..at], TAG), None);
            let mut changed = bytes;
            changed[at] ^= 1 << bit;
            prop_assert_eq!(decode(&changed, TAG), None);
        }

        #[test]
        fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes, TAG);
            let _ = search(&bytes, TAG).count();
        }
    }
}
