//! What can be said of one leaf alone. Stateless, so that callers may decode many leaves at the same time.

use crate::digest::Digest;
use crate::domain::event::{Event, EventError};
use crate::evidence::finding::Code;
use crate::id::{EventId, LeafIndex, StreamId};
use crate::log::genesis::Genesis;
use crate::log::merkle::{alt_leaf_hash, leaf_hash};
use crate::log::seal::Seal;
use crate::record::Record;

/// A leaf, hashed and read.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Its leaf hash.
    pub hash: Digest,
    /// Its SHA3-256 leaf hash.
    pub alt_hash: Digest,
    /// What it is.
    pub content: Content,
}

/// What a leaf is.
#[derive(Debug, Clone)]
pub enum Content {
    /// The genesis.
    Genesis(Box<Genesis>),
    /// An event.
    Event(Box<EventLeaf>),
    /// A seal.
    Seal(Box<Seal>),
    /// Nothing of this format.
    Malformed {
        /// What is wrong.
        code: Code,
        /// The event's id, if the record could be read.
        id: Option<EventId>,
        /// What is wrong, for people.
        reason: String,
    },
}

/// An event that is canonical, of its schema, and names the streams that it must.
#[derive(Debug, Clone)]
pub struct EventLeaf {
    /// The record.
    pub record: Record,
    /// What happened.
    pub event: Event,
    /// Keys of its streams in the map; the home stream first.
    pub keys: Vec<Digest>,
}

/// Hashes and reads the leaf at an index.
pub fn decode(index: LeafIndex, bytes: &[u8]) -> Decoded {
    Decoded { hash: leaf_hash(bytes), alt_hash: alt_leaf_hash(bytes), content: content(index, bytes) }
}

fn content(index: LeafIndex, bytes: &[u8]) -> Content {
    let malformed = |code, id, reason: String| Content::Malformed { code, id, reason };
    if index.0 == 0 {
        return match Genesis::decode(bytes) {
            Ok(genesis) => Content::Genesis(Box::new(genesis)),
            Err(error) => malformed(Code::GenesisInvalid, None, with_sources(&error)),
        };
    }
    // `t` stands near the end of an event and at the end of a seal: canonical members are sorted.
    if bytes.ends_with(b",\"t\":\"edl/v1/seal\"}") {
        return match Seal::decode(bytes) {
            Ok(seal) => Content::Seal(Box::new(seal)),
            Err(error) => malformed(Code::SealInvalid, None, with_sources(&error)),
        };
    }
    let record = match Record::decode(bytes) {
        Ok(record) => record,
        Err(error) => return malformed(Code::RecordMalformed, None, with_sources(&error)),
    };
    match Event::decode(&record) {
        Ok(event) => {
            let keys = record.streams.iter().map(StreamId::map_key).collect();
            Content::Event(Box::new(EventLeaf { record, event, keys }))
        }
        Err(error @ EventError::Streams { .. }) => malformed(Code::RecordStreams, Some(record.id), error.to_string()),
        Err(error) => malformed(Code::RecordMalformed, Some(record.id), with_sources(&error)),
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
