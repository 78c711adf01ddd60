//! Keys: suspended at once when their owner reports a compromise, then annulled, or resumed (clauses 8.7 to 8.10).
//!
//! Five times are kept apart: when the owner learned of it, since when the key is compromised (both claimed), when the
//! notice was received, when the ledger suspended the key, and when it annulled it (product.md C.3.6). A false alarm
//! takes the notice back: the key is as if nothing had been reported, and may be reported again.

use serde::{Deserialize, Serialize};

use crate::domain::certificate::Certificate;
use crate::domain::command::{AnnulKey, ReportCompromise, ResumeKey};
use crate::domain::event::{
    CertificateRegistered, CompromiseReported, Event, KeyAnnulled, KeyUseResumed, KeyUseSuspended, NewEvent,
    ResumptionGround, SuspensionGround,
};
use crate::domain::refusal::{Detail, Finding, Refusal, RefusalCode, refuse_if_any};
use crate::domain::{Aggregate, Circumstances, FOREIGN, Recorded, rule};
use crate::id::{EventId, StreamKind};
use crate::time::Timestamp;

/// State of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The compromise notice.
    pub compromise: Option<CompromiseReported>,
    /// When the notice was recorded.
    pub reported_at: Option<Timestamp>,
    /// The event of the notice.
    #[serde(default)]
    pub notice: Option<EventId>,
    /// When its use was suspended.
    pub suspended_at: Option<Timestamp>,
    /// When it was annulled.
    #[serde(default)]
    pub annulled_at: Option<Timestamp>,
}

/// What can be asked of a key's stream.
#[derive(Debug, Clone)]
pub enum KeyCommand {
    /// Report it as compromised.
    ReportCompromise(ReportCompromise, CompromiseFacts),
    /// Annul it.
    Annul(AnnulKey),
    /// Resume its use.
    Resume(ResumeKey),
}

/// What a compromise report read elsewhere.
#[derive(Debug, Clone)]
pub struct CompromiseFacts {
    /// The registered certificates that name the key.
    pub certificates: Vec<Certificate>,
}

impl Key {
    /// Whether signatures with it are refused (clauses 8.8, 8.10).
    pub const fn is_suspended(&self) -> bool {
        self.suspended_at.is_some()
    }

    /// Whether a signature that was recorded at this time lies after the claimed compromise (clause 8.10).
    pub fn is_compromised_at(&self, recorded_at: Timestamp) -> bool {
        self.compromise.as_ref().is_some_and(|compromise| recorded_at >= compromise.claimed_since)
    }

    /// Why a signature of this trusted time is not accepted; none if it is. What was signed before the claimed
    /// compromise stands, even after the annulment.
    pub fn bars(&self, signed_at: Timestamp) -> Option<RefusalCode> {
        // Without a notice there is no time before which signatures would stand.
        let stands = self.compromise.is_some() && !self.is_compromised_at(signed_at);
        if !self.is_suspended() || stands {
            None
        } else if self.annulled_at.is_some() {
            Some(RefusalCode::CertificateAnnulled)
        } else {
            Some(RefusalCode::CertificateSuspended)
        }
    }

    const fn state(&self) -> &'static str {
        match (self.annulled_at, self.suspended_at) {
            (Some(_), _) => "annulled",
            (None, Some(_)) => "suspended",
            (None, None) => "in-use",
        }
    }

    /// The notice that an operator's act answers.
    fn answer_notice(&self, circumstances: &Circumstances) -> Result<(EventId, &CompromiseReported), Refusal> {
        let mut findings = Vec::new();
        circumstances.require_operator(&mut findings);
        let open = self.notice.zip(self.compromise.as_ref()).filter(|_| self.suspended_at.is_some());
        if open.is_none() || self.annulled_at.is_some() {
            let code = if open.is_none() { RefusalCode::KeyNotSuspended } else { RefusalCode::CertificateAnnulled };
            let state = Detail::State { state: self.state(), event: self.notice, allowed: Vec::new() };
            findings.push(Finding::at(code, "key").with(state));
        }
        refuse_if_any(findings)?;
        open.ok_or_else(|| Refusal::of(Finding::at(RefusalCode::KeyNotSuspended, "key")))
    }

    fn annul(&self, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        let (notice, compromise) = self.answer_notice(circumstances)?;
        let CompromiseReported { key, participant, claimed_since, .. } = *compromise;
        let event = KeyAnnulled { key, participant, notice, compromised_since: claimed_since };
        Ok(vec![NewEvent::new(Event::KeyAnnulled(event))])
    }

    fn resume(&self, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        let (notice, compromise) = self.answer_notice(circumstances)?;
        let CompromiseReported { key, participant, .. } = *compromise;
        let event = KeyUseResumed { key, participant, notice, ground: ResumptionGround::FalseAlarm };
        Ok(vec![NewEvent::new(Event::KeyUseResumed(event))])
    }

    fn report(
        &self,
        command: &ReportCompromise,
        facts: &CompromiseFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        let named = |one: &&CertificateRegistered| {
            one.key == command.key && command.certificate.is_none_or(|certificate| certificate == one.certificate)
        };
        let mut owned = facts.certificates.iter().filter_map(|one| one.registered.as_ref()).filter(named);
        // Where a participant asks, its own certificate counts: a key may be registered under several.
        let certificate = match circumstances.actor.participant {
            Some(participant) if !circumstances.is_operator_or_system() => {
                let all: Vec<_> = owned.collect();
                all.iter().find(|one| one.participant == participant).or(all.first()).copied()
            }
            _ => owned.next(),
        };
        if self.is_suspended() {
            let state = Detail::State { state: self.state(), event: self.notice, allowed: Vec::new() };
            let annulled = self.annulled_at.is_some();
            let code = if annulled { RefusalCode::CertificateAnnulled } else { RefusalCode::CertificateSuspended };
            findings.push(Finding::new(code).with(state));
        }
        for (field, time, latest) in [
            ("received_at", command.received_at, circumstances.now),
            ("learned_at", command.learned_at, command.received_at),
            ("claimed_since", command.claimed_since, command.received_at),
        ] {
            if time > latest {
                findings.push(Finding::at(RefusalCode::CompromiseTimeInFuture, field));
            }
        }
        let Some(certificate) = certificate else {
            findings.push(Finding::at(RefusalCode::KeyUnknown, "key"));
            refuse_if_any(findings)?;
            return Err(Refusal::of(Finding::at(RefusalCode::KeyUnknown, "key")));
        };
        if !circumstances.is_operator_or_system() {
            circumstances.require_participant(certificate.participant, &mut findings);
        }
        if command.claimed_since < certificate.not_before {
            findings.push(Finding::at(RefusalCode::CompromiseBeforeCertificate, "claimed_since"));
        }
        refuse_if_any(findings)?;
        let participant = certificate.participant;
        let reported = CompromiseReported {
            key: command.key,
            certificate: certificate.certificate,
            participant,
            channel: command.channel,
            learned_at: command.learned_at,
            claimed_since: command.claimed_since,
            received_at: command.received_at,
        };
        let suspended = KeyUseSuspended { key: command.key, participant, ground: SuspensionGround::Compromise };
        Ok(vec![NewEvent::new(Event::CompromiseReported(reported)), NewEvent::new(Event::KeyUseSuspended(suspended))])
    }
}

impl Aggregate for Key {
    const KIND: StreamKind = StreamKind::Key;
    type Command = KeyCommand;

    fn decide(&self, command: &KeyCommand, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        match command {
            KeyCommand::ReportCompromise(command, facts) => self.report(command, facts, circumstances),
            KeyCommand::Annul(_) => self.annul(circumstances),
            KeyCommand::Resume(_) => self.resume(circumstances),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams never follow")]
    fn follows(&self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::CompromiseReported(event) => {
                rule(!self.is_suspended(), "the key is suspended already")?;
                let times = event.learned_at <= event.received_at && event.claimed_since <= event.received_at;
                rule(times, "the times of the compromise are later than the notice")
            }
            Event::KeyUseSuspended(_) => {
                rule(self.compromise.is_some() && !self.is_suspended(), "no compromise was reported")
            }
            Event::KeyAnnulled(event) => {
                rule(
                    self.is_suspended() && self.annulled_at.is_none(),
                    "the key is not suspended, or annulled already",
                )?;
                let since = self.compromise.as_ref().map(|notice| notice.claimed_since);
                rule(self.notice == Some(event.notice), "the annulment is of another notice")?;
                rule(since == Some(event.compromised_since), "the annulment names another time than the notice")
            }
            Event::KeyUseResumed(event) => {
                rule(self.is_suspended() && self.annulled_at.is_none(), "the key is not suspended, or is annulled")?;
                rule(self.notice == Some(event.notice), "the resumption is of another notice")
            }
            _ => Err(FOREIGN),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams change nothing")]
    fn apply(&mut self, event: &Event, recorded: Recorded) {
        match event {
            Event::CompromiseReported(event) => {
                self.compromise = Some(event.clone());
                self.reported_at = Some(recorded.at);
                self.notice = Some(recorded.id);
            }
            Event::KeyUseSuspended(_) => self.suspended_at = Some(recorded.at),
            Event::KeyAnnulled(_) => self.annulled_at = Some(recorded.at),
            Event::KeyUseResumed(_) => *self = Self::default(),
            _ => {}
        }
    }
}
