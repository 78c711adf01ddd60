//! Our aggregates as those of `cqrs-es`: one generic newtype, so that an embedder of that framework finds what it knows.
//!
//! The framework's `Aggregate`, `EventSink`, `EventStore` and `TestFramework` are used; its own stores, snapshots and
//! replay never are (docs/decisions/cqrs-es.md says why, with the defects that were proved).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use cqrs_es::event_sink::EventSink;
use ledger_core::digest::tagged;
use ledger_core::domain::event::NewEvent;
use ledger_core::domain::refusal::Refusal;
use ledger_core::domain::{Aggregate, Circumstances, Recorded};
use ledger_core::id::EventId;
use ledger_core::time::Timestamp;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An aggregate of `ledger-core`, as `cqrs-es` wants it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Cqrs<A: Aggregate>(pub A);

impl<A: Aggregate> fmt::Debug for Cqrs<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a decision needs beside the aggregate's own state and the command.
#[derive(Debug)]
pub struct Services {
    /// Who asks, and when.
    pub circumstances: Circumstances,
    /// Where the ids of its events come from.
    pub ids: EventIds,
}

/// Ids for the events of one command: all from one random seed, drawn before anything is decided.
pub struct EventIds {
    at: Timestamp,
    seed: [u8; 32],
    drawn: AtomicU64,
}

impl EventIds {
    /// Takes 32 random bytes that serve one command only.
    pub const fn from_random(at: Timestamp, seed: [u8; 32]) -> Self {
        Self { at, seed, drawn: AtomicU64::new(0) }
    }

    /// The next id.
    #[expect(clippy::many_single_char_names, reason = "the first ten bytes, without a way to fail")]
    pub fn next(&self) -> EventId {
        let count = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = tagged("edl/v1/event-id", &[&self.seed, &count.to_be_bytes()]);
        let [a, b, c, d, e, f, g, h, i, j, ..] = *digest.as_bytes();
        EventId::from_time_and_random(self.at, [a, b, c, d, e, f, g, h, i, j])
    }
}

impl fmt::Debug for EventIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventIds(…)")
    }
}

/// A decided event with its payloads; what travels through the framework's event sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The event and its payloads.
    pub event: NewEvent,
    /// Its id, and the time of the decision; the sequencer stamps the record's own `at`.
    pub recorded: Recorded,
}

/// Type, version and public data, for the framework's queries; payloads stay out.
impl Serialize for Decided {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = self.event.event.data().map_err(S::Error::custom)?;
        (self.event.event.type_name(), self.event.event.version(), data, self.recorded.at).serialize(serializer)
    }
}

/// Events are read from the log's records, which carry what verifies them, and from nowhere else.
impl<'de> Deserialize<'de> for Decided {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("events are decoded from records of the log, never from the framework's envelopes"))
    }
}

impl cqrs_es::DomainEvent for Decided {
    fn event_type(&self) -> String {
        self.event.event.type_name().to_owned()
    }

    fn event_version(&self) -> String {
        self.event.event.version().to_string()
    }
}

impl<A: Aggregate> cqrs_es::Aggregate for Cqrs<A> {
    const TYPE: &'static str = A::KIND.as_str();
    type Command = A::Command;
    type Event = Decided;
    type Error = Refusal;
    type Services = Services;

    async fn handle(
        &mut self,
        command: Self::Command,
        services: &Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.0.decide(&command, &services.circumstances)? {
            let recorded = Recorded { id: services.ids.next(), at: services.circumstances.now };
            sink.write(Decided { event, recorded }, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, decided: Decided) {
        // A decision may also open other streams (a delivery beside its document); their own aggregates fold those.
        if decided.event.event.streams().first().is_some_and(|home| home.kind() == A::KIND) {
            self.0.apply(&decided.event.event, decided.recorded);
        }
    }
}
