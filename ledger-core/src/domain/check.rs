//! Outcomes of signature and certificate checks, as facts of a decision, and the rules about a signer.
//!
//! The checks themselves are made elsewhere; the rules here know only what came of them. Nothing but
//! a passed check makes a signature count: failed and indeterminate ones are refused, each under its own code. A
//! signature over a document that lacks nothing but revocation data may wait for it ([`CheckOutcome::is_pending`]).

use crate::digest::Digest;
use crate::domain::Circumstances;
use crate::domain::certificate::Certificate;
use crate::domain::event::{Signed, Verdict};
use crate::domain::key::Key;
use crate::domain::participant::Participant;
use crate::domain::refusal::{Detail, Finding, RefusalCode};
use crate::id::{CertificateId, EventId, IdentityId, KeyId};
use crate::pki::certificate::Role;
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
    /// Whether evidence that does not exist or cannot be had yet may settle it: the status of a certificate is not known
    /// (sub-indication `TRY_LATER` of ETSI EN 319 102-1).
    pub may_settle: bool,
}

impl CheckOutcome {
    /// Whether every part passed.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// Whether nothing is missing but what later evidence may bring: the signature is neither good nor bad yet
    /// (clause 8.2), and will be checked again.
    pub fn is_pending(&self) -> bool {
        let mut reached = self.shortfalls.iter().filter(|one| one.code != "not-reached").peekable();
        self.verdict == Verdict::Indeterminate
            && reached.peek().is_some()
            && reached.all(|one| one.verdict == Verdict::Indeterminate && one.may_settle)
    }

    /// Reasons for which the signature failed, and findings about checks that came to no end. One certain reason
    /// decides, whatever the others may still turn out to be.
    pub(crate) fn judge(&self) -> (Vec<RefusalCode>, Vec<Finding>) {
        let (mut failed, mut unfinished) = (Vec::new(), Vec::new());
        for finding in self.findings() {
            // The certificate's own times and its revocation are certain, whatever the verifier could not finish.
            let certain = matches!(
                finding.code,
                RefusalCode::CertificateExpired | RefusalCode::CertificateNotYetValid | RefusalCode::CertificateRevoked
            );
            if certain || self.verdict == Verdict::Failed {
                failed.push(finding.code);
            } else {
                unfinished.push(finding);
            }
        }
        (failed, unfinished)
    }

    /// The verdict on a signature that is on record with a certificate, where the check found it made by the certificate
    /// `found`; and if it failed, every reason, sorted by its spelling.
    pub(crate) fn verdict_on(
        &self,
        certificate: CertificateId,
        found: Option<CertificateId>,
    ) -> (Verdict, Vec<RefusalCode>) {
        let (mut failed, _) = self.judge();
        if self.passed() && found != Some(certificate) {
            failed.push(RefusalCode::SignatureInvalid);
        }
        if failed.is_empty() { (self.verdict, failed) } else { (Verdict::Failed, reasons(failed)) }
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

/// The reasons of a failed check, sorted, each once. It may still have parts without an end; they are no reasons of
/// their own.
pub(crate) fn reasons(mut failed: Vec<RefusalCode>) -> Vec<RefusalCode> {
    failed.retain(|code| *code != RefusalCode::SignatureIndeterminate);
    if failed.is_empty() {
        failed.push(RefusalCode::SignatureInvalid);
    }
    failed.sort_unstable_by_key(|code| code.as_str());
    failed.dedup();
    failed
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
    /// The role that the check demanded of the certificate.
    pub required_role: Option<Role>,
    /// Whether the bytes are a private key or a key store instead.
    pub private_key_material: bool,
    /// The time before which a trusted time-stamp proves that the signature existed, if that is earlier than the time of
    /// the check. The time that the signer claims is never here.
    pub proven_at: Option<Timestamp>,
    /// What the check used beside the CMS, registered certificates and recorded lists, as it will be kept: the payload
    /// `evidence`. None if there was nothing.
    pub evidence: Option<Vec<u8>>,
}

/// What is known of the signer's power to act for the participant (chapter 4 of the agreement).
///
/// The seam for powers of attorney: whoever loads the facts of a decision says here what the authority that the actor
/// named comes to. As long as no events record authorities, nothing is asked for, and the certificate alone speaks
/// for the participant (clauses 2.11, 8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authority {
    /// None is asked for.
    #[default]
    NotApplicable,
    /// The authority is on record and covers the act.
    Established,
    /// There is none, or it does not cover the act: the act is refused.
    Missing,
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
    /// As [`SignatureCheck::evidence`].
    pub evidence: Option<Vec<u8>>,
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

impl CheckBasis {
    /// The lists, as they stand in events.
    pub(crate) fn lists(&self) -> Vec<EventId> {
        let mut lists = self.evidence.clone();
        lists.sort_unstable();
        lists.dedup();
        lists
    }
}

/// Whether a signature may wait for revocation data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    /// It is recorded, counts for nothing, and is checked again.
    Recorded,
    /// The act takes effect at once, so it is refused.
    Refused,
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
    /// The signer's power to act for the participant.
    pub authority: Authority,
}

impl SignerFacts {
    /// Applies every rule about the signer (clauses 8.1 to 8.4, 8.8, 1.16). The signature comes back whenever its
    /// certificate is registered, so that the caller can ask its own questions about the signer too.
    pub(crate) fn examine(
        &self,
        circumstances: &Circumstances,
        pending: Pending,
        findings: &mut Vec<Finding>,
    ) -> Option<Signed> {
        let check = &self.check;
        if check.private_key_material {
            findings.push(Finding::at(RefusalCode::PrivateKeyMaterialRefused, "cms"));
            return None;
        }
        let waits = pending == Pending::Recorded && check.outcome.is_pending();
        let mut found = if waits { Vec::new() } else { check.outcome.findings() };
        if self.authority == Authority::Missing {
            found.push(Finding::new(RefusalCode::AuthorityMissing));
        }
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
        // A time-stamp may prove that the signature is older than the compromise; nothing else may (product.md C.3.6).
        let signed_at = self.check.proven_at.unwrap_or(circumstances.now);
        if let Some(code) = self.key.bars(signed_at) {
            find(false, code);
        }
        let registered = self.certificate.registered.as_ref().filter(|one| one.certificate == certificate);
        let Some(registered) = registered else {
            find(false, RefusalCode::CertificateNotRegistered);
            return None;
        };
        find(signed_at >= registered.not_before, RefusalCode::CertificateNotYetValid);
        find(signed_at <= registered.not_after, RefusalCode::CertificateExpired);
        find(self.participant.is(registered.participant), RefusalCode::AgreementNotActive);
        Some(Signed {
            participant: registered.participant,
            certificate,
            key,
            verdict: self.check.outcome.verdict,
            trust: self.basis.trust,
            policy: self.basis.policy,
            evidence: self.basis.lists(),
            proven_at: self.check.proven_at,
        })
    }
}
