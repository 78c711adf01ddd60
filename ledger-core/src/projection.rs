//! Projections: what people look at, folded from events and nothing else, so that each can be dropped and made again.
//!
//! Every fold takes [`Logged`] events in log order and ignores those that do not concern it: a caller may hand in one
//! document's streams, a bundle's records or the whole log and gets the same view. A projection decides nothing;
//! what it does not find in the events it is given is *indeterminate*, never established.

use serde::Serialize;

use crate::domain::Recorded;
use crate::domain::event::Event;
use crate::id::{EventId, LeafIndex, ParticipantId};
use crate::record::Record;
use crate::time::Timestamp;

pub mod certificate;
pub mod conditions;
pub mod document;
pub mod impact;
pub mod journal;
pub mod participant;
pub mod parts;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod timeline;

/// An event in its record at its place in the log.
pub type Logged<'a> = (LeafIndex, &'a Record, &'a Event);

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// The operator sees everything and may act.
    Operator,
    /// An auditor sees everything and acts nowhere.
    Auditor,
    /// A participant sees what it is a party of.
    Participant(ParticipantId),
}

impl Viewer {
    /// Whether this is the participant.
    pub fn is(self, participant: ParticipantId) -> bool {
        self == Self::Participant(participant)
    }

    /// Whether nothing is hidden from the viewer.
    pub const fn sees_all(self) -> bool {
        match self {
            Self::Operator | Self::Auditor => true,
            Self::Participant(_) => false,
        }
    }
}

/// Where a fact stands: the event that is its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventRef {
    /// When the operator recorded it.
    pub at: Timestamp,
    /// The event's id.
    pub event: EventId,
    /// Its leaf in the log.
    pub index: LeafIndex,
}

impl EventRef {
    /// The place of an event.
    pub const fn of((index, record, _): Logged<'_>) -> Self {
        Self { at: record.at, event: record.id, index }
    }

    const fn recorded(self) -> Recorded {
        Recorded { id: self.event, at: self.at }
    }
}
