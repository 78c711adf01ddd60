//! What the issuers say by now about the certificates of signatures that were checked long ago.

use ledger_core::domain::event::{Event, Verdict};
use ledger_core::evidence::used::UsedEvidence;
use ledger_core::pki::report::RevocationStatus;
use ledger_core::projection::conditions::Revoked;
use ledger_core::signature;
use ledger_core::time::Timestamp;

use super::load::Entry;
use super::{Inner, LedgerError};

impl Inner {
    /// Since when the certificates registered in these records are revoked, by the lists in force and by the answers on
    /// which failed checks among the records rest: bad news stands nowhere else.
    pub(super) async fn revoked(&self, entries: &[Entry]) -> Result<Revoked, LedgerError> {
        let checking = self.checking();
        let mut evidence = checking.evidence.clone();
        for entry in entries.iter().filter(|entry| has_failed(&entry.event)) {
            for slot in entry.record.sealed.iter().map(|one| one.slot.as_str()) {
                if slot == "evidence" || slot.starts_with("evidence-") {
                    let bytes = self.payload(&entry.record, slot).await?.bytes;
                    // What cannot be read says nothing; a replay finds it.
                    UsedEvidence::decode(&bytes).unwrap_or_default().add_to(&mut evidence);
                }
            }
        }
        let now = self.clock.now();
        let mut revoked = Revoked::new();
        for entry in entries {
            let Event::CertificateRegistered(registered) = &entry.event else { continue };
            let ders = self.registered_certificates(registered.certificate).await?;
            let Some(der) = ders.first() else { continue };
            let mut evidence = evidence.clone();
            for der in &ders {
                evidence.add_certificate(der);
            }
            let at = now.min(registered.not_after);
            let report = signature::verify_certificate(der, &evidence, &checking.trust, &checking.policy, at, None);
            let since = report.revocation.iter().filter_map(|check| revoked_since(check.revocation)).min();
            revoked.extend(since.map(|since| (registered.certificate, since)));
        }
        Ok(revoked)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others say that all was well, or are no checks")]
fn has_failed(event: &Event) -> bool {
    match event {
        Event::DeliveryDeemedNotReceived(_) => true,
        other => other.finding().is_some_and(|finding| finding.signature.verdict == Verdict::Failed),
    }
}

const fn revoked_since(status: RevocationStatus) -> Option<Timestamp> {
    match status {
        RevocationStatus::Revoked { at, .. } | RevocationStatus::OnHold { at } => Some(at),
        RevocationStatus::Good | RevocationStatus::Unknown | RevocationStatus::TrustAnchor => None,
    }
}
