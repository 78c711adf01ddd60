//! Outcomes of signature and certificate checks, as facts of a decision, and the rules about a signer.
//!
//! The checks themselves are made elsewhere; the rules here know only what came of them. Nothing but
//! a passed check makes a signature count: failed and indeterminate ones are refused, each under its own code.

use crate::digest::Digest;
use crate::domain::Circumstances;
use crate::domain::certificate::Certificate;
use crate::domain::event::{Signed, Verdict};
use crate::domain::key::Key;
use crate::domain::participant::Participant;
use crate::domain::refusal::{Detail, Finding, RefusalCode};
use crate::id::{CertificateId, EventId, IdentityId, KeyId};
use crate::time::Timestamp;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Every part that failed or came to no end: all of them, not the first. Parts that were not reached because of
    /// an earlier one say nothing (code `not-reached`) and may be left out.
    pub shortfalls: Vec<Shortfall>,
    /// The full report in canonical JSON; kept as a payload.
    pub report: Vec<u8>,
}

/// A part of a check that did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// Failed or indeterminate.
    pub verdict: Verdict,
    /// Stable code of the check in its report, for example `certificate-revoked`; see [`RefusalCode::of_failed_check`].
    pub code: String,
}

impl CheckOutcome {
    /// Whether every part passed.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// The refusal codes, with their sub-codes, that this outcome leads to; none for a passed check.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        if self.passed() {
            return findings;
        }
        for shortfall in self.shortfalls.iter().filter(|one| one.code != "not-reached") {
            let code = match shortfall.verdict {
                Verdict::Passed => continue,
                Verdict::Failed => RefusalCode::of_failed_check(&shortfall.code),
                Verdict::Indeterminate => RefusalCode::of_indeterminate_check(&shortfall.code),
            };
            push_once(&mut findings, Finding::new(code).with(Detail::Check { code: shortfall.code.clone() }));
        }
        if findings.is_empty() {
            // A verdict without a reason still is no pass.
            let failed = self.verdict == Verdict::Failed;
            findings.push(Finding::new(if failed {
                RefusalCode::SignatureInvalid
            } else {
                RefusalCode::SignatureIndeterminate
            }));
        }
        findings
    }
}

/// Each code once: the verifier and the rules here may find the same.
pub(crate) fn push_once(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.iter().any(|known| known.code == finding.code) {
        findings.push(finding);
    }
}

/// What a check of a CMS signature found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureCheck {
    /// What it came to.
    pub outcome: CheckOutcome,
    /// The signer's certificate, if the CMS could be read so far.
    pub certificate: Option<CertificateId>,
    /// Its public key.
    pub key: Option<KeyId>,
    /// Whether the certificate was issued for signing.
    pub purpose_is_signing: bool,
    /// Whether the bytes are a private key or a key store instead.
    pub private_key_material: bool,
}

/// What a check of a certificate alone found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateCheck {
    /// What it came to.
    pub outcome: CheckOutcome,
    /// What the certificate says; none if the bytes are not a certificate.
    pub contents: Option<CertificateContents>,
    /// Whether the bytes are a private key or a key store instead.
    pub private_key_material: bool,
}

/// What a certificate says, as far as the rules ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateContents {
    /// Its id.
    pub certificate: CertificateId,
    /// Its public key.
    pub key: KeyId,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Whether it was issued for signing, not for authentication or to a CA.
    pub purpose_is_signing: bool,
    /// The subject's BIN under the index key.
    pub bin: Option<IdentityId>,
    /// The subject's IIN under the index key.
    pub iin: Option<IdentityId>,
}

/// By what something was checked; stands in the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckBasis {
    /// Trust snapshot.
    pub trust: Digest,
    /// Signature policy.
    pub policy: Digest,
    /// The `ledger.crl_recorded` events whose lists were used; any order.
    pub evidence: Vec<EventId>,
}

/// All that was read about a signer.
#[derive(Debug, Clone)]
pub struct SignerFacts {
    /// The check at this moment.
    pub check: SignatureCheck,
    /// The stream of the certificate that the check found; as new if none was found.
    pub certificate: Certificate,
    /// The stream of its key; as new if none was found.
    pub key: Key,
    /// The stream of the participant that the certificate is registered to; as new if it is not registered.
    pub participant: Participant,
    /// By what it was checked.
    pub basis: CheckBasis,
}

impl SignerFacts {
    /// Applies every rule about the signer (clauses 8.1 to 8.4, 8.8, 1.16). The signature comes back whenever its
    /// certificate is registered, so that the caller can ask its own questions about the signer too.
    pub(crate) fn examine(&self, circumstances: &Circumstances, findings: &mut Vec<Finding>) -> Option<Signed> {
        let check = &self.check;
        if check.private_key_material {
            findings.push(Finding::at(RefusalCode::PrivateKeyMaterialRefused, "cms"));
            return None;
        }
        let mut found = check.outcome.findings();
        let signed = if let (Some(certificate), Some(key)) = (check.certificate, check.key) {
            self.examine_certificate(certificate, key, circumstances, &mut found)
        } else {
            if check.outcome.passed() {
                found.push(Finding::new(RefusalCode::SignatureMalformed));
            }
            None
        };
        findings.extend(found);
        signed
    }

    fn examine_certificate(
        &self,
        certificate: CertificateId,
        key: KeyId,
        circumstances: &Circumstances,
        findings: &mut Vec<Finding>,
    ) -> Option<Signed> {
        let mut find = |holds: bool, code| {
            if !holds {
                push_once(findings, Finding::new(code));
            }
        };
        find(self.check.purpose_is_signing, RefusalCode::CertificatePurpose);
        find(!self.key.is_suspended(), RefusalCode::CertificateSuspended);
        let registered = self.certificate.registered.as_ref().filter(|one| one.certificate == certificate);
        let Some(registered) = registered else {
            find(false, RefusalCode::CertificateNotRegistered);
            return None;
        };
        find(circumstances.now >= registered.not_before, RefusalCode::CertificateNotYetValid);
        find(circumstances.now <= registered.not_after, RefusalCode::CertificateExpired);
        find(self.participant.is(registered.participant), RefusalCode::AgreementNotActive);
        let mut evidence = self.basis.evidence.clone();
        evidence.sort_unstable();
        evidence.dedup();
        Some(Signed {
            participant: registered.participant,
            certificate,
            key,
            verdict: self.check.outcome.verdict,
            trust: self.basis.trust,
            policy: self.basis.policy,
            evidence,
        })
    }
}
