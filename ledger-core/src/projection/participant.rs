//! A participant: what it is, the terms it accepted, its certificates. Name and number are in a payload, not here.

use serde::Serialize;

use super::{EventRef, Logged};
use crate::domain::event::{AcceptanceMethod, Event, ParticipantKind, VersionName};
use crate::id::{CertificateId, IdentityKind, KeyId, ParticipantId};
use crate::time::Timestamp;

/// A participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParticipantView {
    /// The agreements that it accepted, in log order (clauses 1.7, 1.16).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agreements: Vec<AgreementView>,
    /// Its certificates, in log order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateLine>,
    /// Which register its number is from.
    pub identity_kind: IdentityKind,
    /// What it is.
    pub kind: ParticipantKind,
    /// The participant.
    pub participant: ParticipantId,
    /// Commands of it that were refused (clause 5.3.6).
    pub refused_commands: u64,
    /// The registration.
    pub registered: EventRef,
}

/// An accepted agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgreementView {
    /// The event.
    pub accepted: EventRef,
    /// How.
    pub method: AcceptanceMethod,
    /// Version of the terms.
    pub terms: VersionName,
}

/// A certificate in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateLine {
    /// The certificate.
    pub certificate: CertificateId,
    /// Its public key.
    pub key: KeyId,
    /// End of validity.
    pub not_after: Timestamp,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// The registration.
    pub registered: EventRef,
    /// The suspension of its key (clause 8.8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<EventRef>,
    /// The annulment of its key (clause 8.10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annulled: Option<EventRef>,
}

impl ParticipantView {
    /// Folds the records that name the participant; `None` if it is not registered.
    pub fn fold<'a>(participant: ParticipantId, records: impl IntoIterator<Item = Logged<'a>>) -> Option<Self> {
        let mut view: Option<Self> = None;
        for logged in records {
            let at = EventRef::of(logged);
            if let Event::ParticipantRegistered(e) = logged.2
                && e.participant == participant
            {
                view = Some(Self {
                    agreements: Vec::new(),
                    certificates: Vec::new(),
                    identity_kind: e.identity_kind,
                    kind: e.kind,
                    participant,
                    refused_commands: 0,
                    registered: at,
                });
            }
            if let Some(view) = &mut view {
                view.apply(logged.2, at);
            }
        }
        view
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the view shows these facts only")]
    fn apply(&mut self, event: &Event, at: EventRef) {
        match event {
            Event::AgreementAccepted(e) if e.participant == self.participant => {
                self.agreements.push(AgreementView { accepted: at, method: e.method, terms: e.terms.clone() });
            }
            Event::CertificateRegistered(e) if e.participant == self.participant => {
                self.certificates.push(CertificateLine {
                    certificate: e.certificate,
                    key: e.key,
                    not_after: e.not_after,
                    not_before: e.not_before,
                    registered: at,
                    suspended: None,
                    annulled: None,
                });
            }
            Event::KeyUseSuspended(e) => {
                for line in self.certificates.iter_mut().filter(|line| line.key == e.key) {
                    line.suspended.get_or_insert(at);
                }
            }
            Event::KeyAnnulled(e) => {
                for line in self.certificates.iter_mut().filter(|line| line.key == e.key) {
                    line.annulled.get_or_insert(at);
                }
            }
            Event::KeyUseResumed(e) => {
                for line in self.certificates.iter_mut().filter(|line| line.key == e.key) {
                    line.suspended = None;
                }
            }
            Event::CommandRefused(e) if e.participant == self.participant => {
                self.refused_commands = self.refused_commands.saturating_add(e.attempts);
            }
            _ => {}
        }
    }
}
