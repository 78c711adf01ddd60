//! Digests: 32 bytes, written as lower-case hex, and the two rules by which this ledger hashes.
//!
//! The Merkle trees hash as RFC 6962 says (prefix 0x00 for a leaf, 0x01 for a node). Every other hash
//! starts with an ASCII tag and a zero byte and has fields of fixed length or with their length in
//! front, so that a hash of one kind can never be replayed as another.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use sha3::Sha3_256;

/// A 32-byte digest (SHA-256 or SHA3-256, as the place that holds it says).
///
/// Printed and serialised as 64 lower-case hex digits; nothing else is accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Length in bytes.
    pub const LENGTH: usize = 32;

    /// Wraps 32 bytes that are a digest already.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of the concatenated parts, with nothing in between and no tag: for contents that
    /// others hash as well (documents, certificates, files). For our own structures use [`tagged`].
    pub fn sha256(parts: &[&[u8]]) -> Self {
        sha256_chained(&[], parts)
    }

    /// SHA3-256 of the concatenated parts.
    pub fn sha3_256(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha3_256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Takes a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// SHA-256 of `tag`, a zero byte and the parts. The caller sees to it that every part is of fixed
/// length or carries its length in front.
pub fn tagged(tag: &str, parts: &[&[u8]]) -> Digest {
    sha256_chained(&[tag.as_bytes(), &[0]], parts)
}

fn sha256_chained(head: &[&[u8]], parts: &[&[u8]]) -> Digest {
    let all = || head.iter().chain(parts);
    sha256_of_two_blocks(all().map(|part| part.len()).sum(), all()).unwrap_or_else(|| {
        let mut hasher = Sha256::new();
        all().for_each(|part| hasher.update(part));
        Digest(hasher.finalize().into())
    })
}

/// SHA-256 of parts that fill two blocks with their padding; none for other lengths.
///
/// Nodes of trees and maps and heads of streams have this length, some forty of them for each record. Compressing
/// their two blocks at once spares them the buffer and the bookkeeping of a hasher, a third of their time.
fn sha256_of_two_blocks<'a>(length: usize, parts: impl Iterator<Item = &'a &'a [u8]>) -> Option<Digest> {
    /// FIPS 180-4, section 5.3.3.
    const INITIAL: [u32; 8] =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    // With the bit behind the message and its length in eight bytes: more than one block, no more than two.
    if !(56..=119).contains(&length) {
        return None;
    }
    let mut message = [0; 128];
    let mut rest = message.as_mut_slice();
    for part in parts {
        let (place, after) = rest.split_at_mut_checked(part.len())?;
        place.copy_from_slice(part);
        rest = after;
    }
    *rest.first_mut()? = 0x80;
    *message.last_chunk_mut()? = (u64::try_from(length).ok()? * 8).to_be_bytes();
    let mut state = INITIAL;
    compress256(&mut state, message.as_chunks().0);
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    Some(Digest(bytes))
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(write_hex(&self.0, &mut [0; 64]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not lower-case hex of the expected length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not lower-case hex of {expected_bytes} bytes")]
pub struct HexError {
    /// How many bytes were expected.
    pub expected_bytes: usize,
}

impl FromStr for Digest {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        parse_hex(text).map(Self)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(write_hex(&self.0, &mut [0; 64]))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer)
    }
}

/// Reads a text and parses it, without a copy: a record holds some twenty ids and digests.
pub(crate) fn deserialize_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

/// Writes bytes as lower-case hex into a place of twice their length.
pub(crate) fn write_hex<'a>(bytes: &[u8], place: &'a mut [u8]) -> &'a str {
    const fn digit(nibble: u8) -> u8 {
        nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
    }
    let (pairs, _) = place.as_chunks_mut();
    for ([high, low], byte) in pairs.iter_mut().zip(bytes) {
        (*high, *low) = (digit(byte >> 4), digit(byte & 15));
    }
    // Digits are UTF-8.
    std::str::from_utf8(place).unwrap_or_default()
}

/// Bytes as lower-case hex.
pub fn encode_hex(bytes: &[u8]) -> String {
    let mut place = vec![0; bytes.len() * 2];
    write_hex(bytes, &mut place).to_owned()
}

/// Exactly `N` bytes of lower-case hex.
pub fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks();
    let mut wrong = !rest.is_empty() || pairs.len() != N;
    // One look at the end: digits are as good as random, and a branch for each would be guessed wrong every other time.
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (nibble(*high), nibble(*low));
        wrong |= (high | low) > 15;
        *byte = high << 4 | low & 15;
    }
    if wrong { Err(HexError { expected_bytes: N }) } else { Ok(bytes) }
}

/// Any number of bytes, at most `bytes_max`, of lower-case hex.
pub fn parse_hex_vec(text: &str, bytes_max: usize) -> Result<Vec<u8>, HexError> {
    let error = HexError { expected_bytes: text.len() / 2 };
    if !text.len().is_multiple_of(2) || text.len() / 2 > bytes_max {
        return Err(error);
    }
    let (pairs, _) = text.as_bytes().as_chunks();
    let byte = |[high, low]: &[u8; 2]| {
        let (high, low) = (nibble(*high), nibble(*low));
        ((high | low) <= 15).then_some(high << 4 | low)
    };
    pairs.iter().map(byte).collect::<Option<_>>().ok_or(error)
}

/// The value of a digit; above 15 for what is none.
fn nibble(digit: u8) -> u8 {
    const VALUES: [u8; 256] = {
        let mut values = [u8::MAX; 256];
        let mut value = 0;
        while value < 16 {
            #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "evaluated when this is compiled")]
            {
                values[b"0123456789abcdef"[value as usize] as usize] = value;
            }
            value += 1;
        }
        values
    };
    VALUES.get(usize::from(digit)).copied().unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_and_sha3_give_the_published_digests_of_abc() {
        let abc: &[&[u8]] = &[b"a", b"bc"];
        assert_eq!(Digest::sha256(abc).to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            Digest::sha3_256(abc).to_string(),
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
        );
    }

    #[test]
    fn messages_of_every_length_have_the_digest_that_the_hasher_gives() {
        let message: Vec<u8> = (0..=255).collect();
        for length in 0..=message.len() {
            for cut in [0, length / 3, length] {
                let (one, other) = message[..length].split_at(cut);
                let expected: [u8; 32] = Sha256::digest(&message[..length]).into();
                assert_eq!(Digest::sha256(&[one, &[], other]), Digest(expected), "{length} bytes");
            }
        }
    }

    #[test]
    fn hex_is_lower_case_and_of_exact_length() {
        let text = Digest::sha256(&[]).to_string();
        assert_eq!(text.parse::<Digest>().map(|digest| digest.to_string()), Ok(text.clone()));
        for bad in [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), text.replace('e', "g")] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
