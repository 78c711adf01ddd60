//! What every leaf has in common: canonical JSON with a closed schema and a type `t`.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::canonical::{self, CanonicalError};
use crate::id::{LeafIndex, Origin, StreamId};

/// Why bytes are not the leaf that they should be.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// The bytes are not canonical JSON.
    #[error("the leaf is not canonical")]
    Canonical(#[from] CanonicalError),
    /// A member is missing, unknown or of another type: not this schema or not this version.
    #[error("the leaf does not have the members of {what}")]
    Schema {
        /// The schema.
        what: &'static str,
        /// Which member.
        source: serde_json::Error,
    },
    /// A value cannot be: the leaf contradicts the format.
    #[error("the leaf contradicts the format: {what}")]
    Value {
        /// The rule that it breaks.
        what: &'static str,
    },
}

/// Decodes a leaf: canonical bytes first, then the schema.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, LeafError> {
    canonical::check(bytes)?;
    serde_json::from_slice(bytes).map_err(|source| LeafError::Schema { what, source })
}

/// Whether the leaf at `index` belongs to a stream: an event that lists it, or, at index 0 only, the genesis for the
/// ledger's own stream.
///
/// Looks at `t`, `origin` and `streams` only. That the list is what the event's type demands is for the
/// reader of records to check.
pub fn names_stream(leaf: &[u8], index: LeafIndex, stream: &StreamId) -> Result<bool, LeafError> {
    #[derive(Deserialize)]
    struct Names {
        t: String,
        #[serde(default)]
        streams: Vec<(String, String)>,
        #[serde(default)]
        origin: Option<Origin>,
    }
    let Names { t, streams, origin } = decode(leaf, "a leaf")?;
    Ok(match (t.as_str(), index.0) {
        ("edl/v1/event", 1..) => streams.iter().any(|(kind, id)| kind == stream.kind().as_str() && id == stream.id()),
        ("edl/v1/genesis", 0) => origin.is_some_and(|origin| StreamId::ledger(&origin) == *stream),
        _ => false,
    })
}
