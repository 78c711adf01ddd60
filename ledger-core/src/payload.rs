//! Payloads: whatever is big or could name a person stays outside the record, which holds two commitments to it.
//!
//! A commitment is salted and padded, so that after lawful erasure nothing in the log can be guessed;
//! it is doubled (SHA-256 and SHA3-256), so that a break of one hash is not an emergency (format.md sections 2, 3).

pub mod sealed;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use sha3::Sha3_256;

use crate::digest::Digest;
use crate::id::{EventId, IdError, serde_as_text};

/// The largest payload: a document of 64 MiB, what a CMS may carry attached (pki.md 7.6).
pub const PAYLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The smallest bucket in bytes; all others are this times a power of two.
pub const BUCKET_BYTES_MIN: u64 = 64;

/// What a payload is for within its event: `content`, `cms`, `report`; `[a-z0-9-]{1,32}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(Box<str>);

impl Slot {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Slot {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(IdError { kind: "slot", expected: "[a-z0-9-], 1 to 32" })
        }
    }
}

serde_as_text!(Slot);

/// 32 random bytes, fresh for every payload, never reused or derived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Takes 32 random bytes that the caller drew.
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A salt is as secret as its payload, as long as the payload exists.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// What a record says about a payload: where it belongs, how big its bucket is, and two hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Size class in bytes, recorded instead of the length: 64 times a power of two.
    pub bucket: u64,
    /// SHA-256 over the tagged, salted and padded payload.
    pub sha256: Digest,
    /// SHA3-256 over the same bytes.
    pub sha3: Digest,
    /// The payload's place in its event.
    pub slot: Slot,
}

/// Why a payload does not fit its commitment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Split the content, or store it elsewhere and commit to its digest.
    #[error("payload {slot} has {bytes} bytes, at most {PAYLOAD_BYTES_MAX} are allowed")]
    TooLong {
        /// The payload's slot.
        slot: Slot,
        /// Its length.
        bytes: u64,
    },
    /// The bytes or the salt are not those that were committed to.
    #[error("payload {slot} does not match its commitment ({which})")]
    Mismatch {
        /// The payload's slot.
        slot: Slot,
        /// Which of `bucket`, `sha256`, `sha3` differ.
        which: &'static str,
    },
}

impl Commitment {
    /// Commits to a payload of an event.
    pub fn to_payload(event: EventId, slot: &Slot, salt: &Salt, bytes: &[u8]) -> Result<Self, PayloadError> {
        let bucket = bucket_of(slot, bytes)?;
        let mut sha256 = Sha256::new();
        let mut sha3 = Sha3_256::new();
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let slot_length = [u8::try_from(slot.0.len()).unwrap_or(u8::MAX)];
        let padding = bucket.saturating_sub(length);
        let head: [&[u8]; 7] = [
            b"edl/v1/payload\0",
            salt.as_bytes(),
            event.as_bytes(),
            &slot_length,
            slot.0.as_bytes(),
            &length.to_be_bytes(),
            bytes,
        ];
        for part in head {
            sha256.update(part);
            sha3.update(part);
        }
        let zeros = [0; 4096];
        let mut left = usize::try_from(padding).unwrap_or(usize::MAX);
        while left > 0 {
            let step = zeros.get(..left).unwrap_or(&zeros);
            sha256.update(step);
            sha3.update(step);
            left -= step.len();
        }
        Ok(Self {
            bucket,
            sha256: Digest::new(sha256.finalize().into()),
            sha3: Digest::new(sha3.finalize().into()),
            slot: slot.clone(),
        })
    }

    /// Checks that this is the commitment to exactly this payload of this event; both hashes must match.
    pub fn verify(&self, event: EventId, salt: &Salt, bytes: &[u8]) -> Result<(), PayloadError> {
        let expected = Self::to_payload(event, &self.slot, salt, bytes)?;
        let mismatch = |which| Err(PayloadError::Mismatch { slot: self.slot.clone(), which });
        match (self.bucket == expected.bucket, self.sha256 == expected.sha256, self.sha3 == expected.sha3) {
            (true, true, true) => Ok(()),
            (false, _, _) => mismatch("bucket"),
            (true, false, false) => mismatch("sha256 and sha3"),
            (true, false, true) => mismatch("sha256"),
            (true, true, false) => mismatch("sha3"),
        }
    }

    /// Whether the bucket is one that a payload can have.
    pub fn bucket_is_valid(&self) -> bool {
        self.bucket >= BUCKET_BYTES_MIN && self.bucket.is_power_of_two() && self.bucket <= PAYLOAD_BYTES_MAX
    }
}

fn bucket_of(slot: &Slot, bytes: &[u8]) -> Result<u64, PayloadError> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > PAYLOAD_BYTES_MAX {
        return Err(PayloadError::TooLong { slot: slot.clone(), bytes: length });
    }
    Ok(length.max(BUCKET_BYTES_MIN).next_power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn event() -> EventId {
        EventId::from_time_and_random(Timestamp::from_unix_ms(1).unwrap(), [9; 10])
    }

    #[test]
    fn buckets_are_powers_of_two_from_64() {
        let slot: Slot = "content".parse().unwrap();
        for (length, bucket) in [(0, 64), (1, 64), (64, 64), (65, 128), (128, 128), (5000, 8192)] {
            let commitment = Commitment::to_payload(event(), &slot, &Salt::from_random([1; 32]), &vec![7; length]);
            assert_eq!(commitment.unwrap().bucket, bucket, "{length}");
        }
    }

    #[test]
    fn the_preimage_is_the_one_of_the_format() {
        let slot: Slot = "cms".parse().unwrap();
        let salt = Salt::from_random([3; 32]);
        let commitment = Commitment::to_payload(event(), &slot, &salt, b"abc").unwrap();
        let mut preimage = b"edl/v1/payload\0".to_vec();
        preimage.extend_from_slice(&[3; 32]);
        preimage.extend_from_slice(event().as_bytes());
        preimage.extend_from_slice(b"\x03cms\0\0\0\0\0\0\0\x03abc");
        preimage.extend_from_slice(&[0; 61]);
        assert_eq!(commitment.sha256, Digest::sha256(&[&preimage]));
        assert_eq!(commitment.sha3, Digest::sha3_256(&[&preimage]));
    }

    #[test]
    fn a_changed_byte_salt_length_or_hash_is_found() {
        let slot: Slot = "content".parse().unwrap();
        let salt = Salt::from_random([1; 32]);
        let commitment = Commitment::to_payload(event(), &slot, &salt, b"hello").unwrap();
        assert_eq!(commitment.verify(event(), &salt, b"hello"), Ok(()));
        assert!(commitment.verify(event(), &salt, b"hellp").is_err());
        assert!(commitment.verify(event(), &salt, b"hello\0").is_err(), "padding is not content");
        assert!(commitment.verify(event(), &Salt::from_random([2; 32]), b"hello").is_err());
        for change in [
            Commitment { bucket: 128, ..commitment.clone() },
            Commitment { sha256: Digest::default(), ..commitment.clone() },
            Commitment { sha3: Digest::default(), ..commitment.clone() },
        ] {
            assert!(change.verify(event(), &salt, b"hello").is_err());
        }
    }
}
