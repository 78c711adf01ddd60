//! The business rules: commands in, events or a refusal out, and the state that events fold into.
//!
//! `decide` may refuse and changes nothing; `apply` never refuses and knows no rules. Whatever a decision read
//! elsewhere (another stream, a signature check, the time) is handed in beside the command, so that a decision can be
//! repeated from the log. Checks of signatures are not made here: their outcome is one of those facts ([`check`]).

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::{EventId, StreamKind};
use crate::record::Actor;
use crate::time::Timestamp;

pub mod attempt;
pub mod certificate;
pub mod check;
pub mod command;
pub mod delivery;
pub mod document;
pub mod event;
pub mod format_registry;
pub mod key;
pub mod ledger_acts;
pub mod participant;
pub mod refusal;
mod requisites;
pub mod statement;

#[cfg(test)]
mod tests;

use event::{Event, NewEvent};
use refusal::Refusal;

/// One kind of thing that decides about itself, from the events homed in its stream.
pub trait Aggregate: Default + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind of its streams.
    const KIND: StreamKind;
    /// What can be asked of it, together with what was read elsewhere to decide it.
    type Command: Send + Sync;

    /// Decides. The events are to be appended together or not at all; the first is homed in this stream, others may
    /// be homed in streams that do not exist yet. All reasons against it come back at once.
    fn decide(&self, command: &Self::Command, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal>;

    /// Whether the rules let this event follow in this stream, as far as the stream alone tells: what an auditor
    /// re-executes over a log whose decisions were made by somebody else. The error names the rule. An event that is
    /// not of this kind of stream never follows.
    fn follows(&self, event: &Event) -> Result<(), &'static str>;

    /// Folds one event that is homed in this stream; an event of another kind changes nothing.
    fn apply(&mut self, event: &Event, recorded: Recorded);
}

/// A rule of [`Aggregate::follows`].
fn rule(holds: bool, text: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(text) }
}

/// What [`Aggregate::follows`] says of an event of another kind of stream.
const FOREIGN: &str = "the event is homed in another kind of stream";

/// In what circumstances something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// Who asks; authenticated by the caller.
    pub actor: Actor,
    /// The trusted time of the decision.
    pub now: Timestamp,
}

/// In what circumstances an event was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The event's id.
    pub id: EventId,
    /// When the operator recorded it.
    pub at: Timestamp,
}
