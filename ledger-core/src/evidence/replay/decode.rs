//! What can be said of one leaf alone. Stateless, so that callers may decode many leaves at the same time.

use crate::digest::Digest;
use crate::domain::event::{Event, EventError};
use crate::evidence::finding::Code;
use crate::id::{EventId, LeafIndex, StreamId};
use crate::log::genesis::Genesis;
use crate::log::merkle::{alt_leaf_hash, leaf_hash};
use crate::log::seal::Seal;
use crate::log::stream::stream_leaf_hash;
use crate::payload::Commitment;
use crate::record::Record;
use crate::time::Timestamp;

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

/// An event that is canonical, of its schema, and names the streams that it must: of its record what a replay needs
/// beside the leaf alone. The rest is dropped where it was read, and not carried from one thread to another.
#[derive(Debug, Clone)]
pub struct EventLeaf {
    /// The event's id.
    pub id: EventId,
    /// When the operator recorded it.
    pub at: Timestamp,
    /// Place among the records homed in the home stream.
    pub seq: u64,
    /// Leaf hash of the record before it there.
    pub prev: Digest,
    /// The home stream.
    pub home: StreamId,
    /// Commitments to its payloads.
    pub sealed: Vec<Commitment>,
    /// What happened.
    pub event: Event,
    /// Keys of its streams in the map; the home stream first.
    pub keys: Vec<Digest>,
    /// Its leaf hash in the trees of those streams.
    pub stream_hash: Digest,
}

/// Hashes and reads the leaf at an index.
pub fn decode(index: LeafIndex, bytes: &[u8]) -> Decoded {
    let hash = leaf_hash(bytes);
    Decoded { hash, alt_hash: alt_leaf_hash(bytes), content: content(index, bytes, &hash) }
}

fn content(index: LeafIndex, bytes: &[u8], hash: &Digest) -> Content {
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
            let Record { id, at, seq, prev, sealed, streams, .. } = record;
            let keys = streams.iter().map(StreamId::map_key).collect();
            let Some(home) = streams.into_iter().next() else {
                return malformed(Code::RecordStreams, Some(id), "no home stream".to_owned());
            };
            let stream_hash = stream_leaf_hash(index, hash);
            Content::Event(Box::new(EventLeaf { id, at, seq, prev, home, sealed, event, keys, stream_hash }))
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
