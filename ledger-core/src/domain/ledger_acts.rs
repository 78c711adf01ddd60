//! The operator's own acts: which certification authorities the ledger trusts, and revocation lists (clauses 2.12, 8.2).

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::domain::command::{PublishTrust, RecordCrl};
use crate::domain::event::{CrlRecorded, Event, NewEvent, TrustPublished};
use crate::domain::refusal::{Finding, Refusal, RefusalCode, refuse_if_any};
use crate::domain::{Aggregate, Circumstances, FOREIGN, Recorded, rule};
use crate::id::{EventId, IdentifierMode, Origin, StreamKind};
use crate::time::Timestamp;

/// State of the ledger's own stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerActs {
    /// Trust and policy in force.
    pub trust: Option<PublishedTrust>,
    /// Every revocation list, in the order in which they were recorded.
    pub crls: Vec<RecordedCrl>,
}

/// Trust and policy, and the event that published them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTrust {
    /// The event; its payloads hold both.
    pub event: EventId,
    /// Trust snapshot.
    pub trust: Digest,
    /// Signature policy.
    pub policy: Digest,
    /// Since when.
    pub at: Timestamp,
}

/// A revocation list, and the event that recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCrl {
    /// The event; its payload holds the list.
    pub event: EventId,
    /// What it recorded.
    pub crl: CrlRecorded,
}

/// What can be asked of the ledger's own stream.
#[derive(Debug, Clone)]
pub enum LedgerCommand {
    /// Publish trust anchors and a policy.
    PublishTrust(PublishTrust, TrustFacts),
    /// Record a revocation list.
    RecordCrl(RecordCrl, CrlFacts),
}

/// What a publication read elsewhere.
#[derive(Debug, Clone)]
pub struct TrustFacts {
    /// The ledger.
    pub origin: Origin,
    /// The trust snapshot in canonical form; none if something in the command is not a CA certificate.
    pub snapshot: Option<Vec<u8>>,
    /// The snapshot's id.
    pub trust: Digest,
    /// The policy's id; none if the bytes are not a policy.
    pub policy: Option<Digest>,
    /// Whether the policy lets something count that proves nothing about real persons.
    pub policy_is_for_tests: bool,
    /// Whether the ledger is of real documents.
    pub mode: IdentifierMode,
}

/// What a revocation list's recording read elsewhere.
#[derive(Debug, Clone)]
pub struct CrlFacts {
    /// The ledger.
    pub origin: Origin,
    /// What the list says; none if the bytes are not a usable list.
    pub contents: Option<CrlContents>,
}

/// What a revocation list says, as far as the rules ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlContents {
    /// SHA-256 of the issuer's name in DER.
    pub issuer: Digest,
    /// When it was issued.
    pub this_update: Timestamp,
    /// When the next one is due.
    pub next_update: Option<Timestamp>,
    /// Whether an issuer that the ledger trusts signed it.
    pub is_trusted: bool,
}

impl LedgerActs {
    fn publish(
        &self,
        command: &PublishTrust,
        facts: &TrustFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        circumstances.require_operator(&mut findings);
        if command.anchors.is_empty() || facts.snapshot.is_none() {
            findings.push(Finding::at(RefusalCode::TrustInvalid, "anchors"));
        }
        if facts.policy.is_none() {
            findings.push(Finding::at(RefusalCode::TrustInvalid, "policy"));
        }
        if facts.policy_is_for_tests && facts.mode == IdentifierMode::Strict {
            findings.push(Finding::at(RefusalCode::PolicyForTests, "policy"));
        }
        let in_force = self.trust.as_ref();
        if in_force.is_some_and(|trust| trust.trust == facts.trust && Some(trust.policy) == facts.policy) {
            findings.push(Finding::new(RefusalCode::TrustUnchanged));
        }
        refuse_if_any(findings)?;
        let (Some(snapshot), Some(policy)) = (&facts.snapshot, facts.policy) else {
            return Err(Refusal::of(Finding::at(RefusalCode::TrustInvalid, "anchors")));
        };
        let event = TrustPublished { origin: facts.origin.clone(), trust: facts.trust, policy };
        Ok(vec![
            NewEvent::new(Event::TrustPublished(event))
                .with("policy", command.policy.clone())
                .with("trust", snapshot.clone()),
        ])
    }

    fn record(
        &self,
        command: &RecordCrl,
        facts: &CrlFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        // The ledger fetches lists by itself; whose they are is proven by their signature.
        if !circumstances.is_operator_or_system() {
            findings.push(Finding::new(RefusalCode::OperatorOnly));
        }
        let crl = Digest::sha256(&[&command.crl]);
        if self.crls.iter().any(|known| known.crl.crl == crl) {
            findings.push(Finding::new(RefusalCode::CrlExists));
        }
        let malformed = || Finding::at(RefusalCode::CrlMalformed, "crl");
        match &facts.contents {
            None => findings.push(malformed()),
            Some(contents) if !contents.is_trusted => findings.push(Finding::at(RefusalCode::CrlUntrusted, "crl")),
            Some(_) => {}
        }
        refuse_if_any(findings)?;
        let Some(contents) = &facts.contents else { return Err(Refusal::of(malformed())) };
        let event = CrlRecorded {
            origin: facts.origin.clone(),
            crl,
            issuer: contents.issuer,
            this_update: contents.this_update,
            next_update: contents.next_update,
        };
        Ok(vec![NewEvent::new(Event::CrlRecorded(event)).with("crl", command.crl.clone())])
    }
}

impl Aggregate for LedgerActs {
    const KIND: StreamKind = StreamKind::Ledger;
    type Command = LedgerCommand;

    fn decide(&self, command: &LedgerCommand, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        match command {
            LedgerCommand::PublishTrust(command, facts) => self.publish(command, facts, circumstances),
            LedgerCommand::RecordCrl(command, facts) => self.record(command, facts, circumstances),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams never follow")]
    fn follows(&self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::TrustPublished(event) => {
                let same = |trust: &PublishedTrust| trust.trust == event.trust && trust.policy == event.policy;
                rule(!self.trust.as_ref().is_some_and(same), "trust and policy are unchanged")
            }
            Event::CrlRecorded(event) => rule(
                !self.crls.iter().any(|known| known.crl.crl == event.crl),
                "the revocation list is recorded already",
            ),
            _ => Err(FOREIGN),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams change nothing")]
    fn apply(&mut self, event: &Event, recorded: Recorded) {
        match event {
            Event::TrustPublished(event) => {
                self.trust = Some(PublishedTrust {
                    event: recorded.id,
                    trust: event.trust,
                    policy: event.policy,
                    at: recorded.at,
                });
            }
            Event::CrlRecorded(event) => {
                self.crls.push(RecordedCrl { event: recorded.id, crl: event.clone() });
            }
            _ => {}
        }
    }
}
