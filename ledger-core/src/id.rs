//! Names: one type per kind of thing that can be named, so that they cannot be mixed up.
//!
//! No id says anything about a person: those of participants, documents and deliveries are 128 random
//! bits, those of certificates and keys are digests, an identity (BIN or IIN) appears only as an HMAC
//! under the ledger's index key.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use crate::digest::{Digest, HexError, encode_hex, parse_hex, tagged, write_hex};
use crate::time::Timestamp;

mod kz;

pub use kz::{Bin, IdentifierError, IdentifierMode, Iin};

/// The text is not a valid id of the kind that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: {expected}")]
pub struct IdError {
    /// The kind of id that was expected.
    pub kind: &'static str,
    /// What its text looks like.
    pub expected: &'static str,
}

/// Serialises a type as its text form and parses it back.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::digest::deserialize_text(deserializer)
            }
        }
    };
}

pub(crate) use serde_as_text;

/// An id of 128 random bits, 32 lower-case hex digits. Never derived from anything, never a UUIDv7.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes the id from 16 random bytes that the caller drew.
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(write_hex(&self.0, &mut [0; 32]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text)
                    .map(Self)
                    .map_err(|_| IdError { kind: $kind, expected: "32 lower-case hex digits" })
            }
        }

        serde_as_text!($name);
    };
}

random_id! {
    /// A participant of the exchange (clause 1.1).
    ParticipantId, "participant id"
}
random_id! {
    /// A user who acts for a participant, or an operator's officer (clause 6.1).
    UserId, "user id"
}
random_id! {
    /// An electronic document (clause 5.3.2).
    DocumentId, "document id"
}
random_id! {
    /// The delivery of one document to one recipient (clause 5.2.4).
    DeliveryId, "delivery id"
}

/// A digest that names something, with the tag that its preimage starts with.
macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Digest);

        impl $name {
            /// The digest.
            pub const fn digest(self) -> Digest {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse()
                    .map(Self)
                    .map_err(|_: HexError| IdError { kind: $kind, expected: "64 lower-case hex digits" })
            }
        }

        serde_as_text!($name);
    };
}

digest_id! {
    /// A certificate: SHA-256("edl/v1/cert" 00 DER).
    CertificateId, "certificate id"
}
digest_id! {
    /// A public key: `SHA-256("edl/v1/key" 00 SubjectPublicKeyInfo DER)`. Two certificates for one key share it.
    KeyId, "key id"
}
digest_id! {
    /// A BIN or IIN under the ledger's index key, so that it registers once and reveals nothing:
    /// HMAC-SHA-256(index key, "edl/v1/identity" 00 type 00 number).
    IdentityId, "identity id"
}
digest_id! {
    /// A client's command: `HMAC-SHA-256(ledger secret, "edl/v1/command" 00 participant id (16 bytes) || idempotency key)`.
    CommandId, "command id"
}

digest_id! {
    /// What a command asked for: HMAC-SHA-256(ledger secret, "edl/v1/request" 00 || canonical request). A command
    /// that comes again under the same id with another request is a mistake of the client.
    RequestDigest, "request digest"
}

impl RequestDigest {
    /// The digest of a request in canonical form.
    pub fn of_request(ledger_secret: &[u8; 32], canonical: &[u8]) -> Self {
        Self(hmac_sha256(ledger_secret, &[b"edl/v1/request\0", canonical]))
    }
}

impl CertificateId {
    /// The id of the certificate with this DER encoding.
    pub fn of_der(der: &[u8]) -> Self {
        Self(tagged("edl/v1/cert", &[der]))
    }
}

impl KeyId {
    /// The id of the key with this DER-encoded `SubjectPublicKeyInfo`.
    pub fn of_spki_der(der: &[u8]) -> Self {
        Self(tagged("edl/v1/key", &[der]))
    }
}

impl IdentityId {
    /// The id of a number (BIN, IIN) under the ledger's index key.
    pub fn of_number(index_key: &[u8; 32], kind: IdentityKind, number: &str) -> Self {
        Self(hmac_sha256(index_key, &[b"edl/v1/identity\0", kind.as_str().as_bytes(), &[0], number.as_bytes()]))
    }
}

impl CommandId {
    /// The id of a command: the same participant and key always give the same one.
    pub fn of_idempotency_key(ledger_secret: &[u8; 32], participant: ParticipantId, key: &str) -> Self {
        Self(hmac_sha256(ledger_secret, &[b"edl/v1/command\0", participant.as_bytes(), key.as_bytes()]))
    }
}

/// HMAC-SHA-256 over the concatenated parts.
pub(crate) fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> Digest {
    // HMAC pads a short key with zeros to the block of its hash (RFC 2104); doing so here leaves nothing that can fail.
    let mut block = [0; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = <Hmac<Sha256>>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    Digest::new(mac.finalize().into_bytes().into())
}

/// Which register an identity number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityKind {
    /// Business identification number of a legal entity.
    Bin,
    /// Individual identification number.
    Iin,
}

impl IdentityKind {
    /// `bin` or `iin`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bin => "bin",
            Self::Iin => "iin",
        }
    }
}

/// The id of an event: a UUIDv7 (RFC 9562), lower-case. Unique in the ledger; its time part is not evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; 16]);

impl EventId {
    /// Where hyphens stand in the text.
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];

    /// Makes a UUIDv7 from a time and ten random bytes.
    pub fn from_time_and_random(at: Timestamp, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = at.unix_ms().to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        Self([t0, t1, t2, t3, t4, t5, 0x70 | (r0 & 0x0f), r1, 0x80 | (r2 & 0x3f), r3, r4, r5, r6, r7, r8, r9])
    }

    /// Takes 16 bytes back; `None` if they are not a UUIDv7.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let [_, _, _, _, _, _, version, _, variant, ..] = bytes;
        if version >> 4 == 7 && variant >> 6 == 2 { Some(Self(bytes)) } else { None }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        write_hex(&self.0, &mut digits);
        let mut text = [b'-'; 36];
        let places = text.iter_mut().enumerate().filter(|(at, _)| !Self::HYPHENS.contains(at));
        for ((_, place), digit) in places.zip(digits) {
            *place = digit;
        }
        // Digits and hyphens are UTF-8.
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { kind: "event id", expected: "a lower-case UUIDv7" };
        let mut digits = [0; 32];
        let mut hyphens_right = text.len() == 36;
        let mut places = digits.iter_mut();
        for (at, byte) in text.bytes().enumerate() {
            if Self::HYPHENS.contains(&at) {
                hyphens_right &= byte == b'-';
            } else if let Some(place) = places.next() {
                *place = byte;
            }
        }
        let digits = std::str::from_utf8(&digits).ok().filter(|_| hyphens_right).ok_or(error)?;
        parse_hex(digits).ok().and_then(Self::from_bytes).ok_or(error)
    }
}

serde_as_text!(EventId);

/// The kind of thing whose events a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// A certificate; its id is a [`CertificateId`].
    Certificate,
    /// One document to one recipient; its id is a [`DeliveryId`].
    Delivery,
    /// A dispute; a random id.
    Dispute,
    /// A document; its id is a [`DocumentId`].
    Document,
    /// A BIN or IIN; its id is an [`IdentityId`].
    Identity,
    /// A public key; its id is a [`KeyId`].
    Key,
    /// The operator's own acts; its id is the ledger's [`Origin`].
    Ledger,
    /// A participant; its id is a [`ParticipantId`].
    Participant,
}

impl StreamKind {
    const ALL: [Self; 8] = [
        Self::Certificate,
        Self::Delivery,
        Self::Dispute,
        Self::Document,
        Self::Identity,
        Self::Key,
        Self::Ledger,
        Self::Participant,
    ];

    /// The kind as it stands in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Delivery => "delivery",
            Self::Dispute => "dispute",
            Self::Document => "document",
            Self::Identity => "identity",
            Self::Key => "key",
            Self::Ledger => "ledger",
            Self::Participant => "participant",
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StreamKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { kind: "stream kind", expected: "one of the kinds of docs/FORMAT.md" };
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(error)
    }
}

/// One subject's stream of events: `[kind, id]` in a record, `kind/id` in text.
///
/// There is one [`StreamId`] for one thing, because each constructor takes the typed id of its kind;
/// text from outside passes [`StreamId::parse`], which holds it to the same forms.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    kind: StreamKind,
    id: StreamText,
}

/// The id of a stream as it stands in records, in place: some ten are made to check a record, and most are dropped
/// at once. The kind decides which it is, so the order of two streams is that of their texts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum StreamText {
    /// 16 bytes in hex.
    Short([u8; 32]),
    /// 32 bytes in hex.
    Long([u8; 64]),
    Origin(Box<str>),
}

impl StreamText {
    fn short(id: &[u8; 16]) -> Self {
        let mut digits = [0; 32];
        write_hex(id, &mut digits);
        Self::Short(digits)
    }

    fn long(id: Digest) -> Self {
        let mut digits = [0; 64];
        write_hex(id.as_bytes(), &mut digits);
        Self::Long(digits)
    }

    fn as_str(&self) -> &str {
        // Digits are UTF-8.
        match self {
            Self::Short(digits) => std::str::from_utf8(digits).unwrap_or_default(),
            Self::Long(digits) => std::str::from_utf8(digits).unwrap_or_default(),
            Self::Origin(origin) => origin,
        }
    }
}

impl StreamId {
    /// The stream of a certificate.
    pub fn certificate(id: CertificateId) -> Self {
        Self { kind: StreamKind::Certificate, id: StreamText::long(id.digest()) }
    }

    /// The stream of a delivery.
    pub fn delivery(id: DeliveryId) -> Self {
        Self { kind: StreamKind::Delivery, id: StreamText::short(id.as_bytes()) }
    }

    /// The stream of a document.
    pub fn document(id: DocumentId) -> Self {
        Self { kind: StreamKind::Document, id: StreamText::short(id.as_bytes()) }
    }

    /// The stream of an identity.
    pub fn identity(id: IdentityId) -> Self {
        Self { kind: StreamKind::Identity, id: StreamText::long(id.digest()) }
    }

    /// The stream of a key.
    pub fn key(id: KeyId) -> Self {
        Self { kind: StreamKind::Key, id: StreamText::long(id.digest()) }
    }

    /// The stream of the operator's own acts.
    pub fn ledger(origin: &Origin) -> Self {
        Self { kind: StreamKind::Ledger, id: StreamText::Origin(origin.as_str().into()) }
    }

    /// The stream of a participant.
    pub fn participant(id: ParticipantId) -> Self {
        Self { kind: StreamKind::Participant, id: StreamText::short(id.as_bytes()) }
    }

    /// Checks a kind and an id from outside.
    pub fn parse(kind: &str, id: &str) -> Result<Self, IdError> {
        let kind: StreamKind = kind.parse()?;
        match kind {
            StreamKind::Certificate => id.parse().map(Self::certificate),
            StreamKind::Delivery => id.parse().map(Self::delivery),
            StreamKind::Document => id.parse().map(Self::document),
            StreamKind::Identity => id.parse().map(Self::identity),
            StreamKind::Key => id.parse().map(Self::key),
            StreamKind::Ledger => id.parse().map(|origin: Origin| Self::ledger(&origin)),
            StreamKind::Participant => id.parse().map(Self::participant),
            StreamKind::Dispute => id
                .parse()
                .map(|id: DocumentId| Self { kind: StreamKind::Dispute, id: StreamText::short(id.as_bytes()) }),
        }
    }

    /// The kind.
    pub const fn kind(&self) -> StreamKind {
        self.kind
    }

    /// The id within the kind.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The key of this stream in the map: SHA-256("edl/v1/stream" 00 u8 len kind u8 len id).
    pub fn map_key(&self) -> Digest {
        let length = |text: &str| [u8::try_from(text.len()).unwrap_or(u8::MAX)];
        let (kind, id) = (self.kind.as_str(), self.id());
        tagged("edl/v1/stream", &[&length(kind), kind.as_bytes(), &length(id), id.as_bytes()])
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id())
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for StreamId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { kind: "stream", expected: "kind/id" };
        let (kind, id) = text.split_once('/').ok_or(error)?;
        Self::parse(kind, id)
    }
}

serde_as_text!(StreamId);

/// The name of a log, unique per era: `[0-9a-z._/-]{1,80}`, and 32 hex digits of randomness at the end
/// (C2SP checkpoint origin; format.md section 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// Makes the origin of a new log from its operator's name (a host name, say) and 16 random bytes.
    pub fn from_name_and_random(name: &str, random: [u8; 16]) -> Result<Self, IdError> {
        format!("{name}/{}", encode_hex(&random)).parse()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Origin {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'_' | b'/' | b'-');
        let random = text.rsplit('/').next().is_some_and(|last| parse_hex::<16>(last).is_ok());
        if (34..=80).contains(&text.len()) && text.bytes().all(allowed) && random {
            Ok(Self(text.into()))
        } else {
            Err(IdError { kind: "origin", expected: "[0-9a-z._/-], at most 80, ending in / and 32 hex digits" })
        }
    }
}

serde_as_text!(Origin);

/// Place of a leaf in the log; the genesis is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeafIndex(pub u64);

/// Number of leaves in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeSize(pub u64);

impl LeafIndex {
    /// The size of the smallest tree that holds this leaf.
    pub const fn size_with(self) -> TreeSize {
        TreeSize(self.0.saturating_add(1))
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_are_uuid_v7_in_lower_case() {
        // The example of RFC 9562, appendix A.6.
        let at = Timestamp::from_unix_ms(0x017F_22E2_79B0).unwrap();
        let id = EventId::from_time_and_random(at, [0xFC, 0xC3, 0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F]);
        let text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        for bad in [
            "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
            "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
            "017f22e2-79b0-7cc3-58c4-dc0c0c07398f",
            "017f22e279b07cc398c4dc0c0c07398f",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        ] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stream_has_one_spelling() {
        let good = format!("document/{}", "0a".repeat(16));
        assert_eq!(good.parse::<StreamId>().unwrap().to_string(), good);
        for bad in [
            format!("document/{}", "0A".repeat(16)),
            format!("document/{}", "0a".repeat(32)),
            format!("papers/{}", "0a".repeat(16)),
            "document".to_owned(),
            format!("key/{}", "0a".repeat(16)),
        ] {
            assert!(bad.parse::<StreamId>().is_err(), "{bad}");
        }
    }

    /// `streams` of a record is sorted, and a verifier in another language sorts texts.
    #[test]
    fn streams_sort_as_their_texts() {
        let mut streams = Vec::new();
        for byte in [0x0a, 0xa0, 0xff, 0x00, 0x9f] {
            for kind in ["participant", "document", "dispute", "delivery"] {
                streams.push(StreamId::parse(kind, &encode_hex(&[byte; 16])).unwrap());
            }
            for kind in ["key", "certificate", "identity"] {
                streams.push(StreamId::parse(kind, &encode_hex(&[byte; 32])).unwrap());
            }
            let origin = Origin::from_name_and_random("ledger.example", [byte; 16]).unwrap();
            streams.push(StreamId::ledger(&origin));
        }
        let mut texts: Vec<_> = streams.iter().map(ToString::to_string).collect();
        texts.sort();
        streams.sort();
        assert_eq!(streams.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn an_origin_ends_in_randomness() {
        let origin = Origin::from_name_and_random("ledger.example", [7; 16]).unwrap();
        assert_eq!(origin.as_str(), "ledger.example/07070707070707070707070707070707");
        assert!("ledger.example".parse::<Origin>().is_err());
        assert!(Origin::from_name_and_random("Ledger Example", [7; 16]).is_err());
    }

    #[test]
    fn identities_of_different_registers_never_meet() {
        let key = [1; 32];
        let bin = IdentityId::of_number(&key, IdentityKind::Bin, "171140001255");
        assert_ne!(bin, IdentityId::of_number(&key, IdentityKind::Iin, "171140001255"));
        assert_ne!(bin, IdentityId::of_number(&[2; 32], IdentityKind::Bin, "171140001255"));
    }
}
