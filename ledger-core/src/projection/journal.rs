//! Incoming and outgoing journals per participant and year, numbered without gaps (clauses 5.3.1.6, 5.3.7).
//!
//! A number is not stored in an event but follows from the order of the log: the n-th document that a participant
//! sent in a year has the outgoing number n, the n-th that was accounted for it the incoming number n. So nobody can
//! skip or reuse one without changing the log, and nothing is ever taken out: a recalled document keeps its number.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{EventRef, Logged};
use crate::domain::event::{Event, words};
use crate::id::{DeliveryId, DocumentId, ParticipantId};
use crate::time::Timestamp;

/// Which table of offsets makes a journal's year; recorded beside every number, because the calendar is data
/// that changes (clauses.md 0, finding 12).
pub const ZONE_TABLE: &str = "almaty-2024-03-01";

/// Offsets of Asia/Almaty east of UTC in minutes, each until the UTC time in milliseconds at which it ends.
/// Kazakhstan left UTC+6 for UTC+5 at 2024-03-01T00:00 local time. Earlier changes lie before any ledger.
const OFFSETS: [(u64, u16); 2] = [(1_709_229_600_000, 360), (u64::MAX, 300)];

/// The journal year of a moment.
pub fn journal_year(at: Timestamp) -> u64 {
    let offset = OFFSETS.iter().find(|(end_ms, _)| at.unix_ms() < *end_ms).map_or(300, |(_, offset)| *offset);
    at.year_at_offset(offset)
}

words! {
    /// Which of a participant's two journals.
    Direction {
        /// Documents accounted for the participant.
        Incoming = "incoming",
        /// Documents sent by the participant.
        Outgoing = "outgoing",
    }
}

/// One journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct JournalId {
    /// Which of the two.
    pub direction: Direction,
    /// Whose.
    pub participant: ParticipantId,
    /// The year in Almaty ([`ZONE_TABLE`]).
    pub year: u64,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// Who sent it: in the incoming journal. Recipients are named by the deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<ParticipantId>,
    /// The delivery: in the incoming journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryId>,
    /// The document.
    pub document: DocumentId,
    /// The event that made the line.
    #[serde(flatten)]
    pub event: EventRef,
    /// The journal.
    #[serde(flatten)]
    pub journal: JournalId,
    /// Number in the journal, from 1.
    pub number: u64,
    /// Which table of offsets made the year.
    pub zone_table: &'static str,
}

impl JournalEntry {
    /// The line that an event makes, if any; `number` says the next number of the journal.
    #[expect(clippy::wildcard_enum_match_arm, reason = "sending and accounting make lines, nothing else ever will")]
    pub fn of<E>(logged: Logged<'_>, number: impl FnOnce(JournalId) -> Result<u64, E>) -> Result<Option<Self>, E> {
        let event = EventRef::of(logged);
        let (participant, direction, document, delivery, counterparty) = match logged.2 {
            Event::DocumentSent(e) => (e.sender, Direction::Outgoing, e.document, None, None),
            Event::DeliveryAccounted(e) => {
                (e.recipient, Direction::Incoming, e.document, Some(e.delivery), Some(e.sender))
            }
            _ => return Ok(None),
        };
        let journal = JournalId { direction, participant, year: journal_year(event.at) };
        let number = number(journal)?;
        Ok(Some(Self { counterparty, delivery, document, event, journal, number, zone_table: ZONE_TABLE }))
    }
}

/// How far each journal is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journals {
    last: BTreeMap<JournalId, u64>,
}

impl Journals {
    /// Takes in the next event; the line it makes, if any.
    pub fn apply(&mut self, logged: Logged<'_>) -> Option<JournalEntry> {
        let number = |journal| -> Result<u64, std::convert::Infallible> {
            let last = self.last.entry(journal).or_default();
            *last += 1;
            Ok(*last)
        };
        match JournalEntry::of(logged, number) {
            Ok(entry) => entry,
        }
    }

    /// The last number of a journal; 0 for an empty one.
    pub fn last(&self, journal: JournalId) -> u64 {
        self.last.get(&journal).copied().unwrap_or_default()
    }
}
