//! What the store itself must know of a leaf to place it: streams, chain and ids. What an event means is not looked at.

use ledger_core::canonical;
use ledger_core::digest::Digest;
use ledger_core::id::{CommandId, EventId, RequestDigest, StreamId};
use ledger_core::record::{EVENT_TAG, STREAMS_MAX};
use ledger_core::time::Timestamp;
use serde::Deserialize;

/// An event as far as the store reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventFacts {
    pub(crate) at: Timestamp,
    pub(crate) id: EventId,
    pub(crate) command: CommandId,
    pub(crate) request: RequestDigest,
    pub(crate) prev: Digest,
    pub(crate) seq: u64,
    pub(crate) streams: Vec<StreamId>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    at: Timestamp,
    cause: WireCause,
    id: EventId,
    prev: Digest,
    seq: u64,
    #[serde(borrow)]
    streams: Vec<(&'a str, &'a str)>,
    t: &'a str,
}

#[derive(Deserialize)]
struct WireCause {
    command: CommandId,
    request: RequestDigest,
}

impl EventFacts {
    /// Reads the canonical bytes of an event.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        canonical::check(bytes).map_err(|error| error.to_string())?;
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| format!("not an event: {error}"))?;
        if wire.t != EVENT_TAG || wire.streams.is_empty() || wire.streams.len() > STREAMS_MAX {
            return Err("not an event with 1 to 64 streams".to_owned());
        }
        let streams: Result<Vec<_>, _> = wire.streams.iter().map(|(kind, id)| StreamId::parse(kind, id)).collect();
        let streams = streams.map_err(|error| error.to_string())?;
        let WireCause { command, request } = wire.cause;
        Ok(Self { at: wire.at, id: wire.id, command, request, prev: wire.prev, seq: wire.seq, streams })
    }
}
