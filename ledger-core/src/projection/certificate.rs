//! A registered certificate: its validity, its owner, and what is on record about its key.

use serde::Serialize;

use super::impact::KeyHistory;
use super::{EventRef, Logged};
use crate::digest::Digest;
use crate::domain::event::Event;
use crate::id::{CertificateId, KeyId, ParticipantId};
use crate::time::Timestamp;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    /// The certificate.
    pub certificate: CertificateId,
    /// Compromise notices, suspension, annulment and resumption of its key.
    #[serde(flatten)]
    pub history: KeyHistory,
    /// Its public key.
    pub key: KeyId,
    /// End of validity.
    pub not_after: Timestamp,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// To whom it is registered.
    pub participant: ParticipantId,
    /// Policy that its check followed.
    pub policy: Digest,
    /// The registration (clause 8.1).
    pub registered: EventRef,
    /// Trust snapshot that its check used.
    pub trust: Digest,
}

impl CertificateView {
    /// Folds the records of the certificate and its key; `None` if it is not registered.
    pub fn fold<'a>(certificate: CertificateId, records: impl IntoIterator<Item = Logged<'a>>) -> Option<Self> {
        let mut view: Option<Self> = None;
        // A notice may stand before the registration: two certificates can hold one key.
        let mut histories = std::collections::BTreeMap::<KeyId, KeyHistory>::new();
        for logged in records {
            if let Event::CertificateRegistered(e) = logged.2 {
                if e.certificate == certificate {
                    view = Some(Self {
                        certificate,
                        history: KeyHistory::default(),
                        key: e.key,
                        not_after: e.not_after,
                        not_before: e.not_before,
                        participant: e.participant,
                        policy: e.policy,
                        registered: EventRef::of(logged),
                        trust: e.trust,
                    });
                }
            } else if let Some(key) = KeyHistory::key_of(logged.2) {
                histories.entry(key).or_default().apply(logged);
            }
        }
        let view = view?;
        Some(Self { history: histories.remove(&view.key).unwrap_or_default(), ..view })
    }
}
