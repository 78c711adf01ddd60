//! The storage contract: what an append is, and what is promised about it.
//!
//! 1. An append is all or nothing: its records stand next to each other in one batch, or none is in the log.
//! 2. It is refused with [`StoreError::Conflict`] if any stream is not as the decision expected it, in the same instant
//!    in which the records would have been placed: nothing comes between check and append.
//! 3. It is acknowledged only after its records, a seal over them and the signed checkpoint are durable. The receipts
//!    prove it.
//! 4. A command that comes again gets the first receipts again, byte for byte; with another request it is refused.
//! 5. [`StoreError::Refused`] means not stored, now and after any crash. [`StoreError::UnknownOutcome`] means that only
//!    opening the ledger again will tell; nothing is appended before.
//! 6. What was acknowledged is never cut, rewritten or reordered. Damage is reported with its place.
//! 7. Reads see acknowledged records only.

use std::io;
use std::sync::Arc;

use ledger_core::digest::Digest;
use ledger_core::id::{CommandId, EventId, LeafIndex, RequestDigest, StreamId, TreeSize};
use ledger_core::log::receipt::Receipt;
use ledger_core::record::{EncodedRecord, Record, RecordError};

use crate::embedded::segment::SegmentError;

/// A record on its way into the log: encoded by the caller, but for `at` and `prev`, which the sequencer sets.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(crate) encoded: EncodedRecord,
    pub(crate) id: EventId,
    pub(crate) command: CommandId,
    pub(crate) request: RequestDigest,
    /// Expected number of records homed in the home stream before this one.
    pub(crate) seq: u64,
    pub(crate) home: StreamId,
    /// Map keys of all streams, home first.
    pub(crate) streams: Vec<Digest>,
}

impl Draft {
    /// Encodes a record. `seq` is the place in its home stream that the decision expects; `at` and `prev` do not matter.
    pub fn encode(record: &Record) -> Result<Self, RecordError> {
        let encoded = record.encode()?;
        let home = record.home().ok_or(RecordError::Rule("no home stream"))?.clone();
        Ok(Self {
            encoded,
            id: record.id,
            command: record.cause.command,
            request: record.cause.request,
            seq: record.seq,
            home,
            streams: record.streams.iter().map(StreamId::map_key).collect(),
        })
    }
}

/// What a decision knew about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// No record names the stream.
    Absent,
    /// So many records name the stream: the count of its tree.
    Revision(u64),
    /// So many records are homed in the stream: what an aggregate folds (docs/decisions/expected-revisions.md).
    Homed(u64),
}

/// Where a stream stands at the published head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamState {
    /// How many records name it.
    pub revision: u64,
    /// How many of them are homed in it; the `seq` of the next one.
    pub homed: u64,
    /// Leaf hash of the last record homed in it.
    pub last_homed: Option<Digest>,
}

impl Expectation {
    /// Whether a stream is as expected.
    pub const fn holds(self, state: &StreamState) -> bool {
        match self {
            Self::Absent => state.revision == 0,
            Self::Revision(revision) => state.revision == revision,
            Self::Homed(homed) => state.homed == homed,
        }
    }
}

/// Records that a command leads to, with all that the decision relied upon.
#[derive(Debug, Clone)]
pub struct Append {
    /// The records, at least one, in order; each names the command and the request as its cause.
    pub records: Vec<Draft>,
    /// Streams that the decision read, also those in which nothing is written. The home streams of the records are
    /// checked by their `seq` in any case.
    pub expect: Vec<(StreamId, Expectation)>,
    /// The command.
    pub command: CommandId,
    /// What the command asked for.
    pub request: RequestDigest,
}

/// An acknowledged append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// One receipt per record.
    pub receipts: Vec<Receipt>,
    /// The command had been carried out before; these are the receipts of then.
    pub replayed: bool,
}

/// The published head of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Number of leaves.
    pub size: TreeSize,
    /// Root of the tree.
    pub root: Digest,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The seal: the last leaf.
    pub seal_leaf: String,
    /// Leaf hash of the seal.
    pub seal_hash: Digest,
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote first. Load again, decide again.
    #[error("stream {stream} is not as expected ({expected:?}): {actual:?}")]
    Conflict {
        /// The first stream that is not as expected.
        stream: StreamId,
        /// What the decision relied upon.
        expected: Expectation,
        /// How it is.
        actual: StreamState,
    },
    /// The command was carried out before, with another request: a mistake of the client.
    #[error("the command was used before for another request")]
    CommandReused {
        /// The first record that it led to.
        index: LeafIndex,
    },
    /// An event of this id is in the log, from another command. Draw a new id.
    #[error("the event {id} is in the log already")]
    DuplicateEvent {
        /// The id.
        id: EventId,
    },
    /// The append cannot be carried out as it is: a mistake of the program.
    #[error("not an append: {0}")]
    Invalid(&'static str),
    /// More callers wait than the queue holds. Try later.
    #[error("too many appends are waiting")]
    Overloaded,
    /// The disk did not take it (full, for example). Nothing was stored; the same may be tried again.
    #[error("the records could not be written, and are not stored")]
    Refused(#[source] Arc<io::Error>),
    /// Whether it is stored will be known when the ledger is opened again. The command can then be repeated.
    #[error("whether the records are stored is not known before the ledger is opened again")]
    UnknownOutcome(#[source] Arc<io::Error>),
    /// An earlier write failed in a way that leaves the end of the log unknown. Open the ledger again.
    #[error("the ledger does not write any more; recover by opening it again")]
    Broken,
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// Stored bytes are not what was written. Trying again will not help.
    #[error("the log cannot be read")]
    Segment(#[source] Arc<SegmentError>),
    /// The derived index cannot be used. The log is not affected; remove the index and open the ledger again.
    #[error("the index cannot be used")]
    Index(#[source] Arc<rusqlite::Error>),
}

impl From<SegmentError> for StoreError {
    fn from(error: SegmentError) -> Self {
        Self::Segment(Arc::new(error))
    }
}
