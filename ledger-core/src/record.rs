//! Records: an event in its circumstances, as the canonical bytes that are a leaf of the log (format.md section 1).
//!
//! A record is encoded once, by the caller that decided it, and stored as it is. Only two members are known later,
//! `at` and `prev`; both have a fixed width, so the sequencer sets them in place ([`EncodedRecord::stamp`]).
//! This module does not know what events mean; [`crate::domain`] does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::canonical::{self, CanonicalError};
use crate::digest::{Digest, write_hex};
use crate::id::{CommandId, EventId, IdError, ParticipantId, RequestDigest, StreamId, UserId, serde_as_text};
use crate::payload::Commitment;
use crate::time::Timestamp;

/// `t` of an event record.
pub const EVENT_TAG: &str = "edl/v1/event";
/// How many streams an event may name: one delivery concerns a handful; more would make one record touch the whole map.
pub const STREAMS_MAX: usize = 64;
/// How many payloads an event may have: a signature has content, CMS, report and its evidence.
pub const SEALED_MAX: usize = 64;
/// How many clauses an event may discharge.
const CLAUSES_MAX: usize = 16;

/// In which capacity somebody acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// A participant, through one of its users.
    Participant,
    /// The operator, through one of its officers.
    Operator,
    /// The ledger itself, as a consequence of something that stands in it.
    System,
}

/// Who acted: random ids only, never a name or number (format.md section 1, `actor`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The capacity.
    pub capacity: Capacity,
    /// The participant that acted, or on whose stream the operator acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// The user or officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// Which clauses of which version of the terms the event discharges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Clause numbers as printed in the agreement, for example `5.3.1.2`.
    pub clauses: Vec<String>,
    /// Version of the terms, for example `idocs-2021-10-11`.
    pub terms: String,
}

/// What led to the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The command; a repeated one returns the first receipt.
    pub command: CommandId,
    /// The earlier event that this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// HMAC-SHA-256(ledger secret, "edl/v1/request" 00 || canonical request): a repeated command must ask for the same.
    pub request: RequestDigest,
}

/// The name of an event, past tense: `document.sent`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Box<str>);

impl EventType {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EventType {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
        match text.split_once('.') {
            Some((subject, verb)) if text.len() <= 64 && word(subject) && word(verb) => Ok(Self(text.into())),
            _ => Err(IdError { kind: "event type", expected: "subject.verb in [a-z_], at most 64" }),
        }
    }
}

serde_as_text!(EventType);

/// A record whose bytes are canonical and whose members are well-formed.
///
/// Whether its `data` and `streams` are those of its type is for [`crate::domain`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who acted.
    pub actor: Actor,
    /// When the operator recorded it.
    pub at: Timestamp,
    /// The clauses it discharges.
    pub basis: Basis,
    /// What led to it.
    pub cause: Cause,
    /// The public part of the event: a canonical JSON object.
    pub data: Box<str>,
    /// The event's id.
    pub id: EventId,
    /// Leaf hash of the previous record homed in the home stream, or of the genesis.
    pub prev: Digest,
    /// Commitments to payloads, sorted by slot.
    pub sealed: Vec<Commitment>,
    /// Place among the records homed in the home stream, from 0.
    pub seq: u64,
    /// The subjects: home stream first, the rest sorted. Never empty.
    pub streams: Vec<StreamId>,
    /// The event's name.
    pub event_type: EventType,
    /// Schema version of `data`.
    pub version: u64,
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The bytes are not in the profile.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A member is missing, unknown or of the wrong form.
    #[error("not a record of this format: {0}")]
    Schema(#[source] serde_json::Error),
    /// The members break a rule that the schema cannot say.
    #[error("not a record of this format: {0}")]
    Rule(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    actor: Actor,
    at: Timestamp,
    basis: Basis,
    cause: Cause,
    #[serde(borrow)]
    data: &'a RawValue,
    id: EventId,
    prev: Digest,
    #[serde(default)]
    sealed: Vec<Commitment>,
    seq: u64,
    #[serde(borrow)]
    streams: Vec<(&'a str, &'a str)>,
    t: &'a str,
    #[serde(rename = "type")]
    event_type: EventType,
    v: u64,
}

impl Record {
    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        // From the text: of bytes the parser would check again, string by string, that they are UTF-8.
        let text = canonical::check(bytes)?;
        let wire: Wire<'_> = serde_json::from_str(text).map_err(RecordError::Schema)?;
        if wire.t != EVENT_TAG {
            return Err(RecordError::Rule("t is not edl/v1/event"));
        }
        let streams: Result<Vec<_>, _> = wire.streams.iter().map(|(kind, id)| StreamId::parse(kind, id)).collect();
        let record = Self {
            actor: wire.actor,
            at: wire.at,
            basis: wire.basis,
            cause: wire.cause,
            data: wire.data.get().into(),
            id: wire.id,
            prev: wire.prev,
            sealed: wire.sealed,
            seq: wire.seq,
            streams: streams.map_err(|_| RecordError::Rule("a stream is not of its kind's form"))?,
            event_type: wire.event_type,
            version: wire.v,
        };
        record.check_rules()?;
        Ok(record)
    }

    /// The stream whose chain the record is in.
    pub fn home(&self) -> Option<&StreamId> {
        self.streams.first()
    }

    fn check_rules(&self) -> Result<(), RecordError> {
        let rule = |holds: bool, text| if holds { Ok(()) } else { Err(RecordError::Rule(text)) };
        let (home, others) = self.streams.split_first().ok_or(RecordError::Rule("no home stream"))?;
        rule(self.streams.len() <= STREAMS_MAX, "more than 64 streams")?;
        rule(others.is_sorted_by(|a, b| a < b) && !others.contains(home), "streams are not sorted or doubled")?;
        rule(self.sealed.len() <= SEALED_MAX, "more than 64 payloads")?;
        rule(self.sealed.is_sorted_by(|a, b| a.slot < b.slot), "slots are not sorted or doubled")?;
        rule(self.sealed.iter().all(Commitment::bucket_is_valid), "a bucket is not 64 times a power of two")?;
        rule(self.data.starts_with('{'), "data is not an object")?;
        rule((1..=CLAUSES_MAX).contains(&self.basis.clauses.len()), "more than 16 clauses or none")?;
        rule(self.basis.clauses.iter().all(|clause| is_clause(clause)), "a clause is not of the form 5.3.1")?;
        rule(is_version(&self.basis.terms), "terms are not [a-z0-9.-], 1 to 40")
    }

    /// Encodes the record; the bytes decode to the same record.
    pub fn encode(&self) -> Result<EncodedRecord, RecordError> {
        self.check_rules()?;
        let mut members = Members { out: Vec::with_capacity(2048) };
        members.add("actor", &self.actor)?;
        let at_offset = members.add("at", &self.at)?;
        members.add("basis", &self.basis)?;
        members.add("cause", &self.cause)?;
        members.name("data").extend_from_slice(self.data.as_bytes());
        members.add("id", &self.id)?;
        let prev_offset = members.add("prev", &self.prev)?;
        if !self.sealed.is_empty() {
            members.add("sealed", &self.sealed)?;
        }
        members.add("seq", &self.seq)?;
        let streams: Vec<_> = self.streams.iter().map(|stream| (stream.kind().as_str(), stream.id())).collect();
        members.add("streams", &streams)?;
        members.add("t", EVENT_TAG)?;
        members.add("type", &self.event_type)?;
        members.add("v", &self.version)?;
        let mut bytes = members.out;
        bytes.push(b'}');
        // What we write passes the same check as what we read, the order of members included.
        canonical::check(&bytes)?;
        Ok(EncodedRecord { bytes, at_offset, prev_offset })
    }
}

/// An object that is being written, member by member.
struct Members {
    out: Vec<u8>,
}

impl Members {
    /// Begins a member, whose value is then to be written.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.out.is_empty() { b"{\"" } else { b",\"" });
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        &mut self.out
    }

    /// Adds a member; returns where the text of its value begins, if it is a string.
    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<usize, RecordError> {
        let out = self.name(name);
        let begin = out.len() + 1;
        serde_json::to_writer(out, value).map_err(RecordError::Schema)?;
        Ok(begin)
    }
}

fn is_clause(text: &str) -> bool {
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 20 && text.split('.').all(number)
}

fn is_version(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    (1..=40).contains(&text.len()) && text.bytes().all(allowed)
}

/// Canonical bytes of a record in which `at` and `prev` can still be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRecord {
    bytes: Vec<u8>,
    at_offset: usize,
    prev_offset: usize,
}

impl EncodedRecord {
    /// Sets `at` and `prev` in place; everything else stays as it was encoded.
    pub fn stamp(&mut self, at: Timestamp, prev: &Digest) {
        overwrite(&mut self.bytes, self.at_offset, at.to_string().as_bytes());
        overwrite(&mut self.bytes, self.prev_offset, write_hex(prev.as_bytes(), &mut [0; 64]).as_bytes());
    }

    /// The bytes as they stand now.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn overwrite(bytes: &mut [u8], offset: usize, text: &[u8]) {
    if let Some(place) = bytes.get_mut(offset..offset + text.len()) {
        place.copy_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::DocumentId;
    use crate::payload::Salt;

    fn record() -> Record {
        let id = EventId::from_time_and_random(Timestamp::from_unix_ms(1).unwrap(), [9; 10]);
        let document = DocumentId::from_random([1; 16]);
        let participant = ParticipantId::from_random([2; 16]);
        let salt = Salt::from_random([3; 32]);
        Record {
            actor: Actor { capacity: Capacity::Participant, participant: Some(participant), user: None },
            at: Timestamp::from_unix_ms(1_700_000_000_123).unwrap(),
            basis: Basis { clauses: vec!["5.3.1.1".into()], terms: "idocs-2021-10-11".into() },
            cause: Cause {
                command: CommandId::of_idempotency_key(&[4; 32], participant, "k"),
                event: None,
                request: RequestDigest::of_request(&[4; 32], b"r"),
            },
            data: format!("{{\"document\":\"{document}\",\"format\":\"pdf\"}}").into(),
            id,
            prev: Digest::default(),
            sealed: vec![Commitment::to_payload(id, &"content".parse().unwrap(), &salt, b"x").unwrap()],
            seq: 0,
            streams: vec![StreamId::document(document), StreamId::participant(participant)],
            event_type: "document.formed".parse().unwrap(),
            version: 1,
        }
    }

    #[test]
    fn a_record_survives_encoding_and_stamping() {
        let mut expected = record();
        let mut encoded = expected.encode().unwrap();
        assert_eq!(Record::decode(encoded.as_bytes()).unwrap(), expected);
        expected.at = Timestamp::from_unix_ms(1_800_000_000_000).unwrap();
        expected.prev = Digest::sha256(&[b"prev"]);
        encoded.stamp(expected.at, &expected.prev);
        assert_eq!(Record::decode(encoded.as_bytes()).unwrap(), expected);
        assert_eq!(encoded, expected.encode().unwrap());
    }

    #[test]
    fn the_members_stand_in_canonical_order() {
        let text = String::from_utf8(record().encode().unwrap().into_bytes()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(canonical::encode(&value).unwrap(), text.as_bytes());
    }

    #[test]
    fn records_outside_the_schema_are_refused() {
        let text = String::from_utf8(record().encode().unwrap().into_bytes()).unwrap();
        let document = DocumentId::from_random([1; 16]);
        for (from, to) in [
            ("\"t\":\"edl/v1/event\"", "\"t\":\"edl/v1/seal\""),
            ("\"v\":1}", "\"v\":1,\"w\":1}"),
            ("\"seq\":0,", ""),
            ("\"capacity\":\"participant\"", "\"capacity\":\"court\""),
            ("[\"participant\",\"02020202020202020202020202020202\"]", &format!("[\"document\",\"{document}\"]")),
            ("\"bucket\":64", "\"bucket\":65"),
            ("\"5.3.1.1\"", "\"5.3.x\""),
            ("\"document.formed\"", "\"document\""),
            ("\"document.formed\"", "\"Document.Formed\""),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            assert!(Record::decode(changed.as_bytes()).is_err(), "{from} -> {to}");
        }
    }
}
