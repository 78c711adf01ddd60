//! Refusals on record: "I tried at T, and it was refused because" (clause 5.3.6).
//!
//! The first refusals of a participant's minute have a record each. Those beyond wait in memory and share one record
//! for each kind of command, with the root of their list, so that refusals can neither fill the log nor be lost: it is
//! written when the minute is over, when the list is long, and when the ledger is closed. A crash takes those that
//! wait, never the ones that have a record of their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::canonical;
use ledger_core::domain::attempt::{self, RefusedAttempt};
use ledger_core::domain::command::CommandKind;
use ledger_core::domain::event::{CommandRefused, Event};
use ledger_core::domain::participant::Participant;
use ledger_core::domain::refusal::Refusal;
use ledger_core::id::{CommandId, EventId, LeafIndex, ParticipantId, RequestDigest, StreamId};
use ledger_core::log::merkle::{InclusionProof, Sha256Tree, prove_inclusion};
use ledger_core::projection::Viewer;
use ledger_core::record::Actor;
use ledger_core::time::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::execute::{ATTEMPTS_MAX, Errand};
use super::gather::Outside;
use super::{Inner, Ledger, LedgerError, lock};
use crate::aggregate::{Decided, EventIds};
use crate::store::StoreError;
use crate::vault::random;

/// How many refusals of a participant's minute have a record each.
const ALONE_PER_MINUTE: usize = 30;
const MINUTE_MS: u64 = 60_000;
/// A list this long is recorded before its minute is over: some 300 bytes for each attempt stay in memory.
const LIST_MAX: usize = 1000;
/// How often it is looked whether a minute is over.
const LOOK: Duration = Duration::from_secs(1);

/// What was refused in the running minute of each participant.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    minutes: HashMap<ParticipantId, Minute>,
}

#[derive(Debug)]
struct Minute {
    began: Timestamp,
    alone: usize,
    waiting: Vec<Refused>,
}

/// Attempts that share a record, or the one that has a record of its own.
#[derive(Debug, Clone)]
struct Refused {
    actor: Actor,
    participant: ParticipantId,
    command: CommandKind,
    attempts: Vec<RefusedAttempt>,
}

impl Minute {
    fn is_over(&self, now: Timestamp) -> bool {
        // A clock that was set back must not make a minute long.
        now.unix_ms().abs_diff(self.began.unix_ms()) >= MINUTE_MS
    }
}

impl Refusals {
    /// Takes in a refusal; gives back what is to be recorded now.
    fn take(&mut self, one: Refused, now: Timestamp) -> Vec<Refused> {
        let fresh = || Minute { began: now, alone: 0, waiting: Vec::new() };
        let minute = self.minutes.entry(one.participant).or_insert_with(fresh);
        let mut due = Vec::new();
        if minute.is_over(now) {
            due = std::mem::replace(minute, fresh()).waiting;
        }
        if minute.alone < ALONE_PER_MINUTE {
            minute.alone += 1;
            due.push(one);
        } else {
            due.extend(minute.wait(one));
        }
        due
    }

    /// Takes out what waits of the minutes that are over.
    fn due(&mut self, now: Timestamp) -> Vec<Refused> {
        self.minutes.extract_if(|_, minute| minute.is_over(now)).flat_map(|(_, minute)| minute.waiting).collect()
    }

    /// Takes out all that waits.
    fn all(&mut self) -> Vec<Refused> {
        self.minutes.drain().flat_map(|(_, minute)| minute.waiting).collect()
    }

    /// Puts back what could not be recorded.
    fn put_back(&mut self, refused: Vec<Refused>, now: Timestamp) {
        for one in refused {
            let fresh = || Minute { began: now, alone: ALONE_PER_MINUTE, waiting: Vec::new() };
            self.minutes.entry(one.participant).or_insert_with(fresh).waiting.push(one);
        }
    }
}

impl Minute {
    /// Lets an attempt wait with others of its kind; gives back a list that has become long.
    fn wait(&mut self, one: Refused) -> Option<Refused> {
        let same = |other: &&mut Refused| {
            other.command == one.command && other.actor == one.actor && other.attempts.len() < LIST_MAX
        };
        let Some(list) = self.waiting.iter_mut().find(same) else {
            self.waiting.push(one);
            return None;
        };
        list.attempts.extend(one.attempts);
        let place = self.waiting.iter().position(|list| list.attempts.len() >= LIST_MAX)?;
        Some(self.waiting.remove(place))
    }
}

impl Inner {
    /// Records a refusal, alone or later together with others.
    pub(super) async fn record_refusal(
        &self,
        actor: &Actor,
        command: CommandKind,
        request: RequestDigest,
        refusal: &Refusal,
    ) -> Result<(), LedgerError> {
        let Some(participant) = actor.participant else { return Ok(()) };
        if !self.load::<Participant>(&StreamId::participant(participant))?.0.is_registered() {
            return Ok(());
        }
        let now = self.clock.now();
        let attempts = vec![RefusedAttempt::new(now, refusal, request)];
        let due = lock(&self.refusals).take(Refused { actor: actor.clone(), participant, command, attempts }, now);
        self.record_all(due).await
    }

    /// Records what waits of the minutes that are over.
    pub(super) async fn record_due_refusals(&self) -> Result<(), LedgerError> {
        let due = lock(&self.refusals).due(self.clock.now());
        self.record_all(due).await
    }

    /// Records all that waits.
    pub(super) async fn record_waiting_refusals(&self) -> Result<(), LedgerError> {
        let all = lock(&self.refusals).all();
        self.record_all(all).await
    }

    /// What cannot be recorded now waits on.
    async fn record_all(&self, refused: Vec<Refused>) -> Result<(), LedgerError> {
        let mut failed = Ok(());
        let mut left = Vec::new();
        for one in refused {
            if let Err(error) = self.record_refused(&one).await {
                failed = Err(error);
                left.push(one);
            }
        }
        lock(&self.refusals).put_back(left, self.clock.now());
        failed
    }

    async fn record_refused(&self, refused: &Refused) -> Result<(), LedgerError> {
        let Refused { actor, participant, command: kind, attempts } = refused;
        for _ in 0..ATTEMPTS_MAX {
            let Some(event) = attempt::refused(*participant, *kind, attempts) else { return Ok(()) };
            let now = self.clock.now();
            let unique: [u8; 32] = random()?;
            let key = format!("refused-{}", ledger_core::digest::encode_hex(&unique));
            let command = CommandId::of_idempotency_key(&self.secrets.ledger_secret, *participant, &key);
            let request = RequestDigest::of_request(&self.secrets.ledger_secret, key.as_bytes());
            let outside = Outside::default();
            let errand = Errand { ledger: self, actor, command, request, now, dry_run: false, outside: &outside };
            let recorded = ledger_core::domain::Recorded { id: EventIds::from_random(now, random()?).next(), at: now };
            match errand.append(vec![Decided { event, recorded }], Vec::new()).await {
                Err(LedgerError::Store(StoreError::Conflict { .. })) => {}
                outcome => return outcome.map(drop),
            }
        }
        Err(LedgerError::Contended)
    }
}

/// A record of refused commands, with what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalEntry {
    /// Its place in the log.
    pub position: LeafIndex,
    /// Its event.
    pub event: EventId,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it says in public.
    pub refused: CommandRefused,
    /// The reasons, for a record of one attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// Each attempt with its proof under the record's root, for a record of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<ProvenAttempt>,
}

/// A refused attempt in a record of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvenAttempt {
    /// Its canonical JSON: the leaf.
    pub attempt: String,
    /// That it is in the tree whose root the record names.
    pub proof: InclusionProof,
}

impl Ledger {
    /// The refused commands of a participant after a place in the log, at most so many records; a participant sees
    /// its own.
    pub async fn refusals(
        &self,
        participant: ParticipantId,
        viewer: Viewer,
        after: Option<LeafIndex>,
        limit: usize,
    ) -> Result<Option<Vec<RefusalEntry>>, LedgerError> {
        let ledger = &self.inner;
        let stream = StreamId::participant(participant);
        let may_see = viewer.sees_all() || viewer.is(participant);
        if !may_see || !ledger.load::<Participant>(&stream)?.0.is_registered() {
            return Ok(None);
        }
        let mut page = Vec::new();
        for index in ledger.store.records_homed_in(&stream)? {
            if page.len() >= limit {
                break;
            }
            if after.is_some_and(|after| index <= after) {
                continue;
            }
            let Some(entry) = ledger.entry(index)? else { continue };
            if let Event::CommandRefused(refused) = &entry.event {
                let details = ledger.payload(&entry.record, "details").await?.bytes;
                page.push(shown(&entry.record, index, refused, &details)?);
            }
        }
        Ok(Some(page))
    }
}

fn shown(
    record: &ledger_core::record::Record,
    position: LeafIndex,
    refused: &CommandRefused,
    details: &[u8],
) -> Result<RefusalEntry, LedgerError> {
    let internal = |error: &dyn std::fmt::Display| LedgerError::Internal(error.to_string());
    let mut entry = RefusalEntry {
        position,
        event: record.id,
        at: record.at,
        refused: refused.clone(),
        details: None,
        attempts: Vec::new(),
    };
    if refused.root.is_none() {
        canonical::check(details)?;
        entry.details = Some(serde_json::from_slice(details).map_err(|error| internal(&error))?);
        return Ok(entry);
    }
    let tree = attempt::tree(details);
    for (index, line) in (0..).zip(attempt::lines(details)) {
        let proof = prove_inclusion::<Sha256Tree>(&tree, LeafIndex(index), tree.size());
        let proof = proof.map_err(|error| internal(&error))?;
        let attempt = String::from_utf8(line.to_vec()).map_err(|error| internal(&error))?;
        entry.attempts.push(ProvenAttempt { attempt, proof });
    }
    Ok(entry)
}

/// Looks every second for minutes that are over, as long as the ledger is open.
#[derive(Debug)]
pub(super) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(super) fn over(ledger: &Arc<Inner>) -> Self {
        let (stop, mut stopped) = oneshot::channel::<()>();
        let ledger = Arc::downgrade(ledger);
        let task = tokio::spawn(async move {
            while tokio::time::timeout(LOOK, &mut stopped).await.is_err() {
                let Some(ledger) = ledger.upgrade() else { return };
                // What could not be recorded waits for the next look.
                let _waits_on = ledger.record_due_refusals().await;
            }
        });
        Self { stop, task }
    }

    /// Ends it; when this returns it holds the ledger no more.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // It could only have been cancelled with its runtime.
        let _ended = self.task.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_core::domain::refusal::{Finding, RefusalCode};
    use ledger_core::record::Capacity;

    fn refused(participant: u8, command: CommandKind, at: Timestamp) -> Refused {
        let participant = ParticipantId::from_random([participant; 16]);
        let actor = Actor { capacity: Capacity::Participant, participant: Some(participant), user: None };
        let refusal = Refusal::of(Finding::new(RefusalCode::DocumentState));
        let attempts = vec![RefusedAttempt::new(at, &refusal, RequestDigest::of_request(&[0; 32], b""))];
        Refused { actor, participant, command, attempts }
    }

    fn counts(refused: &[Refused]) -> Vec<usize> {
        refused.iter().map(|one| one.attempts.len()).collect()
    }

    #[test]
    fn thirty_a_minute_are_recorded_alone_and_the_others_wait_for_its_end() {
        let at = |ms| Timestamp::EPOCH.plus_ms(ms);
        let mut refusals = Refusals::default();
        let mut take = |participant, command, ms| counts(&refusals.take(refused(participant, command, at(ms)), at(ms)));
        for ms in 0..30 {
            assert_eq!(take(1, CommandKind::Receive, ms), [1]);
        }
        for ms in 30..40 {
            assert_eq!(take(1, CommandKind::Receive, ms), [0; 0]);
        }
        assert_eq!(take(1, CommandKind::Recall, 40), [0; 0]);
        assert_eq!(take(2, CommandKind::Receive, 41), [1], "another participant has a minute of its own");
        assert_eq!(take(1, CommandKind::Receive, 60_000), [10, 1, 1], "the minute is over");
        assert_eq!(counts(&refusals.due(at(61_000))), [0; 0]);
        assert!(refusals.minutes.len() == 1, "the quiet participant is forgotten");
    }

    #[test]
    fn a_long_list_does_not_wait_for_the_end_of_the_minute_and_none_is_lost() {
        let mut refusals = Refusals::default();
        let mut recorded = Vec::new();
        for _ in 0..ALONE_PER_MINUTE + 2 * LIST_MAX + 5 {
            let due = refusals.take(refused(1, CommandKind::Receive, Timestamp::EPOCH), Timestamp::EPOCH);
            recorded.extend(counts(&due));
        }
        assert_eq!(recorded[ALONE_PER_MINUTE..], [LIST_MAX, LIST_MAX]);
        let left = refusals.all();
        assert_eq!(counts(&left), [5]);
        refusals.put_back(left, Timestamp::EPOCH);
        assert_eq!(counts(&refusals.due(Timestamp::EPOCH.plus_ms(MINUTE_MS))), [5]);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_the_minute() {
        let late = Timestamp::EPOCH.plus_ms(10 * MINUTE_MS);
        let mut refusals = Refusals::default();
        for _ in 0..=ALONE_PER_MINUTE {
            refusals.take(refused(1, CommandKind::Receive, late), late);
        }
        assert_eq!(counts(&refusals.due(Timestamp::EPOCH)), [1]);
    }
}
