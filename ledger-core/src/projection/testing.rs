//! A small log for tests: records with places and times around events.

use super::Logged;
use crate::digest::Digest;
use crate::domain::event::samples::{event_id, participant, time};
use crate::domain::event::{Event, samples};
use crate::id::{CommandId, DocumentId, EventId, LeafIndex, RequestDigest};
use crate::record::{Actor, Basis, Capacity, Cause, Record};
use crate::time::Timestamp;

/// Events in their records; every leaf takes one second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    entries: Vec<(LeafIndex, Record, Event)>,
}

impl Log {
    pub(crate) fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let mut log = Self::default();
        for (event, second) in events.into_iter().zip(0..) {
            log.push_at(time(second), event);
        }
        log
    }

    pub(crate) fn push_at(&mut self, at: Timestamp, event: Event) {
        let index = u64::try_from(self.entries.len()).unwrap();
        let mut random = [0; 10];
        random[2..].copy_from_slice(&index.to_be_bytes());
        let record = Record {
            actor: Actor { capacity: Capacity::Participant, participant: None, user: None },
            at,
            basis: Basis {
                clauses: event.clauses().iter().map(|clause| (*clause).to_owned()).collect(),
                terms: "idocs-2021-10-11".to_owned(),
            },
            cause: Cause {
                command: CommandId::of_idempotency_key(&[0; 32], participant(1), "k"),
                event: Some(event_id(1)),
                request: RequestDigest::of_request(&[0; 32], b"r"),
            },
            data: event.data().unwrap(),
            id: EventId::from_time_and_random(at, random),
            prev: Digest::default(),
            sealed: Vec::new(),
            seq: 0,
            streams: event.streams(),
            event_type: event.event_type().unwrap(),
            version: event.version(),
        };
        self.entries.push((LeafIndex(index), record, event));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Logged<'_>> {
        self.entries.iter().map(|(index, record, event)| (*index, record, event))
    }
}

/// The sample event of a type, whose document has one signer: the sender.
pub(crate) fn sample(event_type: &str) -> Event {
    let mut event = samples::all().into_iter().find(|event| event.type_name() == event_type).unwrap();
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other samples are as they should be")]
    match &mut event {
        Event::DocumentFormed(e) => e.slots.truncate(1),
        Event::DeliveryAccounted(e) => e.signatures.truncate(1),
        Event::CountersignatureApplied(e) => e.reservations = false,
        _ => {}
    }
    event
}

pub(crate) fn samples_of(types: &[&str]) -> Vec<Event> {
    types.iter().map(|event_type| sample(event_type)).collect()
}

pub(crate) const DOCUMENT: DocumentId = DocumentId::from_random([0xd0; 16]);
